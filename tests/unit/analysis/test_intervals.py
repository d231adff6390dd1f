"""Means with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mi_cli.analysis.intervals import Interval, mean_interval

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20)


@given(VALUES, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_interval_is_that_of_scipy(values, level):
    found = mean_interval(values, level)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.sd == pytest.approx(np.std(values, ddof=1), abs=1e-9)
    assert found.n == len(values)
    if found.sd > 1e-9:
        expected = stats.t.interval(level, len(values) - 1, found.mean, found.sd / len(values) ** 0.5)
        assert (found.low, found.high) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_single_value_has_no_interval():
    assert mean_interval([2.5]) == Interval(2.5, None, None, None, 1)


def test_equal_values_have_an_interval_without_width():
    found = mean_interval([3.0] * 4)
    assert (found.low, found.high, found.sd) == (3, 3, 0)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_interval_covers_the_truth_as_often_as_it_says(n):
    # 4,000 intervals: the share is known to 0.35 %. False alarms: 2e-5 (4.3 sigma), were the seed not fixed.
    samples = np.random.default_rng(n).normal(size=(4000, n))
    found = [mean_interval(row.tolist()) for row in samples]
    assert abs(np.mean([interval.low <= 0 <= interval.high for interval in found]) - 0.95) < 0.015
