"""The default estimator: critics of several kinds, weighed on validation rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import context, gaussian_rows, problem

from mi_cli.bounds.variational import donsker_varadhan
from mi_cli.estimators.auto import Auto
from mi_cli.estimators.mixture import _weights, fit_mixture
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
    assert (found.kind, found.status) == ("point estimate", "ok")
    assert set(weights_of(found)) >= {"weight_gaussian", "weight_student_1", "weight_separable", "weight_concat"}
    assert min(weights_of(found).values()) >= 0


def test_value_is_the_midpoint_of_test_and_training_rows_and_the_lower_limit_is_of_test_rows():
    columns = gaussian_rows(500, 0.5, 1, 10)
    (found,) = estimated(
        problem(
            train=columns, val=gaussian_rows(200, 0.5, 2, 10), test=gaussian_rows(500, 0.5, 3, 10), dim_x=10, dim_y=10
        )
    )
    assert found.test_mi < found.value < found.train_mi
    assert found.value == pytest.approx((found.test_mi + found.train_mi) / 2)
    assert found.ci_high - found.value == pytest.approx(1.96 * found.stderr, rel=1e-4)
    assert found.test_mi - found.lower == pytest.approx(1.645 * found.stderr, rel=1e-3)


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


def classes(n, seed, d=20):
    """Five classes of normal rows in d columns, of which the first tells the class: MI by Monte Carlo, .6 nats."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(5, (n,), generator=generator)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    x[:, 0] += 1.5 * label
    return Rows(x, torch.nn.functional.one_hot(label, 5).double())


def test_classes_given_many_columns_are_told_by_discriminant_analysis():
    label, draws = torch.arange(5), torch.randn(100_000, 1, dtype=torch.float64)
    x = draws + 1.5 * label.repeat(20_000).unsqueeze(1)
    logs = -0.5 * (x - 1.5 * label) ** 2
    own = logs.gather(1, label.repeat(20_000).unsqueeze(1)).squeeze(1)
    truth = (own - logs.logsumexp(1)).mean().item() + np.log(5)
    (found,) = estimated(problem(train=classes(2000, 1), val=classes(300, 2), test=classes(2000, 3), dim_x=20, dim_y=5))
    assert found.value == pytest.approx(truth, abs=0.05 + 4 * found.stderr)


def test_tables_of_classes_are_counted():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(3, (4000, 1), generator=generator).double()
    y = torch.where(torch.rand(4000, 1, generator=generator) < 0.7, x, (x + 1) % 3)
    rows = Rows(x, y)
    parts = [rows.select(slice(low, high)) for low, high in ((0, 2000), (2000, 2400), (2400, 4000))]
    (found,) = estimated(problem(train=parts[0], val=parts[1], test=parts[2]))
    truth = np.log(3) + 0.7 * np.log(0.7) + 0.3 * np.log(0.3)
    assert found.value == pytest.approx(truth, abs=0.02 + 4 * found.stderr)


def test_rows_paired_at_random_leave_the_dependence_of_the_others():
    def rows(n, seed):
        good = gaussian_rows(n, 0.95, seed)
        strange = torch.rand(n, 1, generator=torch.Generator().manual_seed(seed)) < 0.3
        return Rows(good.x, torch.where(strange, gaussian_rows(n, 0, seed + 50).y, good.y))

    (found,) = estimated(problem(train=rows(3000, 1), val=rows(500, 2), test=rows(3000, 3)))
    test = rows(100_000, 4)
    quadratic = 0.95 * test.x * test.y - 0.5 * 0.95**2 * (test.x**2 + test.y**2)
    ratio = quadratic / (1 - 0.95**2) - 0.5 * np.log(1 - 0.95**2)
    truth = torch.log(0.3 + 0.7 * ratio.exp()).mean().item()
    assert found.value == pytest.approx(truth, abs=0.02 + 4 * found.stderr)
    assert weights_of(found)["weight_inliers"] > weights_of(found)["weight_gaussian"]


def test_a_chequerboard_is_found_by_counts_in_squares():
    def rows(n, seed):
        generator = torch.Generator().manual_seed(seed)
        x = torch.rand(n, 1, generator=generator, dtype=torch.float64) * 4
        row = torch.randint(2, (n, 1), generator=generator)
        y = 2 * row + (x.floor() % 2) + torch.rand(n, 1, generator=generator, dtype=torch.float64)
        return Rows(x, y)

    (found,) = estimated(problem(train=rows(4000, 1), val=rows(500, 2), test=rows(2000, 3)))
    assert found.value == pytest.approx(np.log(2), abs=0.2)
    assert weights_of(found)["weight_grid"] > 0.5


def test_the_share_of_independent_rows_is_fitted():
    generator = np.random.default_rng(0)
    member = scores(generator, n=2000)
    member.joint[:, :600] -= 9.0  # three rows of ten look impossible
    member.joint[:, 600:] += 5.0
    assert 0.05 < fit_mixture([member], most=50.0).independence < 0.5
    assert fit_mixture([scores(generator)], most=50.0).independence == 0
