"""Values that may stand for missing ones."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.datasets.table import Table

N = 1000
RNG = np.random.default_rng(0)
NORMAL = RNG.normal(50, 10, N)
SOME = RNG.random(N) < 0.1


def notes(x, **fields) -> list[str]:
    table = Table.from_memory(x, RNG.normal(size=len(x)), **fields)
    return [note for note in table.describe()["notes"] if "stands for missing values" in note]


@pytest.mark.parametrize(
    ("values", "value", "where"),
    [
        (np.where(SOME, -9999, NORMAL), "-9999", "far from all others"),
        (np.where(SOME, 999, NORMAL.round()), "999", "far from all others"),
        (np.where(SOME, -1, RNG.poisson(20, N)), "-1", "far from all others"),
        (np.where(SOME, 0, RNG.normal(120, 20, N).round()), "0", "far from all others"),
        (np.where(SOME, 50.25, NORMAL), "50.25", "far more often than any other"),
        (np.where(SOME, 50.0, NORMAL.round(1)), "50", "far more often than any other"),
    ],
    ids=["-9999", "999", "-1", "0 of a pressure", "mean", "mean of rounded"],
)
def test_value_that_may_stand_for_missing_ones_is_noted_with_its_column_and_count(values, value, where):
    (note,) = notes(values)
    assert note.startswith(f"x has the value {value} in {(values == float(value)).sum()} of 1,000 rows, {where}: ")


@pytest.mark.parametrize(
    "values",
    [
        NORMAL,
        NORMAL.round(),
        np.maximum(NORMAL - 50, 0),
        np.minimum(NORMAL, 60),
        RNG.poisson(5, N),
        RNG.poisson(200, N),
        RNG.geometric(0.05, N),
        RNG.exponential(size=N).round(1),
        RNG.standard_cauchy(N),
        np.where(RNG.random(N) < 0.5, 0, RNG.exponential(size=N)),
        RNG.normal(size=N).round() * 10 + RNG.normal(size=N),
        np.append(NORMAL[1:], 999_999.0),
    ],
    ids=[
        "normal", "rounded", "zeros", "limit", "few counts", "counts", "geometric", "exponential", "heavy tails",
        "zeros of spending", "clusters", "outlier",
    ],
)  # fmt: skip
def test_values_that_are_frequent_by_nature_are_not_noted(values):
    assert notes(values, classes=[]) == []


def test_values_that_the_table_fills_in_are_not_noted_twice():
    assert notes(np.where(SOME, np.nan, NORMAL), missing="impute") == []
