"""A run whose trials are done, as those see it who make its summary, plots and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_cli.records.results import Row
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Clock

__all__ = ["FINE", "FinishedRun"]

FINE = frozenset({"ok", "pruned"})  # statuses of trials in which nothing went wrong


@dataclass(frozen=True)
class FinishedRun:
    """Trials, result rows and traces of a run, and the folder they are recorded in.

    Args:
        folder: of the run.
        trials: all of them, in order.
        axes: dotted paths of what the run sweeps.
        rows: result rows of all trials, in order.
        histories: traces of each trial by its index: steps and values by metric.
        clock: counts the seconds that plots take.
    """

    folder: Path
    trials: Sequence[Trial]
    axes: Sequence[str]
    rows: Sequence[Row]
    histories: Mapping[int, Mapping[str, Any]]
    clock: Clock

    @property
    def config(self) -> Config:
        """What all trials have in common, and the first trial's values of the axes."""
        return self.trials[0].config

    @property
    def is_shard(self) -> bool:
        """Whether these are the trials of one shard of a run."""
        return self.config.shard is not None

    @property
    def is_fine(self) -> bool:
        """Whether no trial failed or diverged."""
        return all(row["status"] in FINE for row in self.rows)
