"""Held-out estimates against an axis of the sweep, with intervals over seeds, and their difference from the true MI."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts import figures, labels, looks, marks, scales
from mi_cli.plots.parts.settings import Cell, Setting, Trial, Value, are_numbers, cells, grouped, trials, values_of
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Held-out {} estimate"
_DODGE = 4.0  # points of 1/72 inch between series
_LEAST_SPAN = 0.01  # nats
_LARGEST = 100.0  # nats; larger estimates come from trainings that diverged, and are shown as text

_Series = tuple[str, Setting]


@dataclass(frozen=True)
class _Point:
    """The mean estimate of one method at one place of the horizontal axis."""

    at: float
    where: str
    method: str
    rest: Setting
    estimate: Interval
    truth: float | None

    @property
    def series(self) -> _Series:
        """The method and setting that are the same at all places of the axis."""
        return self.method, self.rest

    @property
    def difference(self) -> Interval | None:
        """The estimate less the true MI; None where that is infinite or unknown."""
        if self.truth is None or not math.isfinite(self.truth):
            return None
        low, high = (None if end is None else end - self.truth for end in (self.estimate.low, self.estimate.high))
        return replace(self.estimate, mean=self.estimate.mean - self.truth, low=low, high=high)


def plot(records: Records) -> Figure:
    """Draw the mean estimates of every method in every setting, and below them their differences from the true MI."""
    estimates = cells(records, "estimate")
    measure = labels.measure(records.summary, "MI")
    if not estimates:
        return figures.empty_figure(records, _WHAT.format(measure), "no trial gave an estimate")
    axis = _axis(estimates)
    values = values_of(axis, map(_where, estimates))
    points = _points(estimates, axis, values, trials(records))
    known = any(point.difference for point in points)
    grid = figures.Grid.with_panels([(0, 0), (1, 0)] if known else [(0, 0)], (5.8, 2.4), sharex=True)
    top, *below = grid.panels.values()
    look_of = _looks(points)
    connect = are_numbers(values)
    _truths(top, points, connect=connect)
    shown = [point for point in points if abs(point.estimate.mean) <= _LARGEST] or points
    quantities = f"{labels.measure(records.summary)} (nats)", f"estimate − true {measure} (nats)"
    _marks(top, shown, [point.estimate for point in shown], look_of, quantities[0], connect=connect)
    _note_large(top, [point for point in points if point not in shown])
    truths = [point.truth for point in points if point.truth is not None and math.isfinite(point.truth)]
    cut = _limit(top, [point.estimate for point in shown], truths)
    for ax in below:
        ax.axhline(0, **looks.TRUTH)
        _marks(ax, shown, [point.difference for point in shown], look_of, quantities[1], connect=connect)
        cut |= _limit(ax, [point.difference for point in shown if point.difference], [0.0])
        ax.set_ylabel(quantities[1], fontsize=9)
    top.set_ylabel(quantities[0], fontsize=9)
    lowest = [top, *below][-1]
    scales.sweep_ticks(lowest, axis, values)
    lowest.set_xlabel(labels.axis_label(axis, values), fontsize=9)
    _infinite(top, points)
    figures.add_legend(grid.figure)
    figures.add_title(grid.figure, records, _WHAT.format(measure), _remark(estimates, records, cut=cut))
    return grid.figure


def _axis(estimates: Sequence[Cell]) -> str:
    """The first axis with several numbers, else the first with several values, else the first, else the methods."""
    names = estimates[0].setting.axes
    values = {name: values_of(name, (cell.setting for cell in estimates)) for name in names}
    varied = [name for name in names if len(values[name]) > 1]
    return next(iter([*(name for name in varied if are_numbers(values[name])), *varied, *names, "method"]))


def _where(cell: Cell) -> Setting:
    return Setting((*cell.setting.pairs, ("method", cell.method)))


def _points(estimates: Sequence[Cell], axis: str, values: list[Value], all_trials: Sequence[Trial]) -> list[_Point]:
    settings = [cell.setting for cell in estimates]
    left_out = {axis, *(name for name in settings[0].axes if len(values_of(name, settings)) == 1)}
    return [
        _Point(
            labels.place(axis, values, _where(cell)[axis]),
            labels.setting_label(Setting(((axis, _where(cell)[axis]),))),
            cell.method,
            cell.setting.without(*left_out, *_named(cell)),
            _interval(cell, all_trials),
            cell.true_mi,
        )
        for cell in estimates
    ]


def _named(cell: Cell) -> list[str]:
    """The axis of estimators, where the method has the name of the estimator."""
    is_named = "estimator" in cell.setting.axes and cell.method.startswith(str(cell.setting["estimator"]))
    return ["estimator"] if is_named else []


def _interval(cell: Cell, all_trials: Sequence[Trial]) -> Interval:
    """The interval over seeds; of a single seed, that over held-out rows."""
    over_seeds = cell.values["estimate"]
    if cell.n > 1:
        return over_seeds
    for trial in all_trials:
        if trial.setting == cell.setting and trial.value(cell.method, "estimate") is not None:
            return replace(over_seeds, low=trial.value(cell.method, "ci_low"), high=trial.value(cell.method, "ci_high"))
    return over_seeds


def _looks(points: Sequence[_Point]) -> dict[_Series, looks.Look]:
    """The look of each series: that of its method, or a colour for each setting if there is one method."""
    series = list(dict.fromkeys(point.series for point in points))
    methods, rests = (list(dict.fromkeys(part)) for part in zip(*series, strict=True))
    if len(rests) == 1:
        return {key: looks.look(key[0]) for key in series}
    texts = {rest: labels.setting_label(rest) for rest in rests}
    if len(methods) == 1:
        return {(m, rest): looks.palette_look(texts[rest], rests.index(rest)) for m, rest in series}
    return {(method, rest): looks.look(method).among(texts[rest], rests.index(rest)) for method, rest in series}


def _marks(
    ax: Axes,
    points: Sequence[_Point],
    values: Sequence[Interval | None],
    look_of: Mapping[_Series, looks.Look],
    quantity: str,
    *,
    connect: bool,
) -> None:
    """Draw every series with its intervals, each moved a little aside."""
    words = marks.Words(quantity, {point.at: point.where for point in points}.__getitem__)
    for number, (series, look) in enumerate(look_of.items()):
        places = [
            (point.at, value) for point, value in zip(points, values, strict=True) if value and point.series == series
        ]
        marks.interval_marks(
            ax,
            sorted(places, key=lambda at: at[0]),
            look,
            line=connect,
            dodge=_DODGE * (number - (len(look_of) - 1) / 2),
            words=words,
        )


def _limit(ax: Axes, shown: Sequence[Interval], others: Sequence[float]) -> bool:
    """Set the limits of a panel; whether they cut an interval."""
    limits, cut = scales.value_limits(shown, others, _LEAST_SPAN)
    ax.set_ylim(limits)
    return cut


def _note_large(ax: Axes, points: Sequence[_Point]) -> None:
    """Show estimates that are too large for the panel as text at its upper or lower edge."""
    for point in points:
        high, text = point.estimate.mean > 0, labels.number(point.estimate.mean)
        ax.text(point.at, 0.98 if high else 0.02, f"↑\n{text}" if high else f"{text}\n↓", ha="center",
                va="top" if high else "bottom", fontsize=7.5, transform=ax.get_xaxis_transform())  # fmt: skip


def _truths(ax: Axes, points: Sequence[_Point], *, connect: bool) -> None:
    """Draw the true MI, with a line for each setting of the other axes that it depends on."""
    known = [point for point in points if point.truth is not None and math.isfinite(point.truth)]
    names = [name for name in points[0].rest.axes if _changes_truth(name, known)]
    for number, (rest, members) in enumerate(grouped(known, lambda point: point.rest.only(names)).items()):
        curve = sorted({(point.at, point.truth) for point in members})
        joined = connect and len(curve) > 1
        line = looks.TRUTH | (
            {"linestyle": looks.DASHES[number % len(looks.DASHES)]} if joined else {"linestyle": "none"}
        )
        label = ", ".join(filter(None, ("true MI", labels.setting_label(rest))))
        ax.plot(*zip(*curve, strict=True), marker="" if joined else "_", markersize=16, label=label, **line)


def _changes_truth(name: str, points: Sequence[_Point]) -> bool:
    """Whether the true MI depends on an axis."""
    same = grouped(points, lambda point: (point.at, point.rest.without(name))).values()
    return any(len({point.truth for point in members}) > 1 for members in same)


def _infinite(ax: Axes, points: Sequence[_Point]) -> None:
    """Note at which places the true MI is infinite."""
    places = sorted({point.at for point in points if point.truth == math.inf})
    if not places:
        return
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.1 * (high - low))
    if all(point.truth == math.inf for point in points):
        figures.note(ax, "true MI = ∞ ↑", colour=looks.BLACK)
        return
    across = ax.transData + ax.transAxes.inverted()
    for at in places:
        is_right = across.transform((at, high))[0] > 0.5
        text, side = ("true MI = ∞ ↑", "right") if is_right else ("↑ true MI = ∞", "left")
        ax.text(at, 0.99, text, ha=side, va="top", fontsize=8, transform=ax.get_xaxis_transform())


def _remark(estimates: Sequence[Cell], records: Records, *, cut: bool) -> str:
    """What the bars are."""
    kind = "interval of the mean over seeds" if any(cell.n > 1 for cell in estimates) else "interval over held-out rows"
    return f"bars: {figures.level(records)} {kind}" + (", cut where they leave the panel" if cut else "")
