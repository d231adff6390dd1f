"""The estimator ``discrete``: corrections by name, what it counts, and what it refuses."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from estimation import estimate, given, value, whole
from examples import config

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import ConfigError
from mi_cli.estimators.contingency import Correction, Table, measure_table
from mi_cli.estimators.discrete import Discrete

RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 4, 300)
Y = np.where(RANDOM.random(300) < 0.4, X, RANDOM.integers(0, 4, 300))


def column(values):
    return np.asarray(values, dtype=float)[:, None]


@pytest.mark.parametrize("correction", get_args(Correction))
def test_correction_is_that_of_the_table(correction):
    found = estimate("discrete", whole(column(X), column(Y)), correction=correction, permutations=19)
    assert found.value == measure_table(X, Y, correction=correction).value
    assert found.ci_low <= found.value <= found.ci_high
    assert found.p_value < 1e-6  # by the G-test


def test_default_is_what_nearest_counts():
    sides = column(X), column(Y)
    assert value("discrete", *sides) == value("nearest", *sides)


def test_rows_of_several_columns_are_classes():
    both = np.stack([X, Y], 1).astype(float)
    expected = Table(X * 4 + Y, X).plug_in
    assert value("discrete", both, column(X), correction="plug_in") == pytest.approx(expected)


def test_given_classes_of_z():
    bits = RANDOM.integers(0, 2, (2, 400))
    exclusive = column(bits[0] ^ bits[1])
    assert abs(value("discrete", column(bits[0]), exclusive)) < 0.02
    for correction in ("nsb", "james_stein"):
        found = given("discrete", column(bits[0]), exclusive, column(bits[1]), correction=correction)
        assert found.value == pytest.approx(math.log(2), abs=0.05)


def test_numbers_are_refused_with_what_takes_them():
    numbers = RANDOM.normal(size=(300, 1))
    found = estimate("discrete", whole(numbers, column(Y)))
    assert found.status == "failed"
    problem = "x has 300 distinct values in 300 rows: discrete counts values that occur again"
    assert found.reason == f"{problem}; use histogram, mixed or nearest"
    found = given("discrete", column(X), column(Y), numbers)
    assert found.reason == "z has columns of numbers, and discrete counts classes; use nearest or mixed"


def test_continuous_dataset_and_unknown_correction_are_refused_before_anything_runs(monkeypatch):
    (fault,) = Discrete().unfit(Gaussian())
    assert str(fault) == (
        "estimator.name=discrete: counts classes, and dataset.name=gaussian has a continuous x and y; accepted: "
        "histogram, mixed, nearest"
    )
    monkeypatch.setattr(Gaussian, "discrete", frozenset({"x", "y"}))
    assert Discrete().unfit(Gaussian()) == []
    with pytest.raises(ConfigError) as error:
        config({"dataset": {"name": "gaussian"}, "estimator": {"name": "discrete", "correction": "none"}})
    (line,) = error.value.lines
    assert line.startswith("estimator.correction=none: must be nsb, plug_in, miller_madow, grassberger, chao_shen,")
