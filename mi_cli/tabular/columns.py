"""One column of a table as numbers: from text of a CSV, from a Polars series, or from a NumPy array.

Importing this loads neither NumPy nor Polars; a column of a NumPy array needs no Polars.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from numbers import Real
from typing import Any, Literal, TypeAlias

from mi_cli.lazy import np, pl

__all__ = ["Array", "Column", "Kind", "class_names", "column_of_array", "column_of_series"]

Array: TypeAlias = "np.ndarray[Any, Any]"
Kind = Literal["integer", "real", "boolean", "text", "time", "nested", "empty"]

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "D": 86_400.0,
    "W": 604_800.0,
}  # seconds
_KINDS: dict[str, Kind] = {"b": "boolean", "i": "integer", "u": "integer", "f": "real", "U": "text", "M": "time"}


@dataclass(frozen=True, eq=False)
class Column:
    """A column as numbers.

    Args:
        name: in the file or frame.
        kind: what its values are; ``nested`` for what is neither numbers, text nor dates, ``empty`` without any value.
        values: ``(n,)`` in float64, NaN where a value is missing. Text is numbered by ``labels``, booleans are 0 and 1.
        labels: the distinct texts, in order; a value of 2 stands for the third.
        stray_text: of a CSV, the first text among values that are mostly numbers, and where it is: ``row 3``.
        differs: of several files, how they differ in this column, as the rest of a sentence: ``is numbers in a.csv and
            text in b.csv``. Its kind is ``nested`` then, and it has no values.
        thousands: of a CSV, the first number that was read without the commas between its thousands, as it is written
            there.
        seconds: of dates and times, how many seconds a step of 1 in ``values`` is.
    """

    name: str
    kind: Kind
    values: Array
    labels: tuple[str, ...] = ()
    stray_text: tuple[str, str] | None = None
    thousands: str | None = None
    seconds: float = 0.0
    differs: str = ""
    encoded: dict[str, Any] = field(default_factory=dict)  # all rows, encoded as numbers or as classes, kept for reuse

    @cached_property
    def distinct(self) -> Array:
        """The distinct values, in order, without NaN."""
        return np.unique(self.values[~np.isnan(self.values)])

    @cached_property
    def missing(self) -> int:
        """How many rows have no value."""
        return int(np.isnan(self.values).sum())


def class_names(values: Array, labels: tuple[str, ...]) -> list[str]:
    """Classes as text: the labels of text, and numbers as they are written, whole ones without a decimal point.

    >>> class_names(np.array([0.0, 2.0, 2.5]), ()), class_names(np.array([1.0]), ("a", "b"))
    (['0', '2', '2.5'], ['b'])
    """
    if labels:
        return [labels[int(value)] for value in values]
    return [str(int(value)) if float(value).is_integer() else repr(float(value)) for value in values]


def column_of_series(name: str, series: pl.Series) -> Column:
    """A column of a Polars series."""
    dtype = series.dtype
    labels: tuple[str, ...] = ()
    seconds = 0.0
    kind: Kind
    if dtype == pl.Object:
        return column_of_array(name, series.to_numpy())
    if dtype == pl.Null or series.null_count() == len(series):
        return Column(name, "empty", np.full(len(series), np.nan))
    if dtype.is_integer():
        kind = "integer"
    elif dtype.is_numeric():
        kind = "real"
    elif dtype == pl.Boolean:
        kind = "boolean"
    elif dtype.is_temporal():
        kind, series, seconds = "time", series.to_physical(), _seconds(dtype)
    elif dtype in (pl.String, pl.Categorical, pl.Enum):
        kind, text = "text", series.cast(pl.String)
        distinct = text.drop_nulls().unique().sort()
        labels, series = tuple(distinct), text.cast(pl.Enum(distinct)).to_physical()
    else:
        return Column(name, "nested", np.full(len(series), np.nan))
    return _column(name, kind, series.cast(pl.Float64).to_numpy(), labels, seconds)


def _seconds(dtype: pl.DataType) -> float:
    """How many seconds a step of 1 is in the numbers that stand for dates or times: days, or fractions of seconds."""
    if dtype == pl.Date:
        return _UNITS["D"]
    return _UNITS[getattr(dtype, "time_unit", None) or "ns"]


def column_of_array(name: str, values: Array) -> Column:
    """A column of a NumPy array of shape ``(n,)``.

    An array of Python objects may hold numbers, booleans, text or dates, all of one sort; None and NaN are missing.
    """
    if values.dtype.kind == "O":
        return _column_of_objects(name, values)
    kind = _KINDS.get(values.dtype.kind)
    if kind is None:
        return Column(name, "nested", np.full(len(values), np.nan))
    if kind == "text":
        labels, numbers = np.unique(values, return_inverse=True)
        return _column(name, kind, numbers.astype(np.float64), tuple(map(str, labels)))
    if kind == "time":
        numbers = np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))
        unit, count = np.datetime_data(values.dtype)
        return _column(name, kind, numbers, seconds=_UNITS.get(unit, 0.0) * count)
    return _column(name, kind, values.astype(np.float64))


def _column(name: str, kind: Kind, values: Array, labels: tuple[str, ...] = (), seconds: float = 0.0) -> Column:
    values = values + 0.0  # so that −0 is 0
    return Column(name, "empty" if np.isnan(values).all() else kind, values, labels, seconds=seconds)


def _is_present(value: Any) -> bool:
    """Whether a Python object is a value: None, NaN and NumPy's ``masked`` are missing."""
    return value is not None and value is not np.ma.masked and bool(value == value)


def _column_of_objects(name: str, values: Array) -> Column:
    """A column of Python objects: a list with None in it, or a column of pandas."""
    present = np.array([_is_present(value) for value in values.tolist()], bool)
    objects = values[present].tolist()
    numbers = np.full(len(values), np.nan)
    labels: tuple[str, ...] = ()
    kind: Kind
    if not objects:
        kind = "empty"
    elif all(isinstance(value, str) for value in objects):
        labels, kind = tuple(sorted(set(objects))), "text"
        numbers[present] = np.searchsorted(np.array(labels), np.array(objects))
    elif all(isinstance(value, bool | np.bool_) for value in objects):
        kind, numbers[present] = "boolean", objects
    elif all(isinstance(value, Real | Decimal) and not isinstance(value, bool) for value in objects):
        kind = "integer" if all(isinstance(value, int | np.integer) for value in objects) else "real"
        numbers[present] = [float(value) for value in objects]
    elif all(isinstance(value, datetime.date) for value in objects):
        kind, numbers[present] = "time", np.array(objects, "datetime64[us]").astype(np.int64)
    else:
        kind = "nested"
    seconds = _UNITS["us"] if kind == "time" else 0.0
    return _column(name, kind, numbers, labels, seconds) if kind != "nested" else Column(name, kind, numbers)
