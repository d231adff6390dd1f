"""Product samples."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
import torch
from examples import CPU
from scipy import stats

from mi_cli.networks.pairs import pair
from mi_cli.networks.product_samples import Partners, shifted

PRODUCTS = ("derangement", "shuffle")


def partners(product, copies, n, seeds=(0,)):
    return Partners(product, copies, n, [torch.Generator().manual_seed(seed) for seed in seeds], CPU)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("n", [2, 3, 17])
def test_every_pairing_is_a_permutation_of_the_rows(product, n):
    draw = partners(product, copies=3, n=n, seeds=(5, 6))
    for _ in range(300):  # more than are drawn at once
        found = draw()
        assert found.shape == (2, 3, n)
        assert (found.sort(2).values == torch.arange(n)).all()


@pytest.mark.parametrize("n", [2, 3, 17])
def test_derangement_never_pairs_a_row_with_itself(n):
    draw = partners("derangement", copies=4, n=n)
    assert not any((draw() == torch.arange(n)).any() for _ in range(300))


@pytest.mark.parametrize(
    ("product", "n", "expected"), [("shuffle", 3, set(permutations(range(3)))), ("derangement", 6, None)]
)
def test_all_pairings_are_equally_likely(product, n, expected):
    # A chi-square test; false alarms: 1e-6, were the seed not fixed.
    draw = partners(product, copies=2, n=n, seeds=range(5))
    counts = Counter(tuple(row.tolist()) for _ in range(600) for trial in draw() for row in trial)
    if expected is None:
        expected = {tuple((i + shift) % n for i in range(n)) for shift in range(1, n)}
    assert set(counts) == expected
    assert stats.chisquare(list(counts.values())).pvalue > 1e-6


@pytest.mark.parametrize("product", PRODUCTS)
def test_trials_draw_the_same_alone_and_in_company(product):
    together, alone = partners(product, 2, 9, seeds=(1, 2, 3)), partners(product, 2, 9, seeds=(2,))
    for _ in range(260):
        assert torch.equal(together()[1], alone()[0])


def test_shuffle_may_keep_a_row_as_it_is():
    draw = partners("shuffle", copies=1, n=10)
    kept = [int((draw() == torch.arange(10)).sum()) for _ in range(200)]
    # Each permutation keeps one row on average, with variance 1. False alarms: 2e-8 (5.6 standard errors).
    assert abs(sum(kept) / 200 - 1) < 0.4


def test_pair_puts_the_joint_samples_first():
    y = torch.arange(24.0).view(2, 3, 4)
    indices = torch.tensor([[[1, 2, 3, 0], [3, 2, 1, 0]], [[2, 3, 0, 1], [1, 0, 3, 2]]])
    found = pair(y, indices)
    assert found.shape == (2, 3, 3, 4)
    assert torch.equal(found[:, :, 0], y)
    for k in range(2):
        for copy in range(2):
            assert torch.equal(found[k, :, 1 + copy], y[k][:, indices[k, copy]])


def test_pair_passes_gradients_to_every_use_of_a_row():
    y = torch.randn(1, 1, 4, dtype=torch.float64, requires_grad=True)
    indices = torch.tensor([[[0, 0, 1, 2]]])
    pair(y, indices).sum().backward()
    assert y.grad.flatten().tolist() == [3, 2, 2, 1]


def test_shifted_pairs_each_row_with_the_next_ones():
    y = torch.arange(5.0).view(1, 1, 5)
    assert shifted(y, 2)[0, 0].tolist() == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 0], [2, 3, 4, 0, 1]]
