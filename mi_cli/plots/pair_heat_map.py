"""MI of every pair of columns as a matrix."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from mi_cli.analysis.pairwise import AXIS, pairs
from mi_cli.plots.parts import figures, labels
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.records.results import SCALES, Records

__all__ = ["plot"]

_WHAT = "{} of pairs of columns"
_LABELLED = 60  # columns; the names of more could not be read
_NUMBERED = 12  # columns; with more, numbers do not fit into cells
_ALPHA = 0.05
_SMALL = 0.01  # a significant value below it is not written as 0.00


def plot(records: Records) -> Figure:
    """Draw the matrix, symmetric where x and y are the same columns; pairs without significant MI are crossed."""
    rows = pairs(records.results.iter_rows(named=True), records.axes, records.summary["level"], {})
    measured = [row for row in rows if row["estimate"] is not None]
    what = _WHAT.format(labels.measure(records.summary, "Mutual information"))
    if not measured:
        return figures.empty_figure(records, what, "no pair has an estimate")
    first = measured[0]["method"], measured[0]["seed"]
    measured = [row for row in measured if (row["method"], row["seed"]) == first]
    names, symmetric = _names(records, measured)
    units = records.config.get("units", "nats")
    scale = SCALES[units]
    values, faint = _matrices(measured, names, symmetric, scale)
    side = min(14.0, max(5.5, 0.2 * max(map(len, names))))
    height = side * len(names[0]) / max(map(len, names))
    grid = figures.Grid.with_panels([(0, 0)], (side + 1.2, max(3.0, height) + 0.6))
    fig, ax = grid.figure, grid.panels[0, 0]
    ax.grid(visible=False)
    norm = PowerNorm(0.5, vmin=0)  # weak dependence is visible beside strong
    image = ax.imshow(np.ma.masked_invalid(values), cmap="viridis", norm=norm, aspect="auto")
    ax.set_facecolor("0.92")
    size = min(6.0, 0.35 * 72 * side / max(map(len, names)))
    ax.plot(*np.nonzero(faint)[::-1], "x", color="w", markersize=size, markeredgewidth=0.7)
    for axis, ticks in ((ax.yaxis, names[0]), (ax.xaxis, names[1])):
        few = len(ticks) <= _LABELLED
        axis.set_ticks(range(len(ticks)) if few else [], map(labels.short, ticks) if few else [], fontsize=7)
    ax.tick_params(axis="x", rotation=90)
    for row in measured:
        text = exact(row["estimate"], scale), span((row["ci_low"], row["ci_high"]), scale)
        place = names[1].index(row["y"]), names[0].index(row["x"])
        tell(
            ax,
            *place,
            Value(f"{labels.measure(records.summary)} ({units})", "", labels.PAIR.join((row["x"], row["y"])), *text),
        )
    if max(map(len, names)) <= _NUMBERED:
        _numbers(ax, np.where(faint == 0, values, np.nan))
    bar = fig.colorbar(image, ax=ax, shrink=0.8)
    bar.ax.tick_params(labelsize=8)
    bar.set_label(f"{labels.measure(records.summary)} ({units})", fontsize=9)
    remark = f"×: p > {_ALPHA:g} after Holm's correction for {len(measured)} pairs"
    figures.add_title(fig, records, what, "columns in the order in which the run took them", remark)
    return fig


def _names(records: Records, rows: list[dict[str, Any]]) -> tuple[list[list[str]], bool]:
    """The columns of x and of y in the order of the trials, and whether they are the same ones."""
    measured = {(row["x"], row["y"]) for row in rows}
    texts = records.results[AXIS].drop_nulls().unique(maintain_order=True).to_list()
    order = [(x, y) for x, y in map(json.loads, texts) if (x, y) in measured]
    names = [list(dict.fromkeys(pair[side] for pair in order)) for side in (0, 1)]
    if not set(names[0]) & set(names[1]):
        return names, False
    return [list(dict.fromkeys(name for pair in order for name in pair))] * 2, True


def _matrices(
    rows: list[dict[str, Any]], names: list[list[str]], symmetric: bool, scale: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    places = [{name: index for index, name in enumerate(side)} for side in names]
    values = np.full((len(names[0]), len(names[1])), np.nan)
    faint = np.zeros_like(values)
    for row in rows:
        for one, other in ((row["x"], row["y"]), *([(row["y"], row["x"])] if symmetric else [])):
            at = places[0][one], places[1][other]
            values[at] = max(0.0, scale * row["estimate"])
            faint[at] = row["p_holm"] is not None and row["p_holm"] > _ALPHA
    return values, faint


def _numbers(ax: Any, values: np.ndarray[Any, Any]) -> None:
    middle = np.max(values, where=np.isfinite(values), initial=0.0) / 4
    for (i, j), value in np.ndenumerate(values):
        if np.isinf(value):
            ax.text(j, i, "∞", ha="center", va="center", fontsize=8, color="k")
        elif np.isfinite(value):
            text = f"{value:.2f}" if value >= _SMALL or value == 0 else f"{value:.1g}"
            ax.text(j, i, text, ha="center", va="center", fontsize=7, color="w" if value < middle else "k")
