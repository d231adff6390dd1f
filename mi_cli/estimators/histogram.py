"""MI of binned rows, from counts of cells."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mi_cli.estimators.training_free import (
    Measurement,
    Part,
    Statistic,
    TrainingFree,
    Unmeasurable,
    block_numbers,
    checked_arrays,
    numpy_generator,
    subsampled_error,
)
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem, is_discrete
from mi_cli.training.context import Context

__all__ = ["Histogram", "miller_madow"]

Codes = np.ndarray[Any, np.dtype[np.int64]]

# Mean rows of a cell. Independent rows in quantile bins have .0045 nats at 5 rows a cell, and .0006 nats at 10,
# for any number of rows.
_ROWS_A_CELL = 10
_FEWEST = 4  # bins of a continuous column; fewer lose most of it
_LEAST = 25  # rows of the smallest subset for the error
_PERMUTED = 10_000  # rows that can be counted 199 times in a second


class Histogram(TrainingFree):
    r"""The plug-in MI of binned rows, corrected for the rows that are too few.

    .. math:: \hat I = \hat H_x + \hat H_y - \hat H_{xy}, \qquad
        \hat H = -\sum_c \frac{n_c}{n} \ln\frac{n_c}{n} + \frac{K - 1}{2 n}

    with K the number of cells that are not empty (the correction of Miller and Madow). Continuous columns are cut into
    ``bins`` of equal width or of equal counts (quantiles). Columns of few values (at most 2 √n) keep their values.
    ``auto`` takes as many bins as leave max(10, n^¼) rows a cell on average, and at least four. More cells than rows
    are refused.

    Binning loses information, so that the MI of binned rows is a lower bound on the MI. The correction leaves an upward
    bias of order K² / n². The ceiling is the smaller of the two corrected entropies. The standard error is by
    :func:`~mi_cli.estimators.training_free.subsampled_error`, on the cells of all rows.

    Reference:
        Miller 1955 (in *Information Theory in Psychology*, 95–100); Paninski 2003 (Neural Computation 15, 1191–1253).
    """

    name: Literal["histogram"] = "histogram"
    bins: Annotated[Count, Field(ge=2)] | Literal["auto"] = "auto"
    edges: Literal["quantile", "width"] = "quantile"

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Sorting, for the estimate and for four partitions."""
        return 5 * 200 * rows * (dim_x + dim_y)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        rows = problem.rows
        x, y = checked_arrays(rows)
        of_x, of_y = self._codes(x, y)

        def estimate(part_x: Part, part_y: Part) -> tuple[float, float]:
            context.check()
            return miller_madow(of_x[part_x], of_y[part_y])

        value, ceiling = estimate(slice(None), slice(None))
        stderr, freedom = subsampled_error(
            lambda part: estimate(part, part)[0], len(x), _LEAST, numpy_generator(problem), block=block_numbers(rows)
        )
        statistic = Statistic(lambda *pair: estimate(*pair)[0], len(x), _PERMUTED)
        return Measurement(value, stderr, freedom, ceiling, statistic=statistic)

    def _codes(self, x: Array, y: Array) -> tuple[Codes, Codes]:
        """The number of each row's cell in x and in y, ``(n,)`` each."""
        n, sides = len(x), (x, y)
        discrete = [np.array([is_discrete(column) for column in side.T]) for side in sides]
        values = math.prod(len(np.unique(side[:, mask], axis=0)) for side, mask in zip(sides, discrete, strict=True))
        continuous = sum(int((~mask).sum()) for mask in discrete)
        a_cell = max(_ROWS_A_CELL, n**0.25) if self.bins == "auto" and continuous else 1
        bins = self._bins(n / values / a_cell, continuous)
        cells = values * float(bins) ** continuous
        needed = cells * a_cell
        if needed > n:
            raise Unmeasurable(
                f"{continuous} continuous columns of {bins} bins and {values} cells of discrete ones make {cells:.3g} "
                f"cells for {n} rows; use fewer columns{'' if self.bins == 'auto' else ' or bins'}, or at least "
                f"{needed:.3g} rows"
            )
        return self._cells(x, discrete[0], bins), self._cells(y, discrete[1], bins)

    def _cells(self, side: Array, discrete: Any, bins: int) -> Codes:
        codes = [column if mask else self._cut(column, bins) for column, mask in zip(side.T, discrete, strict=True)]
        return np.unique(np.stack(codes, 1), axis=0, return_inverse=True)[1].ravel()

    def _bins(self, cells: float, columns: int) -> int:
        if self.bins != "auto":
            return self.bins
        return max(_FEWEST, int(cells ** (1 / columns) + 1e-9)) if columns else 1

    def _cut(self, column: Array, bins: int) -> Codes:
        if self.edges == "width":
            edges = np.linspace(column.min(), column.max(), bins + 1)
        else:
            edges = np.quantile(column, np.linspace(0, 1, bins + 1))
        return np.searchsorted(edges[1:-1], column, side="right")


def miller_madow(x: Codes, y: Codes) -> tuple[float, float]:
    """MI of paired codes with the correction of Miller and Madow, and the smaller of their corrected entropies.

    Args:
        x: codes from 0 on, ``(n,)``.
        y: codes from 0 on, ``(n,)``.

    Returns:
        MI and entropy in nats.

    >>> value, most = miller_madow(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    >>> bool(np.isclose(value, np.log(2) + 1 / 8)), value == most
    (True, True)
    """
    entropy_x, entropy_y = _entropy(x), _entropy(y)
    joint = _entropy(x * (y.max() + 1) + y)
    return entropy_x + entropy_y - joint, min(entropy_x, entropy_y)


def _entropy(codes: Codes) -> float:
    """Miller and Madow's entropy in nats."""
    counts = np.unique(codes, return_counts=True)[1]
    shares = counts / len(codes)
    return float(-(shares * np.log(shares)).sum()) + (len(counts) - 1) / (2 * len(codes))
