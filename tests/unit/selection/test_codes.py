"""Columns as codes: bins, classes and copies."""

from __future__ import annotations

import numpy as np

from mi_cli.selection.codes import bins_of, coded, copies_of

RANDOM = np.random.default_rng(0)


def test_numbers_have_bins_of_equal_counts_and_few_values_stay():
    numbers = RANDOM.normal(size=1000)
    zeros = np.where(RANDOM.random(1000) < 0.7, 0.0, numbers)
    codes = coded(np.stack([numbers, np.round(RANDOM.random(1000)), zeros], 1), np.zeros(3, bool))
    assert np.bincount(codes.columns[:, 0]).tolist() == [250] * 4
    assert codes.columns[:, 1].max() == 1
    assert 1 <= codes.columns[:, 2].max() <= 2
    assert codes.one_hot.sum() == 3000
    assert codes.select(np.arange(10)).columns.shape == (10, 3)
    assert bins_of(1000, 7) == 7


def test_rare_classes_are_one():
    kinds = np.concatenate([np.repeat(np.arange(12.0), 20), np.arange(12.0, 30)])
    codes = coded(kinds[:, None], np.ones(1, bool)).columns[:, 0]
    assert codes.max() == 9
    assert (codes == 9).sum() == len(kinds) - 9 * 20


def test_copies_are_one_to_one_functions():
    kinds = RANDOM.integers(0, 3, 200).astype(float)
    numbers = RANDOM.normal(size=200)
    columns = np.stack([kinds, numbers, 2 - kinds, RANDOM.normal(size=200), -numbers, np.exp(numbers)], 1)
    assert copies_of(coded(columns, np.array([True, False, True, False, False, False]))) == {2: 0, 4: 1, 5: 1}
