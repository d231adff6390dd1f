"""Estimates of several runs of one experiment laid over each other, against the axis that they share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.intervals import Interval
from mi_cli.errors import counted
from mi_cli.plots.parts import figures, labels, looks, marks, scales
from mi_cli.plots.parts.settings import (
    Cell,
    Setting,
    Value,
    are_numbers,
    cells,
    estimate_interval,
    grouped,
    panel_places,
    trials,
    values_of,
)
from mi_cli.records.results import SCALES, Records

__all__ = ["METHOD", "plot"]

METHOD = "method"  # the axis of runs that have a single setting
_LARGEST = 100.0  # nats; larger estimates come from trainings that diverged, and are left out
_LEAST_SPAN = 0.01
_ROOM = 26.0  # points of 1/72 inch that the marks of all runs at one place may take
_MOST_PANELS = 12
_LOOKS = len(looks.PALETTE) * len(looks.MARKERS)


@dataclass(frozen=True)
class _Point:
    run: int
    series: str
    panel: Setting
    where: Value
    estimate: Interval
    truth: float | None


def plot(experiment: str, runs: Sequence[tuple[str, Records]], axis: str, units: str = "nats") -> Figure:
    """Draw the mean estimates of each run with their intervals, a colour for each, and the true MI where it is known.

    Args:
        experiment: its name, for the title.
        runs: the name of each, and its records; they measure the same quantity.
        axis: dotted path of the axis that they share, or :data:`METHOD`.
        units: that values are shown in.
    """
    points = _points(runs, axis, SCALES[units])
    shown = [point for point in points if abs(point.estimate.mean) <= _LARGEST * SCALES[units]]
    values = values_of(axis, [Setting(((axis, point.where),)) for point in points])
    panels = list(grouped(shown, lambda point: point.panel))
    drawn = panels[:_MOST_PANELS]
    known = any(_is_known(point) for point in shown)
    single = len(drawn) == 1
    places = [(0, 0), (1, 0)][: 1 + known] if single else panel_places(drawn)
    size = (6.4, 2.7) if single else (3.4, 2.5)
    grid = figures.Grid.with_panels(places, size, sharex=True, sharey=not single)
    measure = labels.measure(runs[0][1].summary, "MI")
    look_of = _looks([name for name, _ in runs], points)
    for place, panel in zip(places, drawn, strict=False):
        of_panel = [point for point in shown if point.panel == panel]
        words = ", ".join(filter(None, (f"{measure} ({units})", labels.setting_label(panel))))
        _draw(grid.panels[place], of_panel, axis, values, look_of, words)
        if not single:
            figures.panel_title(grid.panels[place], panel)
    quantity = {0: f"{measure} ({units})"} if single else f"{measure} ({units})"
    if single and known:
        below, difference = grid.panels[1, 0], f"estimate − true {measure} ({units})"
        _draw(below, [_from_truth(point) for point in shown if _is_known(point)], axis, values, look_of, difference)
        quantity = {0: f"{measure} ({units})", 1: difference}
    for ax in grid.panels.values():
        scales.sweep_ticks(ax, axis, values)
    grid.label(labels.axis_label(axis, values), quantity)
    figures.add_legend(grid.figure)
    _title(grid.figure, experiment, runs, [len(points) - len(shown), len(panels) - len(drawn)])
    return grid.figure


def _points(runs: Sequence[tuple[str, Records]], axis: str, scale: float) -> list[_Point]:
    by_run = [cells(records, "estimate") for _, records in runs]
    shared = [name for name in _shared_axes(by_run) if name not in (axis, "estimator")]
    by_method = axis != METHOD and all(len({cell.method for cell in own}) > 1 for own in by_run)
    found = []
    for run, (own, (_, records)) in enumerate(zip(by_run, runs, strict=True)):
        several = len({cell.method for cell in own}) > 1 and not by_method and axis != METHOD
        all_trials = trials(records)
        varied = [name for name in _varied(own) if name not in (*shared, axis, "estimator")]
        for cell in own:
            panel = cell.setting.only(shared).pairs + (((METHOD, cell.method),) if by_method else ())
            parts = [looks.look(cell.method).label if several else "", labels.setting_label(cell.setting.only(varied))]
            series = ", ".join(filter(None, parts))
            where = cell.method if axis == METHOD else cell.setting[axis]
            truth = None if cell.true_mi is None else cell.true_mi * scale
            estimate = _scaled(estimate_interval(cell, all_trials), scale)
            found.append(_Point(run, series, Setting(panel), where, estimate, truth))
    return found


def _shared_axes(by_run: Sequence[Sequence[Cell]]) -> list[str]:
    """The axes that all runs have, and that vary among their settings."""
    names = [name for name in by_run[0][0].setting.axes if all(name in own[0].setting.axes for own in by_run)]
    settings = [cell.setting for own in by_run for cell in own]
    return [name for name in names if len(values_of(name, settings)) > 1]


def _varied(own: Sequence[Cell]) -> list[str]:
    return [name for name in own[0].setting.axes if len(values_of(name, [cell.setting for cell in own])) > 1]


def _scaled(value: Interval, scale: float) -> Interval:
    low, high = (None if end is None else end * scale for end in (value.low, value.high))
    return replace(value, mean=value.mean * scale, low=low, high=high)


def _is_known(point: _Point) -> bool:
    return point.truth is not None and math.isfinite(point.truth)


def _from_truth(point: _Point) -> _Point:
    """The difference from the true MI."""
    truth = point.truth or 0.0
    low, high = (None if end is None else end - truth for end in (point.estimate.low, point.estimate.high))
    return replace(
        point, estimate=replace(point.estimate, mean=point.estimate.mean - truth, low=low, high=high), truth=0
    )


def _looks(names: Sequence[str], points: Sequence[_Point]) -> dict[tuple[int, str], looks.Look]:
    """A colour for each run; a marker for each run too, or for its series where a run has several."""
    found = {}
    n = len(looks.PALETTE)
    for run, name in enumerate(names):
        series = list(dict.fromkeys(point.series for point in points if point.run == run))
        for number, text in enumerate(series):
            marker = looks.MARKERS[(run + run // n + number) % len(looks.MARKERS)]
            label = ", ".join(filter(None, (labels.plain(name), text)))
            found[run, text] = looks.Look(label, looks.PALETTE[run % n], marker, run < _LOOKS)
    return found


def _draw(
    ax: Axes,
    points: Sequence[_Point],
    axis: str,
    values: Sequence[Value],
    look_of: Mapping[tuple[int, str], looks.Look],
    quantity: str,
) -> None:
    connect = are_numbers(values)
    truths = sorted({(labels.place(axis, values, point.where), point.truth) for point in points if _is_known(point)})
    if truths:
        joined = connect and len(truths) > 1
        line = looks.TRUTH | ({} if joined else {"linestyle": "none"})
        ax.plot(*zip(*truths, strict=True), marker="" if joined else "_", markersize=18, label="true MI", **line)
    series = [key for key in look_of if any((point.run, point.series) == key for point in points)]
    where = {
        labels.place(axis, values, point.where): labels.setting_label(Setting(((axis, point.where),)))
        for point in points
    }
    words = marks.Words(quantity, where.__getitem__)
    step = min(4.0, _ROOM / max(1, len(series) - 1))
    for number, key in enumerate(series):
        own = [point for point in points if (point.run, point.series) == key]
        places = sorted(
            ((labels.place(axis, values, point.where), point.estimate) for point in own), key=lambda at: at[0]
        )
        dodge = step * (number - (len(series) - 1) / 2)
        marks.interval_marks(ax, places, look_of[key], line=connect, dodge=dodge, words=words)
    ends = [point.truth for point in points if point.truth is not None and math.isfinite(point.truth)]
    ax.set_ylim(scales.value_limits([point.estimate for point in points], ends, _LEAST_SPAN)[0])
    infinite = [point.where for point in points if point.truth == math.inf]
    if infinite:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.12 * (high - low))
        texts = dict.fromkeys(labels.setting_label(Setting(((axis, where),))) for where in infinite)
        everywhere = len(infinite) == len(points)
        figures.note(ax, "true MI = ∞" + ("" if everywhere else f" at {', '.join(texts)}"), colour=looks.BLACK)


def _title(fig: Figure, experiment: str, runs: Sequence[tuple[str, Records]], missing: Sequence[int]) -> None:
    """Say what is drawn, and how many estimates and settings are left out."""
    seeds = sorted({records.results["seed"].n_unique() for _, records in runs})
    told = counted(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    level = figures.level(runs[0][1])
    kind = "held-out rows" if seeds == [1] else "the mean over seeds"
    lines = [
        f"Estimates of {counted(len(runs), 'run')} of {labels.plain(experiment)}",
        f"{told}; bars: {level} interval of {kind}",
    ]
    left_out = [
        f"{n} {what} left out"
        for n, what in zip(missing, ("estimates beyond 100 nats", "more settings"), strict=True)
        if n
    ]
    lines += ["; ".join(left_out)] if left_out else []
    fig.set_figheight(fig.get_figheight() + 0.15 + 0.17 * len(lines))
    fig.suptitle("\n".join(lines), fontsize=9.5, linespacing=1.3)
