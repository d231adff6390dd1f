"""Confidence intervals, lower confidence limits and p-values of estimates."""

from __future__ import annotations

import math
from typing import Any

from mi_cli.lazy import np, special

__all__ = ["SMALLEST_P", "interval", "lower_limit", "p_value"]

_TAIL_FROM = 100  # statistics, that of the rows included, from which the shape of a tail can be fitted
SMALLEST_P = 1e-12  # the smallest p-value: a printed one that equals it means "at most"
_NORMAL = 0.05  # the largest skewness for which the tail of a normal distribution is taken


def interval(value: float, error: float, level: float, freedom: float = math.inf) -> tuple[float, float]:
    """The two-sided confidence interval of an MI: the value, less and plus a multiple of its error.

    MI is never negative. The upper end is at least 0, so that every interval holds a value that MI can have. The lower
    end stays where it is, and may be negative as the value may.

    Args:
        value: in nats; it may be infinite.
        error: its standard error in nats.
        level: the confidence level, between 0 and 1.
        freedom: degrees of freedom of the error: Student's quantile; the normal one where they are infinite.

    Returns:
        Both ends in nats.

    >>> low, high = interval(1.0, 0.1, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.804, 1.196)
    >>> low, high = interval(-0.13, 0.045, 0.95)
    >>> round(low, 3), high
    (-0.218, 0.0)
    """
    quantile = special.ndtri(0.5 + level / 2) if math.isinf(freedom) else special.stdtrit(freedom, 0.5 + level / 2)
    half = float(quantile) * error
    return value - half, max(0.0, value + half)


def lower_limit(value: float, error: float, level: float) -> float:
    """The one-sided lower confidence limit, in nats, of a value with a normal error; arguments as of :func:`interval`.

    >>> round(lower_limit(1.0, 0.1, 0.95), 3)
    0.836
    """
    return value - float(special.ndtri(level)) * error


def p_value(null: np.ndarray[Any, Any], least: int = 19) -> float | None:
    r"""The p-value of no dependence: the share of re-pairings with at least the statistic of the rows.

    .. math:: p = \frac{1 + \#\{k : S_k \ge S_0\}}{1 + m}

    If no re-pairing has at least the statistic of the rows, the share says only that p is at most 1/(1 + m). With 99
    re-pairings or more, p is then the tail of the gamma distribution with their mean, spread and skewness (Pearson's
    type III), if that is smaller. It is never below
    ``SMALLEST_P`` = 1e-12, where the shape of the tail is unknown.

    Args:
        null: the statistic of the rows, then of m re-pairings, ``(1 + m,)``.
        least: the largest m for which there is no p-value: no p of .05 can come from so few.

    Returns:
        p, or None.

    Reference:
        Phipson & Smyth 2010 (arXiv 1603.05766), the share; Winkler et al. 2016 (NeuroImage 141, 502–516), the tail.

    >>> p_value(np.array([3.0, *range(19)]))
    0.85
    >>> p_value(np.array([4.0, *np.random.default_rng(0).normal(size=199)])) < 1e-3
    True
    """
    if len(null) <= least:
        return None
    share = float((null >= null[0]).mean())
    if share > 1 / len(null) or len(null) < _TAIL_FROM or null[1:].std() == 0:
        return share
    return min(share, max(SMALLEST_P, _pearson_tail(null[0], null[1:])))


def _pearson_tail(value: float, others: np.ndarray[Any, Any]) -> float:
    """The probability of at least ``value`` under Pearson's type III with the moments of ``others``."""
    z = (value - others.mean()) / others.std(ddof=1)
    skewness = float((((others - others.mean()) / others.std()) ** 3).mean())
    if skewness < _NORMAL:  # of a distribution that is skewed to the left, the normal tail is the longer one
        return float(special.ndtr(-z))
    shape = 4 / skewness**2
    return float(special.gammaincc(shape, max(0.0, shape + z * shape**0.5)))
