"""Bounds and differences from log-densities."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.bounds import conditional as c

seeds = st.integers(0, 2**32 - 1)


def moments(seed, n=7, dim=2, batch=()):
    draw = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(*batch, dim, n, generator=draw, dtype=torch.float64) for scale in (2.0, 1.0, 1.5)]


def exact(rho, dim, n, seed=0):
    """Correlated Gaussians, with the true mean and log-variance of y given x."""
    x, noise = torch.randn(2, dim, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return rho * x + math.sqrt(1 - rho**2) * noise, rho * x, torch.full_like(x, math.log(1 - rho**2))


def off_diagonal(pairs):
    n = len(pairs)
    return pairs[~torch.eye(n, dtype=torch.bool)].view(n, n - 1)


def club(y, mean, log_var):
    joint = c.gaussian_log_density(y, mean, log_var)
    of_x, of_y = c.gaussian_pair_means(y, mean, log_var)
    return c.club(joint, of_x).item(), c.club_error(joint, of_x, of_y).item()


def leave_one_out(y, mean, log_var):
    value, error = c.leave_one_out_with_error(c.gaussian_pairs(y, mean, log_var))
    return value.item(), error.item()


def difference(y, mean, log_var):
    both = c.gaussian_log_density(y, mean, log_var), c.gaussian_log_density(y, 0 * y, 0 * y)
    return c.entropy_difference(*both).item(), c.entropy_difference_error(*both).item()


@given(seeds)
def test_gaussian_log_density_is_that_of_torch(seed):
    y, mean, log_var = moments(seed)
    expected = torch.distributions.Normal(mean, torch.exp(log_var / 2)).log_prob(y).sum(0)
    torch.testing.assert_close(c.gaussian_log_density(y, mean, log_var), expected)


@given(seeds)
def test_pairs_are_densities_of_every_y_at_every_x(seed):
    y, mean, log_var = moments(seed, batch=(3,))
    by_hand = torch.stack([c.gaussian_log_density(y, mean[..., [j]], log_var[..., [j]]) for j in range(7)], -1)
    torch.testing.assert_close(c.gaussian_pairs(y, mean, log_var), by_hand)


@given(seeds)
def test_pair_means_are_those_of_the_pairs_of_different_rows(seed):
    y, mean, log_var = moments(seed)
    pairs = c.gaussian_pairs(y, mean, log_var)
    of_x, of_y = c.gaussian_pair_means(y, mean, log_var)
    torch.testing.assert_close(of_y, off_diagonal(pairs).mean(1))
    torch.testing.assert_close(of_x, off_diagonal(pairs.T).mean(1))


@given(seeds)
def test_leave_one_out_is_never_above_club(seed):
    y, mean, log_var = moments(seed)
    assert leave_one_out(y, mean, log_var)[0] <= club(y, mean, log_var)[0] + 1e-9


@given(seeds, st.floats(-100, 100))
def test_what_depends_on_y_alone_does_not_matter(seed, shift):
    pairs = c.gaussian_pairs(*moments(seed))
    moved = pairs + shift * torch.randn(len(pairs), 1, generator=torch.Generator().manual_seed(seed))
    (value, error), expected = c.leave_one_out_with_error(moved), c.leave_one_out_with_error(pairs)
    torch.testing.assert_close((value, error), expected)
    assert torch.equal(value, c.leave_one_out(moved))


@pytest.mark.parametrize("dim", [1, 5])
@pytest.mark.parametrize("rho", [0.0, 0.4, 0.8])
def test_true_density_gives_what_theory_says(rho, dim):
    # False alarms: 1e-6 each (4.9 standard errors).
    rows, truth = exact(rho, dim, 3000), -0.5 * dim * math.log(1 - rho**2)
    value, error = difference(*rows)
    assert value == pytest.approx(truth, abs=4.9 * error + 1e-12)
    value, error = club(*rows)
    assert value == pytest.approx(dim * rho**2 / (1 - rho**2), abs=4.9 * error + 1e-12)
    value, error = leave_one_out(*rows)
    assert value > truth - 4.9 * error - 1e-12
    if dim == 1:
        assert value == pytest.approx(truth, abs=4.9 * error + 0.005)


@pytest.mark.parametrize("of", [club, leave_one_out, difference])
def test_standard_error_is_the_spread_over_draws(of):
    # The spread of 200 draws has a relative error of 1 / sqrt(400) = 5 %, of heavier tails about 7 %: 30 % is 4 of it.
    found = torch.tensor([of(*exact(0.6, 1, 200, seed)) for seed in range(200)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std().item(), rel=0.3)


def test_few_candidates_raise_the_leave_one_out_bound():
    # Of 1,000 groups of 4 rows and of one group of 1,000; the standard error of the first is about 0.01.
    y, mean, log_var = exact(0.8, 1, 4000)
    groups = [part.view(1, 1000, 4).transpose(0, 1) for part in (y, mean, log_var)]
    few = c.leave_one_out(c.gaussian_pairs(*groups)).mean().item()
    assert few > leave_one_out(y[:, :1000], mean[:, :1000], log_var[:, :1000])[0] + 0.05
