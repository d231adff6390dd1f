"""The values that a figure's marks stand for: what a report shows when one points at a mark, and in a table below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

__all__ = ["FIELDS", "Value", "exact", "span", "tell", "told"]

FIELDS = ("series", "at", "quantity", "value", "interval")  # of a value, in this order


@dataclass(frozen=True)
class Value:
    """What a mark stands for, in words.

    Args:
        quantity: what is measured, with its unit, such as ``estimate (nats)``.
        series: whose it is, such as ``MINE``.
        at: where, such as ``ρ = 0.6``.
        value: the number.
        interval: of the number; an empty text where there is none.
    """

    quantity: str
    series: str
    at: str
    value: str
    interval: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of :data:`FIELDS`."""
        return self.series, self.at, self.quantity, self.value, self.interval


_TOLD: WeakKeyDictionary[Figure, list[tuple[Transform, float, float, Value]]] = WeakKeyDictionary()


def tell(ax: Axes, x: float, y: float, value: Value, *, transform: Transform | None = None) -> None:
    """Say what the mark at ``(x, y)`` of a panel stands for.

    Args:
        ax: panel.
        x: in the coordinates of ``transform``.
        y: likewise.
        value: of the mark.
        transform: of the mark; that of the panel's data unless given.
    """
    root = ax.get_figure(root=True)
    assert root is not None  # noqa: S101 (for the type checker: panels have a figure)
    _TOLD.setdefault(root, []).append((transform or ax.transData, x, y, value))


def told(figure: Figure) -> list[tuple[float, float, Value]]:
    """The values that a figure's marks stand for, with the places of the marks.

    Returns:
        Triples ``(x, y, value)``: the shares of the figure's width, from its left, and of its height, from its top.
        Marks that lie outside of the figure are left out.
    """
    box = figure.bbox
    found = []
    for transform, x, y, value in _TOLD.get(figure, []):
        across, up = transform.transform((x, y))
        right, down = (across - box.x0) / box.width, 1 - (up - box.y0) / box.height
        if 0 <= right <= 1 and 0 <= down <= 1:  # not for NaN either
            found.append((float(right), float(down), value))
    return found


def exact(value: float | None, scale: float = 1.0) -> str:
    """Return a number with four significant digits, multiplied by ``scale``; an empty text for None and NaN."""
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    return f"{scale * value:.4g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "\N{MINUS SIGN}")


def span(ends: Sequence[float | None], scale: float = 1.0) -> str:
    """Return an interval as text; an empty text where an end is not known."""
    low, high = (exact(end, scale) for end in ends)
    return f"[{low}, {high}]" if low and high else ""
