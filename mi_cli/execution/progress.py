"""The progress of a run: the results so far, and the files that they are written to."""

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
from mi_cli.execution import checkpoint_folders
from mi_cli.execution.signals import held_signals
from mi_cli.execution.stacks import Stack
from mi_cli.execution.workers import StackResult
from mi_cli.files import write_bytes
from mi_cli.lazy import pl
from mi_cli.procedures.base import KEPT_FOLDERS, Part, procedure
from mi_cli.records import results
from mi_cli.records.journal import Entry, Journal
from mi_cli.registry.lookup import needs_rows
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial

__all__ = ["RunProgress"]

log = logging.getLogger("mi_cli")

_LONGEST_REASON = 200  # characters of the reason of a failed trial; the log has all of it
# All results are written again after this many seconds at least, and this many times as long as writing them takes.
_REFRESH_SECONDS = 2.0
_REFRESH_SHARE = 20


@dataclass
class RunProgress:
    """The results of a run so far, and the folder that they are written to.

    Attributes:
        folder: of the run.
        trials: all trials of the run, in order.
        axes: dotted paths of the values in which trials differ.
        rows: result rows by trial, for trials that are finished.
        histories: traces by trial.
        samples: rows of the data that plots show, by trial.
        phases: seconds by phase, summed over workers.
        seconds: wall time of training.
        parts: results of the parts of a stack that is split, by its first trial, until all parts are there.
        n_recorded: the number of trials that are on disk.
    """

    folder: Path
    trials: list[Trial]
    axes: list[str]
    rows: dict[int, list[results.Row]] = field(default_factory=dict)
    histories: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    samples: dict[int, Any] = field(default_factory=dict)
    phases: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    parts: dict[int, list[StackResult]] = field(default_factory=dict)
    n_recorded: int = 0
    _written: float = -math.inf  # when all results were last written
    _cost: float = 0.0  # seconds that this took

    @property
    def config(self) -> Config:
        """What all trials have in common; on the axes, it has the values of the first one."""
        return self.trials[0].config

    @property
    def all_rows(self) -> list[results.Row]:
        """Result rows of all finished trials, in order."""
        return [row for index in sorted(self.rows) for row in self.rows[index]]

    def shows_samples(self, trial: Trial) -> bool:
        """Whether a plot shows rows of this trial: one that needs rows shows those of the first seed."""
        return self._has_plots_of_rows and trial.config.seed == self._first_seed

    @cached_property
    def _has_plots_of_rows(self) -> bool:
        return any(map(needs_rows, self.config.plots))

    @cached_property
    def _first_seed(self) -> int:
        return min(trial.config.seed for trial in self.trials)

    @cached_property
    def _journal(self) -> Journal:
        return Journal(self.folder)

    def restore(self, trial: Trial, entry: Entry) -> None:
        """Add a trial from what an earlier run recorded of it."""
        self.rows[trial.index] = results.recorded_rows(trial, entry.rows)
        self.histories[trial.index] = entry.history
        if entry.samples is not None and self.shows_samples(trial):
            self.samples[trial.index] = entry.samples

    def record(self, result: StackResult) -> None:
        """Record the trials of a stack. Each takes an equal share of the stack's seconds."""
        self.phases.update(result.phases)
        for outcome in result.outcomes:
            trial = outcome.trial
            self.rows[trial.index] = results.result_rows(outcome, result.seconds / len(result.outcomes))
            self.histories[trial.index] = outcome.history
            if outcome.samples is not None and self.shows_samples(trial):
                self.samples[trial.index] = outcome.samples
            self._write_files(outcome.files)
        self._keep([outcome.trial for outcome in result.outcomes])

    def record_part(self, result: StackResult, stack: Stack) -> None:
        """Keep the result of a part of a stack, and record the stack once all parts are there."""
        first = stack.trials[0]
        parts = self.parts.setdefault(first.index, [])
        parts.append(result)
        if len(parts) < stack.part.count or first.index in self.rows:
            return
        phases: Counter[str] = Counter()
        for part in parts:
            phases.update(part.phases)
        outcomes = procedure(first.config).join(stack.trials, [part.partial for part in parts])
        self.record(StackResult(outcomes, sum(part.seconds for part in parts), dict(phases)))

    def record_failure(self, trials: Sequence[Trial], error: BaseException, reason: str = "") -> None:
        """Record trials as failed, with a reason; unless given, it is the error."""
        reason = reason or f"{type(error).__name__}: {error}"
        reason = textwrap.shorten(reason, _LONGEST_REASON, placeholder=" ... (see run.log)")
        for trial in trials:
            log.error("trial %d failed: %s", trial.index, reason, exc_info=error)
            self.rows[trial.index] = [results.failed_row(trial, reason, 0.0)]
        self._keep(trials)

    def remove_checkpoints(self, stack: Stack) -> None:
        """Remove the checkpoints of a stack and of all its parts."""
        count = stack.part.count
        for index in range(count):
            folder = checkpoint_folders.checkpoint_folder(self.folder, stack.trials, Part(index, count))
            checkpoint_folders.remove(folder)

    def _write_files(self, files: Mapping[str, bytes]) -> None:
        """Write what a trial leaves in the folder, before the trial is recorded."""
        with self.writing():
            for path, contents in files.items():
                place = self.folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(place, contents)

    def collect_files(self, folder: Path) -> None:
        """Copy what the trials of a job have left in its folder."""
        with self.writing():
            for name in KEPT_FOLDERS:
                if (folder / name).is_dir():
                    shutil.copytree(folder / name, self.folder / name, dirs_exist_ok=True)

    def _keep(self, trials: Sequence[Trial]) -> None:
        """Write trials to the journal now, and the tables of all trials within seconds."""
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
        self.n_recorded += len(trials)
        if time.monotonic() - self._written > max(_REFRESH_SECONDS, _REFRESH_SHARE * self._cost):
            self.write()

    def write(self) -> None:
        """Write the tables of all finished trials. An interruption waits until they are written."""
        begun = time.monotonic()
        with held_signals(), self.writing():
            results.write_results(self.folder / "results.csv", self.all_rows, self.axes)
            results.write_frame(self.folder / "history.parquet", results.history_frame(self.histories))
            if self.samples:
                results.write_frame(self.folder / "samples.parquet", results.samples_frame(self.samples))
        self._written = time.monotonic()
        self._cost = self._written - begun

    def close(self) -> None:
        """Write the tables, and remove the journal. Checkpoints are removed if every trial ended by itself."""
        self.write()
        if self.config.shard is None:
            self._gather_pointwise()
        self._journal.close()
        if len(self.rows) == len(self.trials) and not any(row["status"] == "failed" for row in self.all_rows):
            shutil.rmtree(self.folder / checkpoint_folders.FOLDER, ignore_errors=True)

    def _gather_pointwise(self) -> None:
        """Put the tables of trials in ``pointwise/`` into one, with those of trials that were there before."""
        folder, whole = self.folder / "pointwise", self.folder / results.POINTWISE
        parts = {int(path.stem): pl.read_parquet(path) for path in folder.glob("*.parquet")}
        if not parts:
            return
        if whole.exists():
            before = pl.read_parquet(whole)
            parts |= {int(k[0]): v for k, v in before.partition_by("trial", as_dict=True).items() if k[0] not in parts}
        with held_signals(), self.writing():
            results.write_frame(whole, pl.concat([parts[key] for key in sorted(parts)], how="diagonal_relaxed"))
            shutil.rmtree(folder)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raise OutputError in place of an error of the disk inside a ``with`` block."""
        try:
            yield
        except OSError as error:
            reason, recorded = error.strerror or type(error).__name__, f"{self.n_recorded} of {len(self.trials)} trials"
            raise OutputError(
                f"{self.folder} cannot be written to ({reason}); {recorded} are kept there, and "
                f"mi-run resume={self.folder} goes on from them"
            ) from None
