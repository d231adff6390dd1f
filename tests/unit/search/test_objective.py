"""The objective of a search, and the test values of its best point."""

from __future__ import annotations

import math

import numpy as np
from examples import COMPARE, config, merged, trials

from mi_cli.schema.search_space import Search
from mi_cli.search.objective import Objective, value_on_test_rows


def test_objectives_by_procedure():
    fresh = config(COMPARE)
    assert Objective.from_config(Search(), config()) == Objective("val_mi", maximise=True)
    assert Objective.from_config(Search(), fresh) == Objective("split_mse", maximise=False)
    assert Objective.from_config(Search(), config(merged(COMPARE, {"split": {"fresh": 0}}))) == Objective(
        "val_mi", maximise=True
    )
    assert Objective.from_config(Search(direction="minimise"), config()) == Objective("val_mi", maximise=False)


def test_the_objective_is_the_mean_over_what_is_repeated():
    pair = trials(sweep={"seed": [0, 1]})
    rows = {
        i: [{"status": "ok", "reason": "", "method": "mine", "val_mi": value}] for i, value in enumerate((1.0, 2.0))
    }
    objective = Objective("val_mi", maximise=True)
    assert objective.value(pair, rows, {}) == (1.5, "")
    rows[1][0] |= {"status": "diverged", "reason": "NaN"}
    assert objective.value(pair, rows, {}) == (None, "trial 1 diverged: NaN")
    rows[1][0] |= {"status": "ok", "val_mi": math.nan}
    assert objective.value(pair, rows, {}) == (None, "trial 1 has no val_mi")


def test_the_error_on_validation_rows_is_that_of_the_checkpoint():
    (trial,) = trials(COMPARE)
    steps = np.array([10, 20, 30])
    history = {"val_mi": (steps, np.array([0.1, 0.3, 0.2])), "val_mse": (steps, np.array([3.0, 2.0, 1.0]))}
    rows = {0: [{"status": "ok", "reason": "", "method": "ridge"}, {"status": "ok", "method": "mi_encoder"}]}
    assert Objective("val_mse", maximise=False).value([trial], rows, {0: history}) == (2.0, "")
    (last,) = trials(COMPARE, training={"checkpoint": "last"})
    assert Objective("val_mse", maximise=False).value([last], rows, {0: history}) == (1.0, "")


def test_a_test_value_has_an_interval_over_trials_or_the_one_of_its_single_trial():
    rows = [{"estimate": 1.0, "ci_low": 0.5, "ci_high": 1.5}, {"estimate": 3.0, "ci_low": 2.5, "ci_high": 3.5}]
    alone, both = value_on_test_rows(rows[:1], "estimate", 0.95), value_on_test_rows(rows, "estimate", 0.95)
    assert alone is not None
    assert both is not None
    assert (alone["mean"], alone["ci_low"], alone["ci_high"]) == (1.0, 0.5, 1.5)
    assert both["mean"] == 2.0
    assert both["ci_low"] < 1.0
    assert value_on_test_rows(rows, "test_mse", 0.95) is None
