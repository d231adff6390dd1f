"""A run whose trials are done: what its summary, plots, page and trackers are made from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_cli.records.results import Row
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.terminal import Terminal
from mi_cli.training.context import Clock

__all__ = ["FINE", "FinishedRun", "attempt"]

log = logging.getLogger("mi_cli")

FINE = frozenset({"ok", "pruned"})  # statuses of trials that did not fail or diverge


@dataclass(frozen=True)
class FinishedRun:
    """Trials, result rows and traces of a run, and the folder that they are recorded in.

    Args:
        folder: of the run.
        trials: all trials, in order.
        axes: dotted paths of the axes of the sweep.
        rows: result rows of all trials, in order.
        histories: traces ``(steps, values)`` by metric, of each trial by its index.
        clock: measures the time that plots take.
    """

    folder: Path
    trials: Sequence[Trial]
    axes: Sequence[str]
    rows: Sequence[Row]
    histories: Mapping[int, Mapping[str, Any]]
    clock: Clock

    @property
    def config(self) -> Config:
        """The config of the first trial. Trials differ in the values of the axes only."""
        return self.trials[0].config

    @property
    def is_shard(self) -> bool:
        """Whether this is one shard of a run, with some of its trials."""
        return self.config.shard is not None

    @property
    def is_fine(self) -> bool:
        """Whether no trial failed or diverged."""
        return all(row["status"] in FINE for row in self.rows)


def attempt(what: str, folder: Path, make: Callable[[], object]) -> bool:
    """Make one of the things that are made of a finished run; whether that worked.

    Args:
        what: its name, such as ``plot forest``.
        folder: of the run.
        make: makes it. An error that it raises is logged, a line on standard error names the log, and the run goes on.
    """
    try:
        make()
    except Exception:
        log.exception("%s failed", what)
        line = f"mi-run: {what} failed; see {folder / 'run.log'}"
        Terminal(stderr=True).print(line, highlight=False, markup=False, soft_wrap=True)
        return False
    return True
