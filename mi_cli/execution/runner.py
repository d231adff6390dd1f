"""A run, from its trials to its records: trials are restored or trained, and their results are published."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from mi_cli.execution.encoder import keep_encoder
from mi_cli.execution.hardware import device, threads
from mi_cli.execution.logs import logging_to
from mi_cli.execution.progress import RunProgress
from mi_cli.execution.reuse import entries_of_run, fail_unrecorded, restore_entries, restore_trials
from mi_cli.execution.scheduler import train
from mi_cli.execution.shards import shard_trials
from mi_cli.records import provenance, results
from mi_cli.records.finished import FinishedRun
from mi_cli.records.run_folder import locked
from mi_cli.registry import plugins
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.search import loop
from mi_cli.search.expansion import Expansion
from mi_cli.search.space import Space
from mi_cli.terminal import Terminal
from mi_cli.training.context import Clock

__all__ = ["Publisher", "run"]

log = logging.getLogger("mi_cli")

_MOST_NOTICES = 8  # on the terminal; pairs of a table may each have one


class Publisher(Protocol):
    """What finishes a run: it makes summary, plots and pages from records."""

    def prepare(self, config: Config) -> None:
        """Import what it needs, while trials train."""

    def draw(self, run: FinishedRun) -> bool:
        """Write the summary and the plots; whether all of that worked."""

    def publish(self, run: FinishedRun) -> bool:
        """Write pages and trackers, and print the summary; whether all of that worked."""

    def say(self, lines: Sequence[str]) -> None:
        """Print what there is to say beside the summary."""


def run(
    values: Mapping[str, Any],
    expansion: Expansion,
    folder: Path,
    publisher: Publisher,
    *,
    overrides: Sequence[str] = (),
    notices: Sequence[str] = (),
    started: float | None = None,
    import_seconds: float = 0.0,
    resume: bool = False,
    collect: bool = False,
    console: Console | None = None,
    announced: bool = False,
) -> int:
    """Run a resolved config.

    Args:
        values: the config, for the records.
        expansion: its trials, and what tells them apart.
        folder: where the run is recorded. It is empty unless the run is resumed or collected.
        publisher: makes what a run leaves beside its records.
        overrides: what was typed, for the records.
        notices: lines to print before the run begins.
        started: when the command began, in seconds since the epoch; now unless given.
        import_seconds: how long imports took, for the records.
        resume: the folder is that of a run of this config, whose recorded trials are kept.
        collect: the folder is that of a run whose jobs have ended. Their trials are put together, and none is trained.
        console: for messages and progress; standard error unless given.
        announced: whether a line has said where the folder is.

    Returns:
        The exit code: 0, or 1 if a trial failed or diverged, or a plot or page could not be made.

    Raises:
        ConfigError: another run is using the folder.
        KeyboardInterrupt: the run was interrupted. Finished trials are recorded, and a line says how to go on.
        OutputError: the folder cannot be written to any more.
    """
    begun, console = time.time(), console or Terminal(stderr=True)
    with locked(folder), logging_to(folder / "run.log"):
        space = expansion.space
        progress = RunProgress(folder, shard_trials(expansion.trials, values.get("shard")), expansion.axes)
        reused = [] if space else restore_trials(progress, resume=resume, collect=collect)
        notes = [*notices, *_data_notes(progress)]
        _show([*notes, *reused], console, None if collect or announced else folder)
        new_run = _Run(progress, publisher, console, device(progress.config), threads(progress.config))
        before = provenance.recorded(folder) if resume or collect else {}
        typed = provenance.recorded_overrides(folder) if resume or collect else overrides
        record = new_run.record(started or begun, import_seconds, typed, reused, notes)
        record = replace(record, before=before, resumed_by=overrides if before else ())
        try:
            with progress.writing():
                if space or not (resume or collect):  # a search that is resumed may have other settings
                    provenance.write_config(folder, values, record.overrides)
                record.write({}, "running")
            return new_run.complete(space, record, resume=resume, collect=collect)
        except KeyboardInterrupt:
            new_run.interrupt(record)
            raise


def _data_notes(progress: RunProgress) -> list[str]:
    """What there is to say of the rows, and of estimators on them, each note once."""
    return list(dict.fromkeys(note for trial in progress.trials for note in trial.config.notes))


def _without_pointwise(progress: RunProgress) -> list[str]:
    """A line where the pointwise MI of rows was asked for, and no trial left any."""
    config, folder = progress.config, progress.folder
    if not config.evaluation.pointwise or config.shard is not None or (folder / results.POINTWISE).exists():
        return []
    return ["evaluation.pointwise=true: no trial left any; estimators with a critic do, such as estimator=auto"]


def _chosen(progress: RunProgress) -> Iterator[tuple[str, str]]:
    """What the config names, each as ``(kind, name)``."""
    for trial in progress.trials:
        yield from trial.config.computed_by
    yield from (("plot", plot) for plot in progress.config.plots)


@dataclass(frozen=True)
class _Run:
    """A run that has begun, and what it computes trials with."""

    progress: RunProgress
    publisher: Publisher
    console: Console
    device: str
    threads: int
    clock: Clock = field(default_factory=Clock)

    def record(
        self,
        started: float,
        import_seconds: float,
        overrides: Sequence[str],
        reused: Sequence[str],
        notes: Sequence[str],
    ) -> provenance.Provenance:
        """The provenance of the run; ``overrides`` are what was typed when it began, and make it again."""
        return provenance.Provenance(
            folder=self.progress.folder,
            started=started,
            device=self.device,
            threads=self.threads,
            import_seconds=import_seconds,
            overrides=overrides,
            plugins=plugins.used_plugins(_chosen(self.progress)),
            taken=reused,
            notes=notes,
        )

    def complete(self, space: Space | None, record: provenance.Provenance, *, resume: bool, collect: bool) -> int:
        """Compute all trials and publish their results; return the exit code."""
        lines = self._compute(space, resume=resume, collect=collect)
        with self.progress.writing():
            kept = keep_encoder(self.progress, self.device)
            is_fine = self._finish(record) and kept.is_fine
        lines += [*kept.lines, *_without_pointwise(self.progress)]
        self.publisher.say(lines)
        return 0 if is_fine else 1

    def _compute(self, space: Space | None, *, resume: bool, collect: bool) -> list[str]:
        """Give every trial its rows, by training or from what is recorded; return what a search has to say."""
        if space is not None:
            return self._search(space, resume=resume)
        if collect:
            fail_unrecorded(self.progress)
        else:
            self._train(self.progress.trials)
        return []

    def _search(self, space: Space, *, resume: bool) -> list[str]:
        entries = entries_of_run(self.progress.folder) if resume else {}

        def train_batch(trials: Sequence[Trial]) -> None:
            restore_entries(self.progress, entries, trials)
            self._train(trials)

        return loop.search(space, self.progress, train_batch, lambda line: _show([line], self.console))

    def _train(self, trials: Sequence[Trial]) -> None:
        """Train those of the trials that have no rows yet."""
        train(self.progress, trials, self.device, self.threads, self.clock, self.console, self.publisher.prepare)

    def _finish(self, record: provenance.Provenance) -> bool:
        """Complete the records and publish them; whether every trial and every page is fine."""
        progress = self.progress
        progress.close()
        finished = FinishedRun(
            progress.folder, progress.trials, progress.axes, progress.all_rows, progress.histories, self.clock
        )
        drawn = self.publisher.draw(finished)
        record.write(self.clock.seconds, "finished")
        published = self.publisher.publish(finished)
        return drawn and published and finished.is_fine

    def interrupt(self, record: provenance.Provenance) -> None:
        """Complete the records of the trials that are finished, and say how to go on."""
        progress = self.progress
        progress.close()
        record.write(self.clock.seconds, "interrupted")
        done = f"{len(progress.rows)} of {len(progress.trials)} trials are finished"
        log.warning("interrupted: %s", done)
        whole = progress.folder if progress.config.shard is None else progress.folder.parents[1]
        line = f"mi-run: interrupted; {done}, in {progress.folder}; mi-run resume={whole} goes on"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _show(notices: Sequence[str], console: Console, folder: Path | None = None) -> None:
    """Log the notices, and print the first of them, then the folder, from which an interrupted run goes on."""
    for notice in notices:
        log.info(notice)
    for notice in notices[:_MOST_NOTICES]:
        console.print(f"mi-run: {notice}", highlight=False, markup=False, soft_wrap=True)
    if len(notices) > _MOST_NOTICES:
        console.print(f"mi-run: {len(notices) - _MOST_NOTICES} more such notes are in run.log", soft_wrap=True)
    if folder is not None:
        console.print(f"mi-run: folder: {folder}", highlight=False, markup=False, soft_wrap=True)
