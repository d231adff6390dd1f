"""Hands stacks to workers and records their results; what fails is run again in smaller stacks."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mi_cli.execution.checkpoint_folders import checkpoint_folder
from mi_cli.execution.progress import RunProgress
from mi_cli.execution.progress_display import Standing, display, lowest_and_highest
from mi_cli.execution.stacks import Stack, split_stacks, stacks
from mi_cli.execution.workers import StackResult, Workers
from mi_cli.lazy import torch
from mi_cli.procedures.base import WHOLE
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Clock, TooLong

__all__ = ["train"]

log = logging.getLogger("mi_cli")

_POLL_SECONDS = 0.1
_STOP_SECONDS = 3.0  # how long an interrupted run waits for its workers to write checkpoints


def train(
    progress: RunProgress,
    trials: Sequence[Trial],
    device: str,
    n_threads: int,
    clock: Clock,
    console: Console,
    prepare: Callable[[Config], None],
) -> None:
    """Run those of the trials that have no rows yet.

    A stack that raises is run again in smaller ones, so that other trials are not lost: in halves where memory ran out,
    otherwise one training at a time. A worker that dies ends the other workers, too; from then on one stack is run at a
    time, so that it is clear which one a worker dies of.

    Args:
        progress: the run, to which results are added.
        trials: all trials of the run, or of a batch of a search.
        device: the device to train on.
        n_threads: the number of cores to use.
        clock: is set to the wall time of each phase.
        console: for messages and progress.
        prepare: imports what plots need, in a thread beside the training.

    Raises:
        OutputError: results cannot be written.
    """
    remaining = split_stacks(_remaining(progress, trials, n_threads), n_threads)
    start = time.perf_counter()
    importing = threading.Thread(target=prepare, args=[progress.config], daemon=True)
    importing.start()
    _announce_checkpoints(progress.folder, remaining, console)
    scheduler = _Scheduler(progress, remaining, n_threads, device)
    try:
        with display(progress.config.progress, console) as shown:
            while scheduler.busy:
                scheduler.advance()
                shown.show(scheduler.standing())
        scheduler.workers.close()
        importing.join()
    except BaseException:  # an interruption, too: workers must not train on
        scheduler.stop()
        raise
    finally:
        progress.seconds += time.perf_counter() - start
        clock.seconds = _share(progress.phases, progress.seconds)


def _announce_checkpoints(folder: Path, remaining: Sequence[Stack], console: Console) -> None:
    """Say how many stacks go on from checkpoints, if any."""
    if n_checkpoints := sum(checkpoint_folder(folder, stack.trials, stack.part).exists() for stack in remaining):
        line = f"{n_checkpoints} of {len(remaining)} stacks of trials go on from checkpoints"
        log.info(line)
        console.print(f"mi-run: {line}", highlight=False, markup=False, soft_wrap=True)


def _remaining(progress: RunProgress, trials: Sequence[Trial], n_threads: int) -> list[Stack]:
    """The stacks of all trials, without the units that are recorded.

    Stacks are made of all trials, so that those that remain give the same numbers as in a run from the beginning.
    """
    remaining = []
    for stack in stacks(list(trials), n_threads):
        units = [unit for unit in stack.units if any(trial.index not in progress.rows for trial in unit)]
        remaining += [Stack(units)] if units else []
    return remaining


class _Scheduler:
    """Workers, the stacks that wait for one, and the stacks that are being run."""

    def __init__(self, progress: RunProgress, remaining: Sequence[Stack], n_threads: int, device: str) -> None:
        self.progress, self.n_threads, self.device = progress, n_threads, device
        self.waiting = deque(remaining)
        self.total = sum(stack.steps for stack in remaining)
        self.pending: dict[Future[StackResult], Stack] = {}
        self.one_by_one = False
        self.steps_before = 0  # of workers that were replaced
        self.workers = self._workers(max(1, min(n_threads, len(remaining))))

    def _workers(self, n: int) -> Workers:
        return Workers(
            n,
            max(1, len(self.waiting)),
            self.n_threads,
            self.device,
            self.progress.folder,
            isolated=self.one_by_one,
        )

    @property
    def busy(self) -> bool:
        """Whether a stack is waiting or being run."""
        return bool(self.waiting or self.pending)

    def standing(self) -> Standing:
        """How far the training is."""
        progress = self.progress
        return Standing(
            steps=self.steps_before + self.workers.steps,
            total=self.total,
            finished=len(progress.rows),
            trials=len(progress.trials),
            current=lowest_and_highest(self.workers.current),
            units=progress.config.units,
        )

    def advance(self) -> None:
        """Submit waiting stacks, wait a moment, and record the results of stacks that are done."""
        while self.waiting and not (self.one_by_one and self.pending):
            stack = self.waiting.popleft()
            self.pending[self.workers.submit(stack.trials, stack.part)] = stack
        finished, _ = wait(self.pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        dead = [future for future in finished if isinstance(future.exception(), BrokenExecutor)]
        for future in finished.difference(dead):
            self._record(future, self.pending.pop(future))
        if dead:
            self._replace_workers(next(error for future in dead if (error := future.exception())))

    def stop(self) -> None:
        """Ask the workers to stop, and wait a moment until they have."""
        self.workers.stop()
        begun = [future for future in self.pending if not future.cancel()]  # a cancelled one would be waited for
        wait(begun, timeout=_STOP_SECONDS)

    def _record(self, future: Future[StackResult], stack: Stack) -> None:
        error, progress = future.exception(), self.progress
        if stack.trials[0].index in progress.rows:  # another part failed, and the stack has been run whole
            return
        if error is None:
            if stack.part == WHOLE:
                progress.record(future.result())
            else:
                progress.record_part(future.result(), stack)
            if stack.trials[0].index in progress.rows:
                progress.remove_checkpoints(stack)
        elif not isinstance(error, Exception):
            raise error
        else:
            self._run_smaller(stack, error)

    def _run_smaller(self, stack: Stack, error: Exception) -> None:
        """Run a stack that raised in smaller ones; a single unit that raised has failed."""
        # A unit that took too long keeps its checkpoints, from which a run with more time goes on.
        if not (isinstance(error, TooLong) and len(stack.units) == 1):
            self.progress.remove_checkpoints(stack)
        if stack.part != WHOLE:
            log.warning("a part of a trial raised %r; it is run whole", error)
            whole = replace(stack, part=WHOLE)
            if whole not in self.waiting and whole not in self.pending.values():
                self.waiting.append(whole)
        elif len(stack.units) == 1:
            self.progress.record_failure(stack.trials, error, self._reason(stack, error))
        elif _out_of_memory(error):
            log.warning("a stack of %d trials ran out of memory; it is run in halves", len(stack.trials))
            half = len(stack.units) // 2
            self.waiting.extendleft([Stack(stack.units[half:]), Stack(stack.units[:half])])
        else:
            log.warning("a stack of %d trials raised %r; they are run one by one", len(stack.trials), error)
            self.waiting.extendleft(Stack([unit]) for unit in reversed(stack.units))

    def _reason(self, stack: Stack, error: Exception) -> str:
        if isinstance(error, TooLong):
            return f"took longer than trial_timeout={stack.trials[0].config.trial_timeout:g} seconds"
        if isinstance(error, BrokenExecutor):
            return "the process it ran in was killed, as happens where memory runs out"
        return ""

    def _replace_workers(self, error: BaseException) -> None:
        """Start a new worker in place of those that died, and run their stacks again, one by one."""
        stacks_lost = list(self.pending.values())
        self.pending.clear()
        self.workers.stop()
        self.steps_before += self.workers.steps
        log.warning("a worker died (%r); stacks are run one by one", error)
        if self.one_by_one and isinstance(error, Exception):
            for stack in stacks_lost:  # there is one only
                self._run_smaller(stack, error)
        else:
            self.one_by_one = True
            self.waiting.extendleft(reversed(stacks_lost))
        self.workers = self._workers(1)


def _out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out. On the CPU, torch raises a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def _share(busy: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Wall time by phase: the seconds of the run, shared in proportion to what all workers spent in each phase."""
    total = sum(busy.values())
    return {phase: seconds * value / total for phase, value in busy.items()} if total else {}
