"""The process that workers are forked from.

A process that has threads cannot be forked safely: whatever lock one of them holds at that moment stays locked in the
child. So workers are forked from a server that has all imports and has never started a thread.
"""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.context import ForkServerContext

__all__ = ["AVAILABLE", "context", "ready"]

AVAILABLE = sys.platform == "linux"

_IMPORTS = ["mi_cli.workers", "mi_cli.procedures.estimate", "mi_cli.procedures.maximise", "mi_cli.procedures.compare"]


def context() -> ForkServerContext:
    """What processes are made with; the first call starts the server, which imports on its own time.

    The server must not take a module of the folder it starts in for one of Python's, and Ctrl-C is for the parent
    alone: what it starts is born with SIGINT blocked.
    """
    found = get_context("forkserver")
    found.set_forkserver_preload(_IMPORTS)
    before = os.environ.get("PYTHONSAFEPATH")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        resource_tracker.ensure_running()  # by itself: it lets signals in again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return found


def ready() -> ForkServerContext:
    """The same, once the server can fork: an interruption while it still imports must not meet half-made workers."""
    found = context()
    first = found.Process(target=int)
    first.start()
    first.join()
    return found
