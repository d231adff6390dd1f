"""Intervals that hold a value of MI, and the floor of p-values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mi_cli import bounds


@pytest.mark.parametrize("value", [-2.0, -0.13, 0.0, 0.3, 40.0])
@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("freedom", [2, 9, math.inf])
def test_interval_is_that_of_student_and_reaches_zero_or_more(value, level, freedom):
    low, high = bounds.interval(value, 0.045, level, freedom)
    quantile = stats.norm.ppf(0.5 + level / 2) if math.isinf(freedom) else stats.t.ppf(0.5 + level / 2, freedom)
    assert low == pytest.approx(value - 0.045 * quantile)
    assert high == pytest.approx(max(0, value + 0.045 * quantile))
    assert low <= value
    assert high >= 0


def test_interval_of_an_infinite_value_is_that_value():
    assert bounds.interval(math.inf, 0.0, 0.95) == (math.inf, math.inf)


def test_smallest_p_value_is_its_public_floor():
    null = np.array([1e6, *np.random.default_rng(0).normal(size=199)])
    assert bounds.p_value(null) == bounds.SMALLEST_P == 1e-12
