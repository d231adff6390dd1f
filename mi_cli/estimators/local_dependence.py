"""A test of independence given z: how much x and y tell of each other among neighbours of z."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli import bounds
from mi_cli.estimators.conditioning import Condition
from mi_cli.estimators.neighbour_search import Counts
from mi_cli.estimators.training_free import Index
from mi_cli.lazy import spatial, special
from mi_cli.problems import Array
from mi_cli.training.context import Context

__all__ = ["LocalDependence", "local_dependence", "neighbours_of_z"]

_MOST_ROWS = 4000  # of which 99 permutations take a second or two
_MOST_NEIGHBOURS, _LEAST_NEIGHBOURS, _NEIGHBOUR_SHARE = 200, 50, 5  # of z: a fifth of the rows, within these limits
# Shares of them within whose distance in (x, y) rows are counted. A tenth finds a sine of three periods, a fifth a
# correlation; the sum of both finds either.
_SHARES = (10, 5)
_BLOCK = 200_000  # distances at a time (fit the cache)


Numbers = np.ndarray[Any, np.dtype[np.floating[Any]]]  # float32 has enough digits for a statistic, in half the time


@dataclass(frozen=True)
class LocalDependence:
    """The test of rows with a condition (:func:`local_dependence`).

    Attributes:
        x: ``(n, dim_x)``.
        y: ``(n, dim_y)``.
        condition: the classes and the numbers of z.
    """

    x: Array
    y: Array
    condition: Condition

    def null(self, permutations: int, random: np.random.Generator, context: Context) -> tuple[Callable[[], Array], str]:
        """The statistic of the rows, then of rows whose y has changed places among neighbours of z."""
        n, few = len(self.x), self.few_rows(random)
        of_pairs, draw = self.paired_with(few, random), self.condition.pairings(few)
        orders = [few, *(draw(random) for _ in range(permutations))]

        def value(order: Index) -> float:
            context.check()
            return of_pairs(order)

        def null() -> Array:
            return np.asarray(np.round(context.map(value, orders), 9))  # equal values must not differ by rounding

        return null, "" if len(few) == n else f"p-value from {len(few)} of {n} rows"

    def few_rows(self, random: np.random.Generator) -> Index:
        """The rows that the statistic is computed from, ``(m,)``: all, or as many as take a second or two."""
        return random.permutation(len(self.x))[:_MOST_ROWS]

    def paired_with(self, rows: Index, random: np.random.Generator) -> Callable[[Index], float]:
        """The statistic of rows of x as a function of the rows of y that they are paired with, ``(m,)`` each.

        Args:
            rows: of x, with their z.
            random: the source of neighbours where z has no numbers.
        """
        x, y = self.x[rows].astype(np.float32), self.y.astype(np.float32)
        near = neighbours_of_z(Condition(self.condition.numbers[rows], self.condition.stratum[rows]), random)
        return lambda of_y: local_dependence(x, y[of_y], near)

    def p_value(self, null: Array) -> float | None:
        """As :func:`~mi_cli.bounds.uncertainty.p_value` has it."""
        return bounds.p_value(null)


def neighbours_of_z(condition: Condition, random: np.random.Generator) -> list[tuple[Index, Counts]]:
    """The rows of each class of z, ``(m,)``, and the neighbours of each in the numbers of z, ``(m, k)``.

    k is a fifth of the rows of the class, within limits. Where z has no numbers, random rows of the class are the
    neighbours.
    """
    found = []
    for part in condition.strata:
        n = len(part)
        k = min(n - 1, max(_LEAST_NEIGHBOURS, min(_MOST_NEIGHBOURS, n // _NEIGHBOUR_SHARE)))
        if k < 1:
            continue
        numbers = condition.numbers[part]
        if numbers.shape[1]:
            near = spatial.cKDTree(numbers).query(numbers, k + 1, p=np.inf)[1][:, 1:]
        else:
            mixed, place = random.permutation(n), np.empty(n, np.int64)
            place[mixed] = np.arange(n)
            near = mixed[(place[:, None] + np.arange(1, k + 1)) % n]
        found.append((part, part[near]))
    return found


def local_dependence(x: Numbers, y: Numbers, near: Sequence[tuple[Index, Counts]]) -> float:
    r"""How much x and y tell of each other among the rows that are near in z.

    .. math:: T = \sum_k \langle ψ(\tilde k_i) - ψ(n_{x,i}) - ψ(n_{y,i}) + ψ(m) \rangle

    Among the m neighbours of row i in z, :math:`\tilde k_i` are within the distance of the k-th in (x, y), and
    :math:`n_x` and :math:`n_y` within this distance in x and in y, by the maximum norm. That is the estimator of
    Mesner and Shalizi with the neighbours of z in place of their distances; k are a tenth and a fifth of m. As the
    neighbours are searched for once, many pairings of x and y take little time: n · m distances each.

    Args:
        x: ``(n, dim_x)``.
        y: ``(n, dim_y)``.
        near: rows and their neighbours in z (:func:`neighbours_of_z`).

    Returns:
        A statistic in nats, which is larger the more x and y depend on each other; 0 without neighbours.

    Reference:
        Mesner & Shalizi 2021 (IEEE Transactions on Information Theory 67, 464–484; arXiv 1912.00387).

    >>> x = np.random.default_rng(0).normal(size=(60, 1))
    >>> rows = np.arange(60)
    >>> near = [(rows, np.array([rows[rows != row] for row in rows]))]
    >>> local_dependence(x, x, near) > local_dependence(x, x[::-1], near) + 1
    True
    """
    total, counted = 0.0, 0
    for part, neighbours in near:
        m = neighbours.shape[1]
        digamma = special.digamma(np.arange(m + 1).clip(1))
        size = max(1, _BLOCK // m)
        for start in range(0, len(part), size):
            rows, others = part[start : start + size], neighbours[start : start + size]
            of_x, of_y = (_distances(side, rows, others) for side in (x, y))
            joint = np.maximum(of_x, of_y)
            ranks = [max(1, m // share) - 1 for share in _SHARES]
            ordered = np.partition(joint, ranks, axis=1)
            for rank in ranks:
                radius = ordered[:, rank, None]
                within, near_x, near_y = (np.count_nonzero(side <= radius, axis=1) for side in (joint, of_x, of_y))
                total += float((digamma[within] - digamma[near_x] - digamma[near_y] + digamma[m]).sum())
        counted += len(part)
    return total / counted if counted else 0.0


def _distances(side: Numbers, rows: Index, others: Counts) -> Numbers:
    """Distances of rows from others by the maximum norm, ``(m, k)``."""
    found: Numbers = np.abs(side[others, 0] - side[rows, :1])
    for column in range(1, side.shape[1]):
        np.maximum(found, np.abs(side[others, column] - side[rows, column, None]), out=found)
    return found
