"""Residuals of regressions on z: those of fits to the other rows, and what they remove."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.estimators.residuals import linear_residuals, refuse_determined, smooth_residuals
from mi_cli.estimators.training_free import Unmeasurable


def drawn(n=120, dim_z=2, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, dim_z)), random.standard_normal((n, 1)), random


def test_linear_residuals_are_those_of_least_squares():
    z, noise, _ = drawn()
    side = np.hstack([z @ [[1.0], [2.0]] + noise, noise])
    design = np.hstack([np.ones((120, 1)), z])
    expected = side - design @ np.linalg.lstsq(design, side, rcond=None)[0]
    assert linear_residuals(side, z) == pytest.approx(expected)


def test_columns_of_z_that_are_sums_of_others_add_nothing():
    z, noise, _ = drawn()
    assert linear_residuals(noise, np.hstack([z, z.sum(1, keepdims=True)])) == pytest.approx(linear_residuals(noise, z))


def test_of_a_linear_dependence_each_residual_is_that_of_a_fit_to_the_other_rows():
    z, noise, random = drawn(n=30, dim_z=1)
    side = 3 * z + 1e-3 * np.sign(noise)
    found = smooth_residuals(side, z, random)
    for row in range(30):
        others = np.arange(30) != row
        slope, constant = np.polyfit(z[others, 0], side[others, 0], 1)
        # A kernel is used where it predicts other rows better, which it hardly can here.
        assert found[row, 0] == pytest.approx(side[row, 0] - slope * z[row, 0] - constant, abs=1e-3)


@pytest.mark.parametrize("dim_z", [1, 3])
def test_a_smooth_function_of_z_is_removed(dim_z):
    z, noise, random = drawn(n=800, dim_z=dim_z)
    smooth = np.sin(2 * z).sum(1, keepdims=True) * 3
    left = smooth_residuals(smooth + noise, z, random)
    assert np.var(left - noise) < 0.1 * np.var(smooth)


def test_nothing_is_removed_of_noise():
    z, noise, random = drawn(n=800)
    assert np.var(smooth_residuals(noise, z, random) - noise) < 0.02


def test_too_few_rows_are_centred():
    z, noise, random = drawn(n=12)
    assert smooth_residuals(noise, z, random) == pytest.approx(noise - noise.mean())


def test_a_function_of_one_combination_of_columns_is_removed():
    z, noise, random = drawn(n=800, dim_z=5)
    smooth = 1.4 * np.sin(2 * z.sum(1, keepdims=True) / 5**0.5)
    assert np.var(smooth_residuals(smooth + noise, z, random) - noise) < 0.15 * np.var(smooth)


def test_the_scale_that_z_predicts_is_divided_by():
    z, noise, random = drawn(n=1000)
    scale = np.exp(0.7 * z[:, :1])
    left = smooth_residuals(z[:, 1:] + scale * noise, z, random)
    assert np.corrcoef(np.log(np.abs(left[:, 0])), z[:, 0])[0, 1] == pytest.approx(0, abs=0.1)
    assert np.corrcoef(left[:, 0], noise[:, 0])[0, 1] > 0.95


def test_of_equal_spread_the_scale_stays():
    z, noise, random = drawn(n=400)
    left = smooth_residuals(np.hstack([noise, 5 * noise]), z, random)
    assert left[:, 1] == pytest.approx(5 * left[:, 0])  # the same fit, and no division


def test_a_column_of_which_nothing_is_left_is_refused():
    z, noise, random = drawn()
    side = np.hstack([noise, z @ [[1.0], [2.0]]])
    with pytest.raises(Unmeasurable, match="column 1 of y is a function of z"):
        refuse_determined("y", smooth_residuals(side, z, random), side)
