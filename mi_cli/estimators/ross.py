"""MI of a discrete and a continuous variable from distances to nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from mi_cli import training as fitting
from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import Fault
from mi_cli.estimators.ksg import permutation_statistic
from mi_cli.estimators.neighbour_search import (
    TREE_DIMS,
    Counts,
    Metric,
    blocks,
    distances,
    separate,
    tree_count,
    tree_neighbours,
)
from mi_cli.estimators.subsampling import measured, subsampled, subset_rows
from mi_cli.estimators.training_free import (
    Measurement,
    Part,
    TrainingFree,
    Unmeasurable,
    block_numbers,
    checked_arrays,
    join_remarks,
    numpy_generator,
    refuse_discrete,
)
from mi_cli.fields import Count, Preprocess
from mi_cli.lazy import special
from mi_cli.problems import Array, Problem, is_discrete
from mi_cli.training.context import Context

__all__ = ["Ross", "ross"]


class Ross(TrainingFree):
    r"""Ross's estimator for one discrete side, whose values are classes, and one continuous side.

    .. math:: \hat I = ψ(n) + ψ(k) - \langle ψ(n_c) \rangle - \langle ψ(m) \rangle

    :math:`n_c` counts the rows of a row's own class. m counts the rows of any class that are no farther than the row's
    k-th neighbour in its class. The continuous side may have several columns; distances are by the maximum norm or
    Euclidean. The discrete side is the one with at most 2 √n distinct values. In a class of k rows or fewer, the
    farthest of its rows takes the place of the k-th neighbour. A class of one row has no neighbour; it is left out, and
    the estimate says so.

    Without dependence the bias is nearly zero. The estimate is too small where the densities of the classes vary within
    the neighbourhoods. The ceiling is ψ(n) − ⟨ψ(n_c)⟩, about the entropy of the classes. The standard error is by
    :func:`~mi_cli.estimators.subsampling.subsampled_error`. The p-value uses at least 20 neighbours. ``preprocess``
    applies to the continuous side and is fitted to all rows. Repeated values get noise of 1e-10 standard deviations,
    and the estimate says so.

    Reference:
        Ross 2014 (PLoS ONE 9, e87357).
    """

    continuous_sides: ClassVar[tuple[Side, ...]] = ("x", "y")
    name: Literal["ross"] = "ross"
    k: Count = 3
    metric: Metric = "max"
    preprocess: Preprocess = "rank_gaussianise"

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """Exactly one side must be discrete."""
        if len(dataset.discrete) == 1:
            return []
        sides, accepted = (
            ("both x and y are", "histogram, mixed, nearest")
            if dataset.discrete
            else ("neither x nor y is", "copula, gaussian, gmm, ksg, mixed, nearest")
        )
        problem = f"takes one discrete side and one continuous; in dataset.name={dataset.name} {sides} discrete"
        return [Fault("estimator.name", self.name, problem, accepted)]

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """All rows' neighbours, for the estimate and for four partitions for its error."""
        dim = max(dim_x, dim_y)
        return 5 * 20_000 * rows * dim**2 if dim <= TREE_DIMS and self.metric == "max" else 5 * rows**2 * (dim + 8)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        random = numpy_generator(problem)
        classes, name, values, remark = self._sides(problem, random)
        _, members, sizes = np.unique(classes, axis=0, return_inverse=True, return_counts=True)
        members = members.ravel()
        if single := int((sizes == 1).sum()):
            which = f"{single} {'value' if single == 1 else 'values'} of {'y' if name == 'x' else 'x'}"
            remark = join_remarks(remark, f"{which} that {'occurs' if single == 1 else 'occur'} once left out")
        least, aim = subset_rows(len(values), self.k)

        def estimate(of_class: Part, of_values: Part, k: int = self.k) -> float:
            return ross(members[of_class], values[of_values], k, self.metric, context.check)

        result = subsampled(
            lambda part: estimate(part, part), len(values), least, aim, random, block_numbers(problem.rows)
        )
        ceiling = float(special.digamma(len(values)) - special.digamma(sizes[members]).mean())
        statistic = permutation_statistic(estimate, self.k, values)
        return measured(result, ceiling, remark, statistic)

    def _sides(self, problem: Problem, random: np.random.Generator) -> tuple[Array, str, Array, str]:
        """The discrete side; the name and the preprocessed values of the continuous side, and a remark on them."""
        x, y = checked_arrays(problem.rows)
        discrete = is_discrete(x), is_discrete(y)
        if all(discrete) or not any(discrete):
            distinct = [len(np.unique(side, axis=0)) for side in (x, y)]
            sides, use = ("both sides are", "histogram") if all(discrete) else ("neither side is", "ksg")
            raise Unmeasurable(
                f"in {len(x)} rows, x has {distinct[0]} distinct values and y has {distinct[1]}, so that {sides} "
                f"discrete; ross needs one discrete side; use {use}"
            )
        name, tensor = ("y", problem.rows.y) if discrete[0] else ("x", problem.rows.x)
        values = fitting.fit_preprocess(self.preprocess, tensor, name)(tensor).cpu().numpy()
        refuse_discrete(self.name, **{name: values})
        return (x if discrete[0] else y), name, *separate(name, values, random)


def ross(
    members: Counts, values: Array, k: int, metric: Metric = "max", check: Callable[[], None] = lambda: None
) -> float:
    """The estimate of :class:`Ross` in nats.

    In a class of k rows or fewer all other rows are neighbours. A class of one row is left out.

    Args:
        members: the class of each row, ``(n,)``.
        values: rows of the continuous side, ``(n, d)``, without ties.
        k: which neighbour.
        metric: of distances.
        check: called between blocks of rows; it may raise to stop.

    >>> members = np.repeat([0, 1], 10)
    >>> values = members * 100.0 + np.arange(20.0) ** 1.5
    >>> bool(np.isclose(ross(members, values[:, None], 3), sum(1 / i for i in range(10, 20))))  # ψ(20) − ψ(10)
    True
    """
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
    digamma = special.digamma
    return float(digamma(len(size)) + (digamma(near) - digamma(size) - digamma(around + 1)).mean())


def _by_trees(members: Counts, values: Array, k: int, check: Callable[[], None]) -> Counts:
    """The number of other rows that are nearer than the k-th neighbour in the row's own class, ``(n,)``."""
    radius = np.empty(len(values))
    for label in range(members.max() + 1):
        check()
        own = np.flatnonzero(members == label)
        if len(own):
            radius[own] = tree_neighbours(values[own], min(k, len(own) - 1))[0]
    check()
    return tree_count(values, radius)


def _by_distances(members: Counts, values: Array, k: Counts, metric: Metric, check: Callable[[], None]) -> Counts:
    """What :func:`_by_trees` counts; ``k`` is the neighbour of each row, ``(n,)``."""
    around = np.empty(len(values), np.int64)
    for block in blocks(len(values), check):
        apart = distances(values[block], values, metric)
        own = np.where(members[block, None] == members, apart, np.inf)
        own.partition(np.unique(k), axis=1)  # the row itself is the first
        around[block] = np.count_nonzero(apart < np.take_along_axis(own, k[block, None], 1), axis=1) - 1
    return around
