"""Tables of all columns at once give the numbers of single tables."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.estimators.contingency import Table
from mi_cli.estimators.neighbour_search import numbered
from mi_cli.selection.codes import Codes
from mi_cli.selection.counting import Counter

RANDOM = np.random.default_rng(0)
X = np.stack([RANDOM.integers(0, k, 300) for k in (2, 4, 3)], 1)
Z = RANDOM.integers(0, 3, 300)
Y = (X[:, 0] + X[:, 1] * Z) % 3
COUNTER = Counter(Codes(X, 4))


def plug_in(x, y):
    return Table(numbered(x.reshape(len(y), -1)), numbered(y[:, None])).plug_in


def test_information_is_that_of_each_table():
    found = COUNTER.information(Y)
    assert found.plug_in == pytest.approx([plug_in(column, Y) for column in X.T])
    assert found.freedom.tolist() == [2, 6, 4]
    assert found.values == pytest.approx(found.plug_in - found.freedom / 600)
    assert found.p_values[1] < 1e-3 < found.p_values[2]
    assert found.scores == pytest.approx((600 * found.plug_in - found.freedom) / np.sqrt(2 * found.freedom))


def test_given_a_code_it_is_the_mean_over_its_values():
    found = COUNTER.information(Y, Z)
    expected = [sum((z == Z).mean() * plug_in(column[z == Z], Y[z == Z]) for z in range(3)) for column in X.T]
    assert found.plug_in == pytest.approx(expected)
    assert found.freedom[1] == sum(3 * (len(np.unique(Y[z == Z])) - 1) for z in range(3))


def test_pairs_are_counted_together():
    found = COUNTER.of_pairs_with(1, Y)
    assert found.plug_in[0] == pytest.approx(plug_in(X[:, [0, 1]], Y))
    assert found.plug_in[1] == pytest.approx(plug_in(X[:, 1], Y))
