"""Intervals of the MI of tables of counts: they hold the truth as often as they say, and agree with the test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import chdtrc

from mi_cli.estimators.contingency import Table, measure_table
from mi_cli.estimators.table_interval import expected_plug_in


def drawn(shares, n, seed):
    cells = np.random.default_rng(seed).choice(shares.size, n, p=shares.ravel() / shares.sum())
    return tuple(np.unique(side, return_inverse=True)[1] for side in np.divmod(cells, shares.shape[1]))


def information(shares):
    shares = shares / shares.sum()
    ratio = shares / (shares.sum(1, keepdims=True) * shares.sum(0))
    return float((shares[shares > 0] * np.log(ratio[shares > 0])).sum())


EVEN = np.ones((10, 10))
CASES = {  # at least four rows a cell
    "10 x 10, independent": (EVEN, 400),
    "10 x 10": (EVEN / 10 + np.eye(10), 400),
    "5 x 5, weak": (np.ones((5, 5)) / 5 + 0.3 * np.eye(5), 150),
    "10 x 10, nearly all rows on the diagonal": (EVEN / 10 + 10 * np.eye(10), 400),
    "20 x 5, nearly all rows in twenty cells": (0.05 * np.ones((20, 5)) / 5 + np.tile(np.eye(5), (4, 1)), 400),
    "3 x 4": (np.random.default_rng(5).dirichlet([1] * 4, 3), 60),
}


@pytest.mark.parametrize("name", CASES)
def test_interval_holds_the_truth_in_about_95_of_100_tables(name):
    # 92 to 98 % in thousands of tables; fewer than 84 of 100: 2e-3 at 92 %. The samples are the same in every run.
    shares, n = CASES[name]
    truth = information(shares)
    ends = [measure_table(*drawn(shares, n, seed)).ends(0.95) for seed in range(100)]
    assert sum(low - 1e-12 <= truth <= high + 1e-12 for low, high in ends) >= 84


def test_default_is_near_zero_on_an_independent_sparse_table():
    # 10 x 10 from 100 rows, where the plug-in is at .47; the mean of 60 has an error of .005: 8 of them are left.
    values = [measure_table(*drawn(EVEN, 100, seed)).value for seed in range(60)]
    assert abs(np.mean(values)) < 0.05
    assert np.mean([Table(*drawn(EVEN, 100, seed)).plug_in for seed in range(10)]) > 0.4


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_interval_holds_zero_where_the_test_does_not_reject(level):
    shares = np.array([[0.25, 0.25], [0.22, 0.28]])
    held = set()
    for seed in range(60):
        x, y = drawn(shares, 300, seed)
        table = Table(x, y)
        low, high = measure_table(x, y).ends(level)
        p = chdtrc(1, max(0.0, table.g))
        assert (low <= 0 <= high) == (p > (1 - level) / 2 or measure_table(x, y).value <= 0)
        held.add(low <= 0)
    assert held == {True, False}


@pytest.mark.parametrize("correction", ["plug_in", "chao_shen", "james_stein", "jackknife"])
def test_interval_holds_the_value_of_every_correction(correction):
    for seed in range(20):
        result = measure_table(*drawn(np.ones((6, 5)), 40, seed), correction=correction)
        low, high = result.ends(0.95)
        assert low <= result.value <= high
        assert result.stderr > 0


def test_higher_level_gives_a_wider_interval():
    result = measure_table(*drawn(CASES["5 x 5, weak"][0], 150, 0))
    (low, high), (lower, higher) = result.ends(0.9), result.ends(0.99)
    assert lower < low < result.value < high < higher


def test_expected_plug_in_is_the_mean_over_permutations():
    # Of 4,000 permutations; false alarms: 1e-6 (4.9 standard errors).
    x, y = drawn(np.outer([5, 3, 1, 1], [4, 3, 2]), 30, 0)
    random = np.random.default_rng(0)
    permuted = np.array([Table(x, random.permutation(y)).plug_in for _ in range(4000)])
    error = permuted.std() / 4000**0.5
    assert expected_plug_in(np.bincount(x), np.bincount(y)) == pytest.approx(permuted.mean(), abs=4.9 * error)


def test_expected_plug_in_of_many_rows_is_that_of_chi_squared():
    assert expected_plug_in(np.full(4, 50_000), np.full(3, 66_667) - [1, 0, 0]) == pytest.approx(6 / 4e5, rel=1e-3)


def test_interval_of_a_copy_allows_for_rows_that_have_not_been_seen():
    codes = np.arange(400) % 10
    low, high = measure_table(codes, codes).ends(0.95)
    share = 0.01  # of rows off the diagonal: 400 rows show none of them in 1.8 % of samples
    assert low < information((1 - share) * np.eye(10) / 10 + share * EVEN / 100) < np.log(10) < high
    fewer = measure_table(codes[:100], codes[:100]).ends(0.95)[0]
    assert 0 < fewer < low


def test_single_value_has_no_information_and_an_interval_of_nothing():
    x, y = np.zeros(20, int), np.arange(20) % 2
    assert measure_table(x, y).value == 0
    low, high = measure_table(x, y).ends(0.95)
    assert low <= 0 <= high
