"""The records, arranged by setting: the trials that differ in nothing but their seed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mi_cli.intervals import Interval

if TYPE_CHECKING:
    from mi_cli.records import Records

__all__ = ["Cell", "Setting", "Trial", "Value", "axes", "cells", "distinct", "grouped", "numeric", "trials"]

Value = float | str | None
Setting = dict[str, Value]

_T = TypeVar("_T")
_K = TypeVar("_K")


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
    return [
        Trial(index, rows[0]["seed"], _setting(rows[0], axes(records)), rows)
        for index, rows in by_trial.items()
    ]


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


def _cell(cell: Mapping[str, Any], names: Sequence[str]) -> Cell:
    values = {
        name: Interval(found["mean"], found["ci_low"], found["ci_high"], found["sd"], cell["n"])
        for name, found in cell.items()
        if isinstance(found, Mapping) and "mean" in found
    }
    true_mi = None if cell.get("true_mi") is None else float(cell["true_mi"])
    return Cell(_setting(cell, names), cell["method"], cell["n"], true_mi, values)


def _setting(row: Mapping[str, Any], names: Sequence[str]) -> Setting:
    return {name: _value(row.get(name)) for name in names}


def _value(value: Any) -> Value:
    """One form for what CSV and JSON write differently: numbers as float, true and false in lower case."""
    if value is None or isinstance(value, bool) or value in ("True", "False"):
        return None if value is None else str(value).lower()
    with contextlib.suppress(ValueError):
        return float(value)
    return str(value)
