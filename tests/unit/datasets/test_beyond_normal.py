"""The forty tasks: their published MI, and that of their rows by densities of scipy once every map is undone."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import fault_of, pointwise
from pydantic import ValidationError
from scipy import stats
from scipy.special import ndtri

from mi_cli.datasets import maps, sources
from mi_cli.datasets.beyond_normal import TASKS, BeyondNormal

with Path(__file__).with_name("bmi40_true_mi.csv").open(encoding="utf-8", newline="") as file:
    PUBLISHED = {row["task_id"]: row for row in csv.DictReader(file)}
ROWS = 20_000
# Closed forms by hand: −½ ln(1 − ρ²) a pair, ½ ln of (1 + (2d − 1) ρ) (1 − ρ) / (1 + (d − 1) ρ)² for dense ones,
# ε − ln 2ε and 1 / 4ε for uniforms, differences of entropies for Student's.
EXACT = {
    "1v1-normal-0.75": -0.5 * np.log1p(-(0.75**2)),
    "1v1-additive-0.1": 0.1 - np.log(0.2),
    "1v1-additive-0.75": 1 / 3,
    "student-identity-1-1-1": np.log(8 * np.pi) - 3,
    "multinormal-sparse-25-25-2-2.0": -np.log1p(-(0.8**2)),
    "student-identity-2-2-2": np.log(2) - 0.5,
} | {
    f"multinormal-dense-{d}-{d}-0.5": np.log1p((d - 1) / 2) - 0.5 * np.log1p((2 * d - 1) / 2) - 0.5 * np.log(0.5)
    for d in (2, 3, 5, 25, 50)
}

tasks = pytest.mark.parametrize("name", TASKS)


def undone(f, rows):
    """Rows before map ``f``."""
    match f:
        case maps.Spiral():
            return maps.Spiral(f.first, f.second, -f.speed)(rows)
        case maps.MixtureQuantile():
            return f.cdf(rows)
        case maps.wiggly_x | maps.wiggly_y:
            grid = torch.linspace(-8, 8, 200_001, dtype=torch.float64)
            return torch.from_numpy(np.interp(rows.numpy(), f(grid).numpy(), grid.numpy()))
        case maps.swiss_roll:
            return (rows.norm(dim=1, keepdim=True) * 21 / (1.5 * np.pi) - 1) / 2
        case maps.half_cube:
            return rows.sign() * rows.abs() ** (2 / 3)
        case maps.asinh:
            return rows.sinh()
        case maps.normal_cdf:
            return torch.from_numpy(ndtri(rows.numpy()))
    raise AssertionError(f)


def source_rows(name, n=ROWS):
    x, y = BeyondNormal(task=name).sample(n, torch.Generator().manual_seed(0), torch.float64)
    for f in reversed(TASKS[name].maps.x):
        x = undone(f, x)
    for f in reversed(TASKS[name].maps.y):
        y = undone(f, y)
    return x.numpy(), y.numpy()


def test_tasks_are_the_published_ones():
    assert set(TASKS) == set(PUBLISHED)
    for name, row in PUBLISHED.items():
        dataset = BeyondNormal(task=name)
        assert (dataset.dim_x, dataset.dim_y) == (int(row["dim_x"]), int(row["dim_y"]))


@tasks
def test_information_is_the_published_one_to_its_last_digit(name):
    assert BeyondNormal(task=name).true_mi() == pytest.approx(float(PUBLISHED[name]["true_mi_nats"]), abs=5.001e-7)
    assert BeyondNormal(task=name).true_mi(noise=0.1) is None


@pytest.mark.parametrize("name", EXACT)
def test_information_is_its_closed_form(name):
    assert BeyondNormal(task=name).true_mi() == pytest.approx(EXACT[name], rel=1e-9)


@tasks
def test_log_density_ratio_of_the_rows_has_that_mean(name):
    # False alarms: 1e-5 (4.4 standard errors) for each of forty.
    x, y = source_rows(name)
    ratios = pointwise(TASKS[name].source, x, y)
    assert abs(ratios.mean() - BeyondNormal(task=name).true_mi()) < 4.4 * ratios.std() / ROWS**0.5


@tasks
def test_columns_have_their_distribution(name):
    # Kolmogorov and Smirnov, every column against scipy's distribution; false alarms: 1e-4 a task.
    source, rows = TASKS[name].source, source_rows(name, 5000)
    for part, columns in enumerate(rows):
        for column in columns.T:
            assert stats.kstest(column, marginal(source, part)).pvalue > 1e-4 / (2 * columns.shape[1])


def marginal(source, part):
    match source:
        case sources.Normal():
            return stats.norm.cdf
        case sources.Student():
            return stats.t(source.df).cdf
        case sources.AdditiveUniform(epsilon=e):
            # Of y: the density is a trapezium, integrated by its corners.
            corners = (
                np.array([-e, min(e, 1 - e), max(e, 1 - e), 1 + e]),
                np.array([0, 1, 1, 0]) * min(1, 0.5 / e),
            )
            grid = np.linspace(-e, 1 + e, 20_001)
            area = np.concatenate([[0], np.cumsum(np.diff(grid) * stats_mid(np.interp(grid, *corners)))])
            return stats.uniform.cdf if part == 0 else (lambda t: np.interp(t, grid, area))
    raise AssertionError(source)


def stats_mid(values):
    return (values[1:] + values[:-1]) / 2


@pytest.mark.parametrize("name", ["foo", "multinormal-dense-4-4-0.5", ""])
def test_unknown_task_is_one_line(name):
    with pytest.raises(ValidationError) as error:
        BeyondNormal(task=name)
    fault = fault_of(error.value)
    assert (fault.key, fault.value, fault.problem) == ("dataset.task", name, "no such task")
    assert fault.accepted.startswith("one of the 40 names in dataset/beyond_normal.yaml, such as ")


def test_yaml_lists_every_task():
    from mi_cli.schema.locations import config_folder

    lines = (config_folder() / "dataset" / "beyond_normal.yaml").read_text(encoding="utf-8").splitlines()
    assert [line.strip("# ") for line in lines if line.startswith("#   ")] == list(TASKS)
