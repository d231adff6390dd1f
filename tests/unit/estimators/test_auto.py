"""The default estimator: critics of several kinds, weighed on validation rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import context, gaussian_rows, problem

from mi_cli.bounds.variational import donsker_varadhan
from mi_cli.estimators.auto import Auto, _weights
from mi_cli.networks.critics import Scores
from mi_cli.problems import Rows
from mi_cli.training.settings import Evaluation, Training

TRAINING = Training(steps=60, lr=2e-3, schedule="cosine", batch=128, ema=0.9, validate_every=20)
SMALL = Auto(separable=(16,), concat=(16,))


def estimated(*problems, estimator=SMALL):
    return estimator.estimate(problems, TRAINING, Evaluation(shifts=16), context())[0]


def weights_of(estimate):
    return {name: values[1][0] for name, values in estimate.history.items() if name.startswith("weight_")}


def test_gaussian_rows_need_no_network():
    (found,) = estimated(problem(0.8, n=2000))
    assert found.value == pytest.approx(0.511, abs=4.9 * found.stderr)  # false alarms: 1e-6
    assert (found.kind, found.status) == ("lower bound", "ok")
    assert set(weights_of(found)) >= {"weight_gaussian", "weight_student_1", "weight_separable", "weight_concat"}
    assert min(weights_of(found).values()) >= 0


def student(n, seed, scale=1.0):
    """Cauchy columns that share their scale: MI .2242 nats, and no correlation."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    rows = normal[:, :2] / normal[:, 2:].abs() * scale
    return Rows(rows[:, :1], rows[:, 1:])


@pytest.mark.parametrize("far", [1e4, 1e8])
def test_rows_further_out_than_any_seen_do_no_harm(far):
    test = student(2000, 3)
    test.x[:5] *= far
    (found,) = estimated(problem(train=student(4000, 1), val=student(1000, 2), test=test))
    assert 0.1 < found.value < 0.2242 + 4.9 * found.stderr


def test_columns_that_others_add_up_to_leave_the_networks():
    rows = gaussian_rows(2000, 0.8, 5)
    twice = Rows(torch.cat([rows.x, rows.x], 1), rows.y)
    (found,) = estimated(problem(train=twice, val=twice, test=twice, dim_x=2))
    assert found.status == "ok"
    assert found.value > 0.3


def test_problem_alone_and_beside_another_is_the_same():
    alone = estimated(problem(0.6, 1))[0]
    beside = estimated(problem(0.2, 2), problem(0.6, 1))[1]
    assert alone.value == pytest.approx(beside.value, abs=1e-4)


def scores(generator, n=200, shifts=4):
    return Scores.of_partners(torch.from_numpy(generator.normal(size=(1, 1 + shifts, n))))


def test_weights_are_the_best_there_are():
    generator = np.random.default_rng(0)
    members = [scores(generator) for _ in range(3)]
    members[0].joint[:] += 1.0
    best = _weights(members)
    assert (best >= 0).all()

    def bound(weights):
        joint = sum(w * m.joint for w, m in zip(weights, members, strict=True))
        product = sum(w * m.product for w, m in zip(weights, members, strict=True))
        return donsker_varadhan(joint, product).item()

    for other in generator.dirichlet(np.ones(3), size=200) * generator.uniform(0, 3, size=(200, 1)):
        assert bound(best) >= bound(other) - 1e-6


def test_member_that_overfits_is_shrunk_or_left_out():
    generator = np.random.default_rng(1)
    noise = scores(generator)
    assert _weights([noise])[0] < 0.5  # scores that say nothing: the best weight is near 0
