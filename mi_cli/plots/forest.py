"""Forest plot: a line for each estimate with its interval, for several estimators on the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.plots.parts import figures, labels, looks, marks
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.records.results import SCALES, Records

__all__ = ["plot"]

_WHAT = "Estimates of {}"
_LETTERS = 16  # of a name
_MOST = 40  # lines; the first ones are drawn


def plot(records: Records) -> Figure:
    """Draw a line for each trial and method: its interval, its lower confidence bound and the true MI, if known."""
    rows = [row for row in records.results.iter_rows(named=True) if row["estimate"] is not None]
    what = _WHAT.format(labels.measure(records.summary, "the mutual information"))
    if not rows:
        return figures.empty_figure(records, what, "no estimate")
    shown, units = rows[:_MOST], records.config.get("units", "nats")
    scale = SCALES[units]
    grid = figures.Grid.with_panels([(0, 0)], (7.2, 0.8 + 0.34 * len(shown)))
    ax = grid.panels[0, 0]
    for place, row in enumerate(shown):
        _line(ax, place, row, scale)
        _tell(ax, place, row, scale, f"{labels.measure(records.summary)} ({units})", _where(records, row, rows))
    names = [", ".join([looks.look(row["method"]).label, *_where(records, row, rows, _LETTERS)]) for row in shown]
    ax.set_yticks(range(len(shown)), names)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.axvline(0, color=looks.GREY, linewidth=0.8, zorder=1)
    ax.set_xlabel(f"{labels.measure(records.summary)} ({units})", fontsize=9)
    ax.tick_params(axis="y", length=0)
    _explain_marks(ax, shown, labels.measure(records.summary, "MI"), figures.level(records))
    figures.add_legend(grid.figure)
    remarks = [f"bars: {figures.level(records)} interval of each estimate"]
    if len(rows) > _MOST:
        remarks.append(f"the first {_MOST} of {len(rows)}")
    figures.add_title(grid.figure, records, what, *remarks)
    return grid.figure


def _line(ax: Axes, place: int, row: Mapping[str, Any], scale: float) -> None:
    look = looks.look(row["method"])
    value = scale * row["estimate"]
    if math.isinf(value):
        marks.edge_mark(ax, place, value, look.colour)
        if row["lower"] is not None and math.isfinite(row["lower"]):
            _lower_bound(ax, place, scale * row["lower"])
        return
    if row["ci_low"] is not None and math.isfinite(row["ci_low"]) and math.isfinite(row["ci_high"]):
        ends = scale * row["ci_low"], scale * row["ci_high"]
        ax.plot(ends, (place, place), color=look.colour, linewidth=1.6, solid_capstyle="butt", zorder=3)
    ax.plot([value], [place], look.marker, color=look.colour, markersize=6, zorder=4)
    if row["lower"] is not None and math.isfinite(row["lower"]):
        _lower_bound(ax, place, scale * row["lower"])
    if row["true_mi"] is not None and math.isfinite(row["true_mi"]):
        ax.plot([scale * row["true_mi"]] * 2, (place - 0.4, place + 0.4), **looks.TRUTH)
    elif row["true_mi"] == math.inf:
        ax.text(1.0, place, "true MI = ∞ →", fontsize=8, ha="right", va="bottom", transform=ax.get_yaxis_transform())


def _lower_bound(ax: Axes, place: int, value: float) -> None:
    ax.plot([value], [place], "|", color=looks.BLACK, markersize=11, markeredgewidth=1.4, zorder=5)


def _tell(ax: Axes, place: int, row: Mapping[str, Any], scale: float, quantity: str, where: Sequence[str]) -> None:
    """Say what the marks of a line stand for; a mark that lies outside of the panel is said at its edge."""
    at, name = ", ".join(where), looks.look(row["method"]).label
    found = {name: (row["estimate"], span((row["ci_low"], row["ci_high"]), scale))}
    found |= {"lower confidence bound": (row["lower"], ""), "truth": (row["true_mi"], "")}
    for series, (value, interval) in found.items():
        if value is not None and math.isfinite(value):
            tell(ax, scale * value, place, Value(quantity, series, at, exact(value, scale), interval))
        elif value is not None:
            edge = Value(quantity, series, at, exact(value), interval)
            tell(ax, 0.99, place, edge, transform=ax.get_yaxis_transform())


def _where(
    records: Records, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], letters: int | None = None
) -> list[str]:
    """The values of axes that differ between lines."""
    axes = [axis for axis in (*records.axes, "seed") if axis != "estimator" and axis in row]
    varied = [axis for axis in axes if len({str(other[axis]) for other in rows}) > 1]
    values = [row[axis] for axis in varied]
    texts = [
        labels.value_label(axis, value, letters) if isinstance(value, str) else str(value)
        for axis, value in zip(varied, values, strict=True)
    ]
    return [f"{axis.rpartition('.')[2]} {text}" for axis, text in zip(varied, texts, strict=True)]


def _explain_marks(ax: Axes, rows: Sequence[Mapping[str, Any]], measure: str, level: str) -> None:
    """Add entries of the legend that explain the marks."""
    if any(row["lower"] is not None for row in rows):
        ax.plot(
            [],
            [],
            "|",
            color=looks.BLACK,
            markersize=11,
            markeredgewidth=1.4,
            label=f"lower confidence bound ({level})",
        )
    if any(row["true_mi"] is not None and math.isfinite(row["true_mi"]) for row in rows):
        ax.plot([], [], label=f"true {measure}", **looks.TRUTH)
