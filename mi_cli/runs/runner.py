"""Runs: trials are grouped into stacks, stacks are given to their procedure, and what comes back is recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from mi_cli.console import printing
from mi_cli.records import provenance
from mi_cli.records.finished import FinishedRun
from mi_cli.records.run_folder import locked
from mi_cli.registry import plugins
from mi_cli.runs.hardware import device, threads
from mi_cli.runs.logs import logging_to
from mi_cli.runs.progress import Progressing
from mi_cli.runs.reuse import lose, of_itself, restore, take
from mi_cli.runs.scheduler import train
from mi_cli.runs.shards import trials_of
from mi_cli.schema.config import Config
from mi_cli.schema.search_space import searches as is_search
from mi_cli.schema.sweep import Trial
from mi_cli.search import candidates, loop
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


def run(
    values: Mapping[str, Any],
    folder: Path,
    publisher: Publisher,
    *,
    overrides: Sequence[str] = (),
    notices: Sequence[str] = (),
    started: float | None = None,
    import_seconds: float = 0.0,
    resume: bool = False,
    collect: bool = False,
) -> int:
    """Run a resolved config into an empty folder; return the exit code, 0, or 1 if a trial failed or diverged.

    With ``resume`` the folder is that of a run of this config, and what it has recorded is kept; with ``collect`` that
    is all there will be: its jobs are done.

    Raises:
        ConfigError: another run is at the folder.
        KeyboardInterrupt: it was interrupted; finished trials are recorded and said so.
        OutputError: the folder cannot be written to any more.
    """
    begun = time.time()
    console, searches = Terminal(stderr=True), is_search(values)
    with locked(folder), logging_to(folder / "run.log"):
        trials, paths = candidates.first_trials(values)
        state = Progressing(folder, trials_of(trials, values.get("shard")), paths)
        notes = (note for trial in state.trials for note in trial.config.dataset.describe().get("notes", ()))
        taken = [] if searches else restore(state, resume=resume, collect=collect)
        _tell([*notices, *dict.fromkeys(notes), *taken], console)
        n_threads, target, clock = threads(state.config), device(state.config), Clock()
        added = plugins.used((s, getattr(t.config, s).name) for t in state.trials for s in plugins.REGISTRIES)
        if resume or collect:  # what makes it again is what was typed first
            overrides = provenance.typed(folder)
        record = provenance.Provenance(
            folder, started or begun, str(target), n_threads, import_seconds, overrides, added, taken
        )
        try:
            with state.writing():
                if searches or not (resume or collect):  # a search that goes on may go further
                    provenance.write_config(folder, values, overrides)
                record.write({}, "running")
            found: list[str] = []
            if searches:
                entries = of_itself(folder) if resume else {}

                def train_batch(trials: Sequence[Trial]) -> None:
                    take(state, entries, trials)
                    train(state, trials, target, n_threads, clock, console, publisher.prepare)

                found = loop.search(values, state, train_batch, lambda line: _tell([line], console))
            elif collect:
                lose(state)
            else:
                train(state, state.trials, target, n_threads, clock, console, publisher.prepare)
            with state.writing():
                is_fine = _finish(state, clock, record, publisher)
            with printing():
                print("\n".join(found), end="\n" * bool(found))
            return 0 if is_fine else 1
        except KeyboardInterrupt:
            state.close()
            record.write(clock.seconds, "interrupted")
            done = f"{len(state.rows)} of {len(state.trials)} trials are finished"
            log.warning("interrupted: %s", done)
            whole = folder if state.config.shard is None else folder.parents[1]
            line = f"mi-run: interrupted; {done}, in {folder}; mi-run resume={whole} goes on"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
            raise


def _finish(state: Progressing, clock: Clock, record: provenance.Provenance, publisher: Publisher) -> bool:
    """Complete the records and publish them; whether every trial and every page is fine."""
    state.close()
    finished = FinishedRun(state.folder, state.trials, state.axes, state.all_rows, state.histories, clock)
    drawn = publisher.draw(finished)
    record.write(clock.seconds, "finished")
    published = publisher.publish(finished)
    return drawn and published and finished.is_fine


def _tell(notices: Sequence[str], console: Console) -> None:
    """What the user should know before it begins."""
    for notice in notices:
        log.info(notice)
    for notice in notices[:_MOST_NOTICES]:
        console.print(f"mi-run: {notice}", highlight=False, markup=False, soft_wrap=True)
    if len(notices) > _MOST_NOTICES:
        console.print(f"mi-run: {len(notices) - _MOST_NOTICES} more such notes are in run.log", soft_wrap=True)
