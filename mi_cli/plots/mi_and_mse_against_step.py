"""MI of an encoder's code, and the error of the label regressed on it, against the training step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mi_cli.plots.parts import figures, labels, looks, scales
from mi_cli.plots.parts.settings import (
    Cell,
    Setting,
    Trace,
    Trial,
    axes,
    cells,
    grouped,
    traces,
    trials,
    values_of,
)
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.procedures.base import recorded_procedure
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "MI of the code, and error of the label regressed on it, while training"
_BASELINES = {"linear_regression": (0, (6, 2)), "pca": (0, (1.5, 1.5))}
_FAR = 30.0  # a baseline so many times below all curves is shown as text
_LEAST_SPAN = 0.1  # nats
_MAIN: dict[str, Any] = {"linewidth": 1.3}
_BESIDE: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.7, "markersize": 3, "zorder": 1.5}

_Array = np.ndarray[Any, Any]
_Traces = Mapping[str, Mapping[int, Trace]]


@dataclass(frozen=True)
class _Curve:
    """Mean, lowest and highest value of traces over seeds; a trace that stopped early keeps its last value."""

    steps: _Array
    mean: _Array
    low: _Array
    high: _Array

    @classmethod
    def over(cls, seeds: Sequence[Trace]) -> _Curve:
        steps = np.unique(np.concatenate([at for at, _ in seeds]))
        stack = np.stack([values[np.maximum(np.searchsorted(at, steps, "right") - 1, 0)] for at, values in seeds])
        return cls(steps, stack.mean(0), stack.min(0), stack.max(0))


@dataclass(frozen=True)
class _Layout:
    """Where a setting is drawn: the first axis chooses the column, the others the colour."""

    columns: list[Setting]
    look_of: dict[Setting, looks.Look]

    @classmethod
    def from_settings(cls, settings: Sequence[Setting], names: Sequence[str]) -> _Layout:
        columns = [Setting(((name, value),)) for name in names[:1] for value in values_of(name, settings)]
        others = list(dict.fromkeys(setting.only(names[1:]) for setting in settings))
        look_of = {o: looks.palette_look(labels.setting_label(o), i) for i, o in enumerate(others)}
        return cls(columns or [Setting()], look_of)

    def place(self, setting: Setting) -> tuple[int, Setting]:
        """Return the column, and the key of the look."""
        rest = next(iter(self.look_of)).axes
        return self.columns.index(setting.only(self.columns[0].axes)), setting.only(rest)


def plot(records: Records) -> Figure:
    """Draw MI above errors, with a column for each value of the first axis and a colour for each of the others."""
    by_metric = {name: traces(records, name) for name in ("train_mi", "val_mi", "train_mse", "val_mse")}
    if not by_metric["train_mse"]:
        return figures.empty_figure(records, _WHAT, "no error was traced")
    all_trials = trials(records)
    without_effect = [axis for axis in axes(records) if _has_no_effect(axis, all_trials, by_metric)]
    layout = _Layout.from_settings(
        [trial.setting for trial in all_trials], [axis for axis in axes(records) if axis not in without_effect]
    )
    places = [(row, column) for row in (0, 1) for column in range(len(layout.columns))]
    grid = figures.Grid.with_panels(places, (2.6, 1.9), sharex=True, sharey="row")
    _key(grid.panels[0, 0], by_metric, layout)
    curves: dict[str, list[_Curve]] = {"mi": [], "mse": []}
    for (column, rest), members in grouped(all_trials, lambda trial: layout.place(trial.setting)).items():
        for row, name in enumerate(curves):
            curves[name] += _draw(grid.panels[row, column], name, members, by_metric, layout.look_of[rest])
    grid.panels[0, 0].set_ylim(scales.trace_limits(_values(curves["mi"]), [0.0], _LEAST_SPAN, reach=0.2))
    _errors(grid, layout, _baselines(records), _values(curves["mse"]))
    for column, setting in enumerate(layout.columns):
        figures.panel_title(grid.panels[0, column], setting)
        here = [trial for trial in all_trials if layout.place(trial.setting)[0] == column]
        figures.note(grid.panels[0, column], _lost(here, layout), where="lower right", colour=looks.BLACK)
        grid.panels[1, column].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    grid.label("training step", {0: labels.MI, 1: labels.MSE})
    figures.add_legend(grid.figure)
    figures.add_title(grid.figure, records, _WHAT, *_remarks(records, without_effect))
    return grid.figure


def _has_no_effect(axis: str, all_trials: Sequence[Trial], by_metric: _Traces) -> bool:
    """Whether trials that differ in this axis only have the same traces, since they share their training."""
    groups = grouped(all_trials, lambda trial: (trial.setting.without(axis), trial.seed)).values()
    pairs = [(trial.index, same[0].index) for same in groups for trial in same[1:]]
    return bool(pairs) and all(
        _same(by_trial.get(one), by_trial.get(two)) for one, two in pairs for by_trial in by_metric.values()
    )


def _same(one: Trace | None, two: Trace | None) -> bool:
    if one is None or two is None:
        return one is two
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def _key(ax: Axes, by_metric: _Traces, layout: _Layout) -> None:
    """Add entries of the legend that explain the kinds of rows and the colours."""
    held_out = bool(by_metric["val_mse"])
    ax.plot([], [], color=looks.GREY, label="validation rows" if held_out else "training rows", **_MAIN)
    if held_out:
        ax.plot([], [], color=looks.GREY, label="training rows", **_BESIDE)
    for look in layout.look_of.values() if len(layout.look_of) > 1 else ():
        ax.plot([], [], color=look.colour, label=look.label, **_MAIN)


def _lost(members: Sequence[Trial], layout: _Layout) -> str:
    """The number of trials of a column that gave no curve, by colour."""
    lines = []
    for rest, same in grouped(members, lambda trial: layout.place(trial.setting)[1]).items():
        lost = sum(trial.status != "ok" for trial in same)
        label = layout.look_of[rest].label
        lines += [f"{label}: {lost} of {len(same)} lost" if label else f"{lost} of {len(same)} lost"] * (lost > 0)
    return "\n".join(lines)


def _draw(ax: Axes, name: str, members: Sequence[Trial], by_metric: _Traces, look: looks.Look) -> list[_Curve]:
    """Draw the curve over seeds on validation rows, if there are any, and beside it that on training rows."""
    main, *others = [part for part in ("val", "train") if by_metric[f"{part}_{name}"]]
    drawn = []
    for part in (main, *others):
        by_trial = by_metric[f"{part}_{name}"]
        seeds = [by_trial[trial.index] for trial in members if trial.status == "ok" and trial.index in by_trial]
        if not seeds:
            continue
        curve = _Curve.over(seeds)
        drawn.append(curve)
        marker = "." if len(curve.steps) < looks.FEW else ""
        line = _MAIN if part == main else _BESIDE
        ax.plot(curve.steps, curve.mean, color=look.colour, marker=marker, **line)
        if part == main:
            ax.fill_between(curve.steps, curve.low, curve.high, color=look.colour, alpha=0.14, linewidth=0)
        last = float(curve.mean[-1])
        text = exact(last), span((curve.low[-1], curve.high[-1])) if len(seeds) > 1 else ""
        rows = "validation rows" if part == "val" else "training rows"
        at = ", ".join(filter(None, (labels.setting_label(members[0].setting), f"step {curve.steps[-1]:,.0f}")))
        quantity = f"last {'MI (nats)' if name == 'mi' else labels.MSE}"
        tell(ax, float(curve.steps[-1]), last, Value(quantity, rows, at, *text))
    return drawn


def _values(curves: Iterable[_Curve]) -> list[float]:
    return [float(value) for curve in curves for part in (curve.low, curve.high) for value in part]


def _baselines(records: Records) -> list[Cell]:
    """Test errors of other codes; none where regressions see fewer labels than those of the traces."""
    if _has_few_labels(records):
        return []
    return [cell for cell in cells(records, "test_mse") if cell.method in _BASELINES]


def _has_few_labels(records: Records) -> bool:
    """Whether the procedure keeps some rows apart for their labels, and uses no others."""
    recorded = recorded_procedure(records.config["procedure"])
    return recorded is not None and "labelled" in recorded.least_rows


def _errors(grid: figures.Grid, layout: _Layout, baselines: Sequence[Cell], errors: Sequence[float]) -> None:
    """Draw baselines as lines, or as text if they are far below all curves, and set the limits of the row."""
    low, _ = scales.log_limits(errors)
    coloured = len(layout.look_of) > 1
    far: dict[int, list[str]] = {}
    near = []
    for cell in baselines:
        column, rest = layout.place(cell.setting)
        error, look = cell.values["test_mse"].mean, looks.look(cell.method)
        if error < low / _FAR:
            far.setdefault(column, []).append(f"{look.label}: {labels.number(error)} ↓")
            continue
        near.append(error)
        line: dict[str, Any] = {"linestyle": _BASELINES[cell.method], "linewidth": 1.0}
        grid.panels[1, column].axhline(error, color=layout.look_of[rest].colour if coloured else look.colour, **line)
        grid.panels[1, 0].plot([], [], color=looks.GREY if coloured else look.colour,
                               label=f"{look.label} (test rows)", **line)  # fmt: skip
    for column, lines in far.items():
        figures.note(grid.panels[1, column], "\n".join(lines), where="lower left", colour=looks.BLACK)
    scales.log_scale(grid.panels[1, 0].yaxis, [*errors, *near])


def _remarks(records: Records, without_effect: Sequence[str]) -> list[str]:
    remarks = []
    if records.results["seed"].n_unique() > 1:
        remarks.append("lines: means over seeds; bands: from the lowest to the highest seed")
    if any(cell.true_mi == math.inf for cell in cells(records, "estimate")):
        remarks.append("true MI of x and its code: ∞")
    if _has_few_labels(records):
        remarks.append("these regressions have the labels of all training rows")
    return remarks + [f"the same for every value of: {labels.axis_label(axis)}" for axis in without_effect]
