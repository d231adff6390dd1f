"""One column of the same columns of several files. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from mi_cli.errors import shown
from mi_cli.lazy import np, pl
from mi_cli.tabular.columns import Array, Column, column_of_series
from mi_cli.tabular.delimited import ParsedText, parsed
from mi_cli.tabular.files import Part

__all__ = ["differing", "joined", "joined_pair", "types_of"]

_TYPES = {
    "integer": "numbers",
    "real": "numbers",
    "boolean": "booleans",
    "text": "text",
    "time": "dates or times",
    "nested": "structures",
}


def types_of(column: Column) -> str:
    """What a column holds, in a word or two; empty where it has no values."""
    return _TYPES.get(column.kind, "")


def differing(name: str, n: int, problem: str) -> Column:
    """A column of ``n`` rows in which files differ."""
    return Column(name, "nested", np.full(n, np.nan), differs=problem)


def joined(name: str, parts: Sequence[tuple[str, Part]]) -> Column:
    """The column of this name of several files, one after another.

    The text of CSVs that follow each other is parsed together, as if it stood in one file. A column that is numbers in
    one file and text in another is parsed as text only if some of that text are numbers as well, as of codes.

    Args:
        name: of the column.
        parts: the files as they are called in messages, and their rows.
    """
    n = sum(len(part.numbers) for _, part in parts)
    columns: list[tuple[str, Column]] = []
    for separator, run in groupby(parts, key=lambda one: one[1].separator):
        alike = list(run)
        if separator and len(alike) > 1:
            column = _of_text(name, alike)
            if column.differs:
                return differing(name, n, column.differs)
            columns.append((alike[0][0], column))
        else:
            columns += [(file, _located(part.column(name), file)) for file, part in alike]
    whole = columns[0][1]
    for file, column in columns[1:]:
        both = joined_pair(whole, column)
        if both is None:
            first = next(name for name, one in columns if types_of(one) == types_of(whole))
            return differing(name, n, f"is {types_of(whole)} in {first} and {types_of(column)} in {file}")
        whole = both
    return whole


def _located(column: Column, file: str) -> Column:
    """A column of a file, with the file where a place in it is named."""
    if column.stray_text is None:
        return column
    text, place = column.stray_text
    return replace(column, stray_text=(text, f"{place} of {file}"))


def _of_text(name: str, parts: Sequence[tuple[str, Part]]) -> Column:
    """The column of CSVs with the same separator."""
    texts = [part.text(name) for _, part in parts if part.text is not None]
    separator = parts[0][1].separator
    whole = pl.concat(texts)
    found = parsed(whole, separator)
    if found.values.dtype == pl.String and found.values.null_count() < len(whole):
        files = [file for file, _ in parts]
        if problem := _difference(files, [parsed(text, separator) for text in texts]):
            return differing(name, len(whole), problem)
    stray = None
    if found.stray is not None:
        ends = np.cumsum([len(text) for text in texts])
        of = int(np.searchsorted(ends, found.stray, side="right"))
        file, part = parts[of]
        row = part.numbers[found.stray - (ends[of] - len(texts[of]))] + 1
        stray = (whole[found.stray].strip(), f"row {row:,} of {file}")
    return replace(column_of_series(name, found.values), stray_text=stray, thousands=found.thousands)


def _difference(files: Sequence[str], found: Sequence[ParsedText]) -> str:
    """How files differ in a column that is text as a whole; empty where they do not."""
    kinds = [column_of_series("", one.values).kind for one in found]
    others = [at for at, kind in enumerate(kinds) if kind not in ("text", "empty")]
    if not others:
        return ""
    first = others[0]
    is_number = kinds[first] in ("integer", "real")
    for at, kind in enumerate(kinds):
        of_codes = kind == "text" and is_number and found[at].has_numbers
        if kind != "empty" and _TYPES[kind] != _TYPES[kinds[first]] and not of_codes:
            low, high = sorted((first, at))
            return f"is {_TYPES[kinds[low]]} in {files[low]} and {_TYPES[kinds[high]]} in {files[high]}"
    return "" if "text" in kinds else f"is {_TYPES[kinds[first]]} of several forms in {shown(list(files))}"


def joined_pair(column: Column, more: Column) -> Column | None:
    """A column followed by another; None where their types differ. One without values is of every type."""
    if more.kind == "empty" or column.kind == "empty":
        kept = column if more.kind == "empty" else more
        values = np.concatenate([column.values, more.values])
        return replace(kept, values=values, stray_text=column.stray_text or more.stray_text, encoded={})
    if types_of(column) != types_of(more) or column.kind == "nested":
        return None
    stray, thousands = column.stray_text or more.stray_text, column.thousands or more.thousands
    column = replace(column, stray_text=stray, thousands=thousands, encoded={})
    if column.kind == "text":
        labels = tuple(sorted({*column.labels, *more.labels}))
        values = np.concatenate([_renumbered(one, labels) for one in (column, more)])
        return replace(column, values=values, labels=labels)
    if column.seconds != more.seconds:
        if not (column.seconds and more.seconds):
            return None
        seconds = min(column.seconds, more.seconds)
        values = np.concatenate([one.values * round(one.seconds / seconds) for one in (column, more)])
        return replace(column, values=values, seconds=seconds)
    kind = column.kind if column.kind == more.kind else "real"
    return replace(column, kind=kind, values=np.concatenate([column.values, more.values]))


def _renumbered(column: Column, labels: tuple[str, ...]) -> Array:
    """The values of a column of text, numbered by other labels that have all of its own."""
    places = np.array([*np.searchsorted(np.array(labels), np.array(column.labels)), np.nan])
    return places[np.where(np.isnan(column.values), len(column.labels), column.values).astype(np.int64)]
