"""Conditional MI of classes from the tables of their counts, one for each class of z."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mi_cli import bounds
from mi_cli.estimators.conditioning import split
from mi_cli.estimators.contingency import Correction, Table, second_order_variance, table_estimates, with_doubt
from mi_cli.estimators.neighbour_search import numbered
from mi_cli.estimators.training_free import Index, Measurement, mean_error
from mi_cli.lazy import special
from mi_cli.problems import Array
from mi_cli.training.context import Context

__all__ = ["Tables", "measure_tables"]


@dataclass(frozen=True)
class Tables:
    """The tables of counts of x and y, one for each class of z.

    Attributes:
        x: codes ``(n,)`` from 0 on.
        y: codes ``(n,)`` from 0 on.
        z: codes ``(n,)`` from 0 on.
    """

    x: Index
    y: Index
    z: Index

    @cached_property
    def parts(self) -> list[tuple[Index, Table]]:
        """The rows of each class of z, and their table."""
        return [(rows, Table(numbered(self.x[rows, None]), numbered(self.y[rows, None]))) for rows in split(self.z)]

    def null(self, permutations: int, random: np.random.Generator, context: Context) -> tuple[Callable[[], Array], str]:
        """The plug-in MI given z, then that of random tables that keep the counts of (x, z) and of (y, z)."""
        nulls = [(len(rows), table.null(permutations, random, context)[0]) for rows, table in self.parts]

        def null() -> Array:
            return np.round(sum(count * of_table() for count, of_table in nulls) / len(self.x), 12)

        return null, ""

    def p_value(self, null: Array) -> float | None:
        """That of the G-test where 5 rows are expected in each cell of each table, by permutations where fewer are.

        The G of the tables and their degrees of freedom add up.
        """
        permuted = bounds.p_value(null)
        varied = [table for _, table in self.parts if table.freedom]
        if permuted is None or not varied or not all(table.is_filled for table in varied):
            return permuted
        g = sum(table.g for table in varied)
        return max(bounds.SMALLEST_P, float(special.chdtrc(sum(table.freedom for table in varied), max(0.0, g))))


def measure_tables(
    x: Index, y: Index, z: Index, block: Index | None = None, correction: Correction = "nsb"
) -> Measurement:
    r"""The MI of two codes given a third, with its error: the mean over the classes of z.

    .. math:: \hat I = \sum_z \frac{n_z}{n} \hat I_z

    Each :math:`\hat I_z` is that of :func:`~.contingency.measure_table`. The influence of a row is its
    log-ratio given z, which varies within the classes of z and between them.

    Args:
        x: codes ``(n,)`` from 0 on.
        y: codes ``(n,)`` from 0 on.
        z: codes ``(n,)`` from 0 on.
        block: the number of each row's block, ``(n,)``, where rows of one block may depend on each other.
        correction: of the entropies.

    Returns:
        The estimate. Its ceiling is the smaller of the entropies given z.

    Raises:
        Unmeasurable: all rows are of one block.

    >>> x, z = np.arange(80) % 2, np.arange(80) // 2 % 2
    >>> xor = measure_tables(x, x ^ z, z)
    >>> bool(abs(xor.value - np.log(2)) < 0.03)
    True
    """
    tables, n = Tables(x, y, z), len(x)
    influence, value, other, second_order = np.zeros(n), 0.0, 0.0, 0.0
    entropies = np.zeros(2)
    for rows, table in tables.parts:
        if len(rows) < 2:  # its entropies are zero
            continue
        share, estimates = len(rows) / n, table_estimates(table, correction)
        value += share * estimates.value
        other += share * estimates.other
        entropies += share * np.array(estimates.entropies)
        influence[rows] = table.log_ratios
        second_order += share**2 * second_order_variance(table)
    error, freedom = mean_error(influence, block)
    stderr = with_doubt(error, second_order, value - other)
    return Measurement(value, stderr, freedom, float(entropies.min()), statistic=tables)
