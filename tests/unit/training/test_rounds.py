"""Training in rounds: longer where the bound still rises, and no longer where it does not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from examples import context, problem

from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.problems import Rows
from mi_cli.training.critic_rows import prepare_for_critic
from mi_cli.training.rounds import round_steps, train_in_rounds
from mi_cli.training.settings import Training

TRAINING = Training(steps=120, lr=1e-2, schedule="cosine", batch=128, ema=0.9, validate_every=10)
CRITIC = DonskerVaradhan(hidden=(16, 16))


def wave(n, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    return Rows(x, torch.sin(4 * math.pi * x) + 0.2 * noise)


def trained(*problems, rounds=4, training=TRAINING):
    ready = [prepare_for_critic(one, "rank_gaussianise", norms=False) for one in problems]
    return train_in_rounds(CRITIC, ready, training, rounds, context())


def hard(seed=1):
    return problem(train=wave(2000, seed), val=wave(2000, seed + 1), test=wave(2000, seed + 2), seed=seed)


def easy(seed=1):
    return problem(0.0, seed, n=2000)


def test_steps_double_and_the_third_round_has_those_that_were_asked_for():
    assert round_steps(TRAINING, 4) == [30, 60, 120, 240]
    assert round_steps(TRAINING, 1) == round_steps(TRAINING.model_copy(update={"checkpoint": "last"}), 4) == [120]


def test_what_rises_is_trained_longer_than_what_does_not():
    found = trained(hard(), easy())
    assert found.steps == [450, 90]
    steps, values = found.traces[0]["val_mi"]
    assert steps[-1] == 450
    assert (steps[1:] > steps[:-1]).all()
    assert values[-1] > values[:9].max() + 0.05


@pytest.mark.parametrize("rounds", [2, 4])
def test_a_critic_alone_and_beside_another_is_the_same(rounds):
    alone, beside = trained(hard(), rounds=rounds), trained(easy(), hard(), rounds=rounds)
    assert alone.steps[0] == beside.steps[1]
    torch.testing.assert_close(alone.best[0], beside.best[1], rtol=1e-3, atol=1e-4)


def test_progress_counts_the_steps_that_were_asked_for():
    counted = []
    ready = [prepare_for_critic(hard(), "rank_gaussianise", norms=False)]
    train_in_rounds(CRITIC, ready, TRAINING, 4, replace(context(), advance=counted.append))
    assert sum(counted) == 120


def test_what_is_learned_up_to_nothing_is_no_rise(monkeypatch):
    """A bound that was far below 0, as that of a critic without training may be, says less than no critic does."""
    reached = iter([-1e6, 0.25])
    monkeypatch.setattr("mi_cli.training.rounds._reached", lambda stack, position: next(reached))
    found = trained(easy(), rounds=2, training=TRAINING.model_copy(update={"steps": 8, "validate_every": 2}))
    assert found.rises == [0.25]
