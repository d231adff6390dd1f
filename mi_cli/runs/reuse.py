"""Trials that need no training: this run, or an earlier one, has recorded them."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from polars.exceptions import PolarsError

from mi_cli.errors import ConfigError
from mi_cli.procedures.base import group, procedure
from mi_cli.records.journal import Entry, recorded_entries, recorded_fingerprints
from mi_cli.records.run_folder import shard_folders
from mi_cli.runs.progress import Progressing
from mi_cli.schema.sweep import Trial

__all__ = ["lose", "of_itself", "restore", "take"]

log = logging.getLogger("mi_cli")

_BROKEN = (OSError, ValueError, LookupError, TypeError, csv.Error, PolarsError)  # of files that no run left like this
_MOST_RUNS = 500  # that are looked through, the newest first


def restore(state: Progressing, *, resume: bool, collect: bool = False) -> list[str]:
    """Take what is recorded, of the run itself if it is to ``resume``, then of earlier ones; say so in lines.

    To ``collect`` is to take what the jobs of the run have recorded, failures included, and nothing else. Otherwise a
    trial that failed or diverged is run again. Where a model is carried along an axis its trials are one training, and
    taken together from the run itself or not at all.

    Raises:
        ConfigError: what is to be resumed cannot be read; other runs of which that is so are passed over.
    """
    config = state.config
    told: list[str] = []
    if collect:
        entries_of = [recorded_entries(folder) for folder in (*shard_folders(state.folder), state.folder)]
        for failed in (False, True):
            for entries in entries_of:
                take(state, entries, failed=failed)
        return told
    if resume or config.shard is not None:  # whatever was forced when it began
        told += _of_the_run(state, resume=resume)
    if config.reuse and not config.force and not config.training.carry:
        for folder in _earlier(state):
            wanted = {trial.fingerprint for trial in state.trials if trial.index not in state.rows}
            if not wanted:
                break
            before = len(state.rows)
            try:
                there = {mark for mark, ok in recorded_fingerprints(folder).items() if ok and mark in wanted}
                if there:
                    take(state, recorded_entries(folder, there))
            except _BROKEN as error:
                log.warning("%s cannot be read and is passed over: %r", folder, error)
            if count := len(state.rows) - before:
                told.append(
                    f"{count} of {len(state.trials)} trials are taken from {folder}, which recorded them "
                    "(force=true trains them anew)"
                )
    return told


def _of_the_run(state: Progressing, *, resume: bool) -> list[str]:
    """Take what the run has recorded, of which this is a job if it is a shard."""
    shard = state.config.shard is not None
    entries = of_itself(state.folder.parents[1] if shard else state.folder)
    take(state, entries)
    state.kept = len(state.rows)
    ours = {trial.fingerprint for trial in state.trials}
    again = sum(not entry.ok for mark, entry in entries.items() if mark in ours)
    line = f"{len(state.rows)} of {len(state.trials)} trials are recorded in {state.folder}"
    told = [line + (f"; {again} that failed or diverged are run again" if again else "")]
    if not shard and (strange := len(entries.keys() - ours)):
        told.append(f"{strange} recorded trials are of other code, packages or data; they are run anew")
    return told if resume or state.rows or again else []


def of_itself(run: Path) -> dict[str, Entry]:
    """What the folder of a run that is to be resumed has recorded, its jobs' included.

    Raises:
        ConfigError: it cannot be read.
    """
    entries: dict[str, Entry] = {}
    for folder in (*shard_folders(run), run):
        try:
            found = recorded_entries(folder)
        except _BROKEN as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise ConfigError(f"resume={run}: {folder} cannot be read ({reason}); accepted: a run's") from None
        entries |= {mark: entry for mark, entry in found.items() if entry.ok or mark not in entries}
    return entries


def lose(state: Progressing) -> None:
    """Give up on trials that no job has recorded."""
    lost = [trial for trial in state.trials if trial.index not in state.rows]
    if lost:
        ended = RuntimeError("its job ended without recording a result")
        state.fail(lost, ended, f"{ended}; mi-run resume={state.folder} runs it")


def take(
    state: Progressing, entries: Mapping[str, Entry], trials: Sequence[Trial] | None = None, *, failed: bool = False
) -> None:
    """Take what ``entries`` have of the run's trials, or of these, with no rows yet; what ``failed`` if asked for."""

    def fits(trial: Trial) -> bool:
        entry = entries.get(trial.fingerprint)
        if entry is None or not (entry.ok or failed):
            return False
        return entry.samples is not None or not entry.ok or not state.shows_samples(trial)

    shared = procedure(state.config)
    units: Iterable[list[Trial]] = [[trial] for trial in (state.trials if trials is None else trials)]
    if state.config.training.carry:
        units = group(state.trials, shared.training_key)
    for unit in units:
        if all(map(fits, unit)):
            for trial in unit:
                if trial.index not in state.rows:
                    state.restore(trial, entries[trial.fingerprint])


def _earlier(state: Progressing) -> Iterator[Path]:
    """Folders of earlier runs, the newest first: those of this experiment, and jobs of multiruns."""
    root = Path(state.config.output_root).expanduser()
    found = [*root.glob(f"{state.config.name}/*/results.csv"), *root.glob("multirun/*/*/results.csv")]
    dated = sorted(((path.stat().st_mtime, path.parent) for path in found), reverse=True)
    own = state.folder.resolve()
    yield from (folder for _, folder in dated[:_MOST_RUNS] if folder.resolve() != own)
