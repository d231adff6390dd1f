"""Candidates of methods against what they should compute: closed forms, gradients, and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor

from mi_cli.procedures import label_probes as probes
from mi_cli.procedures.label_probes import CANDIDATES, NEIGHBOURS, PENALTIES, Target

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(60, 4)), RNG.normal(size=(15, 4))


def number(x) -> Target:
    return Target("y", x[:, 0] - 2 * x[:, 1] + 0.1 * np.random.default_rng(len(x)).normal(size=len(x)), 0)


def classes(x) -> Target:
    return Target("c", np.digitize(x[:, 0] + x[:, 1], [-0.5, 0.5]), 3)


def test_numbers_are_predicted_by_ridge_regression():
    target = number(X)
    found = probes.probes(X, target, NEW, range(len(PENALTIES)))
    for penalty, predicted in zip(PENALTIES, found, strict=True):
        expected = Ridge(alpha=penalty * len(X)).fit(X, target.values).predict(NEW)
        np.testing.assert_allclose(predicted[:, 0], expected, rtol=1e-8, atol=1e-10)


def test_classes_are_predicted_by_logistic_regression():
    target = classes(X)
    (found,) = probes.linear(X, target, NEW, [0.1])
    model = LogisticRegression(C=1 / (0.1 * len(X)), tol=1e-8, max_iter=1000).fit(X, target.values)
    share = 1 / (len(X) + 1)
    np.testing.assert_allclose(found, (1 - share) * model.predict_proba(NEW) + share / 3, atol=2e-3)


def test_neighbours_are_the_nearest():
    target = number(X)
    found = probes.probes(X, target, NEW, range(len(PENALTIES), CANDIDATES))
    for k, predicted in zip(NEIGHBOURS, found, strict=True):
        expected = KNeighborsRegressor(min(k, len(X))).fit(X, target.values).predict(NEW)
        np.testing.assert_allclose(predicted[:, 0], expected)


def test_all_components_of_partial_least_squares_are_least_squares():
    target = number(X)
    found = probes.partial_least_squares(X, target, NEW, range(CANDIDATES))
    four = probes.COMPONENTS.index(4) * len(probes.FEW_PENALTIES)  # components, of as many columns
    expected = Ridge(alpha=1e-9).fit(X, target.values).predict(NEW)
    assert np.abs(found[four][:, 0] - expected).max() < 0.02  # but for a penalty of .001
    first = found[0][:, 0] - target.values.mean()
    direction = (NEW - X.mean(0)) @ (X - X.mean(0)).T @ (target.values - target.values.mean())
    assert abs(np.corrcoef(first, direction)[0, 1]) == pytest.approx(1)


def test_trees_do_not_depend_on_the_candidates_that_are_asked_for():
    x, new = X.copy(), NEW.copy()
    x[::7, 2] = np.nan
    for target in (number(X), classes(X)):
        every = probes.trees(x, target, new, [False] * 4)
        assert every.shape == (CANDIDATES, len(new), 3 if target.classes else 1)
        np.testing.assert_array_equal(probes.trees(x, target, new, [False] * 4, [5, 1]), every[[5, 1]])
        assert np.isfinite(every).all()


@pytest.mark.parametrize("predict", [probes.probes, probes.partial_least_squares])
def test_every_method_has_as_many_candidates(predict):
    assert len(predict(X, number(X), NEW)) == CANDIDATES
    assert len(probes.RATES) * len(probes.LEAVES) * len(probes.ROUNDS) == CANDIDATES


@pytest.mark.parametrize("kind", ["probes", "components", "trees", "constant", "network"])
def test_probabilities_add_up_and_none_is_zero(kind):
    """Also of a class that none of the fitted rows has."""
    target = Target("c", np.where(X[:, 0] > 0, 2, 0), 4)
    predicted = {
        "probes": lambda: probes.probes(X, target, NEW),
        "components": lambda: probes.partial_least_squares(X, target, NEW),
        "trees": lambda: probes.trees(X, target, NEW, [False] * 4),
        "constant": lambda: probes.constant(target),
        "network": lambda: probes.of_outputs(np.full((15, 4), -1e3) * [0, 1, 1, 1], target),
    }[kind]()
    np.testing.assert_allclose(predicted.sum(-1), 1)
    assert predicted.min() > 0


def test_one_class_is_enough():
    target = Target("c", np.zeros(60, np.int64), 2)
    for predict in (probes.probes, probes.partial_least_squares, lambda *rows: probes.trees(*rows, [False] * 4)):
        assert (predict(X, target, NEW)[..., 0] > 0.5).all()


def test_scores_of_numbers():
    target = Target("y", np.array([1.0, 2.0, 3.0]), 0)
    scores = probes.scores(target, np.array([[1.0], [2.0], [5.0]]), target)
    assert scores == {"test_mse": pytest.approx(4 / 3), "test_r2": pytest.approx(-1)}
    assert probes.scores(target, np.full((3, 1), 2.0), target)["test_r2"] == pytest.approx(0)


def test_scores_of_classes():
    target = Target("c", np.array([0, 0, 0, 1]), 2)
    predicted = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.7, 0.3]])
    even = Target("c", np.array([0, 1]), 2)
    scores = probes.scores(target, predicted, even)
    assert scores["test_accuracy"] == 0.5
    assert scores["test_balanced_accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    rare = Target("c", np.array([0, 0, 0, 0, 1]), 2)  # so that .3 is more than its share
    assert probes.scores(target, predicted, rare)["test_balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    never = Target("c", np.array([0, 0]), 2)
    assert probes.scores(target, predicted, never)["test_balanced_accuracy"] == 0.5
    assert scores["test_log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.3]).mean())


def test_standardised_columns_are_those_of_training_rows():
    x = np.column_stack([RNG.normal(3, 2, 100), np.full(100, 7.0)]).astype(np.float32)
    found = probes.standardised(x, np.arange(50))
    np.testing.assert_allclose(found[:50, 0].mean(), 0, atol=1e-9)
    np.testing.assert_allclose(found[:50, 0].std(), 1)
    assert (found[:, 1] == 0).all()
