"""Which nearest-neighbour estimator suits which columns, and that it says so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import estimate, gaussian_sides, whole

from mi_cli.estimators.nearest_neighbours import Nearest
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.registry.lookup import load


def labelled(n=2000, classes=5, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(classes, size=(n, 1)).astype(float)
    return y + random.uniform(0, 2, (n, 1)), y


def one_hot(codes, classes):
    return np.eye(classes)[codes[:, 0].astype(int)]


def test_continuous_columns_are_for_ksg():
    x, y = gaussian_sides(1000, 0.6, dim=2)
    found, ksg = (estimate(name, whole(x, y)) for name in ("nearest", "ksg"))
    assert found.reason == "by ksg"
    assert (found.value, found.stderr, found.ceiling) == (ksg.value, ksg.stderr, ksg.ceiling)
    assert estimate("nearest", whole(x, y), k=5).value == estimate("ksg", whole(x, y), k=5).value


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("classes", [2, 5])
def test_label_and_continuous_columns_are_for_ross(swapped, classes):
    x, y = labelled(classes=classes)
    ross = estimate("ross", whole(x, y))
    for label in (y, one_hot(y, classes)):
        found = estimate("nearest", whole(*((label, x) if swapped else (x, label))))
        assert found.reason == "by ross"
        assert (found.value, found.ceiling) == (ross.value, ross.ceiling)
    assert abs(ross.value - (math.log(classes) - (1 - 1 / classes) * math.log(2))) < 0.05


def test_two_labels_are_for_mixed():
    _, y = labelled()
    found = estimate("nearest", whole(one_hot(y, 5), np.minimum(y, 2)))
    assert found.reason == "by mixed, as x and y take few values"
    assert found.value == estimate("mixed", whole(one_hot(y, 5), np.minimum(y, 2))).value


def test_label_with_a_rare_class_is_for_mixed():
    x, y = labelled()
    y[:3] = 9.0
    assert estimate("nearest", whole(x, y)).reason == "by mixed, as a value of y occurs 3 times"


def test_column_with_many_equal_values_is_for_mixed():
    x, y = gaussian_sides(1000, 0.6, dim=2)
    x[:, 1] = np.maximum(x[:, 1], 0)
    found = estimate("nearest", whole(x, y))
    assert found.reason.startswith("by mixed, as column 1 of x repeats 5")
    assert found.reason.endswith(" % of its values")


def test_side_of_a_class_and_a_value_is_for_mixed():
    x, y = labelled()
    found = estimate("nearest", whole(np.concatenate([x, one_hot(y, 5)], 1), x + y))
    assert found.reason.startswith("by mixed, as column 1 of x repeats 100 %")


def test_few_equal_values_are_moved_apart_by_ksg_and_said():
    x, y = gaussian_sides(1000, 0.6)
    x[:20] = x[20:40]
    assert estimate("nearest", whole(x, y)).reason.startswith("by ksg; repeated values of x (column 0: 20)")


def test_what_it_takes_fails_with_its_reason():
    found = estimate("nearest", whole(*gaussian_sides(50, 0.6)))
    assert (found.status, found.reason) == ("failed", "50 rows; k=3 needs at least 64")


def test_it_takes_rows_of_every_dataset():
    assert all(load(ESTIMATORS[name])().unfit(None) == [] for name in ("nearest", "mixed"))
    assert Nearest().multiply_adds(1000, 2, 2) > 0


def test_p_value_is_that_of_what_it_takes():
    x, y = labelled(400)
    assert estimate("nearest", whole(x, y), permutations=19).p_value <= 0.05
