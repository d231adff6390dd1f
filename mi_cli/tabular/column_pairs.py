"""Which pairs of a table's columns there are. Nothing here imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.errors import shown
from mi_cli.tabular.encoding import looks_like_classes
from mi_cli.tabular.files import FILES, fault, listing, matched, names, read, source

__all__ = ["column_pairs"]

_MOST = 20_000
_ROWS = 100_000  # that tell the types of columns, where the config has no good number


def column_pairs(section: Mapping[str, Any]) -> list[list[str]]:
    """Pairs of columns of a file, in its order: of x with y, or all pairs of x where y says nothing.

    Args:
        section: a config's, of ``dataset=table``; x without a value takes all columns but those of y, groups and time.

    Raises:
        ValueError: one line with key, value and what is accepted.
    """
    if not isinstance(section.get("path"), str):
        raise ValueError(f"dataset.path={shown(section.get('path'))}: must be a file; accepted: {FILES}")
    table = source(section["path"])
    every = names(table)[0]
    asked = {side: _texts(section.get(side)) for side in "xy"}
    besides = {section.get("groups"), section.get("time")}
    given = section.get("max_rows")
    max_rows = given if isinstance(given, int) else _ROWS
    y = _columns(table, "y", asked["y"], max_rows)
    x = _columns(table, "x", asked["x"], max_rows) or [name for name in every if name not in {*y, *besides}]
    if y:
        found = [[one, other] for one, other in itertools.product(x, y) if one != other]
    else:
        found = [list(pair) for pair in itertools.combinations(x, 2)]
    distinct: list[list[str]] = []
    seen: set[frozenset[str]] = set()
    for pair in found:
        if frozenset(pair) not in seen:
            seen.add(frozenset(pair))
            distinct.append(pair)
    if not distinct:
        raise fault("x", asked["x"] or None, f"makes no pair of columns of {listing(every)}; accepted: at least two")
    if len(distinct) > _MOST:
        raise fault("x", asked["x"] or None, f"makes {len(distinct):,} pairs; accepted: at most {_MOST:,}")
    return distinct


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return list(map(str, value)) if isinstance(value, list | tuple) else [str(value)]


def _columns(table: Any, side: str, selections: Sequence[str], max_rows: int) -> list[str]:
    every = names(table)[0]

    def kind(name: str) -> str:
        column = read(table, every, max_rows).column(name)
        if column.kind in ("integer", "real"):
            return "class" if looks_like_classes(column) else "number"
        return "class" if column.kind == "text" else column.kind

    wanted = {name for selection in selections for name in matched(table, side, selection, selections, kind)}
    return [name for name in every if name in wanted]
