"""The process that workers are forked from.

A process that has threads cannot be forked safely: whatever lock one of them holds at that moment stays locked in the
child. So workers are forked from a server that has all imports and has never started a thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from multiprocessing import get_context
from typing import TYPE_CHECKING

from mi_cli import procedures
from mi_cli.files import PACKAGE
from mi_cli.registry.builtin import PROCEDURES

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

__all__ = ["AVAILABLE", "context", "discard", "end", "ready"]

AVAILABLE = sys.platform == "linux"

# What runs trials: the procedures, and the modules that they import when they run.
_IMPORTS = [
    "mi_cli.runs.workers",
    *(path.partition(":")[0] for path in PROCEDURES.values()),
    *(f"{procedures.__name__}.{module}" for module in dir(procedures)),
]

_ENVIRONMENT = {"PYTHONSAFEPATH": "1", "OPENBLAS_NUM_THREADS": "1"}
_PACKAGES = str(PACKAGE.parent)


def context() -> ForkServerContext:
    """What processes are made with; the first call starts the server, which imports on its own time.

    The server must not take a module of the folder it starts in for one of Python's, nor have the threads that NumPy's
    and SciPy's linear algebra start when imported. Ctrl-C is for the parent alone: what it starts is born with SIGINT
    blocked.
    """
    from multiprocessing import forkserver, resource_tracker  # not to be had on every system

    found = get_context("forkserver")
    found.set_forkserver_preload(_IMPORTS)
    environment = dict(_ENVIRONMENT)
    if sys.path[0] == _PACKAGES:  # as by ``python -m mi_cli`` in a checkout, which need not be the one installed
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [_PACKAGES, os.environ.get("PYTHONPATH")]))
    before = {key: os.environ.get(key) for key in environment}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    os.environ.update(environment)
    try:
        resource_tracker.ensure_running()  # by itself: it lets signals in again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        forkserver.ensure_running()
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return found


def ready() -> ForkServerContext:
    """The same, once the server can fork: an interruption while it still imports must not meet half-made workers."""
    found = context()
    first = found.Process(target=int)
    first.start()
    first.join()
    return found


def end() -> None:
    """End the server, if there is one, for a process that will not use it."""
    from multiprocessing import forkserver

    server = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if server is not None:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.kill(server, signal.SIGKILL)


def discard() -> None:
    """The same for a process that ends without the cleaning up of Python's exit: the socket's folder goes, too."""
    from multiprocessing import util

    end()
    shutil.rmtree(util.get_temp_dir(), ignore_errors=True)
