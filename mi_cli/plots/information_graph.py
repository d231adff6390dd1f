"""Transfer entropies as a directed graph: an arrow for each direction that is significant after correction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from mi_cli.analysis.time_tables import transfers
from mi_cli.plots.parts import figures, labels, looks
from mi_cli.plots.parts.settings import Setting, grouped
from mi_cli.plots.parts.values import Value, exact, tell
from mi_cli.records.results import SCALES, Records

__all__ = ["plot"]

_WHAT = "Transfer entropy between columns"
_ALPHA = 0.05
_MOST = 4  # panels
_NUMBERED = 14  # arrows; with more, numbers would overprint
_LEAST, _RANGE = 0.8, 3.7  # widths of arrows, in points
_LETTERS = 14  # of a name
_BEND = 0.14


def plot(records: Records) -> Figure:
    """Draw a panel for each setting, seed and estimator: columns on a circle, with arrows between them."""
    rows = transfers(records.results.iter_rows(named=True), records.axes, records.summary["level"], {})
    rows = [row for row in rows if row["estimate"] is not None]
    if not rows:
        return figures.empty_figure(records, _WHAT, "no direction has an estimate")
    axes = [axis for axis in records.axes if axis != "estimator"]
    keys = [*axes, *(key for key in ("seed", "method") if len({row[key] for row in rows}) > 1)]
    panels = grouped(rows, lambda row: Setting.from_pairs((key, row[key]) for key in keys))
    places = [(place // 2, place % 2) for place in range(min(_MOST, len(panels)))]
    columns = {name for row in rows for name in (row["source"], row["target"])}
    grid = figures.Grid.with_panels(places, (4.4, 1.7 if len(columns) == 2 else 3.9))
    units = records.config.get("units", "nats")
    largest = max((row["estimate"] for row in rows if math.isfinite(row["estimate"])), default=0.0)
    for place, (setting, of_panel) in zip(places, panels.items(), strict=False):
        ax = grid.panels[place]
        quantity = ", ".join(filter(None, (f"transfer entropy ({units})", labels.setting_label(setting))))
        _draw(ax, of_panel, max(largest, 1e-9), SCALES[units], quantity)
        if keys:
            figures.panel_title(ax, setting)
    tested = max(len(of_panel) for of_panel in panels.values())
    remarks = [
        f"arrows: p ≤ {_ALPHA:g} after Holm's correction for {tested} directions",
        f"width and, of up to {_NUMBERED} arrows, number: transfer entropy in {units}",
    ]
    if len(panels) > len(places):
        remarks.append(f"the first {len(places)} of {len(panels)} settings")
    figures.add_title(grid.figure, records, _WHAT, *remarks)
    return grid.figure


def _draw(ax: Axes, rows: Sequence[Mapping[str, Any]], largest: float, scale: float, quantity: str) -> None:
    names = sorted({name for row in rows for name in (row["source"], row["target"])})
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    if len(names) == 2:
        angles = np.array([np.pi, 0.0])
    places = {name: (math.cos(angle), math.sin(angle)) for name, angle in zip(names, angles, strict=True)}
    ax.set_axis_off()
    ax.set_xlim(-1.55, 1.55)
    heights = [y for _, y in places.values()]
    ax.set_ylim(min(heights) - 0.45, max(heights) + 0.45)
    ax.set_aspect("equal")
    size = 260 if len(names) <= 12 else 90
    found = [row for row in rows if row["p_holm"] is not None and row["p_holm"] <= _ALPHA]
    for row in found:
        _arrow(ax, places[row["source"]], places[row["target"]], row, largest, size)
        name = f"{row['source']} → {row['target']}"
        middle = _on_arrow(places[row["source"]], places[row["target"]])
        tell(ax, *middle, Value(quantity, "", name, exact(row["estimate"], scale)))
    for row in found if len(found) <= _NUMBERED else ():
        _number(ax, places[row["source"]], places[row["target"]], scale * row["estimate"])
    across, up = ([place[axis] for place in places.values()] for axis in (0, 1))
    ax.scatter(across, up, s=size, color="0.92", edgecolor=looks.GREY, linewidth=0.8, zorder=3)
    for name, (x, y) in places.items():
        text = labels.short(name, _LETTERS)
        side = "center" if abs(x) < 0.2 or len(names) == 2 else "left" if x > 0 else "right"
        above = "center" if side != "center" else "bottom" if y > 0.2 or len(names) == 2 else "top"
        lift = 0.17 if above == "bottom" else -0.17 if above == "top" else 0.0
        shift = 0.15 if side == "left" else -0.15 if side == "right" else 0.0
        ax.text(x + shift, y + lift, text, ha=side, va=above, fontsize=8, zorder=5)
    if not found:
        figures.note(ax, f"no direction has p ≤ {_ALPHA:g}", where="lower left")


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    row: Mapping[str, Any],
    largest: float,
    size: float,
) -> None:
    share = min(1.0, row["estimate"] / largest) if row["estimate"] > 0 else 0.0
    room, width = math.sqrt(size) / 2 + 2, _LEAST + _RANGE * share
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={_BEND}",
            arrowstyle="-|>",
            mutation_scale=9 + 2.2 * width,
            linewidth=width,
            color=looks.BLUE,
            alpha=0.85,
            shrinkA=room,
            shrinkB=room,
            zorder=2,
        )
    )


def _on_arrow(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """A place at a third of an arrow's way, where arrows that cross in the middle leave room."""
    (x, y), (to_x, to_y) = start, end
    share = 0.36
    control = (x + to_x) / 2 + _BEND * (to_y - y), (y + to_y) / 2 - _BEND * (to_x - x)
    weights = (1 - share) ** 2, 2 * share * (1 - share), share**2
    across, up = np.array(weights) @ np.array([start, control, end])
    return float(across), float(up)


def _number(ax: Axes, start: tuple[float, float], end: tuple[float, float], value: float) -> None:
    """Write the value of an arrow on it."""
    text = "∞" if math.isinf(value) else f"{value:.2f}" if value >= 0.1 else f"{value:.1g}"
    ax.text(
        *_on_arrow(start, end),
        text,
        ha="center",
        va="center",
        fontsize=7.5,
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8},
    )
