"""Giving stacks to workers, and keeping what comes back, whatever goes wrong on the way."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mi_cli.procedures.base import WHOLE
from mi_cli.runs.checkpoint_folders import place
from mi_cli.runs.progress import Progressing
from mi_cli.runs.stacks import Stack, split, stacks
from mi_cli.runs.workers import Done, Workers
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Clock, TooLong

__all__ = ["train"]

log = logging.getLogger("mi_cli")

_POLL_SECONDS = 0.1
_LEAVE_SECONDS = 3.0  # how long an interrupted run waits for its workers to notice, and to write checkpoints


def train(
    state: Progressing,
    trials: Sequence[Trial],
    target: torch.device,
    n_threads: int,
    clock: Clock,
    console: Console,
    prepare: Callable[[Config], None],
) -> None:
    """Run those of the trials that have no rows yet.

    A stack that raises is run in smaller ones, so that a fault costs no other trial: halves where memory ran out,
    single trainings otherwise. A worker that dies takes down what others are at, too; from then on one stack is run at
    a time, so that it is known whose fault the next death is.
    """
    found = split(_left(state, trials, n_threads), n_threads)
    start = time.perf_counter()
    importing = threading.Thread(target=prepare, args=[state.config], daemon=True)
    importing.start()
    _tell_of_checkpoints(state.folder, found, console)
    crew = _Crew(state, found, n_threads, target)
    try:
        with _progress(console) as progress:
            task = progress.add_task("", total=sum(stack.steps for stack in found))
            while crew.busy:
                crew.go_on()
                progress.update(task, completed=crew.steps)
        crew.workers.close()
        importing.join()
    except BaseException:  # whatever it is, training on would be in vain
        crew.leave()
        raise
    finally:
        state.seconds += time.perf_counter() - start
        clock.seconds = _share(state.phases, state.seconds)


def _tell_of_checkpoints(folder: Path, found: Sequence[Stack], console: Console) -> None:
    if known := sum(place(folder, stack.trials, stack.part).exists() for stack in found):
        line = f"{known} of {len(found)} stacks of trials go on from checkpoints"
        log.info(line)
        console.print(f"mi-run: {line}", highlight=False, markup=False, soft_wrap=True)


def _left(state: Progressing, trials: Sequence[Trial], n_threads: int) -> list[Stack]:
    """Stacks as if nothing was recorded, so that the rest of them gives the same numbers, less what is."""
    found = []
    for stack in stacks(list(trials), n_threads):
        units = [unit for unit in stack.units if any(trial.index not in state.rows for trial in unit)]
        found += [Stack(units)] if units else []
    return found


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class _Crew:
    """Workers, the stacks that wait for them, and those that they are at."""

    def __init__(self, state: Progressing, found: Sequence[Stack], n_threads: int, target: torch.device) -> None:
        self.state, self.n_threads, self.target = state, n_threads, target
        self.waiting = deque(found)
        self.pending: dict[Future[Done], Stack] = {}
        self.one_by_one = False
        self.before = 0  # steps of workers that are gone
        self.workers = self._workers(max(1, min(n_threads, len(found))))

    def _workers(self, n: int) -> Workers:
        return Workers(
            n,
            max(1, len(self.waiting)),
            self.n_threads,
            self.target,
            self.state.folder,
            isolated=self.one_by_one,
        )

    @property
    def busy(self) -> bool:
        """Whether there is something left to do."""
        return bool(self.waiting or self.pending)

    @property
    def steps(self) -> int:
        """Steps done."""
        return self.before + self.workers.steps

    def go_on(self) -> None:
        """Hand out what there is room for, wait a moment, and keep what came back."""
        while self.waiting and not (self.one_by_one and self.pending):
            stack = self.waiting.popleft()
            self.pending[self.workers.submit(stack.trials, stack.part)] = stack
        finished, _ = wait(self.pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        dead = [future for future in finished if isinstance(future.exception(), BrokenExecutor)]
        for future in finished.difference(dead):
            self._settle(future, self.pending.pop(future))
        if dead:
            self._replace_workers(next(error for future in dead if (error := future.exception())))

    def leave(self) -> None:
        """Have the workers stop; wait a moment for them."""
        self.workers.stop()
        wait(self.pending, timeout=_LEAVE_SECONDS)

    def _settle(self, future: Future[Done], stack: Stack) -> None:
        error, state = future.exception(), self.state
        if stack.trials[0].index in state.rows:  # by the whole of what this is another part of
            return
        if error is None:
            if stack.part == WHOLE:
                state.take(future.result())
            else:
                state.take_part(future.result(), stack)
            if stack.trials[0].index in state.rows:
                state.forget(stack)
        elif not isinstance(error, Exception):
            raise error
        else:
            self._run_smaller(stack, error)

    def _run_smaller(self, stack: Stack, error: Exception) -> None:
        """Run a stack that raised in smaller ones; what is as small as can be has failed."""
        if not (isinstance(error, TooLong) and len(stack.units) == 1):  # with more time, that goes on
            self.state.forget(stack)
        if stack.part != WHOLE:
            log.warning("a part of a trial raised %r; it is run whole", error)
            whole = replace(stack, part=WHOLE)
            if whole not in self.waiting and whole not in self.pending.values():
                self.waiting.append(whole)
        elif len(stack.units) == 1:
            self.state.fail(stack.trials, error, self._reason(stack, error))
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
            return "the process it ran in was killed, as it is where memory runs out"
        return ""

    def _replace_workers(self, error: BaseException) -> None:
        """Have other workers run what those that died were at."""
        lost = list(self.pending.values())
        self.pending.clear()
        self.workers.stop()
        self.before += self.workers.steps
        log.warning("a worker died (%r); stacks are run one by one", error)
        if self.one_by_one and isinstance(error, Exception):
            for stack in lost:  # the only one
                self._run_smaller(stack, error)
        else:
            self.one_by_one = True
            self.waiting.extendleft(reversed(lost))
        self.workers = self._workers(1)


def _out_of_memory(error: BaseException) -> bool:
    """Whether it says so; torch's allocator of the CPU raises a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def _share(busy: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Seconds of wall time by phase: threads work side by side, so each phase gets its share of the time they took."""
    total = sum(busy.values())
    return {phase: seconds * value / total for phase, value in busy.items()} if total else {}
