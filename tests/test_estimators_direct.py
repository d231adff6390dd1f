"""What estimators without training share: reasons instead of numbers, errors from subsets, one step of progress."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from estimation import estimate
from examples import config, context, gaussian_rows, problem, trials

from mi_cli.context import Context, Stopped
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.estimators import ESTIMATORS
from mi_cli.estimators.base import Rows
from mi_cli.estimators.direct import Direct, is_discrete, subsampled_error
from mi_cli.procedures.base import procedure
from mi_cli.runner import stacks
from mi_cli.schema import ConfigError, Evaluation, Training, load

DIRECT = [name for name, path in ESTIMATORS.items() if issubclass(load(path), Direct)]
CONTINUOUS = [name for name in DIRECT if name not in ("histogram", "ross")]

names = pytest.mark.parametrize("name", DIRECT)


def posed(name="", rho=0.6, n=400, dim=1, seed=0, change=lambda x, y: (x, y)):
    def part(index):
        found = gaussian_rows(n, rho, 10 * seed + index, dim)
        y = found.y[:, :1].sign() if name == "ross" else found.y
        return Rows(*change(found.x, y))

    train, val, test = map(part, range(3))
    return problem(rho, seed, dim_x=train.x.shape[1], dim_y=train.y.shape[1], train=train, val=val, test=test)


def constant(x, y):
    return torch.cat([x, torch.full_like(x, 7.0)], 1), y


def missing(x, y):
    x = x.clone()
    x[3, 0] = math.nan
    return x, y


def huge(x, y):
    return x * 1e200, y


def tiny(x, y):
    return x * 1e-200, y


def unmatched(x, y):
    return x, y[:-1]


@names
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (constant, "column 1 of x is constant (7); needed: one that varies"),
        (missing, "values that are not finite; needed: none"),
        (unmatched, "rows and y has"),
        (huge, "column 0 of x has values whose variance float64 cannot hold"),
        (tiny, "column 0 of x has values whose variance float64 cannot hold"),
    ],
)
def test_bad_rows_are_a_failed_estimate_with_its_reason(name, change, reason):
    found = estimate(name, posed(name, change=change))
    assert found.status == "failed"
    assert reason in found.reason
    assert "\n" not in found.reason
    assert (found.value, found.stderr, found.ci_low, found.ci_high) == (None,) * 4


@names
def test_too_few_rows_are_a_failed_estimate_that_says_how_many_it_needs(name):
    found = estimate(name, posed(name, n=1))
    assert found.status == "failed"
    assert "need" in found.reason


@pytest.mark.parametrize("name", CONTINUOUS)
def test_discrete_column_is_refused_where_densities_are_meant(name):
    found = estimate(name, posed(change=lambda x, y: (x, torch.cat([y, y.sign()], 1))))
    assert found.status == "failed"
    assert "column 1 of y takes only 2 values" in found.reason
    assert name in found.reason


@pytest.mark.parametrize("name", ["gaussian", "copula", "gmm"])
def test_infinite_mi_is_a_failed_estimate(name):
    found = estimate(name, posed(rho=1.0))
    assert found.status == "failed"
    assert "infinite" in found.reason


@pytest.mark.parametrize("name", CONTINUOUS)
def test_discrete_dataset_is_refused_before_anything_runs(name, monkeypatch):
    monkeypatch.setattr(Gaussian, "discrete", frozenset({"y"}))
    with pytest.raises(ConfigError) as fault:
        config({"dataset": {"name": "gaussian", "n_samples": 2000}, "estimator": {"name": name}})
    assert fault.value.lines == (
        f"estimator.name={name}: takes continuous x and y, and dataset.name=gaussian has a discrete y; "
        "accepted: histogram, ross",
    )


@pytest.mark.parametrize("discrete", [(), ("x", "y")])
def test_ross_is_refused_unless_one_side_is_discrete(discrete, monkeypatch):
    estimator, dataset = load(ESTIMATORS["ross"])(), config().dataset
    monkeypatch.setattr(type(dataset), "discrete", frozenset(discrete))
    (line,) = estimator.unfit(dataset)
    assert line.startswith("estimator.name=ross: takes one discrete side and one continuous")
    monkeypatch.setattr(type(dataset), "discrete", frozenset({"x"}))
    assert estimator.unfit(dataset) == []


@names
def test_interval_has_its_level_and_other_settings_do_not_matter(name):
    wide, narrow = (estimate(name, posed(name), level) for level in (0.99, 0.5))
    assert wide.value == narrow.value
    assert wide.ci_high - wide.value == pytest.approx(wide.value - wide.ci_low)
    assert wide.ci_high - wide.ci_low > 2 * (narrow.ci_high - narrow.ci_low)
    assert (wide.steps, wide.history) == (None, {})


@names
def test_progress_ends_full(name):
    done = []
    where = Context(torch.device("cpu"), advance=done.append)
    estimator = load(ESTIMATORS[name])()
    resolved = config(dataset={"n_samples": 400})
    cost = procedure(resolved).cost(resolved.model_copy(update={"estimator": estimator}))
    for problems in ([posed(name)], [posed(name), posed(name, n=1)]):  # one that fails is done too
        done.clear()
        estimator.estimate(problems, Training(), Evaluation(), where)
        assert sum(done) == cost.steps * len(problems)
    assert cost.multiply_adds > 0


@names
def test_it_ends_when_asked_to(name):
    where = context()
    where.stop.set()
    with pytest.raises(Stopped):
        estimate(name, posed(name), where=where)


@names
def test_problems_do_not_depend_on_their_neighbours(name):
    estimator = load(ESTIMATORS[name])()
    both, _ = estimator.estimate([posed(name), posed(name, 0.3, seed=1)], Training(), Evaluation(), context())
    alone = estimate(name, posed(name, 0.3, seed=1))
    assert dataclasses.astuple(both[1])[1:9] == dataclasses.astuple(alone)[1:9]


def test_discrete_means_few_values_many_times():
    random = np.random.default_rng(0)
    assert is_discrete(random.integers(10, size=100))
    assert is_discrete(np.eye(10)[random.integers(10, size=100)])
    assert not is_discrete(random.standard_normal(100))
    assert not is_discrete(np.arange(4.0))
    assert not is_discrete(random.standard_normal(10_000).round(2))


def test_subsampled_error_is_that_of_a_mean():
    # Of 10 subsets; false alarms: the ratio's square is about chi² with 9 degrees of freedom; 1e-6 beyond .22 and 2.5.
    values = np.random.default_rng(0).standard_normal(4000)
    error, freedom = subsampled_error(lambda part: float(values[part].mean()), 4000, 50, np.random.default_rng(1))
    assert freedom == 9
    assert 0.22 < error / (values.std() / 4000**0.5) < 2.5


def test_subsets_are_disjoint_and_cover_the_rows():
    seen = []
    subsampled_error(lambda part: float(len(seen.append(part) or part)), 103, 50, np.random.default_rng(0), rounds=1)
    assert sorted(np.concatenate(seen)) == list(range(103))


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"name": "ksg", "k": 0}, "estimator.k=0: must be a whole number of at least 1"),
        ({"name": "ksg", "form": 3}, "estimator.form=3: must be 1 or 2"),
        ({"name": "ksg", "metric": "l2"}, "estimator.metric=l2: must be max or euclidean"),
        ({"name": "histogram", "bins": 1}, "estimator.bins=1: must be a whole number of at least 2 or auto"),
        ({"name": "gmm", "components": 0}, "estimator.components=0: must be a whole number of at least 1 or auto"),
        (
            {"name": "gmm", "preprocess": "rank"},
            "estimator.preprocess=rank: must be none, standardise or rank_gaussianise",
        ),
        ({"name": "copula", "preprocess": "none"}, "estimator.preprocess=none: unknown key; accepted: name, correct"),
    ],
    ids=str,
)
def test_bad_settings_are_named(fields, line):
    with pytest.raises(ConfigError) as fault:
        config({"dataset": {"name": "gaussian", "n_samples": 2000}, "estimator": fields})
    assert fault.value.lines == (line,)


@names
def test_training_does_not_matter(name):
    estimator, posing = load(ESTIMATORS[name])(), lambda: [posed(name)]
    one, other = (
        estimator.estimate(posing(), training, Evaluation(), context())[0][0]
        for training in (Training(), Training(steps=3, lr=5.0, batch="full", patience=2, ema=0.5))
    )
    assert one == other
    assert estimator.faults(Training(carry="dataset.rho", schedule="cosine")) == []


def test_trial_of_an_infinite_truth_says_so_and_has_no_training_value():
    base = {"dataset": {"name": "gaussian", "rho": 1.0, "n_samples": 500}, "split": {"val": 0, "test": 100}}
    made = trials(base, estimator={"name": "ksg"}, evaluation={"last_steps": 10}, training={"checkpoint": "best"})
    (outcome,) = procedure(made[0].config).run(made, context())
    assert set(outcome.methods) == {"ksg"}
    assert outcome.methods["ksg"]["status"] == "ok"
    assert (
        outcome.methods["ksg"]["reason"] == "the true MI is infinite, which no estimate from finitely many rows can be"
    )
    assert outcome.history == {}


def test_trials_without_training_are_stacks_of_their_own():
    made = trials(
        {"dataset": {"name": "gaussian", "n_samples": 500}, "estimator": {"name": "ksg"}}, sweep={"seed": [0, 1, 2]}
    )
    assert [len(stack.trials) for stack in stacks(made, 2)] == [1, 1, 1]
