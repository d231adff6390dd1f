"""Which columns of a table cannot be used, or should not be used unless they are named. Nothing here imports torch.

A column that nobody named (it was selected by a glob, by its type, or as one of all others) is left out where it is
constant, has no values, holds dates, structures or free text, or is an index of the rows. A column that was named is
refused in the same cases, except that an index is used.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from mi_cli.errors import ConfigError, Fault, counted, listed, shown
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array, Column
from mi_cli.tabular.selection import override
from mi_cli.tabular.source import Source, dataset_error, name_list

__all__ = [
    "Reason",
    "Unfit",
    "constants",
    "left_out_notes",
    "most_classes",
    "refuse",
    "refuse_differing",
    "refuse_equal",
    "unfit",
]

Reason = Literal["constant", "empty", "time", "nested", "text", "index", "units", "stray text", "infinite", "differs"]

_LEFT_OUT = ("constant", "empty", "time", "nested", "text", "index", "units")  # unless they are named
_WITH_UNIT = re.compile(r"[$€£¥]?\s*[-+]?[\d.,]*\d\s*(\D*)")  # a number, and what stands after it
_INDEX_NAMES = re.compile(r"Unnamed: 0(\.\d+)*|__index_level_\d+__")  # as pandas writes its indices
_EXACT = 2.0**53  # up to which whole numbers are exact
_OF_ALL_FILES = "columns that all files have, of one type"
_ACCEPTED = {
    "constant": "columns that vary",
    "empty": "columns with some",
    "time": "numbers and classes (dataset.time takes the column that rows are sorted by)",
    "nested": "numbers and classes",
    "units": "plain numbers",
}
_PROBLEM = {  # of one column, and of several
    "constant": ("is constant", "are constant"),
    "empty": ("has no values", "have no values"),
    "time": ("holds dates or times", "hold dates or times"),
    "nested": (
        "holds lists, structures, bytes, or values of several types",
        "hold lists, structures, bytes, or values of several types",
    ),
}
_IN_BRACKETS = {
    "constant": "constant",
    "empty": "without values",
    "time": "dates or times",
    "nested": "structures",
    "units": "numbers with text beside them",
}


@dataclass(frozen=True)
class Unfit:
    """Why a column is not used.

    Args:
        name: of the column.
        reason: what is wrong with it.
        problem: the same as the rest of a sentence that begins with the column; empty where the reason says all.
        accepted: what is expected instead; empty where the reason says all.
    """

    name: str
    reason: Reason
    problem: str = ""
    accepted: str = ""

    def is_refused(self, named: bool) -> bool:
        """Whether the column is refused rather than left out or, of an index that is named, used."""
        return self.reason not in _LEFT_OUT or (named and (self.reason != "index" or bool(self.problem)))


def most_classes(n: int) -> int:
    """How many classes a column of ``n`` rows may have.

    They are up to 50 that come twice or more on average, and up to 1,000 that come five times or more.

    >>> most_classes(60), most_classes(200), most_classes(2_000), most_classes(100_000)
    (30, 50, 400, 1000)
    """
    return max(min(50, n // 2), min(1000, n // 5))


def unfit(column: Column, source: Source, total: int, *, classes: bool, listed_class: bool) -> Unfit | None:
    """Why a column cannot be used, or should not be used unless it is named; None where it can.

    Args:
        column: of a sample of the table.
        source: of the table.
        total: rows of the source, of which the column may be a sample.
        classes: whether its values are taken for classes.
        listed_class: whether it is among ``dataset.classes``.
    """
    name = shown(column.name)
    if column.differs:
        return Unfit(column.name, "differs", column.differs, _OF_ALL_FILES)
    if column.kind in ("time", "nested", "empty"):
        return Unfit(column.name, column.kind)
    if column.stray_text and not listed_class:
        value, place = column.stray_text
        problem = f"has the text {shown(value)} in {place}, among numbers"
        accepted = f"numbers, empty fields where there are none, or dataset.classes=[{name}]"
        return Unfit(column.name, "stray text", problem, accepted)
    if (many := classes and _many_classes(column)) and _has_units(column):
        problem = f"holds numbers with text beside them, such as {shown(column.labels[0])}"
        return Unfit(column.name, "units", problem)
    if _is_index(column, source, total):
        return Unfit(column.name, "index", *(many or ()))
    if len(column.distinct) < 2:
        return Unfit(column.name, "constant")
    if many:
        return Unfit(column.name, "text", *many)
    if infinite := int(np.isinf(column.values).sum()):
        return Unfit(column.name, "infinite", f"has {counted(infinite, 'infinite value')}", "finite numbers")
    return None


def _has_units(column: Column) -> bool:
    """Whether all texts are numbers with the same text after them, such as ``1.5 kg``, or with a currency before."""
    found = [_WITH_UNIT.fullmatch(label.strip()) for label in column.labels]
    return bool(found) and None not in found and len({match[1].strip() for match in found if match}) == 1


def _many_classes(column: Column) -> tuple[str, str] | tuple[()]:
    """What is wrong with a column of classes that are too many, and what is accepted."""
    m, n = len(column.distinct), len(column.values) - column.missing
    if m <= most_classes(n):
        return ()
    what = "text" if column.kind == "text" else "a class"
    return f"is {what} of {m:,} different values in {n:,} rows", f"at most {most_classes(n):,} in so many rows"


def _is_index(column: Column, source: Source, total: int) -> bool:
    """Whether a column only numbers or names the rows.

    That is one without a name or with the name of an index of pandas; and one whose values are all distinct, if they
    are text, or whole numbers in equal steps (of a sample of rows: in no more steps than there are rows).
    """
    if not source.may_have_index(column.name) or column.kind == "boolean":
        return False
    if column.name in source.nameless or _INDEX_NAMES.fullmatch(column.name):
        return True
    values = column.distinct
    if column.missing or len(values) < len(column.values) or len(values) < 2:
        return False
    if column.kind == "text":
        return True
    if not (np.abs(values) < _EXACT).all() or (values != np.floor(values)).any():
        return False
    steps = np.diff(values.astype(np.int64))
    return bool((int(values[-1]) - int(values[0])) // int(np.gcd.reduce(steps)) <= total - 1)


def constants(columns: Mapping[str, Column], names: Sequence[str], rows: Array) -> list[Unfit]:
    """The columns that are constant in the rows that are left of a sample."""
    varying = {name: columns[name].values[rows] for name in names}
    return [
        Unfit(name, "constant")
        for name, values in varying.items()
        if len(values) and np.nanmin(values) == np.nanmax(values)
    ]


def refuse(
    problems: Mapping[str, Sequence[Unfit]],
    sides: Mapping[str, Sequence[str]],
    entries: Mapping[str, Sequence[str]],
    excluded: Sequence[str],
) -> None:
    """Refuse columns, all of them in one line.

    Args:
        problems: by side, what is wrong with some of its columns.
        sides: all columns, by side.
        entries: what ``dataset.x`` and ``dataset.y`` say.
        excluded: what ``dataset.exclude`` says.

    Raises:
        ConfigError: there are such columns.
    """
    every = [problem for of_side in problems.values() for problem in of_side]
    if not every:
        return
    side = next(side for side, of_side in problems.items() if of_side)
    ordered = sorted(every, key=lambda one: (one.reason, one.problem))
    grouped = [list(same) for _, same in groupby(ordered, key=lambda one: (one.reason, one.problem))]
    accepted = dict.fromkeys(one.accepted or _ACCEPTED[one.reason] for one in ordered)
    names = {one.name for one in every}
    command = ""
    if all(set(columns) - names for columns in sides.values()):
        command = override("exclude", [*excluded, *(one.name for one in every)])
    raise ConfigError(
        Fault(
            f"dataset.{side}",
            list(entries[side]) or None,
            ", ".join(map(_sentence, grouped)),
            "; ".join(accepted),
            command,
        )
    )


def refuse_differing(columns: Iterable[Column]) -> None:
    """Refuse columns in which files differ, that are not sides: those of groups and of time.

    Raises:
        ConfigError: there is one.
    """
    for column in columns:
        if column.differs:
            raise dataset_error("path", column.name, column.differs, _OF_ALL_FILES)


def refuse_equal(
    sides: Mapping[str, Sequence[tuple[str, str, bytes]]],
    entries: Mapping[str, Sequence[str]],
    excluded: Sequence[str],
) -> None:
    """Refuse a column of y that equals one of x, and a column of z that equals one of either.

    Args:
        sides: name, kind and digest of each column, by side.
        entries: what ``dataset.x``, ``dataset.y`` and ``dataset.z`` say.
        excluded: what ``dataset.exclude`` says.

    Raises:
        ConfigError: there is such a column.
    """
    of_x, of_z = ({digest: name for name, _, digest in sides.get(side, ())} for side in "xz")
    for name, _, digest in (*sides["x"], *sides["y"]):
        if other := of_z.get(digest):
            problem = f"columns {shown(name)} and {shown(other)} are equal: given z, nothing is left"
            raise ConfigError(Fault("dataset.z", list(entries["z"]), problem, "other columns"))
    for name, kind, digest in sides["y"]:
        if other := of_x.get(digest):
            mi = "infinite" if kind == "number" else "the entropy of the column"
            problem = f"columns {shown(other)} and {shown(name)} are equal, so that their MI is {mi}"
            command = override("exclude", [*excluded, other]) if len(of_x) > 1 else ""
            raise ConfigError(Fault("dataset.y", list(entries["y"]) or None, problem, "different columns", command))


def _sentence(same: Sequence[Unfit]) -> str:
    """What is wrong with columns that share a reason."""
    names = [one.name for one in same]
    first = same[0]
    singular, plural = _PROBLEM[first.reason] if not first.problem else (first.problem, _plural(first.problem))
    if len(names) == 1:
        return f"column {shown(names[0])} {singular}"
    if len(names) > 6:
        return f"columns {name_list(names)} {plural}"
    return f"columns {listed(names, 'and')} {plural}"


def _plural(problem: str) -> str:
    """What is wrong with one column, of several."""
    return f"are{problem.removeprefix('is')}" if problem.startswith("is ") else problem


def left_out_notes(left_out: Collection[Unfit], of_file: bool) -> list[str]:
    """What is said of the columns that were left out since nobody named them.

    Args:
        left_out: in the order of the table.
        of_file: whether columns can be named in ``dataset.x``, as those of a file are.
    """
    notes = []
    if index := [one.name for one in left_out if one.reason == "index"]:
        one = len(index) == 1
        why = "is left out, since it only numbers or names" if one else "are left out, since they only number or name"
        pronoun, they = ("it", "it is") if one else ("them", "they are")
        used = f"{they} used if named in dataset.x or dataset.y" if of_file else f"x.to_numpy() is used with {pronoun}"
        notes.append(f"{listed(index, 'and') if len(index) <= 6 else name_list(index)} {why} the rows; {used}")
    if others := [one for one in left_out if one.reason != "index"]:
        parts = []
        for reason in dict.fromkeys(one.reason for one in others):
            names = [one.name for one in others if one.reason == reason]
            parts.append(f"{name_list(names)} ({_IN_BRACKETS.get(reason, 'free text, or classes that are too many')})")
        notes.append(f"left out: {', '.join(parts)}")
    return notes
