"""``mi_cli.estimate``."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

import mi_cli

N = 400
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=N)
Y = np.stack([X + 0.5 * RANDOM.normal(size=N), RANDOM.normal(size=N)], 1)
TRUTH = 0.5 * np.log(5)


@pytest.mark.parametrize(
    "kind",
    [np.asarray, torch.from_numpy, pl.Series, lambda rows: pl.DataFrame({"a": rows}), list],
    ids=["numpy", "torch", "polars series", "polars frame", "list"],
)
def test_rows_of_any_kind_give_the_same_estimate(kind):
    found = mi_cli.estimate(kind(X), Y, "copula")
    assert (found.status, found.kind) == ("ok", "point estimate")
    assert found.value == mi_cli.estimate(X, Y, "copula").value
    assert abs(found.value - TRUTH) < 5 * found.stderr  # false alarms: 1e-6


def test_critics_are_cross_fitted_and_the_seed_decides():
    fast = ["training.steps=40", "estimator.hidden=[8]"]
    one, same, other = (mi_cli.estimate(X, Y, "dv", seed=seed, overrides=fast) for seed in (0, 0, 1))
    assert one == same
    assert one.value != other.value
    assert one.lower < one.value < one.ci_high
    assert one.p_value <= 1 / 200  # beyond all of 199 permutations of 80 rows a fold


def test_rows_of_groups_stay_together_and_make_the_error_larger():
    # Each row five times over tells no more than once.
    x, y, group = (np.repeat(side, 5, axis=0) for side in (X[:100], Y[:100, :1], np.arange(100)))
    overrides = ["training.steps=60", "estimator.hidden=[8]"]
    found = mi_cli.estimate(x, y, "dv", groups=group, overrides=overrides)
    assert found.status == "ok"
    assert found.p_value is None
    naive = mi_cli.estimate(x, y, "dv", overrides=overrides)
    assert found.stderr > 1.5 * naive.stderr


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X, Y[:-1], "rows: x 400, y 399; accepted: as many of each"),
        (np.zeros((2, 2, 2)), Y, "x: 3 dimensions; accepted: 1 or 2"),
        (np.where(X > 2, np.nan, X), Y, "missing"),
        (np.zeros(N), Y, "constant"),
    ],
)
def test_bad_rows_are_refused_in_a_line(x, y, message):
    with pytest.raises(ValueError, match=message):
        mi_cli.estimate(x, y, "copula")


def test_unknown_estimator_is_refused():
    with pytest.raises(ValueError, match="estimator"):
        mi_cli.estimate(X, Y, "crystal_ball")
