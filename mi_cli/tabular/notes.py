"""What the user of a table should know of it: what was read, and what may mislead an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.errors import counted, listed, shown
from mi_cli.lazy import np
from mi_cli.problems import is_discrete
from mi_cli.tabular.encoded_table import EncodedTable, cache_with_table
from mi_cli.tabular.encoding import SECOND, ColumnInfo, EncodedRows
from mi_cli.tabular.source import name_list

__all__ = ["columns_of_few_values", "description"]

_MANY_TIES = 0.01  # share of repeated values from which on there is a note


def description(table: EncodedTable, n_samples: int) -> dict[str, Any]:
    """The facts of a table for the summary of a run, and in ``notes`` those that the terminal shows as well.

    ``duplicates`` counts the rows that equal an earlier one in x and y; it is 0 where no column has many values, since
    rows of classes repeat each other by chance. ``ties`` has, for each column of numbers with repeated values, the
    share of its values that equal an earlier one.

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
        "missing": info.missing,
        "duplicates": _duplicates(rows) if _has_many_values(table) else 0,
        "ties": _ties(rows),
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
    """Whether some column has many values, so that equal rows are copies rather than chance."""
    few = columns_of_few_values(table)
    return any(info.kind == "number" and info.name not in few for info in (*table.info.x, *table.info.y))


def _duplicates(rows: EncodedRows) -> int:
    """Rows that repeat an earlier one.

    Rows are compared by a sum of their bits; two different rows have equal sums once in 2⁶⁴ pairs.
    """
    total = np.zeros(rows.n, np.uint64)
    factor = np.uint64(0x9E3779B97F4A7C15)
    for column in (*rows.x, *rows.y):
        total = (total ^ column.values.astype(np.float64).view(np.uint64)) * factor
        total ^= total >> np.uint64(29)
    return rows.n - len(np.unique(total))


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


def _notes(table: EncodedTable, rows: EncodedRows, facts: Mapping[str, Any]) -> list[str]:
    settings, info = table.settings, table.info
    notes = []
    if info.read < info.in_source:
        notes.append(f"{info.read:,} of {info.in_source:,} rows are used, drawn at random (dataset.max_rows)")
    if info.missing and settings.missing == "drop":
        notes.append(f"{counted(info.dropped, 'row')} with missing values are left out (dataset.missing=drop)")
    elif info.missing:
        counts = listed([f"{shown(name)} ({n:,})" for name, n in list(info.missing.items())[:6]], "and")
        more = ", among others," if len(info.missing) > 6 else ""
        notes.append(f"missing values of {counts}{more} are filled with the median or the most frequent class")
    if info.guessed:
        verb = "is taken for classes" if len(info.guessed) == 1 else "are taken for classes"
        notes.append(
            f"{name_list(info.guessed)} {verb}, being whole numbers with few values; dataset.classes=[] takes them for "
            "numbers"
        )
    if few := columns_of_few_values(table):
        verb = "takes" if len(few) == 1 else "take"
        classes = f"dataset.classes=[{', '.join(few[:3])}{', ...' * (len(few) > 3)}]"
        notes.append(
            f"{name_list(few)} {verb} few values, taken for numbers; where they are codes, {classes} takes them for "
            "classes"
        )
    if facts["duplicates"]:
        notes.append(
            f"{facts['duplicates']:,} of {rows.n:,} rows are duplicates: nearest neighbours take them for dependence"
        )
    tied = {name: share for name, share in facts["ties"].items() if share >= _MANY_TIES}
    if tied:
        names = name_list([f"{name} ({tied[name]:.0%})" for name in sorted(tied, key=lambda name: -tied[name])])
        notes.append(f"repeated values, which estimators for continuous columns do not expect: {names}")
    if settings.transform != "none":
        notes.append(f"this is the table after dataset.transform={settings.transform}, not the table itself")
    return notes
