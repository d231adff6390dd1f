"""Mean absolute error of each estimator against its time, with the Pareto front of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from mi_cli.analysis import task_scores
from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts import figures, looks, marks, scales, series
from mi_cli.plots.parts.settings import grouped
from mi_cli.plots.parts.values import exact
from mi_cli.records.results import Records

__all__ = ["plot"]

Side = tuple[float, float]

_WHAT = "Mean absolute error against the time of a trial"
_FAR = 1e9  # nats and seconds; outside of every panel
_HALF_MARK = 3.0  # points of 1/72 inch
_RADII = (7, 16, 28, 44)  # points of 1/72 inch from a point to its label
_SIDES: tuple[Side, ...] = ((1, 0), (1, 0.8), (1, -0.8), (-1, 0), (-1, 0.8), (-1, -0.8), (0, 1), (0, -1))


@dataclass(frozen=True)
class _Point:
    """An estimator, with the time of a trial and the mean absolute error over tasks."""

    key: series.Key
    seconds: float
    error: Interval


def plot(records: Records) -> Figure:
    """Draw a labelled point for each estimator, and the Pareto front."""
    totals = task_scores.totals(series.scores(records))
    level = records.summary["level"]
    points, lost = [], []
    look_of = series.looks(map(series.key, totals))
    for total in totals:
        error = total.error(level)
        if error is None or total.seconds is None or len(total.answered) < len(total.scores):
            lost.append(look_of[series.key(total)].label)
        else:
            points.append(_Point(series.key(total), total.seconds, error))
    if not points:
        return figures.empty_figure(records, _WHAT, "no estimator has an estimate for every task with a true MI")
    grid = figures.Grid.with_panels([(0, 0)], (6.4, 4.2))
    ax = grid.panels[0, 0]
    ax.plot(*zip(*_front(points), strict=True), color=looks.GREY, linestyle=looks.DASHES[0], linewidth=1, zorder=1)
    for same in grouped(points, lambda point: point.key[1]).values():
        if len(same) > 1:
            curve = sorted((point.seconds, point.error.mean) for point in same)
            ax.plot(*zip(*curve, strict=True), color=look_of[same[0].key].colour, linewidth=0.8, alpha=0.5, zorder=2)
    for point in points:
        words = marks.Words("mean absolute error (nats)", lambda seconds: f"{exact(seconds)} seconds")
        marks.interval_marks(ax, [(point.seconds, point.error)], look_of[point.key], words=words)
    scales.log_scale(ax.xaxis, [point.seconds for point in points])
    scales.log_scale(ax.yaxis, [point.error.mean for point in points])
    tasks = len({score.task for total in totals for score in total.scores})
    grid.label("median time of a trial (seconds)", f"mean absolute error on {tasks} task{'s' * (tasks != 1)} (nats)")
    figures.add_title(grid.figure, records, _WHAT, *_remarks(records, lost))
    _label(ax, points, look_of)
    return grid.figure


def _front(points: Sequence[_Point]) -> list[tuple[float, float]]:
    """Corners of the staircase through the points for which no other has both a shorter time and a smaller error."""
    front: list[tuple[float, float]] = []
    for seconds, error in sorted((point.seconds, point.error.mean) for point in points):
        if not front:
            front += [(seconds, _FAR), (seconds, error)]
        elif error < front[-1][1]:
            front += [(seconds, front[-1][1]), (seconds, error)]
    return [*front, (_FAR, front[-1][1])]


def _label(ax: Axes, points: Sequence[_Point], look_of: Mapping[series.Key, looks.Look]) -> None:
    """Draw names beside their points, where they cover no points, lines or other names."""
    root = ax.get_figure(root=True)
    assert root is not None  # noqa: S101 (for the type checker: panels have a figure)
    root.draw_without_rendering()  # it sets the places that are read below
    marks = ax.transData.transform([(point.seconds, point.error.mean) for point in points])
    corners = ax.transData.transform(_front(points))
    reach = _HALF_MARK * root.dpi / 72
    taken = [Bbox([start, end]).padded(reach) for start, end in [*zip(marks, marks, strict=True), *pairwise(corners)]]
    panel = ax.get_window_extent()
    for point, mark in sorted(zip(points, marks, strict=True), key=lambda pair: -pair[0].error.mean):
        text = _text(ax, point, look_of[point.key], _SIDES[0], _RADII[0])
        size = text.get_window_extent()
        text.remove()
        tried: list[tuple[float, tuple[Side, float], Bbox]] = []
        for radius, side in product(_RADII, _SIDES):
            box = _box(size, mark, side, radius * root.dpi / 72)
            tried.append((_cost(box, taken, panel), (side, radius), box))
            if tried[-1][0] == 0:
                break
        _, place, box = min(tried, key=lambda trial: trial[0])
        _text(ax, point, look_of[point.key], *place)
        taken.append(box)


def _text(ax: Axes, point: _Point, look: looks.Look, side: Side, radius: float) -> Annotation:
    far = radius > _RADII[0]
    return ax.annotate(
        look.label,
        (point.seconds, point.error.mean),
        (side[0] * radius, side[1] * radius),
        textcoords="offset points",
        ha={1: "left", 0: "center", -1: "right"}[round(side[0])],
        va="center",
        fontsize=8,
        arrowprops={"arrowstyle": "-", "color": look.colour, "linewidth": 0.5, "alpha": 0.6} if far else None,
        zorder=5,
    )


def _box(size: Bbox, mark: Sequence[float], side: Side, radius: float) -> Bbox:
    """The box of a text of some size at a side of a mark, without the line that leads to it; all in pixels."""
    left = {1: 0.0, 0: 0.5, -1: 1.0}[round(side[0])] * size.width
    x, y = mark[0] + side[0] * radius - left, mark[1] + side[1] * radius - size.height / 2
    return Bbox.from_bounds(x, y, size.width, size.height)


def _cost(box: Bbox, taken: Sequence[Bbox], panel: Bbox) -> float:
    """The area that a label shares with others or that lies outside of the panel."""
    shared = (Bbox.intersection(box, other) for other in taken)
    inside = Bbox.intersection(box, panel)
    outside = box.width * box.height - (inside.width * inside.height if inside else 0.0)
    return sum(part.width * part.height for part in shared if part) + (outside if outside > 1 else 0.0)


def _remarks(records: Records, lost: Sequence[str]) -> list[str]:
    remarks = [
        f"bars: {figures.level(records)} interval over seeds, where no trial was lost",
        "a trial's time is its share of the stack it was trained in",
        "dashed: Pareto front",
    ]
    if lost:
        remarks.append(f"left out, since a task has no estimate: {', '.join(lost)}")
    return remarks
