"""Values that may stand for missing ones: a mean that was filled in, or a code such as -9999.

Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mi_cli.errors import plain
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array
from mi_cli.tabular.encoding import EncodedColumn

__all__ = ["FrequentValue", "frequent_values"]

_SHARE, _ROWS = 0.01, 10  # a value of fewer rows is not noted
_DISTINCT = 20  # values of a column, below which none of them is noted
_TIMES = 3  # as often as any other, from which on a value among others is noted
_GAPS = 10  # times the largest gap between values in the middle, from which on a value lies apart
_CODE = re.compile(r"-(1|9+)")  # for a missing value, in columns that have no other negative one


@dataclass(frozen=True)
class FrequentValue:
    """A value that may stand for missing ones.

    Args:
        column: its name.
        value: as one would type it.
        rows: that have the value.
        where: ``apart`` from all others, or ``among`` them and much more frequent.
    """

    column: str
    value: int | float
    rows: int
    where: Literal["apart", "among"]


def frequent_values(columns: Iterable[EncodedColumn]) -> list[FrequentValue]:
    """Values that may stand for missing ones, in columns of numbers; at most one for each column.

    The smallest or the largest value is one if it lies apart from all others, or is a negative code such as -9 in a
    column without other negative numbers. A value among others is one if it comes three times as often as any other. A
    smallest or largest value that lies near others is none: zeros and limits of an instrument are frequent by nature.
    """
    return [value for column in columns if column.info.kind == "number" for value in _of(column)]


def _of(column: EncodedColumn) -> list[FrequentValue]:
    distinct, times = np.unique(column.values, return_counts=True)
    if len(distinct) < _DISTINCT:
        return []
    fewest = max(_ROWS, _SHARE * len(column.values))
    for place in (0, len(distinct) - 1):
        if times[place] >= fewest and _is_apart(distinct, times, place):
            return [_value(column, distinct, times, place, "apart")]
    place = int(times.argmax())
    second = int(np.delete(times, place).max())
    if 0 < place < len(distinct) - 1 and times[place] >= max(fewest, _TIMES * second + _ROWS):
        return [_value(column, distinct, times, place, "among")]
    return []


def _is_apart(distinct: Array, times: Array, place: int) -> bool:
    """Whether the smallest or the largest value is far from all others, or a negative code."""
    rest, weights = np.delete(distinct, place), np.delete(times, place)
    if place == 0 and rest[0] >= 0 and _CODE.fullmatch(str(plain(distinct[0]))):
        return True
    ranks = np.cumsum(weights) / weights.sum()
    middle = rest[(ranks >= 0.05) & (ranks <= 0.95)]
    if len(middle) < 2:
        return False
    gap = abs(distinct[place] - (rest[0] if place == 0 else rest[-1]))
    return bool(gap > _GAPS * np.diff(middle).max() and gap > 0.2 * (middle[-1] - middle[0]))


def _value(
    column: EncodedColumn, distinct: Array, times: Array, place: int, where: Literal["apart", "among"]
) -> FrequentValue:
    return FrequentValue(column.info.name, plain(float(distinct[place])), int(times[place]), where)
