"""Correlated Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.datasets.gaussian import Gaussian


def draw(n, seed=0, **fields):
    return Gaussian(**fields).sample(n, torch.Generator().manual_seed(seed), torch.float64)


@pytest.mark.parametrize(
    ("rho", "truth"), [(0, 0), (0.2, 0.0204110), (0.4, 0.0871767), (0.6, 0.2231436), (0.8, 0.5108256)]
)
def test_true_mi(rho, truth):
    assert Gaussian(rho=rho).true_mi() == pytest.approx(truth, abs=5e-8)
    assert Gaussian(rho=-rho).true_mi() == Gaussian(rho=rho).true_mi()
    assert Gaussian(rho=rho, dim=3).true_mi() == pytest.approx(3 * truth, abs=2e-7)


@pytest.mark.parametrize("rho", [1.0, -1.0])
def test_full_correlation(rho):
    assert Gaussian(rho=rho).true_mi() == math.inf
    assert Gaussian(rho=rho).true_mi(noise=0.5) == pytest.approx(0.5 * math.log(1 + 1 / 0.25))
    x, y = draw(100, rho=rho)
    assert torch.equal(y, rho * x)


@given(st.floats(-0.99, 0.99), st.floats(0, 3), st.integers(1, 4))
def test_true_mi_is_that_of_the_covariance(rho, noise, dim):
    of_x, of_y, across = (1 + noise**2) * np.eye(dim), np.eye(dim), rho * np.eye(dim)
    joint = np.block([[of_x, across], [across, of_y]])
    expected = 0.5 * (np.linalg.slogdet(of_x)[1] - np.linalg.slogdet(joint)[1])
    assert Gaussian(rho=rho, dim=dim).true_mi(noise) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.6])
def test_rows_have_the_stated_covariance(rho):
    x, y = draw(40_000, rho=rho, dim=2)
    # Entries are known to at most 0.7 %; false alarms: 1e-5 (5 sigma) for ten of them.
    found = torch.cov(torch.cat([x, y], 1).T)
    eye = torch.eye(2, dtype=torch.float64)
    expected = torch.cat([torch.cat([eye, rho * eye], 1), torch.cat([rho * eye, eye], 1)])
    assert (found - expected).abs().max() < 0.036
