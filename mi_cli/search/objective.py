"""The objective of a search, computed from validation rows, and the test values of its best point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mi_cli.analysis.intervals import mean_interval
from mi_cli.procedures.base import procedure
from mi_cli.records.results import trained_row
from mi_cli.schema.config import Config
from mi_cli.schema.search_space import Search
from mi_cli.schema.sweep import Trial

__all__ = ["TEST_COLUMNS", "Objective", "objectives", "value_on_test_rows"]

TEST_COLUMNS = ("estimate", "test_mse")  # result columns that are computed from test rows

Row = Mapping[str, Any]


def objectives(config: Config) -> list[str]:
    """Return what a search can judge a config by; the first is the default.

    Errors on the split's test rows are among them where the reported errors are of other rows (``split.fresh``).
    """
    return [name for name in procedure(config).objectives if name != "split_mse" or config.split.fresh]


@dataclass(frozen=True)
class Objective:
    """A result column or traced metric, and whether more of it is better."""

    name: str
    maximise: bool

    @classmethod
    def from_config(cls, search: Search, config: Config) -> Objective:
        """Return the objective of a search; by default it is the first one of the procedure."""
        name = search.objective or objectives(config)[0]
        return cls(name, (search.direction or ("maximise" if name == "val_mi" else "minimise")) == "maximise")

    @property
    def direction(self) -> str:
        """``maximise`` or ``minimise``."""
        return "maximise" if self.maximise else "minimise"

    def value(
        self, trials: Sequence[Trial], rows: Mapping[int, Sequence[Row]], histories: Mapping[int, Mapping[str, Any]]
    ) -> tuple[float | None, str]:
        """Return the mean of the objective over the trials of a point and "", or None and the reason."""
        values = []
        for trial in trials:
            row = trained_row(trial, rows[trial.index])
            if row["status"] != "ok":
                return None, f"trial {trial.index} {row['status']}: {row['reason']}"
            is_traced = self.name == "val_mse"
            value = _val_mse(trial, histories.get(trial.index, {})) if is_traced else row.get(self.name)
            if value is None or not math.isfinite(value):
                return None, f"trial {trial.index} has no {self.name}"
            values.append(float(value))
        return math.fsum(values) / len(values), ""


def _val_mse(trial: Trial, history: Mapping[str, Any]) -> float | None:
    """Return the error on validation rows at the checkpoint that the trial reports."""
    if "val_mse" not in history:
        return None
    steps, errors = history["val_mse"]
    if trial.config.training.checkpoint == "last":
        return float(errors[-1])
    val_steps, values = history["val_mi"]
    best = val_steps[values.argmax()]
    return float(errors[abs(steps - best).argmin()])


def value_on_test_rows(rows: Sequence[Row], column: str, level: float) -> dict[str, Any] | None:
    """Return the mean of a column over the trials of a point with its interval; None where no trial has a value.

    The interval of a single estimate is its own, over test rows; otherwise it is that of the mean over trials.
    """
    values = [row[column] for row in rows if row.get(column) is not None]
    if not values:
        return None
    mean = mean_interval(values, level)
    ends = (rows[0].get("ci_low"), rows[0].get("ci_high")) if len(values) == 1 and column == "estimate" else None
    low, high = ends or (mean.low, mean.high)
    return {"mean": mean.mean, "ci_low": low, "ci_high": high, "level": level, "values": values}
