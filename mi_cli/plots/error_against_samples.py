"""Mean absolute error of each estimator against the number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.intervals import Interval
from mi_cli.analysis.task_scores import Score, Total
from mi_cli.plots.parts import figures, labels, looks, marks, scales, series
from mi_cli.plots.parts.settings import Setting, Value, grouped, panel_places, values_of
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Mean absolute error against the number of rows"
_AXIS = "dataset.n_samples"
_ERROR = "mean absolute error (nats)"
_PANELS = 11  # tasks that get a panel each, beside that of their mean
_DODGE = 2.0  # points of 1/72 inch between estimators


def plot(records: Records) -> Figure:
    """Draw a panel for the mean over tasks, and one for each task if they are few."""
    scores = [score for score in series.scores(records) if score.truth is not None and isinstance(_rows(score), float)]
    if not any(score.estimates for score in scores):
        reason = "no estimate has a number of rows and a true MI" if _AXIS in records.summary["axes"] else "no axis"
        return figures.empty_figure(records, _WHAT, f"{reason} ({_AXIS})")
    tasks = grouped(scores, lambda score: series.task(score).without(_AXIS))
    panels: dict[str, Sequence[Score]] = {_mean_of(tasks): scores} if len(tasks) > 1 else {}
    if len(tasks) <= _PANELS:
        panels |= dict(zip(series.task_labels(list(tasks)), tasks.values(), strict=True))
    look_of = series.looks(series.key(score) for score in scores)
    level = records.summary["level"]
    curves = [_curves(members, level) for members in panels.values()]
    places = panel_places([Setting((("panel", float(index)),)) for index in range(len(panels))])
    grid = figures.Grid.with_panels(places, (5.2, 3.6) if len(panels) == 1 else (3.4, 2.6), sharex=True, sharey=True)
    values = values_of(_AXIS, map(series.task, scores))
    for name, of_panel, ax in zip(panels, curves, grid.panels.values(), strict=True):
        ax.set_title(name, fontsize=8.5)
        _draw(ax, name, of_panel, look_of)
    _scales(grid, values, curves)
    grid.label(labels.axis_label(_AXIS, values), _ERROR)
    figures.add_legend(grid.figure)
    figures.add_title(grid.figure, records, _WHAT, *_remarks(records, scores, look_of))
    return grid.figure


def _rows(score: Score) -> Value:
    return dict(series.task(score).pairs).get(_AXIS)


def _mean_of(tasks: Mapping[Setting, Sequence[Score]]) -> str:
    return f"mean over {len(tasks)} tasks"


def _curves(scores: Sequence[Score], level: float) -> dict[series.Key, list[tuple[float, Interval]]]:
    """Pairs ``(rows, mean absolute error)`` by estimator, where it has an estimate for every task."""
    curves: dict[series.Key, list[tuple[float, Interval]]] = {}
    for key, members in grouped(scores, series.key).items():
        for rows, same in sorted(grouped(members, _rows).items(), key=lambda item: float(item[0] or 0)):
            error = Total((), "", same).error(level)
            if error is not None and all(score.estimates for score in same):
                curves.setdefault(key, []).append((float(rows or 0), error))
    return curves


def _draw(
    ax: Axes,
    name: str,
    curves: Mapping[series.Key, Sequence[tuple[float, Interval]]],
    look_of: Mapping[series.Key, looks.Look],
) -> None:
    words = marks.Words(_ERROR, lambda rows: f"{name}, {rows:,.0f} rows")
    for number, (key, look) in enumerate(look_of.items()):
        dodge = _DODGE * (number - (len(look_of) - 1) / 2) if len(look_of) <= _PANELS else 0.0
        marks.interval_marks(ax, curves.get(key, []), look, line=True, dodge=dodge, words=words)


def _scales(
    grid: figures.Grid, values: Sequence[Value], curves: Sequence[Mapping[series.Key, Sequence[tuple[float, Interval]]]]
) -> None:
    """Set log scales; that of errors by their means, since intervals may reach zero."""
    means = [error.mean for of_panel in curves for points in of_panel.values() for _, error in points]
    for ax in grid.panels.values():
        ax.set_xscale("log")
        ax.xaxis.minorticks_off()
        scales.sweep_ticks(ax, _AXIS, values)
        scales.log_scale(ax.yaxis, means)


def _remarks(records: Records, scores: Sequence[Score], look_of: Mapping[series.Key, looks.Look]) -> list[str]:
    remarks = [f"bars: {figures.level(records)} interval over seeds, where no trial was lost"]
    lost = dict.fromkeys(look_of[series.key(score)].label for score in scores if not score.estimates)
    if lost:
        remarks.append(f"left out where a task has no estimate: {', '.join(lost)}")
    return remarks
