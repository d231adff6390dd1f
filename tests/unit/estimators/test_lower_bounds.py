"""Variational estimators as functions of scores: their agreement with the truth, their errors, their training."""

from __future__ import annotations

import functools
import math

import pytest
import torch
from estimation import bayes_scores

from mi_cli.bounds import variational
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.estimators.lower_bounds import (
    ContrastiveFenchelLegendre,
    FDime,
    InfoNce,
    JensenShannon,
    Nwj,
    Smile,
    Tuba,
)
from mi_cli.estimators.mine import Mine
from mi_cli.networks.critics import Scores
from mi_cli.training.critic_fit import estimate_from_scores

ESTIMATORS = {
    "dv": DonskerVaradhan(),
    "mine": Mine(),
    "nwj": Nwj(),
    "tuba": Tuba(),
    "infonce": InfoNce(),
    "js": JensenShannon(),
    "js by nwj": JensenShannon(evaluate="nwj"),
    "smile": Smile(),
    "smile, narrow": Smile(clip=0.3),
    "fdime": FDime(),
    "flo": ContrastiveFenchelLegendre(),
}
TIGHT = [name for name in ESTIMATORS if name not in ("infonce", "smile, narrow")]  # at the log-ratio
K, N, C = 3, 6, 4


def of_bayes(n, rho, seed, shifts=8):
    """Scores of the log-ratio T; u = −T is the best of its kind, since E_y'[exp T(x, y')] = 1."""
    joint, product = bayes_scores(n, rho, seed, shifts)
    return Scores(joint.unsqueeze(0), product.T.unsqueeze(0), dual=-joint.unsqueeze(0))


def random_scores(seed=0, every_pair=False):
    generator = torch.Generator().manual_seed(seed)
    u = torch.randn(K, N, generator=generator, dtype=torch.float64)
    if every_pair:
        found = Scores.of_every_pair(torch.randn(K, N, N, generator=generator, dtype=torch.float64))
    else:
        found = Scores.of_partners(torch.randn(K, 1 + C, N, generator=generator, dtype=torch.float64))
    return Scores(found.joint, found.by_row, found.every_pair, dual=u)


@pytest.mark.parametrize("name", TIGHT)
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.8])
def test_log_ratio_attains_the_truth(name, rho):
    # False alarms: 1e-6 each (4.9 standard errors), were the seed not fixed.
    scores = of_bayes(50_000, rho, seed=1)
    value, error = ESTIMATORS[name].bound(scores), ESTIMATORS[name].error(scores)
    assert abs(value.item() + 0.5 * math.log(1 - rho**2)) <= 4.9 * error + 1e-9
    assert error < 0.02


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_infonce_is_below_the_truth_and_its_ceiling_and_grows_with_candidates(rho):
    truth = -0.5 * math.log(1 - rho**2)
    few, many = (of_bayes(20_000, rho, 1, shifts) for shifts in (2, 64))
    values = [InfoNce().bound(scores).item() for scores in (few, many)]
    errors = [InfoNce().error(scores).item() for scores in (few, many)]
    # False alarms: 1e-6 (4.9 standard errors).
    assert values[0] < values[1] < truth + 4.9 * errors[1]
    assert values[0] < InfoNce().ceiling(20_000, 2)
    assert values[1] > 0.9 * truth


@pytest.mark.parametrize(("rho", "sign"), [(0.8, -1), (0.99, 1)])
def test_smile_with_narrow_limits_errs_either_way(rho, sign):
    scores = of_bayes(50_000, rho, seed=1)
    truth = -0.5 * math.log(1 - rho**2)
    narrow, wide = Smile(clip=0.5), Smile(clip=1000)
    # False alarms: 1e-6 (4.9 standard errors), were the seed not fixed.
    assert sign * (narrow.bound(scores) - truth) > 4.9 * narrow.error(scores)
    torch.testing.assert_close(wide.bound(scores), variational.donsker_varadhan(scores.joint, scores.product))


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("rho", [0.3, 0.6])
def test_standard_error_is_the_spread_over_replicates(name, rho):
    # 400 replicates: the spread is known to 3.5 % (one sigma). False alarms of its lower limit, 15 %: 1e-5. That each
    # row has but 8 partners is counted twice: the error may be too large, by up to a quarter.
    estimator = ESTIMATORS[name]
    found = [of_bayes(500, rho, seed) for seed in range(400)]
    values = torch.cat([estimator.bound(scores) for scores in found])
    errors = torch.stack([estimator.error(scores) for scores in found])
    ratio = (errors.square().mean().sqrt() / values.std()).item()
    assert 0.85 < ratio < 1.25


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("every_pair", [False, True])
def test_bound_and_criterion_are_by_trial(name, every_pair):
    estimator, scores = ESTIMATORS[name], random_scores(every_pair=every_pair)
    for value in (estimator.bound(scores), estimator.criterion(scores)):
        assert value.shape == (K,)
        for trial in range(K):
            part = slice(trial, trial + 1)
            one = Scores(scores.joint[part], scores.by_row[part], every_pair, scores.dual[part])
            torch.testing.assert_close(estimator.bound(one)[0], estimator.bound(scores)[trial])


@pytest.mark.parametrize("every_pair", [False, True])
def test_infonce_reaches_its_ceiling_where_every_row_is_told_from_its_candidates(every_pair):
    scores = random_scores(every_pair=every_pair)
    ceiling = InfoNce().ceiling(N, scores.count)
    assert (InfoNce().bound(scores) < ceiling).all()
    far = Scores(scores.joint + 500, scores.by_row, every_pair)
    torch.testing.assert_close(InfoNce().bound(far), torch.full((K,), ceiling, dtype=torch.float64))


@pytest.mark.parametrize("name", ["dv", "mine", "js"])
def test_no_estimate_is_above_what_its_product_samples_support(name):
    generator = torch.Generator().manual_seed(0)
    near, far = (
        estimate_from_scores(
            ESTIMATORS[name], Scores(torch.randn(1, 50, generator=generator) + gap, torch.zeros(1, 50, 4)), 0.95
        )
        for gap in (2, 40)
    )
    assert (near.status, near.reason, near.ceiling) == ("ok", "", pytest.approx(math.log(200)))
    assert near.value < near.ceiling
    assert far.value == far.ceiling == near.ceiling
    assert far.reason.startswith("estimate capped at ln 200: 200 product samples cannot support 40")
    assert far.ci_low < far.value < far.ci_high


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("every_pair", [False, True])
def test_gradient_of_the_loss_leads_uphill(name, every_pair):
    """A small step along it raises what is maximised, and no gradient flows to places that stand for none."""
    estimator, scores = ESTIMATORS[name], random_scores(1, every_pair)
    leaves = [part.clone().requires_grad_() for part in (scores.joint, scores.by_row, scores.dual)]

    def loss(joint, by_row, u):
        return estimator.objective()(Scores(joint, by_row, every_pair, u))[0]

    before = loss(*leaves)
    gradients = torch.autograd.grad(before.sum(), leaves, allow_unused=True)
    assert all(torch.isfinite(gradient).all() for gradient in gradients if gradient is not None)
    moved = [
        leaf.detach() - (0 if gradient is None else 0.01 * gradient)
        for leaf, gradient in zip(leaves, gradients, strict=True)
    ]
    assert (loss(*moved) < before).all()
    if every_pair:
        assert gradients[1] is None or (gradients[1][:, range(N), range(N)] == 0).all()


OBJECTIVES = {
    "js": (JensenShannon(), variational.jensen_shannon),
    "smile": (Smile(), variational.jensen_shannon),
    "gan": (FDime(divergence="gan"), variational.jensen_shannon),
    "kl": (FDime(divergence="kl"), variational.nwj),
    "hellinger": (FDime(divergence="hellinger"), variational.hellinger),
    "nwj": (Nwj(), variational.nwj),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_trained_and_what_is_recorded(name):
    estimator, form = OBJECTIVES[name]
    scores = random_scores()
    loss, value = estimator.objective()(scores)
    torch.testing.assert_close(loss, -form(scores.joint, scores.product))
    torch.testing.assert_close(value, estimator.bound(scores))


@pytest.mark.parametrize("name", ["smile", "fdime"])
def test_point_estimates_choose_their_checkpoint_by_a_lower_bound(name):
    scores = random_scores()
    expected = variational.donsker_varadhan(scores.joint, scores.product)
    torch.testing.assert_close(ESTIMATORS[name].criterion(scores), expected)
    assert ESTIMATORS[name].kind == "point estimate"


def test_kinds_and_ceilings_are_said():
    ceilings = {name: estimator.ceiling(100, 8) for name, estimator in ESTIMATORS.items()}
    log = functools.partial(pytest.approx, abs=1e-12)
    assert ceilings.pop("infonce") == log(math.log(9))
    assert {name for name, ceiling in ceilings.items() if ceiling is not None} == {"dv", "mine", "js"}
    assert ceilings["dv"] == ceilings["js"] == log(math.log(800))
    points = {name for name, estimator in ESTIMATORS.items() if estimator.kind == "point estimate"}
    assert points == {"smile", "smile, narrow", "fdime"}
