"""Test errors of all methods, and their paired differences from linear regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mi_cli.analysis.intervals import Interval
from mi_cli.plots import scales, style
from mi_cli.plots.settings import Cell, Setting, Trial, cells, distinct, grouped, numeric, trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Test error of each method, and its difference from that of linear regression"
_ERROR = f"test {style.MSE}"
_DIFFERENCE = "paired difference (label units²)\n← better      worse →"
_NO_DIFFERENCE = "no linear regression to compare with"
_FEW_VALUES = 3  # an axis with fewer is shown as groups
_DODGE = 2.6  # points of 1/72 inch between methods


@dataclass(frozen=True)
class _Score:
    """What a method came to in a setting: errors of the seeds, their mean, and the difference of the means."""

    setting: Setting
    method: str
    error: Interval
    difference: Interval | None
    seeds: list[float]


def plot(records: Records) -> Figure:
    """Draw errors on the left and differences on the right, against an axis of numbers or in groups."""
    scores = _scores(cells(records, "test_mse"), trials(records))
    if not scores:
        return style.empty_figure(records, _WHAT, "no method has a test error")
    axis = _axis(scores)
    tried = {row["method"] for trial in trials(records) for row in trial.rows if row["method"]}
    methods = sorted(tried, key=style.rank)
    grid = _groups(scores, methods) if axis is None else _lines(scores, methods, axis)
    style.title(grid.figure, records, _WHAT, *_remarks(records, scores, grid))
    return grid.figure


def _remarks(records: Records, scores: Sequence[_Score], grid: style.Grid) -> list[str]:
    found = ["codes feed a linear regression"]
    if max(len(score.seeds) for score in scores) > 1:
        found.append(f"bars: {100 * records.summary['level']:g} % interval of the mean over seeds; dots: seeds")
    found.append("errors: log scale")
    right = grid.panels[0, 1]
    if "symlog" in (right.get_xscale(), right.get_yscale()):
        found.append("differences: linear near 0, logarithmic beyond the first tick")
    return found


def _scores(found: Sequence[Cell], tried: Sequence[Trial]) -> list[_Score]:
    by_setting = grouped(tried, lambda trial: trial.setting)
    return sorted(
        (
            _Score(
                cell.setting,
                cell.method,
                cell.values["test_mse"],
                cell.values.get("difference"),
                [e for t in by_setting.get(cell.setting, []) if (e := t.of(cell.method, "test_mse")) is not None],
            )
            for cell in found
        ),
        key=lambda score: style.rank(score.method),
    )


def _axis(scores: Sequence[_Score]) -> str | None:
    """The first axis that has several numbers for values."""
    for axis in scores[0].setting.axes:
        values = distinct((score.setting for score in scores), axis)
        if numeric(values) and len(values) >= _FEW_VALUES:
            return axis
    return None


def _lines(scores: Sequence[_Score], methods: Sequence[str], axis: str) -> style.Grid:
    """A line for each method against ``axis``; a row of panels for each setting of the other axes."""
    rows = grouped(scores, lambda score: score.setting.without(axis))
    grid = style.Grid.at(_pairs(len(rows)), (3.9, 2.6), sharex=True, sharey="col")
    values = distinct((score.setting for score in scores), axis)
    for row, (setting, members) in enumerate(rows.items()):
        panels = _frame(grid, row, members, setting, horizontal=False)
        for method, same in grouped(members, lambda score: score.method).items():
            dodge = _DODGE * (methods.index(method) - (len(methods) - 1) / 2)
            at = [style.place(axis, values, score.setting[axis]) for score in same]
            _draw(panels, sorted(zip(at, same, strict=True), key=lambda pair: pair[0]), dodge=dodge)
    for ax in grid.panels.values():
        scales.sweep_ticks(ax, axis, values)
    _scales(grid, scores, horizontal=False)
    for row, members in enumerate(rows.values()):
        small = {score.method: score.error.mean for score in members if _is_off(score, grid.panels[row, 0].get_ylim())}
        lines = [f"{style.look(method).label}: {style.number(error)} ↓" for method, error in small.items()]
        style.note(grid.panels[row, 0], "\n".join(lines), where="lower left", colour=style.BLACK)
        lost = [style.look(method).label for method in _missing(methods, members)]
        style.note(grid.panels[row, 0], "no result: " + ", ".join(lost) if lost else "", where="upper right")
    grid.label(style.axis_label(axis, values), _ERROR)
    for row in range(len(rows)):
        grid.panels[row, 1].set_ylabel(_DIFFERENCE, fontsize=9)
    style.legend(grid.figure)
    return grid


def _groups(scores: Sequence[_Score], methods: Sequence[str]) -> style.Grid:
    """A row of panels for each setting, with the methods one below the other."""
    rows = grouped(scores, lambda score: score.setting)
    grid = style.Grid.at(_pairs(len(rows)), (3.9, 0.5 + 0.21 * len(methods)), sharex="col", sharey=True)
    for row, (setting, members) in enumerate(rows.items()):
        panels = _frame(grid, row, members, setting, horizontal=True)
        for score in members:
            _draw(panels, [(methods.index(score.method), score)], horizontal=True)
    grid.panels[0, 0].set_yticks(range(len(methods)), [style.look(method).label for method in methods])
    grid.panels[0, 0].set_ylim(len(methods) - 0.5, -0.5)
    _scales(grid, scores, horizontal=True)
    for row, members in enumerate(rows.values()):
        ax = grid.panels[row, 0]
        missing = dict.fromkeys(_missing(methods, members), "no result")
        off = {
            score.method: f"← {style.number(score.error.mean)}" for score in members if _is_off(score, ax.get_xlim())
        }
        for method, text in (missing | off).items():
            ax.text(0.02, methods.index(method), text, va="center", fontsize=7.5, transform=ax.get_yaxis_transform())
    for column, label in enumerate((_ERROR, _DIFFERENCE)):
        grid.panels[len(rows) - 1, column].set_xlabel(label, fontsize=9)
    return grid


def _missing(methods: Sequence[str], scores: Sequence[_Score]) -> list[str]:
    """Methods without any result."""
    found = {score.method for score in scores}
    return [method for method in methods if method not in found]


def _is_off(score: _Score, limits: tuple[float, float]) -> bool:
    """Whether an error is too small for the scale of the others."""
    return score.error.mean < limits[0]


def _pairs(rows: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(rows) for column in (0, 1)]


def _frame(
    grid: style.Grid, row: int, scores: Sequence[_Score], setting: Setting, *, horizontal: bool
) -> tuple[Axes, Axes]:
    """The two panels of a row, with titles and the line of no difference."""
    left, right = grid.panels[row, 0], grid.panels[row, 1]
    style.panel_title(left, setting)
    style.panel_title(right, setting)
    (right.axvline if horizontal else right.axhline)(0, color=style.BLACK, linewidth=0.9)
    if not any(score.difference for score in scores):
        style.note(right, _NO_DIFFERENCE, where="centre centre")
    return left, right


def _draw(
    panels: tuple[Axes, Axes],
    scores: Sequence[tuple[float, _Score]],
    *,
    horizontal: bool = False,
    dodge: float = 0.0,
) -> None:
    """One method: seeds and means on the left, differences on the right."""
    look = style.look(scores[0][1].method)
    seeds = [(at, seed) for at, score in scores for seed in score.seeds]
    style.seed_marks(panels[0], seeds, look, horizontal=horizontal, dodge=dodge)
    errors = [(at, score.error) for at, score in scores]
    differences = [(at, score.difference) for at, score in scores if score.difference]
    for ax, points in zip(panels, (errors, differences), strict=True):
        style.interval_marks(ax, points, look, horizontal=horizontal, line=not horizontal, dodge=dodge)


def _scales(grid: style.Grid, scores: Sequence[_Score], *, horizontal: bool) -> None:
    """A log scale for errors; one for differences that shows small ones beside large ones."""
    left, right = ((ax.xaxis if horizontal else ax.yaxis) for ax in (grid.panels[0, 0], grid.panels[0, 1]))
    scales.log_scale(left, [e for score in scores for e in (*score.seeds, score.error.mean, score.error.high or 0.0)])
    scales.signed_scale(right, [score.difference for score in scores if score.difference])
