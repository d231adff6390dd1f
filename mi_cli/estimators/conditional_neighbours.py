"""Conditional MI from distances to nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli.datasets.base import Dataset
from mi_cli.errors import Fault
from mi_cli.estimators.conditioning import Condition, split
from mi_cli.estimators.local_dependence import LocalDependence
from mi_cli.estimators.neighbour_search import (
    Counts,
    Metric,
    blocks,
    distances,
    numbered,
    occurrences,
    separate,
    tree_count,
    tree_neighbours,
)
from mi_cli.estimators.residuals import without_z
from mi_cli.estimators.subsampling import measured, subsampled, subset_rows
from mi_cli.estimators.training_free import (
    Measurement,
    Part,
    Unmeasurable,
    block_numbers,
    numpy_generator,
    preprocessed,
)
from mi_cli.fields import Preprocess
from mi_cli.lazy import special
from mi_cli.problems import Array, Problem, Rows
from mi_cli.training.context import Context

__all__ = ["conditional_neighbours", "count_near_given", "neighbours_given", "options_given", "refuse_options"]

_TREE_COLUMNS = 6  # of x, y and z together, up to which trees are faster than all distances
_OPTIONS = {"form": 1, "metric": "max"}

# The scale of z beside that of the residuals of x and y. At 2,000 rows of `confounded` with five columns of z and .51
# nats, and kernels of all columns together, a scale of 1, .5 and .25 gives .37, .41 and .40; where the correlation of x
# and y is tanh(2 z), with 1.06 nats, .92, .93 and .90.
_SCALE = 0.5


@dataclass(frozen=True)
class _Sides:
    """Rows of x and y as they are searched, without ties, and the condition.

    Attributes:
        x: ``(n, dim_x)``.
        y: ``(n, dim_y)``.
        condition: the classes and the numbers of z.
        values: the number of each row's value of x, of y and of the numbers of z before ties were moved apart, ``(n,)``
            each.
    """

    x: Array
    y: Array
    condition: Condition
    values: tuple[Counts, Counts, Counts]


def conditional_neighbours(problem: Problem, k: int, preprocess: Preprocess, context: Context) -> Measurement:
    r"""The MI of x and y given z, by the nearest neighbours of all rows.

    .. math:: \hat I = \langle ψ(k_i) - ψ(n_{xz,i} + 1) - ψ(n_{yz,i} + 1) + ψ(n_{z,i} + 1) \rangle

    with :math:`n_{xz}`, :math:`n_{yz}` and :math:`n_z` the rows that are strictly nearer than the k-th neighbour in
    (x, y, z), by the maximum norm, and :math:`k_i = k`. Where more than k rows are alike in x, y and z,
    :math:`k_i` is their number, and the others are the numbers of rows that are alike in (x, z), in (y, z) and in z.
    That is the estimator of Frenzel and Pompe where all is continuous, and to first order that of Mesner and Shalizi
    for mixtures.

    Columns of z with few values are classes: the estimate is the mean over the classes of z of what their rows give.
    From continuous columns of x and y, what the numbers of z predict is subtracted first
    (:func:`~.residuals.smooth_residuals`), which does not change the MI given z. Then they are preprocessed once more,
    and z is given half their scale.

    Without dependence given z the bias is small. With dependence the estimate is too small, the more so the more
    columns z has: the k-th neighbour is then far away in x and y as well. The standard error is by
    :func:`~.subsampling.subsampled_error`. The p-value is by permutations of y among neighbours of z, of the statistic
    :func:`~.local_dependence.local_dependence`.

    Args:
        problem: whose rows have z.
        k: which neighbour.
        preprocess: of columns that are numbers.
        context: of the run.

    Raises:
        Unmeasurable: the rows have no estimate.

    Reference:
        Frenzel & Pompe 2007 (Physical Review Letters 99, 204101); Mesner & Shalizi 2021 (IEEE Transactions on
        Information Theory 67, 464–484; arXiv 1912.00387); Runge 2018 (AISTATS; arXiv 1709.01447), the permutations.
    """
    random, rows = numpy_generator(problem), problem.rows
    sides = _sides(rows, preprocess, random)
    n = len(rows)
    least, aim = subset_rows(n, k)

    def estimate(part: Part) -> float:
        return _within_strata(sides, part, k, context.check)

    result = subsampled(estimate, n, least, aim, random, block_numbers(rows))
    statistic = LocalDependence(sides.x, sides.y, sides.condition)
    ceiling = sum(len(part) * _most(len(part), k) for part in sides.condition.strata) / n
    return measured(result, ceiling, "", statistic)  # ties are counted, so that nothing need be said of them


def options_given(dataset: Dataset, **options: Any) -> list[Fault]:
    """The faults of options, ``form`` and ``metric``, that are not those of the MI given z, if ``dataset`` has a z."""
    if not dataset.dim_z:
        return []
    return [
        Fault(f"estimator.{key}", value, "is not defined for the MI given z", str(_OPTIONS[key]))
        for key, value in options.items()
        if value != _OPTIONS[key]
    ]


def refuse_options(form: int, metric: Metric) -> None:
    """Refuse options that the conditional estimator does not have.

    Raises:
        Unmeasurable: form is not 1, or metric is not max.
    """
    if form != 1:
        raise Unmeasurable(f"form={form} is not defined for the MI given z; use form=1")
    if metric != "max":
        raise Unmeasurable(f"metric={metric} is not defined for the MI given z; use metric=max")


def _most(n: int, k: int) -> float:
    """The most that the estimate of n rows can be, in nats."""
    return float(special.digamma(n) - special.digamma(min(k, n - 1))) if n > 1 else 0.0


def _sides(rows: Rows, preprocess: Preprocess, random: np.random.Generator) -> _Sides:
    condition = Condition.of(rows, preprocess)
    ((x, y),) = preprocessed(preprocess, rows)
    if condition.numbers.shape[1]:
        x, y = (without_z(name, side, condition, preprocess, random) for name, side in (("x", x), ("y", y)))
    z = condition.numbers * _SCALE
    values = numbered(x), numbered(y), numbered(z) if z.shape[1] else np.zeros(len(z), np.int64)
    x, y, z = (separate(name, side, random)[0] for name, side in (("x", x), ("y", y), ("z", z)))
    return _Sides(x, y, Condition(z, condition.stratum), values)


def _within_strata(sides: _Sides, rows: Part, k: int, check: Callable[[], None]) -> float:
    """The mean over the classes of z of :func:`neighbours_given`, for some of the rows."""
    x, y, z = sides.x[rows], sides.y[rows], sides.condition.numbers[rows]
    values = [of_side[rows] for of_side in sides.values]
    total = 0.0
    for part in split(sides.condition.stratum[rows]):
        total += len(part) * neighbours_given(
            x[part], y[part], z[part], [of_side[part] for of_side in values], k, check
        )
    return total / len(x)


def neighbours_given(
    x: Array, y: Array, z: Array, values: Sequence[Counts], k: int, check: Callable[[], None] = lambda: None
) -> float:
    """The estimate of :func:`conditional_neighbours` in nats, for rows of one class of z.

    Args:
        x: rows ``(n, dim_x)``, with equal ones moved apart.
        y: rows ``(n, dim_y)``, with equal ones moved apart.
        z: rows ``(n, dim_z)``; dim_z may be 0, and the estimate is then that of I(x; y).
        values: the number of each row's value of x, of y and of z before that, ``(n,)`` each, from 0 on.
        k: which neighbour; at most n − 1 is used. A single row gives 0.
        check: called between blocks of rows; it may raise to stop.

    >>> x = np.arange(20.0)[:, None] ** 1.5
    >>> rows = np.arange(20)
    >>> bool(np.isclose(neighbours_given(x, x, x[:, :0], [rows, rows, 0 * rows], 3), sum(1 / i for i in range(3, 20))))
    True
    """
    n = len(x)
    k = min(k, n - 1)
    if k < 1:
        return 0.0
    near = count_near_given(x, y, z, k, check)
    of_x, of_y, of_z = values
    xz, yz = _joined(of_x, of_z), _joined(of_y, of_z)
    alike = occurrences(_joined(xz, of_y))
    many = alike > k
    if many.any():
        near = tuple(
            np.where(many, occurrences(numbers) - 1, count) for numbers, count in zip((xz, yz, of_z), near, strict=True)
        )
    digamma = special.digamma
    of_xz, of_yz, of_z = (digamma(count + 1) for count in near)
    return float((digamma(np.where(many, alike, k)) - of_xz - of_yz + of_z).mean())


def _joined(one: Counts, other: Counts) -> Counts:
    """The number of each row's pair of values, ``(n,)``."""
    return numbered((one * (int(other.max()) + 1) + other)[:, None])


def count_near_given(
    x: Array, y: Array, z: Array, k: int, check: Callable[[], None] = lambda: None
) -> tuple[Counts, ...]:
    """The counts n_xz, n_yz and n_z of :func:`conditional_neighbours` for each row, ``(n,)`` each."""
    if x.shape[1] + y.shape[1] + z.shape[1] <= _TREE_COLUMNS:
        check()
        radius, _ = tree_neighbours(np.concatenate([x, y, z], 1), k)
        sides = np.concatenate([x, z], 1), np.concatenate([y, z], 1)
        of_z = tree_count(z, radius) if z.shape[1] else np.full(len(z), len(z) - 1)
        return *(tree_count(side, radius) for side in sides), of_z
    return _by_distances(x, y, z, k, check)


def _by_distances(x: Array, y: Array, z: Array, k: int, check: Callable[[], None]) -> tuple[Counts, ...]:
    counts = np.empty((3, len(x)), np.int64)
    for block in blocks(len(x), check):
        of_z = distances(z[block], z, "max") if z.shape[1] else np.zeros((len(x[block]), len(x)))
        xz, yz = (np.maximum(distances(side[block], side, "max"), of_z) for side in (x, y))
        radius = np.partition(np.maximum(xz, yz), k, axis=1)[:, k, None]  # the row itself is the first
        counts[:, block] = np.stack([np.count_nonzero(side < radius, axis=1) for side in (xz, yz, of_z)]) - 1
    return tuple(counts)
