"""Intervals, confidence limits and p-values of an estimate."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaincc, ndtr, ndtri

__all__ = ["interval", "lower_limit", "p_value"]


_TAIL_FROM = 100  # statistics, the rows' own among them, that tell the shape of a tail


_SMALLEST_P = 1e-12


_NORMAL = 0.05  # skewness, up to which a distribution counts as normal


def interval(value: float, error: float, level: float) -> tuple[float, float]:
    """The two-sided interval of a value with a normal error."""
    half = float(ndtri(0.5 + level / 2)) * error
    return value - half, value + half


def lower_limit(value: float, error: float, level: float) -> float:
    """The one-sided lower confidence limit of a value with a normal error."""
    return value - float(ndtri(level)) * error


def p_value(null: np.ndarray[Any, Any], least: int = 19) -> float | None:
    r"""The share of re-pairings whose statistic is at least that of the rows, counting the rows themselves.

    .. math:: p = \frac{1 + \#\{k : S_k \ge S_0\}}{1 + m}

    Where none is, which says only that p is at most 1/(1 + m), it is the tail of the gamma distribution with the mean,
    spread and skewness of 99 re-pairings or more, if that is less (Pearson's type III), and at least 1e-12, beyond
    which nothing vouches for the shape. None below ``least`` re-pairings, which no p of .05 can come from.

    Phipson & Smyth 2010 (arXiv 1603.05766), of the share; Winkler et al. 2016 (NeuroImage 141, 502-516), of the tail.

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
    return min(share, max(_SMALLEST_P, _pearson_tail(null[0], null[1:])))


def _pearson_tail(value: float, others: np.ndarray[Any, Any]) -> float:
    z = (value - others.mean()) / others.std(ddof=1)
    skewness = float((((others - others.mean()) / others.std()) ** 3).mean())
    if skewness < _NORMAL:  # skewed to the left, the normal tail is the longer one
        return float(ndtr(-z))
    shape = 4 / skewness**2
    return float(gammaincc(shape, max(0.0, shape + z * shape**0.5)))
