"""Numbers in sentences."""

from __future__ import annotations

import math

__all__ = ["interval_text", "number", "p_text"]

_LARGE = 0.1  # from which on two digits behind the point are enough
_SMALLEST_P = 1e-4  # that is said


def number(value: float, largest: float | None = None) -> str:
    """A number with two or three digits behind the point; how many, the largest of its kind says.

    >>> number(0.2512), number(0.0512), number(0.0512, largest=2), number(float("inf"))
    ('0.25', '0.051', '0.05', 'infinity')
    """
    if math.isinf(value):
        return "infinity" if value > 0 else "−infinity"
    scale = value if largest is None or math.isinf(largest) else largest
    text = f"{value:.{2 if abs(scale) >= _LARGE else 3}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def interval_text(value: float | None, low: float | None, high: float | None, units: str, level: float = 0.95) -> str:
    """A value with its interval.

    >>> interval_text(0.2512, 0.192, 0.314, "nats")
    '0.25 nats (95 %: 0.19 to 0.31)'
    >>> interval_text(None, 0.0, 2.0, "bits"), interval_text(0.5, None, None, "nats")
    ('0.00 to 2.00 bits (95 %)', '0.50 nats')
    """
    largest = max((abs(end) for end in (value, low, high) if end is not None and math.isfinite(end)), default=1.0)
    percent = f"{100 * level:g} %"
    ends = None if low is None or high is None else f"{number(low, largest)} to {number(high, largest)}"
    if value is None:
        return "no value" if ends is None else f"{ends} {units} ({percent})"
    text = f"{number(value, largest)} {units}"
    return text if ends is None else f"{text} ({percent}: {ends})"


def p_text(p: float) -> str:
    """A p-value with its sign.

    >>> p_text(0.0234), p_text(3e-12)
    ('p = 0.023', 'p < 1e-4')
    """
    return "p < 1e-4" if p < _SMALLEST_P else f"p = {p:.2g}"
