"""MI from nearest neighbours, by the estimator that suits the columns."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from mi_cli.estimators.conditional_table import measure_tables
from mi_cli.estimators.conditioning import Condition
from mi_cli.estimators.contingency import measure_table
from mi_cli.estimators.ksg import Ksg
from mi_cli.estimators.mixed import Mixed
from mi_cli.estimators.neighbour_search import REPEATED, Counts, numbered, repeated_shares
from mi_cli.estimators.ross import Ross
from mi_cli.estimators.training_free import Measurement, TrainingFree, block_numbers, checked_arrays, join_remarks
from mi_cli.fields import Count, Preprocess
from mi_cli.problems import Array, Problem, column_place, is_discrete
from mi_cli.training.context import Context

__all__ = ["Nearest"]

_COUNTED = 5  # rows for each pair of values, from which a side of many values is counted


class Nearest(TrainingFree):
    """The nearest-neighbour estimator that suits the rows; the estimate says which one it is.

    It is :class:`~.ksg.Ksg` where all columns are continuous. It is :class:`~.ross.Ross` where one side is continuous
    and the other is a label: few values, as a number or as one column of 0 and 1 for each class. Where both sides take
    few values, the pairs of values are counted (:func:`~.contingency.measure_table`), and no neighbours are searched
    for. It is :class:`~.mixed.Mixed` for everything else, such as numbers with many zeros. Two sides of numbers that
    have more pairs of values than half the rows belong there too: near numbers are alike, which counting does not use.
    A column is continuous if at most 5 % of its values repeat another. Bias, ceiling and standard error are those of
    the chosen estimator; ``k`` and ``preprocess`` are passed to it.

    Given z, the triples of values are counted where x, y and all columns of z take few values
    (:func:`~.conditional_table.measure_tables`); it is :class:`~.ksg.Ksg` where x and y are continuous, and
    :class:`~.mixed.Mixed` otherwise.
    """

    takes_z: ClassVar[bool] = True
    name: Literal["nearest"] = "nearest"
    k: Count = 3
    preprocess: Preprocess = "rank_gaussianise"

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Those of the slowest of the three."""
        return Ksg(k=self.k).multiply_adds(rows, dim_x, dim_y)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows, by the estimator that suits them."""
        x, y = checked_arrays(problem.rows)
        repeated = {"x": repeated_shares(x), "y": repeated_shares(y)}
        if min(map(min, repeated.values())) >= 0.5:
            of_x, of_y = numbered(x), numbered(y)
            if _are_counted(x, y, of_x, of_y):
                return replace(measure_table(of_x, of_y, block_numbers(problem.rows)), remark="by counting")
        chosen, why = self._chosen(x, y, repeated)
        result = chosen.measure(problem, context)
        return replace(result, remark=join_remarks(f"by {chosen.name}{why}", result.remark))

    def measure_given(self, problem: Problem, context: Context) -> Measurement:
        """Estimate the MI given z from all rows, by the estimator that suits them."""
        x, y = checked_arrays(problem.rows)
        condition = Condition.of(problem.rows, "none")
        repeated = [share for side in (x, y) for share in repeated_shares(side)]
        if not condition.numbers.shape[1] and min(repeated) >= 0.5:
            of_x, of_y = numbered(x), numbered(y)
            if _are_counted(x, y, of_x, of_y):
                block = block_numbers(problem.rows)
                return replace(measure_tables(of_x, of_y, condition.stratum, block), remark="by counting")
        chosen = (Ksg if max(repeated) <= REPEATED else Mixed)(k=self.k, preprocess=self.preprocess)
        result = chosen.measure_given(problem, context)
        return replace(result, remark=join_remarks(f"by {chosen.name}", result.remark))

    def _chosen(self, x: Array, y: Array, repeated: dict[str, list[float]]) -> tuple[TrainingFree, str]:
        """The estimator, and the reason if it is :class:`~.mixed.Mixed`."""
        ksg, ross, mixed = (kind(k=self.k, preprocess=self.preprocess) for kind in (Ksg, Ross, Mixed))
        not_continuous = [name for name, shares in repeated.items() if max(shares) > REPEATED]
        if not not_continuous:
            return ksg, ""
        labels = [name for name, side in (("x", x), ("y", y)) if is_discrete(side)]
        if labels == not_continuous and len(labels) == 1:
            return ross, ""
        if len(labels) == 2:
            return mixed, ", as x and y have too many pairs of values to be counted"
        name = next(name for name in not_continuous if name not in labels)
        column = int(np.argmax(repeated[name]))
        share = f"{100 * repeated[name][column]:.0f} % of its values"
        return mixed, f", as {column_place(column, name)} repeats {share}"


def _are_counted(x: Array, y: Array, of_x: Counts, of_y: Counts) -> bool:
    """Whether the pairs of values are counted; ``of_x`` and ``of_y`` are the numbers of each row's value."""
    n, values = len(x), (int(of_x.max()) + 1, int(of_y.max()) + 1)
    if max(values) > n / 2:
        return False
    sides = [(_classes(side), is_discrete(side)) for side in (x, y)]
    if not any(discrete for _, discrete in sides):
        return False
    cells = values[0] * values[1]
    if all(classes or discrete for classes, discrete in sides):
        return any(classes for classes, _ in sides) or cells <= n / 2
    return cells <= n / _COUNTED


def _classes(side: Array) -> bool:
    """Whether each column of ``(n, d)`` is 0 or 1, as columns of classes are: their values have no order."""
    return side.shape[1] > 1 and bool(((side == 0) | (side == 1)).all())
