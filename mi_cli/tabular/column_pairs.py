"""Which pairs of a table's columns there are. Nothing here imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.errors import ConfigError, Fault
from mi_cli.tabular.encoding import column_type, looks_like_classes
from mi_cli.tabular.files import FILES, table_file
from mi_cli.tabular.selection import selected_columns
from mi_cli.tabular.source import Source, dataset_error, name_list

__all__ = ["column_pairs"]

_MOST = 20_000
_ROWS = 100_000  # read to find the types of columns, where the config has no valid number of rows


def column_pairs(section: Mapping[str, Any]) -> list[list[str]]:
    """Pairs of columns of a file, in its order: of x with y, or all pairs of x where y has no value.

    Args:
        section: the section ``dataset`` of a config, with ``name: table``. Where x has no value it is all columns but
            those of y, groups and time.

    Raises:
        ConfigError: the file cannot be read, a column does not exist, or there is no pair, or more than 20,000.
    """
    path = section.get("path")
    if not isinstance(path, str):
        raise ConfigError(Fault("dataset.path", path, accepted=f"a file, {FILES}"))
    table = table_file(path)
    entries = {side: _texts(section.get(side)) for side in "xy"}
    given = section.get("max_rows")
    max_rows = given if isinstance(given, int) else _ROWS
    y = _columns(table, "y", entries["y"], max_rows)
    others = {*y, section.get("groups"), section.get("time")}
    x = _columns(table, "x", entries["x"], max_rows) or [name for name in table.names if name not in others]
    pairs: dict[frozenset[str], list[str]] = {}
    for pair in itertools.product(x, y) if y else itertools.combinations(x, 2):
        if len(set(pair)) == 2:
            pairs.setdefault(frozenset(pair), list(pair))
    if not pairs:
        problem = f"makes no pair of columns of {name_list(table.names)}"
        raise dataset_error("x", entries["x"] or None, problem, "at least two")
    if len(pairs) > _MOST:
        raise dataset_error("x", entries["x"] or None, f"makes {len(pairs):,} pairs", f"at most {_MOST:,}")
    return list(pairs.values())


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return list(map(str, value)) if isinstance(value, list | tuple) else [str(value)]


def _columns(table: Source, side: str, entries: Sequence[str], max_rows: int) -> list[str]:
    """The columns that the entries of a side select, in the order of the table."""

    def type_of(name: str) -> str:
        column = table.sample(table.names, max_rows).column(name)
        return column_type(column, classes=looks_like_classes(column))

    selected = {name for entry in entries for name in selected_columns(table, side, entry, entries, type_of)}
    return [name for name in table.names if name in selected]
