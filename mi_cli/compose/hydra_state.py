"""Hydra keeps its state in global variables. Here it gets a state of our own, and the caller's is put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hydra import version
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime, setup_globals
from hydra.version import VersionBase
from omegaconf.basecontainer import BaseContainer

__all__ = ["JOB_NAME", "is_own_hydra", "own_hydra"]

JOB_NAME = "mi-run"

_STATE = (GlobalHydra, HydraConfig, JobRuntime, VersionBase)  # what an application of Hydra sets for itself

_is_own: ContextVar[bool] = ContextVar("is_own", default=False)


@contextmanager
def own_hydra() -> Iterator[None]:
    """Give Hydra a new state for a while, whoever uses Hydra outside.

    The caller may be an application of Hydra, or a notebook that has initialised it. Its loader, job, version base and
    resolvers are neither read nor changed.
    """
    instances, resolvers = Singleton._instances, BaseContainer._resolvers
    Singleton._instances = {key: value for key, value in instances.items() if key not in _STATE}
    BaseContainer._resolvers = dict(resolvers)
    token = _is_own.set(True)
    try:
        version.setbase("1.3")
        setup_globals()
        JobRuntime.instance().set("name", JOB_NAME)
        yield
    finally:
        _is_own.reset(token)
        BaseContainer._resolvers = resolvers
        # Plugins that were scanned in the meantime stay known.
        kept = {key: value for key, value in Singleton._instances.items() if key not in _STATE}
        Singleton._instances = kept | {key: value for key, value in instances.items() if key in _STATE}


def is_own_hydra() -> bool:
    """Whether Hydra's state is ours: whatever Hydra loads now, it loads for mi-run."""
    return _is_own.get()
