"""Which nearest-neighbour estimator suits which columns, and that it says so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import estimate, gaussian_sides, whole

from mi_cli.estimators.nearest_neighbours import Nearest
from mi_cli.registry.builtin import DATASETS, ESTIMATORS
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


def test_two_labels_are_counted():
    _, y = labelled()
    found = estimate("nearest", whole(one_hot(y, 5), np.minimum(y, 2)))
    assert found.reason == "by counting"
    assert found.value == estimate("histogram", whole(y, np.minimum(y, 2))).value


@pytest.mark.parametrize("n", [20, 40, 75_278])
def test_tables_are_counted_without_a_search_for_neighbours(n, monkeypatch):
    for module in ("ksg", "ross", "mixed"):
        monkeypatch.delattr(f"mi_cli.estimators.{module}.tree_neighbours", raising=False)
        monkeypatch.delattr(f"mi_cli.estimators.{module}.distances", raising=False)
    _, y = labelled(n, 2)
    found = estimate("nearest", whole(y, 3 * y), permutations=99)
    assert found.reason == "by counting"
    shares = np.bincount(y[:, 0].astype(int)) / n
    assert found.value == pytest.approx(-(shares * np.log(shares)).sum(), abs=1 / n)  # that of the sample
    assert found.p_value < 1e-4


def test_many_classes_beside_a_few_are_counted():
    random = np.random.default_rng(0)
    codes = random.integers(120, size=(2000, 1))
    answers = (codes + random.integers(2, size=codes.shape)) % 3
    for sides in ((codes * 1.0, answers * 1.0), (np.eye(120)[codes[:, 0]], answers * 1.0)):
        found = estimate("nearest", whole(*sides))
        assert found.reason == "by counting"
        assert found.ci_low < math.log(3) - math.log(2) < found.ci_high


def test_sparse_numbers_are_for_mixed_and_sparse_classes_are_counted():
    random = np.random.default_rng(0)
    z = random.gamma(10, size=(1000, 1))
    x, y = random.poisson(2 * z) * 1.0, random.poisson(2 * z) * 1.0
    assert estimate("nearest", whole(x, y)).reason == "by mixed, as x and y have too many pairs of values to be counted"
    classes = (np.eye(60)[np.minimum(side[:, 0], 59).astype(int)] for side in (x, y))
    assert estimate("nearest", whole(*(side[:, side.any(0)] for side in classes))).reason == "by counting"


def test_whole_numbers_without_dependence_have_an_interval_with_zero():
    # Tables of 15 x 7 values in 300 rows; none of 40 intervals misses 0 in 13 of 100 such runs if they hold 95 %.
    random = np.random.default_rng(0)
    missed = 0
    for _ in range(40):
        x, y = random.integers(18, 33, (300, 1)) * 1.0, random.integers(-3, 4, (300, 1)) * 1.0
        found = estimate("nearest", whole(x, y))
        assert found.reason == "by counting"
        assert found.ci_high >= 0
        missed += not found.ci_low <= 0 <= found.ci_high
    assert missed <= 8


def test_label_with_rare_classes_is_for_ross():
    x, y = labelled()
    y[:3], y[3] = 9.0, 11.0
    found = estimate("nearest", whole(x, y))
    assert found.reason == "by ross; 1 value of y that occurs once left out"
    assert abs(found.value - (math.log(5) - 0.8 * math.log(2))) < 0.05


@pytest.mark.parametrize(
    "change",
    [lambda x, y: (x, np.exp(4 * y)), lambda x, y: (np.exp(3 * x), -np.exp(-y)), lambda x, y: (x, y**3)],
    ids=["exp", "both", "cube"],
)
def test_value_does_not_change_with_increasing_maps_of_columns(change):
    x, y = gaussian_sides(600, 0.8)
    assert estimate("nearest", whole(*change(x, y))).value == pytest.approx(estimate("nearest", whole(x, y)).value)
    if change(x, y)[1].std() > 10:
        assert estimate("nearest", whole(*change(x, y)), preprocess="standardise").value < 0.3


def test_one_outlier_does_not_matter():
    x, y = gaussian_sides(1000, 0.8)
    calm = estimate("nearest", whole(x, y)).value
    x[0] = 999_999
    assert estimate("nearest", whole(x, y), permutations=99).p_value < 1e-6
    assert estimate("nearest", whole(x, y)).value == pytest.approx(calm, abs=0.02)


def test_zeros_beside_values_have_the_information_of_the_mixture():
    # Both are -9 in the same rows, and correlated elsewhere: I = H(zero) + (1 - p) I(values).
    random = np.random.default_rng(0)
    zero = random.random((4000, 1)) < 0.4
    x, y = gaussian_sides(4000, 0.8)
    found = estimate("nearest", whole(np.where(zero, -9, x), np.where(zero, -9, y)))
    assert "by mixed" in found.reason
    truth = -0.4 * math.log(0.4) - 0.6 * math.log(0.6) + 0.6 * -0.5 * math.log(1 - 0.64)
    assert found.value == pytest.approx(truth, abs=0.06)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("n", "most_wide"), [(20, 1.5), (40, 0.8), (200, 0.4)])
def test_interval_of_few_rows_is_no_wider_than_need_be_and_holds_the_truth(n, most_wide, rho):
    # Of 40 samples; it holds the truth in 85 to 97 of 100. Fewer than 28 of 40: 1e-3 at 85 of 100.
    truth, held, widths = -0.5 * math.log(1 - rho**2), 0, []
    for seed in range(40):
        found = estimate("nearest", whole(*gaussian_sides(n, rho, seed)))
        assert found.status == "ok"
        held += found.ci_low <= truth <= found.ci_high
        widths.append(found.ci_high - found.ci_low)
    assert held >= 28
    assert np.median(widths) < most_wide


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
    assert estimate("nearest", whole(x, y)).reason.startswith("by ksg; repeated values of column 0 of x (20)")


def test_what_it_takes_fails_with_its_reason():
    found = estimate("nearest", whole(*gaussian_sides(15, 0.6)))
    assert (found.status, found.reason) == ("failed", "15 rows; k=3 needs at least 16")


def test_it_takes_rows_of_every_dataset():
    datasets = [load(DATASETS[name])() for name in ("gaussian", "discrete_continuous", "confounded", "xor")]
    assert all(load(ESTIMATORS[name])().unfit(dataset) == [] for name in ("nearest", "mixed") for dataset in datasets)
    assert Nearest().multiply_adds(1000, 2, 2) > 0


def test_p_value_is_that_of_what_it_takes():
    x, y = labelled(400)
    assert estimate("nearest", whole(x, y), permutations=19).p_value <= 0.05
