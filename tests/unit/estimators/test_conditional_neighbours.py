"""Conditional nearest neighbours: values by their definition, limits, systems of known MI, and their p-value."""

from __future__ import annotations

import numpy as np
import pytest
from estimation import given, value_given
from scipy.special import digamma

from mi_cli.estimators.conditional_neighbours import _by_distances, count_near_given, neighbours_given
from mi_cli.estimators.mixed import mixed
from mi_cli.estimators.neighbour_search import numbered, separate

ROW = np.arange(200)
DISTINCT = [ROW, ROW, ROW]


def normal(dim_z, n=200, seed=0):
    x, y, *z = np.random.default_rng(seed).standard_normal((2 + dim_z, n, 1))
    return x, 0.5 * x + y, np.concatenate([np.empty((n, 0)), *z], 1)


def slow(x, y, z, k):
    """As Frenzel and Pompe write it, row by row."""
    terms = []
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        a, b, c = (np.abs(side[others] - side[i]).max(1, initial=0) for side in (x, y, z))
        radius = np.sort(np.maximum(np.maximum(a, b), c))[k - 1]
        inside = [(np.maximum(side, c) < radius).sum() + 1 for side in (a, b)]
        terms.append(digamma(k) - digamma(inside).sum() + digamma((c < radius).sum() + 1))
    return np.mean(terms)


@pytest.mark.parametrize("dim_z", [1, 2, 6])
def test_value_is_that_of_its_definition(dim_z):
    sides = normal(dim_z)
    assert neighbours_given(*sides, DISTINCT, 3) == pytest.approx(slow(*sides, 3), abs=1e-12)


def test_trees_and_distances_count_the_same():
    sides = normal(2, n=1500)  # several blocks
    for one, other in zip(count_near_given(*sides, 3), _by_distances(*sides, 3, lambda: None), strict=True):
        assert np.array_equal(one, other)


def test_without_z_it_is_that_of_mixtures():
    random = np.random.default_rng(0)
    x, y = np.round(random.standard_normal((2, 200, 1)))  # many pairs of values occur more than k times
    values = numbered(x), numbered(y)
    x, y = (separate("x", side, random)[0] for side in (x, y))
    of_z = np.zeros(200, np.int64)
    assert neighbours_given(x, y, x[:, :0], [*values, of_z], 3) == pytest.approx(mixed(x, y, *values, 3), abs=1e-12)


def test_a_single_row_has_no_information():
    one = np.zeros((1, 1))
    assert neighbours_given(one, one, one, [np.zeros(1, np.int64)] * 3, 3) == 0


def test_of_classes_of_z_it_is_the_mean_over_the_classes():
    x, y, z = normal(1)
    label = z > 0.4
    parts = [np.flatnonzero(label[:, 0] == one) for one in (False, True)]
    of_parts = [
        neighbours_given(x[part], y[part], x[part][:, :0], [part, part, 0 * part], 3) * len(part) for part in parts
    ]
    assert value_given("ksg", x, y, label, preprocess="none") == pytest.approx(sum(of_parts) / 200)


# Exact values by covariances or sums, in nats; at 800 rows an estimate has a spread of .03, and 4 of these are allowed.
SYSTEMS = {
    "chain": 0.0,
    "collider": 0.510826,
    "confounded": 0.223144,
    "classes": 0.249110,
    "xor": 0.693147,
}


def system(name, n=800, seed=3):
    """x, y and z, ``(n, 1)`` each."""
    random = np.random.default_rng(seed)
    a, b, c = random.standard_normal((3, n, 1))
    if name == "chain":
        return 0.8 * c + 0.6 * a, 0.7 * c + 0.51**0.5 * b, c
    if name == "collider":
        return a, b, a + b + 0.5 * c
    if name == "confounded":
        return np.sin(2 * c) + a, c**2 + 0.6 * a + 0.8 * b, c
    if name == "classes":
        label = random.random((n, 1)) < 0.3
        return a, np.where(label, 0.9 * a + 0.19**0.5 * b, b), label.astype(float)
    x, z = random.integers(0, 2, (2, n, 1)).astype(float)
    return x, (x + z) % 2, z


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_of_known_information(name):
    found = value_given("mixed" if name == "xor" else "ksg", *system(name))
    assert found == pytest.approx(SYSTEMS[name], abs=0.12)


def test_class_of_x_and_numbers_elsewhere():
    # Given z, x is the sign of y less z: I(x; y | z) = ln 2.
    random = np.random.default_rng(0)
    z, e = random.standard_normal((2, 800, 1))
    assert value_given("nearest", (e > 0).astype(float), z + e, z) == pytest.approx(np.log(2), abs=0.12)


def test_nearest_says_what_it_is_given():
    assert given("nearest", *system("xor")).reason == "by counting"
    assert given("nearest", *system("chain", n=100)).reason == "by ksg"


@pytest.mark.parametrize(("fields", "said"), [({"form": 2}, "use form=1"), ({"metric": "euclidean"}, "use metric=max")])
def test_options_without_a_conditional_form_are_refused(fields, said):
    found = given("ksg", *system("chain", n=100), **fields)
    assert found.status == "failed"
    assert said in found.reason


@pytest.mark.parametrize("name", ["ross", "histogram", "gmm"])
def test_estimators_that_take_no_z_fail(name):
    found = given(name, *system("chain", n=100))
    assert found.status == "failed"
    assert "does not estimate the MI given z" in found.reason


@pytest.mark.parametrize("name", ["nearest", "copula"])
def test_an_increasing_function_of_z_is_refused(name):
    x, _, z = normal(1)
    assert given(name, x, np.exp(z), z).reason.endswith(
        "column 0 of y is a function of z; it must vary where z does not"
    )


@pytest.mark.slow
def test_p_value_keeps_its_level_under_confounding():
    # 5 % of 60 samples are 3; 9 or more are seen by chance in .4 %.
    p_values = []
    for seed in range(60):
        z, a, b = np.random.default_rng(seed).standard_normal((3, 200, 1))
        p_values.append(given("ksg", 2 * np.sin(2 * z) + a, 2 * z**2 + b, z, permutations=39).p_value)
    assert sum(p <= 0.05 for p in p_values) < 9
    assert given("ksg", *system("confounded", n=300), permutations=39).p_value <= 0.05
