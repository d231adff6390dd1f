"""Rows of SQLite as a frame. Its columns have no type of their own: numbers may be text, and text may stand for none.

Text is read as that of a CSV is: text that stands for no value is missing, and what is left may be numbers or dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from mi_cli.errors import shown
from mi_cli.lazy import pl
from mi_cli.tabular.delimited import parsed
from mi_cli.tabular.query_errors import QueryError

__all__ = ["Stray", "frame_of_sqlite"]


Stray: TypeAlias = tuple[tuple[str, str, str], ...]  # name of a column, a text among its numbers, and where it is


def frame_of_sqlite(names: Sequence[str], batches: Iterable[Sequence[Sequence[Any]]]) -> tuple[pl.DataFrame, Stray]:
    """The rows of all batches, and texts among numbers; a column that has text is read as text of a CSV.

    Raises:
        QueryError: a column has bytes and other values.
    """
    pieces: list[list[pl.Series]] = [[] for _ in names]
    for rows in batches:
        for name, values, of_column in zip(names, zip(*rows, strict=True), pieces, strict=True):
            of_column.append(_series(name, values))
    columns: list[pl.Series] = []
    stray: list[tuple[str, str, str]] = []
    for name, of_column in zip(names, pieces, strict=True):
        column = _column(name, of_column)
        if column.dtype == pl.String:
            found = parsed(column, ",")
            if found.stray is not None:
                stray.append((name, column[found.stray].strip(), f"row {found.stray + 1:,}"))
            column = found.values.alias(name)
        columns.append(column)
    return pl.DataFrame(columns), tuple(stray)


def _series(name: str, values: Sequence[Any]) -> pl.Series:
    types = {type(value) for value in values} - {type(None)}
    if bytes in types and len(types) > 1:
        raise _several_types(name, "bytes and other values")
    if str in types:
        return pl.Series(name, [None if value is None else str(value) for value in values], pl.String)
    return pl.Series(name, values, pl.Float64 if float in types else None, strict=False)


def _column(name: str, pieces: Sequence[pl.Series]) -> pl.Series:
    types = {piece.dtype for piece in pieces} - {pl.Null}
    if pl.Binary in types and len(types) > 1:
        raise _several_types(name, "bytes and other values")
    if pl.String not in types:
        dtype = pl.Float64 if pl.Float64 in types else next(iter(types), pl.Null)
        return pl.concat([piece.cast(dtype) for piece in pieces]) if pieces else pl.Series(name, [], pl.Null)
    return pl.concat([piece.cast(pl.String) for piece in pieces])


def _several_types(name: str, problem: str) -> QueryError:
    return QueryError(
        f"has values of several types: column {shown(name)} has {problem}", "a type for each column (CAST)"
    )
