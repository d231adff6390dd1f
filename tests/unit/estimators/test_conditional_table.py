"""Counting given z: the mean over the classes of z, its error, and its p-value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from examples import context

from mi_cli.estimators.conditional_table import Tables, measure_tables
from mi_cli.estimators.contingency import Table, measure_table


def drawn(n, seed, strength=0.0):
    """Codes that depend on z, and with ``strength`` on each other."""
    random = np.random.default_rng(seed)
    z = random.integers(0, 3, n)
    x = (random.random(n) < (z + 1) / 4).astype(int)
    return x, (random.random(n) < (z + 1) / 4 + strength * (x - 0.5)).astype(int), z


def test_of_one_class_of_z_it_is_that_of_the_table():
    x, y, z = drawn(300, 0)
    one, other = measure_tables(x, y, 0 * z), measure_table(x, y)
    assert (one.value, one.ceiling) == pytest.approx((other.value, other.ceiling))
    assert one.stderr == pytest.approx(other.stderr, rel=0.2)  # which has the jackknife's error


def test_it_is_the_mean_over_the_classes_of_z():
    x, y, z = drawn(300, 0, 0.3)
    parts = [(z == one) for one in range(3)]
    expected = sum(part.mean() * measure_table(x[part], y[part]).value for part in parts)
    assert measure_tables(x, y, z).value == pytest.approx(expected)


def test_classes_of_one_row_have_no_information():
    x, y, z = drawn(100, 0)
    assert measure_tables(np.append(x, 1), np.append(y, 0), np.append(z, 3)).value == pytest.approx(
        100 / 101 * measure_tables(x, y, z).value
    )


def test_exclusive_or():
    x, z = np.random.default_rng(0).integers(0, 2, (2, 400))
    assert measure_tables(x, x ^ z, z).value == pytest.approx(math.log(2), abs=0.01)


def test_p_value_keeps_its_level_under_confounding():
    # 5 % of 300 samples are 15; 30 or more are seen by chance in 1e-4. Without z, nearly all are significant.
    p_values, without_z = [], []
    for seed in range(300):
        x, y, z = drawn(150, seed)
        for values, tables in ((p_values, Tables(x, y, z)), (without_z, Table(x, y))):
            null = tables.null(19 if values is without_z else 39, np.random.default_rng(seed), context())[0]()
            values.append(tables.p_value(np.append(null, null[-1]) if values is without_z else null))
    assert 2 < sum(p <= 0.05 for p in p_values) < 30
    assert sum(p <= 0.05 for p in without_z) > 100


@pytest.mark.parametrize("n", [60, 2000])  # by permutations, and by the G-test
def test_dependence_given_z_is_seen(n):
    tables = Tables(*drawn(n, 1, 0.5))
    null = tables.null(99, np.random.default_rng(0), context())[0]()
    assert tables.p_value(null) < 0.05


def test_interval_holds_the_truth():
    x, y, z = drawn(200_000, 5, 0.3)
    truth = Tables(x, y, z)
    exact = sum(len(rows) * table.plug_in for rows, table in truth.parts) / len(x)
    held = []
    for seed in range(200):
        result = measure_tables(*drawn(400, seed, 0.3))
        held.append(abs(result.value - exact) < 1.96 * result.stderr)
    assert np.mean(held) > 0.9
