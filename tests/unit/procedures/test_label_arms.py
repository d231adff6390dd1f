"""Methods choose among as many candidates, by the labels that are shown and by no others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from examples import config, context

from mi_cli.procedures import label_arms as arms
from mi_cli.procedures.label_networks import Labelled, network_arms
from mi_cli.procedures.label_probes import CANDIDATES, Target
from mi_cli.procedures.represented import encoded_table

DRAWN = {
    "procedure": "represent",
    "estimator": {"name": "infonce"},
    "dataset": {"name": "polynomial_differences", "terms": 3, "n_samples": 100},
    "representation": {"dim": 3, "hidden": [6]},
    "training": {"steps": 20, "validate_every": 10},
    "split": {"train": 0.6, "val": 0.1, "test": 0.3},
}
KINDS = ("constant", "features", "pls", "trees", "networks")


def table():
    return encoded_table(config(DRAWN))


def arm(kind, encoded, target, shown):
    return {
        "constant": arms.constant_arm,
        "features": lambda: arms.feature_arm(encoded.x, encoded.split.train),
        "pls": lambda: arms.pls_arm(encoded.x, encoded.split.train),
        "trees": lambda: arms.trees_arm(encoded.split.columns),
        "networks": lambda: network_arms([Labelled(encoded, target, shown)], context())[0],
    }[kind]()


def chosen(kind, target):
    encoded = table()
    shown = encoded.split.shown(24)
    return arms.choose(arm(kind, encoded, target, shown), target, shown, encoded.split.test)


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [0, 2])
def test_labels_that_are_not_shown_change_nothing(kind, classes):
    split = table().split
    (drawn,) = split.targets
    target = Target("y", (drawn.values > 0).astype(np.int64), 2) if classes else drawn
    hidden = np.setdiff1d(np.arange(100), split.shown(24))
    other = target.values.copy()
    other[hidden] = 1 - other[hidden]
    one, two = chosen(kind, target), chosen(kind, replace(target, values=other))
    assert (one.name, one.val_loss) == (two.name, two.val_loss)
    np.testing.assert_array_equal(one.predicted, two.predicted)
    assert one.predicted.shape == (30, classes or 1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_has_as_many_candidates(kind):
    encoded = table()
    made = arm(kind, encoded, encoded.split.targets[0], encoded.split.shown(24))
    assert len(made.names) == CANDIDATES


def test_candidate_with_the_lowest_loss_is_chosen():
    x = np.random.default_rng(0).normal(size=(60, 1))
    steep = Target("y", 5 * x[:, 0], 0)
    rows = np.arange(60)
    one = arms.choose(arms.feature_arm(x, rows), steep, rows[:40], rows[40:])
    assert one.name == "linear, penalty 0.0001"
    noise = Target("y", np.random.default_rng(1).normal(size=60), 0)
    assert arms.choose(arms.feature_arm(x, rows), noise, rows[:40], rows[40:]).name != one.name
