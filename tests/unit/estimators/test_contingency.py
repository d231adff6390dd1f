"""Tables of counts: values, errors that hold the truth, and permutations with fixed margins."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from estimation import estimate, whole
from examples import context
from scipy import stats

from mi_cli.estimators.contingency import Table, measure_table
from mi_cli.estimators.entropy import jackknife_entropy, nsb_entropy


def drawn(shares, n, seed):
    """Codes of x and y, ``(n,)`` each, without gaps."""
    cells = np.random.default_rng(seed).choice(shares.size, n, p=shares.ravel() / shares.sum())
    return tuple(np.unique(side, return_inverse=True)[1] for side in np.divmod(cells, shares.shape[1]))


def information(shares):
    shares = shares / shares.sum()
    ratio = shares / (shares.sum(1, keepdims=True) * shares.sum(0))
    return float((shares[shares > 0] * np.log(ratio[shares > 0])).sum())


def even(*sizes):
    return np.ones(sizes)


def rare_classes():
    """120 classes of unequal shares, each with shares of its own of 3 others."""
    shares = np.random.default_rng(0).dirichlet([0.5] * 3, 120)
    return shares * (np.arange(1, 121) ** -0.7)[:, None]


def sparse():
    return np.random.default_rng(0).dirichlet([0.1] * 50, 50)


CASES = {
    "2 x 2": (np.array([[0.3, 0.1], [0.15, 0.45]]), 40),
    "2 x 2, independent": (even(2, 2), 40),
    "5 x 2": (even(5, 2) + np.array([[0.2, 0]] + [[0, 0]] * 4), 5000),
    "20 x 20, independent": (even(20, 20), 500),
    "20 x 20": (even(20, 20) / 20 + np.eye(20), 500),
    "120 x 3": (rare_classes(), 2000),
    "50 x 50, sparse": (sparse(), 1000),
    "50 x 50, independent": (even(50, 50), 1000),
}


@pytest.mark.parametrize("name", CASES)
def test_interval_holds_the_truth(name):
    # In 90 of 100 samples or more; fewer than 30 of 40: 2e-3 at 90 of 100. The samples are the same in every run.
    shares, n = CASES[name]
    held = 0
    for seed in range(40):
        half = 1.96 * (result := measure_table(*drawn(shares, n, seed))).stderr
        held += result.value - half <= information(shares) + 1e-12 <= max(0, result.value + half) + 1e-9
    assert held >= 30


@pytest.mark.parametrize("name", CASES)
def test_error_is_far_below_that_of_the_plug_in_where_cells_are_rare(name):
    shares, n = CASES[name]
    tables = [drawn(shares, n, seed) for seed in range(20)]
    ours, plug_in = (
        np.sqrt(np.mean([(value(*codes) - information(shares)) ** 2 for codes in tables]))
        for value in (lambda *codes: measure_table(*codes).value, lambda *codes: Table(*codes).plug_in)
    )
    assert ours < (0.4 if shares.size > 300 else 1.1) * plug_in


def test_side_that_determines_the_other_has_its_entropy():
    x = np.random.default_rng(0).integers(6, size=300)
    result = measure_table(x, x // 2)
    assert result.value == result.ceiling == nsb_entropy(np.bincount(x // 2), 3)
    assert measure_table(x // 2, x).value == result.value


def test_blocks_widen_the_error():
    x, y = drawn(CASES["2 x 2"][0], 200, 0)
    x, y, block = np.repeat(x, 5), np.repeat(y, 5), np.repeat(np.arange(200), 5)
    assert measure_table(x, y, block).stderr > 1.5 * measure_table(x, y).stderr


@pytest.mark.parametrize("sizes", [(5, 2), (2, 5), (40, 40)], ids=str)
def test_permuted_tables_are_those_of_permuted_rows(sizes):
    # Means and spreads of 2,000 tables each; false alarms: 1e-6 (4.9 standard errors of the difference of two means).
    x, y = drawn(even(*sizes), 500, 0)
    random = np.random.default_rng(1)
    compute, remark = Table(x, y).null(2000, random, context())
    null = compute()
    assert remark == ""
    assert null[0] == pytest.approx(Table(x, y).plug_in, abs=1e-12)
    permuted = np.array([Table(x, random.permutation(y)).plug_in for _ in range(2000)])
    assert abs(null[1:].mean() - permuted.mean()) < 4.9 * permuted.std() * (2 / 2000) ** 0.5
    assert null[1:].std() == pytest.approx(permuted.std(), rel=0.15)


def test_weak_dependence_of_a_large_table_is_seen_from_all_rows_at_once():
    # The p-value of the G-test is below 1e-4 here; that from a thousand rows is not below .05 in most samples.
    shares = np.outer([0.1, 0.2, 0.3, 0.25, 0.15], [0.4, 0.6])
    shares[0] += [0.004, -0.004]
    shares[1] -= [0.004, -0.004]
    x, y = drawn(shares, 75_278, 0)
    table = np.zeros((5, 2))
    np.add.at(table, (x, y), 1)
    expected = stats.chi2_contingency(table, lambda_="log-likelihood").pvalue
    assert expected < 1e-4
    begun = time.process_time()
    for name in ("nearest", "histogram"):
        found = estimate(name, whole(x[:, None] * 1.0, y[:, None] * 1.0), permutations=199)
        assert found.p_value == pytest.approx(expected)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(("n", "mean"), [(100, 0.5), (40, 0.525)])  # by chi-squared, and by 19 permutations
def test_p_values_of_independent_tables_are_uniform(n, mean):
    # The mean of 200; its error is .0204. False alarms: 1e-6, beside what chi-squared lacks at so few rows.
    found = []
    for seed in range(200):
        x, y = drawn(even(4, 3), n, seed)
        found.append(estimate("nearest", whole(x[:, None] * 1.0, y[:, None] * 1.0), permutations=19).p_value)
    assert abs(np.mean(found) - mean) < 4.9 * 0.0204 + 0.02


@pytest.mark.parametrize("values", [2, 10, 200])
def test_entropies_of_many_rows_are_the_truth(values):
    counts = np.bincount(np.random.default_rng(0).integers(values, size=500_000))
    assert nsb_entropy(counts, values) == pytest.approx(math.log(values), abs=1e-3)
    assert jackknife_entropy(counts) == pytest.approx(math.log(values), abs=1e-3)


def test_entropy_of_rare_values_is_nearer_than_the_plug_in():
    # 1,000 values that are equally likely, 300 rows: the plug-in cannot exceed ln 300.
    drawn = np.random.default_rng(0).integers(1000, size=300)
    counts = np.unique(drawn, return_counts=True)[1]
    assert abs(nsb_entropy(counts, 1000) - math.log(1000)) < 0.15
    assert math.log(1000) - stats.entropy(counts) > 1


def test_jackknifed_entropy_is_that_of_its_definition():
    counts = np.array([1, 1, 2, 5, 9])
    n = counts.sum()
    without = [stats.entropy(counts - np.eye(5, dtype=int)[cell]) for cell in range(5)]
    expected = n * stats.entropy(counts) - (n - 1) * counts @ without / n
    assert jackknife_entropy(counts) == pytest.approx(expected)
