"""Workers that stacks are run on: processes where they can be forked, threads elsewhere.

Threads would do for the arithmetic, but a step of a narrow stack is some hundred short operations, and threads that
hand the interpreter's lock to each other between them gain little: on two cores, sixty trials of ``gaussian_sweep``
took .155 s a trial on one thread, .147 on two, .080 on two processes.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from mi_cli.procedures.base import WHOLE, Outcome, Part, procedure
from mi_cli.runs import forkserver
from mi_cli.runs.checkpoint_folders import place
from mi_cli.runs.logs import log_to
from mi_cli.schema.sweep import Trial
from mi_cli.training.checkpoints import Checkpoints
from mi_cli.training.context import Clock, Context, Stop, Stopped, TooLong

__all__ = ["Done", "Flag", "Workers", "work"]


@dataclass(frozen=True)
class Done:
    """What a stack came to: its outcomes (or what a part of it makes of them), its seconds, and those by phase."""

    outcomes: list[Outcome]
    seconds: float
    phases: dict[str, float]
    partial: list[Any] = field(default_factory=list)


def work(trials: Sequence[Trial], context: Context, part: Part = WHOLE, folder: Path | None = None) -> Done:
    """Run trials of one stack, or a part of each; long trainings have checkpoints in a run's ``folder``."""
    context.check()
    start, clock, limit = time.perf_counter(), Clock(), trials[0].config.trial_timeout
    deadline = math.inf if limit is None else time.monotonic() + limit * len(trials)
    kept = None
    if folder is not None:
        kept = Checkpoints(place(folder, trials, part), trials[0].config.checkpoint_every)
    # A sharp critic's gradients are as small as exp(-90) on many rows, and processors take such numbers slowly.
    torch.set_flush_denormal(True)
    try:
        with threadpool_limits(1, user_api="blas"):
            own = Context(context.device, context.stop, clock, context.advance, deadline, kept)
            runs = procedure(trials[0].config)
            outcomes = runs.run(trials, own) if part == WHOLE else []
            partial = [] if part == WHOLE else runs.run_part(trials, own, part)
        own.check()  # of what cannot be interrupted
    except (Stopped, TooLong):
        if kept is not None:
            kept.write({})
        raise
    finally:
        torch.set_flush_denormal(False)  # the thread may be somebody's own
    if kept is not None and partial:  # which is recorded with the other parts only
        kept.write({})
    earlier = 0.0 if kept is None else kept.before
    return Done(outcomes, earlier + time.perf_counter() - start, clock.seconds, partial)


class Flag:
    """A request to stop that processes share without a lock, which one that is killed could take with it."""

    def __init__(self) -> None:
        self._value = multiprocessing.RawValue("b", 0)

    def set(self) -> None:
        """Make the request."""
        self._value.value = 1

    def is_set(self) -> bool:
        """Whether it was made."""
        return bool(self._value.value)


class Workers:
    """``n`` workers for so many ``stacks``; ``steps`` counts what they did, ``stop`` has them end with their step.

    If there is a run's ``folder``, what processes have to say goes to its log, and checkpoints go to it. A single
    worker is a thread, unless it is to be ``isolated``: a process whose death ends nothing else.
    """

    def __init__(
        self,
        n: int,
        stacks: int,
        threads: int,
        device: torch.device,
        folder: Path | None = None,
        *,
        isolated: bool = False,
    ) -> None:
        self.context, self.folder = Context(device, Flag()), folder
        # Each is written to by the one worker that has the stack; those that a stack is cut into later share them.
        self.steps_of = multiprocessing.RawArray("q", stacks)
        self.submitted = 0
        self.pool: ProcessPoolExecutor | ThreadPoolExecutor
        self.forks = (n > 1 or isolated) and device.type == "cpu" and forkserver.AVAILABLE
        if self.forks:
            shared = (self.context.stop, self.steps_of, folder)
            self.pool = ProcessPoolExecutor(n, forkserver.ready(), initializer=_begin, initargs=shared)
        else:
            self.pool = ThreadPoolExecutor(
                n, "stack", initializer=torch.set_num_threads, initargs=(max(1, threads // n),)
            )

    def submit(self, trials: Sequence[Trial], part: Part = WHOLE) -> Future[Done]:
        """Run a stack, or a part of it, as soon as a worker is free."""
        self.submitted += 1
        slot = (self.submitted - 1) % len(self.steps_of)
        return self.pool.submit(_work if self.forks else self._work, trials, part, slot)

    @property
    def steps(self) -> int:
        """Trial-steps done."""
        return sum(self.steps_of)

    def stop(self) -> None:
        """Have all stacks end with the step they are at; do not wait for them."""
        self.context.stop.set()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for all workers to end."""
        self.pool.shutdown(wait=True)

    def _work(self, trials: Sequence[Trial], part: Part, stack: int) -> Done:
        return work(trials, _counted(self.context, self.steps_of, stack), part, self.folder)


_shared: tuple[Context, Any, Path | None]


def _begin(stop: Stop, steps_of: Any, folder: Path | None) -> None:
    """In a new process: no stack uses more than its core."""
    global _shared
    if folder is not None:
        log_to(folder / "run.log")
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _shared = Context(torch.device("cpu"), stop), steps_of, folder


def _end_with_parent() -> None:
    """A parent that is killed cannot end its processes, which would train on for nobody and then wait forever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _work(trials: Sequence[Trial], part: Part, stack: int) -> Done:
    context, steps_of, folder = _shared
    return work(trials, _counted(context, steps_of, stack), part, folder)


def _counted(context: Context, steps_of: Any, stack: int) -> Context:
    """A context whose steps count for a stack."""

    def advance(steps: int) -> None:
        steps_of[stack] += steps

    return Context(context.device, context.stop, advance=advance)
