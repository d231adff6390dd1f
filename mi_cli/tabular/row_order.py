"""Rows that follow each other: whether neighbours are alike, and how long blocks of them must be.

Nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from mi_cli.lazy import np
from mi_cli.tabular.columns import Array
from mi_cli.tabular.encoding import EncodedColumn, EncodedRows

__all__ = ["FEWEST_BLOCKS", "AlikeNeighbours", "alike_neighbours", "block_length", "dependent_rows"]

FEWEST_BLOCKS = 20  # of neighbours in time, however long their dependence lasts
_FALSE_ALARMS = 0.001  # share of tables with independent rows whose neighbours seem alike
_SMALLEST = 0.1  # autocorrelation below which rows may be taken for independent
_MOST_COLUMNS = 64  # of each side that are looked at
_MOST_ROWS = 20_000  # the first ones, that tell whether neighbours are alike


@dataclass(frozen=True)
class AlikeNeighbours:
    """The columns whose values are most alike in neighbouring rows: of x and of y, with their autocorrelations."""

    x: tuple[str, float]
    y: tuple[str, float]


def alike_neighbours(rows: EncodedRows) -> AlikeNeighbours | None:
    """Whether neighbouring rows are alike in x and in y, so that they cannot be taken for independent.

    Both must be: if the rows of one side are independent, errors and p-values hold. The autocorrelation at lag 1 of the
    values' ranks is compared with its distribution in independent rows, for as many columns as there are, so that at
    most 1 in 1,000 tables of independent rows gets an answer. Tables that are sorted by one of their columns get none.
    """
    first = np.arange(min(rows.n, _MOST_ROWS))
    most = [
        _most_alike([column.select(first) for column in side[:_MOST_COLUMNS]], len(first)) for side in (rows.x, rows.y)
    ]
    if most[0] is None or most[1] is None:
        return None
    if any(_is_sorted(column.values) for column in (*rows.x, *rows.y)):
        return None
    return AlikeNeighbours(most[0], most[1])


def _most_alike(columns: Sequence[EncodedColumn], n: int) -> tuple[str, float] | None:
    limit = -NormalDist().inv_cdf(_FALSE_ALARMS / 2 / len(columns)) / math.sqrt(n)
    lag_one = {column.info.name: _lag_one(scores) for column in columns if (scores := _scores(column)).any()}
    if not lag_one:
        return None
    name = max(lag_one, key=lambda name: abs(lag_one[name]))
    far = abs(lag_one[name] + 1 / n) > limit and abs(lag_one[name]) >= _SMALLEST
    return (name, lag_one[name]) if far else None


def _is_sorted(values: Array) -> bool:
    steps = np.diff(values.astype(np.float64))
    return bool((steps >= 0).all() or (steps <= 0).all())


def _scores(column: EncodedColumn) -> Array:
    """The ranks of numbers, or whether a class is the most frequent one; of mean 0."""
    if column.info.kind == "number":
        scores = np.unique(column.values, return_inverse=True)[1].reshape(-1).astype(np.float64)
    else:
        scores = (column.values == np.bincount(column.values).argmax()).astype(np.float64)
    centred: Array = scores - scores.mean()
    return centred


def _lag_one(scores: Array) -> float:
    return float((scores[1:] * scores[:-1]).sum() / (scores * scores).sum())  # not by BLAS, whose threads must start


def block_length(rows: EncodedRows) -> int:
    """How many rows in the order of time make a block that is nearly independent of others.

    It is twice the lag from which on no column is autocorrelated, the largest over all columns, and at most so long
    that there are 20 blocks. Autocorrelations of ranks below 2 √(log10(n) / n) at five lags in a row end the search.
    Source: the rule for the bandwidth in Politis & White 2004, "Automatic block-length selection for the dependent
    bootstrap" (corrected by Patton, Politis & White 2009).
    """
    longest = max(1, rows.n // FEWEST_BLOCKS)
    columns = (*rows.x[:_MOST_COLUMNS], *rows.y[:_MOST_COLUMNS])
    return min(longest, max(_length(_scores(column)) for column in columns))


def dependent_rows(values: Array) -> int:
    """How many rows in the order of time make a block of columns ``(n, d)``, by the same rule without a limit."""
    ranks = (np.unique(column, return_inverse=True)[1].reshape(-1).astype(np.float64) for column in values.T)
    return max((_length(scores - scores.mean()) for scores in ranks if scores.any()), default=1)


def _length(scores: Array) -> int:
    """Twice the last lag before five autocorrelations in a row are those of independent rows, or 1."""
    n = len(scores)
    spectrum = np.fft.rfft(scores, 2 * n)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), 2 * n)[:n]
    quiet = np.abs(covariance[1:] / covariance[0]) < 2 * math.sqrt(math.log10(n) / n)
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    ends = np.flatnonzero(np.convolve(quiet, np.ones(run), "valid") == run)
    return max(1, 2 * (int(ends[0]) if len(ends) else n))
