"""MI of binned rows, from counts of cells."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mi_cli.estimators.contingency import measure_table
from mi_cli.estimators.neighbour_search import numbered
from mi_cli.estimators.training_free import (
    Measurement,
    TrainingFree,
    Unmeasurable,
    block_numbers,
    checked_arrays,
)
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem, is_discrete
from mi_cli.training.context import Context

__all__ = ["Histogram"]

Codes = np.ndarray[Any, np.dtype[np.int64]]

# Mean rows of a cell. With fewer, the estimate depends more on its prior than on the rows.
_ROWS_A_CELL = 10
_FEWEST = 4  # bins of a continuous column; fewer lose most of it


class Histogram(TrainingFree):
    """The MI of binned rows, from the table of their counts (:func:`~.contingency.measure_table`).

    Continuous columns are cut into ``bins`` of equal width or of equal counts (quantiles). Columns of few values (at
    most 2 √n) keep their values. ``auto`` takes as many bins as leave max(10, n^¼) rows a cell on average, and at least
    four. Where a column is cut, more cells than rows are refused.

    Binning loses information, so that the MI of binned rows is a lower bound on the MI. The ceiling is the smaller of
    the entropies of x and of y. The p-value uses all rows.
    """

    name: Literal["histogram"] = "histogram"
    bins: Annotated[Count, Field(ge=2)] | Literal["auto"] = "auto"
    edges: Literal["quantile", "width"] = "quantile"

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Sorting."""
        return 200 * rows * (dim_x + dim_y)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        rows = problem.rows
        x, y = checked_arrays(rows)
        context.check()
        of_x, of_y = self._codes(x, y)

        return measure_table(of_x, of_y, block_numbers(rows))

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
        if continuous and needed > n:
            raise Unmeasurable(
                f"{continuous} continuous columns of {bins} bins and {values} cells of discrete ones make {cells:.3g} "
                f"cells for {n} rows; use fewer columns{'' if self.bins == 'auto' else ' or bins'}, or at least "
                f"{needed:.3g} rows"
            )
        return self._cells(x, discrete[0], bins), self._cells(y, discrete[1], bins)

    def _cells(self, side: Array, discrete: Any, bins: int) -> Codes:
        codes = [column if mask else self._cut(column, bins) for column, mask in zip(side.T, discrete, strict=True)]
        return numbered(np.stack(codes, 1))

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
