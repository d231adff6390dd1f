"""The test of independence given z: its statistic, what it finds, and how often it errs."""

from __future__ import annotations

import numpy as np
import pytest
from examples import context
from scipy.special import digamma

from mi_cli.estimators.conditioning import Condition
from mi_cli.estimators.local_dependence import LocalDependence, local_dependence, neighbours_of_z


def condition(n, columns=1, classes=1, seed=0):
    random = np.random.default_rng(seed)
    return Condition(random.standard_normal((n, columns)), random.permutation(np.arange(n) % classes))


def slow(x, y, near):
    """Row by row, as it is defined."""
    terms = []
    for part, neighbours in near:
        m = neighbours.shape[1]
        for row, others in zip(part, neighbours, strict=True):
            a, b = (np.abs(side[others] - side[row]).max(1) for side in (x, y))
            both, term = np.maximum(a, b), 0.0
            for k in (m // 10, m // 5):
                radius = np.sort(both)[k - 1]
                within, of_x, of_y = ((side <= radius).sum() for side in (both, a, b))
                term += digamma(within) - digamma(of_x) - digamma(of_y) + digamma(m)
            terms.append(term)
    return np.mean(terms)


@pytest.mark.parametrize("columns", [0, 1, 3])
def test_statistic_is_that_of_its_definition(columns):
    random = np.random.default_rng(1)
    x, y = random.standard_normal((2, 300, 2)).round(1)  # many ties
    near = neighbours_of_z(condition(300, columns, classes=2), random)
    assert [len(part) for part, _ in near] == [150, 150]
    assert local_dependence(x, y, near) == pytest.approx(slow(x, y, near), abs=1e-9)


@pytest.mark.parametrize("columns", [0, 2])
def test_neighbours_are_other_rows_of_the_same_class(columns):
    of_z = condition(120, columns, classes=3)
    for part, neighbours in neighbours_of_z(of_z, np.random.default_rng(0)):
        assert neighbours.shape == (40, 39)  # the least is fifty, which a class of forty does not have
        assert (np.sort(neighbours, 1) == [part[part != row] for row in part]).all()


def test_a_class_of_one_row_has_no_neighbours():
    of_z = Condition(np.zeros((3, 0)), np.arange(3))
    near = neighbours_of_z(of_z, np.random.default_rng(0))
    assert not near
    assert local_dependence(np.zeros((3, 1)), np.zeros((3, 1)), near) == 0


def test_many_rows_are_tested_by_a_part_of_them():
    random = np.random.default_rng(0)
    x, y, z = random.standard_normal((3, 4500, 1))
    null, remark = LocalDependence(x, y, Condition(z, np.zeros(4500, np.int64))).null(1, random, context())
    assert remark == "p-value from 4000 of 4500 rows"
    assert len(null()) == 2


@pytest.mark.parametrize("kind", ["correlation", "sine", "sign of z", "scale"])
def test_dependence_is_found(kind):
    random = np.random.default_rng(3)
    x, noise, z = random.standard_normal((3, 500, 1))
    y = {
        "correlation": 0.4 * x + noise,
        "sine": np.sin(4 * x) + 0.7 * noise,
        "sign of z": 0.7 * np.sign(z) * x + noise,
        "scale": np.exp(0.5 * x) * noise,
    }[kind]
    test = LocalDependence(x, y, Condition(z, np.zeros(500, np.int64)))
    assert test.p_value(test.null(39, random, context())[0]()) == 1 / 40


def test_p_values_are_uniform_without_dependence():
    # With 19 permutations p is one of .05, .1, … each with probability 1/20: of 100 samples, 12 or more have the
    # smallest by chance in .4 %, and the mean of p is .525 ± .029, from which 4 standard errors are allowed.
    p_values = []
    for seed in range(100):
        random = np.random.default_rng(seed)
        x, y, z = random.standard_normal((3, 80, 1))
        test = LocalDependence(x, y, Condition(z, np.zeros(80, np.int64)))
        null = test.null(19, random, context())[0]()
        p_values.append((null >= null[0]).mean())
    assert sum(p <= 0.05 for p in p_values) < 12
    assert np.mean(p_values) == pytest.approx(0.525, abs=4 * 0.029)
