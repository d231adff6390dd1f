"""Uniform columns with uniform noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.datasets.additive_uniform import UniformPairs


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.5, 0.75, 3.0])
def test_information_is_entropy_of_y_less_that_of_its_noise(epsilon):
    # The density of y by its definition, on a grid.
    y = np.linspace(-epsilon, 1 + epsilon, 2_000_001)
    density = np.clip((np.minimum(1, y + epsilon) - np.maximum(0, y - epsilon)) / (2 * epsilon), 1e-300, None)
    entropy = -np.trapezoid(density * np.log(density), y)
    assert UniformPairs(epsilon=epsilon).true_mi() == pytest.approx(entropy - math.log(2 * epsilon), abs=1e-5)
    assert UniformPairs(epsilon=epsilon, dim=4).true_mi() == pytest.approx(4 * UniformPairs(epsilon=epsilon).true_mi())


@given(st.floats(0.001, 12), st.integers(1, 20))
def test_noise_makes_the_information_that_is_asked_for(mi, dim):
    assert UniformPairs(mi=mi * dim, dim=dim).true_mi() == pytest.approx(mi * dim, rel=1e-12)


def test_noise_is_uniform_and_of_its_size():
    x, y = UniformPairs(mi=3.0, dim=2).sample(20_000, torch.Generator().manual_seed(0), torch.float64)
    scaled = (y - x) / UniformPairs(mi=3.0, dim=2).source.epsilon
    assert scaled.abs().max() <= 1 + 1e-12
    # Moments of U(−1, 1), whose squares have standard deviation 0.298; false alarms: 1e-6 (4.9 sigma).
    assert abs(scaled.square().mean() - 1 / 3) < 4.9 * 0.299 / 200
    assert abs((scaled * (x - 0.5)).mean()) < 4.9 / 6 / 200


def test_either_noise_or_information():
    with pytest.raises(ValueError, match=r"dataset\.mi=2: makes dataset\.epsilon=0\.07\d+, not dataset\.epsilon=0\.3"):
        UniformPairs(mi=2, epsilon=0.3)
    with pytest.raises(ValueError, match=r"dataset\.mi=13: must be between 0\.001 and 12"):
        UniformPairs(mi=13)
    assert UniformPairs().true_mi(noise=0.1) is None
