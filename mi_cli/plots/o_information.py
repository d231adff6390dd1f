"""Total correlation, dual total correlation and O-information with their intervals, and the triples that stand out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.interaction import REDUNDANT, SYNERGISTIC, UNDECIDED, measures, triples
from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts import figures, labels, looks, marks
from mi_cli.plots.parts.values import Value, exact
from mi_cli.records.results import SCALES, Records

__all__ = ["plot"]

_WHAT = "Interaction of columns: redundancy above 0, synergy below"
_TRIPLES = 20
_LETTERS = 16  # of each name of a triple
_NONE = "not judged"  # at budget=smoke
_COLOURS = {REDUNDANT: looks.BLUE, SYNERGISTIC: looks.VERMILLION, UNDECIDED: looks.GREY, _NONE: looks.GREY}


def plot(records: Records) -> Figure:
    """Draw the measures of the first seed by estimator, and below them the triples that are farthest from 0."""
    rows, level = list(records.results.iter_rows(named=True)), records.summary["level"]
    whole = _first_setting(measures(rows, records.axes, level, {}))
    ranked = _first_setting(triples(rows, records.axes, level, {}))[:_TRIPLES]
    if records.summary["budget"] == "smoke":
        whole, ranked = (
            [row | {"interaction": row["interaction"] and _NONE} for row in part] for part in (whole, ranked)
        )
    if not whole and not ranked:
        return figures.empty_figure(records, _WHAT, "no interaction was measured")
    parts = [part for part in (whole, ranked) if part]
    lines = [2.5 + len(part) for part in parts]
    size = 6.4, max(1.8, 0.24 * sum(lines) / len(lines))
    grid = figures.Grid.with_panels([(i, 0) for i in range(len(parts))], size, height_ratios=lines)
    scale = SCALES[records.config.get("units", "nats")]
    for ax, part in zip(grid.panels.values(), parts, strict=True):
        quantity = f"{'co-information' if part is ranked else 'measure'} ({records.config.get('units', 'nats')})"
        _panel(ax, part, scale, quantity)
    figures.add_title(grid.figure, records, _WHAT, f"intervals of {figures.level(records)}")
    figures.add_legend(grid.figure)
    return grid.figure


def _first_setting(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with an estimate, of the first seed."""
    measured = [row for row in rows if row["estimate"] is not None]
    return [row for row in measured if row["seed"] == min(one["seed"] for one in measured)]


def _panel(ax: Axes, rows: Sequence[dict[str, Any]], scale: float, quantity: str) -> None:
    names = [_name(row) for row in rows]
    words = marks.Words(quantity, lambda place: names[round(-place)])
    ax.set_xlabel(quantity, fontsize=9)
    for verdict in dict.fromkeys(row["interaction"] for row in rows):
        points = [
            (float(-at), Interval(scale * row["estimate"], scale * row["ci_low"], scale * row["ci_high"], None, 1))
            for at, row in enumerate(rows)
            if row["interaction"] == verdict and math.isfinite(row["estimate"])
        ]
        look = (
            looks.Look(verdict, _COLOURS[verdict], "o") if verdict else looks.Look("never negative", looks.BLACK, "s")
        )
        marks.interval_marks(ax, points, look, horizontal=True, words=words)
    known = [(float(-at), row["true_mi"]) for at, row in enumerate(rows) if row.get("true_mi") is not None]
    known = [(at, value) for at, value in known if math.isfinite(value)]
    if known:
        places, values = zip(*known, strict=True)
        ax.scatter([scale * value for value in values], places, marker="|", s=140, color=looks.BLACK, label="truth")
    ax.axvline(0, color="0.6", linewidth=0.8)
    ax.set_yticks([-at for at in range(len(rows))], names, fontsize=7.5)
    ax.set_ylim(-len(rows) + 0.4, 0.6)
    for at, row in enumerate(rows):
        if math.isinf(row["estimate"]):
            marks.edge_mark(
                ax, -at, row["estimate"], looks.BLACK, Value(quantity, "", names[at], exact(row["estimate"]))
            )
    ends = [scale * row[key] for row in rows for key in ("ci_low", "ci_high") if math.isfinite(row[key])] or [0.0]
    room = 0.04 * (max(ends) - min(ends)) or 1.0
    ax.set_xlim(min(0.0, *ends) - room, max(0.0, *ends) + room)


def _name(row: dict[str, Any]) -> str:
    if "measure" in row:
        return f"{row['measure']}, {looks.look(row['method']).label}"
    name = ", ".join(labels.short(str(row[key]), _LETTERS) for key in ("first", "second", "third"))
    return f"{name}: {looks.look(row['method']).label}"
