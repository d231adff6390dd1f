"""A label and a continuous column."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mi_cli.datasets.discrete_continuous import DiscreteContinuous


@pytest.mark.parametrize("labels", [1, 2, 5, 50])
def test_information_is_entropy_of_x_less_that_within_a_label(labels):
    # The density of x is constant between whole numbers: half of 1/m for each label that covers them.
    covering = np.array([sum(y <= place < y + 2 for y in range(labels)) for place in range(labels + 1)])
    density = covering / (2 * labels)
    entropy = -(density * np.log(density)).sum()
    assert DiscreteContinuous(labels=labels).true_mi() == pytest.approx(entropy - math.log(2), abs=1e-12)
    assert DiscreteContinuous(labels=labels).true_mi(noise=0.1) is None


def test_rows_are_uniform_labels_and_uniform_columns_above_them():
    x, y = DiscreteContinuous(labels=4).sample(20_000, torch.Generator().manual_seed(0), torch.float64)
    assert set(y.flatten().tolist()) == {0.0, 1.0, 2.0, 3.0}
    # False alarms: 1e-6 (4.9 sigma) for each of six.
    assert ((y == torch.arange(4)).double().mean(0) - 0.25).abs().max() < 4.9 * math.sqrt(3 / 16 / 20_000)
    above = x - y
    assert above.min() >= 0
    assert above.max() <= 2
    assert abs(above.mean() - 1) < 4.9 / math.sqrt(3 * 20_000)
    assert abs(((above - 1) * (y - 1.5)).mean()) < 4.9 * math.sqrt(1.25 / 3 / 20_000)


def test_y_is_said_to_be_discrete():
    assert DiscreteContinuous().discrete == {"y"}


def test_entropy_of_the_label_is_described():
    assert DiscreteContinuous(labels=4).describe() == {"entropy": {"x": None, "y": pytest.approx(math.log(4))}}
