"""MI of continuous variables from distances to nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import Fault
from mi_cli.estimators.conditional_neighbours import conditional_neighbours, options_given, refuse_options
from mi_cli.estimators.neighbour_search import (
    TREE_DIMS,
    Counts,
    Metric,
    blocks,
    distances,
    permuted_k,
    separate,
    tree_count,
    tree_neighbours,
)
from mi_cli.estimators.subsampling import measured, subsampled, subset_rows
from mi_cli.estimators.training_free import (
    Measurement,
    Part,
    Statistic,
    TrainingFree,
    block_numbers,
    checked_arrays,
    continuous_only,
    join_remarks,
    numpy_generator,
    preprocessed,
    refuse_discrete,
)
from mi_cli.fields import Count, Preprocess
from mi_cli.lazy import special
from mi_cli.problems import Array, Problem
from mi_cli.training.context import Context

__all__ = ["Ksg", "count_near", "ksg", "permutation_statistic"]

_REACHED = 1e-9  # nats below its ceiling, by rounding, of an estimate that reaches it

Form = Literal[1, 2]


class Ksg(TrainingFree):
    r"""The estimator of Kraskov, Stögbauer & Grassberger, in both of its forms.

    .. math:: \hat I_1 = ψ(k) + ψ(n) - \langle ψ(n_x + 1) + ψ(n_y + 1) \rangle, \qquad
        \hat I_2 = ψ(k) - 1/k + ψ(n) - \langle ψ(n_x) + ψ(n_y) \rangle

    Form 1: :math:`n_x` counts the rows whose x is strictly nearer than the k-th neighbour in (x, y); the distance in
    (x, y) is the larger of those in x and in y. Form 2: :math:`n_x` counts the rows whose x is at most as far as the
    farthest of the k neighbours in x. Form 1 has less spread; form 2 has less bias in many dimensions. Distances within
    x and within y are by the maximum norm or Euclidean.

    Without dependence the bias is nearly zero. With dependence the estimate is too small, and more so in many
    dimensions or where the dependence is strong. The ceiling is ψ(n) − ψ(k), less 1/k for form 2: the number of rows
    must grow like the exponential of the MI (Gao, Ver Steeg & Galstyan 2015, arXiv 1411.2003). An estimate that reaches
    it, as where y rises with x in all rows, is infinite. ``preprocess`` is fitted
    to all rows; it gives columns the same weight. With ``rank_gaussianise``, the default, the estimate does not change
    with increasing maps of single columns, as the MI does not: it is as good for skewed columns, heavy tails and
    outliers as for normal columns.

    Given z, it is :func:`~mi_cli.estimators.conditional_neighbours.conditional_neighbours`, of form 1 and by the
    maximum norm.

    Repeated values get noise of 1e-10 standard deviations, and the estimate says so. The standard error is by
    :func:`~mi_cli.estimators.subsampling.subsampled_error`. The p-value uses at least 20 neighbours, which show weak
    dependence better than few do. Similar rows of one block, such as neighbours in time, are taken for dependence of x
    and y.

    Reference:
        Kraskov, Stögbauer & Grassberger 2004 (Physical Review E 69, 066138; arXiv cond-mat/0305641).
    """

    continuous_sides: ClassVar[tuple[Side, ...]] = ("x", "y")
    takes_z: ClassVar[bool] = True
    name: Literal["ksg"] = "ksg"
    k: Count = 3
    form: Form = 1
    metric: Metric = "max"
    preprocess: Preprocess = "rank_gaussianise"

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """A discrete x or y has no nearest neighbours; given z there is one form and one metric."""
        return [*continuous_only(self.name, dataset), *options_given(dataset, form=self.form, metric=self.metric)]

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """All rows' neighbours, for the estimate and for four partitions for its error."""
        if max(dim_x, dim_y) <= TREE_DIMS and self.metric == "max":
            return 5 * 12_000 * rows * max(dim_x, dim_y) ** 3
        return 5 * rows**2 * (dim_x + dim_y + 8)

    def measure_given(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows, by the conditional estimator of Frenzel and Pompe."""
        x, y = checked_arrays(problem.rows)
        refuse_discrete(self.name, x=x, y=y)
        refuse_options(self.form, self.metric)
        return conditional_neighbours(problem, self.k, self.preprocess, context)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        random, rows = numpy_generator(problem), problem.rows
        ((x, y),) = preprocessed(self.preprocess, rows)
        refuse_discrete(self.name, x=x, y=y)
        least, aim = subset_rows(len(x), self.k)
        (x, moved_x), (y, moved_y) = separate("x", x, random), separate("y", y, random)

        def estimate(of_x: Part, of_y: Part, k: int = self.k) -> float:
            return ksg(x[of_x], y[of_y], k, self.form, self.metric, context.check)

        result = subsampled(lambda part: estimate(part, part), len(x), least, aim, random, block_numbers(rows))
        ceiling = float(special.digamma(len(x)) - special.digamma(self.k)) - (1 / self.k if self.form == 2 else 0)
        statistic = permutation_statistic(estimate, self.k, x, y)
        remark = join_remarks(moved_x, moved_y)
        if result.value > ceiling - _REACHED:
            same = f"rows near in x are near in y: the MI is infinite, or more than {len(x)} rows show"
            return Measurement(math.inf, 0.0, ceiling=ceiling, remark=join_remarks(remark, same), statistic=statistic)
        return measured(result, ceiling, remark, statistic)


def permutation_statistic(estimate: Callable[[Part, Part, int], float], k: int, *sides: Array) -> Statistic:
    """A statistic for p-values, of as many rows as 199 estimates can be made from in a second or two.

    Args:
        estimate: from rows of x, rows of y and k to nats.
        k: the number of neighbours of the reported estimate.
        sides: the continuous sides, ``(n, d)`` each.
    """
    most = 2000 if all(side.shape[1] == 1 for side in sides) else 1000
    n = len(sides[0])
    more = permuted_k(k, n)
    return Statistic(lambda of_x, of_y: estimate(of_x, of_y, more), n, most)


def ksg(
    x: Array, y: Array, k: int, form: Form = 1, metric: Metric = "max", check: Callable[[], None] = lambda: None
) -> float:
    """The estimate of :class:`Ksg` in nats.

    Args:
        x: rows ``(n, dim_x)`` without ties, n > k.
        y: rows ``(n, dim_y)`` without ties.
        k: which neighbour.
        form: 1 or 2.
        metric: of distances within x and within y.
        check: called between blocks of rows; it may raise to stop.

    >>> x = np.arange(20.0)[:, None] ** 1.5
    >>> bool(np.isclose(ksg(x, x, 3), sum(1 / i for i in range(3, 20))))  # all there is: ψ(20) − ψ(3)
    True
    """
    near_x, near_y = count_near(x, y, k, form, metric, check)
    more, less = (1, 0.0) if form == 1 else (0, 1 / k)
    digamma = special.digamma
    return float(digamma(k) - less + digamma(len(x)) - (digamma(near_x + more) + digamma(near_y + more)).mean())


def count_near(
    x: Array, y: Array, k: int, form: Form = 1, metric: Metric = "max", check: Callable[[], None] = lambda: None
) -> tuple[Counts, Counts]:
    """The counts :math:`n_x` and :math:`n_y` of :class:`Ksg` for each row, ``(n,)`` each.

    The arguments are those of :func:`ksg`.
    """
    if metric == "max" and max(x.shape[1], y.shape[1]) <= TREE_DIMS:
        return _by_trees(x, y, k, form, check)
    return _by_distances(x, y, k, form, metric, check)


def _by_trees(x: Array, y: Array, k: int, form: Form, check: Callable[[], None]) -> tuple[Counts, Counts]:
    check()
    radius, neighbours = tree_neighbours(np.concatenate([x, y], 1), k)
    counts = []
    for side in (x, y):
        check()
        if form == 2:
            radius = np.abs(side[neighbours] - side[:, None]).max((1, 2))
        counts.append(tree_count(side, radius, strict=form == 1))
    return counts[0], counts[1]


def _by_distances(
    x: Array, y: Array, k: int, form: Form, metric: Metric, check: Callable[[], None]
) -> tuple[Counts, Counts]:
    counts = np.empty((2, len(x)), np.int64)
    for block in blocks(len(x), check):
        sides = [distances(side[block], side, metric) for side in (x, y)]
        joint = np.maximum(*sides)
        if form == 1:  # the row itself is the first of its k + 1 nearest
            joint.partition(k, axis=1)
            near = [np.count_nonzero(side < joint[:, k, None], axis=1) for side in sides]
        else:
            nearest = np.argpartition(joint, k, axis=1)[:, : k + 1]
            radii = [np.take_along_axis(side, nearest, 1).max(1, keepdims=True) for side in sides]
            near = [np.count_nonzero(side <= radius, axis=1) for side, radius in zip(sides, radii, strict=True)]
        counts[:, block] = np.stack(near) - 1
    return counts[0], counts[1]
