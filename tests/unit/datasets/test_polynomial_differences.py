"""Differences of powers, and what can be predicted from them in the population."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.polynomial.legendre import leggauss

from mi_cli.datasets.polynomial_differences import PolynomialDifferences

NODES, WEIGHTS = leggauss(200)  # exact for polynomials of degree 399
WEIGHTS = WEIGHTS / 2  # of a label that is uniform in (−1, 1)


def features(label, **fields):
    return PolynomialDifferences(**fields).features(torch.from_numpy(label).unsqueeze(1)).numpy()


def linear_floor(noise, **fields):
    """Mean squared error of the best linear prediction of the label, in the population."""
    x = features(NODES, **fields)
    centred = x - WEIGHTS @ x
    covariance = (centred * WEIGHTS[:, None]).T @ centred + noise**2 * np.eye(x.shape[1])
    with_label = centred.T @ (WEIGHTS * NODES)
    return 1 / 3 - with_label @ np.linalg.solve(covariance, with_label)


def bayes_floor(noise, rows=2000, **fields):
    """Mean squared error of the posterior mean, over rows drawn with stratified labels, and its standard error."""
    rng = np.random.default_rng(0)
    grid = np.linspace(-1, 1, 4001)
    of_grid = features(grid, **fields)
    labels = (np.arange(rows) + rng.uniform(size=rows)) / rows * 2 - 1
    x = features(labels, **fields) + noise * rng.normal(size=(rows, of_grid.shape[1]))
    distances = (x**2).sum(1, keepdims=True) - 2 * x @ of_grid.T + (of_grid**2).sum(1)
    weights = np.exp(-(distances - distances.min(1, keepdims=True)) / (2 * noise**2))
    mean = weights @ grid / weights.sum(1)
    variance = weights @ grid**2 / weights.sum(1) - mean**2  # the posterior variance: its mean is the floor
    return variance.mean(), variance.std() / math.sqrt(rows)


@pytest.mark.parametrize(("terms", "mse"), [(1, 0.070175), (2, 0.047059), (3, 0.040379), (5, 0.017194), (10, 0.006380)])
def test_linear_regression_on_differences_in_the_population(terms, mse):
    assert linear_floor(0, terms=terms) == pytest.approx(mse, abs=6e-7)


def test_linear_regression_on_noisy_differences_in_the_population():
    assert linear_floor(0.05, terms=10) == pytest.approx(0.038237, abs=6e-7)


@pytest.mark.parametrize(
    ("noise", "linear", "bayes"),
    [(0.05, 0.002339, 0.0010), (0.1, 0.008511, 0.0043), (0.2, 0.027380, 0.0165), (0.4, 0.072313, 0.0528)],
)
def test_floors_of_nineteen_columns(noise, linear, bayes):
    study = {"terms": 19, "first_power": 0}
    assert linear_floor(noise, **study) == pytest.approx(linear, abs=6e-7)
    # False alarms: 1e-4 (4 standard errors, and half a unit of the reference's last digit).
    found, error = bayes_floor(noise, **study)
    assert abs(found - bayes) < 4 * error + 5e-5
    assert error < 0.03 * bayes


def test_first_column_of_the_comparison_is_linear_in_the_label():
    np.testing.assert_allclose(features(NODES, terms=19, first_power=0)[:, 0], 1 - NODES, atol=1e-15)
    assert linear_floor(1e-9, terms=1, first_power=0) < 1e-13


@pytest.mark.parametrize("terms", [1, 5, 10])
@pytest.mark.parametrize("first_power", [0, 1, 2])
def test_columns_with_the_last_one_sum_to_the_first_power(terms, first_power):
    x = features(NODES, terms=terms, first_power=first_power, last=True)
    assert x.shape == (200, terms + 1)
    np.testing.assert_allclose(x.sum(1), NODES**first_power, atol=1e-14)


def test_label_is_the_sum_of_the_published_columns():
    x, label = PolynomialDifferences(terms=5, last=True).sample(1000, torch.Generator().manual_seed(0), torch.float64)
    torch.testing.assert_close(x.sum(1, keepdim=True), label, rtol=0, atol=1e-14)
    assert label.min() >= -1
    assert label.max() <= 1


def test_columns_are_differences_of_powers():
    np.testing.assert_allclose(features(np.array([0.5, -2.0]), terms=2), [[0.25, 0.125], [-6.0, 12.0]])


def test_information_is_infinite_without_noise_and_not_known_with_it():
    assert PolynomialDifferences().true_mi() == math.inf
    assert PolynomialDifferences().true_mi(noise=0.1) is None
