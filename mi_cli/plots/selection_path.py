"""The path of a selection of columns: what each added, its own MI with y, and how often subsamples choose it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mi_cli.analysis.selected import selected
from mi_cli.plots.parts import figures, labels, marks
from mi_cli.plots.parts.looks import GREY
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.records.results import SCALES, Records

__all__ = ["plot"]

_WHAT = "Selected columns: what each added, and its own MI with {}"
_MOST = 25  # columns
_LONGEST = 28  # characters of a name


def plot(records: Records) -> Figure:
    """Draw the columns of the first trial from top to bottom in the order in which they were chosen."""
    rows = selected(records.results.iter_rows(named=True), records.axes, records.summary["level"], {})
    columns = [row for row in rows[1:] if (row["seed"], row["status"]) == (rows[0]["seed"], "ok")] if rows else []
    columns = [row for row in columns if all(row[axis] == rows[0][axis] for axis in records.axes)]
    columns = [row for row in columns if None not in (row["estimate"], row["ci_low"], row["ci_high"])][:_MOST]
    y = labels.side(records.summary, "y") or "y"
    what = _WHAT.format(y)
    if not columns:
        return figures.empty_figure(records, what, "no column has been compared")
    units = records.config.get("units", "nats")
    scale = SCALES[units]
    grid = figures.Grid.with_panels([(0, 0), (0, 1)], (4.2, 1.2 + 0.22 * len(columns)), sharey=True)
    left, right = grid.panels[0, 0], grid.panels[0, 1]
    places = np.arange(len(columns))
    gains = [scale * max(0.0, row["gain"] or 0.0) for row in columns]
    left.barh(
        places,
        [gain if math.isfinite(gain) else 0.0 for gain in gains],
        color="C0",
        height=0.6,
        label="added to those above it",
    )
    values, low, high = (np.array([scale * row[key] for row in columns]) for key in ("estimate", "ci_low", "ci_high"))
    shown, low = np.maximum(0, values), np.maximum(0, low)
    drawn = np.isfinite(values) & np.isfinite(low) & np.isfinite(high)
    errors = np.abs(np.stack([shown[drawn] - low[drawn], high[drawn] - shown[drawn]]))
    style: dict[str, Any] = {"fmt": "o", "color": "k", "markersize": 3.5, "linewidth": 0.9, "label": "by itself"}
    left.errorbar(shown[drawn], places[drawn], xerr=errors, **style)
    for place in places[~drawn]:
        marks.edge_mark(left, place, values[place], "k")
    frequencies = [row["frequency"] or 0.0 for row in columns]
    colours = ["C0" if row["rank"] is not None else GREY for row in columns]
    right.barh(places, frequencies, color=colours, height=0.6)
    right.set_xlim(0, 1)
    left.set_yticks(places, [_name(row) for row in columns])
    left.invert_yaxis()
    left.set_xlabel(f"MI with {y} ({units})", fontsize=9)
    right.set_xlabel("share of subsamples that choose it", fontsize=9)
    for place, (row, gain, frequency) in enumerate(zip(columns, gains, frequencies, strict=True)):
        text = exact(row["estimate"], scale), span((row["ci_low"], row["ci_high"]), scale)
        quantity, name = f"MI with {y} ({units})", _name(row, shortened=False)
        tell(left, shown[place], place, Value(quantity, "by itself", name, *text))
        if row["rank"] is not None:
            tell(left, gain, place + 0.2, Value(quantity, "added to those above it", name, exact(gain)))
        tell(right, frequency, place, Value("share of subsamples that choose it", "", name, exact(frequency)))
    chosen = sum(row["rank"] is not None for row in columns)
    if 0 < chosen < len(columns):
        for ax in (left, right):
            ax.axhline(chosen - 0.5, color=GREY, linewidth=0.8, linestyle="--")
    figures.add_legend(grid.figure)
    remarks = ["below the dashed line: not chosen"] if 0 < chosen < len(columns) else []
    if any(_is_pair(row) for row in columns):
        remarks.append("what a pair added, it added together")
    figures.add_title(grid.figure, records, what, *remarks)
    return grid.figure


def _is_pair(row: Mapping[str, Any]) -> bool:
    return row["rank"] is not None and "pair" in (row["reason"] or "")


def _name(row: Mapping[str, Any], *, shortened: bool = True) -> str:
    name = labels.short(row["method"], _LONGEST) if shortened else labels.plain(row["method"])
    if row["rank"] is None:
        return name
    return f"{int(row['rank'])}. {name}{' (pair)' if _is_pair(row) else ''}"
