"""Classes against continuous values: closed forms, scikit-learn's values, ties, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import estimate, gaussian_sides, value, whole
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from mi_cli.estimators.ross import _by_distances, _by_trees, ross


def staircase(n=3000, classes=5, seed=0):
    """A label y of m classes and x ~ U(y, y + 2), with I = ln m − (m − 1) ln 2 / m (Gao et al. 2017, 1709.06212)."""
    random = np.random.default_rng(seed)
    y = random.integers(classes, size=(n, 1)).astype(float)
    return y + random.uniform(0, 2, (n, 1)), y


def truth(classes):
    return math.log(classes) - (classes - 1) * math.log(2) / classes


@pytest.mark.parametrize("classes", [2, 5])
def test_value_is_near_the_truth(classes):
    # False alarms: 1e-6, of 9 degrees of freedom (11 standard errors).
    found = estimate("ross", whole(*staircase(classes=classes)))
    assert abs(found.value - truth(classes)) < 11 * found.stderr
    assert found.stderr < 0.03
    assert found.value < found.ceiling == pytest.approx(math.log(classes), abs=0.01)


def test_either_side_may_be_the_discrete_one():
    x, y = staircase()
    assert value("ross", y, x) == value("ross", x, y)


def test_value_is_that_of_scikit_learn():
    x, y = staircase(1000)
    (theirs,) = mutual_info_classif(x, y[:, 0].astype(int), n_neighbors=3, random_state=0)
    assert value("ross", x, y, preprocess="standardise") == pytest.approx(theirs, abs=1e-3)


def slow_ross(members, values, k, norm):
    terms = []
    for i in range(len(values)):
        distances = np.linalg.norm(values - values[i], norm, axis=1)
        own = np.sort(distances[members == members[i]])
        near = min(k, len(own) - 1)
        terms.append(digamma(near) - digamma(len(own)) - digamma((distances <= own[near]).sum() - 1))
    return digamma(len(values)) + np.mean(terms)


@pytest.mark.parametrize(("dim", "metric"), [(1, "max"), (3, "max"), (3, "euclidean"), (6, "max")])
def test_value_is_that_of_its_definition(dim, metric):
    random = np.random.default_rng(0)
    members = np.repeat([0, 1, 2], [80, 40, 3])  # the last of fewer rows than k
    values = random.standard_normal((123, dim)) + members[:, None]
    expected = slow_ross(members, values, 4, np.inf if metric == "max" else 2)
    assert ross(members, values, 4, metric) == pytest.approx(expected, abs=1e-12)


def test_trees_and_distances_count_the_same():
    x, y = staircase(2500)
    members = y[:, 0].astype(int)
    assert np.array_equal(
        _by_trees(members, x, 3, lambda: None), _by_distances(members, x, np.full(2500, 3), "max", lambda: None)
    )


def test_names_of_the_classes_do_not_matter_and_may_be_vectors():
    x, y = staircase()
    assert value("ross", x, np.array([3.0, -1.0, 7.5, 0.0, 1e9])[y[:, 0].astype(int)][:, None]) == value("ross", x, y)
    assert value("ross", x, np.eye(5)[y[:, 0].astype(int)]) == value("ross", x, y)


@pytest.mark.parametrize("dim", [1, 5, 25])
def test_independent_classes_have_no_information(dim):
    # False alarms: 1e-6, of 8 degrees of freedom or more (12 standard errors).
    values, labels = gaussian_sides(2000, 0.0, dim=dim)
    found = estimate("ross", whole(values, np.sign(labels[:, :1])))
    assert abs(found.value) < 12 * found.stderr


def test_repeated_values_are_moved_apart_and_said():
    x, y = staircase()
    found = estimate("ross", whole(x.round(2), y))
    assert found.reason.startswith("repeated values of column 0 of x (")
    assert found.value == pytest.approx(value("ross", x, y), abs=0.03)


def test_sides_that_are_both_or_neither_discrete_are_refused():
    x, y = staircase()
    both, neither = estimate("ross", whole(y, y)), estimate("ross", whole(x, x))
    assert both.reason == (
        "in 3000 rows, x has 5 distinct values and y has 5, so that both sides are discrete; ross needs one discrete "
        "side; use histogram"
    )
    assert neither.reason.endswith("so that neither side is discrete; ross needs one discrete side; use ksg")
    assert both.status == neither.status == "failed"


def rare(n, classes, seed, dependent=True):
    """Normals whose means depend on classes with shares of 1, 2^-1.5, 3^-1.5 … of the first, and their MI."""
    shares = np.arange(1, classes + 1.0) ** -1.5
    shares /= shares.sum()
    means, random = np.random.default_rng(9).normal(0, 1.5, classes), np.random.default_rng(seed)
    y = random.choice(classes, n, p=shares)
    x = means[y] + random.standard_normal(n)
    at = np.linspace(-10, 10, 4001)
    density = (shares * np.exp(-((at[:, None] - means) ** 2) / 2)).sum(1) / math.sqrt(2 * math.pi)
    truth = -(density * np.log(density)).sum() * (at[1] - at[0]) - 0.5 * math.log(2 * math.pi * math.e)
    return x[:, None], (y if dependent else random.permutation(y))[:, None] * 1.0, truth if dependent else 0.0


@pytest.mark.usefixtures("few_subsets")
@pytest.mark.parametrize("dependent", [True, False])
@pytest.mark.parametrize(("n", "classes", "slack"), [(200, 20, 0.1), (2000, 40, 0.03)])
def test_classes_of_few_rows_are_taken_with_fewer_neighbours(n, classes, slack, dependent):
    # The mean of 10 estimates, whose spread is .08 at 200 rows and .03 at 2,000.
    values = []
    for seed in range(10):
        x, y, truth = rare(n, classes, seed, dependent)
        assert np.unique(y, return_counts=True)[1].min() <= 3
        values.append(value("ross", x, y))
    assert abs(np.mean(values) - truth) < slack


def test_classes_of_one_row_are_left_out_and_said():
    x, y = staircase(300)
    y[:2, 0] = 9.0, 11.0
    found = estimate("ross", whole(x, y))
    assert found.reason == "2 values of y that occur once left out"
    assert found.value == pytest.approx(value("ross", x[2:], y[2:]), abs=0.01)
