"""The gamma-exponential distribution: scipy's densities and moments against its closed form."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from examples import fault_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from mi_cli.datasets.gamma_exponential import GammaExponential
from mi_cli.errors import Fault

ROWS = 20_000


def draw(n=ROWS, **fields):
    rows = GammaExponential(**fields).sample(n, torch.Generator().manual_seed(0), torch.float64)
    return [part.numpy() for part in rows]


@pytest.mark.parametrize("theta", [0.5, 1.0, 4.0, 100.0])
def test_log_density_ratio_of_the_rows_has_that_mean(theta):
    # False alarms: 1e-5 (4.4 standard errors) each.
    x, y = draw(theta=theta)
    ratios = stats.expon(scale=1 / x).logpdf(y) - stats.lomax(theta).logpdf(y)
    assert abs(ratios.mean() - GammaExponential(theta=theta).true_mi()) < 4.4 * ratios.std() / ROWS**0.5


@pytest.mark.parametrize("theta", [0.5, 1.0, 4.0])
def test_columns_have_their_distribution(theta):
    # Kolmogorov and Smirnov; false alarms: 1e-5 each.
    x, y = draw(theta=theta, dim=2)
    for column in range(2):
        assert stats.kstest(x[:, column], stats.gamma(theta).cdf).pvalue > 1e-5
        assert stats.kstest(y[:, column], stats.lomax(theta).cdf).pvalue > 1e-5
        assert stats.kstest((x * y)[:, column], stats.expon.cdf).pvalue > 1e-5


def test_logarithms_are_those_of_the_same_rows_also_where_rows_are_tiny():
    for plain, log in zip(draw(theta=2.0), draw(theta=2.0, map="log"), strict=True):
        np.testing.assert_allclose(np.log(plain), log, rtol=1e-9, atol=1e-9)
    x, y = draw(theta=0.01, map="log")
    assert np.isfinite([x, y]).all()
    # Far below 1, ln x is exponential with rate θ: false alarms 1e-5.
    assert stats.kstest(-x[x < -10] - 10, stats.expon(scale=100).cdf).pvalue > 1e-5


@given(st.floats(1e-3, 5), st.integers(1, 4))
def test_shape_makes_the_information_that_is_asked_for(mi, dim):
    assert GammaExponential(mi=mi * dim, dim=dim, map="log").true_mi() == pytest.approx(mi * dim, rel=1e-9)


def test_published_values():
    # ψ(2) = 1 − γ and ψ(3) = 3/2 − γ.
    assert GammaExponential(theta=1.0).true_mi() == pytest.approx(1 - np.euler_gamma)
    assert GammaExponential(theta=2.0).true_mi() == pytest.approx(1.5 - np.euler_gamma - math.log(2))
    assert GammaExponential().true_mi(noise=0.1) is None


def refused(**fields) -> Fault:
    with pytest.raises(ValidationError) as error:
        GammaExponential(**fields)
    return fault_of(error.value)


def test_what_float32_cannot_hold_is_one_line():
    fault = refused(theta=0.3)
    assert (fault.key, fault.value, fault.accepted) == ("dataset.theta", 0.3, "at least 0.5, or dataset.map=log")
    fault = refused(mi=2)
    assert (fault.key, fault.value, fault.accepted[:22]) == ("dataset.mi", 2, "between 5e-05 and 0.72")
    fault = refused(mi=2, theta=3, map="log")
    assert re.fullmatch(r"makes dataset\.theta=0\.0\d+, not dataset\.theta=3", fault.problem)
