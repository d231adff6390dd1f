"""Estimates against 1/n, with the line that extrapolates them to infinitely many rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mi_cli.analysis.extrapolation import extrapolated
from mi_cli.plots.parts import figures, labels, looks
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Estimates from growing numbers of rows, extrapolated to infinitely many"


def plot(records: Records) -> Figure:
    """Draw a panel for each method: estimates of all subsamples, the line, and the limit with its interval."""
    rows = [row for row in records.results.iter_rows(named=True) if row["status"] == "ok" and row["rows"]]
    lines = extrapolated(rows, records.axes, records.summary["level"], {})
    if not lines:
        return figures.empty_figure(records, _WHAT, "no estimate from a known number of rows")
    grid = figures.Grid.with_panels([(0, column) for column in range(len(lines))], (4.2, 4.0), sharey=True)
    for ax, line in zip(grid.panels.values(), lines, strict=True):
        own = [row for row in rows if row["method"] == line["method"] and _matches(row, line, records.axes)]
        look = looks.look(line["method"])
        ax.plot(
            [1 / row["rows"] for row in own], [row["estimate"] for row in own], look.marker, color=look.colour,
            markersize=4.5, alpha=0.7, label=f"{look.label}: one subsample" if len(lines) > 1 else "one subsample",
        )  # fmt: skip
        quantity = f"{labels.measure(records.summary)} (nats)"
        for row in own:
            text = f"{row['rows']:,.0f} rows, seed {row['seed']}", exact(row["estimate"])
            tell(ax, 1 / row["rows"], row["estimate"], Value(quantity, look.label, *text))
        if line["limit"] is not None:
            ends_of_limit = span((line["limit_low"], line["limit_high"]))
            tell(ax, 0, line["limit"], Value(quantity, look.label, "∞ rows", exact(line["limit"]), ends_of_limit))
            ends = np.array([0.0, max(1 / row["rows"] for row in own)])
            ax.plot(ends, line["limit"] + line["slope"] * ends, color=look.colour, linewidth=1.2)
            low, high = line["limit"] - line["limit_low"], line["limit_high"] - line["limit"]
            ax.errorbar(
                [0], [line["limit"]], [[low], [high]], fmt="o", color=looks.BLACK, capsize=3, markersize=4.5, zorder=5
            )
        ax.set_title(look.label + (f"\n{line['warning']}" if line["warning"] else ""), fontsize=8.5)
        ticks = sorted({row["rows"] for row in own})
        ax.set_xticks([0, *(1 / n for n in ticks)], ["∞", *(f"{n:,.0f}" for n in ticks)], rotation=60, fontsize=7.5)
    grid.panels[0, 0].plot([], [], "o", color=looks.BLACK, label=f"limit, {figures.level(records)} interval")
    grid.label("number of rows n (scale of 1/n)", f"{labels.measure(records.summary)} (nats)")
    figures.add_legend(grid.figure)
    figures.add_title(grid.figure, records, _WHAT)
    return grid.figure


def _matches(row: dict[str, Any], line: dict[str, Any], axes: list[str]) -> bool:
    return all(str(row[axis]) == str(line[axis]) for axis in axes if axis in line)
