"""A table whose rows follow each other in time: its columns as numbers, in recordings. Nothing here imports torch."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Literal

from mi_cli.errors import ConfigError, counted, shown
from mi_cli.lazy import np
from mi_cli.problems import is_discrete
from mi_cli.tabular.columns import Array, Column
from mi_cli.tabular.encoding import FEWEST_ROWS, ColumnInfo, column_type, looks_like_classes
from mi_cli.tabular.selection import columns_of_x_and_y, excluded_columns, named_columns, selected_columns
from mi_cli.tabular.source import Sample, Source, absent_column, dataset_error, name_list
from mi_cli.tabular.time_axis import Recordings, recordings, step_text
from mi_cli.tabular.unfit_columns import Unfit, left_out_notes, refuse, refuse_differing, unfit

__all__ = ["SeriesRows", "SeriesSettings", "series_facts", "series_rows"]


@dataclass(frozen=True)
class SeriesSettings:
    """The source of a table, and the fields of the dataset that decide which numbers it holds."""

    source: Source
    x: tuple[str, ...]
    y: tuple[str, ...]
    z: tuple[str, ...]
    exclude: tuple[str, ...]
    missing: Literal["error", "drop"]
    groups: str | None
    time: str | None
    time_unit: str | None
    gaps: Literal["error", "split"]
    classes: tuple[str, ...] | Literal["auto"]

    @property
    def sides(self) -> dict[str, tuple[str, ...]]:
        """What ``x``, ``y`` and ``z`` select."""
        return {"x": self.x, "y": self.y, "z": self.z}

    def error(self, key: str, problem: str, accepted: str) -> ConfigError:
        """What is wrong with the value of a key."""
        value = getattr(self, key)
        return dataset_error(key, (list(value) or None) if isinstance(value, tuple) else value, problem, accepted)


@dataclass(frozen=True, eq=False)
class SeriesRows:
    """Columns of a table in the order of time.

    Attributes:
        columns: ``(n, width)`` by name, in recordings.
        infos: of the columns of x, of y and of z, by side.
        recordings: of the rows.
        few_valued: columns of numbers that take few values.
        in_file: rows of the file.
        left_out: columns that are not used, as nobody named them.
        guessed: columns of whole numbers that are taken for classes without being asked to.
    """

    columns: Mapping[str, Array]
    infos: Mapping[str, tuple[ColumnInfo, ...]]
    recordings: Recordings
    few_valued: tuple[str, ...]
    in_file: int
    left_out: tuple[Unfit, ...]
    guessed: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.recordings.order)


@lru_cache(maxsize=4)
def series_rows(settings: SeriesSettings) -> SeriesRows:
    """Read a table whose rows follow each other in time.

    Raises:
        ConfigError: the columns or rows are not what the settings ask for.
    """
    source, names = settings.source, settings.source.names
    for key in ("groups", "time"):
        known = (*names, *(settings.source.labels if key == "groups" else ()))
        if getattr(settings, key) is not None and getattr(settings, key) not in known:
            raise absent_column(key, getattr(settings, key), getattr(settings, key), known, or_null=True)
    if settings.groups is not None and settings.groups == settings.time:
        raise settings.error("groups", "is dataset.time as well", "another column, or null")
    sample = source.sample(names, sys.maxsize)
    types = _Types(settings, sample)
    sides, left_out = _used_columns(settings, _selected(settings, types), types)
    used = list(dict.fromkeys(chain(*sides.values())))
    rows = _complete_rows(settings, sample, used)
    found = _recordings(settings, sample, rows)
    columns, infos = {}, {}
    for name in used:
        infos[name], columns[name] = _encoded(sample.column(name), types(name), found.order)
    return SeriesRows(
        columns,
        {side: tuple(infos[name] for name in names) for side, names in sides.items()},
        found,
        tuple(name for name in used if infos[name].kind == "number" and is_discrete(columns[name][:, 0])),
        sample.total,
        left_out,
        tuple(name for name in used if settings.classes == "auto" and looks_like_classes(sample.column(name))),
    )


class _Types:
    """What columns are taken for: ``number``, ``class``, ``boolean`` or something else."""

    def __init__(self, settings: SeriesSettings, sample: Sample) -> None:
        self._sample, entries = sample, settings.classes
        self.guess = entries == "auto"
        self.listed: set[str] = set()
        for entry in () if entries == "auto" else entries:
            self.listed |= set(selected_columns(settings.source, "classes", entry, entries, lambda name: ""))

    def __call__(self, name: str) -> str:
        column = self._sample.column(name)
        return column_type(column, classes=looks_like_classes(column) if self.guess else name in self.listed)

    def unfit(self, name: str, source: Source) -> Unfit | None:
        """Why a column is not used, if it is not."""
        column, classes = self._sample.column(name), self(name) == "class"
        return unfit(column, source, self._sample.total, classes=classes, listed_class=name in self.listed)


def _selected(settings: SeriesSettings, types: _Types) -> dict[str, tuple[str, ...]]:
    """The columns of each side; y has none where nothing selects any.

    Raises:
        ConfigError: an entry selects nothing, or a column is on two sides.
    """
    source, names = settings.source, settings.source.names
    of_rows = [name for name in (settings.groups, settings.time) if name is not None]
    z = {name for entry in settings.z for name in selected_columns(source, "z", entry, settings.z, types)}
    z -= set(of_rows)
    if settings.y:
        x, y = columns_of_x_and_y(source, settings.x, settings.y, [*of_rows, *z], types, settings.exclude)
    else:
        y = ()
        excluded = {*excluded_columns(source, settings.exclude, types), *of_rows, *z}
        if settings.x:
            every = {name for entry in settings.x for name in selected_columns(source, "x", entry, settings.x, types)}
            named = {*settings.x}
            x = tuple(name for name in names if name in every and (name in named or name not in excluded))
        else:
            x = tuple(name for name in names if name not in excluded)
        if not x:
            raise settings.error("x", "leaves no column for x", f"names of columns, such as {name_list(names)}")
    for side, of_side in (("x", x), ("y", y)):
        if both := [name for name in of_side if name in z]:
            problem = f"and dataset.{side} both take {name_list(both)}: given z, nothing is left of it"
            raise settings.error("z", problem, "other columns")
        if both := [name for name in of_side if name in of_rows]:
            problem = f"takes {name_list(both)}, the column of time or of recordings"
            raise settings.error(side, problem, "other columns")
    return {"x": x, "y": y, "z": tuple(name for name in names if name in z)}


def _used_columns(
    settings: SeriesSettings, sides: Mapping[str, Sequence[str]], types: _Types
) -> tuple[dict[str, tuple[str, ...]], tuple[Unfit, ...]]:
    """The columns of each side that are used, and those that are left out, as nobody named them.

    Raises:
        ConfigError: a column that was named cannot be used, or none is left for a side.
    """
    judged = {
        name: types.unfit(name, settings.source) for name in dict.fromkeys(chain(*(sides[side] for side in sides)))
    }
    named = named_columns(settings.source, (*settings.x, *settings.y, *settings.z))
    bad = {side: [one for name in names if (one := judged[name])] for side, names in sides.items()}
    refuse(
        {side: [one for one in ones if one.is_refused(one.name in named)] for side, ones in bad.items()},
        {side: names for side, names in sides.items() if names},
        settings.sides,
        settings.exclude,
    )
    left_out = tuple(one for ones in bad.values() for one in ones if one.name not in named)
    unused = {one.name for one in left_out}
    kept = {side: tuple(name for name in names if name not in unused) for side, names in sides.items()}
    for side, names in kept.items():
        if sides[side] and not names:
            raise settings.error(side, f"leaves no column for {side}", "numbers and classes that vary")
    return kept, left_out


def _complete_rows(settings: SeriesSettings, sample: Sample, used: Sequence[str]) -> Array:
    """The rows without missing values, ascending.

    Raises:
        ConfigError: there are missing values that are not to be dropped, or too few rows.
    """
    every = [*used, *(name for name in (settings.groups, settings.time) if name is not None)]
    refuse_differing(map(sample.column, every))
    lacking = {name: column.missing for name in every if (column := sample.column(name)).missing}
    rows = np.arange(len(sample.numbers))
    if lacking:
        rows = np.flatnonzero(~np.isnan(np.stack([sample.column(name).values for name in lacking])).any(0))
        if settings.missing == "error":
            counts = ", ".join(f"{shown(name)} {n:,}" for name, n in list(lacking.items())[:6])
            problem = f"{counted(len(lacking), 'column')} with missing values: {counts}{', ...' * (len(lacking) > 6)}"
            accepted = f"drop (leaves {len(rows):,} of {len(sample.numbers):,} rows), or other columns"
            raise settings.error("missing", problem, accepted)
    if len(rows) < FEWEST_ROWS:
        if lacking:
            raise settings.error("missing", f"leaves {counted(len(rows), 'row')}", f"at least {FEWEST_ROWS}")
        raise settings.source.error(f"has {counted(len(rows), 'row')}", f"at least {FEWEST_ROWS}")
    return rows


def _recordings(settings: SeriesSettings, sample: Sample, rows: Array) -> Recordings:
    time = None if settings.time is None else sample.column(settings.time)
    if settings.time_unit is not None and (time is None or time.kind == "time"):
        problem = "names the unit of times that are numbers, and dataset.time has " + (
            "none" if time is None else "dates, whose unit is known"
        )
        raise settings.error("time_unit", problem, "null")
    groups = np.zeros(len(sample.numbers), np.int64)
    if settings.groups is not None:
        column = sample.column(settings.groups)
        if column.kind == "nested":
            raise settings.error("groups", "holds lists, structures, or values of several types", "labels")
        values, first, number = np.unique(column.values, return_index=True, return_inverse=True)
        place = np.empty(len(values), np.int64)
        place[np.argsort(first)] = np.arange(len(values))  # in the order of the file
        groups = place[number.reshape(-1)]
    return recordings(time, settings.time_unit, groups, rows, settings.gaps, settings.groups)


def _encoded(column: Column, kind: str, order: Array) -> tuple[ColumnInfo, Array]:
    """A column as numbers, ``(n, width)``: classes have a column of 0 and 1 each, or one where there are two.

    Raises:
        ConfigError: it is constant in the rows that are left.
    """
    values = column.values[order]
    distinct, places = np.unique(values, return_inverse=True)
    if len(distinct) < 2:
        problem = f"has a single value in the {len(values):,} rows that are used"
        raise dataset_error("path", column.name, problem, "columns that vary (dataset.exclude takes others)")
    if kind == "number":
        return ColumnInfo(column.name, "number"), values[:, None]
    width = len(distinct) if len(distinct) > 2 else 1
    numbers = np.eye(len(distinct))[places.reshape(-1)] if width > 1 else places.reshape(-1, 1).astype(float)
    return ColumnInfo(column.name, "boolean" if kind == "boolean" else "class", width), numbers


def series_facts(settings: SeriesSettings, rows: SeriesRows, n: int) -> dict[str, Any]:
    """What there is to know of the rows, for the summary of a run; ``n`` of them are used."""
    found = rows.recordings
    lengths = np.bincount(found.number[:n])
    facts = settings.source.facts | {
        "rows_in_file": rows.in_file,
        "rows_used": n,
        **{
            side: [{"column": info.name, "kind": info.kind, "width": info.width} for info in infos]
            for side, infos in rows.infos.items()
            if infos
        },
        "left_out": {one.name: one.reason for one in rows.left_out},
        "recordings": len(lengths),
        "time": settings.time,
        "step": None if found.step is None else {"size": found.step.size, "unit": found.step.unit},
    }
    return facts | {"notes": _notes(settings, rows, lengths)}


def _notes(settings: SeriesSettings, rows: SeriesRows, lengths: Array) -> list[str]:
    found, notes = rows.recordings, settings.source.notes
    if not settings.x:
        notes.append(f"x is all other columns: {name_list([info.name for info in rows.infos['x']], 20)}")
    notes += left_out_notes(rows.left_out, of_file=True)
    if rows.guessed:
        verb = "is" if len(rows.guessed) == 1 else "are"
        notes.append(
            f"{name_list(rows.guessed)} {verb} taken for classes, being whole numbers with few values; "
            "dataset.classes=[] takes them for numbers"
        )
    if found.step is None:
        where = "in the order of the file" if settings.groups is None else "in the order of the file in each recording"
        notes.append(f"rows are taken to be at equal steps of time, {where} (dataset.time names a column of time)")
    else:
        what = step_text(1, found.step) + ("" if found.step.unit else f" of {shown(settings.time)}")
        notes.append(f"a step from one row to the next is {what} (dataset.time={shown(settings.time)})")
    if len(lengths) > 1:
        rows_of = f"{lengths.min():,} to {lengths.max():,}" if lengths.min() < lengths.max() else f"{lengths.max():,}"
        notes.append(f"{counted(len(lengths), 'recording')} of {rows_of} rows; no window crosses from one to another")
    if found.gaps:
        notes.append(f"{counted(found.gaps, 'gap')} in time end recordings (dataset.gaps=split)")
    return notes
