"""Workers that stacks are run on: processes where they can be forked, threads elsewhere.

Threads would do for the arithmetic, but a step of a narrow stack is some hundred short operations, and two threads
that hand the interpreter's lock to each other between them are hardly faster than one (measured: 1.1 to 1.4 times on
two cores). A forked process has all imports already and costs some ten milliseconds.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from mi_cli.context import Clock, Context
from mi_cli.procedures.base import Outcome, procedure
from mi_cli.sweep import Trial

__all__ = ["Done", "Workers", "work"]


@dataclass(frozen=True)
class Done:
    """What a stack came to: its outcomes, the seconds it took, and those by phase."""

    outcomes: list[Outcome]
    seconds: float
    phases: dict[str, float]


def work(trials: Sequence[Trial], context: Context) -> Done:
    """Run trials of one stack."""
    context.check()
    start, clock = time.perf_counter(), Clock()
    with threadpool_limits(1, user_api="blas"):
        own = Context(context.device, context.stop, clock, context.advance)
        outcomes = procedure(trials[0].config).run(trials, own)
    return Done(outcomes, time.perf_counter() - start, clock.seconds)


class Workers:
    """``n`` workers; ``steps`` counts the trial-steps they did, and ``stop`` has them end with their step."""

    def __init__(self, n: int, threads: int, device: torch.device) -> None:
        self.forks = n > 1 and device.type == "cpu" and sys.platform == "linux"
        if self.forks:
            fork = multiprocessing.get_context("fork")
            self.counter: Any = fork.Value("q", 0)
            stop: Any = fork.Event()
            self.context = Context(device, stop, advance=self._advance)
            self.pool: ProcessPoolExecutor | ThreadPoolExecutor = ProcessPoolExecutor(
                n, fork, initializer=_begin, initargs=(self.context,)
            )
        else:
            torch.set_num_threads(max(1, threads // n))
            self.counter = _Counter()
            self.context = Context(device, threading.Event(), advance=self._advance)
            self.pool = ThreadPoolExecutor(n, thread_name_prefix="stack")

    def submit(self, trials: Sequence[Trial]) -> Future[Done]:
        """Run a stack as soon as a worker is free."""
        if not self.forks:
            return self.pool.submit(work, trials, self.context)
        with warnings.catch_warnings():
            # Python warns of threads that a fork leaves behind. Those of the linear algebra libraries, the only ones
            # there are at the first call, which forks, know how to be forked.
            warnings.simplefilter("ignore", DeprecationWarning)
            return self.pool.submit(_work, trials)

    @property
    def steps(self) -> int:
        """Trial-steps done."""
        return int(self.counter.value)

    def stop(self) -> None:
        """Have all stacks end with the step they are at; do not wait for them."""
        self.context.stop.set()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for all workers to end."""
        self.pool.shutdown(wait=True)

    def _advance(self, steps: int) -> None:
        with self.counter.get_lock():
            self.counter.value += steps


class _Counter:
    """What ``multiprocessing.Value`` is between threads."""

    def __init__(self) -> None:
        self.value = 0
        self._lock = threading.Lock()

    def get_lock(self) -> threading.Lock:
        return self._lock


_context: Context | None = None


def _begin(context: Context) -> None:
    """In a new process: the parent alone answers to Ctrl-C, and no stack uses more than its core."""
    global _context
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _context = context


def _work(trials: Sequence[Trial]) -> Done:
    assert _context is not None  # noqa: S101 (set by the initializer)
    return work(trials, _context)
