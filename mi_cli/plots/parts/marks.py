"""Marks for values with intervals, and for the values of single seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation, Transform

from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts.looks import Look
from mi_cli.plots.parts.values import Value, exact, span, tell

__all__ = ["Words", "edge_mark", "interval_marks", "seed_marks"]


@dataclass(frozen=True)
class Words:
    """How to say what marks stand for.

    Args:
        quantity: of their values, with its unit.
        at: the place of a mark in words, from its place along the other axis.
        scale: of their values as they are said.
    """

    quantity: str
    at: Callable[[float], str]
    scale: float = 1.0


def interval_marks(
    ax: Axes,
    points: Sequence[tuple[float, Interval]],
    look: Look,
    *,
    horizontal: bool = False,
    line: bool = False,
    dodge: float = 0.0,
    words: Words | None = None,
) -> None:
    """Draw means with their intervals, where they have one.

    Args:
        ax: panel.
        points: places along the other axis, with means.
        look: of the series.
        horizontal: the values run from left to right.
        line: connect the means.
        dodge: points of 1/72 inch by which the marks are moved aside, so that those of several series are visible.
        words: say what each mark stands for.
    """
    if not points:
        return
    at = np.array([place for place, _ in points])
    means = np.array([value.mean for _, value in points])
    ends = np.array([[math.nan if end is None else end for end in (value.low, value.high)] for _, value in points])
    style = _marker(look) | {"linestyle": "-" if line else "none", "linewidth": 1.1, "elinewidth": 1.1}
    x, y = (means, at) if horizontal else (at, means)
    errors = {"xerr" if horizontal else "yerr": np.abs(ends.T - means)}
    place = _dodged(ax, dodge, horizontal=horizontal)
    ax.errorbar(x, y, **errors, **style, ecolor=(look.colour, 0.6), label=look.label, transform=place, zorder=3)
    ax.update_datalim(np.column_stack([x, y]))  # matplotlib does not do this for marks with a transform
    ax.autoscale_view()
    if words is None:
        return
    for where, value in points:
        text = exact(value.mean, words.scale), span((value.low, value.high), words.scale)
        said = Value(words.quantity, look.label, words.at(where), *text)
        tell(ax, *((value.mean, where) if horizontal else (where, value.mean)), said, transform=place)


def edge_mark(ax: Axes, at: float, value: float, colour: str, said: Value | None = None) -> None:
    """Write ∞ with an arrow at the edge of a panel whose values run from left to right.

    Args:
        ax: panel.
        at: the place along the other axis.
        value: infinite.
        colour: of the text.
        said: what it stands for.
    """
    share, text, side = (0.99, "∞ →", "right") if value > 0 else (0.01, "← \N{MINUS SIGN}∞", "left")
    place = ax.get_yaxis_transform()
    ax.text(share, at, text, color=colour, ha=side, va="center", fontsize=9, transform=place, zorder=5)
    if said is not None:
        tell(ax, share, at, said, transform=place)


def seed_marks(
    ax: Axes, points: Sequence[tuple[float, float]], look: Look, *, horizontal: bool = False, dodge: float = 0.0
) -> None:
    """Draw small marks for the values of single seeds; for the arguments see :func:`interval_marks`."""
    if not points:
        return
    at, values = zip(*points, strict=True)
    ax.scatter(*((values, at) if horizontal else (at, values)), s=8, alpha=0.5, linewidths=0, color=look.colour,
               transform=_dodged(ax, dodge, horizontal=horizontal), zorder=3.5)  # fmt: skip


def _marker(look: Look) -> dict[str, Any]:
    return {
        "color": look.colour,
        "marker": look.marker,
        "markersize": 5,
        "markerfacecolor": look.colour if look.filled else "white",
        "markeredgewidth": 0.0 if look.filled else 1.0,
    }


def _dodged(ax: Axes, dodge: float, *, horizontal: bool) -> Transform:
    root = ax.get_figure(root=True)
    assert root is not None  # noqa: S101 (for the type checker: panels have a figure)
    move = (0.0, dodge / 72) if horizontal else (dodge / 72, 0.0)
    return ax.transData + ScaledTranslation(*move, root.dpi_scale_trans)
