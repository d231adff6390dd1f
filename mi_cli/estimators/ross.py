"""MI of a discrete and a continuous variable by the distances to nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from mi_cli.estimators.ksg import permuted
from mi_cli.estimators.neighbour_search import TREE_DIMS, Counts, Metric, blocks, separate, tree_count, tree_neighbours
from mi_cli.estimators.training_free import (
    Direct,
    Found,
    Part,
    Unmeasurable,
    blocked,
    checked,
    refuse_discrete,
    source,
    subsampled_error,
)
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem, is_discrete
from mi_cli.training.preprocessing import Preprocess, fitted

if TYPE_CHECKING:
    from mi_cli.datasets.base import Dataset
    from mi_cli.training.context import Context

__all__ = ["Ross", "ross"]


class Ross(Direct):
    r"""Ross's estimator for a pair of which one side takes few values, each many times (its classes).

    .. math:: \hat I = ψ(n) + ψ(k) - \langle ψ(n_c) \rangle - \langle ψ(m) \rangle

    :math:`n_c` counts the rows of a row's own class, m those of any class that are no farther than its k-th neighbour
    in its class. The continuous side may have several columns; distances are by the maximum norm or Euclidean. Which
    side is discrete is seen from the rows: at most 2 √n distinct values.

    Near zero bias without dependence; too low where the classes' densities vary within the neighbourhoods. Ceiling
    ψ(n) − ⟨ψ(n_c)⟩, which is about the classes' entropy. The standard error is by
    :func:`~mi_cli.estimators.training_free.subsampled_error`, the p-value by at least 20 neighbours.
    ``preprocess`` is of the continuous side, by all rows; its repeated values get a noise of 1e-10 standard deviations,
    and the estimate says so.

    Reference:
        Ross 2014 (PLoS ONE 9, e87357).
    """

    name: Literal["ross"] = "ross"
    k: Count = 3
    metric: Metric = "max"
    preprocess: Preprocess = "standardise"

    def unfit(self, dataset: Dataset) -> list[str]:
        """Exactly one side must be discrete."""
        if len(dataset.discrete) == 1:
            return []
        has, accepted = (
            ("both", "histogram, mixed, nearest")
            if dataset.discrete
            else ("neither", "copula, gaussian, gmm, ksg, mixed, nearest")
        )
        return [
            f"estimator.name=ross: takes one discrete side and one continuous, and of x and y of "
            f"dataset.name={dataset.name} {has} is discrete; accepted: {accepted}"
        ]

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """All rows' neighbours, for the estimate and for four partitions for its error."""
        dim = max(dim_x, dim_y)
        return 5 * 20_000 * rows * dim**2 if dim <= TREE_DIMS and self.metric == "max" else 5 * rows**2 * (dim + 8)

    def found(self, problem: Problem, context: Context) -> Found:
        """From all rows."""
        from scipy.special import digamma

        random = source(problem)
        classes, name, values, remark = self._sides(problem, random)
        _, members, sizes = np.unique(classes, axis=0, return_inverse=True, return_counts=True)
        members = members.ravel()
        if sizes.min() <= self.k:
            raise Unmeasurable(
                f"a value of {'y' if name == 'x' else 'x'} comes {sizes.min()} times; k={self.k} needs each at least "
                f"{self.k + 1} times"
            )

        def estimate(of_class: Part, of_values: Part, k: int = self.k) -> float:
            return ross(members[of_class], values[of_values], k, self.metric, context.check)

        stderr, freedom = subsampled_error(
            lambda part: estimate(part, part), len(values), 8 * (self.k + 1), random, block=blocked(problem.rows)
        )
        ceiling = float(digamma(len(values)) - digamma(sizes[members]).mean())
        statistic = permuted(estimate, self.k, values)
        return Found(estimate(slice(None), slice(None)), stderr, freedom, ceiling, remark=remark, statistic=statistic)

    def _sides(self, problem: Problem, random: np.random.Generator) -> tuple[Array, str, Array, str]:
        """The discrete side; the continuous one's name, its mapped values, and a remark on what was done to them."""
        x, y = checked(problem.rows)
        discrete = is_discrete(x), is_discrete(y)
        if all(discrete) or not any(discrete):
            counts = " and ".join(f"{len(np.unique(s, axis=0))} of {n}" for n, s in (("x", x), ("y", y)))
            which, other = (
                ("both are", "histogram takes both") if all(discrete) else ("neither is", "ksg takes neither")
            )
            raise Unmeasurable(f"{counts} are distinct in {len(x)} rows: {which} discrete; needed: one ({other})")
        name, tensor = ("y", problem.rows.y) if discrete[0] else ("x", problem.rows.x)
        values = fitted(self.preprocess, tensor, name)(tensor).cpu().numpy()
        refuse_discrete(self.name, **{name: values})
        return (x if discrete[0] else y), name, *separate(name, values, random)


def ross(
    members: Counts, values: Array, k: int, metric: Metric = "max", check: Callable[[], None] = lambda: None
) -> float:
    """The estimate in nats (see :class:`Ross`) from classes ``(n,)`` and rows ``(n, d)`` without ties.

    In a class of k rows or fewer all others are neighbours; the only row of its class is left out.

    >>> members = np.repeat([0, 1], 10)
    >>> values = members * 100.0 + np.arange(20.0) ** 1.5
    >>> bool(np.isclose(ross(members, values[:, None], 3), sum(1 / i for i in range(10, 20))))  # ψ(20) − ψ(10)
    True
    """
    from scipy.special import digamma

    _, members, sizes = np.unique(members, return_inverse=True, return_counts=True)
    kept = sizes[members] > 1
    members, values = members[kept], values[kept]
    size = sizes[members]
    if not len(size):
        return 0.0
    near = np.minimum(k, size - 1)
    if metric == "max" and values.shape[1] <= TREE_DIMS:
        around = _by_trees(members, values, k, check)
    else:
        around = _by_distances(members, values, near, metric, check)
    return float(digamma(len(size)) + (digamma(near) - digamma(size) - digamma(around + 1)).mean())


def _by_trees(members: Counts, values: Array, k: int, check: Callable[[], None]) -> Counts:
    """How many other rows lie nearer than the k-th neighbour in a row's class."""
    radius = np.empty(len(values))
    for label in range(members.max() + 1):
        check()
        own = np.flatnonzero(members == label)
        if len(own):
            radius[own] = tree_neighbours(values[own], min(k, len(own) - 1))[0]
    check()
    return tree_count(values, radius)


def _by_distances(members: Counts, values: Array, k: Counts, metric: Metric, check: Callable[[], None]) -> Counts:
    from scipy.spatial.distance import cdist

    around = np.empty(len(values), np.int64)
    for block in blocks(len(values), check):
        distances = cdist(values[block], values, "chebyshev" if metric == "max" else "euclidean")
        own = np.where(members[block, None] == members, distances, np.inf)
        own.partition(np.unique(k), axis=1)  # the row itself is the first
        around[block] = np.count_nonzero(distances < np.take_along_axis(own, k[block, None], 1), axis=1) - 1
    return around
