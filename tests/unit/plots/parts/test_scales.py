"""Limits and scales of axes."""

from __future__ import annotations

from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts import scales


def test_wide_intervals_are_cut_and_means_are_not() -> None:
    points = [Interval(0.0, -100.0, 100.0, 1.0, 2), Interval(1.0, 0.9, 1.1, 0.1, 2)]
    (low, high), cut = scales.value_limits(points, [2.0], 0.1)
    assert cut
    assert -10 < low < 0 < 2 < high < 10


def test_zeros_by_rounding_do_not_stretch_a_log_axis() -> None:
    low, high = scales.log_limits([1e-31, 0.0, 0.01, 0.1])
    assert 1e-3 < low < 0.01
    assert 0.1 < high < 1
