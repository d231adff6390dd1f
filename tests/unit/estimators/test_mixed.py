"""Mixtures of discrete and continuous columns: the three limits, ties, and a truth that is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import estimate, gaussian_mi, gaussian_sides, value, whole
from scipy.special import digamma
from sklearn.metrics import mutual_info_score

from mi_cli.estimators.mixed import mixed


def labels(n=2000, classes=5, seed=0):
    """A label y of m classes and x ~ U(y, y + 2), with I = ln m − (m − 1) ln 2 / m."""
    random = np.random.default_rng(seed)
    y = random.integers(classes, size=(n, 1)).astype(float)
    return y + random.uniform(0, 2, (n, 1)), y


def inflated(n=3000, zeros=0.5, seed=0):
    """x and y are 0 as often as not and uniform otherwise, each on its own."""
    random = np.random.default_rng(seed)
    x, y = np.where(random.random((2, n, 1)) < zeros, 0.0, random.uniform(size=(2, n, 1)))
    return x, y


def table(n=2000, seed=0, dependent=True):
    random = np.random.default_rng(seed)
    x, other = random.integers(4, size=(2, n, 1)).astype(float)
    return x, np.where(random.random((n, 1)) < 0.5, x, other) if dependent else other


def test_without_ties_it_is_ksg():
    for dim in (1, 2, 5):
        x, y = gaussian_sides(500, 0.6, dim=dim)
        assert value("mixed", x, y) == pytest.approx(value("ksg", x, y), abs=1e-12)
        assert value("mixed", x, y, metric="euclidean") == pytest.approx(value("ksg", x, y, metric="euclidean"))


def test_for_classes_that_lie_apart_it_is_ross():
    x, y = labels()
    codes = np.eye(5)[y[:, 0].astype(int)]
    assert value("mixed", x, 1e4 * y, preprocess="none") == pytest.approx(value("ross", x, y, preprocess="none"))
    assert value("mixed", x, codes) == pytest.approx(value("ross", x, codes), abs=1e-9)


def test_of_a_table_it_is_the_corrected_plug_in():
    for seed in range(5):
        x, y = table(seed=seed)
        plug_in = mutual_info_score(x[:, 0], y[:, 0]) - (4 - 1) * (4 - 1) / (2 * 2000)
        assert value("mixed", x, y) == pytest.approx(plug_in, abs=1e-4)  # 1 / n² times the cells cubed


@pytest.mark.usefixtures("few_subsets")
@pytest.mark.parametrize("sides", ["gaussian", "labels", "table", "inflated", "one-hot"])
def test_independent_sides_have_no_information(sides):
    # The mean of 40 estimates; false alarms: 1e-6 (4.9 standard errors), beside .003 as ksg has it.
    def drawn(seed):
        random = np.random.default_rng(seed)
        if sides == "gaussian":
            return gaussian_sides(500, 0.0, seed)
        if sides == "labels":
            x, y = labels(500, seed=seed)
            return x, random.permutation(y)
        if sides == "table":
            return table(500, seed, dependent=False)
        if sides == "inflated":
            return inflated(500, seed=seed)
        return np.eye(20)[random.integers(20, size=500)], np.eye(20)[random.integers(20, size=500)]

    values = [value("mixed", *drawn(seed)) for seed in range(40)]
    assert abs(np.mean(values)) < 4.9 * np.std(values) / 40**0.5 + 0.003


@pytest.mark.usefixtures("few_subsets")
@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("step", [0.02, 0.1, 0.3])
def test_rounded_columns_say_what_they_did_before(rho, step):
    # The mean of 10 estimates, of equal rows but for the rounding; what a step of .3 loses is 1 % of the truth or so.
    sides = [gaussian_sides(1000, rho, seed) for seed in range(10)]
    plain = np.array([value("ksg", x, y) for x, y in sides])
    rounded = np.array([value("mixed", (x / step).round(), (y / step).round()) for x, y in sides])
    assert abs((rounded - plain).mean()) < 0.02 + 0.05 * gaussian_mi(rho)


def test_value_is_near_the_truth():
    # False alarms: 1e-6, of 9 degrees of freedom (11 standard errors).
    for sides, truth in (
        (labels(), math.log(5) - 0.8 * math.log(2)),
        (gaussian_sides(2000, 0.6), gaussian_mi(0.6)),
        (gaussian_sides(2000, 0.9), gaussian_mi(0.9)),
    ):
        found = estimate("mixed", whole(*sides))
        assert abs(found.value - truth) < 11 * found.stderr
        assert found.stderr < 0.05
        assert found.value < found.ceiling


def test_side_of_discrete_and_continuous_columns():
    # x = (class, value) and y its sum: of both together, and more than of either.
    x, y = labels()
    both = np.concatenate([x, y], 1)
    seen = x + 0.1 * np.random.default_rng(1).standard_normal(x.shape)
    assert value("mixed", both, seen) == pytest.approx(value("ksg", x, seen), abs=0.15)
    assert value("mixed", both, seen) > value("mixed", y, seen) + 0.3


def test_sides_may_be_swapped():
    x, y = labels()
    assert value("mixed", y, x) == pytest.approx(value("mixed", x, y), abs=1e-9)


def test_ceiling_is_reached_by_equal_sides():
    x, y = table()
    found = estimate("mixed", whole(x, x))
    counts = np.bincount(x[:, 0].astype(int))[x[:, 0].astype(int)]
    assert found.value == pytest.approx(found.ceiling) == pytest.approx(digamma(2000) - digamma(counts).mean())
    assert estimate("mixed", whole(x, y)).ceiling > found.value - 0.1


def slow_mixed(x, y, k, random):
    """Row by row; x and y of one column each."""
    terms, n = [], len(x)
    a, b = (side + 1e-10 * random.standard_normal(n) for side in (x, y))
    for i in range(n):
        alike = ((x == x[i]) & (y == y[i])).sum()
        if alike > k:
            terms.append(digamma(alike) - digamma((x == x[i]).sum()) - digamma((y == y[i]).sum()))
        else:
            radius = np.sort(np.maximum(abs(a - a[i]), abs(b - b[i])))[k]
            near = [(abs(side - side[i]) < radius).sum() for side in (a, b)]
            terms.append(digamma(k) - digamma(near).sum())
    return digamma(n) + np.mean(terms)


def test_value_is_that_of_its_definition():
    random = np.random.default_rng(0)
    x, y = random.poisson(2, 300).astype(float), random.poisson(2, 300).astype(float)
    x[:100] += random.uniform(size=100)
    moved = [side + 1e-10 * np.random.default_rng(seed).standard_normal(300) for seed, side in enumerate((x, y))]

    class Same:
        seeds = iter((0, 1))

        def standard_normal(self, n):
            return np.random.default_rng(next(self.seeds)).standard_normal(n)

    numbers = [np.unique(side, return_inverse=True)[1] for side in (x, y)]
    found = mixed(moved[0][:, None], moved[1][:, None], *numbers, 3)
    assert found == pytest.approx(slow_mixed(x, y, 3, Same()), abs=1e-12)


def test_rows_that_are_all_alike_say_nothing():
    alike = np.zeros(20, int)
    apart = 1e-10 * np.random.default_rng(0).standard_normal((2, 20, 1))
    assert mixed(*apart, alike, alike, 3) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("k", [3, 10])
def test_too_few_rows_for_so_many_neighbours_are_refused(k):
    needed = 4 * (k + 1)
    found = estimate("mixed", whole(*labels(needed - 1)), k=k)
    assert (found.status, found.reason) == ("failed", f"{needed - 1} rows; k={k} needs at least {needed}")
    assert estimate("mixed", whole(*labels(needed)), k=k).status == "ok"


def test_standard_error_is_that_of_the_spread():
    # Of 40 estimates, whose spread is known to 11 %.
    found = [estimate("mixed", whole(*labels(500, seed=seed))) for seed in range(40)]
    ratio = np.std([one.value for one in found], ddof=1) / np.mean([one.stderr for one in found])
    assert 0.6 < ratio < 1.7
