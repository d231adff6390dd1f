"""Barlow Twins, against plain code for small arrays."""

import numpy as np
import pytest
import torch

from mi_cli.representations.objectives.barlow_twins import barlow_twins


def pair(k=2, d=3, n=7):
    g = torch.Generator().manual_seed(0)
    return torch.randn(2, k, d, n, generator=g, dtype=torch.float64)


def test_barlow_twins_by_its_formula():
    first, second = pair()
    loss = barlow_twins(first, second, 0.005)
    for trial in range(2):
        correlations = np.corrcoef(first[trial].numpy(), second[trial].numpy())[:3, 3:]
        expected = sum(
            (1 - correlations[j, k]) ** 2 if j == k else 0.005 * correlations[j, k] ** 2
            for j in range(3)
            for k in range(3)
        )
        assert loss[trial].item() == pytest.approx(expected, rel=1e-3)


def test_barlow_twins_does_not_depend_on_units():
    first, second = pair()
    assert barlow_twins(first, second, 0.1).tolist() == pytest.approx(
        barlow_twins(100 * first + 3, 10 * second - 1, 0.1).tolist(), rel=1e-3
    )
