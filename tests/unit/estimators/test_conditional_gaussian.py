"""Gaussian MI given z: partial correlations, classes of z, its correction, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import given, value, value_given


def drawn(n=400, dim_z=2, rho=0.6, seed=0):
    """x and y whose partial correlation given z is rho, and which z moves as well."""
    random = np.random.default_rng(seed)
    z, (a, b) = random.standard_normal((n, dim_z)), random.standard_normal((2, n, 1))
    return z.sum(1, keepdims=True) + a, z[:, :1] + rho * a + math.sqrt(1 - rho**2) * b, z


def of_correlation(r):
    return -0.5 * math.log(1 - r**2)


def test_plug_in_is_that_of_the_partial_correlation():
    x, y, z = drawn()
    inverse = np.linalg.inv(np.cov(np.hstack([x, y, z]).T))
    partial = -inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1])
    assert value_given("gaussian", x, y, z, correct=False) == pytest.approx(of_correlation(partial))


def test_correction_removes_the_bias():
    # Of 12 rows and 3 columns of z the plug-in is too large by .09 nats; the mean of 600 has an error of .004.
    values = [value_given("gaussian", *drawn(n=12, dim_z=3, rho=0, seed=seed)) for seed in range(600)]
    assert np.mean(values) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_classes_of_z_have_covariances_of_their_own(name):
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 2000, 1))
    label = (random.random((2000, 1)) < 0.3).astype(float)
    y = np.where(label, 0.9 * a + math.sqrt(0.19) * b, b) + 5 * label
    assert value_given(name, a, y, label) == pytest.approx(0.249110, abs=0.06)  # 3 standard errors
    parts = [label[:, 0] == one for one in (0, 1)]
    apart = sum(part.mean() * value(name, a[part], y[part]) for part in parts)
    assert value_given(name, a, y, label) == pytest.approx(apart)


def test_copula_takes_any_regression_on_z():
    random = np.random.default_rng(1)
    z, a, b = random.standard_normal((3, 1000, 1))
    x, y = 2 * np.sin(2 * z) + a, z**2 + 0.6 * a + 0.8 * b
    found = value_given("copula", x, y, z)
    assert found == pytest.approx(of_correlation(0.6), abs=0.07)
    assert value_given("copula", x**3, np.exp(y), np.exp(z)) == pytest.approx(found, abs=1e-9)
    assert value_given("gaussian", x, y, z) < 0.15  # the regression is not linear


def test_small_classes_are_left_out():
    x, y, z = drawn(n=100, dim_z=1)
    label = np.zeros((100, 1))
    label[:2] = 1
    found = given("gaussian", x, y, np.hstack([z, label]))
    assert found.reason == "2 of 100 rows are left out, as their classes of z have too few"
    assert found.value == pytest.approx(value_given("gaussian", x[2:], y[2:], z[2:]))


def test_columns_that_z_determines_are_refused():
    _, y, z = drawn()
    found = given("gaussian", 2 * z[:, :1] + 1, y, z)
    assert found.status == "failed"
    assert "column 0 of x is a function of z" in found.reason


def test_infinite_where_x_and_y_determine_each_other_given_z():
    x, _, z = drawn()
    found = given("gaussian", x, x + z[:, :1], z)
    assert found.value == math.inf
    assert "given z, y is a linear function of x" in found.reason


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_p_value_keeps_its_level_under_confounding(name):
    # 5 % of 60 samples are 3; 10 or more are seen by chance in 1e-3.
    p_values = []
    for seed in range(60):
        z, a, b = np.random.default_rng(seed).standard_normal((3, 100, 1))
        p_values.append(given(name, 2 * z + a, 2 * z + b, z, permutations=39).p_value)
    assert sum(p <= 0.05 for p in p_values) < 10
    assert given(name, *drawn(), permutations=39).p_value <= 0.05


def test_interval_holds_the_truth():
    held = []
    for seed in range(300):
        found = given("gaussian", *drawn(n=200, seed=seed))
        held.append(found.ci_low <= of_correlation(0.6) <= found.ci_high)
    assert 0.9 < np.mean(held) < 0.99


def test_blocks_widen_the_error():
    x, y, z = (np.repeat(side, 4, 0) for side in drawn(n=100))
    block = np.arange(400) // 4
    one, other = given("gaussian", x, y, z, block=block), given("gaussian", x, y, z)
    assert one.stderr > 1.7 * other.stderr
