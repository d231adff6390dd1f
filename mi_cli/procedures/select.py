"""Select columns of x for y."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mi_cli import procedures
from mi_cli.errors import Fault
from mi_cli.procedures.base import Cost, Outcome, Procedure
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

__all__ = ["Select"]


class Select(Procedure):
    """Choose the columns of x that tell most of y beside each other (:mod:`mi_cli.selection`).

    All rows are used; the estimator and the split are not.
    """

    name = "select"
    ignores: ClassVar[tuple[str, ...]] = ("time", "representation")
    least_rows: ClassVar[Mapping[str, int]] = {"train": 20}
    shares: ClassVar[Mapping[str, float]] = {"train": 1.0, "val": 0.0, "labelled": 0.0, "test": 0.0}

    def faults(self, config: Config) -> list[Fault]:
        """Several columns of y, and rows that depend on each other."""
        faults, described = [], config.dataset.describe()
        info = procedures.selected_columns.column_infos(config.dataset)
        if len(info["y"]) > 1:
            names = [name for name, _ in info["y"]]
            faults.append(Fault("dataset.y", names, "is the target of a selection", "one column"))
        for key in ("groups", "time"):
            if described.get(key):
                problem = "makes rows depend on each other, and a selection permutes single rows"
                faults.append(Fault(f"dataset.{key}", getattr(config.dataset, key), problem, "null"))
        return faults

    def trained_method(self, config: Config) -> str:
        """The selection as a whole."""
        return config.selection.method

    def cost(self, config: Config) -> Cost:
        """About that of the permutations of all steps; it counts as one step."""
        n, settings = config.rows["train"], config.selection
        tables = settings.columns * (settings.permutations if settings.method == "forward" else 1)
        return Cost(1, 100 * tables * n * config.dataset.dim_x, 400 * n * config.dataset.dim_x)

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials one after another."""
        outcomes = []
        for trial in trials:
            methods: dict[str, dict[str, Any]] = procedures.selected_columns.results(trial.config, context)
            outcomes.append(Outcome(trial, methods))
            context.advance(1)
        return outcomes
