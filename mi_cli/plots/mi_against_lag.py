"""MI against lag, with intervals, the lags that are significant, and the true MI where it is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from mi_cli.analysis.time_tables import lags
from mi_cli.plots.parts import figures, labels, looks
from mi_cli.plots.parts.settings import Setting, grouped
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.records.results import SCALES, Records
from mi_cli.tabular.time_axis import Step, step_text

__all__ = ["plot"]

_WHAT = "Mutual information of x and of y some steps later"
_ALPHA = 0.05
_MOST = 6  # panels
_LETTERS = 16  # of a name
_TICKS = 8  # at most


def plot(records: Records) -> Figure:
    """Draw a panel for each setting and seed, with a line for each estimator."""
    rows = lags(records.results.iter_rows(named=True), records.axes, records.summary["level"], {})
    rows = [row for row in rows if row["estimate"] is not None]
    if not rows:
        return figures.empty_figure(records, _WHAT, "no lag has an estimate")
    axes = [axis for axis in records.axes if axis != "estimator"]
    keys = [*axes, "seed"] if len({row["seed"] for row in rows}) > 1 else axes
    panels = grouped(rows, lambda row: Setting.from_pairs((key, row[key]) for key in keys))
    places = [(place // 3, place % 3) for place in range(min(_MOST, len(panels)))]
    grid = figures.Grid.with_panels(places, (6.4, 3.4) if len(places) == 1 else (3.6, 3.0), sharey=True)
    units = records.config.get("units", "nats")
    for place, (setting, of_panel) in zip(places, panels.items(), strict=False):
        ax = grid.panels[place]
        _draw(ax, of_panel, SCALES[units])
        _tell(ax, of_panel, SCALES[units], f"mutual information ({units})", labels.setting_label(setting))
        if keys:
            figures.panel_title(ax, setting)
    grid.label(_lag_label(records), f"mutual information ({units})")
    figures.add_legend(grid.figure)
    remarks = [
        f"bands: {figures.level(records)} intervals",
        f"filled: p ≤ {_ALPHA:g}, corrected for {len({row['lag'] for row in rows})} lags",
    ]
    if len(panels) > len(places):
        remarks.append(f"the first {len(places)} of {len(panels)} settings")
    figures.add_title(grid.figure, records, _WHAT, *remarks)
    return grid.figure


def _tell(ax: Axes, rows: Sequence[dict[str, Any]], scale: float, quantity: str, setting: str) -> None:
    """Say what the points stand for, and the truth where it is known."""
    for row in rows:
        at = ", ".join(filter(None, (setting, f"lag {row['lag']:g}")))
        ends = span((row["ci_low"], row["ci_high"]), scale)
        said = Value(quantity, looks.look(row["method"]).label, at, exact(row["estimate"], scale), ends)
        if math.isfinite(row["estimate"]):
            tell(ax, row["lag"], scale * row["estimate"], said)
        else:
            tell(ax, row["lag"], 0.98, said, transform=ax.get_xaxis_transform())
    for lag, truth in sorted({(row["lag"], row["true_mi"]) for row in rows if row["true_mi"] is not None}):
        at = ", ".join(filter(None, (setting, f"lag {lag:g}")))
        tell(ax, lag, scale * truth, Value(quantity, "true MI", at, exact(truth, scale)))


def _lag_label(records: Records) -> str:
    x, y = (_name(records, side) for side in "xy")
    step = (records.summary.get("data") or {}).get("step")
    steps = f"steps of {step_text(1, Step(step['size'], step['unit']))}" if step and step["unit"] else "steps"
    return f"lag of {y} behind {x} ({steps})"


def _name(records: Records, side: str) -> str:
    """The name of a side's column, or of the side where it has several."""
    names = records.config["dataset"].get(side)
    return labels.short(names[0], _LETTERS) if isinstance(names, list) and len(names) == 1 else side


def _draw(ax: Axes, rows: Sequence[dict[str, Any]], scale: float) -> None:
    by_method = grouped(rows, lambda row: row["method"])
    ax.axhline(0, color=looks.GREY, linewidth=0.8, zorder=1)
    truth = [(row["lag"], scale * row["true_mi"]) for row in rows if row["true_mi"] is not None]
    for method in sorted(by_method, key=looks.rank):
        of_method, look = by_method[method], looks.look(method)
        finite = [row for row in of_method if math.isfinite(row["estimate"])]
        for row in (row for row in of_method if row["estimate"] == math.inf):
            place = ax.get_xaxis_transform()
            ax.text(row["lag"], 0.99, "∞ ↑", color=look.colour, ha="center", va="top", fontsize=9, transform=place)
        at, values = [row["lag"] for row in finite], [scale * row["estimate"] for row in finite]
        ax.plot(at, values, color=look.colour, linewidth=1.2, zorder=3)
        ax.plot(at, values, look.marker, color=look.colour, markerfacecolor="white", markersize=4.5, zorder=3.2)
        with_ends = [row for row in finite if row["ci_low"] is not None]
        low, high = ([scale * row[end] for row in with_ends] for end in ("ci_low", "ci_high"))
        ax.fill_between(
            [row["lag"] for row in with_ends], low, high, color=look.colour, alpha=0.15, linewidth=0, zorder=2
        )
        sure = [row for row in finite if row["p_corrected"] is not None and row["p_corrected"] <= _ALPHA]
        ax.plot(
            [row["lag"] for row in sure],
            [scale * row["estimate"] for row in sure],
            look.marker,
            color=look.colour,
            markersize=4.5,
            zorder=3.4,
        )
        ax.plot([], [], marker=look.marker, color=look.colour, markersize=4.5, linewidth=1.2, label=look.label)
    finite_truth = sorted({(lag, value) for lag, value in truth if math.isfinite(value)})
    if finite_truth:
        ax.plot(*zip(*finite_truth, strict=True), label="true MI", **looks.TRUTH)
    ax.xaxis.set_major_locator(FixedLocator(_ticks(sorted({row["lag"] for row in rows}))))


def _ticks(measured: Sequence[int]) -> list[int]:
    """Whole lags for the ticks, none of them outside of those that were measured.

    >>> _ticks([0, 1, 2, 3]), _ticks([*range(21)])[-2:]
    ([0, 1, 2, 3], [15, 18])
    """
    steps = MaxNLocator(_TICKS, integer=True).tick_values(measured[0], measured[-1])
    return [round(at) for at in steps if measured[0] <= at <= measured[-1]]
