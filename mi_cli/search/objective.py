"""What a search judges a point by, from validation rows, and what test rows say of it in the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mi_cli.analysis.intervals import mean_interval
from mi_cli.schema.config import Config
from mi_cli.schema.search_space import Search
from mi_cli.schema.sweep import Trial

__all__ = ["TESTED", "Judge", "tested"]

TESTED = ("estimate", "test_mse")
_ENCODER = "mi_encoder"  # the method that is trained, where codes are compared

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Judge:
    """The objective by its name, and whether more of it is better."""

    name: str
    maximise: bool

    @classmethod
    def of(cls, search: Search, config: Config) -> Judge:
        """As a search says: by default the validation MI, or, to compare, errors on the split's own test rows.

        The latter only where the reported errors are those of other rows.
        """
        compares = config.procedure == "compare" and config.split.fresh
        name = search.objective or ("split_mse" if compares else "val_mi")
        return cls(name, (search.direction or ("maximise" if name == "val_mi" else "minimise")) == "maximise")

    @property
    def direction(self) -> str:
        """As a config has it."""
        return "maximise" if self.maximise else "minimise"

    def own(self, trial: Trial, rows: Sequence[Row]) -> Row:
        """The row of what is trained, beside those that it is compared with."""
        method = trial.config.estimator.name if trial.config.procedure == "estimate" else _ENCODER
        return next((row for row in rows if row["method"] == method), rows[0])

    def value(
        self, trials: Sequence[Trial], rows: Mapping[int, Sequence[Row]], histories: Mapping[int, Mapping[str, Any]]
    ) -> tuple[float | None, str]:
        """The mean of the objective over the trials of a point, or why there is none."""
        found = []
        for trial in trials:
            row = self.own(trial, rows[trial.index])
            if row["status"] != "ok":
                return None, f"trial {trial.index} {row['status']}: {row['reason']}"
            error = self.name == "val_mse"
            value = _val_mse(trial, histories.get(trial.index, {})) if error else row.get(self.name)
            if value is None or not math.isfinite(value):
                return None, f"trial {trial.index} has no {self.name}"
            found.append(float(value))
        return math.fsum(found) / len(found), ""


def _val_mse(trial: Trial, history: Mapping[str, Any]) -> float | None:
    """The error on validation rows at the checkpoint."""
    if "val_mse" not in history:
        return None
    steps, errors = history["val_mse"]
    if trial.config.training.checkpoint == "last":
        return float(errors[-1])
    at, values = history["val_mi"]
    best = at[values.argmax()]
    return float(errors[abs(steps - best).argmin()])


def tested(rows: Sequence[Row], column: str, level: float) -> dict[str, Any] | None:
    """The mean of a test value over the trials of a point, with its interval: that of a single trial is its own."""
    values = [row[column] for row in rows if row.get(column) is not None]
    if not values:
        return None
    mean = mean_interval(values, level)
    ends = (rows[0].get("ci_low"), rows[0].get("ci_high")) if len(values) == 1 and column == "estimate" else None
    low, high = ends or (mean.low, mean.high)
    return {"mean": mean.mean, "ci_low": low, "ci_high": high, "level": level, "values": values}
