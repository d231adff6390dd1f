"""The context of a procedure: the device, the request to stop, progress, and a clock for each phase."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from mi_cli.lazy import torch

if TYPE_CHECKING:
    from mi_cli.training.checkpoints import Checkpoints

__all__ = ["Clock", "Context", "Stop", "Stopped", "TooLong"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Stop(Protocol):
    """A request to stop, such as ``threading.Event``."""

    def set(self) -> None:
        """Make the request."""

    def is_set(self) -> bool:
        """Whether the request was made."""


class Stopped(Exception):  # noqa: N818 (it reports a request, not an error)
    """The run was asked to stop."""


class TooLong(Exception):  # noqa: N818 (it reports a limit, not an error)
    """The time limit of the trials has passed."""


@dataclass
class Clock:
    """Seconds spent in each phase, summed over threads."""

    seconds: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Add the time inside the ``with`` block to ``phase``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class Context:
    """What is shared by the steps of a stack.

    Attributes:
        device: where tensors are.
        stop: the request to stop.
        clock: seconds by phase.
        advance: ``advance(n)`` reports n more steps of one trial.
        watch: ``watch(lowest, highest)`` reports the ends of the current MI of the trials, in nats.
        deadline: the value of ``time.monotonic()`` from which on the trials have taken too long.
        checkpoints: checkpoints of the trainings, which begin in the same order every time.
        threads: threads of :meth:`map`.
        defers_p_values: whether estimators may leave p-values to be computed when they are read.
    """

    device: torch.device
    stop: Stop = field(default_factory=threading.Event)
    clock: Clock = field(default_factory=Clock)
    advance: Callable[[int], None] = lambda steps: None
    watch: Callable[[float, float], None] = lambda lowest, highest: None
    deadline: float = math.inf
    checkpoints: Checkpoints | None = None
    threads: int = 1
    defers_p_values: bool = False

    def check(self) -> None:
        """Raise if the stack must end.

        Raises:
            Stopped: the run was asked to stop.
            TooLong: the deadline has passed.
        """
        if self.stop.is_set():
            raise Stopped
        if time.monotonic() > self.deadline:
            raise TooLong

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results of a function for each item, in order, computed on several threads if the context has them."""
        if self.threads == 1:
            return [function(item) for item in items]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(function, items))
