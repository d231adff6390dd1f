"""Datasets of triples: known values of I(x; y | z), and what their fields refuse."""

from __future__ import annotations

import math

import pytest
import torch

from mi_cli.datasets.chain import Chain
from mi_cli.datasets.class_mixture import ClassMixture
from mi_cli.datasets.collider import Collider
from mi_cli.datasets.confounded import Confounded
from mi_cli.datasets.xor import Xor


@pytest.mark.parametrize(
    ("dataset", "nats"),  # by covariances or sums, to six digits
    [
        (Chain(), 0.0),
        (Collider(), 0.510826),
        (Confounded(rho=0.3), 0.047155),
        (Confounded(rho=0.6, dim=5), 0.223144),
        (Confounded(rho=0.8, form="linear"), 0.510826),
        (ClassMixture(), 0.249110),
        (Xor(), 0.693147),
        (Xor(flip=0.5), 0.0),
    ],
)
def test_exact_values(dataset, nats):
    assert dataset.true_mi() == pytest.approx(nats, abs=1e-6)


@pytest.mark.parametrize("dataset", [Chain(), Collider(), Confounded(), Confounded(form="linear", dim=3)])
@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_of_gaussians_it_is_that_of_the_partial_correlation(dataset, noise):
    rows = dataset.rows(200_000, torch.Generator().manual_seed(0), torch.float64)
    x = rows.x + noise * torch.randn(rows.x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = rows.z
    if isinstance(dataset, Confounded) and dataset.form == "smooth":  # linear in these
        z = torch.cat([(2 * z).sin(), z**2], 1)
    inverse = torch.linalg.inv(torch.cov(torch.cat([x, rows.y, z], 1).T))
    square = float(inverse[0, 1] ** 2 / (inverse[0, 0] * inverse[1, 1]))
    assert dataset.true_mi(noise) == pytest.approx(-0.5 * math.log1p(-square), abs=0.01)


def test_rows_have_z_and_the_same_x_and_y_as_a_sample():
    dataset = Confounded(dim=3)
    rows = dataset.rows(20, torch.Generator().manual_seed(0))
    x, y = dataset.sample(20, torch.Generator().manual_seed(0))
    assert rows.z.shape == (20, dataset.dim_z) == (20, 3)
    assert torch.equal(rows.x, x)
    assert torch.equal(rows.y, y)


def test_cmi_takes_the_place_of_the_correlation():
    assert Confounded(cmi=0.4).true_mi() == pytest.approx(0.4)
    with pytest.raises(ValueError, match=r"dataset\.cmi=0\.4: makes dataset\.rho=0\.7421, not dataset\.rho=0\.9"):
        Confounded(cmi=0.4, rho=0.9)
    with pytest.raises(ValueError, match=r"dataset\.cmi=13: must be between 0 and 12"):
        Confounded(cmi=13)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shares": [1.0], "rhos": [0.5]}, r"dataset\.shares=\[1\.0\]: must be probabilities of two or more classes"),
        ({"shares": [0.5, 0.6]}, r"dataset\.shares=\[0\.5, 0\.6\]: must be probabilities"),
        ({"rhos": [0.5]}, r"dataset\.rhos=\[0\.5\]: has 1 correlations for 2 classes"),
    ],
)
def test_classes_that_do_not_fit_are_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        ClassMixture(**fields)


def test_classes_have_their_shares_and_means():
    rows = ClassMixture(shares=(0.2, 0.3, 0.5), rhos=(0, 0, 0), shift=3.0).rows(
        20_000, torch.Generator().manual_seed(0)
    )
    for number, share in enumerate((0.2, 0.3, 0.5)):
        chosen = rows.z == number
        assert float(chosen.double().mean()) == pytest.approx(share, abs=0.02)
        assert float(rows.x[chosen].mean()) == pytest.approx(3 * number, abs=0.1)


def test_kinds_are_described():
    assert Collider().describe() == {"kind": "collider"}
    assert ClassMixture().describe()["kind"] == "class mixture"
    assert Confounded(dim=3).describe() == {"kind": "smooth confounding, 3 columns of z"}
    assert Confounded(form="linear").kind == "linear confounding, 1 column of z"


def test_entropies_of_classes_are_described():
    assert Xor().describe()["entropy"] == {side: pytest.approx(math.log(2)) for side in "xyz"}
    assert ClassMixture().describe()["entropy"] == {"x": None, "y": None, "z": pytest.approx(0.610864, abs=1e-6)}
