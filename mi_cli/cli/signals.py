"""Handlers of signals, for as long as they are needed.

What a command does on Ctrl-C and SIGTERM is in :mod:`mi_cli.cli.invocation`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["replace_interrupt_handler", "signal_handlers"]


@contextmanager
def signal_handlers(handler: Any, *signals: int) -> Iterator[None]:
    """Handle signals with ``handler`` for a while, and as before afterwards. Outside the main thread, change nothing.

    Python lets only the main thread set handlers, and only that thread runs them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)  # None: not set by Python


def replace_interrupt_handler(current: Any, new: Any) -> None:
    """Handle SIGINT with ``new``, provided that its handler is ``current`` and this is the main thread."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == current:
        signal.signal(signal.SIGINT, new)
