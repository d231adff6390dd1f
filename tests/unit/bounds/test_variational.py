"""Bounds as pure functions of scores."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch
from estimation import bayes_scores
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mi_cli.bounds import variational
from mi_cli.bounds.variational import donsker_varadhan, donsker_varadhan_error, log_mean_exp

FINITE = st.floats(-50, 50)


def scores(n):
    return arrays(np.float64, n, elements=FINITE).map(torch.from_numpy)


@given(scores(7), scores(11), FINITE)
def test_donsker_varadhan_does_not_change_with_a_constant(joint, product, constant):
    moved = donsker_varadhan(joint + constant, product + constant)
    torch.testing.assert_close(moved, donsker_varadhan(joint, product), rtol=1e-12, atol=1e-11)


@given(scores(6), scores(6), st.permutations(range(6)))
def test_donsker_varadhan_of_an_additive_critic_is_never_positive(of_x, of_y, order):
    every_pair = of_x.unsqueeze(0) + of_y.unsqueeze(1)
    assert donsker_varadhan(of_x + of_y, every_pair.flatten()) <= 1e-10
    assert donsker_varadhan(of_x + of_y, of_x + of_y[list(order)]) <= 1e-10  # rows paired anew: the same mean


@given(scores(7), scores(11))
def test_nwj_is_never_above_donsker_varadhan_and_equal_where_the_partition_is_one(joint, product):
    found = donsker_varadhan(joint, product)
    assert variational.nwj(joint, product) <= found + 1e-9 * (1 + abs(found))
    constant = log_mean_exp(product)  # the best baseline that depends on nothing
    torch.testing.assert_close(variational.nwj(joint - constant, product - constant), found, rtol=1e-9, atol=1e-9)


@given(scores(5), scores(20), scores(5))
def test_infonce_never_exceeds_its_ceiling_and_does_not_change_with_a_function_of_x(joint, product, of_x):
    by_row = product.view(5, 4)
    found = variational.infonce(joint, by_row)
    assert found <= math.log(5) + 1e-12
    moved = variational.infonce(joint + of_x, by_row + of_x.unsqueeze(1))
    torch.testing.assert_close(moved, found, rtol=1e-9, atol=1e-9)


@given(scores(5), scores(20), scores(5))
def test_scores_that_are_minus_infinite_stand_for_none(joint, product, u):
    by_row = product.view(5, 4)
    padded = torch.cat([torch.full((5, 1), -math.inf, dtype=torch.float64), by_row], 1)
    assert variational.infonce(joint, padded, 4) == pytest.approx(variational.infonce(joint, by_row).item(), abs=1e-9)
    found = variational.fenchel_legendre(joint, by_row, u)
    assert variational.fenchel_legendre(joint, padded, u, 4) == pytest.approx(found.item(), rel=1e-9, abs=1e-9)


@given(scores(7), scores(11), st.floats(0.1, 40), st.floats(1, 30))
def test_smile_tends_to_donsker_varadhan_as_its_limits_widen(joint, product, clip, more):
    found = donsker_varadhan(joint, product)
    assert variational.smile(joint, product, 51.0) == found
    gap, wider = (abs(variational.smile(joint, product.abs(), limit) - donsker_varadhan(joint, product.abs()))
                  for limit in (clip, clip + more))  # fmt: skip
    assert wider <= gap + 1e-9  # scores of one sign are clipped on one side
    assert joint.mean() - clip - 1e-9 <= variational.smile(joint, product, clip) <= joint.mean() + clip + 1e-9


@given(scores(5), scores(20), scores(5))
def test_fenchel_legendre_is_below_the_contrastive_bound_and_tight_at_its_best_u(joint, product, u):
    by_row = product.view(5, 4)
    best = log_mean_exp(by_row) - joint
    contrastive = -best.mean()
    assert variational.fenchel_legendre(joint, by_row, u) <= contrastive + 1e-9
    found = variational.fenchel_legendre(joint, by_row, best)
    torch.testing.assert_close(found, contrastive, rtol=1e-9, atol=1e-9)


def expanded(counts, table):
    """Scores of the joint samples and of all pairs that ``counts`` of rows (x, y) stand for."""
    joint = table.flatten().repeat_interleave(counts.flatten())
    product = table.flatten().repeat_interleave(torch.outer(counts.sum(1), counts.sum(0)).flatten())
    return joint, product


COUNTS = arrays(np.int64, (3, 2), elements=st.integers(1, 6)).map(torch.from_numpy)
OBJECTIVES = {
    "dv": donsker_varadhan,
    "nwj": variational.nwj,
    "js": variational.jensen_shannon,
    "hellinger": variational.hellinger,
}


@pytest.mark.parametrize("name", OBJECTIVES)
@given(counts=COUNTS, change=arrays(np.float64, (3, 2), elements=st.floats(-3, 3)).map(torch.from_numpy))
def test_objective_is_largest_at_the_log_ratio(name, counts, change):
    p = counts.double() / counts.sum()
    q = torch.outer(p.sum(1), p.sum(0))
    ratio = (p / q).log()
    best = OBJECTIVES[name](*expanded(counts, ratio))
    assert OBJECTIVES[name](*expanded(counts, ratio + change)) <= best + 1e-9
    mixed = (p + q) / 2
    divergence = {
        "dv": (p * (p / q).log()).sum(),
        "nwj": (p * (p / q).log()).sum(),
        "js": (p * (p / mixed).log()).sum() + (q * (q / mixed).log()).sum() - 2 * math.log(2),
        "hellinger": ((p.sqrt() - q.sqrt()) ** 2).sum(),
    }[name]
    torch.testing.assert_close(best, divergence, rtol=0, atol=1e-9)


@given(scores(7), scores(11))
def test_signs_of_the_objectives_that_are_no_bounds(joint, product):
    assert variational.jensen_shannon(joint, product) <= 0
    assert variational.hellinger(joint, product) <= 2


@given(scores(9))
def test_log_mean_exp_lies_between_the_mean_and_the_largest(values):
    found = log_mean_exp(values)
    assert values.mean() - 1e-10 <= found <= values.max() + 1e-10
    torch.testing.assert_close(found, variational.log_mean_exp_naive(values), rtol=1e-10, atol=1e-10)


def test_naive_form_overflows_where_the_other_does_not():
    for top, finite in ((88.0, True), (89.0, False), (1000.0, False)):
        values = torch.tensor([top, top])
        assert math.isfinite(variational.log_mean_exp_naive(values)) == finite
        assert log_mean_exp(values) == top
        naive = variational.donsker_varadhan_naive(values, values)
        assert math.isfinite(naive) == finite
        assert donsker_varadhan(values, values) == 0
    assert variational.log_mean_exp_naive(torch.tensor([-200.0])) == -math.inf
    assert log_mean_exp(torch.tensor([-200.0])) == -200


def test_leading_dimensions_are_kept():
    joint, product = torch.randn(2, 3, 5), torch.randn(2, 3, 4)
    smile = functools.partial(variational.smile, clip=1.0)
    plain = (
        donsker_varadhan,
        variational.donsker_varadhan_naive,
        variational.nwj,
        variational.jensen_shannon,
        variational.hellinger,
        smile,
    )
    for bound in plain:
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


def test_influence_of_an_additive_critic_is_that_of_the_pairs_that_no_row_makes_with_itself():
    # a = h = f(x) + g(y): each row's terms cancel but for 1 / (n − 1) of them, where every other row is a partner.
    f, g = torch.randn(2, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    product = torch.stack([f + g.roll(-shift) for shift in range(1, 30)])
    expected = (f + g).std() / math.sqrt(30) / 29
    torch.testing.assert_close(variational.influence_error(variational.influence(f + g, product)), expected)


def test_influence_of_a_mean_is_its_standard_error():
    values = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = variational.influence_error(variational.influence(values, torch.zeros(4, 50, dtype=torch.float64)))
    torch.testing.assert_close(found, values.std() / math.sqrt(50))


def test_error_of_rows_in_blocks_is_that_of_their_sums():
    values = torch.randn(60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alone = variational.influence_error(values, torch.arange(60))
    torch.testing.assert_close(alone, variational.influence_error(values))
    # Every row four times over: as much as is known from the rows once, but for the degrees of freedom.
    repeated, block = values.repeat_interleave(4), torch.arange(60).repeat_interleave(4)
    order = torch.randperm(240, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(variational.influence_error(repeated[order], block[order]), alone)
    assert variational.influence_error(repeated) < 0.51 * alone
