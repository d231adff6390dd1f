"""The column of time of a table: its step, its unit, and where recordings begin. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mi_cli.errors import ConfigError, counted, plain
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array, Column
from mi_cli.tabular.source import dataset_error

__all__ = ["Recordings", "Step", "recordings", "step_text"]

_UNEVEN = 0.1  # share of the step by which a difference of times may be off, as clocks are
_SHORTEST_MONTH = 28.0  # days
_UNITS = (("week", 604_800.0), ("day", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
_PLURALS = {"week": "weeks", "day": "days", "month": "months"}


@dataclass(frozen=True)
class Step:
    """The time between two rows.

    Attributes:
        size: in the unit.
        unit: such as ``h``, or what the config calls it; empty where it has no name.
    """

    size: float
    unit: str


@dataclass(frozen=True, eq=False)
class Recordings:
    """Rows of a table in recordings, each in the order of time and at equal steps.

    Attributes:
        order: indices of rows of the table, ``(n,)``: recording by recording.
        number: the number of each row's recording, ``(n,)``, from 0 on.
        step: between two rows; None where no column says it.
        gaps: how many gaps have split a recording.
    """

    order: Array
    number: Array
    step: Step | None
    gaps: int = 0


def step_text(lag: float, step: Step) -> str:
    """A number of steps as time.

    >>> step_text(3, Step(1, "day")), step_text(1, Step(0.5, "s")), step_text(2, Step(10, ""))
    ('3 days', '0.5 s', '20')
    """
    value = plain(lag * step.size)
    unit = step.unit if abs(value) == 1 else _PLURALS.get(step.unit, step.unit)
    return f"{value} {unit}".rstrip()


def recordings(
    time: Column | None, unit: str | None, groups: Array, rows: Array, gaps: Literal["error", "split"], key: str | None
) -> Recordings:
    """Rows in recordings, whose times are checked.

    Args:
        time: the column of time; None where rows are at equal steps in the order of the table.
        unit: what the config calls the unit of times that are numbers.
        groups: the number of each row's recording, for all rows of the table.
        rows: the rows that are used, ascending.
        gaps: whether a gap is a fault, or ends a recording.
        key: what ``dataset.groups`` says.

    Raises:
        ConfigError: the column is neither dates nor numbers; times are repeated, out of order or at unequal steps; or
            there are gaps.
    """
    if time is not None and time.kind not in ("integer", "real", "time"):
        raise _error(time, "is neither dates nor numbers", "a column of dates or numbers")
    order = rows[np.argsort(groups[rows], kind="stable")]
    number = groups[order]
    if time is None:
        times = np.arange(len(groups), dtype=float)  # so that rows that are left out make gaps
        if key is not None:  # rows of a recording may be anywhere in the table
            within = np.argsort(groups, kind="stable")
            times[within] = np.arange(len(groups))
        step, values = None, times[order]
        size = 1.0
    else:
        values, name, scale = _axis(time, unit, order)
        inside = np.diff(values)[np.diff(number) == 0]
        _check_order(time, values, number, order, key)
        size = float(np.median(inside)) if len(inside) else 1.0
        step = Step(plain(size * scale), name) if name or not time.seconds else _named(size)
    return _split(time, Recordings(order, number, step), values / size, gaps)


def _error(time: Column | None, problem: str, accepted: str) -> ConfigError:
    return dataset_error("time", None if time is None else time.name, problem, accepted)


def _axis(time: Column, unit: str | None, order: Array) -> tuple[Array, str, float]:
    """Times as numbers, their unit where it has a name, and by what their differences are multiplied to be in it.

    Dates in steps of months are numbers of months, since months are not equally long.
    """
    values = time.values[order]
    if time.kind != "time" or not time.seconds:
        return values, unit or "", 1.0
    seconds = values * time.seconds
    stamps = np.round(seconds * 1e3).astype(np.int64).astype("datetime64[ms]")
    months = stamps.astype("datetime64[M]")
    of_month, to_next = stamps - months, (months + 1).astype("datetime64[ms]") - stamps
    aligned = (of_month == of_month[0]).all() or (to_next == to_next[0]).all()
    if aligned and len(values) > 1 and np.abs(np.diff(seconds)).min() >= _SHORTEST_MONTH * 86_400:
        return months.astype(np.int64).astype(float), "month", 1.0
    return seconds, "", 1.0


def _named(seconds: float) -> Step:
    """A step in the largest unit in which it is a whole number, or in seconds."""
    for name, size in _UNITS:
        if seconds >= size * (1 - 1e-9) and abs(seconds / size - round(seconds / size)) < 1e-6:
            return Step(float(round(seconds / size)), name)
    return Step(plain(seconds), "s")


def _check_order(time: Column, values: Array, number: Array, order: Array, key: str | None) -> None:
    """Refuse times that are repeated or out of order within a recording; rows of the file are counted from 1."""
    differences, same = np.diff(values), np.diff(number) == 0
    where = "" if key is None else " of the same recording"
    groups = ", or dataset.groups, the column that names the recordings" if key is None else ""
    repeated = np.flatnonzero(same & (differences == 0))
    if len(repeated):
        at = repeated[0]
        problem = (
            f"has the same time in rows {order[at] + 1:,} and {order[at + 1] + 1:,}{where}"
            f"{_more(len(repeated), 'repeated time')}"
        )
        raise _error(time, problem, f"one row for each time{groups}")
    back = np.flatnonzero(same & (differences < 0))
    if len(back):
        at = back[0]
        problem = f"is earlier in row {order[at + 1] + 1:,} than in row {order[at] + 1:,} before it{where}"
        raise _error(time, problem, f"rows in the order of time{groups}")


def _more(n: int, noun: str) -> str:
    return f", among {counted(n, noun)}" if n > 1 else ""


def _split(time: Column | None, found: Recordings, steps: Array, gaps: Literal["error", "split"]) -> Recordings:
    """The recordings, ended at each gap.

    Raises:
        ConfigError: steps are unequal, or there is a gap that is not to end a recording.
    """
    order, number = found.order, found.number
    differences, same = np.diff(steps), np.diff(number) == 0
    each = "steps" if found.step is None else f"steps of {step_text(1, found.step)}"
    uneven = np.flatnonzero(same & (differences < 1 - _UNEVEN))
    if len(uneven):
        at = uneven[0]
        problem = f"is {differences[at]:.3g} {each}, the median, from row {order[at] + 1:,} to {order[at + 1] + 1:,}"
        raise _error(time, problem + _more(len(uneven), "shorter step"), "rows at equal steps of time")
    missing = same & (differences > 1 + _UNEVEN)
    if missing.any() and gaps == "error":
        at = np.flatnonzero(missing)[0]
        rows = f"rows {order[at] + 1:,} and {order[at + 1] + 1:,}"
        problem = f"has a gap of {differences[at]:.4g} {each} between {rows}{_more(int(missing.sum()), 'gap')}"
        accepted = "rows at equal steps, or dataset.gaps=split, by which a gap ends a recording"
        if time is None:
            raise dataset_error("missing", "drop", f"leaves gaps: the first is between {rows}", accepted)
        raise _error(time, problem, accepted)
    starts = np.concatenate([[0], np.cumsum(~same | missing)]) if len(order) else number
    return Recordings(order, starts, found.step, int(missing.sum()))
