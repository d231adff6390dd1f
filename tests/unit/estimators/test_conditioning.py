"""The side z: its classes and numbers, and permutations that keep it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mi_cli.estimators.conditioning import Condition, local_pairings
from mi_cli.estimators.training_free import Unmeasurable
from mi_cli.problems import Rows


def rows(z):
    x = torch.arange(len(z), dtype=torch.float64)[:, None]
    return Rows(x, x, None, torch.as_tensor(z, dtype=torch.float64))


def test_columns_of_few_values_are_classes():
    number = np.random.default_rng(0).standard_normal(100)
    condition = Condition.of(rows(np.stack([number, np.arange(100) % 3, np.arange(100) // 50], 1)), "none")
    assert condition.numbers == pytest.approx(number[:, None])
    assert [len(part) for part in condition.strata] == [17, 17, 17, 16, 16, 17]


def test_permutations_move_rows_within_classes_to_near_rows():
    random = np.random.default_rng(0)
    number, label = random.standard_normal(300), np.arange(300) % 3
    condition = Condition.of(rows(np.stack([number, label], 1)), "none")
    chosen = random.permutation(300)[:200]
    order = condition.pairings(chosen)(random)
    assert (label[order] == label[chosen]).all()
    assert set(order) <= set(chosen)
    assert np.abs(number[order] - number[chosen]).mean() < 0.3 < np.abs(number[chosen] - number[chosen][::-1]).mean()
    assert (order != chosen).mean() > 0.8
    assert sorted(order) == sorted(chosen)  # none is taken twice


def test_classes_alone_are_permuted_whole():
    condition = Condition.of(rows(np.arange(100)[:, None] % 2), "none")
    order = condition.pairings(np.arange(100))(np.random.default_rng(0))
    assert sorted(order) == list(range(100))
    assert (order % 2 == np.arange(100) % 2).all()
    assert np.abs(order - np.arange(100)).mean() > 15


def test_a_single_row_stays():
    assert local_pairings(np.zeros((1, 1)))(np.random.default_rng(0)).tolist() == [0]


def test_a_constant_column_is_refused():
    with pytest.raises(Unmeasurable, match="column 0 of z is constant"):
        Condition.of(rows(np.ones((30, 1))), "none")
