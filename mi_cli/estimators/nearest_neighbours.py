"""MI from nearest neighbours, by the estimator that suits the columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from mi_cli.estimators.ksg import Ksg
from mi_cli.estimators.mixed import Mixed
from mi_cli.estimators.ross import Ross
from mi_cli.estimators.training_free import Measurement, TrainingFree, checked_arrays, join_remarks
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem, is_discrete
from mi_cli.training.context import Context

__all__ = ["Nearest"]

_REPEATED = 0.05  # the largest share of repeated values of a continuous column


class Nearest(TrainingFree):
    """The nearest-neighbour estimator that suits the rows; the estimate says which one it is.

    It is :class:`~.ksg.Ksg` where all columns are continuous. It is :class:`~.ross.Ross` where one side is continuous
    and the other is a label: few values, each more than k times, as a number or as one column of 0 and 1 for each
    class. It is :class:`~.mixed.Mixed` for everything else. A column is continuous if at most 5 % of its values repeat
    another. Bias, ceiling and standard error are those of the chosen estimator.
    """

    name: Literal["nearest"] = "nearest"
    k: Count = 3

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Those of the slowest of the three."""
        return Ksg(k=self.k).multiply_adds(rows, dim_x, dim_y)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows, by the estimator that suits them."""
        chosen, why = self._chosen(*checked_arrays(problem.rows))
        result = chosen.measure(problem, context)
        return replace(result, remark=join_remarks(f"by {chosen.name}{why}", result.remark))

    def _chosen(self, x: Array, y: Array) -> tuple[TrainingFree, str]:
        """The estimator, and the reason if it is :class:`~.mixed.Mixed`."""
        ksg, ross, mixed = Ksg(k=self.k), Ross(k=self.k), Mixed(k=self.k)
        repeated = {name: _repeated(side) for name, side in (("x", x), ("y", y))}
        not_continuous = [name for name, shares in repeated.items() if max(shares) > _REPEATED]
        if not not_continuous:
            return ksg, ""
        labels = {name: side for name, side in (("x", x), ("y", y)) if is_discrete(side)}
        if len(labels) == 2:
            return mixed, ", as x and y take few values"
        if list(labels) == not_continuous:
            name = not_continuous[0]
            fewest = int(np.unique(labels[name], axis=0, return_counts=True)[1].min())
            return (ross, "") if fewest > self.k else (mixed, f", as a value of {name} occurs {fewest} times")
        name = next(name for name in not_continuous if name not in labels)
        column = int(np.argmax(repeated[name]))
        return mixed, f", as column {column} of {name} repeats {100 * repeated[name][column]:.0f} % of its values"


def _repeated(side: Array) -> list[float]:
    """The share of the values of each column that repeat another."""
    return [1 - len(np.unique(column)) / len(column) for column in side.T]
