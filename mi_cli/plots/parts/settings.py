"""The records of a run arranged by setting: trials of one setting differ in nothing but their seed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from mi_cli.analysis.intervals import Interval
from mi_cli.procedures.base import Trace
from mi_cli.records.results import Records, Row

__all__ = [
    "Cell",
    "Setting",
    "Trace",
    "Trial",
    "Value",
    "are_numbers",
    "axes",
    "cells",
    "estimate_interval",
    "grouped",
    "panel_places",
    "traces",
    "trials",
    "values_of",
]

Value = float | str | None

_T = TypeVar("_T")
_K = TypeVar("_K")

_COLUMNS, _ROWS = 6, 5  # of a grid of panels, at most


@dataclass(frozen=True)
class Setting:
    """A value for each of some axes."""

    pairs: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, Any]]) -> Setting:
        """Return a setting of values as CSV or JSON has them."""
        return cls(tuple((name, _value(value)) for name, value in pairs))

    def __getitem__(self, axis: str) -> Value:
        return dict(self.pairs)[axis]

    def __bool__(self) -> bool:
        return bool(self.pairs)

    @property
    def axes(self) -> list[str]:
        """Names of the axes."""
        return [axis for axis, _ in self.pairs]

    def only(self, axes: Iterable[str]) -> Setting:
        """Return the setting of these axes."""
        names = set(axes)
        return Setting(tuple(pair for pair in self.pairs if pair[0] in names))

    def without(self, *axes: str) -> Setting:
        """Return the setting of all axes but these."""
        return self.only(set(self.axes) - set(axes))


@dataclass(frozen=True)
class Trial:
    """A trial with its result rows, one for each method."""

    index: int
    seed: int
    setting: Setting
    rows: list[Row]

    @property
    def status(self) -> str:
        """``ok``, or the status of the first row that is not."""
        return next((row["status"] for row in self.rows if row["status"] != "ok"), "ok")

    def first(self, column: str) -> float | None:
        """Return the value of a column in the first row that has one."""
        return next((row[column] for row in self.rows if row[column] is not None), None)

    def value(self, method: str, column: str) -> float | None:
        """Return the value of a column for one method; None where that method did not succeed."""
        rows = [row for row in self.rows if row["method"] == method and row["status"] == "ok"]
        return rows[0][column] if rows else None


@dataclass(frozen=True)
class Cell:
    """The means of one method in one setting, over ``n`` seeds, by column."""

    setting: Setting
    method: str
    n: int
    true_mi: float | None
    values: Mapping[str, Interval] = field(default_factory=dict)


def axes(records: Records) -> list[str]:
    """Return the axes of the sweep other than the seed, in the order in which they are written."""
    return list(records.summary["axes"])


def trials(records: Records) -> list[Trial]:
    """Return all trials, failed ones too, in order."""
    by_trial = grouped(records.results.iter_rows(named=True), lambda row: row["trial"])
    return [Trial(index, rows[0]["seed"], _setting(rows[0], axes(records)), rows) for index, rows in by_trial.items()]


def cells(records: Records, column: str) -> list[Cell]:
    """Return the cells of the summary that have a value in ``column``."""
    return [_cell(cell, axes(records)) for cell in records.summary["cells"] if column in cell]


def estimate_interval(cell: Cell, all_trials: Iterable[Trial]) -> Interval:
    """The interval of a cell of estimates over its seeds; of a single seed, that over held-out rows."""
    over_seeds = cell.values["estimate"]
    if cell.n > 1:
        return over_seeds
    for trial in all_trials:
        if trial.setting == cell.setting and trial.value(cell.method, "estimate") is not None:
            return replace(over_seeds, low=trial.value(cell.method, "ci_low"), high=trial.value(cell.method, "ci_high"))
    return over_seeds


def traces(records: Records, metric: str) -> dict[int, Trace]:
    """Return the steps and values of a metric for each trial that has one, by index."""
    if metric not in records.history.columns:
        return {}
    frame = records.history.select("trial", "step", metric).drop_nulls()
    return {
        int(trial): (rows["step"].to_numpy(), rows[metric].to_numpy())
        for (trial,), rows in frame.group_by("trial", maintain_order=True)
    }


def values_of(axis: str, settings: Iterable[Setting]) -> list[Value]:
    """Return the values of an axis: numbers in ascending order, others in order of appearance."""
    values = list(dict.fromkeys(setting[axis] for setting in settings))
    return sorted(values, key=float) if are_numbers(values) else values  # type: ignore[arg-type]


def grouped(items: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, list[_T]]:
    """Return items by key, in order of first appearance."""
    groups: dict[_K, list[_T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def are_numbers(values: Sequence[Value]) -> bool:
    """Whether all values are numbers."""
    return all(isinstance(value, float) for value in values)


def _cell(cell: Mapping[str, Any], names: Sequence[str]) -> Cell:
    values = {
        name: Interval(value["mean"], value["ci_low"], value["ci_high"], value["sd"], cell["n"])
        for name, value in cell.items()
        if isinstance(value, Mapping) and "mean" in value
    }
    true_mi = None if cell.get("true_mi") is None else float(cell["true_mi"])
    return Cell(_setting(cell, names), cell["method"], cell["n"], true_mi, values)


def _setting(row: Mapping[str, Any], names: Sequence[str]) -> Setting:
    return Setting.from_pairs((name, row.get(name)) for name in names)


def _value(value: Any) -> Value:
    """One form for what CSV and JSON write differently: numbers as float, true and false in lower case."""
    if value is None or isinstance(value, bool) or value in ("True", "False"):
        return None if value is None else str(value).lower()
    with contextlib.suppress(ValueError):
        return float(value)
    return str(value)


def panel_places(settings: Sequence[Setting]) -> list[tuple[int, int]]:
    """Return a place (row, column) for a panel of each setting.

    If several axes vary, the values of the first are columns and those of the others rows, unless either are too many.
    Otherwise the panels are wrapped.
    """
    first, *others = [axis for axis in settings[0].axes if len(values_of(axis, settings)) > 1] or [""]
    across = values_of(first, settings) if others else []
    down = list(dict.fromkeys(setting.without(first) for setting in settings))
    if 0 < len(across) <= _COLUMNS and len(down) <= _ROWS:
        return [(down.index(setting.without(first)), across.index(setting[first])) for setting in settings]
    columns = min(range(1, _COLUMNS + 1), key=lambda n: _waste(len(settings), n))
    return [divmod(index, columns) for index in range(len(settings))]


def _waste(panels: int, columns: int) -> float:
    """The number of empty places, and how far the grid is from 3:2."""
    rows = math.ceil(panels / columns)
    return rows * columns - panels + abs(columns - 1.5 * rows)
