"""Bounds as pure functions of scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from examples import gaussian_rows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mi_cli import bounds
from mi_cli.bounds import donsker_varadhan, donsker_varadhan_error, log_mean_exp
from mi_cli.pairing import shifted

FINITE = st.floats(-50, 50)


def scores(n):
    return arrays(np.float64, n, elements=FINITE).map(torch.from_numpy)


def log_ratio(x, y, rho):
    """ln p(x, y) / p(x) p(y) of standard normal pairs: the critic at which the bound is tight."""
    quadratic = rho * x * y - 0.5 * rho**2 * (x**2 + y**2)
    return (quadratic / (1 - rho**2) - 0.5 * math.log(1 - rho**2)).sum(-1)


def bayes_scores(n, rho, seed, shifts=8):
    """Joint ``(n,)`` and product ``(shifts, n)`` scores of the best critic on fresh rows."""
    rows = gaussian_rows(n, rho, seed)
    y = shifted(rows.y.T.unsqueeze(0), shifts)[0, 0]
    found = log_ratio(rows.x.T.expand_as(y).unsqueeze(-1), y.unsqueeze(-1), rho)
    return found[0], found[1:]


@given(scores(7), scores(11), FINITE)
def test_donsker_varadhan_does_not_change_with_a_constant(joint, product, constant):
    moved = donsker_varadhan(joint + constant, product + constant)
    torch.testing.assert_close(moved, donsker_varadhan(joint, product), rtol=1e-12, atol=1e-11)


@given(scores(6), scores(6), st.permutations(range(6)))
def test_donsker_varadhan_of_an_additive_critic_is_never_positive(of_x, of_y, order):
    every_pair = of_x.unsqueeze(0) + of_y.unsqueeze(1)
    assert donsker_varadhan(of_x + of_y, every_pair.flatten()) <= 1e-10
    assert donsker_varadhan(of_x + of_y, of_x + of_y[list(order)]) <= 1e-10  # rows paired anew: the same mean


@given(scores(9))
def test_log_mean_exp_lies_between_the_mean_and_the_largest(values):
    found = log_mean_exp(values)
    assert values.mean() - 1e-10 <= found <= values.max() + 1e-10
    torch.testing.assert_close(found, bounds.log_mean_exp_naive(values), rtol=1e-10, atol=1e-10)


def test_naive_form_overflows_where_the_other_does_not():
    for top, finite in ((88.0, True), (89.0, False), (1000.0, False)):
        values = torch.tensor([top, top])
        assert math.isfinite(bounds.log_mean_exp_naive(values)) == finite
        assert log_mean_exp(values) == top
        naive = bounds.donsker_varadhan_naive(values, values)
        assert math.isfinite(naive) == finite
        assert donsker_varadhan(values, values) == 0
    assert bounds.log_mean_exp_naive(torch.tensor([-200.0])) == -math.inf
    assert log_mean_exp(torch.tensor([-200.0])) == -200


def test_leading_dimensions_are_kept():
    joint, product = torch.randn(2, 3, 5), torch.randn(2, 3, 4)
    for bound in (donsker_varadhan, bounds.donsker_varadhan_naive):
        found = bound(joint, product)
        assert found.shape == (2, 3)
        torch.testing.assert_close(found[1, 2], bound(joint[1, 2], product[1, 2]))


@pytest.mark.parametrize("rho", [0.0, 0.2, 0.6, 0.8])
def test_best_critic_attains_the_truth(rho):
    # False alarms: 1e-6 (4.9 standard errors), were the seed not fixed.
    joint, product = bayes_scores(50_000, rho, seed=1)
    value, error = donsker_varadhan(joint, product.flatten()), donsker_varadhan_error(joint, product)
    assert abs(value + 0.5 * math.log(1 - rho**2)) <= 4.9 * error + 1e-12
    assert error < 0.01


@pytest.mark.parametrize(("rho", "shifts"), [(0.3, 8), (0.6, 8), (0.6, 2), (0.8, 8)])
def test_standard_error_is_the_spread_over_replicates(rho, shifts):
    # 400 replicates: the spread is known to 3.5 % (one sigma). False alarms of its lower limit, 15 %: 1e-5. Few
    # partners are counted twice, so the error may only be too large: by little with 8 partners, by up to 40 % with 2.
    found = [bayes_scores(500, rho, seed, shifts) for seed in range(400)]
    estimates = torch.stack([donsker_varadhan(joint, product.flatten()) for joint, product in found])
    errors = torch.stack([donsker_varadhan_error(joint, product) for joint, product in found])
    ratio = (errors.square().mean().sqrt() / estimates.std()).item()
    assert 0.85 < ratio < (1.2 if shifts == 8 else 1.4)


def test_standard_error_does_not_change_with_a_constant_and_shrinks_with_rows():
    joint, product = bayes_scores(400, 0.6, seed=0)
    error = donsker_varadhan_error(joint, product)
    torch.testing.assert_close(donsker_varadhan_error(joint + 7, product + 7), error)
    many = donsker_varadhan_error(*bayes_scores(40_000, 0.6, seed=0))
    assert 8 < error / many < 12.5


def test_standard_error_of_a_critic_that_sees_nothing_is_zero():
    assert donsker_varadhan_error(torch.zeros(10), torch.zeros(3, 10)) == 0
