"""Runs: trials are grouped into stacks, stacks are given to their procedure, and what comes back is recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
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

    Returns:
        The exit code: 0, or 1 if a trial failed or diverged, or a plot or page could not be made.

    Raises:
        ConfigError: another run is using the folder.
        KeyboardInterrupt: the run was interrupted. Finished trials are recorded, and a line says how to go on.
        OutputError: the folder cannot be written to any more.
    """
    begun, console = time.time(), Terminal(stderr=True)
    with locked(folder), logging_to(folder / "run.log"):
        space = expansion.space
        state = Progressing(folder, trials_of(expansion.trials, values.get("shard")), expansion.axes)
        reused = [] if space else restore(state, resume=resume, collect=collect)
        notes = (note for trial in state.trials for note in trial.config.dataset.describe().get("notes", ()))
        _show([*notices, *dict.fromkeys(notes), *reused], console)
        this = _Run(state, publisher, console, device(state.config), threads(state.config))
        record = provenance.Provenance(
            folder=folder,
            started=started or begun,
            device=str(this.device),
            threads=this.threads,
            import_seconds=import_seconds,
            # A run that is resumed or collected is made again by what was typed first.
            overrides=provenance.recorded_overrides(folder) if resume or collect else overrides,
            plugins=plugins.used(_chosen(state)),
            taken=reused,
        )
        try:
            with state.writing():
                if space or not (resume or collect):  # a search that goes on may go further
                    provenance.write_config(folder, values, record.overrides)
                record.write({}, "running")
            lines = this.compute(space, resume=resume, collect=collect)
            with state.writing():
                is_fine = this.finish(record)
            with printing():
                print("\n".join(lines), end="\n" * bool(lines))
            return 0 if is_fine else 1
        except KeyboardInterrupt:
            this.interrupt(record)
            raise


def _chosen(state: Progressing) -> Iterator[tuple[str, str]]:
    """What the config names, each as ``(kind, name)``."""
    for trial in state.trials:
        yield from trial.config.computed_by
    yield from (("plot", plot) for plot in state.config.plots)


@dataclass(frozen=True)
class _Run:
    """A run that has begun, and what it computes trials with."""

    state: Progressing
    publisher: Publisher
    console: Console
    device: torch.device
    threads: int
    clock: Clock = field(default_factory=Clock)

    def compute(self, space: Space | None, *, resume: bool, collect: bool) -> list[str]:
        """Give every trial its rows, by training or from what is recorded; return what a search has to say."""
        if space is not None:
            return self._search(space, resume=resume)
        if collect:
            lose(self.state)
        else:
            self._train(self.state.trials)
        return []

    def _search(self, space: Space, *, resume: bool) -> list[str]:
        entries = of_itself(self.state.folder) if resume else {}

        def train_batch(trials: Sequence[Trial]) -> None:
            take(self.state, entries, trials)
            self._train(trials)

        return loop.search(space, self.state, train_batch, lambda line: _show([line], self.console))

    def _train(self, trials: Sequence[Trial]) -> None:
        """Train those of the trials that have no rows yet."""
        train(self.state, trials, self.device, self.threads, self.clock, self.console, self.publisher.prepare)

    def finish(self, record: provenance.Provenance) -> bool:
        """Complete the records and publish them; whether every trial and every page is fine."""
        state = self.state
        state.close()
        finished = FinishedRun(state.folder, state.trials, state.axes, state.all_rows, state.histories, self.clock)
        drawn = self.publisher.draw(finished)
        record.write(self.clock.seconds, "finished")
        published = self.publisher.publish(finished)
        return drawn and published and finished.is_fine

    def interrupt(self, record: provenance.Provenance) -> None:
        """Complete the records of the trials that are finished, and say how to go on."""
        state = self.state
        state.close()
        record.write(self.clock.seconds, "interrupted")
        done = f"{len(state.rows)} of {len(state.trials)} trials are finished"
        log.warning("interrupted: %s", done)
        whole = state.folder if state.config.shard is None else state.folder.parents[1]
        line = f"mi-run: interrupted; {done}, in {state.folder}; mi-run resume={whole} goes on"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _show(notices: Sequence[str], console: Console) -> None:
    """Log the notices, and print the first of them."""
    for notice in notices:
        log.info(notice)
    for notice in notices[:_MOST_NOTICES]:
        console.print(f"mi-run: {notice}", highlight=False, markup=False, soft_wrap=True)
    if len(notices) > _MOST_NOTICES:
        console.print(f"mi-run: {len(notices) - _MOST_NOTICES} more such notes are in run.log", soft_wrap=True)
