"""Scores against the number of labels: representations, raw columns, a supervised network and trees."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from mi_cli.analysis.intervals import Interval
from mi_cli.analysis.label_efficiency import LABELS_AXIS, Comparison, best_encoder, compared
from mi_cli.plots.parts import figures, labels, looks, marks
from mi_cli.plots.parts.settings import Setting, axes, grouped
from mi_cli.plots.parts.values import Value, exact, span, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "What representations are worth where few rows have labels"
_UNITS = {"test_r2": "R² on test rows", "test_balanced_accuracy": "balanced accuracy on test rows"}
_RAW, _TREES, _NOTHING = "raw_columns", "gradient_boosting", "no_columns"
_MAIN = (_RAW, _TREES, "supervised_network", "pca")  # and the best encoder: those that have intervals
_DODGE = 4.0  # points of 1/72 inch between methods
_PANEL, _CHARACTER = 3.3, 0.09  # inches: at least the width of a panel, and at most that of a figure in a tick's name
_LEAST = 0.02  # of the span of an axis


def plot(records: Records) -> Figure:
    """Draw scores on the left and paired differences on the right, a row of panels for each setting."""
    names = [axis for axis in axes(records) if axis != LABELS_AXIS]
    by_setting = grouped(
        records.results.iter_rows(named=True), lambda row: Setting.from_pairs((name, row[name]) for name in names)
    )
    level = records.summary["level"]
    found = {setting: (*compared(rows, level), best_encoder(rows, (), level)) for setting, rows in by_setting.items()}
    panels = {setting: one for setting, one in found.items() if one[1]}
    if not panels:
        return figures.empty_figure(records, _WHAT, "no method has a score")
    grid = figures.Grid.with_panels([(row, column) for row in range(len(panels)) for column in (0, 1)], (4.4, 3.5))
    for row, (setting, (column, comparisons, encoder)) in enumerate(panels.items()):
        _draw(grid, row, setting, comparisons, encoder, _UNITS[column])
    grid.label("rows that show their label", {row: _UNITS[column] for row, (column, *_) in enumerate(panels.values())})
    for row, (column, *_) in enumerate(panels.values()):
        measure = _UNITS[column].partition(" on ")[0]
        grid.panels[row, 1].set_ylabel(f"{measure} minus that of the raw columns\n← worse      better →", fontsize=9)
    figures.add_legend(grid.figure)
    seeds = max(one.score.n for _, comparisons, _ in panels.values() for one in comparisons)
    bands = [f"{figures.level(records)} intervals over seeds", "right: paired, corrected for the number of comparisons"]
    figures.add_title(grid.figure, records, _WHAT, *(bands if seeds > 1 else ()))
    return grid.figure


def _draw(
    grid: figures.Grid,
    row: int,
    setting: Setting,
    comparisons: Sequence[Comparison],
    encoder: str | None,
    measure: str,
) -> None:
    left, right = grid.panels[row, 0], grid.panels[row, 1]
    where = labels.setting_label(setting)
    words = marks.Words(
        f"{measure.partition(' on ')[0]} minus that of the raw columns",
        lambda n: ", ".join(filter(None, (where, f"{n:,.0f} labels"))),
    )
    for ax in (left, right):
        figures.panel_title(ax, setting)
    methods = grouped(comparisons, lambda one: one.method)
    main = [method for method in sorted(methods, key=looks.rank) if method in (*_MAIN, encoder)]
    for method in sorted(methods, key=looks.rank):
        _line(left, method, methods[method], with_band=method in (_RAW, _TREES, encoder))
        for one in methods[method]:
            text = exact(one.score.mean), span((one.score.low, one.score.high))
            said = Value(measure, looks.look(method).label, words.at(one.labels), *text)
            tell(left, one.labels, one.score.mean, said)
    right.axhline(0, color=looks.look(_RAW).colour, linewidth=1.1, zorder=2)
    differing = [method for method in main if method != _RAW]
    for index, method in enumerate(differing):
        points = [(float(one.labels), one.difference) for one in methods[method] if one.difference]
        dodge = _DODGE * (index - (len(differing) - 1) / 2)
        marks.interval_marks(right, points, looks.look(method), line=True, dodge=dodge, words=words)
    ticks = sorted({one.labels for one in comparisons})
    for ax in (left, right):
        _set_ticks(ax, ticks)
    _limit(left, [one.score for one in comparisons])
    differences = [one.difference for name in differing for one in methods[name] if one.difference]
    if differences:
        cut = _limit(right, differences, [0.0])
        figures.note(right, "intervals that leave the panel are cut" if cut else "", where="lower right")


def _line(ax: Axes, method: str, comparisons: Sequence[Comparison], *, with_band: bool) -> None:
    """Draw the means of one method; with a band of their intervals, or else as a thin line."""
    look = looks.look(method)
    ax.plot(
        [one.labels for one in comparisons],
        [one.score.mean for one in comparisons],
        marker=look.marker,
        color=look.colour,
        markersize=5 if with_band else 4,
        linewidth=1.7 if with_band else 0.8,
        markerfacecolor=look.colour if look.filled else "white",
        label=look.label,
        zorder=3.5 if with_band else 3,
    )
    known = [
        (one.labels, one.score.low, one.score.high)
        for one in comparisons
        if one.score.low is not None and one.score.high is not None
    ]
    if with_band and known:
        places, low, high = (list(values) for values in zip(*known, strict=True))
        ax.fill_between(places, low, high, color=look.colour, alpha=0.13, linewidth=0, zorder=1)


def _set_ticks(ax: Axes, ticks: Sequence[int]) -> None:
    """Set a log scale with a tick at each number of labels, which is named where the names do not overprint."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator([float(tick) for tick in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    span = math.log(ticks[-1] / ticks[0] * 1.25**2)
    names = [""] * len(ticks)
    place, least = math.inf, 0.0
    for index in reversed(range(len(ticks))):  # the largest number is named always
        name = f"{ticks[index]:,}"
        own, half = _PANEL * math.log(ticks[index] / ticks[0]) / span, _CHARACTER * len(name) / 2
        if place - own >= least + half:
            names[index], place, least = name, own, half + _CHARACTER
    ax.set_xticklabels(names)
    ax.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)


def _limit(ax: Axes, values: Sequence[Interval], others: Sequence[float] = ()) -> bool:
    """Set limits that show every mean and all other values, and cut far wider intervals; whether one is cut."""
    means = [*(value.mean for value in values), *others]
    low, high = min(means), max(means)
    room = max(high - low, _LEAST)
    ends = [end for value in values for end in (value.low, value.high) if end is not None]
    bottom, top = max(min([low, *ends]), low - 0.3 * room), min(max([high, *ends]), high + 0.3 * room)
    ax.set_ylim(bottom - 0.05 * room, top + 0.05 * room)
    return any(not bottom <= end <= top for end in ends)
