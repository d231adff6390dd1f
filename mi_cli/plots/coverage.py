"""Coverage of intervals, and error rates of lower confidence bounds and p-values, in every setting."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.coverage import coverage
from mi_cli.plots.parts import figures, labels, looks
from mi_cli.plots.parts.settings import Setting, grouped
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Coverage of intervals, and error rates of lower confidence bounds and p-values"
_PANELS = {  # of each share: its label, the value it should have, and the band that counts as that value
    "covers_claim": ("intervals that hold\nthe critics' bound", 0.95, (0.92, 0.98)),
    "covers_truth": ("intervals that hold\nthe true MI", 0.95, (0.92, 0.98)),
    "too_high": ("lower bounds above\nthe true MI", 0.05, (0.0, 0.06)),
    "small_p": ("p ≤ .05 without\ndependence", 0.05, (0.03, 0.07)),
}
_LABEL, _LETTER = 44, 0.065  # characters of a line below the panels, and inches for each
_SPREAD = 0.6  # share of a setting's width over which methods are spread


def plot(records: Records) -> Figure:
    """Draw a panel for each share: settings side by side, methods by colour, shares with their intervals."""
    axes, results = list(records.axes), list(records.results.iter_rows(named=True))
    if len({row["method"] for row in results}) == len({(row["method"], row["estimator"]) for row in results}):
        axes = [axis for axis in axes if axis.split(".")[0] != "estimator"]  # which the method says
    table = coverage(results, axes, records.summary["level"], {})
    panels = {share: [row for row in table if _applies(row, share)] for share in _PANELS}
    if all(row["covers_claim"] == row["covers_truth"] for row in table):  # no critics, whose bound another share holds
        del panels["covers_claim"]
    panels = {share: rows for share, rows in panels.items() if rows}
    if not panels:
        return figures.empty_figure(records, _WHAT, "no interval, or no true MI")
    settings = list(grouped(table, lambda row: _setting(row, axes)))
    width = max(6.4, 1.5 + 0.34 * len(settings))
    grid = figures.Grid.with_panels([(row, 0) for row in range(len(panels))], (width, 2.1), sharex=True)
    methods = list(dict.fromkeys(row["method"] for row in table))
    for ax, (share, rows) in zip(grid.panels.values(), panels.items(), strict=True):
        _draw(ax, share, rows, settings, methods, axes)
    bottom = grid.panels[len(panels) - 1, 0]
    texts = [textwrap.wrap(labels.setting_label(setting), _LABEL) or ["all"] for setting in settings]
    bottom.set_xticks(range(len(settings)), ["\n".join(lines) for lines in texts])
    bottom.tick_params(axis="x", rotation=90, labelsize=7.5)
    grid.figure.set_figheight(grid.figure.get_figheight() + _LETTER * max(len(line) for text in texts for line in text))
    figures.add_legend(grid.figure)
    figures.add_title(
        grid.figure, records, _WHAT, "bars: Wilson's 95 % interval of the share", "bands: values that count as right"
    )
    return grid.figure


def _applies(row: Mapping[str, Any], share: str) -> bool:
    return row[share] is not None and (share != "small_p" or row["true_mi"] == 0)


def _setting(row: Mapping[str, Any], axes: Sequence[str]) -> Setting:
    return Setting(tuple((axis, row[axis]) for axis in axes))


def _draw(
    ax: Axes,
    share: str,
    rows: Sequence[Mapping[str, Any]],
    settings: Sequence[Setting],
    methods: Sequence[str],
    axes: Sequence[str],
) -> None:
    label, target, band = _PANELS[share]
    ax.axhspan(*band, color=looks.GREY, alpha=0.18, linewidth=0, zorder=0)
    ax.axhline(target, **looks.TRUTH)
    for number, method in enumerate(methods):
        look = looks.look(method)
        own = [row for row in rows if row["method"] == method]
        places = [settings.index(_setting(row, axes)) + _SPREAD * ((number + 0.5) / len(methods) - 0.5) for row in own]
        values = [row[share] for row in own]
        ends = [
            [max(0.0, row[share] - row[f"{share}_low"]) for row in own],
            [max(0.0, row[f"{share}_high"] - row[share]) for row in own],
        ]
        ax.errorbar(
            places, values, ends, fmt=look.marker, color=look.colour, markersize=3.5, linewidth=1, label=look.label
        )
        for place, row in zip(places, own, strict=True):
            ends_of_row = row[f"{share}_low"], row[f"{share}_high"]
            text = labels.setting_label(_setting(row, axes)), exact(row[share]), span(ends_of_row)
            tell(ax, place, row[share], Value(label.replace("\n", " "), look.label, *text))
    ax.set_ylabel(label, fontsize=8)
