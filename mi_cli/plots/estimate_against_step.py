"""The value of the bound during training, a panel for each setting, with the true MI."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mi_cli.plots.parts import figures, labels, looks, scales
from mi_cli.plots.parts.settings import Trace, Trial, grouped, panel_places, traces, trials
from mi_cli.plots.parts.values import Value, exact, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "MI estimate while training"
_LEAST_SPAN = 0.01  # nats; smaller differences are noise, which should not fill a panel
_HEADROOM = 0.14  # share of the panel, for the note on an infinite true MI
_TRACES: dict[str, tuple[str, dict[str, Any]]] = {
    "train_mi": ("training rows", {"color": looks.SKY, "linewidth": 0.7, "alpha": 0.8}),
    "val_mi": ("validation rows", {"color": looks.VERMILLION, "linewidth": 0.9, "alpha": 0.9}),
}
_CEILING: dict[str, Any] = {"color": looks.PURPLE, "linestyle": "-.", "linewidth": 1.1}


def plot(records: Records) -> Figure:
    """Draw training and validation values of every seed against the step, a panel for each setting."""
    by_metric = {metric: traces(records, metric) for metric in _TRACES}
    settings = list(grouped(trials(records), lambda trial: trial.setting).values())
    grid = figures.Grid.with_panels(panel_places([members[0].setting for members in settings]), (2.6, 2.0), sharex=True)
    for ax, members in zip(grid.panels.values(), settings, strict=True):
        _panel(ax, members, by_metric)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    grid.label("training step", labels.MI)
    figures.add_legend(grid.figure)
    several = any(len(members) > 1 for members in settings)
    figures.add_title(grid.figure, records, _WHAT, "one line for each seed" if several else "")
    return grid.figure


def _panel(ax: Axes, members: Sequence[Trial], by_metric: Mapping[str, Mapping[int, Trace]]) -> None:
    drawn = [_line(ax, metric, trial, by_metric[metric]) for metric in _TRACES for trial in members]
    values = np.concatenate(drawn)
    truth, ceiling = (_first(members, column) for column in ("true_mi", "ceiling"))
    finite = [truth] if truth is not None and math.isfinite(truth) else []
    low, high = scales.trace_limits(values, finite, _LEAST_SPAN)
    for height in finite:
        ax.axhline(height, label="true MI", **looks.TRUTH)
    if truth == math.inf:
        if ceiling is not None and ceiling < high + (high - low):
            high = max(high, ceiling)
            ax.axhline(ceiling, label="ceiling of the held-out estimate", **_CEILING)
        high += _HEADROOM * (high - low)
        figures.note(ax, "↑ true MI: ∞", colour=looks.BLACK)
    ax.set_ylim(low, high)
    lost = Counter(trial.status for trial in members if trial.status != "ok")
    text = "\n".join(f"{n} of {len(members)} {status}" for status, n in lost.items())
    figures.note(ax, text, where="lower right", colour=looks.VERMILLION)
    figures.panel_title(ax, members[0].setting, labels.truth_label(truth))


def _first(members: Sequence[Trial], column: str) -> float | None:
    return next((value for trial in members if (value := trial.first(column)) is not None), None)


def _line(ax: Axes, metric: str, trial: Trial, by_trial: Mapping[int, Trace]) -> Any:
    """Draw the trace of a trial, if it has one, and return its values."""
    if trial.index not in by_trial:
        return np.empty(0)
    steps, values = by_trial[trial.index]
    label, line = _TRACES[metric]
    ax.plot(steps, values, label=label, marker="." if len(steps) < looks.FEW else "", **line)
    where = ", ".join(filter(None, (labels.setting_label(trial.setting), f"seed {trial.seed}, step {steps[-1]:,.0f}")))
    tell(ax, steps[-1], values[-1], Value("last value (nats)", label, where, exact(float(values[-1]))))
    if trial.status != "ok":
        ax.plot(steps[-1:], values[-1:], "x", color=looks.BLACK, markersize=6, label="last value before divergence")
    return values
