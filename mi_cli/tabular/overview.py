"""What is in a table that nobody has said anything of yet: its columns, their kinds, and what they look like.

Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mi_cli.errors import ConfigError, plain, shown
from mi_cli.lazy import np
from mi_cli.tabular.columns import Column, class_names
from mi_cli.tabular.encoding import column_type, looks_like_classes
from mi_cli.tabular.source import Source
from mi_cli.tabular.time_axis import recordings
from mi_cli.tabular.unfit_columns import Unfit, unfit

__all__ = ["ColumnOverview", "Role", "TableOverview", "overview"]

Role = Literal["", "target?", "time?", "index", "constant", "empty", "free text", "not usable"]

_MOST_ROWS = 100_000  # that are looked at
_EXAMPLES = 3  # of classes
_TARGETS = re.compile(r"(?i)(target|label|labels|class|outcome|response|y)")
_TIMES = re.compile(r"(?i)(time|date|datetime|timestamp|day|month|year|t)")
_ROLES: dict[str, Role] = {"index": "index", "constant": "constant", "empty": "empty", "text": "free text"}


@dataclass(frozen=True)
class ColumnOverview:
    """A column of a table.

    Attributes:
        name: of the column.
        kind: ``number``, ``class``, ``boolean``, ``time``, ``nested`` or ``empty``, as it would be read; ``differs``
            where files differ in it.
        distinct: how many different values it has.
        missing: in how many of the rows it has none.
        values: its range, or its most frequent classes, in words, or how files differ.
        role: what it looks like; empty where it is a column like any other.
    """

    name: str
    kind: str
    distinct: int
    missing: int
    values: str
    role: Role

    @property
    def is_usable(self) -> bool:
        """Whether it can be a column of x or y."""
        return self.role in ("", "target?", "time?") and self.kind in ("number", "class", "boolean")


@dataclass(frozen=True)
class TableOverview:
    """A table.

    Attributes:
        rows: of the table.
        looked_at: rows of it that the columns were judged by.
        columns: all of them, in order.
        has_equal_steps: whether the times of the column that looks like time are at equal steps, each in one row.
        complete: rows, of those looked at, that have a value in each column that can be one of x or y.
    """

    rows: int
    looked_at: int
    columns: tuple[ColumnOverview, ...]
    has_equal_steps: bool = False
    complete: int = 0

    @property
    def usable(self) -> list[str]:
        """The columns that can be columns of x or y."""
        return [column.name for column in self.columns if column.is_usable]

    @property
    def timeless(self) -> list[str]:
        """The columns that can be columns of x or y and do not look like time."""
        return [column.name for column in self.columns if column.is_usable and column.role != "time?"]

    @property
    def target(self) -> str | None:
        """The column that is most likely a target: the last one, where no name tells; None where none is usable.

        A name with control characters is taken if there is no other, since no command can be copied with it.
        """
        likely = [column.name for column in self.columns if column.role == "target?"]
        candidates = [*likely, *reversed(self.timeless), *reversed(self.usable)]
        return next(iter(sorted(candidates, key=lambda name: not name.isprintable())), None)

    @property
    def time(self) -> str | None:
        """The column that is most likely one of time, if there is one."""
        return next((column.name for column in self.columns if column.role == "time?"), None)


def overview(source: Source) -> TableOverview:
    """Look at all columns of a table, by at most 100,000 of its rows.

    Raises:
        ConfigError: the table cannot be read.
    """
    names = source.names
    sample = source.sample(names, _MOST_ROWS)
    columns = tuple(_column(sample.column(name), source, sample.total) for name in names)
    found = TableOverview(sample.total, len(sample.numbers), columns)
    lacking = np.zeros(len(sample.numbers), bool)
    for name in found.usable:
        lacking |= np.isnan(sample.column(name).values)
    found = replace(found, complete=int((~lacking).sum()))
    is_series = found.time is not None and len(sample.numbers) == sample.total
    return replace(found, has_equal_steps=is_series and _has_equal_steps(sample.column(str(found.time))))


def _has_equal_steps(time: Column) -> bool:
    """Whether a time series takes the column as it is."""
    rows = np.arange(len(time.values))
    try:
        recordings(time, None, np.zeros(len(rows), np.int64), rows, "error", None)
    except ConfigError:
        return False
    return True


def _column(column: Column, source: Source, total: int) -> ColumnOverview:
    classes = column.kind == "text" or looks_like_classes(column)
    kind = "differs" if column.differs else column_type(column, classes=classes)
    fault = unfit(column, source, total, classes=kind == "class", listed_class=False)
    role = _role(column, fault)
    missing = 0 if column.differs else column.missing
    return ColumnOverview(column.name, kind, len(column.distinct), missing, _values(column, kind), role)


def _role(column: Column, fault: Unfit | None) -> Role:
    """What a column looks like. An ordered column of dates, or of numbers with such a name, looks like time."""
    ordered = column.kind in ("integer", "real", "time") and not column.missing and _is_ascending(column)
    if ordered and (column.kind == "time" or _TIMES.fullmatch(column.name)):
        return "time?"
    if column.kind == "time":
        return "not usable"
    if fault is not None:
        return _ROLES.get(fault.reason, "not usable")
    return "target?" if _TARGETS.fullmatch(column.name) else ""


def _is_ascending(column: Column) -> bool:
    return len(column.distinct) > 1 and bool((np.diff(column.values) >= 0).all())


def _values(column: Column, kind: str) -> str:
    """The range of numbers, or the most frequent classes; of files that differ, how they do."""
    if column.differs:
        return column.differs
    if not len(column.distinct) or kind == "nested":
        return ""
    if kind in ("number", "boolean"):
        return f"{plain(column.distinct[0])} to {plain(column.distinct[-1])}" if kind == "number" else "true, false"
    if kind == "time":
        return _dates(column)
    known = column.values[~np.isnan(column.values)]
    distinct, times = np.unique(known, return_counts=True)
    frequent = distinct[np.argsort(-times, kind="stable")][:_EXAMPLES]
    more = ", ..." if len(distinct) > _EXAMPLES else ""
    return _listed(class_names(frequent, column.labels)) + more


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name if len(name) <= 20 else f"{name[:17]}..." for name in map(shown, names))


def _dates(column: Column) -> str:
    if not column.seconds:
        return ""
    first, last = (
        np.datetime64(round(float(value) * column.seconds), "s") for value in (column.distinct[0], column.distinct[-1])
    )
    at_midnight = first == first.astype("datetime64[D]") and last == last.astype("datetime64[D]")
    unit = "D" if at_midnight else "s"
    return " to ".join(str(stamp.astype(f"datetime64[{unit}]")).replace("T", " ") for stamp in (first, last))
