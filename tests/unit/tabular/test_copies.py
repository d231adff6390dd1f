"""Rows that repeat others: copies are seen, and what chance makes equal is not taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.datasets.table import Table
from mi_cli.tabular.copies import copied_rows


def copies(x, y, **fields) -> int:
    return copied_rows(Table.from_memory(x, y, **{"classes": []} | fields).encoded.rows())


def gaussian(rng, n, rho):
    x, noise = rng.normal(size=(2, n))
    return x, rho * x + np.sqrt(1 - rho**2) * noise


def counts(rng, n, mean):
    return rng.poisson(rng.gamma(4, mean / 4, n)), rng.poisson(rng.gamma(4, mean / 4, n))


def same_counts(rng, n):
    rate = rng.gamma(4, 10, n)
    return rng.poisson(rate), rng.poisson(rate)


def rounded(rng, n, rho, decimals):
    x, y = gaussian(rng, n, rho)
    return (170 + 8 * x).round(decimals), (70 + 12 * y).round(1)


def converted(rng, n):
    x = (170 + 8 * rng.normal(size=n)).round(1)
    return x, (2.54 * x + 3).round(2)


def three_digits(rng, n):
    return tuple(np.array([float(f"{v:.2e}") for v in np.exp(side)]) for side in gaussian(rng, n, 0.9))


def hurdle(rng, n):
    return tuple(np.maximum(side, 0) for side in gaussian(rng, n, 0.7))


def with_classes(rng, n):
    x = rng.normal(size=n).round(1)
    return x, (x + rng.normal(size=n) > 0).astype(int)


CHANCE = {
    "counts": lambda rng, n: counts(rng, n, 40),
    "small counts": lambda rng, n: counts(rng, n, 3),
    "counts of one rate": same_counts,
    "height and weight": lambda rng, n: rounded(rng, n, 0.5, 0),
    "strongly dependent": lambda rng, n: rounded(rng, n, 0.99, 1),
    "one in other units": converted,
    "three digits": three_digits,
    "zeros": hurdle,
    "classes": with_classes,
    "normal": lambda rng, n: gaussian(rng, n, 0.9),
}


@pytest.mark.parametrize("draw", CHANCE.values(), ids=CHANCE.keys())
@pytest.mark.parametrize("n", [100, 2000])
def test_equal_rows_by_chance_are_no_copies(draw, n):
    repeats = [copies(*draw(np.random.default_rng(seed), n)) for seed in range(5)]
    assert repeats == [0] * 5  # false alarms: < 1 %


@pytest.mark.parametrize("kind", ["normal", "three digits", "zeros"])
def test_copies_are_counted(kind):
    x, y = CHANCE[kind](np.random.default_rng(0), 1000)
    x, y = (np.concatenate([side, side[:300]]) for side in (x, y))
    assert copies(x, y) >= 150  # of rows without a zero


def test_copies_among_rounded_rows_and_classes_are_counted():
    rng = np.random.default_rng(0)
    x, y = rounded(rng, 300, 0.5, 0)
    x, y = (np.concatenate([side, side[:200]]) for side in (x, y))
    assert copies(x, y) >= 150  # of rows with a value that is not common
    x = rng.normal(size=400)
    label = (x > 0).astype(int)
    assert copies(np.concatenate([x, x[:100]]), np.concatenate([label, label[:100]]), classes="auto") == 100


def test_copies_and_chance_of_a_table_are_in_its_description():
    rng = np.random.default_rng(0)
    described = Table.from_memory(*counts(rng, 1000, 40)).describe()
    assert described["duplicates"] == 0
    assert not any("duplicates" in note for note in described["notes"])
    x, y = gaussian(rng, 400, 0.5)
    described = Table.from_memory(*(np.concatenate([side, side[:100]]) for side in (x, y))).describe()
    assert described["duplicates"] == 100
    assert "100 of 500 rows are duplicates: nearest neighbours take them for dependence" in described["notes"]
