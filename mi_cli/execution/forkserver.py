"""The process that workers are forked from.

A process with threads cannot be forked safely, since a lock that a thread holds at that moment stays locked in the
child. Workers are therefore forked from a server that has all imports and no threads.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, util
from types import ModuleType
from typing import TYPE_CHECKING

from mi_cli import procedures
from mi_cli.files import PACKAGE
from mi_cli.registry.builtin import PROCEDURES

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

__all__ = ["AVAILABLE", "context", "discard", "end", "ready_context", "without_main"]

AVAILABLE = sys.platform == "linux"

# Each worker imports these when it needs them: scikit-learn takes a second, and few experiments use it.
_ON_DEMAND = {"probes"}

# What runs trials: the procedures, and the modules and libraries that they import when they run.
_IMPORTS = [
    "torch",
    "scipy.special",
    "mi_cli.execution.workers",
    "mi_cli.training.critic_fit",
    "mi_cli.networks.passes",
    "mi_cli.networks.pairs",
    *(path.partition(":")[0] for path in PROCEDURES.values()),
    *(f"{procedures.__name__}.{module}" for module in dir(procedures) if module not in _ON_DEMAND),
]

_ENVIRONMENT = {"PYTHONSAFEPATH": "1", "OPENBLAS_NUM_THREADS": "1"}
_PACKAGES = str(PACKAGE.parent)


def context() -> ForkServerContext:
    """The context that makes processes. The first call starts the server, which then imports beside this process.

    The server does not import modules from the folder that it starts in, and it starts none of the threads of NumPy's
    and SciPy's linear algebra. SIGINT (Ctrl-C) is blocked in it and in the workers: only the parent answers to it.
    """
    from multiprocessing import forkserver, resource_tracker  # they cannot be imported on every system

    forks = get_context("forkserver")
    forks.set_forkserver_preload(_IMPORTS)
    environment = dict(_ENVIRONMENT)
    if sys.path[0] == _PACKAGES:  # python -m mi_cli in a checkout, which may not be the package that is installed
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [_PACKAGES, os.environ.get("PYTHONPATH")]))
    before = {key: os.environ.get(key) for key in environment}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    os.environ.update(environment)
    try:
        resource_tracker.ensure_running()  # before signals are blocked, since it unblocks them
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        forkserver.ensure_running()
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return forks


def ready_context() -> ForkServerContext:
    """The context, once the server has forked a process, so that an interruption cannot leave workers half-made."""
    forks = context()
    first = forks.Process(target=int)
    with without_main():
        first.start()
    first.join()
    return forks


@contextmanager
def without_main() -> Iterator[None]:
    """Have processes that start inside a ``with`` block not import the script that this process runs.

    They need nothing of it, and a script that calls ``mi_cli.run`` would start a run in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def end() -> None:
    """End the server, if there is one, in a process that will not use it."""
    from multiprocessing import forkserver  # as above

    server = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if server is not None:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.kill(server, signal.SIGKILL)


def discard() -> None:
    """End the server and remove the folder of its socket, in a process that ends without Python's own cleaning up."""
    end()
    shutil.rmtree(util.get_temp_dir(), ignore_errors=True)
