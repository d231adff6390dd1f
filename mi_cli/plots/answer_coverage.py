"""By kind of data: how often the interval of an answer holds the truth, and how often the answer is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts import figures, looks, marks
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Answers by kind of data"
_TARGET = 0.95  # the level of the interval of an answer
_PANELS = {  # of each share: its label and its look
    "covers_truth": ("intervals that hold the true MI", looks.Look("", looks.BLUE, "o")),
    "solved": ("answers that are right", looks.Look("", looks.VERMILLION, "D")),
}


def plot(records: Records) -> Figure:
    """Draw a line for each kind, and one for all: two shares of the table ``answers``, with their intervals."""
    rows = records.summary["tables"].get("answers")
    if not rows:
        reason = "no table answers" if rows is None else "no true MI that is known and finite"
        return figures.empty_figure(records, _WHAT, reason)
    grid = figures.Grid.with_panels([(0, 0), (0, 1)], (4.2, 0.9 + 0.3 * len(rows)), sharey=True)
    for ax, share in zip(grid.panels.values(), _PANELS, strict=True):
        _draw(ax, share, rows)
    first = grid.panels[0, 0]
    first.axvline(_TARGET, **looks.TRUTH, label="95 %")
    first.set_yticks(range(len(rows)), [f"{row['kind']} ({row['trials']})" for row in rows])
    first.set_ylim(len(rows) - 0.4, -0.6)
    figures.add_legend(grid.figure)
    bars = f"bars: Wilson's {figures.level(records)} interval of the share"
    figures.add_title(grid.figure, records, _WHAT, "in brackets: fits of a kind", bars)
    return grid.figure


def _draw(ax: Axes, share: str, rows: Sequence[Mapping[str, Any]]) -> None:
    label, look = _PANELS[share]
    points = [
        (place, Interval(row[share], row[f"{share}_low"], row[f"{share}_high"], None, row["trials"]))
        for place, row in enumerate(rows)
        if row[share] is not None
    ]
    words = marks.Words(f"{label} (%)", lambda place: str(rows[round(place)]["kind"]), 100)
    marks.interval_marks(ax, points, look, horizontal=True, words=words)
    for place, value in points:
        ax.text(1.02, place, f"{100 * value.mean:.0f} %", fontsize=8, va="center", transform=ax.get_yaxis_transform())
    ax.set_xlim(-0.03, 1.03)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    ax.set_xlabel(f"{label} (%)", fontsize=9)
    ax.tick_params(axis="y", length=0)
