"""MI by nearest neighbours, of whatever kind suits the columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mi_cli.estimators.ksg import Ksg
from mi_cli.estimators.mixed import Mixed
from mi_cli.estimators.ross import Ross
from mi_cli.estimators.training_free import Direct, Found, checked, joined
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem, is_discrete

if TYPE_CHECKING:
    from mi_cli.training.context import Context

__all__ = ["Nearest"]

_REPEATED = 0.05  # of a column's values, above which it is not taken for continuous


class Nearest(Direct):
    """The nearest-neighbour estimator that suits the rows; the estimate says which.

    :class:`~.ksg.Ksg` where all columns are continuous; :class:`~.ross.Ross` where one side is a label (few values,
    each more than k times, as a number or as one column of 0 and 1 for each class) and the other continuous;
    :class:`~.mixed.Mixed` for everything else. A column is continuous if at most 5 % of its values repeat another.
    Bias, ceiling and standard error are those of the estimator that it takes.
    """

    name: Literal["nearest"] = "nearest"
    k: Count = 3

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Those of the slowest."""
        return Ksg(k=self.k).multiply_adds(rows, dim_x, dim_y)

    def found(self, problem: Problem, context: Context) -> Found:
        """From all rows."""
        chosen, why = self._chosen(*checked(problem.rows))
        found = chosen.found(problem, context)
        return replace(found, remark=joined(f"by {chosen.name}{why}", found.remark))

    def _chosen(self, x: Array, y: Array) -> tuple[Direct, str]:
        """The estimator, and why it is not one of the simpler ones."""
        ksg, ross, mixed = Ksg(k=self.k), Ross(k=self.k), Mixed(k=self.k)
        repeated = {name: _repeated(side) for name, side in (("x", x), ("y", y))}
        unlike = [name for name, shares in repeated.items() if max(shares) > _REPEATED]  # what is continuous
        if not unlike:
            return ksg, ""
        labels = {name: side for name, side in (("x", x), ("y", y)) if is_discrete(side)}
        if len(labels) == 2:
            return mixed, ", as x and y take few values"
        if list(labels) == unlike:
            fewest = int(np.unique(labels[unlike[0]], axis=0, return_counts=True)[1].min())
            return (ross, "") if fewest > self.k else (mixed, f", as a value of {unlike[0]} comes {fewest} times")
        name = next(name for name in unlike if name not in labels)
        column = int(np.argmax(repeated[name]))
        return mixed, f", as column {column} of {name} repeats {100 * repeated[name][column]:.0f} % of its values"


def _repeated(side: Array) -> list[float]:
    """The share of the values of each column that repeat another."""
    return [1 - len(np.unique(column)) / len(column) for column in side.T]
