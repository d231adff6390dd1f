"""Held-out estimates against an axis of the sweep, with intervals over seeds, and their difference from the true MI."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts import bands, figures, labels, looks, marks, scales
from mi_cli.plots.parts.series import looks as looks_of_series
from mi_cli.plots.parts.settings import (
    Cell,
    Setting,
    Trial,
    Value,
    are_numbers,
    cells,
    estimate_interval,
    grouped,
    trials,
    values_of,
)
from mi_cli.plots.parts.truths import depends_on_data, truth_between
from mi_cli.plots.parts.values import Value as Said
from mi_cli.plots.parts.values import exact, span, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Held-out {} estimate"
_DODGE = 4.0  # points of 1/72 inch between series
_LEAST_SPAN = 0.01  # nats
_LARGEST = 100.0  # nats; larger estimates come from trainings that diverged, and are shown as text
_LINE = 0.075  # of a panel, for a line of text at its edge
_LETTERS = 10.0  # points of 1/72 inch for the height of a line
_SIDES = 0.2  # of a panel: text at a place nearer to a side is aligned to it
_BAND_REACH = 3.0  # times the other values: the ends of a wider band are not in the panel

_Series = tuple[str, Setting]


@dataclass(frozen=True)
class _Point:
    """The mean estimate of one method at one place of the horizontal axis."""

    at: float
    on_axis: Value
    where: str
    setting: Setting
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
    quantities = f"{labels.measure(records.summary)} (nats)", f"estimate − true {measure} (nats)"
    _truths(top, points, records, axis if connect else None, quantities[0])
    shown = _shown(points)
    _marks(top, shown, [point.estimate for point in shown], look_of, quantities[0], connect=connect)
    accepted = [_accepted(band, points) for band in bands.bands(records)]
    others = [*_finite(points), *_ends(accepted, shown, of_difference=False)]
    cut = _limit(top, [point.estimate for point in shown], others)
    for ax in below:
        ax.axhline(0, **looks.TRUTH)
        _marks(ax, shown, [point.difference for point in shown], look_of, quantities[1], connect=connect)
        others = [0.0, *_ends(accepted, shown, of_difference=True)]
        cut |= _limit(ax, [point.difference for point in shown if point.difference], others)
        ax.set_ylabel(quantities[1], fontsize=9)
    top.set_ylabel(quantities[0], fontsize=9)
    lowest = [top, *below][-1]
    scales.sweep_ticks(lowest, axis, values)
    lowest.set_xlabel(labels.axis_label(axis, values), fontsize=9)
    _edges(top, points, shown, look_of, quantities[0])
    for band in accepted:
        _draw_band(band, top, below, look_of, connect=connect)
    figures.add_legend(grid.figure)
    remarks = [_remark(estimates, records, cut=cut), *(one.band.text for one in accepted if one.places)]
    figures.add_title(grid.figure, records, _WHAT.format(measure), *remarks)
    return grid.figure


def _shown(points: Sequence[_Point]) -> list[_Point]:
    """The points that are drawn at their places; the others would flatten these, and are written at the edge.

    Such are estimates of trainings that diverged, and estimates of an infinite MI that are far above all others.
    """
    usable = [point for point in points if abs(point.estimate.mean) <= _LARGEST] or list(points)
    finite = [point for point in usable if point.truth != math.inf]
    if not finite:
        return usable
    (low, high), _ = scales.value_limits((point.estimate for point in finite), _finite(points), _LEAST_SPAN)
    return [point for point in usable if point in finite or point.estimate.mean <= high + (high - low)]


def _finite(points: Sequence[_Point]) -> list[float]:
    return [point.truth for point in points if point.truth is not None and math.isfinite(point.truth)]


@dataclass(frozen=True)
class _Accepted:
    """What a claim accepts at places of the horizontal axis, by the settings of the other axes."""

    band: bands.Band
    places: Mapping[Setting, Sequence[tuple[float, float | None, float | None]]]
    series: frozenset[_Series]
    names: Mapping[float, str]


def _accepted(band: bands.Band, points: Sequence[_Point]) -> _Accepted:
    places: dict[Setting, list[tuple[float, float | None, float | None]]] = {}
    series = set()
    for where, low, high in band.cells:
        here = [point for point in points if band.method in (None, point.method) and _is_at(point, where)]
        series |= {point.series for point in here}
        for rest, at in dict.fromkeys((point.rest, point.at) for point in here):
            places.setdefault(rest, []).append((at, low, high))
    return _Accepted(band, places, frozenset(series), {point.at: point.where for point in points})


def _is_at(point: _Point, where: Setting) -> bool:
    """Whether a point has the values of a setting, in the axes that both have."""
    return all(value == dict(where.pairs).get(axis, value) for axis, value in point.setting.pairs)


def _ends(accepted: Sequence[_Accepted], points: Sequence[_Point], *, of_difference: bool) -> list[float]:
    """The ends of bands, where they are not far outside of what else a panel shows."""
    shown = [point.difference if of_difference else point.estimate for point in points]
    sizes = [abs(end) for value in shown if value for end in (value.mean, value.low, value.high) if end is not None]
    reach = _BAND_REACH * max([*sizes, _LEAST_SPAN])
    ends = [
        end
        for one in accepted
        for places in one.places.values()
        for _, *both in places
        for end in both
        if one.band.of_difference == of_difference and end is not None
    ]
    return [end for end in ends if abs(end) <= reach]


def _draw_band(
    one: _Accepted,
    top: Axes,
    below: Sequence[Axes],
    look_of: Mapping[_Series, looks.Look],
    *,
    connect: bool,
) -> None:
    """Draw the band of a claim, in the colour of the series that it is about, or grey where these are several."""
    panels = below if one.band.of_difference else [top]
    colours = {look_of[series].colour for series in one.series}
    colour = colours.pop() if len(colours) == 1 and len(look_of) > 1 else looks.GREY
    for ax in panels:
        unique = dict.fromkeys(tuple(sorted(places, key=lambda cell: cell[0])) for places in one.places.values())
        for first, places in enumerate(unique):
            label = one.band.label if not first else "_"
            bands.draw_band(ax, places, label, colour, connect=connect)
            for at, low, high in places:
                _tell_band(ax, at, low, high, one)


def _tell_band(ax: Axes, at: float, low: float | None, high: float | None, one: _Accepted) -> None:
    bottom, top = ax.get_ylim()
    text = f"{'−∞' if low is None else exact(low)} to {'∞' if high is None else exact(high)}"
    height = min(high, top) if high is not None else bottom if low is None else max(low, bottom)
    tell(ax, at, height, Said(ax.get_ylabel(), "accepted", one.names[at], text))


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
            _where(cell)[axis],
            labels.setting_label(Setting(((axis, _where(cell)[axis]),))),
            cell.setting,
            cell.method,
            cell.setting.without(*left_out, *_named(cell)),
            estimate_interval(cell, all_trials),
            cell.true_mi,
        )
        for cell in estimates
    ]


def _named(cell: Cell) -> list[str]:
    """The axis of estimators, where the method has the name of the estimator."""
    is_named = "estimator" in cell.setting.axes and cell.method.startswith(str(cell.setting["estimator"]))
    return ["estimator"] if is_named else []


def _looks(points: Sequence[_Point]) -> dict[_Series, looks.Look]:
    """The look of each series: that of its method, or a colour for each setting if there is one method."""
    series = list(dict.fromkeys(point.series for point in points))
    methods, rests = (list(dict.fromkeys(part)) for part in zip(*series, strict=True))
    if len(rests) == 1:
        look_of = looks_of_series((rest, method) for method, rest in series)
        return {(method, rest): look_of[rest, method] for method, rest in series}
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


def _truths(ax: Axes, points: Sequence[_Point], records: Records, axis: str | None, quantity: str) -> None:
    """Draw the true MI for each setting of the other axes that it depends on.

    It is a curve where it is known between the values of ``axis``, a line where the axis does not change it, and marks
    elsewhere; there are marks alone where ``axis`` is None, since there is nothing between words.
    """
    known = [point for point in points if point.truth is not None and math.isfinite(point.truth)]
    names = [name for name in points[0].rest.axes if _changes_truth(name, known)]
    for number, (rest, members) in enumerate(grouped(known, lambda point: point.rest.only(names)).items()):
        places = sorted({(point.at, point.truth) for point in members if point.truth is not None})
        curve = _curve(records, axis, members, places)
        line = looks.TRUTH | {"linestyle": looks.DASHES[number % len(looks.DASHES)] if curve else "none"}
        label = ", ".join(filter(None, ("true MI", labels.setting_label(rest))))
        ax.plot(*zip(*(curve or places), strict=True), marker="" if curve else "_", markersize=16, label=label, **line)
        where = {point.at: point.where for point in members}
        for at, truth in places:
            tell(ax, at, truth, Said(quantity, label, where[at], exact(truth)))


def _curve(
    records: Records, axis: str | None, members: Sequence[_Point], places: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """The true MI along an axis; empty where it is not known between its values."""
    if axis is None or len(places) < 2:
        return []
    if not depends_on_data(axis):
        return list(places)
    value_at = {point.at: point.on_axis for point in members}
    known = [(value_at[at], truth) for at, truth in places]
    others = Setting(tuple(pair for pair in members[0].rest.pairs if depends_on_data(pair[0])))
    curve = truth_between(records, axis, others, [(value, truth) for value, truth in known if isinstance(value, float)])
    return [(labels.place(axis, [value], value), truth) for value, truth in curve]


def _changes_truth(name: str, points: Sequence[_Point]) -> bool:
    """Whether the true MI depends on an axis."""
    same = grouped(points, lambda point: (point.at, point.rest.without(name))).values()
    return any(len({point.truth for point in members}) > 1 for members in same)


def _edges(
    ax: Axes,
    points: Sequence[_Point],
    shown: Sequence[_Point],
    look_of: Mapping[_Series, looks.Look],
    quantity: str,
) -> None:
    """Write at the edge, with an arrow, where the true MI is infinite, and the estimates that are not drawn."""
    upper: dict[float, list[tuple[str, str, Said]]] = {}
    lower: dict[float, list[tuple[str, str, Said]]] = {}
    for at, where in dict.fromkeys((point.at, point.where) for point in points if point.truth == math.inf):
        upper[at] = [("true MI = ∞", looks.BLACK, Said(quantity, "true MI", where, "∞"))]
    for point in points:
        if point in shown:
            continue
        look, mean = look_of[point.series], point.estimate.mean
        text = labels.number(mean) if abs(mean) > _LARGEST else exact(mean)
        said = Said(quantity, look.label, point.where, exact(mean), span((point.estimate.low, point.estimate.high)))
        line = f"{look.label} {text}" if len(look_of) > 1 else text
        (upper if mean > 0 else lower).setdefault(point.at, []).append((line, look.colour, said))
    low, high = ax.get_ylim()
    lines = [max(map(len, edge.values()), default=0) for edge in (lower, upper)]
    ax.set_ylim(low - _LINE * lines[0] * (high - low), high + _LINE * lines[1] * (high - low))
    for edge, is_upper in ((upper, True), (lower, False)):
        for at, found in edge.items():
            for number, (text, colour, said) in enumerate(found):
                _at_edge(ax, at, number, text, colour, is_upper=is_upper)
                height = 1 - _LINE * (number + 0.5) if is_upper else _LINE * (number + 0.5)
                tell(ax, at, height, said, transform=ax.get_xaxis_transform())


def _at_edge(ax: Axes, at: float, number: int, text: str, colour: str, *, is_upper: bool) -> None:
    """Write a line of text with an arrow at the upper or lower edge of a panel."""
    share = ax.transAxes.inverted().transform(ax.transData.transform((at, ax.get_ylim()[0])))[0]
    side = "left" if share < _SIDES else "right" if share > 1 - _SIDES else "center"
    arrow = "↑" if is_upper else "↓"
    ax.annotate(
        f"{arrow} {text}" if side == "left" else f"{text} {arrow}",
        (at, 1.0 if is_upper else 0.0),
        ({"left": -8, "center": 0, "right": 8}[side], (-1 if is_upper else 1) * (_LETTERS * number + 1)),
        xycoords=ax.get_xaxis_transform(),
        textcoords="offset points",
        ha=side,
        va="top" if is_upper else "bottom",
        fontsize=8,
        color=colour,
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
    )


def _remark(estimates: Sequence[Cell], records: Records, *, cut: bool) -> str:
    """What the bars are."""
    kind = "interval of the mean over seeds" if any(cell.n > 1 for cell in estimates) else "interval over held-out rows"
    return f"bars: {figures.level(records)} {kind}" + (", cut where they leave the panel" if cut else "")
