"""Correlated Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.datasets.maps import PAIR_MAPS


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


@given(st.floats(0.001, 11), st.floats(0, 3), st.integers(1, 20))
def test_correlation_makes_the_information_that_is_asked_for(mi, noise, dim):
    dataset = Gaussian(mi=mi * dim, dim=dim)
    assert dataset.true_mi() == pytest.approx(mi * dim, rel=1e-9)
    assert dataset.correlation == pytest.approx(math.sqrt(1 - math.exp(-2 * mi)), rel=1e-12)
    if mi < 5:
        assert dataset.true_mi(noise) == pytest.approx(Gaussian(rho=dataset.correlation, dim=dim).true_mi(noise))


def test_no_information_is_no_correlation():
    assert Gaussian(mi=0).correlation == 0
    assert Gaussian(mi=0).true_mi() == 0


@pytest.mark.parametrize("mi", [1.0, 10.0])
def test_rows_have_the_variance_that_the_information_leaves(mi):
    # The variance of y − ρx over its value is known to 0.5 % from 80,000; false alarms: 1e-6 (4.9 sigma).
    dataset = Gaussian(mi=mi, dim=2)
    x, y = dataset.sample(40_000, torch.Generator().manual_seed(0))
    left = (y.double() - dataset.correlation * x.double()).var() / math.exp(-mi)
    assert abs(left - 1) < 4.9 * math.sqrt(2 / 80_000)


def test_either_correlation_or_information():
    assert Gaussian(mi=2.0, rho=0.6).correlation > 0.99  # the default does not speak
    assert Gaussian(mi=2.0, rho=Gaussian(mi=2.0).correlation).true_mi() == pytest.approx(2)
    with pytest.raises(ValueError, match=r"dataset\.mi=2: makes dataset\.rho=0\.9908, not dataset\.rho=0\.3"):
        Gaussian(mi=2.0, rho=0.3)
    with pytest.raises(ValueError, match=r"dataset\.mi=25: must be between 0 and 24"):
        Gaussian(mi=25, dim=2)


@pytest.mark.parametrize("name", PAIR_MAPS)
def test_maps_are_applied_to_the_same_rows(name):
    plain, mapped = draw(50, mi=1.0, dim=3), draw(50, mi=1.0, dim=3, map=name)
    assert all(map(torch.equal, PAIR_MAPS[name](*plain), mapped))
    assert Gaussian(mi=1.0, dim=3, map=name).true_mi() == pytest.approx(1)
    known = Gaussian(mi=1.0, map=name).true_mi(noise=0.5)
    assert known == (Gaussian(mi=1.0).true_mi(noise=0.5) if name in ("none", "cubic") else None)


def test_cubic_map_is_the_cube_of_y():
    (x, y), (plain_x, plain_y) = draw(50, dim=3, map="cubic"), draw(50, dim=3)
    assert torch.equal(x, plain_x)
    torch.testing.assert_close(y, plain_y**3)


def test_no_information_has_no_sign():
    assert math.copysign(1, Gaussian(rho=0.0).true_mi()) == 1
