"""Mean absolute error of each estimator against the number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mi_cli.analysis.task_scores import Total
from mi_cli.plots import scales, series, style
from mi_cli.plots.settings import Setting, Value, distinct, grouped, placed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mi_cli.analysis.intervals import Interval
    from mi_cli.analysis.task_scores import Score
    from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Mean absolute error against the number of rows"
_AXIS = "dataset.n_samples"
_PANELS = 11  # tasks that get a panel each, beside that of their mean
_DODGE = 2.0  # points of 1/72 inch between estimators


def plot(records: Records) -> Figure:
    """Draw the mean over tasks, and each of a few tasks beside it."""
    found = [score for score in series.read(records) if score.truth is not None and isinstance(_rows(score), float)]
    if not any(score.estimates for score in found):
        what = "no estimate has a number of rows and a true MI" if _AXIS in records.summary["axes"] else "no axis"
        return style.empty_figure(records, _WHAT, f"{what} ({_AXIS})")
    tasks = grouped(found, lambda score: series.task(score).without(_AXIS))
    panels: dict[str, Sequence[Score]] = {_mean_of(tasks): found} if len(tasks) > 1 else {}
    if len(tasks) <= _PANELS:
        panels |= dict(zip(series.task_labels(list(tasks)), tasks.values(), strict=True))
    looks = series.looks(series.key(score) for score in found)
    level = records.summary["level"]
    curves = [_curves(members, level) for members in panels.values()]
    places = placed([Setting((("panel", float(index)),)) for index in range(len(panels))])
    grid = style.Grid.at(places, (5.2, 3.6) if len(panels) == 1 else (3.4, 2.6), sharex=True, sharey=True)
    values = distinct((series.task(score) for score in found), _AXIS)
    for name, of_panel, ax in zip(panels, curves, grid.panels.values(), strict=True):
        ax.set_title(name, fontsize=8.5)
        _draw(ax, of_panel, looks)
    _scales(grid, values, curves)
    grid.label(style.axis_label(_AXIS, values), "mean absolute error (nats)")
    style.legend(grid.figure)
    style.title(grid.figure, records, _WHAT, *_remarks(records, found, looks))
    return grid.figure


def _rows(score: Score) -> Value:
    return dict(series.task(score).pairs).get(_AXIS)


def _mean_of(tasks: Mapping[Setting, Sequence[Score]]) -> str:
    return f"mean over {len(tasks)} tasks"


def _curves(found: Sequence[Score], level: float) -> dict[series.Key, list[tuple[float, Interval]]]:
    """Errors by estimator: ``(rows, mean absolute error)``, where it answered every task."""
    curves: dict[series.Key, list[tuple[float, Interval]]] = {}
    for key, members in grouped(found, series.key).items():
        for rows, same in sorted(grouped(members, _rows).items(), key=lambda item: float(item[0] or 0)):
            error = Total((), "", same).error(level)
            if error is not None and all(score.estimates for score in same):
                curves.setdefault(key, []).append((float(rows or 0), error))
    return curves


def _draw(
    ax: Axes, curves: Mapping[series.Key, Sequence[tuple[float, Interval]]], looks: Mapping[series.Key, style.Look]
) -> None:
    for number, (key, look) in enumerate(looks.items()):
        dodge = _DODGE * (number - (len(looks) - 1) / 2) if len(looks) <= _PANELS else 0.0
        style.interval_marks(ax, curves.get(key, []), look, line=True, dodge=dodge)


def _scales(
    grid: style.Grid, values: Sequence[Value], curves: Sequence[Mapping[series.Key, Sequence[tuple[float, Interval]]]]
) -> None:
    """Log scales for both, the errors' by their means: intervals may reach zero."""
    means = [error.mean for of_panel in curves for points in of_panel.values() for _, error in points]
    for ax in grid.panels.values():
        ax.set_xscale("log")
        ax.xaxis.minorticks_off()
        scales.sweep_ticks(ax, _AXIS, values)
        scales.log_scale(ax.yaxis, means)


def _remarks(records: Records, found: Sequence[Score], looks: Mapping[series.Key, style.Look]) -> list[str]:
    level = f"{100 * records.summary['level']:g} %"
    remarks = [f"bars: {level} interval over seeds, where no trial was lost"]
    lost = dict.fromkeys(looks[series.key(score)].label for score in found if not score.estimates)
    if lost:
        remarks.append(f"left out where a task has no estimate: {', '.join(lost)}")
    return remarks
