"""Values and their intervals as a small picture (SVG), which takes the colours of the page it is on."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mi_cli.display.numbers import interval_text, number

__all__ = ["Drawn", "intervals_svg"]

_COLOUR = "#3a86c8"  # at least 3:1 against white and against black
_LABELS, _PLOT, _MARGIN, _ROW, _AXIS = 120, 300, 40, 22, 26  # pixels
_LONGEST = 17  # characters of a label


@dataclass(frozen=True)
class Drawn:
    """A value with its interval, in the unit of the picture.

    Attributes:
        label: what it is a value of; may be empty.
        value: None where only the interval is known.
        low: the lower end of the interval; None without one.
        high: its upper end.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


def intervals_svg(rows: Sequence[Drawn], units: str, level: float = 0.95) -> str:
    """A picture with a row for each value, on one axis from 0 or below. Screen readers get its numbers as text.

    Args:
        rows: the values. What is infinite is drawn to the right end of the axis, with an arrow.
        units: of the values, which label the axis.
        level: of the intervals, for the text.
    """
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None and math.isfinite(end)]
    least, most = min([0.0, *ends]), max([0.0, *ends])
    span = (most - least) or 1.0

    left = _LABELS if any(row.label for row in rows) else _MARGIN

    def place(value: float) -> float:
        return left + _PLOT * (min(max((value - least) / span, 0.0), 1.0) if math.isfinite(value) else 1.0)

    bottom = _ROW * len(rows)
    parts = [_row(row, _ROW * (number_of + 0.5), place) for number_of, row in enumerate(rows)]
    ticks = dict.fromkeys((least, 0.0, most))
    axis = [f'<path d="M{left} {bottom + 4}h{_PLOT}" stroke="currentColor" stroke-opacity=".5"/>']
    for tick in ticks:
        axis.append(f'<path d="M{place(tick):.1f} {bottom + 1}v6" stroke="currentColor" stroke-opacity=".5"/>')
        text = f"{number(tick, most)} {units}" if tick == most else number(tick, most)
        axis.append(f'<text x="{place(tick):.1f}" y="{bottom + 20}" text-anchor="middle">{html.escape(text)}</text>')
    said = "; ".join(_said(row, units, level) for row in rows)
    width, height = left + _PLOT + _MARGIN, bottom + _AXIS
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{html.escape(said)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" fill="currentColor" font-family="system-ui, sans-serif" '
        f'font-size="12"><title>{html.escape(said)}</title>{"".join([*parts, *axis])}</svg>'
    )


def _row(row: Drawn, y: float, place: Callable[[float], float]) -> str:
    label = row.label if len(row.label) <= _LONGEST else row.label[: _LONGEST - 1] + "…"
    parts = [f'<text x="{_LABELS - 12}" y="{y + 4}" text-anchor="end">{html.escape(label)}</text>']
    if row.low is not None and row.high is not None:
        x, end = place(row.low), place(row.high)
        ends = f"M{x:.1f} {y - 5}v10" + ("" if math.isinf(row.high) else f"M{end:.1f} {y - 5}v10")
        arrow = f"M{end - 6:.1f} {y - 5}l6 5l-6 5" if math.isinf(row.high) else ""
        line = f"M{x:.1f} {y}H{end:.1f}{ends}{arrow}"
        parts.append(f'<path d="{line}" stroke="{_COLOUR}" stroke-width="2" fill="none"/>')
    if row.value is not None:
        parts.append(f'<circle cx="{place(row.value):.1f}" cy="{y}" r="4.5" fill="{_COLOUR}"/>')
    return "".join(parts)


def _said(row: Drawn, units: str, level: float) -> str:
    label = f"{row.label}: " if row.label else ""
    return label + interval_text(row.value, row.low, row.high, units, level)
