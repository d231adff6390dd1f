"""Entropies of the classes of a table."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mi_cli.datasets.table import Table


def test_entropy_is_that_of_all_columns_of_a_side_together():
    a, b = np.repeat(["u", "v"], 60), np.tile(["r", "s", "t"], 40)
    entropy = Table.from_memory(np.stack([a, b], 1), np.arange(120) / 7).describe()["entropy"]
    assert entropy["x"] == pytest.approx(math.log(6))
    assert entropy["y"] is None  # numbers


def test_columns_that_repeat_each_other_add_nothing():
    a = np.repeat(["u", "v"], [30, 90])
    entropy = Table.from_memory(np.stack([a, np.char.upper(a)], 1), np.arange(120) / 7).describe()["entropy"]
    assert entropy["x"] == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
