"""Paths of columns: pairs that tell of y only together, copies, confounding, and the level of the tests."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.selection.path import Table, select, stability
from mi_cli.selection.settings import Selection


def chosen(x, y, classes=False, y_classes=True, seed=0, **settings):
    table = Table(x, np.full(x.shape[1], classes), y.astype(float), y_classes)
    return select(table, Selection(**settings), np.random.default_rng(seed))


def exclusive(seed, n=500):
    """Two of 22 columns of bits tell of y together, a tenth of it flipped; the last two columns are their copies."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, (n, 22))
    y = bits[:, 3] ^ bits[:, 11] ^ (random.random(n) < 0.1)
    return np.concatenate([bits, bits[:, [3, 11]]], 1).astype(float), y


def test_exclusive_or_among_noise_is_found_and_copies_are_left_out():
    # In 100 of 100 draws (docs/selection.md).
    for seed in range(10):
        path = chosen(*exclusive(seed), classes=True)
        assert set(path.columns) >= {3, 11}
        assert path.copies == {22: 3, 23: 11}
        step = path.steps[path.columns.index(3)]
        assert step.partner == 11
        assert step.p_value < 1e-6


@pytest.mark.parametrize("method", ["mrmr", "jmi", "cmim"])
def test_criteria_begin_with_such_a_pair(method):
    path = chosen(*exclusive(0), classes=True, method=method, columns=2)
    assert set(path.columns) == {3, 11}
    assert path.steps[0].p_value is None
    assert set(chosen(*exclusive(0), classes=True, method=method, columns=1).columns) != {3}


def test_pairs_may_be_left_out():
    path = chosen(*exclusive(1), classes=True, pairs=False)
    assert 3 not in path.columns
    assert path.stopped > 0.05


def test_nothing_is_chosen_without_dependence():
    # At a level of .05; more than 6 of 40: 2e-2 at .05, and the draws are the same in every run.
    random = np.random.default_rng(0)
    found = [chosen(random.normal(size=(200, 8)), random.integers(0, 2, 200), seed=seed) for seed in range(40)]
    assert sum(bool(path.steps) for path in found) <= 6
    assert all(path.stopped > 0.05 for path in found if not path.steps)


def test_effect_of_a_chosen_column_is_not_chosen():
    # x0 and x1 tell of y; x2 is x0 with noise, and tells of it through x0 only.
    random = np.random.default_rng(0)
    x = random.normal(size=(1000, 5))
    x[:, 2] = x[:, 0] + 0.6 * random.normal(size=1000)
    y = x[:, 0] + 0.7 * x[:, 1] + 0.4 * random.normal(size=1000)
    path = chosen(x, y, y_classes=False)
    assert path.columns == [0, 1]
    assert path.relevance[2] > path.relevance[1]
    assert chosen(x, y, y_classes=False, method="mrmr", columns=2).columns == [0, 1]


def test_classes_and_numbers_and_many_chosen_columns():
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 7))
    x[:, 5] = random.integers(0, 3, 2000)
    y = x[:, :4] @ [1.0, 0.9, 0.8, 0.7] + (x[:, 5] == 1) + 0.3 * random.normal(size=2000)
    table = Table(x, np.arange(7) == 5, y, False)
    path = select(table, Selection(permutations=39), np.random.default_rng(0))
    assert set(path.columns) >= {0, 1, 2, 3, 5}
    frequency = stability(table, path, Selection(subsamples=4), np.random.default_rng(0))
    assert (frequency[[0, 1]] == 1).all()
    assert frequency.sum() == len(path.steps)


def test_stability_looks_for_pairs_again():
    x, y = exclusive(0, 400)
    table = Table(x, np.ones(24, bool), y.astype(float), True)
    path = select(table, Selection(), np.random.default_rng(0))
    frequency = stability(table, path, Selection(subsamples=5), np.random.default_rng(0))
    assert frequency[[3, 11]].tolist() == [1, 1]
    nothing = stability(table, path.__class__((), path.relevance), Selection(subsamples=5), np.random.default_rng(0))
    assert not nothing.any()


def test_constant_columns_are_never_chosen():
    x = np.stack([np.ones(100), np.arange(100.0)], 1)
    path = chosen(x, np.arange(100) > 50, method="jmi", columns=2)
    assert path.columns == [1]


def test_many_columns_that_add_up_are_all_found():
    """Six of ten columns, of which strata of the first ones would show three. False alarms: about 2 %."""
    x = np.random.default_rng(3).normal(size=(400, 10))
    noise = np.random.default_rng(4).normal(size=400)
    table = Table(x, np.zeros(10, dtype=bool), x[:, :6].sum(1) + noise, False)
    path = select(table, Selection(subsamples=0), np.random.default_rng(0))
    assert set(path.columns) >= set(range(6))
    assert len(path.columns) <= 7


def test_what_is_finer_than_bins_is_found():
    """A sine of four periods, of which six bins show nothing. False alarms: 1e-4."""
    x = np.random.default_rng(5).random((400, 6))
    y = np.sin(8 * np.pi * x[:, 2]) + 0.3 * np.random.default_rng(6).normal(size=400)
    path = select(Table(x, np.zeros(6, dtype=bool), y, False), Selection(subsamples=0), np.random.default_rng(0))
    assert path.columns[0] == 2


def test_copies_with_noise_are_not_chosen_beside_their_source():
    """Of 20 tables; each may have a further column in 5 %: five or more have one in .3 %."""
    further = 0
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(300, 6))
        x[:, 1:4] = x[:, [0]] + 0.5 * x[:, 1:4]
        y = np.sin(3 * x[:, 0]) + 0.4 * np.random.default_rng(100 + seed).normal(size=300)
        settings = Selection(subsamples=0, pairs=False, columns=2)
        path = select(Table(x, np.zeros(6, dtype=bool), y, False), settings, np.random.default_rng(0))
        assert path.columns[0] == 0
        further += len(path.columns) > 1
    assert further < 5
