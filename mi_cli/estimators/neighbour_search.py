"""Nearest neighbours and how many points lie near: by scipy's trees in few dimensions, by all distances in many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from mi_cli.problems import Array

__all__ = ["TREE_DIMS", "Metric", "blocks", "separate", "tree_count", "tree_neighbours"]

Metric = Literal["max", "euclidean"]
Counts = np.ndarray[Any, np.dtype[np.int64]]

# Up to so many columns of x or of y are trees faster than all distances. Measured at 10,000 rows, k = 3, one core, for
# 2 × 2, 2 × 3, 2 × 4, 2 × 5 columns: trees .15, .39, .81, 1.48 s, all distances .91, .95, .95, 1.00 s; and the subsets
# that the error is made from, whose distances are fewer, cost trees 1.6 times the value, all distances .4 times.
TREE_DIMS = 3
_BLOCK = 1_000_000  # distances at a time (8 MB): more do not make it faster
_JITTER = 1e-10  # standard deviations


def tree_neighbours(points: Array, k: int) -> tuple[Array, Counts]:
    """Distance to the k-th neighbour by the maximum norm, ``(n,)``, and the k neighbours, ``(n, k)``, of distinct
    ``points`` ``(n, d)``."""
    from scipy.spatial import cKDTree

    distances, neighbours = cKDTree(points).query(points, k + 1, p=np.inf)  # the first is the point itself
    return distances[:, -1], neighbours[:, 1:]


def tree_count(points: Array, radius: Array, strict: bool = True) -> Counts:
    """How many other points lie nearer than ``radius`` ``(n,)`` to each, or as near if not ``strict``."""
    from scipy.spatial import cKDTree

    if points.shape[1] == 1:
        return _sorted_count(points[:, 0], radius, strict)
    radius = np.nextafter(radius, 0) if strict else radius
    counts = cKDTree(points).query_ball_point(points, radius, p=np.inf, return_length=True)
    return np.asarray(counts) - 1


def _sorted_count(points: Array, radius: Array, strict: bool) -> Counts:
    """:func:`tree_count` of points on a line ``(n,)``, some ten times as fast."""
    ordered = np.sort(points)
    slack = 4 * np.spacing(np.abs(points) + radius)  # more than sums and differences are rounded by
    reach = np.maximum(radius - slack, 0) if strict else radius + slack
    low, high = np.searchsorted(ordered, points - reach, "left"), np.searchsorted(ordered, points + reach, "right")
    return np.asarray(high - low) - 1


def blocks(n: int, check: Callable[[], None]) -> Iterator[slice]:
    """Rows in slices for which n distances each fit a bounded memory; ``check`` is called before each."""
    size = max(1, _BLOCK // n)
    for start in range(0, n, size):
        check()
        yield slice(start, start + size)


def separate(name: str, side: Array, random: np.random.Generator) -> tuple[Array, str]:
    """A side ``(n, d)`` whose columns have no value twice, and a remark if it had to be changed for that.

    Equal values get noise of 1e-10 standard deviations: nearest neighbours take distances of zero for infinite density.
    """
    repeated = {c: n for c, column in enumerate(side.T) if (n := len(column) - len(np.unique(column)))}
    if not repeated:
        return side, ""
    side = side.copy()
    for column in repeated:
        noise = random.standard_normal(len(side)) * _JITTER * side[:, column].std()
        side[:, column] += noise
    listed = ", ".join(f"column {column}: {count}" for column, count in repeated.items())
    return side, f"repeated values of {name} ({listed}) were moved apart by noise of 1e-10 standard deviations"
