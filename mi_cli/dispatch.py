"""Giving stacks to workers, and keeping what comes back, whatever goes wrong on the way."""

from __future__ import annotations

import importlib
import logging
import math
import shutil
import textwrap
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mi_cli import records
from mi_cli.checkpoints import FOLDER as CHECKPOINTS
from mi_cli.checkpoints import forget, place
from mi_cli.context import Clock, TooLong
from mi_cli.jobs import Stack, split, stacks
from mi_cli.journal import Entry, Journal
from mi_cli.output import OutputError
from mi_cli.procedures import estimate
from mi_cli.procedures.base import WHOLE, Partial
from mi_cli.schema import Config
from mi_cli.sweep import Trial
from mi_cli.workers import Done, Workers

__all__ = ["Progressing", "train"]

log = logging.getLogger("mi_cli")

_POLL_SECONDS = 0.1
_LEAVE_SECONDS = 3.0  # how long an interrupted run waits for its workers to notice, and to write checkpoints
_LONGEST_REASON = 200  # characters of a failed trial's; the log has all of it
_REFRESH_SECONDS = 2.0  # at least, between two times that all results are written
_REFRESH_SHARE = 20  # and so many times as long as that takes


@dataclass
class Progressing:
    """The state of a run: what came back so far, and where it is kept."""

    folder: Path
    trials: list[Trial]
    axes: list[str]
    rows: dict[int, list[records.Row]] = field(default_factory=dict)
    histories: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    samples: dict[int, Any] = field(default_factory=dict)
    phases: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0  # of training, on the wall
    parts: dict[int, list[Done]] = field(default_factory=dict)  # of a stack in parts, by its first trial
    kept: int = 0  # trials that are on disk
    _written: float = -math.inf
    _cost: float = 0.0

    @property
    def config(self) -> Config:
        """What all trials have in common (and the first one's values of the axes)."""
        return self.trials[0].config

    @property
    def all_rows(self) -> list[records.Row]:
        """Result rows of all finished trials, in order."""
        return [row for index in sorted(self.rows) for row in self.rows[index]]

    @cached_property
    def first_seed(self) -> int:
        """The one whose rows are shown."""
        return min(trial.config.seed for trial in self.trials)

    @cached_property
    def _journal(self) -> Journal:
        return Journal(self.folder)

    def shows_samples(self, trial: Trial) -> bool:
        """Whether a plot wants some of the trial's rows."""
        return trial.config.seed == self.first_seed and "gaussian_samples" in trial.config.plots

    def restore(self, trial: Trial, entry: Entry) -> None:
        """Take what an earlier run recorded of a trial."""
        self.rows[trial.index] = records.recorded_rows(trial, entry.rows)
        self.histories[trial.index] = entry.history
        if entry.samples is not None and self.shows_samples(trial):
            self.samples[trial.index] = entry.samples

    def take(self, done: Done) -> None:
        """Record outcomes of a stack; a trial's seconds are its share of the stack's."""
        self.phases.update(done.phases)
        for outcome in done.outcomes:
            trial = outcome.trial
            self.rows[trial.index] = records.result_rows(outcome, done.seconds / len(done.outcomes))
            self.histories[trial.index] = outcome.history
            if outcome.samples is not None and self.shows_samples(trial):
                self.samples[trial.index] = outcome.samples
        self._keep([outcome.trial for outcome in done.outcomes])

    def forget(self, stack: Stack) -> None:
        """Take the checkpoints of a stack away, which are of no more use."""
        for index in range(stack.part[1]):
            forget(place(self.folder, stack.trials, (index, stack.part[1])))

    def take_part(self, done: Done, stack: Stack) -> None:
        """Record a stack once all of its parts are done."""
        first = stack.trials[0]
        parts = self.parts.setdefault(first.index, [])
        parts.append(done)
        if len(parts) < stack.part[1] or first.index in self.rows:
            return
        phases: Counter[str] = Counter()
        for part in parts:
            phases.update(part.phases)
        partial: list[list[Partial]] = [part.partial for part in parts]
        outcomes = estimate.join(stack.trials, partial)
        self.take(Done(outcomes, sum(part.seconds for part in parts), dict(phases)))

    def fail(self, trials: Sequence[Trial], error: BaseException, reason: str = "") -> None:
        """Record trials that raised, or that something else ended."""
        reason = reason or f"{type(error).__name__}: {error}"
        reason = textwrap.shorten(reason, _LONGEST_REASON, placeholder=" ... (see run.log)")
        for trial in trials:
            log.error("trial %d failed: %s", trial.index, reason, exc_info=error)
            self.rows[trial.index] = [records.failed_row(trial, reason, 0.0)]
        self._keep(trials)

    def _keep(self, trials: Sequence[Trial]) -> None:
        """Have trials on disk at once, and tables of all of them before long."""
        with self.writing():
            self._journal.add(
                Entry(
                    trial.fingerprint,
                    self.rows[trial.index],
                    self.histories.get(trial.index, {}),
                    self.samples.get(trial.index),
                )
                for trial in trials
            )
        self.kept += len(trials)
        if time.monotonic() - self._written > max(_REFRESH_SECONDS, _REFRESH_SHARE * self._cost):
            self.write()

    def write(self) -> None:
        """Bring the tables up to date."""
        begun = time.monotonic()
        with self.writing():
            records.write_results(self.folder / "results.csv", self.all_rows, self.axes)
            records.write_frame(self.folder / "history.parquet", records.history_frame(self.histories))
            if self.samples:
                records.write_frame(self.folder / "samples.parquet", records.samples_frame(self.samples))
        self._written = time.monotonic()
        self._cost = self._written - begun

    def close(self) -> None:
        """The tables are complete."""
        self.write()
        self._journal.close()
        if len(self.rows) == len(self.trials) and not any(row["status"] == "failed" for row in self.all_rows):
            shutil.rmtree(self.folder / CHECKPOINTS, ignore_errors=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn whatever keeps files from being written into one line."""
        try:
            yield
        except OSError as error:
            reason, kept = error.strerror or type(error).__name__, f"{self.kept} of {len(self.trials)} trials"
            raise OutputError(
                f"{self.folder} cannot be written to ({reason}); {kept} are kept there, and "
                f"mi-run resume={self.folder} goes on from them"
            ) from None


def train(
    state: Progressing,
    trials: Sequence[Trial],
    target: torch.device,
    n_threads: int,
    clock: Clock,
    console: Console,
) -> None:
    """Run those of the trials that have no rows yet.

    A stack that raises is run in smaller ones, so that a fault costs no other trial: halves where memory ran out,
    single trainings otherwise. A worker that dies takes down what others are at, too; from then on one stack is run at
    a time, so that it is known whose fault the next death is.
    """
    found = split(_left(state, trials, n_threads), n_threads)
    start = time.perf_counter()
    importing = threading.Thread(target=_import_plots, args=[state.config.plots], daemon=True)
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


def _import_plots(names: Sequence[str]) -> None:
    """Import matplotlib while workers work, all of it in one thread: two that import it at once see halves of it."""
    for name in names:
        importlib.import_module(f"mi_cli.plots.{name}")


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
