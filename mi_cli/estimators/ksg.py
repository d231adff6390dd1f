"""MI of continuous variables by the distances to nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from mi_cli.estimators.neighbour_search import TREE_DIMS, Counts, Metric, blocks, separate, tree_count, tree_neighbours
from mi_cli.estimators.training_free import (
    Direct,
    Found,
    Part,
    Statistic,
    Unmeasurable,
    blocked,
    continuous_only,
    joined,
    mapped,
    refuse_discrete,
    source,
    subsampled_error,
)
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem
from mi_cli.training.preprocessing import Preprocess

if TYPE_CHECKING:
    from mi_cli.datasets.base import Dataset
    from mi_cli.training.context import Context

__all__ = ["Ksg", "ksg", "near", "permuted"]

Form = Literal[1, 2]

# Neighbours for a p-value, which needs no small bias. A correlation of .2 in 1,000 rows has p ≤ .1 (19 re-pairings) by
# 3 neighbours in 33 % of samples, by 20 in 67 %, by 100 in 100 %; a sine of three periods in 67 %, 100 %, 7 %.
_PERMUTED_K = 20


class Ksg(Direct):
    r"""Kraskov, Stögbauer & Grassberger's estimator, in both of its forms.

    .. math:: \hat I_1 = ψ(k) + ψ(n) - \langle ψ(n_x + 1) + ψ(n_y + 1) \rangle, \qquad
        \hat I_2 = ψ(k) - 1/k + ψ(n) - \langle ψ(n_x) + ψ(n_y) \rangle

    Form 1: :math:`n_x` counts the rows whose x is strictly nearer than the k-th neighbour in (x, y), whose distance is
    the larger of those in x and in y. Form 2: those whose x is at most as far as the farthest of the k neighbours in x.
    Form 1 errs less in spread, form 2 less in bias where dimensions are many. Distances within x and within y are by
    the maximum norm or Euclidean.

    Near zero bias without dependence; with it too low, and more so where dimensions are many or dependence is strong.
    Ceiling ψ(n) − ψ(k), less 1/k for form 2 (Gao, Ver Steeg & Galstyan 2015, arXiv 1411.2003, on what that means:
    rows must grow as the exponential of the MI). ``preprocess`` is of all rows, so that columns weigh alike.

    Repeated values get a noise of 1e-10 standard deviations, and the estimate says so. The standard error is by
    :func:`~mi_cli.estimators.training_free.subsampled_error`. The p-value is by at least 20 neighbours, which see weak
    dependence where few do not. Rows of one block that are alike, as neighbours in time are, are taken for dependence
    of x and y.

    Reference:
        Kraskov, Stögbauer & Grassberger 2004 (Physical Review E 69, 066138; arXiv cond-mat/0305641).
    """

    name: Literal["ksg"] = "ksg"
    k: Count = 3
    form: Form = 1
    metric: Metric = "max"
    preprocess: Preprocess = "standardise"

    def unfit(self, dataset: Dataset) -> list[str]:
        """A discrete x or y has no nearest neighbours."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """All rows' neighbours, for the estimate and for four partitions for its error."""
        if max(dim_x, dim_y) <= TREE_DIMS and self.metric == "max":
            return 5 * 12_000 * rows * max(dim_x, dim_y) ** 3
        return 5 * rows**2 * (dim_x + dim_y + 8)

    def found(self, problem: Problem, context: Context) -> Found:
        """From all rows."""
        from scipy.special import digamma

        random, rows = source(problem), problem.rows
        ((x, y),) = mapped(self.preprocess, rows)
        refuse_discrete(self.name, x=x, y=y)
        least = 8 * (self.k + 1)
        if len(x) < 2 * least:
            raise Unmeasurable(f"{len(x)} rows; k={self.k} needs at least {2 * least}")
        (x, moved_x), (y, moved_y) = separate("x", x, random), separate("y", y, random)

        def estimate(of_x: Part, of_y: Part, k: int = self.k) -> float:
            return ksg(x[of_x], y[of_y], k, self.form, self.metric, context.check)

        stderr, freedom = subsampled_error(
            lambda part: estimate(part, part), len(x), least, random, block=blocked(rows)
        )
        ceiling = float(digamma(len(x)) - digamma(self.k)) - (1 / self.k if self.form == 2 else 0)
        statistic = permuted(estimate, self.k, x, y)
        value = estimate(slice(None), slice(None))
        return Found(value, stderr, freedom, ceiling, remark=joined(moved_x, moved_y), statistic=statistic)


def permuted(estimate: Callable[[Part, Part, int], float], k: int, *sides: Array) -> Statistic:
    """The estimate from rows of x, rows of y and k as a statistic, of rows that take a second or two 199 times."""
    most = 2000 if all(side.shape[1] == 1 for side in sides) else 1000
    return Statistic(lambda of_x, of_y: estimate(of_x, of_y, max(k, _PERMUTED_K)), len(sides[0]), most)


def ksg(
    x: Array, y: Array, k: int, form: Form = 1, metric: Metric = "max", check: Callable[[], None] = lambda: None
) -> float:
    """The estimate in nats (see :class:`Ksg`) from rows ``(n, dim_x)`` and ``(n, dim_y)`` without ties, n > k.

    >>> x = np.arange(20.0)[:, None] ** 1.5
    >>> bool(np.isclose(ksg(x, x, 3), sum(1 / i for i in range(3, 20))))  # all there is: ψ(20) − ψ(3)
    True
    """
    from scipy.special import digamma

    near_x, near_y = near(x, y, k, form, metric, check)
    more, less = (1, 0.0) if form == 1 else (0, 1 / k)
    return float(digamma(k) - less + digamma(len(x)) - (digamma(near_x + more) + digamma(near_y + more)).mean())


def near(
    x: Array, y: Array, k: int, form: Form = 1, metric: Metric = "max", check: Callable[[], None] = lambda: None
) -> tuple[Counts, Counts]:
    """How many other rows are near each in x and in y, ``(n,)`` each: what :class:`Ksg` counts."""
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
    from scipy.spatial.distance import cdist

    counts = np.empty((2, len(x)), np.int64)
    for block in blocks(len(x), check):
        sides = [cdist(side[block], side, "chebyshev" if metric == "max" else "euclidean") for side in (x, y)]
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
