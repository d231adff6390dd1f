"""The trials of a search are validated, and what cannot be searched is refused."""

from __future__ import annotations

import pytest
from examples import COMPARE, merged, trials
from searches import faults, prepared

from mi_cli.errors import ABSENT, ConfigError
from mi_cli.search.expansion import expand

LRS = "sweep.training.lr=[1e-3,1e-2]"
SPACE = "search.space.training"


@pytest.mark.parametrize(
    ("overrides", "key", "value", "problem", "accepted"),
    [
        ([], "search", "optuna", "there is nothing to choose", "axes of the sweep, or"),
        ([f"{SPACE}.lr={{low: 2, high: 1}}"], f"{SPACE}.lr.low", 2, "", "below high=1"),
        ([f"{SPACE}.lr={{low: 0, high: 1, log: true}}"], f"{SPACE}.lr.low", 0, "has no logarithm", "a number above 0"),
        ([f"{SPACE}.batch={{low: 8, high: 9.5, int: true}}"], f"{SPACE}.batch.high", 9.5, "", "a whole number"),
        ([f"{SPACE}.batch={{low: 8, high: 64}}"], "training.batch", pytest.approx(29.392), "", "a whole number"),
        ([f"{SPACE}.lr={{low: 1, hig: 2}}"], f"{SPACE}.lr.high", ABSENT, "is missing", "a number"),
        ([f"{SPACE}.lr={{low: x, high: 2}}"], f"{SPACE}.lr.low", "x", "", "a number"),
        ([f"{SPACE}.nope=[1,2]"], f"{SPACE}.nope", [1, 2], "no such value in the config", "the path of one"),
        ([f"{SPACE}.lr=[]"], f"{SPACE}.lr", [], "is empty", "at least one value"),
        ([f"{SPACE}.lrr={{low: 1, high: 2}}"], f"{SPACE}.lrr", {"low": 1, "high": 2}, "no such value in the", ""),
        ([f"{SPACE}.lr=0.3"], f"{SPACE}.lr", 0.3, "", "a list, or a range such as"),
        ([f"{SPACE}.lr={{low: -1, high: 1}}"], "training.lr", -1.0, "", "a number above 0"),
        (["search.space.seed={low: 0, high: 9, int: true}"], "search.space.seed", ABSENT, "a seed cannot be", "sweep."),
        ([LRS, "search.trials=0"], "search.trials", 0, "", "a whole number of at least 1"),
        ([LRS, "search.rungs=[0.5,0.2]"], "search.rungs", (0.5, 0.2), "", "in ascending order"),
        ([LRS, "search.repeat=[nope]"], "search.repeat", ("nope",), "nope: not among the axes", "seed or"),
        ([LRS, "search.objective=test_mse"], "search.objective", "test_mse", "", "val_mi, val_mse or split_mse"),
        ([LRS, "search.objective=split_mse"], "search.objective", "split_mse", "procedure=estimate has no", "val_mi"),
        (["sweep.training.lr=[1e-3,-1e-2]"], "training.lr", -0.01, "", "a number above 0"),
        (["sweep.estimator=[smile,dv]"], "search.direction", None, "more is not better for estimator=smile", "max"),
        (
            [LRS, "dataset=confounded", "dataset.n_samples=500"],
            "search.direction",
            None,
            "more is not better given z",
            "maximise or minimise",
        ),
        (
            ["sweep.estimator=[ksg]", "dataset.n_samples=500"],
            "search.objective",
            "val_mi",
            "estimator=ksg has no",
            "an",
        ),
        (
            ["sweep.training.steps=[5,6]", "training.carry=training.steps"],
            *("training.carry", "training.steps", "cannot be used in a search", "null"),
        ),
    ],
)
def test_what_cannot_be_searched(overrides, key, value, problem, accepted, here):
    found = faults(*overrides)
    assert any(
        (fault.key, fault.value) == (key, value)
        and fault.problem.startswith(problem)
        and fault.accepted.startswith(accepted)
        for fault in found
    ), found


def test_errors_on_the_reported_rows_cannot_be_the_objective():
    config = prepared(merged(COMPARE, {"split": {"fresh": 0}}), {"training": {"lr": [0.1, 0.2]}}, objective="split_mse")
    with pytest.raises(ConfigError) as caught:
        expand(config)
    (fault,) = caught.value.faults
    assert (fault.key, fault.value) == ("search.objective", "split_mse")
    assert fault.problem == "needs rows to test the best point on"


def test_the_search_does_not_change_a_trials_fingerprint():
    (plain,), (searched,) = trials(), trials(search={"name": "optuna"})
    assert plain.fingerprint == searched.fingerprint
