"""Heavy libraries, each imported when it is first used.

A config is validated by the classes of its estimator and dataset before anything is computed. So the modules that
define these classes import torch, SciPy and the like from here::

    from mi_cli.lazy import np, torch

``torch`` then stands for the library: ``torch.empty(2)`` imports it, if nobody has. ``bounds``, ``networks`` and
``training`` are packages of the same kind: ``bounds.nwj`` imports the module that defines it. Modules inside these
three import their libraries as usual. A lazy library cannot be a base class, a decorator or a default value, since
these are read when a module is imported.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = [
    "distance",
    "duckdb",
    "ensemble",
    "event_pb2",
    "fastexcel",
    "ipython_display",
    "linalg",
    "mixture",
    "mlflow",
    "mlflow_entities",
    "np",
    "optimize",
    "optuna",
    "optuna_journal",
    "pl",
    "record_writer",
    "sklearn_exceptions",
    "spatial",
    "special",
    "sqlalchemy",
    "summary_pb2",
    "threadpoolctl",
    "torch",
    "torch_tensorboard",
    "tree",
    "zuko",
]


class LazyModule(ModuleType):
    """Stands for the module ``name``, which is imported when an attribute of it is first asked for.

    Each attribute is kept, so that asking for it again costs what it costs with the module itself.
    """

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # inspect and doctest ask every object for it, also where the library is missing
            raise AttributeError(name)
        value = getattr(importlib.import_module(self.__name__), name)
        self.__dict__[name] = value
        return value


if TYPE_CHECKING:
    import duckdb
    import fastexcel
    import mlflow
    import numpy as np
    import optuna
    import polars as pl
    import sqlalchemy
    import threadpoolctl
    import torch
    import zuko
    from IPython import display as ipython_display
    from mlflow import entities as mlflow_entities
    from optuna.storages import journal as optuna_journal
    from scipy import linalg, optimize, spatial, special
    from scipy.spatial import distance
    from sklearn import ensemble, mixture, tree
    from sklearn import exceptions as sklearn_exceptions
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer import record_writer
    from torch.utils import tensorboard as torch_tensorboard
else:
    np = LazyModule("numpy")
    pl = LazyModule("polars")
    torch = LazyModule("torch")
    linalg = LazyModule("scipy.linalg")
    optimize = LazyModule("scipy.optimize")
    distance = LazyModule("scipy.spatial.distance")
    spatial = LazyModule("scipy.spatial")
    special = LazyModule("scipy.special")
    ensemble = LazyModule("sklearn.ensemble")
    mixture = LazyModule("sklearn.mixture")
    sklearn_exceptions = LazyModule("sklearn.exceptions")
    threadpoolctl = LazyModule("threadpoolctl")
    tree = LazyModule("sklearn.tree")

    # Libraries of extras, which may not be installed.
    optuna = LazyModule("optuna")
    optuna_journal = LazyModule("optuna.storages.journal")
    mlflow = LazyModule("mlflow")
    mlflow_entities = LazyModule("mlflow.entities")
    sqlalchemy = LazyModule("sqlalchemy")
    event_pb2 = LazyModule("tensorboard.compat.proto.event_pb2")
    summary_pb2 = LazyModule("tensorboard.compat.proto.summary_pb2")
    record_writer = LazyModule("tensorboard.summary.writer.record_writer")
    torch_tensorboard = LazyModule("torch.utils.tensorboard")
    duckdb = LazyModule("duckdb")
    fastexcel = LazyModule("fastexcel")
    ipython_display = LazyModule("IPython.display")  # only a notebook uses it
    zuko = LazyModule("zuko")
