"""The state of a run: outcomes so far, and where they are kept."""

from __future__ import annotations

import logging
import math
import shutil
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mi_cli.errors import OutputError
from mi_cli.procedures.base import procedure
from mi_cli.records import results
from mi_cli.records.journal import Entry, Journal
from mi_cli.registry.lookup import needs_rows
from mi_cli.runs.checkpoint_folders import FOLDER as CHECKPOINTS
from mi_cli.runs.checkpoint_folders import forget, place
from mi_cli.runs.stacks import Stack
from mi_cli.runs.workers import Done
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial

__all__ = ["Progressing"]

log = logging.getLogger("mi_cli")


_LONGEST_REASON = 200  # characters of a failed trial's; the log has all of it


_REFRESH_SECONDS = 2.0  # at least, between two times that all results are written


_REFRESH_SHARE = 20  # and so many times as long as that takes


@dataclass
class Progressing:
    """The state of a run: what came back so far, and where it is kept."""

    folder: Path
    trials: list[Trial]
    axes: list[str]
    rows: dict[int, list[results.Row]] = field(default_factory=dict)
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
    def all_rows(self) -> list[results.Row]:
        """Result rows of all finished trials, in order."""
        return [row for index in sorted(self.rows) for row in self.rows[index]]

    @cached_property
    def first_seed(self) -> int:
        """The one whose rows are shown."""
        return min(trial.config.seed for trial in self.trials)

    @cached_property
    def _plots_need_rows(self) -> bool:
        return any(map(needs_rows, self.config.plots))

    @cached_property
    def _journal(self) -> Journal:
        return Journal(self.folder)

    def shows_samples(self, trial: Trial) -> bool:
        """Whether a plot wants some of the trial's rows."""
        return self._plots_need_rows and trial.config.seed == self.first_seed

    def restore(self, trial: Trial, entry: Entry) -> None:
        """Take what an earlier run recorded of a trial."""
        self.rows[trial.index] = results.recorded_rows(trial, entry.rows)
        self.histories[trial.index] = entry.history
        if entry.samples is not None and self.shows_samples(trial):
            self.samples[trial.index] = entry.samples

    def take(self, done: Done) -> None:
        """Record outcomes of a stack; a trial's seconds are its share of the stack's."""
        self.phases.update(done.phases)
        for outcome in done.outcomes:
            trial = outcome.trial
            self.rows[trial.index] = results.result_rows(outcome, done.seconds / len(done.outcomes))
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
        outcomes = procedure(first.config).join(stack.trials, [part.partial for part in parts])
        self.take(Done(outcomes, sum(part.seconds for part in parts), dict(phases)))

    def fail(self, trials: Sequence[Trial], error: BaseException, reason: str = "") -> None:
        """Record trials that raised, or that something else ended."""
        reason = reason or f"{type(error).__name__}: {error}"
        reason = textwrap.shorten(reason, _LONGEST_REASON, placeholder=" ... (see run.log)")
        for trial in trials:
            log.error("trial %d failed: %s", trial.index, reason, exc_info=error)
            self.rows[trial.index] = [results.failed_row(trial, reason, 0.0)]
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
            results.write_results(self.folder / "results.csv", self.all_rows, self.axes)
            results.write_frame(self.folder / "history.parquet", results.history_frame(self.histories))
            if self.samples:
                results.write_frame(self.folder / "samples.parquet", results.samples_frame(self.samples))
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
