"""Held-out estimates against an axis of the sweep, with intervals over seeds, and their distance from the true MI."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mi_cli.analysis.intervals import Interval
from mi_cli.plots import scales, style
from mi_cli.plots.settings import Cell, Setting, Trial, Value, cells, distinct, grouped, numeric, trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Held-out MI estimate"
_DODGE = 4.0  # points of 1/72 inch between series
_LEAST_SPAN = 0.01  # nats
_SANE = 100.0  # nats; an estimate beyond is the mark of a training that went astray

_Series = tuple[str, Setting]


@dataclass(frozen=True)
class _Point:
    """What one method came to at one place of the horizontal axis."""

    at: float
    method: str
    rest: Setting
    estimate: Interval
    truth: float | None

    @property
    def series(self) -> _Series:
        """Points that belong together."""
        return self.method, self.rest

    @property
    def off(self) -> Interval | None:
        """The estimate less the truth, where that is finite."""
        if self.truth is None or not math.isfinite(self.truth):
            return None
        low, high = (None if end is None else end - self.truth for end in (self.estimate.low, self.estimate.high))
        return replace(self.estimate, mean=self.estimate.mean - self.truth, low=low, high=high)


def plot(records: Records) -> Figure:
    """Draw the mean estimate of every method in every setting, and below it how far that is from the truth."""
    found = cells(records, "estimate")
    if not found:
        return style.empty_figure(records, _WHAT, "no trial gave an estimate")
    axis = _axis(found)
    values = distinct((_where(cell) for cell in found), axis)
    points = _points(found, axis, values, trials(records))
    known = any(point.off for point in points)
    grid = style.Grid.at([(0, 0), (1, 0)] if known else [(0, 0)], (5.8, 2.4), sharex=True)
    top, *below = grid.panels.values()
    looks = _looks(points)
    connect = numeric(values)
    _truths(top, points, connect=connect)
    sane = [point for point in points if abs(point.estimate.mean) <= _SANE] or points
    _marks(top, sane, [point.estimate for point in sane], looks, connect=connect)
    _tell(top, [point for point in points if point not in sane])
    truths = [point.truth for point in points if point.truth is not None and math.isfinite(point.truth)]
    cut = _limit(top, [point.estimate for point in sane], truths)
    for ax in below:
        ax.axhline(0, **style.TRUTH)
        _marks(ax, sane, [point.off for point in sane], looks, connect=connect)
        cut |= _limit(ax, [point.off for point in sane if point.off], [0.0])
        ax.set_ylabel("estimate − true MI (nats)", fontsize=9)
    top.set_ylabel(style.MI, fontsize=9)
    lowest = [top, *below][-1]
    scales.sweep_ticks(lowest, axis, values)
    lowest.set_xlabel(style.axis_label(axis, values), fontsize=9)
    _infinite(top, points)
    style.legend(grid.figure)
    style.title(grid.figure, records, _WHAT, _remark(found, records, cut=cut))
    return grid.figure


def _axis(found: Sequence[Cell]) -> str:
    """The first axis that varies over numbers, else the first that varies, else the first, else the methods."""
    names = found[0].setting.axes
    values = {name: distinct((cell.setting for cell in found), name) for name in names}
    varied = [name for name in names if len(values[name]) > 1]
    return next(iter([*(name for name in varied if numeric(values[name])), *varied, *names, "method"]))


def _where(cell: Cell) -> Setting:
    return Setting((*cell.setting.pairs, ("method", cell.method)))


def _points(found: Sequence[Cell], axis: str, values: list[Value], tried: Sequence[Trial]) -> list[_Point]:
    told = {axis, *(name for name in found[0].setting.axes if len(distinct((c.setting for c in found), name)) == 1)}
    return [
        _Point(
            style.place(axis, values, _where(cell)[axis]),
            cell.method,
            cell.setting.without(*told, *_named(cell)),
            _interval(cell, tried),
            cell.true_mi,
        )
        for cell in found
    ]


def _named(cell: Cell) -> list[str]:
    """The estimator, where the method is called by its name."""
    is_named = "estimator" in cell.setting.axes and cell.method.startswith(str(cell.setting["estimator"]))
    return ["estimator"] if is_named else []


def _interval(cell: Cell, tried: Sequence[Trial]) -> Interval:
    """Over seeds; of a single seed, that of its held-out rows."""
    over_seeds = cell.values["estimate"]
    if cell.n > 1:
        return over_seeds
    for trial in tried:
        if trial.setting == cell.setting and trial.of(cell.method, "estimate") is not None:
            return replace(over_seeds, low=trial.of(cell.method, "ci_low"), high=trial.of(cell.method, "ci_high"))
    return over_seeds


def _looks(points: Sequence[_Point]) -> dict[_Series, style.Look]:
    """Methods keep theirs; where one method has several settings, these are told apart by colour instead."""
    series = list(dict.fromkeys(point.series for point in points))
    methods, rests = (list(dict.fromkeys(part)) for part in zip(*series, strict=True))
    if len(rests) == 1:
        return {key: style.look(key[0]) for key in series}
    labels = {rest: style.setting_label(rest) for rest in rests}
    if len(methods) == 1:
        return {(m, rest): style.palette_look(labels[rest], rests.index(rest)) for m, rest in series}
    return {(method, rest): style.look(method).among(labels[rest], rests.index(rest)) for method, rest in series}


def _marks(
    ax: Axes,
    points: Sequence[_Point],
    values: Sequence[Interval | None],
    looks: Mapping[_Series, style.Look],
    *,
    connect: bool,
) -> None:
    """Every series with its intervals, each a little aside of the others."""
    for number, (series, look) in enumerate(looks.items()):
        shown = [
            (point.at, value) for point, value in zip(points, values, strict=True) if value and point.series == series
        ]
        style.interval_marks(
            ax, sorted(shown, key=lambda at: at[0]), look, line=connect, dodge=_DODGE * (number - (len(looks) - 1) / 2)
        )


def _limit(ax: Axes, shown: Sequence[Interval], others: Sequence[float]) -> bool:
    """Set the limits; whether they cut an interval."""
    limits, cut = scales.value_limits(shown, others, _LEAST_SPAN)
    ax.set_ylim(limits)
    return cut


def _tell(ax: Axes, points: Sequence[_Point]) -> None:
    """Put estimates beyond all reason in words."""
    for point in points:
        high, text = point.estimate.mean > 0, style.number(point.estimate.mean)
        ax.text(point.at, 0.98 if high else 0.02, f"↑\n{text}" if high else f"{text}\n↓", ha="center",
                va="top" if high else "bottom", fontsize=7.5, transform=ax.get_xaxis_transform())  # fmt: skip


def _truths(ax: Axes, points: Sequence[_Point], *, connect: bool) -> None:
    """The true MI against the horizontal axis, a line for each value of what else it depends on."""
    known = [point for point in points if point.truth is not None and math.isfinite(point.truth)]
    names = [name for name in points[0].rest.axes if _matters(name, known)]
    for number, (rest, members) in enumerate(grouped(known, lambda point: point.rest.only(names)).items()):
        curve = sorted({(point.at, point.truth) for point in members})
        joined = connect and len(curve) > 1
        line = style.TRUTH | (
            {"linestyle": style.DASHES[number % len(style.DASHES)]} if joined else {"linestyle": "none"}
        )
        label = ", ".join(filter(None, ("true MI", style.setting_label(rest))))
        ax.plot(*zip(*curve, strict=True), marker="" if joined else "_", markersize=16, label=label, **line)


def _matters(name: str, points: Sequence[_Point]) -> bool:
    """Whether the truth depends on an axis."""
    same = grouped(points, lambda point: (point.at, point.rest.without(name))).values()
    return any(len({point.truth for point in members}) > 1 for members in same)


def _infinite(ax: Axes, points: Sequence[_Point]) -> None:
    """Say where the truth lies above every axis."""
    places = sorted({point.at for point in points if point.truth == math.inf})
    if not places:
        return
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.1 * (high - low))
    if all(point.truth == math.inf for point in points):
        style.note(ax, "true MI = ∞ ↑", colour=style.BLACK)
        return
    across = ax.transData + ax.transAxes.inverted()
    for at in places:
        is_right = across.transform((at, high))[0] > 0.5
        text, side = ("true MI = ∞ ↑", "right") if is_right else ("↑ true MI = ∞", "left")
        ax.text(at, 0.99, text, ha=side, va="top", fontsize=8, transform=ax.get_xaxis_transform())


def _remark(found: Sequence[Cell], records: Records, *, cut: bool) -> str:
    """What the bars are."""
    level = f"{100 * records.summary['level']:g} %"
    kind = "interval of the mean over seeds" if any(cell.n > 1 for cell in found) else "interval over held-out rows"
    return f"bars: {level} {kind}" + (", cut where they leave the panel" if cut else "")
