"""MI of pairs of columns with intervals, the largest first, and the numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mi_cli.analysis.intervals import Interval
from mi_cli.analysis.pairwise import pairs
from mi_cli.plots.parts import figures, labels, looks, marks
from mi_cli.plots.parts.values import Value, exact, span
from mi_cli.records.results import SCALES, Records

__all__ = ["plot"]

_WHAT = "{} of {}"
_MOST = 80  # pairs
_FEW = 20  # pairs, which have more room each
_LETTERS = 18  # of each name of a pair
_ALPHA = 0.05
_LABELS = {
    True: f"p ≤ {_ALPHA:g} after Holm's correction",
    False: f"p > {_ALPHA:g} after Holm's correction",
    None: "no p-value",
}
_TICKS = 5  # at most: their numbers may have four digits
_REACH = 3.0  # times the largest estimate: wider intervals are cut


def plot(records: Records) -> Figure:
    """Draw a line for each pair of the first estimator and seed: its interval, and its numbers at the right."""
    rows = pairs(records.results.iter_rows(named=True), records.axes, records.summary["level"], {})
    measured = [row for row in rows if row["estimate"] is not None]
    measure = labels.measure(records.summary, "Mutual information")
    if not measured:
        return figures.empty_figure(records, _WHAT.format(measure, "pairs of columns"), "no pair has an estimate")
    first = measured[0]["method"], measured[0]["seed"]
    own = [row for row in measured if (row["method"], row["seed"]) == first]
    shown = own[:_MOST]
    units = records.config.get("units", "nats")
    names, what = _names(shown, measure)
    height = (0.27 if len(shown) <= _FEW else 0.18) * len(shown)
    grid = figures.Grid.with_panels([(0, 0)], (6.4, 0.9 + height))
    ax = grid.panels[0, 0]
    quantity = f"{labels.measure(records.summary)} ({units})"
    _draw(ax, shown, [_pair(row) for row in shown], quantity, SCALES[units], looks.look(first[0]))
    ax.set_yticks(range(len(shown)), names, fontsize=8 if len(shown) <= _FEW else 7)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(quantity, fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(_TICKS))
    figures.add_legend(grid.figure)
    remarks = [f"bars: {figures.level(records)} interval, which is written beside the estimate"]
    remarks += [f"the first {len(shown)} of {len(own)} pairs"] if len(own) > len(shown) else []
    lost = sum(row["estimate"] is None for row in rows)
    remarks += [f"no estimate for {lost} of {len(rows)} pairs"] if lost else []
    figures.add_title(grid.figure, records, what, *remarks)
    return grid.figure


def _pair(row: dict[str, Any]) -> str:
    return labels.PAIR.join((row["x"], row["y"]))


def _names(rows: Sequence[dict[str, Any]], measure: str) -> tuple[list[str], str]:
    """The name of each line, and the title: where all pairs share a column, that is in the title alone."""
    shared = set.intersection(*({row["x"], row["y"]} for row in rows))
    if len(rows) == 1 or len(shared) != 1:
        return [labels.PAIR.join(labels.short(row[s], _LETTERS) for s in "xy") for row in rows], _WHAT.format(
            measure, "pairs of columns"
        )
    (common,) = shared
    others = [row["y"] if row["x"] == common else row["x"] for row in rows]
    what = _WHAT.format(measure, f"{labels.short(common)} and each other column")
    return [labels.short(name) for name in others], what


def _draw(
    ax: Axes, rows: Sequence[dict[str, Any]], pairs_of: Sequence[str], quantity: str, scale: float, look: looks.Look
) -> None:
    """Draw the lines, those that are significant filled, and write their numbers beside them."""
    ax.axvline(0, color=looks.GREY, linewidth=0.8, zorder=1)
    size = 7.5 if len(rows) <= _FEW else 6.5
    words = marks.Words(quantity, lambda place: pairs_of[round(place)])
    for sure, label in _LABELS.items():
        points = [
            (float(place), _interval(row, scale))
            for place, row in enumerate(rows)
            if _is_sure(row) == sure and math.isfinite(row["estimate"])
        ]
        own = looks.Look(label, look.colour, look.marker, filled=sure is not False)
        marks.interval_marks(ax, points, own, horizontal=True, words=words)
    for place, row in enumerate(rows):
        text = exact(row["estimate"], scale), span((row["ci_low"], row["ci_high"]), scale)
        if math.isinf(row["estimate"]):
            marks.edge_mark(ax, place, row["estimate"], look.colour, Value(quantity, "", pairs_of[place], *text))
    _limit(ax, rows, scale)
    digits = max(3, 2 - math.floor(math.log10(max(map(abs, ax.get_xlim())))))
    for place, row in enumerate(rows):
        mean, *ends = (_digits(row[key], scale, digits) for key in ("estimate", "ci_low", "ci_high"))
        interval = f"[{', '.join(ends)}]" if all(ends) else ""
        for words_beside, offset, side in ((mean, 40, "right"), (interval, 45, "left")):
            ax.annotate(
                words_beside,
                (1.0, place),
                (offset, 0),
                xycoords=ax.get_yaxis_transform(),
                textcoords="offset points",
                fontsize=size,
                ha=side,
                va="center",
            )


def _digits(value: float | None, scale: float, digits: int) -> str:
    """A number with as many digits behind the point as all others."""
    if value is None or math.isinf(value):
        return exact(value)
    return f"{scale * value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _interval(row: dict[str, Any], scale: float) -> Interval:
    return Interval(scale * row["estimate"], _scaled(row["ci_low"], scale), _scaled(row["ci_high"], scale), None, 1)


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None or not math.isfinite(value) else scale * value


def _is_sure(row: dict[str, Any]) -> bool | None:
    """Whether a pair is significant; None where it has no p-value."""
    return None if row["p_holm"] is None else bool(row["p_holm"] <= _ALPHA)


def _limit(ax: Axes, rows: Sequence[dict[str, Any]], scale: float) -> None:
    """Set limits that show all estimates, and cut intervals that are far wider."""
    values = [scale * row["estimate"] for row in rows if math.isfinite(row["estimate"])]
    largest = max([*map(abs, values), 1e-6])
    ends = [_scaled(row[key], scale) for row in rows for key in ("ci_low", "ci_high")]
    ends = [max(-_REACH * largest, min(_REACH * largest, end)) for end in ends if end is not None]
    low, high = min([0.0, *values, *ends]), max([0.0, *values, *ends])
    room = 0.04 * (high - low) or 1.0
    ax.set_xlim(low - room, high + room)
