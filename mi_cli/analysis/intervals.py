"""Means over seeds with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mi_cli.lazy import special

__all__ = ["Interval", "mean_interval", "share_interval"]


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided interval; ``low``, ``high`` and ``sd`` are None for a single value."""

    mean: float
    low: float | None
    high: float | None
    sd: float | None
    n: int


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's t interval for the mean of independent ``values`` (finite, at least one).

    >>> interval = mean_interval([1.0, 2.0, 3.0])
    >>> interval.mean, round(interval.low, 4), round(interval.high, 4)
    (2.0, -0.4841, 4.4841)
    """
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, None, None, None, 1)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(special.stdtrit(n - 1, 0.5 + level / 2)) * sd / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, sd, n)


def share_interval(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share, from ``count`` of ``n`` (at least one) in a sample.

    >>> [round(end, 4) for end in share_interval(95, 100)]
    [0.8882, 0.9785]
    """
    z2 = float(special.ndtri(0.5 + level / 2)) ** 2
    middle, half = count + z2 / 2, math.sqrt(z2 * (count * (n - count) / n + z2 / 4))
    return max(0.0, (middle - half) / (n + z2)), min(1.0, (middle + half) / (n + z2))
