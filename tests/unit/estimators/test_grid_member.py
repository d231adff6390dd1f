"""Log-ratios by counts in nested squares, of pairs of columns."""

from __future__ import annotations

import math

import numpy as np
import torch

from mi_cli.estimators.grid_member import grid_scores, pair_scores
from mi_cli.problems import Problem, Rows
from mi_cli.training import prepare_for_critic


def prepared(x, y, n_val=400, n_test=1000):
    rows = Rows(torch.from_numpy(x), torch.from_numpy(y))
    cut = len(x) - n_val - n_test
    problem = Problem(
        dim_x=x.shape[1],
        dim_y=y.shape[1],
        train=rows.select(slice(cut)),
        draw=None,
        val=rows.select(slice(cut, cut + n_val)),
        test=rows.select(slice(cut + n_val, len(x))),
        init=torch.Generator().manual_seed(0),
        order=torch.Generator().manual_seed(0),
        lr=0.01,
    )
    normal = prepare_for_critic(problem, "rank_gaussianise", norms=False)
    return normal, [(normal.val, 16), (normal.test, 16)]


def waves(n=4000, columns=3, half=0.3, seed=0):
    """Columns whose y is a wave of x, each with noise that is uniform on the circle: I = −ln(2 half) each."""
    random = np.random.default_rng(seed)
    x = random.uniform(size=(n, columns))
    return x, (2 * x + random.uniform(-half, half, size=(n, columns))) % 1


def test_pairs_that_depend_on_each_other_are_kept_and_add_up():
    x, y = waves()
    normal, parts = prepared(x, y)
    pairs = pair_scores(normal, parts)
    assert {"grid_0_0", "grid_1_1", "grid_2_2"} <= set(pairs)
    assert len(pairs) <= 6
    truth = -3 * math.log(0.6)
    total = sum(pairs[f"grid_{i}_{i}"][1].joint for i in range(3))
    assert 0.6 * truth < total.mean().item() < truth  # squares blur edges


def test_independent_columns_have_few_pairs():
    # Each pair is kept with probability .025 at most; more than 2 of 9 in .1 % of samples.
    x, _ = waves(seed=1)
    _, y = waves(seed=2)
    assert len(pair_scores(*prepared(x, y))) <= 2


def test_one_column_each_and_very_many_have_no_pairs():
    x, y = waves(columns=1)
    assert pair_scores(*prepared(x, y)) == {}
    x, y = waves(n=2000, columns=11)
    assert pair_scores(*prepared(x, y)) == {}


def test_a_pair_is_scored_as_two_single_columns_are():
    x, y = waves(columns=2)
    pairs = pair_scores(*prepared(x, y))
    alone = grid_scores(*prepared(x[:, 1:], y[:, 1:]))
    assert torch.equal(pairs["grid_1_1"][1].joint, alone[1].joint)
    assert torch.equal(pairs["grid_1_1"][1].by_row, alone[1].by_row)
