"""Every estimator that is registered is near zero on independent rows, and near the truth on Gaussians."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from examples import context, gaussian_rows, problem
from scipy.special import entr, ndtr

from mi_cli.estimators.training_free import Direct
from mi_cli.problems import Rows
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.registry.lookup import load
from mi_cli.training.settings import Evaluation, Training

# What an estimator needs for its best, where that is not its defaults: one line here for one that does.
FIELDS: dict[str, dict[str, Any]] = {"linear": {"critic": "quadratic"}}
STEPS: dict[str, dict[str, Any]] = {"linear": {"batch": "full", "lr": 0.1}}
VARIATIONAL = ("dv", "mine", "nwj", "tuba", "infonce", "js", "smile", "fdime", "flo")
FIELDS |= {name: {"hidden": (16,), "embedding": 8} for name in VARIATIONAL}
FIELDS["tuba"]["baseline"] = (8,)
FIELDS["flo"]["dual"] = (8,)
STEPS |= {name: {"batch": 128, "schedule": "cosine", "ema": 0.95} for name in VARIATIONAL}
SHIFTS = {"infonce": 64}  # candidates, with fewer of which it is well below the truth
REMARKS = {"nearest"}  # which always say how they went about it
SIGNS = {"ross"}  # which take a discrete y: the sign of what the others take
FIELDS |= {name: {"hidden": (16,)} for name in ("club", "doe", "l1out")}
FIELDS["flow"] = {"hidden": (16,), "transforms": 1}
STEPS |= {"club": {"lr": 0.03, "schedule": "cosine"}, "flow": {"schedule": "cosine"}}
# What an estimator finds from rows without end, where that is not the MI.
LIMITS = {"club": lambda rho: rho**2 / (1 - rho**2)}
ROWS = 10_000
RHOS = (0.0, 0.4, 0.8)

names = pytest.mark.parametrize("name", ESTIMATORS)


def made(name):
    return load(ESTIMATORS[name])(**FIELDS.get(name, {}))


def rows(name, n, rho, seed):
    found = gaussian_rows(n, rho, seed)
    return Rows(found.x, found.y.sign()) if name in SIGNS else found


def posed(name, rho, seed=0, lr=0.01):
    parts = {"train": rows(name, ROWS, rho, 31), "val": rows(name, 4000, rho, 33), "test": rows(name, 20_000, rho, 32)}
    return problem(rho, seed, lr=lr, **parts)


def true_mi(name, rho):
    if name not in SIGNS:
        return -0.5 * math.log(1 - rho**2)
    x, weights = np.polynomial.hermite_e.hermegauss(200)
    p = ndtr(rho / math.sqrt(1 - rho**2) * x)  # that the sign is positive, given x
    return math.log(2) - float(weights @ (entr(p) + entr(1 - p)) / weights.sum())


def estimates(name, rhos=RHOS):
    training = Training(**{"steps": 250, "batch": 500, "schedule": "constant"} | STEPS.get(name, {}))
    evaluation = Evaluation(shifts=SHIFTS.get(name, 8))
    found, _ = made(name).estimate([posed(name, rho, lr=training.lr) for rho in rhos], training, evaluation, context())
    return dict(zip(rhos, found, strict=True))


class Found(dict[str, Any]):
    """Estimates by estimator, made when they are first asked for."""

    def __missing__(self, name):
        self[name] = estimates(name)
        return self[name]


@pytest.fixture(scope="module")
def found():
    return Found()


@names
def test_name_is_that_of_the_registry(name):
    assert made(name).name == name
    assert made(name).kind in ("lower bound", "upper bound", "point estimate")


@names
def test_independent_rows_have_no_information(name, found):
    # False alarms: 1e-6 (4.9 standard errors), beside 0.003 for what so few steps leave.
    estimate = found[name][0.0]
    assert abs(estimate.value) < 4.9 * estimate.stderr + 0.003


@names
@pytest.mark.parametrize("rho", RHOS[1:])
def test_estimate_is_near_the_truth(name, rho, found):
    # False alarms: 1e-6 (4.9 standard errors), beside what so few steps leave: 5 % of the truth. A bound errs on its
    # side of the truth, and on the other by sampling alone.
    estimate, truth = found[name][rho], LIMITS[name](rho) if name in LIMITS else true_mi(name, rho)
    error = estimate.value - truth
    room = {"lower bound": (0.05 * truth, 0), "upper bound": (0, 0.05 * truth)}.get(estimate.kind, (0.05 * truth,) * 2)
    assert -room[0] - 4.9 * estimate.stderr < error < room[1] + 4.9 * estimate.stderr
    assert estimate.stderr < 0.02 * max(1, truth)


@names
def test_estimate_says_everything_about_itself(name, found):
    for rho, estimate in found[name].items():
        assert (estimate.status, estimate.kind) == ("ok", made(name).kind)
        # Of independent rows an upper bound may be raised to 0, and a density may have learned nothing of x.
        assert estimate.reason == "" or rho == 0 or name in REMARKS
        if "ignores x" not in estimate.reason:
            assert estimate.ci_low < estimate.value < estimate.ci_high
            assert estimate.stderr > 0
        assert estimate.ceiling is None or estimate.ceiling > estimate.value
        if isinstance(made(name), Direct):
            assert (estimate.steps, estimate.history) == (None, {})
        else:
            assert estimate.steps == 250
            assert any(name.endswith("train_mi") for name in estimate.history)  # of one network or of several


@names
def test_estimate_is_the_same_every_time(name, found):
    assert estimates(name, rhos=(0.8,))[0.8].value == found[name][0.8].value


@names
def test_sign_of_the_correlation_does_not_matter(name, found):
    # False alarms: less than 1e-6 (4.9 standard errors of one of them), beside what so few steps leave.
    negative, positive = estimates(name, rhos=(-0.8,))[-0.8], found[name][0.8]
    assert negative.value == pytest.approx(positive.value, abs=0.05 + 4.9 * positive.stderr)
