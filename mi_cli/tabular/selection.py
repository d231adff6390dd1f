"""Which columns of a table are x and which are y: names, globs, regular expressions and types."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.tabular.source import FILE_LABEL, Source, absent_column, dataset_error, name_list

__all__ = [
    "SELECTIONS",
    "columns_of_x_and_y",
    "excluded_columns",
    "list_of_names",
    "named_columns",
    "override",
    "quoted",
    "selected_columns",
    "selected_sides",
    "typed_paths",
    "typed_value",
]

SELECTIONS = "names of columns, globs (gene_*), regular expressions (^...), :numeric, :categorical or :boolean"

_NUMBER = re.compile(r"[-+]?\d*[.,]\d+([eE][-+]?\d+)?")  # which is hardly the name of a column
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)  # text that needs no quotes in an override
_PLAIN_PATH = re.compile(r"(?![\d_.]+([eE][-+]?\d+)?$)[\w./:*?][\w./:*?+-]*", re.ASCII)
_WORDS_OF_YAML = ("true", "false", "null", "nan", "inf")  # which are no names unless they are quoted
_TYPES = {":numeric": "number", ":categorical": "class", ":boolean": "boolean"}


def selected_sides(
    source: Source,
    sides: Mapping[str, Sequence[str]],
    by_name_only: Sequence[str],
    type_of: Callable[[str], str],
    exclude: Sequence[str] = (),
) -> dict[str, tuple[str, ...]]:
    """The columns of x and of y, and of z where it has selections, in the order of the source.

    Patterns of x and y leave out the columns of z, and those of z leave out columns that x or y name.

    Args:
        source: where the columns are.
        sides: selections (``SELECTIONS``) of ``x``, ``y`` and ``z``.
        by_name_only: columns that no pattern selects.
        type_of: ``number``, ``class`` or ``boolean`` (or another word), by the name of a column.
        exclude: selections of columns that no side takes.

    Raises:
        ConfigError: a side has no columns, or a column is on two sides.
    """
    of_z = _columns_of_z(source, sides, by_name_only, type_of, exclude)
    of_x, of_y = columns_of_x_and_y(source, sides["x"], sides["y"], [*by_name_only, *of_z], type_of, exclude)
    return {"x": of_x, "y": of_y} | ({"z": of_z} if of_z else {})


def _columns_of_z(
    source: Source,
    sides: Mapping[str, Sequence[str]],
    by_name_only: Sequence[str],
    type_of: Callable[[str], str],
    exclude: Sequence[str],
) -> tuple[str, ...]:
    entries = sides["z"]
    if not entries:
        return ()
    names, arrays = source.names, source.arrays
    excluded = excluded_columns(source, exclude, type_of)
    named = {
        side: {name for entry in sides[side] for name in ((entry,) if entry in names else arrays.get(entry, ()))}
        for side in "xyz"
    }
    for side in "xy":
        if both := [name for name in names if name in named[side] & named["z"]]:
            problem = f"and dataset.{side}={shown(list(sides[side]))} both take {name_list(both)}"
            raise dataset_error("z", list(entries), f"{problem}: given z, nothing is left of it", "other columns")
    elsewhere = {*excluded, *by_name_only, *named["x"], *named["y"]}
    selected = {name for entry in entries for name in selected_columns(source, "z", entry, entries, type_of)}
    of_z = tuple(name for name in names if name in selected - (elsewhere - named["z"]) - excluded)
    if not of_z:
        raise dataset_error("z", list(entries), "leaves no column for z", SELECTIONS)
    return of_z


def columns_of_x_and_y(
    source: Source,
    x: Sequence[str],
    y: Sequence[str],
    by_name_only: Sequence[str],
    type_of: Callable[[str], str],
    exclude: Sequence[str] = (),
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of x and of y, in the order of the source.

    A pattern leaves out columns that the other side names. A side without selections takes what the other one leaves.

    Args:
        source: where the columns are.
        x: selections (``SELECTIONS``); so is ``y``.
        by_name_only: columns that no pattern selects.
        type_of: ``number``, ``class`` or ``boolean`` (or another word), by the name of a column.
        exclude: selections of columns that neither side takes.

    Raises:
        ConfigError: a side has no columns, or a column is on both sides.
    """
    excluded = excluded_columns(source, exclude, type_of)
    if not x and not y:
        raise _no_side(source, {*excluded, *by_name_only}, type_of)
    names, arrays, selections = source.names, source.arrays, {"x": x, "y": y}
    named = {
        side: {name for entry in entries for name in ((entry,) if entry in names else arrays.get(entry, ()))}
        for side, entries in selections.items()
    }
    selected: dict[str, list[str]] = {"x": [], "y": []}
    for side, other in (("x", "y"), ("y", "x")):
        elsewhere = {*named[other], *by_name_only}
        for entry in selections[side]:
            columns = selected_columns(source, side, entry, selections[side], type_of)
            is_name = entry in names or entry in arrays
            taken = [name for name in columns if is_name or name not in elsewhere]
            selected[side] += [name for name in taken if name not in excluded]
    for side, other in (("x", "y"), ("y", "x")):
        if not selections[side]:
            elsewhere = {*selected[other], *by_name_only, *excluded}
            selected[side] = [name for name in names if name not in elsewhere]
        if not selected[side]:
            value = list(selections[side]) or None
            problem = f"leaves no column for {side}"
            if not selections[side]:
                problem = f"{problem}, as the other sides take all"
            raise dataset_error(side, value, problem, SELECTIONS)
    of_x, of_y = (tuple(filter(set(selected[side]).__contains__, names)) for side in selections)
    if both := list(filter(set(of_y).__contains__, of_x)):
        problem = (
            f"and dataset.y={shown(list(y))} both take {name_list(both)}, and the MI of a column with itself is its "
            "entropy, infinite for numbers"
        )
        raise dataset_error("x", list(x), problem, "different columns")
    return of_x, of_y


def _no_side(source: Source, others: Collection[str], type_of: Callable[[str], str]) -> ConfigError:
    """Neither x nor y has a selection: what to type, with the columns of the table."""
    usable = [name for name in source.names if name not in others and type_of(name) in _TYPES.values()]
    names = usable or list(source.names)
    problem = "and dataset.y=null: one of them must say its columns"
    accepted = f"names of columns, such as {name_list(names, 12)}"
    command = f"{override('y', names[-1:])}, for instance, which takes all others for x"
    return ConfigError(Fault("dataset.x", None, problem, accepted, command))


def list_of_names(names: Sequence[str]) -> str:
    """Names of columns as a list in an override.

    >>> print(list_of_names(["a", "weight (kg)", "größe", "1e3"]))
    [a,"weight (kg)","größe","1e3"]
    """
    plain = [_PLAIN.fullmatch(name) and name.lower() not in _WORDS_OF_YAML for name in names]
    typed = [name if is_plain else quoted(name, '"') for name, is_plain in zip(names, plain, strict=True)]
    return f"[{','.join(typed)}]"


def quoted(text: str, quote: str) -> str:
    """Text in quotes, as Hydra's grammar takes it, whatever characters it has.

    >>> print(quoted("it's", "'"), quoted("a" + chr(92), "'"), quoted("${b}", "'"))
    'it\\'s' 'a\\\\' '\\${b}'
    """
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)  # which would stand for the value of a key
    text = re.sub(rf"(\\*){quote}", rf"\1\1\\{quote}", text)
    return quote + re.sub(r"(\\+)$", r"\1\1", text) + quote


def typed_value(value: str) -> str:
    """A value as Hydra's grammar takes it, whatever characters it has.

    >>> print(typed_value("data/a.csv"), typed_value("a b.csv"), typed_value("null"))
    data/a.csv "a b.csv" "null"
    """
    is_plain = _PLAIN_PATH.fullmatch(value) and value.lower() not in _WORDS_OF_YAML
    return value if is_plain else quoted(value, '"')  # which stand in the single quotes of a shell


def typed_paths(paths: Sequence[str]) -> str:
    """A path, or several as a list, as Hydra's grammar takes them.

    >>> print(typed_paths(["a.csv"]), typed_paths(["a.csv", "*.csv"]))
    a.csv [a.csv,*.csv]
    """
    return typed_value(paths[0]) if len(paths) == 1 else f"[{','.join(map(typed_value, paths))}]"


def override(key: str, names: Sequence[str]) -> str:
    """Names of columns as one types them in a shell for a key of ``dataset``.

    Brackets are quoted, since zsh takes them for patterns of files.

    >>> override("exclude", ["a", "b_2"])
    "'dataset.exclude=[a,b_2]'"
    """
    text = f"dataset.{key}={list_of_names(names)}"
    return "'" + text.replace("'", r"'\''") + "'"


def named_columns(source: Source, entries: Sequence[str]) -> frozenset[str]:
    """The columns that entries of ``dataset.x`` or ``dataset.y`` name one by one."""
    return frozenset(entries) & frozenset(source.names) - source.together


def excluded_columns(source: Source, exclude: Sequence[str], type_of: Callable[[str], str]) -> frozenset[str]:
    """The columns that ``dataset.exclude`` selects.

    Raises:
        ConfigError: an entry selects none.
    """
    return frozenset(name for entry in exclude for name in selected_columns(source, "exclude", entry, exclude, type_of))


def selected_columns(
    source: Source, key: str, entry: str, entries: Sequence[str], type_of: Callable[[str], str]
) -> list[str]:
    """The columns that one ``entry`` selects, of all ``entries`` that ``dataset.<key>`` has.

    Raises:
        ConfigError: it selects none.
    """
    names, arrays = source.names, source.arrays
    if entry in names:
        return [entry]
    if entry in arrays:
        return list(arrays[entry])
    if entry.startswith(":"):
        if entry == FILE_LABEL:
            raise absent_column(key, list(entries), entry, names)
        if entry not in _TYPES:
            raise dataset_error(key, list(entries), f"no such type of columns: {shown(entry)}", ", ".join(_TYPES))
        columns = [name for name in names if type_of(name) == _TYPES[entry]]
        problem = f"no column is {entry}"
    elif entry.startswith("^"):
        try:
            columns = [name for name in names if re.search(entry, name)]
            problem = f"no column matches {shown(entry)}"
        except re.error as error:
            problem = f"{shown(entry)} is no regular expression ({error})"
            raise dataset_error(key, list(entries), problem, SELECTIONS) from None
    else:
        pattern = re.escape(entry).replace(r"\*", ".*").replace(r"\?", ".")
        columns = [name for name in names if re.fullmatch(pattern, name, re.DOTALL)]
        is_glob = "*" in entry or "?" in entry
        problem = f"no column matches {shown(entry)}" if is_glob else f"no such column: {shown([entry])[1:-1]}"
    if not columns:
        if any(map(_NUMBER.fullmatch, names)):
            problem += ", and the first row, which names the columns, holds numbers"
        raise dataset_error(key, list(entries), problem, name_list(_near(entry, [*arrays, *names])))
    return columns


def _near(entry: str, names: Sequence[str]) -> Sequence[str]:
    """The names that may be meant by one that does not exist; all of them if none is near."""
    folded = entry.strip().casefold()
    same = [name for name in names if name.casefold() == folded]
    longer = [name for name in names if folded and folded in name.casefold()]
    return same or difflib.get_close_matches(entry, names, 3) or longer or names
