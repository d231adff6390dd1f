"""MI of two classes from the table of their counts: its value, its error, and its statistic under permutations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from mi_cli import bounds
from mi_cli.estimators.entropy import ENTROPIES, shrinkage
from mi_cli.estimators.table_interval import TableInterval
from mi_cli.estimators.training_free import Index, Measurement, mean_error
from mi_cli.lazy import special
from mi_cli.problems import Array
from mi_cli.training.context import Context

__all__ = [
    "Correction",
    "Table",
    "TableEstimates",
    "measure_table",
    "second_order_variance",
    "table_estimates",
    "with_doubt",
]

Correction: TypeAlias = Literal[
    "nsb", "plug_in", "miller_madow", "grassberger", "chao_shen", "james_stein", "jackknife"
]

_DOUBT = 1.5  # possible bias, in differences of two estimates: both can be off to the same side
_EXPECTED = 5  # rows in each cell, from which the G-statistic is chi-squared


@dataclass(frozen=True)
class Table:
    """The table of counts of paired codes, of which only the cells that are not empty are kept.

    Attributes:
        x: codes ``(n,)`` from 0 on, each of which occurs.
        y: codes ``(n,)`` from 0 on, each of which occurs.
    """

    x: Index
    y: Index

    @cached_property
    def margins(self) -> tuple[Index, Index]:
        """How many times each code of x occurs, and each of y."""
        return np.bincount(self.x), np.bincount(self.y)

    @cached_property
    def cells(self) -> tuple[Index, Index]:
        """The number of each row's cell, ``(n,)``, and the counts of the cells that are not empty."""
        pairs = self.x.astype(np.int64) * len(self.margins[1]) + self.y
        _, numbers, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        return numbers.ravel(), counts

    @property
    def places(self) -> tuple[Index, Index]:
        """The codes of x and of y of the cells that are not empty, in the order of ``cells``."""
        first = np.unique(self.cells[0], return_index=True)[1]
        return self.x[first], self.y[first]

    @property
    def plug_in(self) -> float:
        """The MI of the shares of the cells, in nats."""
        return _plug_in(self.cells[1], self._constant)

    @property
    def log_ratios(self) -> Array:
        """ln(n n_xy / n_x n_y) of each row's cell, ``(n,)`` in nats."""
        (numbers, counts), (of_x, of_y) = self.cells, self.margins
        return np.asarray(np.log(len(self.x) * counts[numbers] / (of_x[self.x] * of_y[self.y].astype(float))))

    @cached_property
    def _constant(self) -> float:
        return _plug_in_constant(*self.margins)

    def null(self, permutations: int, random: np.random.Generator, context: Context) -> tuple[Callable[[], Array], str]:
        """The plug-in MI of the table, then of random tables with the same margins, which is what permutations give.

        All rows are used. The plug-in MI is G / 2n of the G-test. A table of fewer cells than rows is drawn row by row:
        each row is hypergeometric, given those before it. Codes are permuted where there are more cells.
        """
        few, many = sorted(self.margins, key=len)
        dense = len(few) * len(many) <= len(self.x)

        def drawn() -> Index:
            context.check()
            return _random_table(few, many, random) if dense else Table(self.x, random.permutation(self.y)).cells[1]

        def null() -> Array:
            tables = (drawn() for _ in range(permutations))
            return np.round([self.plug_in, *(_plug_in(counts, self._constant) for counts in tables)], 12)

        return null, ""

    def p_value(self, null: Array) -> float | None:
        """That of the G-test where at least 5 rows are expected in each cell, by permutations where fewer are.

        Args:
            null: what the function of :meth:`null` returns, ``(1 + m,)``.

        Returns:
            p, or None if there are too few permutations for a p-value.

        Reference:
            Woolf 1957 (Annals of Human Genetics 21, 397–409); Cochran 1954 (Biometrics 10, 417–451), the 5 rows.
        """
        permuted = bounds.p_value(null)
        if permuted is None or not self.is_filled:
            return permuted
        return max(bounds.SMALLEST_P, float(special.chdtrc(self.freedom, max(0.0, self.g))))

    @property
    def is_filled(self) -> bool:
        """Whether at least 5 rows are expected in each cell without dependence."""
        of_x, of_y = self.margins
        return bool(of_x.min() * of_y.min() >= _EXPECTED * len(self.x))

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the G-test."""
        of_x, of_y = self.margins
        return (len(of_x) - 1) * (len(of_y) - 1)

    @property
    def g(self) -> float:
        """The statistic of the G-test, 2n times the plug-in MI."""
        return 2 * len(self.x) * self.plug_in


def measure_table(x: Index, y: Index, block: Index | None = None, correction: Correction = "nsb") -> Measurement:
    r"""The MI of two codes, :math:`\hat H_x + \hat H_y - \hat H_{xy}`, with its error and its interval.

    The entropies are those of Nemenman, Shafee & Bialek (:func:`~.entropy.nsb_entropy`), or have another correction.
    Where a value of one side occurs with one value of the other only, for all its values, the MI is the entropy of the
    other. Of the corrections, ``nsb`` had the smallest error on most tables (``docs/counts.md``).

    The square of the standard error is the jackknife's variance without what makes it too large where rows depend
    little on each other, and a term for the bias where many cells are rare (:class:`~.table_interval.TableInterval`,
    which also has the interval). Rows in blocks have the error of a mean of log-ratios of the blocks in place of the
    jackknife's, and the interval is that of a normal error.

    Args:
        x: codes ``(n,)`` from 0 on, each of which occurs.
        y: codes ``(n,)`` from 0 on, each of which occurs.
        block: the number of each row's block, ``(n,)``, where rows of one block may depend on each other.
        correction: of the entropies.

    Returns:
        The estimate. Its ceiling is the smaller of both entropies.

    Raises:
        Unmeasurable: all rows are of one block.

    >>> codes = np.arange(40) % 4
    >>> result = measure_table(codes, codes % 2)
    >>> bool(abs(result.value - math.log(2)) < 0.02), bool(abs(measure_table(codes, codes // 4 % 2).value) < 0.02)
    (True, True)
    """
    table = Table(x, y)
    estimates = table_estimates(table, correction)
    ceiling = min(estimates.entropies)
    if block is None:
        values = estimates.value, *estimates.others
        about = TableInterval(*table.places, table.cells[1], table.margins, values, ceiling)
        return Measurement(estimates.value, about.stderr, ceiling=ceiling, statistic=table, interval=about.ends)
    error, freedom = mean_error(table.log_ratios, block)
    stderr = with_doubt(error, second_order_variance(table), estimates.doubt)
    return Measurement(estimates.value, stderr, freedom, ceiling, statistic=table)


@dataclass(frozen=True)
class TableEstimates:
    """Estimates of the MI of a table, and the entropies of its sides, in nats.

    Attributes:
        value: with the correction that was asked for.
        others: by the entropies of Nemenman, Shafee & Bialek, and by jackknifed ones.
        entropies: of x and of y, as in ``value``.
    """

    value: float
    others: tuple[float, float]
    entropies: tuple[float, float]

    @property
    def doubt(self) -> float:
        """By how much the value differs from the estimate that is farthest from it."""
        return max(abs(self.value - other) for other in self.others)

    @property
    def other(self) -> float:
        """The estimate that is farthest from the value."""
        return max(self.others, key=lambda other: abs(self.value - other))


def table_estimates(table: Table, correction: Correction = "nsb") -> TableEstimates:
    """The estimates of a table of at least 2 rows."""
    cells = [*table.margins, table.cells[1]]
    others = _information("nsb", cells)[0], _information("jackknife", cells)[0]
    if correction == "james_stein":
        value, entropies = _shrunk(cells)
    else:
        value, entropies = _information(correction, cells)
    return TableEstimates(value, others, entropies)


def second_order_variance(table: Table) -> float:
    """The variance of the plug-in MI without dependence, in nats²."""
    return table.freedom / (2 * len(table.x) ** 2)


def with_doubt(error: float, second_order: float, difference: float) -> float:
    """The standard error in nats from that of a mean, the variance of second order, and a difference of estimates."""
    return math.sqrt(error**2 + second_order + (_DOUBT * difference) ** 2)


def _information(correction: str, cells: list[Index]) -> tuple[float, tuple[float, float]]:
    """MI in nats from the entropies of x, of y and of both, at most those of x and of y; and these two."""
    sizes = [len(cells[0]), len(cells[1]), len(cells[0]) * len(cells[1])]
    of_x, of_y, of_both = (ENTROPIES[correction](*side) for side in zip(cells, sizes, strict=True))
    determined = len(cells[2]) in sizes[:2]
    return min(of_x, of_y) if determined else min(of_x, of_y, of_x + of_y - of_both), (of_x, of_y)


def _shrunk(cells: list[Index]) -> tuple[float, tuple[float, float]]:
    """MI in nats of the shares of all cells, shrunk towards equal shares; and the entropies of their margins."""
    of_x, of_y, of_both = cells
    size = len(of_x) * len(of_y)
    weight = shrinkage(of_both, size)

    def entropy(counts: Index, values: int) -> float:
        shares = weight / values + (1 - weight) * counts / counts.sum()
        return float(special.entr(shares).sum() + (values - len(counts)) * special.entr(weight / values))

    entropies = entropy(of_x, len(of_x)), entropy(of_y, len(of_y))
    return sum(entropies) - entropy(of_both, size), entropies


def _random_table(of_x: Index, of_y: Index, random: np.random.Generator) -> Index:
    """The counts ``(K_x K_y,)`` of a table with these margins, of rows that are paired at random."""
    rows, left = [], of_y.copy()
    for count in of_x[:-1]:
        rows.append(random.multivariate_hypergeometric(left, count))
        left = left - rows[-1]
    return np.concatenate([*rows, left])


def _plug_in_constant(of_x: Index, of_y: Index) -> float:
    """What a plug-in MI has beside the sum over the cells of both: the part of the margins, in nats."""
    n = of_x.sum()
    return float(math.log(n) - (special.xlogy(of_x, of_x).sum() + special.xlogy(of_y, of_y).sum()) / n)


def _plug_in(counts: Any, constant: float) -> float:
    return float(special.xlogy(counts, counts).sum() / counts.sum()) + constant
