"""Every dataset that is registered keeps the contracts of ``mi_cli.testing``."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.registry.builtin import DATASETS
from mi_cli.registry.lookup import load
from mi_cli.testing import dataset_checks
from mi_cli.testing.datasets import nearest_neighbours

# Settings beside the defaults that say more of a dataset: one line here for one that has any.
SETTINGS = {
    "additive_uniform": [{}, {"epsilon": 0.75}, {"dim": 3, "mi": 3.0}],
    "bend_and_mix": [
        {},
        {"task": "1v1-AI"},
        {"task": "2v1-galaxy-0.5-3.0"},
        {"task": "3v1-concentric_gaussians-5"},
        {"task": "mult-sparse-w-inliers-5-5-2-2.0-0.5"},
    ],
    "beyond_normal": [
        {},
        {"task": "1v1-additive-0.1"},
        {"task": "1v1-additive-0.75"},
        {"task": "1v1-bimodal-0.75"},
        {"task": "wiggly-1v1-normal-0.75"},
        {"task": "swissroll_x-normal_cdf-1v1-normal-0.75"},
        {"task": "multinormal-dense-3-3-0.5"},
        {"task": "student-identity-2-2-1"},
        {"task": "asinh-student-identity-3-3-2"},
        {"task": "normal_cdf-multinormal-sparse-3-3-2-2.0"},
        {"task": "half_cube-multinormal-sparse-3-3-2-2.0"},
    ],
    "chain": [{}, {"xz": -0.5, "zy": 0.0}],
    "class_mixture": [{}, {"shares": [0.2, 0.3, 0.5], "rhos": [0.8, -0.8, 0.0], "shift": 2.0}],
    "class_table": [
        {"strength": 0.0},
        {"classes": 3, "y_classes": 8, "form": "uneven", "strength": 0.9},
        {"form": "random", "classes": 7, "strength": 1.0},
    ],
    "collider": [{}, {"sigma": 2.0}],
    "confounded": [{}, {"rho": 0.0, "strength": 2.0}, {"cmi": 0.5, "form": "linear", "dim": 2}],
    "copied_bits": [{}, {"flip": 0.1, "history": 2}, {"delay": 3}],
    "coupled_maps": [{}, {"sd": 0.3}],
    "discrete_continuous": [{}, {"labels": 1}, {"labels": 50}],
    "gamma_exponential": [{}, {"theta": 0.5}, {"theta": 0.01, "map": "log"}, {"mi": 1.0, "dim": 2, "map": "log"}],
    "gaussian": [{}, {"rho": 0.0}, {"rho": -0.9}, {"rho": 1.0}, {"dim": 3}, {"dim": 2, "mi": 3.0}]
    + [{"map": name, "dim": 2} for name in ("cubic", "half_cube", "asinh", "wiggly", "uniform")]
    + [{"map": "swiss_roll"}],
    "gaussian_mixture": [{"form": form} for form in ("x", "ai", "galaxy", "concentric", "inliers")],
    "labelled_table": [{"label": "b"}, {"label": "k"}],
    "manifold": [{"columns": 3}, {"columns": 4, "embedding": "sine", "mi": 1.5}, {"dim": 3, "columns": 3}],
    "polynomial_differences": [{}, {"terms": 5, "last": True}, {"terms": 19, "first_power": 0}],
    "root_functions": [{}, {"powers": 19}, {"late_binding": True}],
    "table": [{"x": "a", "y": "b"}, {"x": ["a", "k"], "y": "b"}, {"x": "a", "y": "k"}, {"x": "b", "groups": "k"}]
    + [{"x": ["a", "k"], "y": "b", "transform": name} for name in ("shuffle", "function", "two_copies")],
    "time_series": [{"x": "a", "y": "b"}, {"x": ["a", "k"], "y": "b"}],
    "var": [{}, {"coefficients": [[[0.0, 0.0], [1.0, 0.0]]], "sd": [1.0, 0.7]}, {"history": 2, "recordings": 3}],
    "xor": [{}, {"flip": 0.1}],
    "bits": [{"columns": 2}, {"columns": 2, "form": "copies", "flip": 0.1}],
    "equicorrelated": [{}, {"columns": 2, "rho": -0.5}, {"columns": 6, "rho": 0.3}],
    "student": [{}, {"df": 1, "dim": 2}, {"df": 0.5, "map": "asinh"}, {"mi": 1.5, "dim": 2}],
}
PAIRED = frozenset({"additive_uniform", "gaussian"})  # whose columns of x and y are pairs, independent of each other
FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def table() -> str:
    """A file of two columns that depend on each other, and one of classes."""
    rng, path = np.random.default_rng(0), FOLDER / "table.csv"
    a, noise = rng.normal(size=(2, 10_000))
    pl.DataFrame({"a": a, "b": a + noise, "k": rng.permutation(np.arange(10_000) % 10)}).write_csv(path)
    return str(path)


FILES = {"path": table()}
OF_FILES = frozenset({"table", "labelled_table", "columns", "time_series"})
CHECKS = [
    pytest.param(check, id=f"{name}-{number}-{check.contract}")
    for name in DATASETS
    for number, fields in enumerate(SETTINGS.get(name, [{}]))
    for check in dataset_checks(
        load(DATASETS[name]), (FILES if name in OF_FILES else {}) | fields, paired=name in PAIRED
    )
]


@pytest.mark.parametrize("check", CHECKS)
def test_dataset_keeps_its_contract(check):
    check()


@pytest.mark.parametrize("name", DATASETS)
def test_name_is_that_of_the_registry(name):
    assert load(DATASETS[name]).model_fields["name"].default == name


def test_reference_is_right_where_it_is_easy():
    x, y = Gaussian(rho=0.8, dim=2).sample(5000, torch.Generator().manual_seed(0), torch.float64)
    assert nearest_neighbours(x.numpy(), y.numpy(), k=5) == pytest.approx(-np.log1p(-0.64), abs=0.08)
    assert abs(nearest_neighbours(x.numpy(), y.flip(0).numpy(), k=5)) < 0.05
