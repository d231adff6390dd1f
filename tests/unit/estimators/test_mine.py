"""MINE beside the Donsker–Varadhan estimator, which it differs from: their losses, and the gradients of these."""

from __future__ import annotations

import math

import pytest
import torch

from mi_cli.bounds import variational
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.estimators.mine import Mine
from mi_cli.networks.critics import Scores

K, N, M = 3, 5, 8


def scores(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(K, n, generator=generator, dtype=dtype).requires_grad_() for n in (N, M))


def of(objective, joint, product):
    """Loss and bound of these scores."""
    return objective(Scores(joint, product.unsqueeze(2)))


def gradients(objective, joint, product):
    loss, value = of(objective, joint, product)
    assert loss.shape == value.shape == (K,)
    return torch.autograd.grad(loss.sum(), (joint, product))


@pytest.mark.parametrize("partition", ["logsumexp", "naive"])
def test_loss_of_donsker_varadhan_is_its_negative(partition):
    joint, product = scores()
    loss, value = of(DonskerVaradhan(partition=partition).objective(), joint, product)
    torch.testing.assert_close(value, variational.donsker_varadhan(joint, product))
    torch.testing.assert_close(loss, -value)


@pytest.mark.parametrize("partition", ["logsumexp", "naive"])
@pytest.mark.parametrize("correct_start", [True, False])
def test_mine_that_forgets_at_once_has_the_gradient_of_donsker_varadhan(partition, correct_start):
    mine = Mine(ema_rate=1, partition=partition, correct_start=correct_start).objective()
    plain = DonskerVaradhan(partition=partition).objective()
    for seed in range(4):
        for found, expected in zip(gradients(mine, *scores(seed)), gradients(plain, *scores(seed)), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rate", [0.01, 0.3])
@pytest.mark.parametrize("correct_start", [True, False])
def test_gradient_of_mine_divides_by_the_moving_average(rate, correct_start):
    objective = Mine(ema_rate=rate, correct_start=correct_start).objective()
    average = torch.zeros(K, dtype=torch.float64)
    for step in range(1, 30):
        joint, product = scores(step)
        of_joint, of_product = gradients(objective, joint, product)
        z = product.detach().exp().mean(1)
        if correct_start:
            average = (1 - rate) * average + rate * z
            denominator = average / (1 - (1 - rate) ** step)
        else:
            average = z if step == 1 else (1 - rate) * average + rate * z
            denominator = average
        torch.testing.assert_close(of_joint, torch.full_like(of_joint, -1 / N))
        torch.testing.assert_close(of_product, product.detach().exp() / M / denominator.unsqueeze(1))


def test_corrected_start_is_the_mean_of_the_steps_seen():
    # With the correction each of t steps weighs (1 − a)^(t − i), with a small a hardly different from 1/t.
    objective = Mine(ema_rate=1e-4).objective()
    seen = []
    for step in range(50):
        joint, product = scores(step)
        seen.append(product.detach().exp().mean(1))
        _, of_product = gradients(objective, joint, product)
    weight = of_product.sum(1) / seen[-1]
    torch.testing.assert_close(1 / weight, torch.stack(seen).mean(0), rtol=5e-3, atol=0)


def test_first_gradient_of_a_corrected_mine_is_that_of_donsker_varadhan():
    found = gradients(Mine(ema_rate=0.01).objective(), *scores())
    for one, other in zip(found, gradients(DonskerVaradhan().objective(), *scores()), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("estimator", [DonskerVaradhan(), Mine(), Mine(ema_rate=1), Mine(correct_start=False)], ids=str)
def test_value_is_the_bound_of_this_step(estimator):
    objective = estimator.objective()
    for seed in range(3):
        joint, product = scores(seed)
        torch.testing.assert_close(of(objective, joint, product)[1], variational.donsker_varadhan(joint, product))


def test_every_training_has_an_average_of_its_own():
    estimator = Mine(ema_rate=0.5)
    used = estimator.objective()
    for seed in range(5):
        gradients(used, *scores(seed))
    fresh = gradients(estimator.objective(), *scores(7))
    again = gradients(estimator.objective(), *scores(7))
    assert all(map(torch.equal, fresh, again))
    assert not torch.equal(gradients(used, *scores(7))[1], fresh[1])


@pytest.mark.parametrize("estimator", [DonskerVaradhan(), Mine(), Mine(ema_rate=1)], ids=str)
def test_large_scores_do_not_overflow(estimator):
    joint, product = (part.detach() + 1000 for part in scores(dtype=torch.float32))
    joint.requires_grad_()
    product.requires_grad_()
    objective = estimator.objective()
    for _ in range(3):
        assert all(torch.isfinite(part).all() for part in gradients(objective, joint, product))


def test_naive_partition_overflows():
    joint, product = (part.detach() + 1000 for part in scores(dtype=torch.float32))
    for estimator in (DonskerVaradhan(partition="naive"), Mine(partition="naive")):
        assert not torch.isfinite(of(estimator.objective(), joint, product)[1]).any()


def test_one_trial_that_overflows_leaves_the_averages_of_others():
    calm, wild = Mine(ema_rate=0.1).objective(), Mine(ema_rate=0.1).objective()
    for seed in range(4):
        joint, product = scores(seed)
        spoilt = product.detach().clone()
        spoilt[1] = math.inf
        expected = gradients(calm, joint, product)
        found = gradients(wild, joint, spoilt.requires_grad_())
        for trial in (0, 2):
            assert torch.equal(found[1][trial], expected[1][trial])
