"""Gaussian MI from canonical correlations: closed forms, invariances, and its correction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import estimate, gaussian_mi, gaussian_sides, value, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_cli.estimators.canonical_correlations import canonical, excess_kurtosis, small_sample_bias


def drawn(n=300, dim_x=3, dim_y=2, seed=0):
    random = np.random.default_rng(seed)
    z = random.standard_normal((n, dim_x + dim_y)) @ random.standard_normal((dim_x + dim_y,) * 2)
    return z[:, :dim_x], z[:, dim_x:]


def test_plug_in_is_that_of_the_determinants():
    x, y = drawn()
    log_det = [np.linalg.slogdet(np.cov(side.T))[1] for side in (x, y, np.concatenate([x, y], 1))]
    assert value("gaussian", x, y, correct=False) == pytest.approx((log_det[0] + log_det[1] - log_det[2]) / 2)


def test_of_one_column_each_it_is_that_of_the_correlation():
    x, y = drawn(dim_x=1, dim_y=1)
    r = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
    assert value("gaussian", x, y, correct=False) == pytest.approx(-0.5 * math.log(1 - r**2))


def test_canonical_variables_are_uncorrelated_but_in_pairs():
    x, y = drawn()
    u, v, r = canonical(x, y)
    covariance = np.cov(np.concatenate([u, v], 1).T)
    expected = np.block([[np.eye(2), np.diag(r)], [np.diag(r), np.eye(2)]])
    assert covariance == pytest.approx(expected, abs=1e-10)
    assert (np.diff(r) <= 0).all()


def test_kurtosis_of_normal_columns_is_that_of_normal_columns():
    # 20 samples; the statistic is nearly normal. False alarms: 20 times .0001.
    for seed in range(20):
        assert abs(excess_kurtosis(np.hstack(drawn(2000, seed=seed)))) < 4


def test_kurtosis_shows_columns_that_are_normal_one_by_one_alone():
    random = np.random.default_rng(0)
    z = random.standard_normal(2000)
    signs = random.choice([-1.0, 1.0], 2000)
    one_by_one = np.column_stack([z, signs * z])  # normal columns, uncorrelated, |x| = |y|
    assert excess_kurtosis(one_by_one) > 10


def test_columns_that_are_sums_of_others_have_no_part_in_the_kurtosis():
    x, _ = drawn()
    assert excess_kurtosis(np.column_stack([x, x.sum(1)])) == pytest.approx(excess_kurtosis(x))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_invertible_linear_maps_change_nothing(seed):
    random = np.random.default_rng(seed)
    x, y = drawn(seed=seed)
    a, b = random.standard_normal((3, 3)) + 3 * np.eye(3), random.standard_normal((2, 2)) + 3 * np.eye(2)
    assert value("gaussian", x @ a + 100, y @ b) == pytest.approx(value("gaussian", x, y), abs=1e-8)


def test_copula_does_not_change_under_increasing_maps():
    x, y = drawn()
    mapped = np.exp(x), y**3
    assert value("copula", *mapped) == value("copula", x, y)
    assert abs(value("gaussian", *mapped) - value("gaussian", x, y)) > 0.05


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_sides_may_be_swapped_and_rows_shuffled(name):
    x, y = drawn()
    order = np.random.default_rng(0).permutation(len(x))
    assert value(name, y, x) == pytest.approx(value(name, x, y), abs=1e-12)
    assert value(name, x[order], y[order]) == pytest.approx(value(name, x, y), abs=1e-12)


@pytest.mark.parametrize(("rho", "dim"), [(0.0, 1), (0.0, 6), (0.5, 3), (0.9, 2)])
def test_corrected_value_is_unbiased_however_few_the_rows(rho, dim):
    # The mean of 400 estimates from 20 rows; false alarms: 1e-6 (4.9 standard errors).
    values = np.array([value("gaussian", *gaussian_sides(20, rho, seed, dim)) for seed in range(400)])
    error = values.std(ddof=1) / 20
    assert abs(values.mean() - gaussian_mi(rho, dim)) < 4.9 * error
    assert small_sample_bias(20, dim, dim) > 4.9 * error  # so that the plug-in would be found out


def test_bias_is_about_the_product_of_the_dimensions_over_twice_the_rows():
    assert small_sample_bias(10**6, 3, 4) == pytest.approx(12 / (2 * 10**6), rel=1e-4)
    assert small_sample_bias(50, 3, 4) == pytest.approx(small_sample_bias(50, 4, 3))


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_standard_error_is_that_of_the_spread(name):
    # 300 estimates: their spread is known to 4 %, so that false alarms are 1e-6 outside of .8 and 1.25.
    found = [estimate(name, whole(*gaussian_sides(500, 0.6, seed, 2))) for seed in range(300)]
    spread = np.std([one.value for one in found], ddof=1)
    assert 0.8 < spread / np.mean([one.stderr for one in found]) < 1.25


def test_gaussian_error_is_right_for_rows_that_are_not_gaussian():
    # x has heavy tails, for which normal theory would say |ρ|/√n; bounds as above.
    found = []
    for seed in range(300):
        random = np.random.default_rng(seed)
        z, scale = random.standard_normal((2, 500, 1)), np.sqrt(10 / random.chisquare(10, (500, 1)))
        found.append(estimate("gaussian", whole(z[0] * scale, (0.6 * z[0] + 0.8 * z[1]) * scale)))
    spread = np.std([one.value for one in found], ddof=1)
    assert 0.8 < spread / np.mean([one.stderr for one in found]) < 1.25
    assert spread > 1.1 * 0.6 / 500**0.5


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_rows_that_are_too_few_are_refused(name):
    found = estimate(name, whole(*drawn(6)))
    assert (found.status, found.reason) == ("failed", "6 rows; x and y of 3 + 2 columns need at least 7")
    assert estimate(name, whole(*drawn(7, seed=1))).status == "ok"


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_columns_that_others_add_up_to_add_nothing(name):
    x, y = drawn()
    column = x[:, :1] + x[:, 1:2] if name == "gaussian" else np.exp(x[:, :1])
    found, plain = estimate(name, whole(np.concatenate([x, column], 1), y)), estimate(name, whole(x, y))
    assert found.reason == "1 of the 4 columns of x are sums of others and add nothing"
    assert found.value == pytest.approx(plain.value, abs=1e-9)
    assert found.stderr == pytest.approx(plain.stderr, rel=1e-6)


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_linear_function_has_infinite_information_and_says_so(name):
    x, other = gaussian_sides(300, 0.5, dim=2)
    cases = {
        "y is a linear function of x": (x[:, :1], 2.54 * x[:, :1] + 3),
        "x is a linear function of y": (x[:, :1], np.concatenate([1 - x[:, :1], other], 1)),
        "a linear combination of the columns of x equals one of y": (x, np.concatenate([x[:, :1], other[:, :1]], 1)),
    }
    for reason, sides in cases.items():
        found = estimate(name, whole(*sides), permutations=19)
        assert (found.status, found.reason) == ("ok", f"{reason}: the MI is infinite")
        assert (found.value, found.stderr, found.ci_low, found.ci_high) == (math.inf, 0, math.inf, math.inf)
        assert found.p_value is None


def test_increasing_function_is_infinite_by_its_ranks():
    x, _ = gaussian_sides(300, 0.5)
    found = estimate("copula", whole(x, np.exp(x)))
    assert (found.status, found.value) == ("ok", math.inf)
    assert found.reason == "the ranks of x and y determine each other: the MI is infinite, or more than 300 rows show"
    assert math.isfinite(value("gaussian", x, np.exp(x)))


@pytest.mark.parametrize("name", ["gaussian", "copula"])
def test_strong_dependence_is_finite(name):
    x, noise = gaussian_sides(5000, 0.0)
    assert value(name, x, x + 1e-3 * noise) == pytest.approx(0.5 * math.log(1 + 1e6), abs=0.5)
