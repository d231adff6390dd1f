"""Workers that run stacks: processes where these can be forked, threads elsewhere.

A step of a narrow stack is about a hundred short operations. Threads pass the interpreter's lock to each other between
them, and so gain little: on two cores, sixty trials of ``gaussian_sweep`` took .155 s per trial on one thread, .147 on
two threads and .080 on two processes.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mi_cli.execution import forkserver
from mi_cli.execution.checkpoint_folders import checkpoint_folder
from mi_cli.execution.logs import log_to
from mi_cli.lazy import threadpoolctl, torch
from mi_cli.procedures.base import WHOLE, Outcome, Part, procedure
from mi_cli.schema.sweep import Trial
from mi_cli.training.checkpoints import Checkpoints
from mi_cli.training.context import Clock, Context, Stop, Stopped, TooLong

__all__ = ["Flag", "StackResult", "Workers", "run_stack"]


@dataclass(frozen=True)
class StackResult:
    """The result of a stack, or of a part of it.

    Attributes:
        outcomes: of all trials; empty for a part.
        seconds: wall time, including that before an interruption.
        phases: seconds by phase.
        partial: for a part, what the procedure returned for each trial.
    """

    outcomes: list[Outcome]
    seconds: float
    phases: dict[str, float]
    partial: list[Any] = field(default_factory=list)


def run_stack(trials: Sequence[Trial], context: Context, part: Part = WHOLE, folder: Path | None = None) -> StackResult:
    """Run the trials of one stack, or a part of each.

    Args:
        trials: of equal signature.
        context: device, progress and the request to stop.
        part: the part of each trial.
        folder: of the run; long trainings write checkpoints there.

    Raises:
        Stopped: the run was asked to stop.
        TooLong: the time limit of the trials has passed. It is ``trial_timeout`` for each trial of the stack.
    """
    context.check()
    start, clock, limit = time.perf_counter(), Clock(), trials[0].config.trial_timeout
    deadline = math.inf if limit is None else time.monotonic() + limit * len(trials)
    checkpoints = None
    if folder is not None:
        checkpoints = Checkpoints(checkpoint_folder(folder, trials, part), trials[0].config.checkpoint_every)
    # A sharp critic's gradients are as small as exp(-90) on many rows, and processors take such numbers slowly.
    torch.set_flush_denormal(True)
    try:
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            stack_context = replace(context, clock=clock, deadline=deadline, checkpoints=checkpoints)
            stack_procedure = procedure(trials[0].config)
            outcomes = stack_procedure.run(trials, stack_context) if part == WHOLE else []
            partial = [] if part == WHOLE else stack_procedure.run_part(trials, stack_context, part)
        stack_context.check()  # once more, since some computations cannot be interrupted
    except (Stopped, TooLong):
        if checkpoints is not None:
            checkpoints.write({})
        raise
    finally:
        torch.set_flush_denormal(False)  # the thread may be the caller's own
    if checkpoints is not None and partial:  # a part is only recorded once all parts are there
        checkpoints.write({})
    earlier = 0.0 if checkpoints is None else checkpoints.before
    return StackResult(outcomes, earlier + time.perf_counter() - start, clock.seconds, partial)


class Flag:
    """A request to stop that processes share. It has no lock, which a process that is killed could leave locked."""

    def __init__(self) -> None:
        self._value = multiprocessing.RawValue("b", 0)

    def set(self) -> None:
        """Make the request."""
        self._value.value = 1

    def is_set(self) -> bool:
        """Whether the request was made."""
        return bool(self._value.value)


class Workers:
    """Workers that run stacks side by side.

    Args:
        n: the number of workers.
        stacks: the number of stacks.
        threads: the number of cores that they use together.
        device: the device to train on.
        folder: of the run, for the log of processes and for checkpoints.
        isolated: whether a single worker is a process as well, whose death ends nothing else. Otherwise it is a thread.
    """

    def __init__(
        self,
        n: int,
        stacks: int,
        threads: int,
        device: str,
        folder: Path | None = None,
        *,
        isolated: bool = False,
    ) -> None:
        self.device, self.stop_flag, self.folder = device, Flag(), folder
        # The steps of each stack, written by the worker that runs it. Stacks that are split later share the places.
        self.steps_of = multiprocessing.RawArray("q", stacks)
        # The lowest and the highest current MI of each stack, in nats; NaN unless it trains critics now.
        self.current = multiprocessing.RawArray("d", [math.nan] * (2 * stacks))
        self.submitted = 0
        self.pool: ProcessPoolExecutor | ThreadPoolExecutor
        self.forks = (n > 1 or isolated) and device == "cpu" and forkserver.AVAILABLE
        if self.forks:
            shared = (self.stop_flag, self.steps_of, self.current, folder)
            self.pool = ProcessPoolExecutor(n, forkserver.ready_context(), initializer=_begin, initargs=shared)
        else:
            self.pool = ThreadPoolExecutor(n, "stack", initializer=_set_threads, initargs=(max(1, threads // n),))

    def submit(self, trials: Sequence[Trial], part: Part = WHOLE) -> Future[StackResult]:
        """Have a stack, or a part of it, run as soon as a worker is free."""
        self.submitted += 1
        slot = (self.submitted - 1) % len(self.steps_of)
        with forkserver.without_main():  # a pool starts a process when one is needed
            return self.pool.submit(_work if self.forks else self._work, trials, part, slot)

    @property
    def steps(self) -> int:
        """The number of steps that are done, over all trials."""
        return sum(self.steps_of)

    def stop(self) -> None:
        """Ask all stacks to end after the current step, without waiting for them."""
        self.stop_flag.set()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for all workers to end."""
        self.pool.shutdown(wait=True)

    def _work(self, trials: Sequence[Trial], part: Part, stack: int) -> StackResult:
        context = Context(torch.device(self.device), self.stop_flag)
        with _watched(context, self.steps_of, self.current, stack) as watched:
            return run_stack(trials, watched, part, self.folder)


def _set_threads(n: int) -> None:
    """Set up a new thread of this process."""
    torch.set_num_threads(n)


_shared: tuple[Context, Any, Any, Path | None]


def _begin(stop: Stop, steps_of: Any, current: Any, folder: Path | None) -> None:
    """Set up a new process: each uses a single core."""
    global _shared
    if folder is not None:
        log_to(folder / "run.log")
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _shared = Context(torch.device("cpu"), stop), steps_of, current, folder


def _end_with_parent() -> None:
    """End this process when its parent ends. A parent that is killed cannot end it, and it would wait forever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _work(trials: Sequence[Trial], part: Part, stack: int) -> StackResult:
    context, steps_of, current, folder = _shared
    with _watched(context, steps_of, current, stack) as watched:
        return run_stack(trials, watched, part, folder)


@contextmanager
def _watched(context: Context, steps_of: Any, current: Any, stack: int) -> Iterator[Context]:
    """A context that adds its steps to those of a stack, and keeps the current MI of its trials in view."""

    def advance(steps: int) -> None:
        steps_of[stack] += steps

    def watch(lowest: float, highest: float) -> None:
        current[2 * stack : 2 * stack + 2] = [lowest, highest]

    try:
        yield Context(context.device, context.stop, advance=advance, watch=watch)
    finally:
        watch(math.nan, math.nan)
