"""Rows for critics, with their squared length as a column of its own."""

from __future__ import annotations

import pytest
import torch
from examples import gaussian_rows, problem

from mi_cli.problems import Rows
from mi_cli.training.critic_rows import prepare_for_critic


def halves(n, seed):
    """Two classes of equal numbers, of which normal x tells."""
    x = gaussian_rows(n, 0.0, seed).x
    return Rows(x, (x > x.median()).double())


@pytest.mark.parametrize("preprocess", ["standardise", "rank_gaussianise"])
def test_two_equal_classes_have_equal_squared_lengths_which_tell_nothing(preprocess):
    given = problem(train=halves(400, 1), val=halves(100, 2), test=halves(101, 3))
    ready = prepare_for_critic(given, preprocess, norms=True)
    for rows in (ready.train, ready.val, ready.test):
        assert rows.x.shape[1] == rows.y.shape[1] == 2
        assert rows.y[:, 1].abs().max() < 1e-9
    assert ready.train.x[:, 1].std() == pytest.approx(1)


def test_lengths_that_vary_little_are_standardised():
    rows = halves(401, 1)  # one class has a row more, so that one of two lengths is a little larger
    assert prepare_for_critic(problem(train=rows), "standardise", norms=True).train.y[:, 1].std() == pytest.approx(1)


def test_lengths_that_are_too_large_are_refused():
    rows = Rows(torch.tensor([[1e200], [-1e200], [3e200]]).double(), torch.arange(3.0)[:, None])
    with pytest.raises(ValueError, match="not finite"):
        prepare_for_critic(problem(train=rows), "none", norms=True)
