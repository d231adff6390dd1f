"""Heavy libraries, each imported when it is first used.

A config is validated by the classes of its estimator and dataset before anything is computed. So the modules that
define these classes import torch, SciPy and the like from here::

    from mi_cli.lazy import np, torch

``torch`` then stands for the library: ``torch.empty(2)`` imports it, if nobody has. Modules of ``bounds``, ``networks``
and ``training`` import their libraries as usual. A lazy library cannot be a base class, a decorator or a default value,
since these are read when a module is imported.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["linalg", "mixture", "np", "optimize", "pl", "sklearn_exceptions", "spatial", "special", "torch"]


class LazyModule(ModuleType):
    """Stands for the module ``name``, which is imported when an attribute of it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import torch
    from scipy import linalg, optimize, spatial, special
    from sklearn import exceptions as sklearn_exceptions
    from sklearn import mixture
else:
    np = LazyModule("numpy")
    pl = LazyModule("polars")
    torch = LazyModule("torch")
    linalg = LazyModule("scipy.linalg")
    optimize = LazyModule("scipy.optimize")
    spatial = LazyModule("scipy.spatial")
    special = LazyModule("scipy.special")
    mixture = LazyModule("sklearn.mixture")
    sklearn_exceptions = LazyModule("sklearn.exceptions")
