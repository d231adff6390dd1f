"""Columns of a table as numbers for an encoder: scaled, one-hot, and with indicators of missing values.

All that is fitted here is fitted to training rows. Nothing here imports torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, ValidationError, field_validator, model_validator

from mi_cli.errors import ConfigError, Fault, counted, shown
from mi_cli.fields import NonNegative, Number, Section
from mi_cli.lazy import np
from mi_cli.representations.unseen_classes import UnseenClasses
from mi_cli.tabular.columns import Array, Column, class_names
from mi_cli.tabular.encoding import looks_like_classes
from mi_cli.tabular.source import Source, name_list
from mi_cli.tabular.unfit_columns import most_classes

__all__ = ["ClassColumn", "ColumnEncoder", "NumberColumn", "TableRows"]

TableRows: TypeAlias = "Source | Mapping[str, Column]"

OTHER = "(other)"  # the class that rare ones are pooled in
MISSING = "(missing)"
_LIMIT = 3.0  # beyond which no encoded number lies
_FAR = 1e6  # beyond which scaled numbers are alike
_RARE = 0.005  # the share of rows up to which a class is rare
_FEWEST = 2  # rows that a class needs to have a column of its own
_MOST_IN_FEW_ROWS = 20  # classes
_NUMBERS = ("integer", "real", "boolean")
_TYPES = {"text": "text", "integer": "numbers", "real": "numbers", "boolean": "booleans", "time": "dates or times"}


class NumberColumn(Section):
    r"""A column of numbers, scaled by its quartiles and clipped smoothly.

    .. math:: u = s (v - \text{median}), \quad t = u / \sqrt{1 + (u / 3)^2}

    with s the inverse of the distance between the quartiles. Where the quartiles are equal, s is 2 / (max − min), and
    0 for a column that is constant in the training rows. So t lies between −3 and 3 however far out a value is.

    Attributes:
        name: of the column.
        median: of the training rows. It also stands for missing values.
        scale: s.
        missing: whether there is a second column, 1 where a value is missing and 0 elsewhere.

    Reference:
        Holzmüller, Grinsztajn & Steinwart 2024 (arXiv 2407.04491), robust scaling and smooth clipping.
    """

    kind: Literal["number"] = "number"
    name: str
    median: Number
    scale: NonNegative
    missing: bool = False

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """The names of the encoded columns."""
        return (self.name, f"{self.name}={MISSING}") if self.missing else (self.name,)

    def encode(self, values: Array, labels: tuple[str, ...]) -> Array:
        """The encoded columns ``(n, width)`` of values ``(n,)``, NaN where one is missing."""
        del labels
        gap = np.isnan(values)
        scaled = np.clip(self.scale * (np.where(gap, self.median, values) - self.median), -_FAR, _FAR)
        clipped = scaled / np.sqrt(1 + (scaled / _LIMIT) ** 2)
        return np.stack([clipped, gap], 1) if self.missing else clipped[:, None]


class ClassColumn(Section):
    """A column of classes: a column of 0 and 1 for each class.

    A class that no training row has is 0 in all of them.

    Attributes:
        name: of the column.
        of: what the classes are in a file.
        classes: in order, as text; each has a column of its own.
        pooled: classes that are so rare that one column stands for all of them.
        missing: whether there is a last column, 1 where a value is missing.
    """

    kind: Literal["class"] = "class"
    name: str
    of: Literal["text", "number", "boolean"]
    classes: tuple[str, ...]
    pooled: tuple[str, ...] = ()
    missing: bool = False

    @model_validator(mode="after")
    def _has_distinct_classes(self) -> Self:
        every = (*self.classes, *self.pooled)
        if len(set(every)) < len(every):
            twice = next(name for name in every if every.count(name) > 1)
            raise ConfigError(Fault("", problem=f"column {shown(self.name)} has the class {shown(twice)} twice"))
        return self

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """The names of the encoded columns."""
        more = (OTHER,) * bool(self.pooled) + (MISSING,) * self.missing
        return tuple(f"{self.name}={label}" for label in (*self.classes, *more))

    def encode(self, values: Array, labels: tuple[str, ...]) -> Array:
        """The encoded columns ``(n, width)`` of values ``(n,)``, NaN where one is missing."""
        places = {label: place for place, label in enumerate(self.classes)}
        places |= dict.fromkeys(self.pooled, len(self.classes))
        gap = np.isnan(values)
        distinct, of_row = np.unique(values[~gap], return_inverse=True)
        names = class_names(distinct, labels)
        place = np.array([places.get(name, -1) for name in names], np.int64)[of_row.reshape(-1)]
        encoded = np.zeros((len(values), len(self.encoded_names)))
        known = np.flatnonzero(~gap)
        encoded[known[place >= 0], place[place >= 0]] = 1.0
        if self.missing:
            encoded[gap, -1] = 1.0
        return encoded


EncodedColumn = Annotated[NumberColumn | ClassColumn, Field(discriminator="kind")]


class ColumnEncoder(Section):
    """Columns of a table as one array of numbers, in the way that was fitted to training rows.

    Attributes:
        columns: each column of the table that is used, and how it is encoded.
    """

    columns: tuple[EncodedColumn, ...]

    @field_validator("columns")
    @classmethod
    def _has_distinct_names(cls, columns: tuple[EncodedColumn, ...]) -> tuple[EncodedColumn, ...]:
        names = [column.name for column in columns]
        if not names or len(set(names)) < len(names):
            raise ConfigError(Fault("columns", names, accepted="one or more columns with different names"))
        return columns

    @classmethod
    def fit(
        cls,
        rows: TableRows,
        names: Sequence[str] | None = None,
        classes: Sequence[str] | Literal["auto"] = (),
        select: Array | None = None,
    ) -> Self:
        """Fit the encoding of columns to training rows.

        Args:
            rows: a table, or its columns by name.
            names: of the columns that are used; all of them unless given.
            classes: which columns of numbers are classes. ``auto`` takes whole numbers with few values for classes,
                whose order is then lost. Text and booleans always are.
            select: indices of the training rows; all rows unless given.

        Raises:
            ConfigError: a column is absent, has no values, holds dates or structures, is text of too many different
                values, or has infinite values.
        """
        used = tuple(_names(rows) if names is None else names)
        columns = _columns(rows, used)
        return cls(columns=tuple(_fitted(column, classes, select) for column in columns))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the table that are used, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """The encoded columns, in order: ``age``, ``sex=F``, ``sex=M``, ``age=(missing)``."""
        return tuple(itertools.chain.from_iterable(column.encoded_names for column in self.columns))

    @property
    def groups(self) -> tuple[int, ...]:
        """For each encoded column the number, from 0, of the column that it is made of."""
        return tuple(number for number, column in enumerate(self.columns) for _ in column.encoded_names)

    def transform(
        self,
        rows: TableRows,
        select: Array | None = None,
        extra: Literal["ignore", "refuse"] = "ignore",
        unseen: UnseenClasses | None = None,
    ) -> Array:
        """The encoded columns of rows, ``(n, d)`` in float32.

        Args:
            rows: a table, or its columns by name.
            select: indices of the rows; all of them unless given.
            extra: what is done where the table has other columns besides.
            unseen: where the rows are a batch of a table, the values of the whole table. Whoever has all batches
                encoded then calls its ``refuse``.

        Raises:
            ConfigError: a column is absent or of another type than it was in the training rows, or has infinite values;
                no value of a column of classes is one of them; or the table has more columns, and these are refused.
        """
        more = [name for name in _names(rows) if name not in self.names]
        if more and extra == "refuse":
            raise _error(more[0], f"is not among the columns of the training rows ({len(more):,} such)", "no others")
        columns = _columns(rows, self.names)
        parts, met = [], UnseenClasses() if unseen is None else unseen
        for spec, column in zip(self.columns, columns, strict=True):
            _check_type(spec, column)
            _refuse_infinite(column)
            if isinstance(spec, ClassColumn):
                names = class_names(column.distinct, column.labels)
                met.add(spec.name, names, (*spec.classes, *spec.pooled))
            values = column.values if select is None else column.values[select]
            parts.append(spec.encode(values, column.labels).astype(np.float32))
        if unseen is None:
            met.refuse()
        return np.concatenate(parts, 1)

    def extra_columns(self, rows: TableRows) -> list[str]:
        """The columns of a table that are not used."""
        return [name for name in _names(rows) if name not in self.names]

    def as_json(self) -> dict[str, Any]:
        """The encoding as values of JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The encoding that :meth:`as_json` gave.

        Raises:
            ConfigError: it is not such an encoding.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(("columns", *(str(part) for part in first["loc"][1:])))
            raise ConfigError(Fault(place, problem=str(first["msg"]), accepted="an encoding of columns")) from None


def _names(rows: TableRows) -> tuple[str, ...]:
    return rows.names if isinstance(rows, Source) else tuple(rows)


def _columns(rows: TableRows, names: Sequence[str]) -> list[Column]:
    """The named columns, all rows of each.

    Raises:
        ConfigError: one is absent.
    """
    present = _names(rows)
    absent = [name for name in names if name not in set(present)]
    if absent:
        raise _error(absent[0], f"is absent ({counted(len(absent), 'column')} missing)", name_list(present))
    if not isinstance(rows, Source):
        return [rows[name] for name in names]
    sample = rows.sample(names, _ALL)
    return [sample.column(name) for name in names]


_ALL = 2**62  # rows


def _error(column: str, problem: str, accepted: str) -> ConfigError:
    return ConfigError(Fault("", problem=f"column {shown(column)} {problem}", accepted=accepted))


def _fitted(
    column: Column, classes: Sequence[str] | Literal["auto"], select: Array | None
) -> NumberColumn | ClassColumn:
    """How a column is encoded, by its training rows."""
    if column.differs:
        raise _error(column.name, column.differs, "columns that all files have, of one type")
    if column.kind in ("time", "nested", "empty"):
        what = {"time": "holds dates or times", "nested": "holds structures or mixed values", "empty": "has no values"}
        raise _error(column.name, what[column.kind], "numbers, text or booleans")
    chosen = classes != "auto" and column.name in classes
    if column.stray_text and not chosen:
        value, place = column.stray_text
        raise _error(column.name, f"has the text {shown(value)} in {place}, among numbers", "numbers")
    _refuse_infinite(column)
    column = column if select is None else replace(column, values=column.values[select])
    known = column.values[~np.isnan(column.values)]
    if not len(known):
        raise _error(column.name, "has no value in the training rows", "a column with some")
    gap = len(known) < len(column.values)
    if column.kind in ("text", "boolean") or chosen or (classes == "auto" and looks_like_classes(column)):
        return _fitted_classes(column, known, gap)
    low, first, median, third, high = np.quantile(known, [0, 0.25, 0.5, 0.75, 1]).tolist()
    scale = 1 / (third - first) if third > first else 2 / (high - low) if high > low else 0.0
    return NumberColumn(name=column.name, median=median, scale=scale if np.isfinite(scale) else 0.0, missing=gap)


def _fitted_classes(column: Column, known: Array, gap: bool) -> ClassColumn:
    distinct, times = np.unique(known, return_counts=True)
    most = max(_MOST_IN_FEW_ROWS, most_classes(len(known)))
    if len(distinct) > most:
        problem = f"is a class of {len(distinct):,} different values in {len(known):,} training rows"
        raise _error(column.name, problem, f"at most {most:,} in so many rows")
    names = class_names(distinct, column.labels)
    fewest = max(_FEWEST, _RARE * len(known))
    rare = [name for name, n in zip(names, times.tolist(), strict=True) if n < fewest]
    if len(rare) < 2 or len(rare) == len(names):  # a single class is pooled with nothing
        rare = []
    kinds: dict[str, Literal["text", "number", "boolean"]] = {"text": "text", "boolean": "boolean"}
    return ClassColumn(
        name=column.name,
        of=kinds.get(column.kind, "number"),
        classes=tuple(name for name in names if name not in set(rare)),
        pooled=tuple(rare),
        missing=gap,
    )


def _check_type(spec: NumberColumn | ClassColumn, column: Column) -> None:
    """Refuse a column of another type than that of the training rows; one without any value is of every type."""
    if column.kind == "empty":
        return
    expected = "number" if isinstance(spec, NumberColumn) else spec.of
    fits = {"number": _NUMBERS, "boolean": ("boolean", "integer"), "text": ("text",)}[expected]
    if column.kind in fits:
        return
    was = {"number": "numbers", "text": "text", "boolean": "booleans"}[expected]
    if column.stray_text:
        value, place = column.stray_text
        raise _error(column.name, f"has the text {shown(value)} in {place}", f"{was}, as in the training rows")
    raise _error(column.name, f"holds {_TYPES.get(column.kind, 'structures')}", f"{was}, as in the training rows")


def _refuse_infinite(column: Column) -> None:
    if column.kind == "real" and (infinite := int(np.isinf(column.values).sum())):
        raise _error(column.name, f"has {counted(infinite, 'infinite value')}", "finite numbers")
