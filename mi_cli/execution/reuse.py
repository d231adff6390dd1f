"""Trials that need no training, because this run or an earlier one has recorded them."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from polars.exceptions import PolarsError

from mi_cli.errors import ConfigError, Fault
from mi_cli.execution.progress import RunProgress
from mi_cli.files import expanded_path
from mi_cli.procedures.base import group, procedure
from mi_cli.records.journal import Entry, recorded_entries, recorded_fingerprints
from mi_cli.records.run_folder import shard_folders
from mi_cli.schema.sweep import Trial

__all__ = ["UNREADABLE", "entries_of_run", "fail_unrecorded", "restore_entries", "restore_trials"]

log = logging.getLogger("mi_cli")

UNREADABLE = (OSError, ValueError, LookupError, TypeError, csv.Error, PolarsError)  # of files that no run wrote
_MOST_RUNS = 500  # the number of earlier runs that are read, the newest first


def restore_trials(progress: RunProgress, *, resume: bool, collect: bool = False) -> list[str]:
    """Restore recorded trials: those of the run itself, then those of earlier runs.

    A trial that failed or diverged is not restored, and so is run again. Where a model is carried along an axis, its
    trials are one training: all of them are restored from the run itself, or none.

    Args:
        progress: the run, to which the trials are added.
        resume: whether the run goes on, so that its own records are read.
        collect: restore what the jobs of the run have recorded, failures included, and nothing else.

    Returns:
        Lines that say how many trials were restored, and from where.

    Raises:
        ConfigError: the run itself cannot be read. An earlier run that cannot be read is left out.
    """
    config = progress.config
    if collect:
        jobs = shard_folders(progress.folder)
        recorded = [recorded_entries(folder) for folder in (*jobs, progress.folder)]
        for failed in (False, True):
            for entries in recorded:
                restore_entries(progress, entries, failed=failed)
        for folder in jobs:
            progress.collect_files(folder)
        return []
    notices: list[str] = []
    if resume or config.shard is not None:  # even with force=true, which was meant for the run's begin
        notices += _restore_own(progress, resume=resume)
    keeps_files = procedure(config).keeps_files(config)
    if config.reuse and not config.force and not config.training.carry and not keeps_files:
        notices += _restore_earlier(progress)
    return notices


def _restore_own(progress: RunProgress, *, resume: bool) -> list[str]:
    """Restore what the run has recorded; of a shard, what the whole run has."""
    is_shard = progress.config.shard is not None
    entries = entries_of_run(progress.folder.parents[1] if is_shard else progress.folder)
    restore_entries(progress, entries)
    progress.n_recorded = len(progress.rows)
    own = {trial.fingerprint for trial in progress.trials}
    again = sum(not entry.ok for fingerprint, entry in entries.items() if fingerprint in own)
    line = f"{len(progress.rows)} of {len(progress.trials)} trials are recorded in {progress.folder}"
    notices = [line + (f"; {again} that failed or diverged are run again" if again else "")]
    if not is_shard and (others := len(entries.keys() - own)):
        notices.append(f"{others} recorded trials are of other code, packages or data; they are run anew")
    return notices if resume or progress.rows or again else []


def _restore_earlier(progress: RunProgress) -> Iterator[str]:
    """Restore what earlier runs have recorded, the newest first, until no trial is left."""
    for folder in _earlier_runs(progress):
        wanted = {trial.fingerprint for trial in progress.trials if trial.index not in progress.rows}
        if not wanted:
            return
        before = len(progress.rows)
        try:
            known = {mark for mark, ok in recorded_fingerprints(folder).items() if ok and mark in wanted}
            if known:
                restore_entries(progress, recorded_entries(folder, known))
        except UNREADABLE as error:
            log.warning("%s cannot be read and is left out: %r", folder, error)
        if count := len(progress.rows) - before:
            yield (
                f"{count} of {len(progress.trials)} trials are taken from {folder}, which recorded them "
                "(force=true trains them anew)"
            )


def entries_of_run(run: Path) -> dict[str, Entry]:
    """What a run and its jobs have recorded, by fingerprint.

    Raises:
        ConfigError: it cannot be read.
    """
    entries: dict[str, Entry] = {}
    for folder in (*shard_folders(run), run):
        try:
            recorded = recorded_entries(folder)
        except UNREADABLE as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise ConfigError(Fault("resume", run, f"{folder} cannot be read ({reason})", "a run's folder")) from None
        entries |= {mark: entry for mark, entry in recorded.items() if entry.ok or mark not in entries}
    return entries


def fail_unrecorded(progress: RunProgress) -> None:
    """Record as failed all trials that no job has recorded."""
    missing = [trial for trial in progress.trials if trial.index not in progress.rows]
    if missing:
        error = RuntimeError("its job ended without recording a result")
        progress.record_failure(missing, error, f"{error}; mi-run resume={progress.folder} runs it")


def restore_entries(
    progress: RunProgress, entries: Mapping[str, Entry], trials: Sequence[Trial] | None = None, *, failed: bool = False
) -> None:
    """Restore trials that have no rows yet from recorded entries.

    Args:
        progress: the run, to which the trials are added.
        entries: what is recorded, by fingerprint.
        trials: the trials to restore; all trials of the run unless given.
        failed: whether to restore trials that failed or diverged, too.
    """

    def is_complete(trial: Trial) -> bool:
        entry = entries.get(trial.fingerprint)
        if entry is None or not (entry.ok or failed):
            return False
        return entry.samples is not None or not entry.ok or not progress.shows_samples(trial)

    units: Iterable[list[Trial]] = [[trial] for trial in (progress.trials if trials is None else trials)]
    if progress.config.training.carry:
        units = group(progress.trials, procedure(progress.config).training_key)
    for unit in units:
        if all(map(is_complete, unit)):
            for trial in unit:
                if trial.index not in progress.rows:
                    progress.restore(trial, entries[trial.fingerprint])


def _earlier_runs(progress: RunProgress) -> Iterator[Path]:
    """The folders of earlier runs of the same name and of jobs of multiruns, the newest first."""
    root = expanded_path(progress.config.output_root)
    results = [*root.glob(f"{progress.config.name}/*/results.csv"), *root.glob("multirun/*/*/results.csv")]
    dated = sorted(((path.stat().st_mtime, path.parent) for path in results), reverse=True)
    own = progress.folder.resolve()
    yield from (folder for _, folder in dated[:_MOST_RUNS] if folder.resolve() != own)
