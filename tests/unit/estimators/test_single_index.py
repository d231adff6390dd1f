"""Regression on one linear combination of columns: the direction that it finds."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.estimators.single_index import single_index

DIRECTION = np.array([3.0, -2.0, 1.0, 0.0]) / 14**0.5


def unexplained(function, n=600, seed=0):
    """The share of the variance of a function of one combination that a regression on the columns leaves."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((n, 4))
    signal = function(z @ DIRECTION)
    target = signal + 0.3 * signal.std() * random.standard_normal(n)
    columns = next(single_index(target, z, random))
    assert columns.shape == (n, 12 + 4)
    design = np.column_stack([columns, np.ones(n), z])
    fitted = design @ np.linalg.lstsq(design, target, rcond=1e-6)[0]
    return np.var(signal - fitted) / np.var(signal)


@pytest.mark.parametrize("function", [np.sin, lambda s: np.sin(3 * s), lambda s: s**2, np.tanh])
def test_a_function_of_one_combination_is_found(function):
    assert unexplained(function) < 0.05


def test_other_functions_are_not():
    z = np.random.default_rng(0).standard_normal((600, 4))
    target = z[:, 0] * z[:, 1] + z[:, 2] * z[:, 3]
    columns = next(single_index(target, z, np.random.default_rng(0)))
    left = target - columns @ np.linalg.lstsq(columns, target, rcond=1e-6)[0]
    assert np.var(left) > 0.4 * np.var(target)
