"""Nearest neighbours, and counts of near points: by SciPy's trees in few dimensions, by all distances in many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from mi_cli.errors import listed
from mi_cli.lazy import distance, spatial
from mi_cli.problems import Array, column_place

__all__ = [
    "REPEATED",
    "TREE_DIMS",
    "Counts",
    "Metric",
    "blocks",
    "distances",
    "numbered",
    "occurrences",
    "permuted_k",
    "repeated_shares",
    "separate",
    "tree_count",
    "tree_neighbours",
]

Metric = Literal["max", "euclidean"]
Counts = np.ndarray[Any, np.dtype[np.int64]]

# The most columns of x or of y for which trees are faster than all distances. Measured at 10,000 rows, k = 3, one core,
# for 2 × 2, 2 × 3, 2 × 4, 2 × 5 columns: trees .15, .39, .81, 1.48 s, all distances .91, .95, .95, 1.00 s. The subsets
# for the standard error have fewer distances: beside the value they cost 1.6 times as much by trees, and .4 times by
# all distances.
TREE_DIMS = 3
REPEATED = 0.05  # the largest share of repeated values of a continuous column
_BLOCK = 1_000_000  # distances at a time (8 MB); larger blocks are not faster
_JITTER = 1e-10  # standard deviations
_SAID = 3  # columns with repeated values that a remark says one by one

# Neighbours for a p-value, which does not need a small bias. A correlation of .2 in 1,000 rows has p ≤ .1 (19
# permutations) in 33 % of samples with 3 neighbours, in 67 % with 20, in 100 % with 100; a sine of three periods has it
# in 67 %, 100 % and 7 %.
_PERMUTED_K = 20


def tree_neighbours(points: Array, k: int) -> tuple[Array, Counts]:
    """The k nearest neighbours of each point by the maximum norm.

    Args:
        points: distinct points, ``(n, d)``.
        k: number of neighbours.

    Returns:
        The distance to the k-th neighbour, ``(n,)``, and the indices of the neighbours, ``(n, k)``.
    """
    radii, neighbours = spatial.cKDTree(points).query(points, k + 1, p=np.inf)  # the first is the point itself
    return radii[:, -1], neighbours[:, 1:]


def tree_count(points: Array, radius: Array, strict: bool = True) -> Counts:
    """The number of other points within ``radius`` ``(n,)`` of each point, by the maximum norm.

    Args:
        points: ``(n, d)``.
        radius: of each point, ``(n,)``.
        strict: whether a point at exactly this distance is left out.

    Returns:
        ``(n,)``.
    """
    if points.shape[1] == 1:
        return _sorted_count(points[:, 0], radius, strict)
    radius = np.nextafter(radius, 0) if strict else radius
    counts = spatial.cKDTree(points).query_ball_point(points, radius, p=np.inf, return_length=True)
    return np.asarray(counts) - 1


def _sorted_count(points: Array, radius: Array, strict: bool) -> Counts:
    """:func:`tree_count` for points on a line ``(n,)``, about ten times as fast."""
    ordered = np.sort(points)
    slack = 4 * np.spacing(np.abs(points) + radius)  # more than the rounding of sums and differences
    reach = np.maximum(radius - slack, 0) if strict else radius + slack
    low, high = np.searchsorted(ordered, points - reach, "left"), np.searchsorted(ordered, points + reach, "right")
    return np.asarray(high - low) - 1


def distances(points: Array, others: Array, metric: Metric) -> Array:
    """Distances ``(m, n)`` of points ``(m, d)`` from others ``(n, d)``."""
    return np.asarray(distance.cdist(points, others, "chebyshev" if metric == "max" else "euclidean"))


def blocks(n: int, check: Callable[[], None]) -> Iterator[slice]:
    """Slices of n rows whose distances from all rows fit a bounded memory; ``check`` is called before each slice."""
    size = max(1, _BLOCK // n)
    for start in range(0, n, size):
        check()
        yield slice(start, start + size)


def numbered(side: Array | Counts) -> Counts:
    """The number of each row's value, ``(n,)``, from 0 on; equal rows of ``(n, d)`` have the same."""
    values = side[:, 0] if side.shape[1] == 1 else side  # numbers are sorted many times as fast as rows
    axis = None if values.ndim == 1 else 0
    return np.asarray(np.unique(values, axis=axis, return_inverse=True)[1]).ravel()


def occurrences(values: Counts) -> Counts:
    """How many times each row's value occurs, ``(n,)``."""
    _, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[numbers.ravel()])


def permuted_k(k: int, n: int) -> int:
    """The number of neighbours for the p-value of an estimate from n rows with k neighbours."""
    return max(k, min(_PERMUTED_K, n // 4))


def repeated_shares(side: Array) -> list[float]:
    """The share of the values of each column that repeat another."""
    return [1 - len(np.unique(column)) / len(column) for column in side.T]


def separate(name: str, side: Array, random: np.random.Generator) -> tuple[Array, str]:
    """Move repeated values of a column apart: nearest neighbours take a distance of zero for an infinite density.

    Args:
        name: of the side, for the remark.
        side: ``(n, d)``; it is not changed.
        random: the source of the noise, of 1e-10 standard deviations.

    Returns:
        The side without repeated values, and a remark, which is empty if nothing was changed.
    """
    repeated = {c: n for c, column in enumerate(side.T) if (n := len(column) - len(np.unique(column)))}
    if not repeated:
        return side, ""
    side = side.copy()
    for column in repeated:
        noise = random.standard_normal(len(side)) * _JITTER * side[:, column].std()
        side[:, column] += noise
    most = sorted(repeated, key=lambda column: -repeated[column])[:_SAID]
    said = [f"{column_place(column, name)} ({repeated[column]})" for column in most]
    if more := len(repeated) - len(said):
        said.append(f"{more} more {'column' if more == 1 else 'columns'} of {name}")
    return side, f"repeated values of {listed(said, 'and')} were moved apart by noise of 1e-10 standard deviations"
