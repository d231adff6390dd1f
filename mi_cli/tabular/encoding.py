"""The rows of a table as numbers: missing values, classes, groups and time are dealt with here.

``encode`` is the whole of it. Columns of a CSV, of any other file and of rows in memory are encoded alike. Nothing here
imports torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import ClassVar, Literal

from mi_cli.errors import ConfigError, counted, shown
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array, Column, class_names
from mi_cli.tabular.selection import named_columns, selected_columns, selected_sides
from mi_cli.tabular.source import Sample, Source, absent_column, dataset_error
from mi_cli.tabular.unfit_columns import Unfit, constants, left_out_notes, refuse, refuse_differing, refuse_equal, unfit

__all__ = [
    "FEWEST_ROWS",
    "MOST_COLUMNS",
    "SECOND",
    "ColumnInfo",
    "EncodedColumn",
    "EncodedRows",
    "TableInfo",
    "TableSettings",
    "column_type",
    "encode",
    "looks_like_classes",
]

FEWEST_ROWS = 20
SECOND = " (2)"  # after the name of a column, of the second of two copies
MOST_COLUMNS = 2000
_WHOLE_CLASSES = 20  # values of a column of whole numbers that is taken for classes unasked
_SEED = 20_230_611  # of what is drawn once for a table, whatever the seed of a run


@dataclass(frozen=True)
class TableSettings:
    """The source of a table, and the fields of the dataset that decide which numbers it holds."""

    source: Source
    x: tuple[str, ...]
    y: tuple[str, ...]
    missing: Literal["error", "drop", "impute"]
    groups: str | None
    time: str | None
    classes: tuple[str, ...] | Literal["auto"]
    max_rows: int
    transform: Literal["none", "shuffle", "function", "two_copies"]
    exclude: tuple[str, ...] = ()
    z: tuple[str, ...] = ()

    FIELDS: ClassVar = ("x", "y", "missing", "groups", "time", "classes", "max_rows", "transform", "exclude", "z")

    @property
    def sides(self) -> dict[str, tuple[str, ...]]:
        """What ``x``, ``y`` and ``z`` select."""
        return {"x": self.x, "y": self.y, "z": self.z}

    def error(self, key: str, problem: str, accepted: str) -> ConfigError:
        """What is wrong with the value of a key."""
        value = getattr(self, key)
        return dataset_error(key, (list(value) or None) if isinstance(value, tuple) else value, problem, accepted)


@dataclass(frozen=True)
class ColumnInfo:
    """A column of the table: its name, how it is encoded, and how many columns of x or y it becomes."""

    name: str
    kind: Literal["number", "class", "boolean"]
    width: int = 1


@dataclass(frozen=True, eq=False)
class EncodedColumn:
    """A column as numbers ``(n,)``: its values, or for classes their places in order, from 0."""

    info: ColumnInfo
    values: Array
    digest: bytes = b""  # equal for equal columns
    classes: tuple[str, ...] = ()  # as text, in order
    of_text: bool = False  # whether the classes are text in the table

    def select(self, rows: Array, suffix: str = "") -> EncodedColumn:
        """The column with the rows of an index, and ``suffix`` after its name."""
        return EncodedColumn(replace(self.info, name=self.info.name + suffix), self.values[rows])


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """Columns of x and y, the group of each row, from 0, columns of z, if there are any, and numbers of the rows.

    ``numbers`` are those of the rows in the source, from 0; None where a row is made of two.
    """

    x: tuple[EncodedColumn, ...]
    y: tuple[EncodedColumn, ...]
    groups: Array | None = None
    z: tuple[EncodedColumn, ...] = ()
    numbers: Array | None = None

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.x[0].values)


@dataclass(frozen=True)
class TableInfo:
    """What stays known of a table when its numbers are freed.

    Args:
        rows: of the encoded table.
        in_source: rows of the file, or in memory.
        read: rows of the sample of them.
        dropped: rows of the sample that are left out since a value is missing.
        x: columns of x; so are ``y`` and ``z``.
        missing: how many values are missing, by column.
        guessed: columns of whole numbers that are taken for classes without being asked to.
        left_out: columns that are not used, as nobody named them.
        thousands: columns of a CSV whose numbers have commas between thousands, each with the first such number.
    """

    rows: int
    in_source: int
    read: int
    dropped: int
    x: tuple[ColumnInfo, ...]
    y: tuple[ColumnInfo, ...]
    missing: dict[str, int]
    guessed: tuple[str, ...]
    left_out: tuple[Unfit, ...] = ()
    thousands: dict[str, str] = field(default_factory=dict)
    z: tuple[ColumnInfo, ...] = ()


def encode(settings: TableSettings) -> tuple[EncodedRows, TableInfo]:
    """The rows of a table as numbers, and what there is to know of them.

    Raises:
        ConfigError: the columns or rows are not what the settings ask for, or cannot be encoded.
    """
    source, names = settings.source, settings.source.names
    _check_order(settings)
    listed: set[str] = set()
    for entry in settings.classes if settings.classes != "auto" else ():
        listed |= set(selected_columns(source, "classes", entry, settings.classes, lambda name: ""))

    def type_of(name: str) -> str:
        sample = source.sample(names, settings.max_rows)
        unused = None if settings.x or settings.y else _judged(settings, sample, name, listed)  # without, it is refused
        return unused.reason if unused else _type(settings, sample.column(name), listed)

    by_name_only = [name for name in (settings.groups, settings.time) if name is not None]
    selected = selected_sides(source, settings.sides, by_name_only, type_of, settings.exclude)
    _refuse_many(settings, len(every := list(chain(*selected.values()))))
    sample = source.sample([*every, *by_name_only], settings.max_rows)
    if len(sample.numbers) < FEWEST_ROWS:
        _refuse_few(replace(settings, missing="error"), len(sample.numbers))
    judged = {name: _judged(settings, sample, name, listed) for name in every}
    sides, left_out = _fit_sides(settings, selected, judged)
    columns = {name: sample.column(name) for name in (*chain(*sides.values()), *by_name_only)}
    rows, groups, dropped = _used_rows(settings, columns, len(sample.numbers))
    if dropped and rows is not None:
        judged = {one.name: one for one in constants(columns, list(chain(*sides.values())), rows)}
        sides, more = _fit_sides(settings, sides, judged)
        left_out += more
    encoded = {
        side: tuple(_encoded(settings, columns[name], _type(settings, columns[name], listed), rows) for name in names)
        for side, names in sides.items()
    }
    known = {side: [(c.info.name, c.info.kind, c.digest) for c in columns_of] for side, columns_of in encoded.items()}
    refuse_equal(known, settings.sides, settings.exclude)
    numbers = sample.numbers if rows is None else sample.numbers[rows]
    table = _transformed(settings, EncodedRows(encoded["x"], encoded["y"], groups, encoded.get("z", ()), numbers))
    x, y, z = (tuple(column.info for column in side) for side in (table.x, table.y, table.z))
    _refuse_many(settings, sum(info.width for info in (*x, *y, *z)))
    used = [columns[name] for name in chain(*sides.values())]
    info = TableInfo(
        rows=table.n,
        in_source=sample.total,
        read=len(sample.numbers),
        dropped=dropped,
        x=x,
        y=y,
        missing={name: column.missing for name, column in columns.items() if column.missing},
        guessed=tuple(c.name for c in used if settings.classes == "auto" and looks_like_classes(c)),
        left_out=left_out,
        thousands={column.name: column.thousands for column in used if column.thousands},
        z=z,
    )
    return table, info


def _check_order(settings: TableSettings) -> None:
    """Refuse columns of groups and of time that are not there, or are both given."""
    names = settings.source.names
    for key, known in (("groups", (*names, *settings.source.labels)), ("time", names)):
        if (name := getattr(settings, key)) not in (None, *known):
            raise absent_column(key, name, name, known, or_null=True)
    if settings.groups is not None and settings.time is not None:
        raise settings.error("groups", f"and dataset.time={shown(settings.time)} are both given", "one of them")


def _judged(settings: TableSettings, sample: Sample, name: str, listed: set[str]) -> Unfit | None:
    """Why a column of the sample is not used, if it is not."""
    column = sample.column(name)
    classes = _type(settings, column, listed) == "class"
    return unfit(column, settings.source, sample.total, classes=classes, listed_class=name in listed)


def _fit_sides(
    settings: TableSettings, sides: Mapping[str, Sequence[str]], judged: Mapping[str, Unfit | None]
) -> tuple[dict[str, tuple[str, ...]], tuple[Unfit, ...]]:
    """The columns of each side that are used, and those that are left out, as nobody named them.

    Raises:
        ConfigError: a column that was named cannot be used, or none is left for a side.
    """
    named = named_columns(settings.source, (*settings.x, *settings.y, *settings.z))
    bad = {side: [one for name in names if (one := judged.get(name))] for side, names in sides.items()}
    refuse(
        {side: [one for one in ones if one.is_refused(one.name in named)] for side, ones in bad.items()},
        sides,
        settings.sides,
        settings.exclude,
    )
    left_out = [one for ones in bad.values() for one in ones if one.name not in named]
    unused = {one.name for one in left_out}
    kept = {side: tuple(name for name in names if name not in unused) for side, names in sides.items()}
    for side, names in kept.items():
        if not names:
            problem = f"leaves no column for {side}: {'; '.join(left_out_notes(bad[side], of_file=True))}"
            raise settings.error(side, problem, "numbers and classes that vary")
    return kept, tuple(left_out)


def looks_like_classes(column: Column) -> bool:
    """Whether whole numbers look like classes: few, each twice or more on average."""
    m, n = len(column.distinct), len(column.values) - column.missing
    return column.kind == "integer" and 1 < m <= _WHOLE_CLASSES and n >= 2 * m


def column_type(column: Column, *, classes: bool) -> str:
    """``number``, ``class``, ``boolean``, ``time``, ``nested`` or ``empty``.

    Args:
        column: of the table.
        classes: whether numbers are taken for classes.
    """
    if column.kind in ("integer", "real"):
        return "class" if classes else "number"
    return "class" if column.kind == "text" else column.kind


def _type(settings: TableSettings, column: Column, listed: set[str]) -> str:
    guess = settings.classes == "auto"
    return column_type(column, classes=looks_like_classes(column) if guess else column.name in listed)


def _used_rows(
    settings: TableSettings, columns: Mapping[str, Column], n: int
) -> tuple[Array | None, Array | None, int]:
    """Which rows are used, in which order (None: all, as they are); their groups; and how many rows are dropped."""
    refuse_differing(columns[name] for name in (settings.groups, settings.time) if name is not None)
    rows, dropped = _complete_rows(settings, columns, n)
    if settings.time is not None:
        rows = _sorted_rows(settings, columns[settings.time], rows)
    groups = None
    if settings.groups is not None:
        if columns[settings.groups].kind == "nested":
            raise settings.error("groups", "holds lists, structures, or values of several types", "labels")
        groups = np.unique(columns[settings.groups].values[rows], return_inverse=True)[1].reshape(-1)
        if len(groups) and groups.max() == 0:
            raise settings.error("groups", "all rows are of one group", "a column of two or more")
    _refuse_few(settings, len(rows))
    return (None if len(rows) == n and settings.time is None else rows), groups, dropped


def _refuse_few(settings: TableSettings, n: int) -> None:
    """Refuse a table of too few rows: of the file, of the sample of them, or of those without missing values."""
    if n >= FEWEST_ROWS:
        return
    problem, accepted = f"leaves {counted(n, 'row')}", f"at least {FEWEST_ROWS}"
    if settings.max_rows < FEWEST_ROWS:
        raise settings.error("max_rows", problem, accepted)
    if settings.missing == "drop":
        raise settings.error("missing", problem, accepted)
    raise settings.source.error(f"has {counted(n, 'row')}", accepted)


def _complete_rows(settings: TableSettings, columns: Mapping[str, Column], n: int) -> tuple[Array, int]:
    """The rows that are left of ``n`` when those with missing values are dropped, and how many are dropped."""
    incomplete = [column for column in columns.values() if column.missing]
    if not incomplete:
        return np.arange(n), 0
    if settings.missing == "impute":
        for key in ("groups", "time"):
            if columns.get(getattr(settings, key)) in incomplete:
                missing = counted(columns[getattr(settings, key)].missing, "row")
                raise settings.error(key, f"{missing} without a value", "a full column, or dataset.missing=drop")
        return np.arange(n), 0
    rows = np.flatnonzero(~np.isnan(np.stack([column.values for column in incomplete])).any(0))
    if settings.missing == "error":
        counts = ", ".join(f"{shown(column.name)} {column.missing:,}" for column in incomplete[:6])
        more = ", ..." * (len(incomplete) > 6)
        raise settings.error(
            "missing",
            f"{counted(len(incomplete), 'column')} with missing values: {counts}{more}",
            f"drop (leaves {len(rows):,} of {n:,} rows), impute (medians, most frequent classes), or other columns",
        )
    return rows, n - len(rows)


def _sorted_rows(settings: TableSettings, column: Column, rows: Array) -> Array:
    """Rows in the order of the column of time."""
    accepted = "a column that rows can be sorted by"
    if column.kind not in ("integer", "real", "time"):
        raise settings.error("time", "is neither dates nor numbers", accepted)
    rows = rows[np.argsort(column.values[rows], kind="stable")]
    if len(rows) and column.values[rows[0]] == column.values[rows[-1]]:
        raise settings.error("time", "is the same in all rows", accepted)
    return rows


def _encoded(settings: TableSettings, column: Column, kind: str, rows: Array | None) -> EncodedColumn:
    """A column as numbers. Where all its rows are used and none lacks a value, this is kept for other tables."""
    whole = rows is None and not column.missing
    if whole and kind in column.encoded:
        known: EncodedColumn = column.encoded[kind]
        return known
    values = column.values if rows is None else column.values[rows]
    if column.missing and settings.missing == "impute":
        values = np.where(np.isnan(values), _fill(column, kind), values)
    digest = hashlib.blake2b(values.tobytes(), digest_size=16)
    digest.update("\0".join(column.labels).encode())
    distinct = column.distinct if whole else np.unique(values)
    if kind == "number":
        encoded = EncodedColumn(ColumnInfo(column.name, "number"), values, digest.digest())
    else:
        classes = np.searchsorted(distinct, values).astype(np.min_scalar_type(len(distinct)))
        width = len(distinct) if len(distinct) > 2 else 1
        info = ColumnInfo(column.name, "boolean" if kind == "boolean" else "class", width)
        names = tuple(class_names(distinct, column.labels))
        encoded = EncodedColumn(info, classes, digest.digest(), names, column.kind == "text")
    if whole:
        column.encoded[kind] = encoded
    return encoded


def _fill(column: Column, kind: str) -> float:
    """What stands for the missing values of a column: the median of numbers, or the most frequent class."""
    known = column.values[~np.isnan(column.values)]
    if kind == "number":
        return float(np.median(known))
    distinct, times = np.unique(known, return_counts=True)
    return float(distinct[times.argmax()])


def _transformed(settings: TableSettings, table: EncodedRows) -> EncodedRows:
    if settings.transform == "function":
        return replace(table, y=tuple(map(_function, table.y)))
    if settings.transform == "two_copies":
        if table.groups is not None or settings.time is not None:
            raise settings.error("transform", "is for independent rows", "with dataset.groups=null and .time=null")
        half = table.n // 2
        if half < FEWEST_ROWS:
            raise settings.error("transform", f"leaves {counted(half, 'row')}", f"at least {FEWEST_ROWS}")
        order = np.random.default_rng(_SEED + 2).permutation(table.n)
        first, second = order[:half], order[half : 2 * half]
        x, y, z = (
            (*(column.select(first) for column in side), *(column.select(second, SECOND) for column in side))
            for side in (table.x, table.y, table.z)
        )
        return EncodedRows(x, y, z=z)
    return table


def _function(column: EncodedColumn) -> EncodedColumn:
    """Whether numbers lie above their median, or whether a class is the most frequent one."""
    if column.info.kind == "number":
        median = np.median(column.values)
        above = column.values > median
        above = above if above.any() else column.values >= median
    else:
        above = column.values == np.bincount(column.values).argmax()
    return EncodedColumn(ColumnInfo(column.info.name, "boolean"), above.astype(np.uint8))


def _refuse_many(settings: TableSettings, columns: int) -> None:
    if columns > MOST_COLUMNS:
        problem = f"{'x, y and z' if settings.z else 'x and y'} have {columns:,} columns, with one for each class"
        raise settings.error("x", problem, "at most 2,000")
