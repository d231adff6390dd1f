"""Mean absolute error of each estimator against its time, and the estimators that no other beats at both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

from matplotlib.text import Text
from matplotlib.transforms import Bbox

from mi_cli.analysis import task_scores
from mi_cli.plots import scales, series, style
from mi_cli.plots.settings import grouped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    from mi_cli.analysis.intervals import Interval
    from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Mean absolute error against the time of a trial"
_FAR = 1e9  # nats and seconds; beyond every panel
_REACH = 3.0  # points of 1/72 inch, half the size of a mark
_RADII = (7, 16, 28, 44)  # points of 1/72 inch from a point to its label
_SIDES = ((1, 0), (1, 0.8), (1, -0.8), (-1, 0), (-1, 0.8), (-1, -0.8), (0, 1), (0, -1))


@dataclass(frozen=True)
class _Point:
    """One estimator."""

    key: series.Key
    seconds: float
    error: Interval


def plot(records: Records) -> Figure:
    """Draw a point for each estimator, labelled, and the Pareto front."""
    totals = task_scores.totals(series.read(records))
    level = records.summary["level"]
    points, lost = [], []
    looks = series.looks(map(series.key, totals))
    for total in totals:
        error = total.error(level)
        if error is None or total.seconds is None or len(total.answered) < len(total.scores):
            lost.append(looks[series.key(total)].label)
        else:
            points.append(_Point(series.key(total), total.seconds, error))
    if not points:
        return style.empty_figure(records, _WHAT, "no estimator has an estimate for every task with a true MI")
    grid = style.Grid.at([(0, 0)], (6.4, 4.2))
    ax = grid.panels[0, 0]
    ax.plot(*zip(*_front(points), strict=True), color=style.GREY, linestyle=style.DASHES[0], linewidth=1, zorder=1)
    for same in grouped(points, lambda point: point.key[1]).values():
        if len(same) > 1:
            curve = sorted((point.seconds, point.error.mean) for point in same)
            ax.plot(*zip(*curve, strict=True), color=looks[same[0].key].colour, linewidth=0.8, alpha=0.5, zorder=2)
    for point in points:
        style.interval_marks(ax, [(point.seconds, point.error)], looks[point.key])
    scales.log_scale(ax.xaxis, [point.seconds for point in points])
    scales.log_scale(ax.yaxis, [point.error.mean for point in points])
    tasks = len({score.task for total in totals for score in total.scores})
    grid.label("median time of a trial (seconds)", f"mean absolute error on {tasks} task{'s' * (tasks != 1)} (nats)")
    style.title(grid.figure, records, _WHAT, *_remarks(records, lost))
    _label(ax, points, looks)
    return grid.figure


def _front(points: Sequence[_Point]) -> list[tuple[float, float]]:
    """Corners of the staircase through the points that no other is both faster and nearer than."""
    front: list[tuple[float, float]] = []
    for seconds, error in sorted((point.seconds, point.error.mean) for point in points):
        if not front:
            front += [(seconds, _FAR), (seconds, error)]
        elif error < front[-1][1]:
            front += [(seconds, front[-1][1]), (seconds, error)]
    return [*front, (_FAR, front[-1][1])]


def _label(ax: Axes, points: Sequence[_Point], looks: Mapping[series.Key, style.Look]) -> None:
    """Names beside their points, where they cover neither points nor lines nor each other."""
    root = ax.get_figure(root=True)
    assert root is not None  # noqa: S101 (for the type checker: panels have a figure)
    root.draw_without_rendering()  # for the places of things
    marks = ax.transData.transform([(point.seconds, point.error.mean) for point in points])
    corners = ax.transData.transform(_front(points))
    reach = _REACH * root.dpi / 72
    taken = [Bbox([start, end]).padded(reach) for start, end in [*zip(marks, marks, strict=True), *pairwise(corners)]]
    panel = ax.get_window_extent()
    for point in sorted(points, key=lambda point: -point.error.mean):
        tried: list[tuple[float, Annotation]] = []
        for radius, side in product(_RADII, _SIDES):
            text = _text(ax, point, looks[point.key], side, radius)
            tried.append((_cost(_box(text), taken, panel), text))
            if tried[-1][0] == 0:
                break
        _, best = min(tried, key=lambda one: one[0])
        for _, text in tried:
            if text is not best:
                text.remove()
        taken.append(_box(best))


def _text(ax: Axes, point: _Point, look: style.Look, side: tuple[float, float], radius: float) -> Annotation:
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


def _box(text: Annotation) -> Bbox:
    """Where the words are, without the line that leads to them."""
    text.get_window_extent()  # which puts them in their place
    return Text.get_window_extent(text)


def _cost(box: Bbox, taken: Sequence[Bbox], panel: Bbox) -> float:
    """Area that a label shares with others, and what lies outside of the panel."""
    shared = (Bbox.intersection(box, other) for other in taken)
    inside = Bbox.intersection(box, panel)
    outside = box.width * box.height - (inside.width * inside.height if inside else 0.0)
    return sum(found.width * found.height for found in shared if found) + (outside if outside > 1 else 0.0)


def _remarks(records: Records, lost: Sequence[str]) -> list[str]:
    level = f"{100 * records.summary['level']:g} %"
    remarks = [
        f"bars: {level} interval over seeds, where no trial was lost",
        "a trial's time is its share of the stack it was trained in",
        "dashed: Pareto front",
    ]
    if lost:
        remarks.append(f"left out, with a task unanswered: {', '.join(lost)}")
    return remarks
