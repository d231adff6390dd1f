"""MI of classes from the table of their counts, with the correction of one's choice."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from mi_cli.datasets.base import Dataset
from mi_cli.errors import Fault
from mi_cli.estimators.conditional_table import measure_tables
from mi_cli.estimators.conditioning import Condition
from mi_cli.estimators.contingency import Correction, measure_table
from mi_cli.estimators.neighbour_search import REPEATED, numbered
from mi_cli.estimators.training_free import (
    Index,
    Measurement,
    TrainingFree,
    Unmeasurable,
    block_numbers,
    checked_arrays,
)
from mi_cli.problems import Problem
from mi_cli.training.context import Context

__all__ = ["Discrete"]


class Discrete(TrainingFree):
    r"""The MI of classes from the table of their counts, :math:`\hat H_x + \hat H_y - \hat H_{xy}`.

    Equal rows of x are one class, and equal rows of y; x and y may have several columns. The entropies are corrected
    for values that are rare or have not been seen (:mod:`~.entropy`); ``james_stein`` shrinks the shares of all cells
    towards equal shares. The p-value is that of the G-test, or of random tables with the same margins where fewer than
    5 rows are expected in a cell. The interval is :class:`~.table_interval.TableInterval`'s, whichever the correction.

    Given z, whose columns must be classes too, it is the mean over the classes of z.
    """

    takes_z: ClassVar[bool] = True
    name: Literal["discrete"] = "discrete"
    correction: Correction = "nsb"

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """No side may be continuous."""
        continuous = [side for side in ("x", "y") if side not in dataset.discrete]
        if not continuous or dataset.few_valued:
            return []
        problem = f"counts classes, and dataset.name={dataset.name} has a continuous {' and '.join(continuous)}"
        return [Fault("estimator.name", self.name, problem, "histogram, mixed, nearest")]

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Sorting."""
        return 200 * rows * (dim_x + dim_y)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        x, y = self._codes(problem)
        context.check()
        return measure_table(x, y, block_numbers(problem.rows), self.correction)

    def measure_given(self, problem: Problem, context: Context) -> Measurement:
        """Estimate the MI given z from all rows."""
        x, y = self._codes(problem)
        condition = Condition.of(problem.rows, "none")
        if condition.numbers.shape[1]:
            raise Unmeasurable("z has columns of numbers, and discrete counts classes; use nearest or mixed")
        context.check()
        return measure_tables(x, y, condition.stratum, block_numbers(problem.rows), self.correction)

    def _codes(self, problem: Problem) -> tuple[Index, Index]:
        sides = dict(zip("xy", checked_arrays(problem.rows), strict=True))
        for name, side in sides.items():
            n, distinct = len(side), len(np.unique(side, axis=0))
            if distinct > (1 - REPEATED) * n:
                raise Unmeasurable(
                    f"{name} has {distinct} distinct values in {n} rows: discrete counts values that occur again; "
                    "use histogram, mixed or nearest"
                )
        return numbered(sides["x"]), numbered(sides["y"])
