"""Roots of elementary functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mi_cli.datasets.root_functions import RootFunctions

FUNCTIONS = (np.sin, np.cos, lambda y: np.log(2 + y), np.square, np.sinh, np.cosh, np.tanh)
LABELS = np.linspace(-0.99, 0.99, 23)


def features(**fields):
    return RootFunctions(**fields).features(torch.from_numpy(LABELS).unsqueeze(1)).numpy()


@pytest.mark.parametrize("powers", [1, 4, 19])
def test_columns_are_roots_of_each_function(powers):
    found = features(powers=powers)
    assert found.shape == (23, 7 * powers)
    columns = [(f(LABELS), 1 / (i + 1)) for f in FUNCTIONS for i in range(1, powers + 1)]
    expected = np.stack([np.sign(values) * np.abs(values) ** exponent for values, exponent in columns], 1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("powers", [4, 19])
def test_late_binding_makes_every_function_the_last(powers):
    found = features(powers=powers, late_binding=True)
    assert found.shape == (23, 7 * powers)
    assert len(np.unique(found, axis=1).T) == powers  # distinct columns
    np.testing.assert_array_equal(found, np.tile(features(powers=powers)[:, -powers:], 7))


def test_columns_are_finite_where_a_function_is_zero():
    zero = torch.zeros(1, 1, dtype=torch.float64)
    assert torch.isfinite(RootFunctions(powers=19).features(zero)).all()


def test_information_is_infinite_without_noise_and_not_known_with_it():
    assert RootFunctions().true_mi() == math.inf
    assert RootFunctions().true_mi(noise=0.1) is None
