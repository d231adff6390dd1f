"""The outcome of a search: ``search.json``, the config of the best point, and the lines that are printed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.records.results import trained_row, write_json, write_text
from mi_cli.records.saved_config import config_text
from mi_cli.schema.sweep import Trial
from mi_cli.search import storage
from mi_cli.search.objective import TEST_COLUMNS, Objective, value_on_test_rows
from mi_cli.search.space import Point, Space

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Outcome"]


class Run(Protocol):
    """The run that the search filled."""

    @property
    def folder(self) -> Path:
        """The run's folder."""

    @property
    def trials(self) -> Sequence[Trial]:
        """The trials of all points."""

    @property
    def rows(self) -> Mapping[int, Sequence[Mapping[str, Any]]]:
        """Result rows of each trial by its index."""


@dataclass(frozen=True)
class Outcome:
    """A search that is over.

    Args:
        space: what was chosen from.
        objective: what was compared.
        level: confidence level of intervals.
        study: name of the optuna study.
        storage: path or address of the study.
        finished: all finished points of the study.
        steps: training steps of this run, ``trained`` and ``without_pruning``.
        best: the best point; None where no point has a value.
        point: its choices.
    """

    space: Space
    objective: Objective
    level: float
    study: str
    storage: str
    finished: Sequence[FrozenTrial]
    steps: Mapping[str, int]
    best: FrozenTrial | None
    point: Point | None

    def write(self, run: Run) -> list[str]:
        """Write ``search.json`` and ``best/config.yaml``, and return the outcome in lines.

        Raises:
            ConfigError: no point could be run.
        """
        if not run.trials:
            reason = self.finished[-1].user_attrs[storage.REASON]
            raise ConfigError(Fault("search", problem=f"no point could be run; the last: {reason}"))
        values: dict[str, Any] = {
            "study": self.study,
            "storage": self.storage,
            "objective": self.objective.name,
            "direction": self.objective.direction,
            "points": storage.counts(self.finished),
            "steps": dict(self.steps),
            "best": None,
            "test": None,
            "command": None,
        }
        if self.best is None or self.point is None:
            write_json(run.folder / "search.json", values)
            return [f"search: no point has a {self.objective.name}"]
        trials = self.space.trials(self.point, self.best.number)
        rows = [trained_row(trial, run.rows[trial.index]) for trial in trials]
        folder = run.folder / "best"
        folder.mkdir(exist_ok=True)
        write_text(folder / "config.yaml", config_text(self.space.config(self.point)))
        best = {
            "point": self.best.number,
            "parameters": dict(self.point),
            "value": self.best.value,
            "trials": len(trials),
        }
        test = {column: value for column in TEST_COLUMNS if (value := value_on_test_rows(rows, column, self.level))}
        command = shlex.join(["mi-run", f"--config-path={folder.absolute()}"])
        write_json(run.folder / "search.json", values | {"best": best, "test": test, "command": command})
        return self._lines(self.point, self.best, len(rows), test, command)

    def _lines(
        self, point: Point, best: FrozenTrial, n_trials: int, test: Mapping[str, Mapping[str, Any]], command: str
    ) -> list[str]:
        choices = ", ".join(f"{path}={shown(value)}" for path, value in self.space.shown(point).items())
        mean = "" if n_trials == 1 else f", mean of {n_trials} trials"
        lines = [
            f"best of {len(self.finished)} points: {choices}",
            f"{self.objective.name} {best.value:.4g} on the rows that the search used{mean}",
        ]
        for column, value in test.items():
            ends = "" if value["ci_low"] is None else f" [{value['ci_low']:.4g}, {value['ci_high']:.4g}]"
            lines.append(f"{column} {value['mean']:.4g}{ends} on test rows (not used by the search)")
        return [*lines, f"run it again: {command}"]
