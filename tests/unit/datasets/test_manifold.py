"""Few dimensions in many columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.datasets.manifold import Manifold, embedding

EMBEDDINGS = ("isometric", "sine")
both = pytest.mark.parametrize("kind", EMBEDDINGS)


def draw(n=200, dtype=torch.float64, **fields):
    return Manifold(**fields).sample(n, torch.Generator().manual_seed(0), dtype)


@both
@pytest.mark.parametrize(("dim", "columns"), [(1, 1), (2, 7), (4, 300)])
def test_pairs_can_be_read_from_the_columns(kind, dim, columns):
    # The first columns, turned back, are the rows of the Gaussian data set: nothing is lost or added.
    rows = draw(dim=dim, columns=columns, embedding=kind, mi=1.0)
    pairs = Gaussian(dim=dim, mi=1.0).sample(200, torch.Generator().manual_seed(0), torch.float64)
    for which in (0, 1):
        turned = rows[which] @ embedding(dim, columns, 0, which)[0].T
        torch.testing.assert_close(turned[:, :dim], pairs[which])
        assert turned[:, dim:].abs().max() < (1e-12 if kind == "isometric" else 1 + 1e-9) if columns > dim else True


def test_isometric_rows_keep_their_distances_and_sines_fill_the_space():
    x, _ = draw(dim=3, columns=20)
    pairs, _ = Gaussian(dim=3).sample(200, torch.Generator().manual_seed(0), torch.float64)
    torch.testing.assert_close(torch.pdist(x), torch.pdist(pairs))
    assert np.linalg.matrix_rank(x.numpy(), tol=1e-9) == 3
    assert np.linalg.matrix_rank(draw(dim=3, columns=20, embedding="sine")[0].numpy(), tol=1e-9) == 20


@both
def test_information_is_that_of_the_pairs(kind):
    dataset = Manifold(dim=3, rho=-0.7, embedding=kind)
    assert dataset.true_mi() == pytest.approx(Gaussian(dim=3, rho=-0.7).true_mi())
    assert Manifold(mi=2.0, embedding=kind).true_mi() == pytest.approx(2)
    noisy = dataset.true_mi(noise=0.5)
    assert noisy == (pytest.approx(Gaussian(dim=3, rho=-0.7).true_mi(0.5)) if kind == "isometric" else None)


def test_noise_in_every_column_acts_as_noise_on_the_pairs():
    # MI of the Gaussian (x + noise, y's pairs) from its covariance.
    rotation = embedding(2, 5, 0, 0)[0].numpy()
    lift = rotation[:2].T
    of_x, of_y, across = lift @ lift.T + 0.25 * np.eye(5), np.eye(2), lift * 0.6
    joint = np.block([[of_x, across], [across.T, of_y]])
    expected = 0.5 * (np.linalg.slogdet(of_x)[1] - np.linalg.slogdet(joint)[1])
    assert Manifold(dim=2, columns=5).true_mi(noise=0.5) == pytest.approx(expected, rel=1e-9)


def test_x_and_y_and_seeds_have_shapes_of_their_own():
    shapes = [embedding(2, 5, seed, which)[0] for seed in (0, 1) for which in (0, 1)]
    assert all((a - b).abs().max() > 0.1 for i, a in enumerate(shapes) for b in shapes[:i])
    assert all(torch.allclose(shape @ shape.T, torch.eye(5).double(), atol=1e-12) for shape in shapes)


def test_room_is_needed_for_the_pairs():
    with pytest.raises(ValueError, match=r"dataset\.columns=3: must be at least dataset\.dim=4"):
        Manifold(dim=4, columns=3)
