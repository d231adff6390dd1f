"""Figures with panels in a grid, their titles, legends and notes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.errors import counted
from mi_cli.plots.parts.labels import setting_label, short, side
from mi_cli.plots.parts.looks import GREY
from mi_cli.plots.parts.settings import Setting
from mi_cli.records.results import Records

__all__ = ["Grid", "add_legend", "add_title", "empty_figure", "level", "note", "panel_title"]

_LEAST_WIDTH = 6.4  # inches of a figure
_LINE = 0.17  # inches of height for a line of the title or the legend
_COLUMNS = 12  # characters an inch, in titles
_LABEL_COLUMNS = 30  # characters, in the label of an axis
_LETTERS = 28  # of the name of a file, and of each column in the title of a panel
_MANY = 4  # panels side by side; more are drawn narrower


@dataclass(frozen=True)
class Grid:
    """A white figure with panels at some places of a grid, and room for all labels.

    Args:
        figure: with a constrained layout.
        panels: by their place ``(row, column)``.
    """

    figure: Figure
    panels: dict[tuple[int, int], Axes]

    @classmethod
    def with_panels(
        cls,
        places: Sequence[tuple[int, int]],
        size: tuple[float, float],
        *,
        least_width: float = _LEAST_WIDTH,
        **subplots: Any,
    ) -> Grid:
        """Make a figure.

        Args:
            places: of the panels, ``(row, column)``.
            size: about the width and height of a panel, in inches.
            least_width: of the figure, in inches.
            **subplots: options of ``Figure.subplots``.
        """
        n_rows, n_cols = (max(place[i] for place in places) + 1 for i in (0, 1))
        width = max(size[0] * (n_cols if n_cols <= _MANY else 0.85 * n_cols) + 0.3, least_width)
        fig = Figure((width, size[1] * n_rows + 0.4), layout="constrained", facecolor="white")
        axes = fig.subplots(n_rows, n_cols, squeeze=False, **subplots)
        for place in np.ndindex(n_rows, n_cols):
            if place not in places:
                axes[place].remove()
        panels = {place: axes[place] for place in places}
        for ax in panels.values():
            _tidy(ax)
        return cls(fig, panels)

    def label(self, x: str, y: str | Mapping[int, str]) -> None:
        """Label x below the lowest panel of each column, and y (of all rows, or by row) beside the first of each."""
        for (row, column), ax in self.panels.items():
            if row == max(r for r, c in self.panels if c == column):
                ax.set_xlabel(x, fontsize=9)
                ax.tick_params(labelbottom=True)
            if column == min(c for r, c in self.panels if r == row):
                text = y if isinstance(y, str) else y[row]
                ax.set_ylabel("\n".join(textwrap.wrap(text, _LABEL_COLUMNS)), fontsize=9)
        self.figure.align_ylabels()


def _tidy(ax: Axes) -> None:
    """Give a panel no box, a light grid behind the data and small tick labels."""
    ax.set_facecolor("white")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8)
    ax.yaxis.get_offset_text().set_fontsize(8)


def empty_figure(records: Records, what: str, reason: str) -> Figure:
    """Return a figure without data that says why it has none; for ``what`` see :func:`add_title`."""
    grid = Grid.with_panels([(0, 0)], (5.0, 1.5))
    ax = grid.panels[0, 0]
    ax.set_axis_off()
    ax.text(0.5, 0.5, reason, ha="center", va="center", fontsize=10, color=GREY, transform=ax.transAxes)
    add_title(grid.figure, records, what)
    return grid.figure


def add_title(fig: Figure, records: Records, what: str, *remarks: str) -> None:
    """Add a title: what the figure shows; then what was run (:func:`_run`), budget and lost trials; then remarks.

    Of somebody's own table it says the columns of x and y, where all trials have the same ones.
    """
    summary = records.summary
    run = _run(records)
    if summary["budget"] != "full":
        run.append(f"budget {summary['budget']}{': no verdict' * (summary['budget'] == 'smoke')}")
    total = sum(summary["trials"].values())
    run += [f"{n} of {total} trials {status}" for status, n in summary["trials"].items() if status != "ok"]
    columns = int(fig.get_figwidth() * _COLUMNS)
    text = [
        line
        for parts, by in (([what], ""), (run, ", "), (_sides(records), "; "), (remarks, "; "))
        for line in _packed(parts, by, columns)
    ]
    fig.set_figheight(fig.get_figheight() + 0.15 + _LINE * len(text))
    fig.suptitle("\n".join(text), fontsize=9.5, linespacing=1.3)


def _run(records: Records) -> list[str]:
    """The experiment and the number of seeds; or the file of somebody's own, and its rows where all trials have these.

    The variant is said where it is not the default one, ``corrected``.
    """
    summary, seeds = records.summary, records.results["seed"].n_unique()
    data = summary.get("data") or {}
    if not data.get("file"):
        variant = [] if summary["variant"] == "corrected" else [f"{summary['variant']} variant"]
        return [summary["name"], *variant, counted(seeds, "seed")]
    run = [short(Path(data["file"]).name, 2 * _LETTERS)]
    if not _has_axis_of_data(summary):
        run.append(counted(data["rows_used"], "row"))
    return run + ([counted(seeds, "seed")] if seeds > 1 else [])


def _has_axis_of_data(summary: Mapping[str, Any]) -> bool:
    """Whether trials differ in their data, such as in their columns."""
    return any(axis.partition(".")[0] == "dataset" for axis in summary["axes"])


def _sides(records: Records) -> list[str]:
    columns = {name: side(records.summary, name) for name in "xyz"}
    if not columns["y"] or _has_axis_of_data(records.summary):  # without y, the figure has the names of all
        return []
    return [f"{name} = {names}" for name, names in columns.items() if names]


def _packed(parts: Sequence[str], separator: str, columns: int) -> list[str]:
    """The parts in as few lines as hold them, broken between parts where that is possible."""
    lines: list[str] = []
    for part in filter(None, parts):
        if lines and len(lines[-1]) + len(separator) + len(part) <= columns:
            lines[-1] += separator + part
            continue
        if lines:
            lines[-1] += separator.rstrip()
        lines += textwrap.wrap(part, columns)
    return lines


def add_legend(fig: Figure) -> None:
    """Add a legend below the panels, of all that is labelled in them, in as many columns as fit."""
    handles: dict[str, Any] = {}
    for ax in fig.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if not handles:
        return
    fit = int((fig.get_figwidth() - 0.3) / (0.55 + 0.06 * max(map(len, handles))))
    rows = math.ceil(len(handles) / max(1, fit))
    fig.set_figheight(fig.get_figheight() + 0.15 + _LINE * rows)
    fig.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=math.ceil(len(handles) / rows),
        frameon=False,
        fontsize=8,
    )


def panel_title(ax: Axes, setting: Setting, *lines: str) -> None:
    """Set a panel's title: its setting, wrapped to the panel's width, and further lines; empty ones are left out."""
    spec = ax.get_subplotspec()
    root = ax.get_figure(root=True)
    assert spec is not None and root is not None  # noqa: S101, PT018 (for the type checker: panels are in a grid)
    columns = int(_COLUMNS * root.get_figwidth() / spec.get_gridspec().ncols)
    parts = [
        *_packed([setting_label(Setting((pair,)), _LETTERS) for pair in setting.pairs], ", ", columns),
        *filter(None, lines),
    ]
    ax.set_title("\n".join(parts), fontsize=8.5)


def level(records: Records) -> str:
    """Return the confidence level of the run's intervals, such as ``95 %``."""
    return f"{100 * records.summary['level']:g} %"


def note(ax: Axes, text: str, *, where: str = "upper left", colour: str = GREY) -> None:
    """Put small text into a corner of a panel, or its centre (``centre centre``)."""
    if not text:
        return
    vertical, horizontal = where.split()
    ax.text(
        {"left": 0.03, "centre": 0.5, "right": 0.97}[horizontal],
        {"upper": 0.96, "centre": 0.5, "lower": 0.04}[vertical],
        text,
        ha={"centre": "center"}.get(horizontal, horizontal),
        va={"upper": "top", "centre": "center", "lower": "bottom"}[vertical],
        fontsize=7.5,
        color=colour,
        transform=ax.transAxes,
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
    )
