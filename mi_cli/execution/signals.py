"""Signals that wait until a piece of work is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["held_signals"]


@contextmanager
def held_signals() -> Iterator[None]:
    """Handle SIGINT and SIGTERM at the end of a ``with`` block, by the handlers that were set before it.

    A handler that raises would otherwise do so inside the block. Polars, which is written in Rust, cannot pass on an
    exception that is raised in Python code that it calls: it panics, and the interruption is lost. Outside the main
    thread, where no handler runs, this changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    received: list[tuple[int, FrameType | None]] = []
    try:
        for held in (signal.SIGINT, signal.SIGTERM):
            if callable(handler := signal.getsignal(held)):
                before[held] = handler
                signal.signal(held, lambda number, frame: received.append((number, frame)))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in received:
            before[number](number, frame)
