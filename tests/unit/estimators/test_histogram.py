"""Counts in cells: values by hand, corrections, discrete columns, and cells that are too many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import estimate, gaussian_mi, gaussian_sides, value, whole
from sklearn.metrics import mutual_info_score


def table(n=2000, seed=0):
    """Two dependent labels, and their MI."""
    p = np.array([[0.3, 0.1, 0.05], [0.05, 0.2, 0.3]])
    cells = np.random.default_rng(seed).choice(6, n, p=p.ravel())
    truth = float((p * np.log(p / (p.sum(1, keepdims=True) * p.sum(0)))).sum())
    return cells // 3 * 1.0, cells % 3 * 1.0, truth


def test_value_of_many_rows_is_the_plug_in_of_scikit_learn_and_its_first_correction():
    x, y, _ = table()
    expected = mutual_info_score(x, y) - (2 - 1) * (3 - 1) / (2 * 2000)
    assert value("histogram", x[:, None], y[:, None]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("n", [60, 2000])
def test_corrected_value_is_near_the_truth_on_labels(n):
    # The mean of 100 estimates; false alarms: 1e-6 (4.9 standard errors), beside .01 or so of the prior at 60 rows.
    found = [value("histogram", *(side[:, None] for side in table(n, seed)[:2])) for seed in range(100)]
    assert abs(np.mean(found) - table()[2]) < 4.9 * np.std(found, ddof=1) / 10 + 1 / n


def test_values_of_discrete_columns_are_their_cells_whatever_the_bins():
    x, y, _ = table()
    one, other = (value("histogram", x[:, None], y[:, None], bins=bins) for bins in (2, "auto"))
    assert one == other
    recoded = np.array([5.0, -1.0])[x.astype(int)], np.array([0.1, 1e6, 3.0])[y.astype(int)]
    assert value("histogram", recoded[0][:, None], recoded[1][:, None]) == pytest.approx(one)


def test_label_of_a_continuous_column():
    # y = 1 for x > 0, which is one bit; false alarms: 1e-6 of 9 degrees of freedom (11 standard errors).
    x, _ = gaussian_sides(3000, 0.0)
    found = estimate("histogram", whole(x, np.sign(x)))
    assert abs(found.value - math.log(2)) < 11 * found.stderr + 0.03  # of the one bin that the border cuts


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_value_is_near_the_truth(rho):
    # False alarms: 1e-6 (11 standard errors of 9 degrees of freedom), beside what so few bins lose.
    found = estimate("histogram", whole(*gaussian_sides(20_000, rho)))
    assert abs(found.value - gaussian_mi(rho)) < 11 * found.stderr + 0.02
    assert found.stderr < 0.01


def test_quantile_bins_do_not_change_under_increasing_maps():
    x, y = gaussian_sides(2000, 0.7)
    assert value("histogram", np.exp(x), y**3) == value("histogram", x, y)
    assert value("histogram", np.exp(x), y**3, edges="width") != value("histogram", x, y, edges="width")


def test_more_bins_lose_less():
    x, y = gaussian_sides(50_000, 0.9)
    values = [value("histogram", x, y, bins=bins) for bins in (2, 4, 8, 16, 32)]
    assert values == sorted(values)
    # Two halves of each: the sign of x against the sign of y.
    p = 0.25 + math.asin(0.9) / (2 * math.pi)
    expected = 2 * p * math.log(4 * p) + 2 * (0.5 - p) * math.log(4 * (0.5 - p))
    assert values[0] == pytest.approx(expected, abs=0.02)  # 5 standard errors


def test_ceiling_is_the_entropy_and_reached_by_equal_sides():
    x, y = gaussian_sides(2000, 0.8)
    equal, near = estimate("histogram", whole(x, x), bins=8), estimate("histogram", whole(x, y), bins=8)
    assert equal.value == pytest.approx(equal.ceiling)
    assert equal.ceiling == pytest.approx(math.log(8), abs=1e-3)
    assert near.value < near.ceiling


def test_no_more_cells_than_rows():
    found = estimate("histogram", whole(*gaussian_sides(500, 0.5, dim=5)))
    assert found.status == "failed"
    assert found.reason.startswith("10 continuous columns of 4 bins and 1 cells of discrete ones make 1.05e+06 cells")
    many = estimate("histogram", whole(*gaussian_sides(500, 0.5)), bins=23)
    assert many.reason.endswith("529 cells for 500 rows; use fewer columns or bins, or at least 529 rows")
    assert estimate("histogram", whole(*gaussian_sides(500, 0.5)), bins=22).status == "ok"
