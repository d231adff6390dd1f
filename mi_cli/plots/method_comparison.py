"""Test errors of all methods, and their paired differences from linear regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts import figures, labels, looks, marks, scales
from mi_cli.plots.parts.settings import Cell, Setting, Trial, are_numbers, cells, grouped, trials, values_of
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Test error of each method, and its difference from that of linear regression"
_ERROR = f"test {labels.MSE}"
_DIFFERENCE = "paired difference (label units²)\n← better      worse →"
_NO_DIFFERENCE = "no linear regression to compare with"
_LEAST_VALUES = 3  # of an axis of numbers; with fewer, methods are drawn in groups
_DODGE = 2.6  # points of 1/72 inch between methods


@dataclass(frozen=True)
class _Score:
    """The errors of a method in a setting: those of seeds, their mean, and its difference from linear regression."""

    setting: Setting
    method: str
    error: Interval
    difference: Interval | None
    seeds: list[float]


def plot(records: Records) -> Figure:
    """Draw errors on the left and differences on the right, against an axis of numbers or in groups."""
    scores = _scores(cells(records, "test_mse"), trials(records))
    if not scores:
        return figures.empty_figure(records, _WHAT, "no method has a test error")
    axis = _axis(scores)
    methods = sorted(
        {row["method"] for trial in trials(records) for row in trial.rows if row["method"]}, key=looks.rank
    )
    grid = _groups(scores, methods) if axis is None else _lines(scores, methods, axis)
    figures.add_title(grid.figure, records, _WHAT, *_remarks(records, scores, grid))
    return grid.figure


def _remarks(records: Records, scores: Sequence[_Score], grid: figures.Grid) -> list[str]:
    remarks = ["codes feed a linear regression"]
    if max(len(score.seeds) for score in scores) > 1:
        remarks.append(f"bars: {figures.level(records)} interval of the mean over seeds; dots: seeds")
    remarks.append("errors: log scale")
    right = grid.panels[0, 1]
    if "symlog" in (right.get_xscale(), right.get_yscale()):
        remarks.append("differences: linear near 0, logarithmic beyond the first tick")
    return remarks


def _scores(errors: Sequence[Cell], all_trials: Sequence[Trial]) -> list[_Score]:
    by_setting = grouped(all_trials, lambda trial: trial.setting)
    return sorted(
        (
            _Score(
                cell.setting,
                cell.method,
                cell.values["test_mse"],
                cell.values.get("difference"),
                [e for t in by_setting.get(cell.setting, []) if (e := t.value(cell.method, "test_mse")) is not None],
            )
            for cell in errors
        ),
        key=lambda score: looks.rank(score.method),
    )


def _axis(scores: Sequence[_Score]) -> str | None:
    """The first axis with enough numbers for a line; None if there is none."""
    for axis in scores[0].setting.axes:
        values = values_of(axis, (score.setting for score in scores))
        if are_numbers(values) and len(values) >= _LEAST_VALUES:
            return axis
    return None


def _lines(scores: Sequence[_Score], methods: Sequence[str], axis: str) -> figures.Grid:
    """Draw a line for each method against ``axis``, and a row of panels for each setting of the other axes."""
    rows = grouped(scores, lambda score: score.setting.without(axis))
    grid = figures.Grid.with_panels(_pairs(len(rows)), (3.9, 2.6), sharex=True, sharey="col")
    values = values_of(axis, (score.setting for score in scores))
    for row, (setting, members) in enumerate(rows.items()):
        panels = _frame(grid, row, members, setting, horizontal=False)
        for method, same in grouped(members, lambda score: score.method).items():
            dodge = _DODGE * (methods.index(method) - (len(methods) - 1) / 2)
            at = [labels.place(axis, values, score.setting[axis]) for score in same]
            pairs = sorted(zip(at, same, strict=True), key=lambda pair: pair[0])
            _draw(panels, pairs, {place: labels.setting_label(score.setting) for place, score in pairs}, dodge=dodge)
    for ax in grid.panels.values():
        scales.sweep_ticks(ax, axis, values)
    _scales(grid, scores, horizontal=False)
    for row, members in enumerate(rows.values()):
        small = {
            score.method: score.error.mean for score in members if _is_below(score, grid.panels[row, 0].get_ylim())
        }
        lines = [f"{looks.look(method).label}: {labels.number(error)} ↓" for method, error in small.items()]
        figures.note(grid.panels[row, 0], "\n".join(lines), where="lower left", colour=looks.BLACK)
        lost = [looks.look(method).label for method in _missing(methods, members)]
        figures.note(grid.panels[row, 0], "no result: " + ", ".join(lost) if lost else "", where="upper right")
    grid.label(labels.axis_label(axis, values), _ERROR)
    for row in range(len(rows)):
        grid.panels[row, 1].set_ylabel(_DIFFERENCE, fontsize=9)
    figures.add_legend(grid.figure)
    return grid


def _groups(scores: Sequence[_Score], methods: Sequence[str]) -> figures.Grid:
    """Draw a row of panels for each setting, with the methods below each other."""
    rows = grouped(scores, lambda score: score.setting)
    grid = figures.Grid.with_panels(_pairs(len(rows)), (3.9, 0.5 + 0.21 * len(methods)), sharex="col", sharey=True)
    for row, (setting, members) in enumerate(rows.items()):
        panels = _frame(grid, row, members, setting, horizontal=True)
        for score in members:
            place = methods.index(score.method)
            _draw(panels, [(place, score)], {place: labels.setting_label(setting)}, horizontal=True)
    grid.panels[0, 0].set_yticks(range(len(methods)), [looks.look(method).label for method in methods])
    grid.panels[0, 0].set_ylim(len(methods) - 0.5, -0.5)
    _scales(grid, scores, horizontal=True)
    for row, members in enumerate(rows.values()):
        ax = grid.panels[row, 0]
        missing = dict.fromkeys(_missing(methods, members), "no result")
        below = {
            score.method: f"← {labels.number(score.error.mean)}" for score in members if _is_below(score, ax.get_xlim())
        }
        for method, text in (missing | below).items():
            ax.text(0.02, methods.index(method), text, va="center", fontsize=7.5, transform=ax.get_yaxis_transform())
    for column, label in enumerate((_ERROR, _DIFFERENCE)):
        grid.panels[len(rows) - 1, column].set_xlabel(label, fontsize=9)
    return grid


def _missing(methods: Sequence[str], scores: Sequence[_Score]) -> list[str]:
    """Methods without a result."""
    present = {score.method for score in scores}
    return [method for method in methods if method not in present]


def _is_below(score: _Score, limits: tuple[float, float]) -> bool:
    """Whether an error is below the scale, which follows the others."""
    return score.error.mean < limits[0]


def _pairs(rows: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(rows) for column in (0, 1)]


def _frame(
    grid: figures.Grid, row: int, scores: Sequence[_Score], setting: Setting, *, horizontal: bool
) -> tuple[Axes, Axes]:
    """Set titles of the two panels of a row, draw the line of no difference, and return the panels."""
    left, right = grid.panels[row, 0], grid.panels[row, 1]
    figures.panel_title(left, setting)
    figures.panel_title(right, setting)
    (right.axvline if horizontal else right.axhline)(0, color=looks.BLACK, linewidth=0.9)
    if not any(score.difference for score in scores):
        figures.note(right, _NO_DIFFERENCE, where="centre centre")
    return left, right


def _draw(
    panels: tuple[Axes, Axes],
    scores: Sequence[tuple[float, _Score]],
    names: Mapping[float, str],
    *,
    horizontal: bool = False,
    dodge: float = 0.0,
) -> None:
    """Draw one method: seeds and means on the left, differences on the right."""
    look = looks.look(scores[0][1].method)
    seeds = [(at, seed) for at, score in scores for seed in score.seeds]
    marks.seed_marks(panels[0], seeds, look, horizontal=horizontal, dodge=dodge)
    errors = [(at, score.error) for at, score in scores]
    differences = [(at, score.difference) for at, score in scores if score.difference]
    quantities = _ERROR, "paired difference (label units²)"
    for ax, points, quantity in zip(panels, (errors, differences), quantities, strict=True):
        words = marks.Words(quantity, names.__getitem__)
        marks.interval_marks(ax, points, look, horizontal=horizontal, line=not horizontal, dodge=dodge, words=words)


def _scales(grid: figures.Grid, scores: Sequence[_Score], *, horizontal: bool) -> None:
    """Set a log scale for errors, and one for differences that shows small ones beside large ones."""
    left, right = ((ax.xaxis if horizontal else ax.yaxis) for ax in (grid.panels[0, 0], grid.panels[0, 1]))
    scales.log_scale(left, [e for score in scores for e in (*score.seeds, score.error.mean, score.error.high or 0.0)])
    scales.signed_scale(right, [score.difference for score in scores if score.difference])
