"""The records, arranged by setting: the trials that differ in nothing but their seed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mi_cli.analysis.intervals import Interval

if TYPE_CHECKING:
    from mi_cli.records.results import Records

__all__ = [
    "Cell",
    "Setting",
    "Trace",
    "Trial",
    "Value",
    "axes",
    "cells",
    "distinct",
    "grouped",
    "numeric",
    "placed",
    "setting",
    "traces",
    "trials",
]

Value = float | str | None
Trace = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]

_T = TypeVar("_T")
_K = TypeVar("_K")

_COLUMNS, _ROWS = 6, 5


@dataclass(frozen=True)
class Setting:
    """A value for each of some axes."""

    pairs: tuple[tuple[str, Value], ...] = ()

    def __getitem__(self, axis: str) -> Value:
        return dict(self.pairs)[axis]

    def __bool__(self) -> bool:
        return bool(self.pairs)

    @property
    def axes(self) -> list[str]:
        """Names of the axes."""
        return [axis for axis, _ in self.pairs]

    def only(self, axes: Iterable[str]) -> Setting:
        """The part that ``axes`` say."""
        kept = set(axes)
        return Setting(tuple(pair for pair in self.pairs if pair[0] in kept))

    def without(self, *axes: str) -> Setting:
        """The part that all but ``axes`` say."""
        return self.only(set(self.axes) - set(axes))


@dataclass(frozen=True)
class Trial:
    """One trial: its setting, its status, and its results by method."""

    index: int
    seed: int
    setting: Setting
    rows: list[dict[str, Any]]

    @property
    def status(self) -> str:
        """The first that is not ok, if any."""
        return next((row["status"] for row in self.rows if row["status"] != "ok"), "ok")

    def first(self, column: str) -> float | None:
        """The first value of a column that one of the methods has."""
        return next((row[column] for row in self.rows if row[column] is not None), None)

    def of(self, method: str, column: str) -> float | None:
        """The value of a column for one method; None where that method did not succeed."""
        found = [row for row in self.rows if row["method"] == method and row["status"] == "ok"]
        return found[0][column] if found else None


@dataclass(frozen=True)
class Cell:
    """What one method came to in one setting, over seeds."""

    setting: Setting
    method: str
    n: int
    true_mi: float | None
    values: Mapping[str, Interval] = field(default_factory=dict)


def axes(records: Records) -> list[str]:
    """The axes of the sweep other than the seed, in the order in which they are written."""
    return list(records.summary["axes"])


def trials(records: Records) -> list[Trial]:
    """All trials, failed ones too, in order."""
    by_trial = grouped(records.results.iter_rows(named=True), lambda row: row["trial"])
    return [Trial(index, rows[0]["seed"], _setting(rows[0], axes(records)), rows) for index, rows in by_trial.items()]


def cells(records: Records, column: str) -> list[Cell]:
    """The summary's cells that have a value in ``column``."""
    return [_cell(cell, axes(records)) for cell in records.summary["cells"] if column in cell]


def distinct(settings: Iterable[Setting], axis: str) -> list[Value]:
    """The values of an axis: in ascending order if they are numbers, else in order of appearance."""
    found = list(dict.fromkeys(setting[axis] for setting in settings))
    return sorted(found, key=float) if numeric(found) else found  # type: ignore[arg-type]


def grouped(items: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, list[_T]]:
    """Items by key, in order of first appearance."""
    found: dict[_K, list[_T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def numeric(values: Sequence[Value]) -> bool:
    """Whether all are numbers."""
    return all(isinstance(value, float) for value in values)


def setting(pairs: Iterable[tuple[str, Any]]) -> Setting:
    """A setting of values as CSV or JSON has them."""
    return Setting(tuple((name, _value(value)) for name, value in pairs))


def _cell(cell: Mapping[str, Any], names: Sequence[str]) -> Cell:
    values = {
        name: Interval(found["mean"], found["ci_low"], found["ci_high"], found["sd"], cell["n"])
        for name, found in cell.items()
        if isinstance(found, Mapping) and "mean" in found
    }
    true_mi = None if cell.get("true_mi") is None else float(cell["true_mi"])
    return Cell(_setting(cell, names), cell["method"], cell["n"], true_mi, values)


def _setting(row: Mapping[str, Any], names: Sequence[str]) -> Setting:
    return setting((name, row.get(name)) for name in names)


def _value(value: Any) -> Value:
    """One form for what CSV and JSON write differently: numbers as float, true and false in lower case."""
    if value is None or isinstance(value, bool) or value in ("True", "False"):
        return None if value is None else str(value).lower()
    with contextlib.suppress(ValueError):
        return float(value)
    return str(value)


def placed(settings: Sequence[Setting]) -> list[tuple[int, int]]:
    """A place (row, column) for a panel of each setting.

    The first of several axes that vary runs along the columns, where both are few; otherwise the panels are wrapped.
    """
    first, *others = [axis for axis in settings[0].axes if len(distinct(settings, axis)) > 1] or [""]
    across = distinct(settings, first) if others else []
    down = list(dict.fromkeys(setting.without(first) for setting in settings))
    if 0 < len(across) <= _COLUMNS and len(down) <= _ROWS:
        return [(down.index(setting.without(first)), across.index(setting[first])) for setting in settings]
    columns = min(range(1, _COLUMNS + 1), key=lambda n: _waste(len(settings), n))
    return [divmod(index, columns) for index in range(len(settings))]


def _waste(panels: int, columns: int) -> float:
    """Empty places, and how far the grid is from being half as wide again as it is high."""
    rows = math.ceil(panels / columns)
    return rows * columns - panels + abs(columns - 1.5 * rows)


def traces(records: Records, metric: str) -> dict[int, Trace]:
    """The steps and values of a metric for each trial that has one."""
    if metric not in records.history.columns:
        return {}
    frame = records.history.select("trial", "step", metric).drop_nulls()
    return {
        int(trial): (rows["step"].to_numpy(), rows[metric].to_numpy())
        for (trial,), rows in frame.group_by("trial", maintain_order=True)
    }
