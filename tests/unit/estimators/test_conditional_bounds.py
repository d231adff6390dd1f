"""Estimators that fit conditional densities: upper bounds and differences of entropies."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from examples import CPU, SMALL, agree, config, context, gaussian_rows, problem
from scipy import integrate, stats

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import ConfigError, Fault
from mi_cli.estimators.entropy_difference import Flow
from mi_cli.problems import Rows
from mi_cli.procedures.base import procedure
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.registry.extras import how_to_install
from mi_cli.registry.lookup import load
from mi_cli.training import density_fit
from mi_cli.training.batches import stacked
from mi_cli.training.context import Context, Stopped
from mi_cli.training.settings import Evaluation, Training

FIELDS = {
    "club": {"hidden": (16,)},
    "l1out": {"hidden": (16,)},
    "doe": {"hidden": (16,)},
    "flow": {"hidden": (16,), "transforms": 1},
}
SHORT = Training(steps=30, batch=100, validate_every=10)
LONG = Training(steps=120, batch=250, schedule="cosine", lr=0.02)
every = pytest.mark.parametrize("name", FIELDS)
bounds = pytest.mark.parametrize("name", ["club", "l1out"])
entropies = pytest.mark.parametrize("name", ["doe", "flow"])


def estimates(name, problems, training=SHORT, start=None, ctx=None, **fields):
    estimator = load(ESTIMATORS[name])(**FIELDS[name] | fields)
    return estimator.estimate(problems, training, Evaluation(), ctx or context(), start)


def gaussian(rho, dim=1, n=4000, seed=0, lr=LONG.lr, n_val=1000, n_test=2000):
    parts = {
        part: gaussian_rows(rows, rho, 100 * seed + place, dim)
        for place, (part, rows) in enumerate({"train": n, "val": n_val, "test": n_test}.items())
    }
    return problem(rho, seed, lr=lr, dim_x=dim, dim_y=dim, **parts)


@pytest.mark.parametrize("dim", [1, 5])
@every
def test_estimate_of_gaussians(name, dim):
    # False alarms: 1e-6 each (4.9 standard errors), beside what is left to learn: 5 % of the truth.
    rhos = (0.4, 0.8)
    found, _ = estimates(name, [gaussian(rho, dim, n=10_000) for rho in rhos], LONG)
    for rho, estimate in zip(rhos, found, strict=True):
        truth = -0.5 * dim * math.log(1 - rho**2)
        assert (estimate.status, estimate.reason, estimate.ceiling) == ("ok", "", None)
        assert estimate.value > 0.95 * truth - 4.9 * estimate.stderr
        if estimate.kind == "point estimate":
            assert estimate.value < 1.05 * truth + 4.9 * estimate.stderr


@every
def test_few_rows_of_some_columns_are_enough_for_gaussians(name):
    # Training itself overfits 500 such rows; the regression it begins with does not. False alarms: 1e-6.
    truth = -2.5 * math.log(1 - 0.16)
    (found,), _ = estimates(name, [gaussian(0.4, 5, n=500, n_val=100, lr=0.01)], Training(steps=100, batch="full"))
    assert found.train_mi > 1.5 * truth
    assert found.value > 0.9 * truth - 4.9 * found.stderr
    if found.kind == "point estimate":
        assert found.value < truth + 4.9 * found.stderr


def test_leave_one_out_is_tighter_than_club_of_the_same_q():
    club, out = (estimates(name, [gaussian(0.8, 3)], LONG)[0][0] for name in ("club", "l1out"))
    assert out.value < 0.6 * club.value


@pytest.mark.parametrize(("n", "dim"), [(500, 1), (500, 5), (500, 25), (4000, 5)])
@every
def test_independent_rows_have_no_information(name, n, dim):
    # False alarms: less than 0.2 % each (3 standard errors), and seeded.
    (found,), _ = estimates(name, [gaussian(0.0, dim, n=n, n_val=n // 10)], Training(steps=50, batch=250))
    assert found.status == "ok"
    assert found.value <= 0.02 + 3 * found.stderr
    assert found.kind != "upper bound" or found.value >= 0


@entropies
def test_monotone_maps_of_the_columns_do_not_matter_much(name):
    def bent(rows):
        return Rows(torch.exp(0.5 * rows.x), torch.exp(0.7 * rows.y))

    plain = gaussian(0.8)
    skewed = replace(plain, **{part: bent(getattr(plain, part)) for part in ("train", "val", "test")})
    truth = -0.5 * math.log(1 - 0.64)
    (found,), _ = estimates(name, [skewed], LONG)
    assert found.value == pytest.approx(truth, abs=0.05 * truth + 4.9 * found.stderr)  # false alarms: 1e-6
    # By ranks it is Gaussian again, whatever it was.
    ranked, _ = estimates(name, [plain, skewed], LONG, preprocess="rank_gaussianise")
    assert ranked[0].value == pytest.approx(ranked[1].value, abs=0.01)


def curved(n, seed, noise=0.3):
    x, e = torch.randn(2, n, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Rows(x, x.square() + noise * e)


def curved_mi(noise=0.3):
    """I(x; x² + noise · e) by quadrature: x² has a χ² density of one degree of freedom."""
    y = np.linspace(-3, 40, 1001)
    x = np.linspace(-7, 7, 1001)
    weights = stats.norm.pdf(x) * (x[1] - x[0])
    density = stats.norm.pdf(y[:, None], x**2, noise) @ weights
    entropy = -integrate.trapezoid(density * np.log(np.maximum(density, 1e-300)), y)
    return entropy - 0.5 * math.log(2 * math.pi * math.e * noise**2)


@pytest.mark.parametrize("name", ["l1out", "doe", pytest.param("flow", marks=pytest.mark.slow)])
def test_dependence_without_correlation_is_found(name):
    posed = problem(train=curved(8000, 1), val=curved(1000, 2), test=curved(4000, 3), lr=0.02)
    (found,), _ = estimates(name, [posed], LONG.model_copy(update={"steps": 500}), hidden=(32, 32))
    truth = curved_mi()
    assert found.value == pytest.approx(truth, abs=0.07 * truth + 4.9 * found.stderr)  # false alarms: 1e-6


def test_columns_of_y_may_depend_on_each_other():
    """y_2 = y_1 + a little: its entropies are of a narrow density, and their difference is unchanged."""

    def widened(rows):
        e = torch.randn(len(rows), 1, generator=torch.Generator().manual_seed(len(rows)), dtype=torch.float64)
        return Rows(rows.x, torch.cat([rows.y, rows.y + 0.1 * e], 1))

    plain = gaussian(0.8, n=8000)
    parts = {part: widened(getattr(plain, part)) for part in ("train", "val", "test")}
    truth = -0.5 * math.log(1 - 0.64)
    (found,), _ = estimates("doe", [replace(plain, dim_y=2, **parts)], LONG)
    assert found.value == pytest.approx(truth, abs=0.05 * truth + 4.9 * found.stderr)  # false alarms: 1e-6


@every
@pytest.mark.parametrize("dim", [1, 3])
def test_trial_alone_equals_itself_in_a_stack(name, dim):
    def posed():
        return [gaussian(0.3 * seed, dim, 300, seed, n_val=100, n_test=300) for seed in range(4)]

    together, state = estimates(name, posed())
    for index in (0, 3):
        alone, own = estimates(name, posed()[index : index + 1])
        assert agree(alone[0], together[index])
        assert torch.equal(own.flat, state.flat[index::4])


def three_problems():
    return [gaussian(0.6, 2, 300, seed, n_val=100, n_test=300) for seed in range(3)]


@cache
def calm_estimates(name):
    return estimates(name, three_problems())[0]


@every
@pytest.mark.parametrize("fault", ["infinite x", "missing test y", "constant x", "few values of y", "wild"])
def test_fault_of_one_problem_has_its_reason_and_changes_no_other(name, fault):
    calm, bad = calm_estimates(name), three_problems()
    if fault == "infinite x":
        bad[1].train.x[7, 0] = math.inf
    elif fault == "missing test y":
        bad[1].test.y[7, 1] = math.nan
    elif fault == "constant x":
        bad[1].train.x[:, 1] = 2.0
    elif fault == "few values of y":
        bad[1].train.y[:, 1] = bad[1].train.y[:, 1].round()
    else:
        bad[1] = replace(bad[1], lr=1e30)
    found, state = estimates(name, bad)
    assert agree(found[0], calm[0])
    assert agree(found[2], calm[2])
    status, words = {
        "infinite x": ("failed", "x has values that are not finite in its training rows"),
        "missing test y": ("failed", "y has values that are not finite in its test rows"),
        "constant x": ("failed", "column 1 of x is constant"),
        "few values of y": ("failed", "column 1 of y takes"),
        "wild": ("diverged", "non-finite at step"),
    }[fault]
    assert (found[1].status, found[1].value, found[1].stderr) == (status, None, None)
    assert words in found[1].reason
    assert "\n" not in found[1].reason
    assert len(state.flat) == 3 * (2 if name in ("doe", "flow") else 1)


@every
def test_all_problems_may_fail_and_progress_is_complete(name):
    for spoil in ((), (0,), (0, 1)):
        posed, done = [gaussian(0.6, 1, 300, seed, n_test=300) for seed in range(2)], []
        for index in spoil:
            posed[index].train.x[0] = math.nan
        found, _ = estimates(
            name, posed, SHORT.model_copy(update={"patience": 1}), ctx=Context(CPU, advance=done.append)
        )
        assert [estimate.status for estimate in found] == ["failed" if i in spoil else "ok" for i in range(2)]
        assert sum(done) == 2 * SHORT.steps


@every
def test_fresh_rows_train_as_well(name):
    draws = []

    def draw(n):
        draws.append(n)
        rows = gaussian_rows(n, 0.8, 100 + len(draws))
        return Rows(5 + 3 * rows.x.float(), 100 * rows.y.float())

    other = {
        part: Rows(5 + 3 * rows.x, 100 * rows.y)
        for part, rows in (("val", gaussian_rows(500, 0.8, 2)), ("test", gaussian_rows(2000, 0.8, 3)))
    }
    (found,), _ = estimates(name, [problem(train=None, draw=draw, lr=0.02, **other)], LONG)
    assert sum(draws) >= LONG.steps * LONG.batch
    assert found.value > 0.4


@every
def test_training_goes_on_from_a_state(name):
    posed = lambda: [gaussian(0.6, 1, 300, seed, n_test=300) for seed in range(2)]  # noqa: E731
    _, first = estimates(name, posed())
    second, state = estimates(name, posed(), start=first)
    assert state.steps == 2 * SHORT.steps
    assert not torch.equal(state.flat, first.flat)
    assert [estimate.steps for estimate in second] == [SHORT.steps] * 2


@every
def test_without_validation_rows_the_last_step_is_taken(name):
    nothing = gaussian_rows(0, 0.6, 0)
    (found,), _ = estimates(name, [problem(0.8, val=nothing)], SHORT.model_copy(update={"checkpoint": "last"}))
    assert (found.status, found.val_mi, found.reason) == ("ok", None, "")
    assert list(found.history) == ["train_mi"]


@every
def test_estimate_tells_all_about_its_training(name):
    (found,), _ = estimates(name, [gaussian(0.8, lr=0.05)])
    steps, trace = found.history["train_mi"]
    assert steps.tolist() == [10, 20, 30]
    assert np.isfinite(trace).all()
    assert found.train_mi == pytest.approx(trace.mean(), rel=1e-5)
    steps, values = found.history["val_mi"]
    assert steps.tolist() == [0, 10, 20, 30]
    assert found.val_mi > 0
    if name in ("club", "l1out"):  # the others choose the steps of their two densities apart
        assert found.val_mi in values
    assert found.steps == 30


@every
def test_where_nothing_was_learned_the_estimate_is_zero_and_says_so(name):
    (found,), _ = estimates(name, [gaussian(0.0, 1, n=100, n_val=200, seed=2, lr=0.1)])
    assert (found.value, found.stderr, found.status) == (0, 0, "ok")
    assert "ignores x" in found.reason


@bounds
def test_no_upper_bound_is_below_zero(name):
    training = SHORT.model_copy(update={"checkpoint": "last"})
    found, _ = estimates(name, [gaussian(0.0, 2, 200, seed) for seed in range(6)], training)
    raised = [estimate for estimate in found if "raised to 0" in estimate.reason]
    assert raised  # of 6 about a half
    assert all(estimate.value == 0 and estimate.ci_low < 0 < estimate.ci_high for estimate in raised)
    assert all(estimate.value > 0 for estimate in found if not estimate.reason)


def test_leave_one_out_of_many_rows_is_the_mean_of_groups():
    fit = load(ESTIMATORS["l1out"])().fit(1, 1)
    x, y = stacked([gaussian_rows(5000, 0.8, 0)], CPU)
    moments = 0.8 * x[:, :1], torch.full_like(y, math.log(0.36))
    groups = list(zip(*(part.tensor_split(3, -1) for part in (y, *moments)), strict=True))
    values, errors = zip(*(fit.measure(*group) for group in groups), strict=True)
    value, error = fit.measure(y, *moments)
    assert torch.equal(value, fit.bound(y, *moments))
    assert value.item() == pytest.approx(sum(values).item() / 3, abs=1e-3)
    assert error.item() == pytest.approx(math.hypot(*errors) / 3, rel=1e-2)


@entropies
def test_patience_may_end_the_two_densities_apart(name):
    training = Training(steps=400, batch=100, validate_every=5, patience=2)
    (found,), _ = estimates(name, [gaussian(0.8, n=200, lr=0.05)], training)
    assert 0 < found.steps <= 400
    assert np.isfinite(found.history["train_mi"][1]).all()
    assert math.isfinite(found.train_mi)


def test_traces_of_an_ended_training_are_held():
    held = density_fit._held(np.array([[1.0, 2.0], [np.nan, 3.0], [np.nan, np.nan]]))
    assert held.tolist() == [[1, 2], [1, 3], [1, 3]]


@every
def test_stop_is_honoured(name):
    stopped = context()
    stopped.stop.set()
    with pytest.raises(Stopped):
        estimates(name, [gaussian(0.5, n=200)], ctx=stopped)


@every
def test_cost_grows_with_rows_and_widths(name):
    def cost(**fields):
        section = {"name": name} | FIELDS[name]
        found = config({key: value for key, value in SMALL.items() if key != "estimator"}, estimator=section | fields)
        return procedure(found).cost(found)

    assert cost().steps == SMALL["training"]["steps"]
    assert cost(hidden=(64,)).multiply_adds > cost().multiply_adds > 0
    assert cost(hidden=(64,)).bytes > cost().bytes > 0


@every
def test_label_of_few_values_is_refused(name, monkeypatch):
    monkeypatch.setattr(Gaussian, "discrete", frozenset("y"))
    with pytest.raises(ConfigError) as found:
        config({key: value for key, value in SMALL.items() if key != "estimator"}, estimator={"name": name})
    problem = f"its y takes few values, so that it has no density for estimator={name}"
    (fault,) = load(ESTIMATORS[name])().unfit(config().dataset)
    assert fault == Fault("dataset.name", "gaussian", problem, "a dataset whose y is continuous")
    assert found.value.lines == (str(fault),)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as found:
        config({key: value for key, value in SMALL.items() if key != "estimator"}, estimator={"name": "flow"})
    (fault,) = Flow().faults(Training())
    assert fault == Fault("estimator.name", "flow", "needs zuko", command=how_to_install("flow"))
    assert found.value.lines == (str(fault),)
