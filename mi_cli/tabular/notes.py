"""What the user of a table should know of it: what was read, and what may mislead an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.errors import counted, listed, shown
from mi_cli.lazy import np
from mi_cli.problems import is_discrete
from mi_cli.tabular.copies import copied_rows
from mi_cli.tabular.encoded_table import EncodedTable, cache_with_table
from mi_cli.tabular.encoding import MOST_COLUMNS, SECOND, ColumnInfo, EncodedRows, TableInfo, TableSettings
from mi_cli.tabular.entropies import class_entropy
from mi_cli.tabular.frequent_values import frequent_values
from mi_cli.tabular.row_order import FEWEST_BLOCKS, alike_neighbours, block_length
from mi_cli.tabular.selection import override
from mi_cli.tabular.source import name_list
from mi_cli.tabular.unfit_columns import left_out_notes, most_classes

__all__ = ["block_rows", "columns_of_few_values", "description", "left_out_columns", "repeated_values"]

_MANY_CLASSES = 8  # columns, of which more are not listed in a note
_MANY_NAMES = 20  # of columns, of which more are cut in a note
_MANY_TIES = 0.01  # share of repeated values from which on estimators for continuous columns have a note


def description(table: EncodedTable, n_samples: int) -> dict[str, Any]:
    """The facts of a table for the summary of a run, and in ``notes`` those that the terminal shows as well.

    ``duplicates`` counts the rows that equal an earlier one in x and y; it is 0 where chance makes as many equal rows,
    as it does of classes, counts and rounded numbers. ``ties`` has, for each column of numbers with repeated values,
    the share of its values that equal an earlier one. ``left_out`` has a reason for each column that is not used, as
    nobody named it.

    ``entropy`` has H(x) and H(y) in nats, and H(z) where there is a z; null for a side with numbers.

    Args:
        table: encoded.
        n_samples: rows that a seed draws.
    """
    return _description(table) | {"rows_used": n_samples}


@cache_with_table
def _description(table: EncodedTable) -> dict[str, Any]:
    settings, info, rows = table.settings, table.info, table.rows()
    facts = settings.source.facts | {
        "rows_in_file": info.in_source,
        "rows_used": info.rows,
        "x": _columns(info.x),
        "y": _columns(info.y),
        **({"z": _columns(info.z)} if info.z else {}),
        "missing": info.missing,
        "left_out": {one.name: one.reason for one in info.left_out},
        "duplicates": copied_rows(rows) if _has_many_values(table) else 0,
        "ties": _ties(rows),
        "entropy": {side: class_entropy(getattr(rows, side)) for side in ("xyz" if rows.z else "xy")},
        "groups": None,
        "time": settings.time,
        "transform": settings.transform,
    }
    if rows.groups is not None:
        facts["groups"] = {"column": settings.groups, "number": int(rows.groups.max()) + 1}
    return facts | {"notes": _notes(table, rows, facts)}


def _columns(infos: Sequence[ColumnInfo]) -> list[dict[str, Any]]:
    return [{"column": info.name, "kind": info.kind, "width": info.width} for info in infos]


def _has_many_values(table: EncodedTable) -> bool:
    """Whether some column has many values, without which no equal rows are copies."""
    few = columns_of_few_values(table)
    return any(info.kind == "number" and info.name not in few for info in (*table.info.x, *table.info.y, *table.info.z))


def _ties(rows: EncodedRows) -> dict[str, float]:
    shares = {
        column.info.name: 1 - len(np.unique(column.values)) / rows.n
        for column in (*rows.x, *rows.y)
        if column.info.kind == "number"
    }
    return {name: round(share, 4) for name, share in shares.items() if share > 0}


@cache_with_table
def columns_of_few_values(table: EncodedTable) -> tuple[str, ...]:
    """Columns of numbers that have few values, each many times."""
    rows, copies = table.rows(), table.settings.transform == "two_copies"
    names = [
        column.info.name for column in (*rows.x, *rows.y) if column.info.kind == "number" and is_discrete(column.values)
    ]
    return tuple(dict.fromkeys(name.removesuffix(SECOND) if copies else name for name in names))


@cache_with_table
def block_rows(table: EncodedTable) -> int:
    """How many rows of a table in the order of time make a block (``block_length``)."""
    return block_length(table.rows())


def _notes(table: EncodedTable, rows: EncodedRows, facts: Mapping[str, Any]) -> list[str]:
    settings, info = table.settings, table.info
    notes = [*settings.source.notes, *_notes_on_columns(settings, info), *_notes_on_classes(table)]
    if info.read < info.in_source:
        notes.append(f"{info.read:,} of {info.in_source:,} rows are used, drawn at random (dataset.max_rows)")
    if info.missing:
        notes.append(_note_on_missing(settings, info))
    if settings.transform == "none":
        notes += _notes_on_frequent_values(info, rows, settings)
        notes += _notes_on_order(table, rows)
    if facts["duplicates"]:
        notes.append(
            f"{facts['duplicates']:,} of {rows.n:,} rows are duplicates: nearest neighbours take them for dependence"
        )
    if settings.transform != "none":
        notes.append(f"this is the table after dataset.transform={settings.transform}, not the table itself")
    return notes


def repeated_values(table: EncodedTable) -> dict[str, float]:
    """Columns of numbers with many repeated values, each with the share of values that repeat another; most first."""
    ties = _description(table)["ties"]
    return {name: ties[name] for name in sorted(ties, key=lambda name: -ties[name]) if ties[name] >= _MANY_TIES}


def left_out_columns(table: EncodedTable) -> list[str]:
    """What there is to say of columns that are left out, as nobody named them."""
    return left_out_notes(table.info.left_out, of_file=not table.settings.source.in_memory)


def _notes_on_columns(settings: TableSettings, info: TableInfo) -> list[str]:
    """Which columns are used where they were not named, and which are left out or read in a way of their own."""
    notes = []
    for side, columns in (("x", info.x), ("y", info.y)):
        if not getattr(settings, side):
            names = [column.name for column in columns if not column.name.endswith(SECOND)]
            notes.append(f"{side} is all other columns: {name_list(names, _MANY_NAMES)}")
    notes += left_out_notes(info.left_out, of_file=not settings.source.in_memory)
    if info.thousands:
        examples = [f"{name} ({text})" for name, text in info.thousands.items()]
        notes.append(f"commas are taken for separators of thousands: {name_list(examples)}")
    return notes


def _notes_on_classes(table: EncodedTable) -> list[str]:
    """Which numbers are taken for classes, and which might be; what is said to do can be done."""
    info, notes = table.info, []
    if info.guessed:
        verb = "is taken for classes" if len(info.guessed) == 1 else "are taken for classes"
        notes.append(
            f"{name_list(info.guessed)} {verb}, being whole numbers with few values; dataset.classes=[] takes them for "
            "numbers"
        )
    if few := columns_of_few_values(table):
        verb = "takes" if len(few) == 1 else "take"
        note = f"{name_list(few)} {verb} few values, taken for numbers"
        classes = _as_classes(table, few)
        if classes and len(classes) <= _MANY_CLASSES:
            note += f"; where they are codes, {override('classes', classes)} takes them for classes"
        elif classes:
            note += (
                "; where some of them are codes, dataset.classes, a list of all such columns, takes those for classes"
            )
        notes.append(note)
    return notes


def _as_classes(table: EncodedTable, few: Sequence[str]) -> list[str]:
    """What ``dataset.classes`` would say to take columns of few values for classes as well; empty if it cannot.

    It is the whole list of columns of numbers that are classes, so that those that already are must be in it.
    """
    settings, rows = table.settings, table.rows()
    listed = table.info.guessed if settings.classes == "auto" else settings.classes
    numbers = {column.info.name.removesuffix(SECOND): column.values for column in (*rows.x, *rows.y)}
    counts = [len(np.unique(numbers[name])) for name in few]
    width = sum(column.info.width for column in (*rows.x, *rows.y)) + sum(counts)
    can = width <= MOST_COLUMNS and all(count <= most_classes(rows.n) for count in counts)
    return [*listed, *few] if can else []


def _note_on_missing(settings: TableSettings, info: TableInfo) -> str:
    if settings.missing == "drop":
        verb = "is" if info.dropped == 1 else "are"
        names = list(info.missing)
        of = listed(names) if len(names) <= _MANY_CLASSES else name_list(names)
        which = f"{counted(info.dropped, 'row')} without a value of {of}"
        return f"{which} {verb} left out (dataset.missing=drop)"
    counts = listed([f"{shown(name)} ({n:,})" for name, n in list(info.missing.items())[:6]], "and")
    more = ", among others," if len(info.missing) > 6 else ""
    return f"missing values of {counts}{more} are filled with the median or the most frequent class"


def _notes_on_frequent_values(info: TableInfo, rows: EncodedRows, settings: TableSettings) -> list[str]:
    """Values that may stand for missing ones; those that ``dataset.missing=impute`` fills in are said elsewhere."""
    filled = info.missing if settings.missing == "impute" else {}
    notes = []
    for one in frequent_values(column for column in (*rows.x, *rows.y) if column.info.name not in filled):
        apart = "far from all others" if one.where == "apart" else "far more often than any other"
        notes.append(
            f"{shown(one.column)} has the value {one.value} in {one.rows:,} of {rows.n:,} rows, {apart}: where it "
            "stands for missing values it lowers the MI; empty fields in its place are missing values (dataset.missing)"
        )
    return notes


def _notes_on_order(table: EncodedTable, rows: EncodedRows) -> list[str]:
    """Whether rows follow each other in time, where that is not said; and whether blocks of time are too short."""
    settings, info = table.settings, table.info
    if settings.time is not None:
        if block_rows(table) < rows.n // FEWEST_BLOCKS:
            return []
        return [
            f"rows depend on each other over {rows.n // FEWEST_BLOCKS:,} rows of dataset.time and more: there are too "
            "few stretches that are independent, and errors may be too small"
        ]
    if settings.groups is not None or (alike := alike_neighbours(rows)) is None:
        return []
    values = " and ".join(f"{value:.2f} of {shown(name)}" for name, value in (alike.x, alike.y))
    candidates = [one.name for reason in ("time", "index") for one in info.left_out if one.reason == reason]
    how = (
        f"dataset.time={shown(candidates[0])}, for instance,"
        if candidates
        else "dataset.time, a column of their order,"
    )
    return [
        f"neighbouring rows are alike (autocorrelation {values}): where they were measured one after another, "
        f"{how} makes errors and splits allow for it"
    ]
