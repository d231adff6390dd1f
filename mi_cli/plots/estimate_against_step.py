"""The value of the bound while it is trained, a panel for each setting, with the true MI."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from mi_cli.plots import scales, style
from mi_cli.plots.settings import Trace, Trial, grouped, placed, traces, trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "MI estimate while training"
_LEAST_SPAN = 0.01  # nats: smaller differences are noise, which a panel should not blow up
_HEADROOM = 0.14  # of the panel, for what is said of an infinite truth
_TRACES: dict[str, tuple[str, dict[str, Any]]] = {
    "train_mi": ("training rows", {"color": style.SKY, "linewidth": 0.7, "alpha": 0.8}),
    "val_mi": ("validation rows", {"color": style.VERMILLION, "linewidth": 0.9, "alpha": 0.9}),
}
_CEILING: dict[str, Any] = {"color": style.PURPLE, "linestyle": "-.", "linewidth": 1.1}


def plot(records: Records) -> Figure:
    """Draw training and validation values of every seed against the step, a panel for each setting."""
    found = {metric: traces(records, metric) for metric in _TRACES}
    settings = list(grouped(trials(records), lambda trial: trial.setting).values())
    grid = style.Grid.at(placed([members[0].setting for members in settings]), (2.6, 2.0), sharex=True)
    for ax, members in zip(grid.panels.values(), settings, strict=True):
        _panel(ax, members, found)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    grid.label("training step", style.MI)
    style.legend(grid.figure)
    several = any(len(members) > 1 for members in settings)
    style.title(grid.figure, records, _WHAT, "one line for each seed" if several else "")
    return grid.figure


def _panel(ax: Axes, members: Sequence[Trial], found: Mapping[str, Mapping[int, Trace]]) -> None:
    drawn = [_line(ax, metric, trial, found[metric]) for metric in _TRACES for trial in members]
    values = np.concatenate(drawn)
    truth, ceiling = (_first(members, column) for column in ("true_mi", "ceiling"))
    finite = [truth] if truth is not None and math.isfinite(truth) else []
    low, high = scales.trace_limits(values, finite, _LEAST_SPAN)
    for height in finite:
        ax.axhline(height, label="true MI", **style.TRUTH)
    if truth == math.inf:
        if ceiling is not None and ceiling < high + (high - low):
            high = max(high, ceiling)
            ax.axhline(ceiling, label="ceiling of the held-out estimate", **_CEILING)
        high += _HEADROOM * (high - low)
        style.note(ax, "↑ true MI: ∞", colour=style.BLACK)
    ax.set_ylim(low, high)
    lost = Counter(trial.status for trial in members if trial.status != "ok")
    text = "\n".join(f"{n} of {len(members)} {status}" for status, n in lost.items())
    style.note(ax, text, where="lower right", colour=style.VERMILLION)
    style.panel_title(ax, members[0].setting, style.truth_label(truth))


def _first(members: Sequence[Trial], column: str) -> float | None:
    return next((value for trial in members if (value := trial.first(column)) is not None), None)


def _line(ax: Axes, metric: str, trial: Trial, found: Mapping[int, Trace]) -> Any:
    """Draw a trace, if there is one, and return its values."""
    if trial.index not in found:
        return np.empty(0)
    steps, values = found[trial.index]
    label, line = _TRACES[metric]
    ax.plot(steps, values, label=label, marker="." if len(steps) < style.FEW else "", **line)
    if trial.status != "ok":
        ax.plot(steps[-1:], values[-1:], "x", color=style.BLACK, markersize=6, label="last value before divergence")
    return values
