"""MI by counting rows in cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mi_cli.estimators.training_free import (
    Direct,
    Found,
    Part,
    Statistic,
    Unmeasurable,
    blocked,
    checked,
    source,
    subsampled_error,
)
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem, is_discrete

if TYPE_CHECKING:
    from mi_cli.training.context import Context

__all__ = ["Histogram", "counted"]

Codes = np.ndarray[Any, np.dtype[np.int64]]

# On average: at 5 independent rows still seem to share .0045 nats, however many they are, at 10 .0006 (quantiles).
_ROWS_A_CELL = 10
_FEWEST = 4  # bins of a continuous column, below which they say little of it
_LEAST = 25  # rows of the smallest subset that the error is made from
_PERMUTED = 10_000  # rows that are counted 199 times in a second


class Histogram(Direct):
    r"""The plug-in MI of binned rows, corrected for the rows that are too few.

    .. math:: \hat I = \hat H_x + \hat H_y - \hat H_{xy}, \qquad
        \hat H = -\sum_c \frac{n_c}{n} \ln\frac{n_c}{n} + \frac{K - 1}{2 n}

    K the number of cells that are not empty (Miller's and Madow's correction). Continuous columns are cut into ``bins``
    of equal width or of equal counts (quantiles); those that take few values (at most 2 √n) keep them. ``auto`` takes
    as many bins as leave max(10, n^¼) rows a cell on average, and at least four. More cells than rows are refused.

    Bins lose information, so that the MI of what is binned is a lower bound of the MI; the correction leaves a bias of
    order 1/n² times the cells squared, upwards. Ceiling: the smaller of both corrected entropies. The standard error is
    by :func:`~mi_cli.estimators.training_free.subsampled_error`, on the cells of all rows.

    Reference:
        Miller 1955 (in *Information Theory in Psychology*, 95–100); Paninski 2003 (Neural Computation 15, 1191–1253).
    """

    name: Literal["histogram"] = "histogram"
    bins: Annotated[Count, Field(ge=2)] | Literal["auto"] = "auto"
    edges: Literal["quantile", "width"] = "quantile"

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Of sorting, for the estimate and for four partitions."""
        return 5 * 200 * rows * (dim_x + dim_y)

    def found(self, problem: Problem, context: Context) -> Found:
        """From all rows."""
        rows = problem.rows
        x, y = checked(rows)
        of_x, of_y = self._codes(x, y)

        def estimate(part_x: Part, part_y: Part) -> tuple[float, float]:
            context.check()
            return counted(of_x[part_x], of_y[part_y])

        value, ceiling = estimate(slice(None), slice(None))
        stderr, freedom = subsampled_error(
            lambda part: estimate(part, part)[0], len(x), _LEAST, source(problem), block=blocked(rows)
        )
        statistic = Statistic(lambda *pair: estimate(*pair)[0], len(x), _PERMUTED)
        return Found(value, stderr, freedom, ceiling, statistic=statistic)

    def _codes(self, x: Array, y: Array) -> tuple[Codes, Codes]:
        """The cell of each row in x and in y, ``(n,)`` each."""
        n, sides = len(x), (x, y)
        kept = [np.array([is_discrete(column) for column in side.T]) for side in sides]
        values = math.prod(len(np.unique(side[:, keep], axis=0)) for side, keep in zip(sides, kept, strict=True))
        continuous = sum(int((~keep).sum()) for keep in kept)
        a_cell = max(_ROWS_A_CELL, n**0.25) if self.bins == "auto" and continuous else 1
        bins = self._bins(n / values / a_cell, continuous)
        cells = values * float(bins) ** continuous
        needed = cells * a_cell
        if needed > n:
            raise Unmeasurable(
                f"{continuous} continuous columns of {bins} bins and {values} cells of discrete ones make {cells:.3g} "
                f"cells for {n} rows; needed: fewer columns{'' if self.bins == 'auto' else ' or bins'}, or at least "
                f"{needed:.3g} rows"
            )
        return self._cells(x, kept[0], bins), self._cells(y, kept[1], bins)

    def _cells(self, side: Array, keep: Any, bins: int) -> Codes:
        cut = [column if kept else self._cut(column, bins) for column, kept in zip(side.T, keep, strict=True)]
        return np.unique(np.stack(cut, 1), axis=0, return_inverse=True)[1].ravel()

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


def counted(x: Codes, y: Codes) -> tuple[float, float]:
    """MI and the smaller of both entropies, in nats and corrected, of paired codes ``(n,)`` from 0 on.

    >>> value, most = counted(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    >>> bool(np.isclose(value, np.log(2) + 1 / 8)), value == most
    (True, True)
    """
    entropy_x, entropy_y = _entropy(x), _entropy(y)
    joint = _entropy(x * (y.max() + 1) + y)
    return entropy_x + entropy_y - joint, min(entropy_x, entropy_y)


def _entropy(codes: Codes) -> float:
    counts = np.unique(codes, return_counts=True)[1]
    shares = counts / len(codes)
    return float(-(shares * np.log(shares)).sum()) + (len(counts) - 1) / (2 * len(codes))
