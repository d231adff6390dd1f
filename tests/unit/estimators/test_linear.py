"""The discriminator with gradients in closed form."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from examples import agree, context, gaussian_rows, problem
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import optimize

from mi_cli.bounds import variational
from mi_cli.errors import Fault, shown
from mi_cli.estimators.linear import LinearDiscriminator
from mi_cli.training.context import Stopped
from mi_cli.training.settings import Evaluation, Training

CRITICS = ("linear", "bilinear", "quadratic")
PUBLISHED = Training(steps=1000, lr=0.01, batch="full", checkpoint="last", log_every=1)


def fit(problems, training=PUBLISHED, **fields):
    found, state = LinearDiscriminator(**fields).estimate(problems, training, Evaluation(), context())
    assert state is None
    return found


def published(seed=0, rho=0.6, **fields):
    """500 samples, weights from ones, 1,000 steps at 0.01: the study's first version."""
    return fit([problem(rho, seed)], init="ones", **fields)[0]


def optimum(estimator, rho, nodes=100):
    """The largest value of the bound in the population, found with the estimator's own value and gradient.

    By Gauss–Hermite quadrature: the joint samples' mean features make one row, and each product sample has the
    logarithm of its weight as one more feature, whose own weight stays 1.
    """
    points, masses = np.polynomial.hermite_e.hermegauss(nodes)
    x, y = (grid.reshape(-1, 1) for grid in np.meshgrid(points, points))
    weights = np.outer(masses, masses).ravel() / masses.sum() ** 2
    joint = weights @ estimator.features(x, rho * x + math.sqrt(1 - rho**2) * y)
    joint = np.append(joint, 0)[None]
    product = np.column_stack([estimator.features(x, y), np.log(weights * len(weights))])
    found = optimize.minimize(
        lambda w: -estimator.value(joint @ np.append(w, 1), product @ np.append(w, 1)),
        np.zeros(joint.shape[1] - 1),
        jac=lambda w: -estimator.gradient(np.append(w, 1), joint, product)[:-1],
        method="BFGS",
        options={"gtol": 1e-9},
    )
    return -found.fun, found.x


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bias", [False, True])
def test_linear_critic_in_nats_ends_at_zero(seed, bias):
    found = published(seed, bias=bias)
    assert abs(found.train_mi) < 1e-6
    assert abs(found.value) < 1e-6
    assert found.steps == 1000


@pytest.mark.parametrize("seed", range(3))
def test_bias_alone_makes_the_mixed_estimate_grow_without_end(seed):
    found = published(seed, bias=True, units="mixed")
    assert found.train_mi == pytest.approx(1.517, abs=0.001)
    steps, trace = found.history["train_mi"]
    assert (len(steps), steps[-1]) == (1000, 1000)
    assert (np.diff(trace[-100:]) > 0).all()
    assert abs(published(seed, bias=False, units="mixed").train_mi) < 1e-3


@pytest.mark.parametrize(("units", "bias", "gradient"), [("nats", 1.0, 0.0), ("mixed", -3.42695, 1 - 1 / math.log(2))])
def test_gradient_of_a_bias_is_constant(units, bias, gradient):
    estimator = LinearDiscriminator(bias=True, units=units)
    rows = gaussian_rows(500, 0.6, 1)
    x, y = rows.x.numpy(), rows.y.numpy()
    joint, product = estimator.features(x, y), estimator.features(x, np.roll(y, 1, 0))
    weights = np.ones(3)
    for _ in range(1000):
        found = estimator.gradient(weights, joint, product)
        assert abs(found[0] - gradient) < 1e-12
        weights = weights + 0.01 * found
    assert weights[0] == pytest.approx(bias, abs=5e-6)


@pytest.mark.parametrize(
    ("rho", "bilinear", "truth"),
    [(0.2, 0.019620, 0.0204110), (0.4, 0.074661, 0.0871767), (0.6, 0.157195, 0.2231436), (0.8, 0.259898, 0.5108256)],
)
def test_optima_in_the_population(rho, bilinear, truth):
    assert optimum(LinearDiscriminator(critic="linear"), rho)[0] == pytest.approx(0, abs=1e-12)
    value, (weight,) = optimum(LinearDiscriminator(critic="bilinear"), rho)
    assert value == pytest.approx(bilinear, abs=6e-7)
    # T = w·xy has E_product[exp T] = (1 − w²)^−½, so that the best w solves w / (1 − w²) = ρ.
    exact = (math.sqrt(1 + 4 * rho**2) - 1) / (2 * rho)
    assert exact * rho + 0.5 * math.log(1 - exact**2) == pytest.approx(bilinear, abs=6e-7)
    assert weight == pytest.approx(exact, abs=1e-5)
    value, weights = optimum(LinearDiscriminator(critic="quadratic"), rho)
    assert value == pytest.approx(truth, abs=6e-8)
    expected = np.array([0, 0, -(rho**2) / 2, rho, -(rho**2) / 2]) / (1 - rho**2)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


@pytest.mark.parametrize("units", ["nats", "mixed"])
@pytest.mark.parametrize("critic", CRITICS)
@given(seed=st.integers(0, 1000))
def test_gradient_is_that_of_the_value(critic, units, seed):
    rng = np.random.default_rng(seed)
    estimator = LinearDiscriminator(critic=critic, units=units, bias=True)
    x, y = rng.normal(size=(2, 9, 2))
    joint, product = estimator.features(x, y), estimator.features(x, np.roll(y, 1, 0))
    weights = rng.normal(size=joint.shape[1]) / 3
    numeric = optimize.approx_fprime(weights, lambda w: estimator.value(joint @ w, product @ w), 1e-6)
    np.testing.assert_allclose(estimator.gradient(weights, joint, product), numeric, rtol=1e-5, atol=2e-5)


@given(arrays(float, 6, elements=st.floats(-300, 300)), arrays(float, 8, elements=st.floats(-300, 300)))
def test_value_is_the_bound(joint, product):
    expected = variational.donsker_varadhan(torch.from_numpy(joint), torch.from_numpy(product)).item()
    assert LinearDiscriminator().value(joint, product) == pytest.approx(expected, abs=1e-9)
    log_z = joint.mean() - expected
    assert LinearDiscriminator(units="mixed").value(joint, product) == pytest.approx(
        joint.mean() - log_z / math.log(2), abs=1e-9
    )


def test_features():
    x, y = np.array([[2.0, 3.0]]), np.array([[5.0]])

    def of(critic, bias=False):
        return LinearDiscriminator(critic=critic, bias=bias).features(x, y)[0].tolist()

    assert of("linear") == [2, 3, 5]
    assert of("linear", bias=True) == [1, 2, 3, 5]
    assert of("bilinear") == [10, 15]
    assert of("quadratic") == [2, 3, 5, 4, 6, 10, 9, 15, 25]


def test_product_samples_are_shuffled_copies():
    posed = problem(n=50)
    estimator = LinearDiscriminator(n_product=3)
    x, y = posed.train.x.numpy(), posed.train.y.numpy()
    found = estimator._product(x, y, posed)
    assert found.shape == (150, 2)
    for copy in range(3):
        part = found[50 * copy : 50 * copy + 50]
        assert np.array_equal(part[:, 0], x[:, 0])
        assert np.array_equal(np.sort(part[:, 1]), np.sort(y[:, 0]))
        assert not np.array_equal(part[:, 1], y[:, 0])


@pytest.mark.parametrize(("critic", "expected"), [("bilinear", 0.157195), ("quadratic", 0.2231436)])
def test_held_out_estimate_is_near_its_optimum(critic, expected):
    # 20,000 training rows, so that what is learned costs about 1e-4; false alarms: 1e-6 (5 standard errors).
    posed = problem(0.6, n=20_000, lr=0.2, test=gaussian_rows(50_000, 0.6, 99))
    (found,) = fit([posed], Training(steps=60, batch="full"), critic=critic)
    assert found.stderr < 0.01
    assert abs(found.value - expected) < 5 * found.stderr + 5e-4
    assert found.ci_low < found.value < found.ci_high
    assert (found.kind, found.ceiling) == ("lower bound", pytest.approx(math.log(50_000 * 8)))
    assert found.val_mi == pytest.approx(found.value, abs=0.02)


def test_problems_do_not_mix():
    both = fit([problem(0.3, 1), problem(0.8, 2)], critic="bilinear")
    alone = fit([problem(0.8, 2)], critic="bilinear")
    assert agree(both[1], alone[0])


@pytest.mark.parametrize("lr", [1e200, 1e308])
def test_divergence_is_reported_with_its_step_and_harms_nobody(lr):
    wild = replace(problem(0.6, 1), lr=lr)
    found = fit([wild, problem(0.6, 2)], critic="bilinear")
    assert (found[0].status, found[0].value, found[0].steps) == ("diverged", None, 1)
    assert found[0].reason == "the bound left the range of float32 at step 1"
    assert len(found[0].history["train_mi"][1]) == 0
    assert agree(found[1], fit([problem(0.6, 2)], critic="bilinear")[0])


def test_stops_when_asked_to():
    asked = context()
    asked.stop.set()
    with pytest.raises(Stopped):
        LinearDiscriminator().estimate([problem()], PUBLISHED, Evaluation(), asked)


def test_takes_plain_steps_only():
    assert LinearDiscriminator().faults(PUBLISHED) == []
    for key, value in {"schedule": "cosine", "batch": 100, "ema": 0.5, "patience": 3, "carry": "dataset.rho"}.items():
        (fault,) = LinearDiscriminator().faults(PUBLISHED.model_copy(update={key: value}))
        problem = "estimator=linear takes plain full-batch steps"
        assert fault == Fault(f"training.{key}", value, problem, shown(getattr(PUBLISHED, key)))


def test_needs_fixed_rows():
    with pytest.raises(ValueError, match="fixed training rows"):
        fit([problem(train=None)])
