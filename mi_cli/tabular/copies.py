"""Rows that repeat others more often than chance makes them. Nothing here imports torch.

Rounded numbers and counts have equal rows by chance; copies of rows look like dependence to every estimator. What
chance gives is judged twice, and the larger number counts: by the frequencies of the columns' values, as if columns
were independent; and by how many rows lie a few steps apart, which dependence raises as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mi_cli.lazy import np
from mi_cli.tabular.columns import Array
from mi_cli.tabular.encoding import EncodedColumn, EncodedRows

__all__ = ["copied_rows"]

_COMMON = 0.01  # share of the rows from which on a value is common
_FEW = 5  # rows up to which a value is never common
_OFFSETS = 8  # ways to merge neighbouring values that are tried
_SEED = 20_230_611  # of these ways


def copied_rows(rows: EncodedRows) -> int:
    """How many rows repeat an earlier one, where that is more than chance makes them; else 0.

    Only rows with a value that is not common in its column count: rows of zeros, or of classes, are equal by nature.
    If E rows are expected to repeat others by chance, up to 1 + 2 E + 3 √E are no copies; more are seen by chance in
    less than 1 % of tables.
    """
    columns = (*rows.x, *rows.y, *rows.z)
    if len(np.unique(_keys([column.values for column in columns]))) == rows.n:
        return 0
    common = max(_FEW, int(_COMMON * rows.n))
    ranks, rarest = [], np.full(rows.n, rows.n)
    expected, among_common = 1.0, 1.0
    for column in columns:
        distinct, rank, times = np.unique(column.values, return_inverse=True, return_counts=True)
        rank = rank.reshape(-1)
        ranks.append(rank)
        rarest = np.minimum(rarest, times[rank])
        pairs = times * (times - 1.0)
        of_common = float(pairs[times > common].sum())
        expected *= float(pairs.sum()) if _has_steps(column, distinct) else of_common
        among_common *= of_common
        expected, among_common = (value / (rows.n * (rows.n - 1.0)) for value in (expected, among_common))
    of_interest = rarest <= common
    kept = [rank[of_interest] for rank in ranks]
    equal, repeats = _equal_rows(kept)
    by_chance = (expected - among_common) * rows.n * (rows.n - 1.0) / 2
    if repeats <= _most(by_chance):
        return 0
    steps = [_has_steps(column, np.unique(column.values)) for column in columns]
    return repeats if repeats > _most(_equal_by_chance(kept, steps, equal)) else 0


def _most(expected: float) -> float:
    """How many repeats are no copies where so many are expected by chance."""
    return 1 + 2 * expected + 3 * math.sqrt(expected)


def _keys(columns: Sequence[Array]) -> Array:
    """A number for each row, equal for equal rows; two different rows have the same one once in 2⁶⁴ pairs."""
    total = np.zeros(len(columns[0]), np.uint64)
    factor = np.uint64(0x9E3779B97F4A7C15)
    for values in columns:
        total = (total ^ values.astype(np.float64).view(np.uint64)) * factor
        total ^= total >> np.uint64(29)
    return total


def _equal_rows(columns: Sequence[Array]) -> tuple[float, int]:
    """Pairs of equal rows, and rows that repeat an earlier one."""
    if not len(columns[0]):
        return 0.0, 0
    times = np.unique(_keys(columns), return_counts=True)[1]
    return float((times * (times - 1.0)).sum() / 2), int(times.sum() - len(times))


def _has_steps(column: EncodedColumn, distinct: Array) -> bool:
    """Whether values are classes, or numbers in steps, such as rounded ones: the same gaps come again and again."""
    if column.info.kind != "number" or len(distinct) < 3:
        return True
    size = float(np.abs(distinct).max())
    gaps = np.diff(distinct)
    return len(np.unique(np.round(gaps / size, 10))) <= len(gaps) / 2


def _equal_by_chance(ranks: Sequence[Array], steps: Sequence[bool], equal: float) -> float:
    """How many of the pairs of equal rows are chance, by the pairs that differ by a few steps in some columns.

    Values are merged two by two and four by four. Where a density is smooth over four steps, merging two values makes g
    times as many rows equal by chance, and merging four makes g² times as many; copies stay as they are. So the numbers
    of equal pairs without merging, with two and with four values give g and what is chance.
    """
    of_two, of_four = (_equal_when_merged(ranks, steps, size) for size in (2, 4))
    growth = (of_four - of_two) / max(of_two - equal, 1.0)
    return (of_two - equal) / max(growth - 1, 0.5)


def _equal_when_merged(ranks: Sequence[Array], steps: Sequence[bool], size: int) -> float:
    """Pairs of equal rows when neighbouring values are merged, beginning where most rows become equal."""
    generator = np.random.default_rng(_SEED)
    most = 0.0
    for number in range(_OFFSETS):
        offsets = generator.integers(0, size, len(ranks)) * (number > 0)
        merged = [
            (rank + offset) // size if of_steps else rank
            for rank, offset, of_steps in zip(ranks, offsets, steps, strict=True)
        ]
        most = max(most, _equal_rows(merged)[0])
    return most
