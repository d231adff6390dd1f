"""The tasks off the benchmark: their contracts, their density ratios, and what they say of their columns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from examples import fault_of
from pydantic import ValidationError

from mi_cli.datasets.off_benchmark.dataset import OffBenchmark
from mi_cli.datasets.off_benchmark.tasks import INDEPENDENT, TASKS
from mi_cli.problems import is_discrete
from mi_cli.schema.locations import config_folder
from mi_cli.testing import dataset_checks
from mi_cli.testing.datasets import nearest_neighbours

FORMS = [name for name in TASKS if not name.endswith(INDEPENDENT)]
ROWS = 10_000
MONTE_CARLO = [name for name in FORMS if TASKS[name].truth.by == "Monte Carlo"]
# Checked for few columns of numbers only: with many, nearest neighbours are no reference.
NEIGHBOURS = "claimed information agrees with nearest neighbours"
FEW_COLUMNS = ("sine_2", "chequerboard_4", "parity_2", "spread", "exp_4", "outliers", "censored", "radius_2", "spiral")


def draw(name, n, seed=7):
    return TASKS[name].source.sample(n, torch.Generator().manual_seed(seed))


def labels(columns):
    return columns.argmax(1) if columns.shape[1] > 1 else columns[:, 0]


@pytest.mark.parametrize("name", [*FORMS, "classes_10" + INDEPENDENT])
def test_task_keeps_the_contracts(name):
    for check in dataset_checks(OffBenchmark, {"task": name}):
        if check.contract != NEIGHBOURS:
            check()


@pytest.mark.parametrize("name", FEW_COLUMNS)
def test_nearest_neighbours_agree(name):
    (check,) = (check for check in dataset_checks(OffBenchmark, {"task": name}) if check.contract == NEIGHBOURS)
    check()


@pytest.mark.parametrize("name", FORMS)
def test_log_density_ratio_of_the_rows_has_the_mean_that_is_claimed(name):
    # False alarms: 6e-5 (4 standard errors) for each of sixty, were the seed not fixed.
    ratios, truth = TASKS[name].source.log_ratio(*draw(name, ROWS)).numpy(), TASKS[name].truth
    assert ratios.shape == (ROWS,)
    assert abs(ratios.mean() - truth.mi) < 4 * math.hypot(ratios.std() / ROWS**0.5, truth.stderr)


@pytest.mark.parametrize("name", [name for name in FORMS if TASKS[name].truth.mi < 2])
def test_density_ratio_of_independent_rows_has_mean_1(name):
    # So no factor is missing, which the mean of its logarithm would not show. 4.4 standard errors.
    ratios = TASKS[name].source.log_ratio(draw(name, ROWS)[0], draw(name, ROWS, seed=8)[1]).exp().numpy()
    assert abs(ratios.mean() - 1) < 4.4 * ratios.std() / ROWS**0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", MONTE_CARLO)
def test_information_is_that_of_other_draws(name):
    generator, source = torch.Generator().manual_seed(1), TASKS[name].source
    ratios = torch.cat([source.log_ratio(*source.sample(10_000, generator)) for _ in range(100)])
    stderr = ratios.std().item() / len(ratios) ** 0.5
    truth = TASKS[name].truth
    assert abs(ratios.mean().item() - truth.mi) < 4 * math.hypot(stderr, truth.stderr)
    assert 0 < truth.stderr < 0.0007


@pytest.mark.parametrize("name", TASKS)
def test_classes_and_counts_are_declared(name):
    dataset = OffBenchmark(task=name)
    sides = dict(zip("xy", dataset.sample(5000, torch.Generator().manual_seed(0)), strict=True))
    for side, columns in sides.items():
        few = all(is_discrete(column) for column in columns.T.numpy())
        assert few == (side in dataset.discrete or side in dataset.few_valued)
        if side in dataset.discrete:
            assert set(columns.unique().tolist()) == {0.0, 1.0}
            assert columns.shape[1] == 1 or (columns.sum(1) == 1).all()
        elif side in dataset.with_classes:
            assert any(is_discrete(column) for column in columns.T.numpy())


@pytest.mark.parametrize("name", FORMS)
def test_independent_task_has_the_same_columns_and_no_information(name):
    task, other = OffBenchmark(task=name), OffBenchmark(task=name + INDEPENDENT)
    assert (other.true_mi(), other.true_mi_stderr()) == (0.0, 0.0)
    assert other.kind == task.kind
    assert other.n_samples == task.n_samples
    assert (other.dim_x, other.dim_y, other.discrete) == (task.dim_x, task.dim_y, task.discrete)
    for one, another in zip(
        task.sample(5000, torch.Generator().manual_seed(0)),
        other.sample(5000, torch.Generator().manual_seed(1)),
        strict=True,
    ):
        # Medians, since some tails are heavy; 5 standard errors of ranks.
        above = (another > one.median(0).values).double().mean(0) - (one > one.median(0).values).double().mean(0)
        assert above.abs().max() < 5 * (0.5 / 5000) ** 0.5


@pytest.mark.parametrize("name", ["sine_4", "product", "outliers_both", "ring", "spiral"])
def test_independent_rows_are_independent(name):
    x, y = OffBenchmark(task=name + INDEPENDENT).sample(3000, torch.Generator().manual_seed(0), torch.float64)
    assert abs(nearest_neighbours(x.numpy(), y.numpy(), k=5)) < 0.05


def test_injections_are_injective():
    # Rows that differ before them differ after them, by more than float32 rounds.
    for name in ("blobs_8", "bars_16", "shapes_12", "repeated_columns", "bijection_10", "bijection_100"):
        u, v = draw(name, 400)
        mapped = TASKS[name].maps(u, v)[0]
        before, after = (torch.pdist(rows) for rows in (u, mapped))
        assert (after > 1e-4 * before).all(), name


def test_rotations_and_waves_of_a_bijection_can_be_undone():
    bijection = TASKS["bijection_10"].maps.x[0]
    u = draw("bijection_10", 50)[0]
    *layers, (last, _) = bijection._parts
    t = bijection(u) @ last.T
    for rotation, phases in reversed(layers):
        low, high = t - 1, t + 1
        for _ in range(60):
            middle = (low + high) / 2
            too_low = middle + 0.6 * (1.5 * middle + phases).sin() < t
            low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
        t = low @ rotation.T
    np.testing.assert_allclose(t.numpy(), u.numpy(), atol=1e-9)


def test_rows_are_those_of_the_task_unless_they_are_set():
    assert OffBenchmark().n_samples == 5000
    assert OffBenchmark(task="normal_200_rows").n_samples == 200
    assert OffBenchmark(task="normal_200_rows", n_samples=None).n_samples == 200
    assert OffBenchmark(task="normal_200_rows", n_samples=300).n_samples == 300


def test_truth_says_how_it_is_known():
    assert OffBenchmark(task="sine_4").kind == "periodic"
    assert TASKS["sine_4"].truth.by == "quadrature"
    assert OffBenchmark(task="classes_20").true_mi_stderr() > 0
    assert OffBenchmark(task="classes_20").true_mi_stderr(0.1) == 0
    assert OffBenchmark().true_mi(0.1) is None


def test_unknown_task_is_one_line():
    with pytest.raises(ValidationError) as error:
        OffBenchmark(task="sine_5")
    fault = fault_of(error.value)
    assert (fault.key, fault.value, fault.problem) == ("dataset.task", "sine_5", "no such task")
    assert fault.accepted.startswith(f"one of the {len(TASKS)} names in dataset/off_benchmark.yaml, such as sine_")


def test_yaml_and_experiment_list_the_tasks():
    lines = (config_folder() / "dataset" / "off_benchmark.yaml").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line.startswith("#   ")]
    assert [name for _, name, *_ in words] == FORMS
    assert all(f"{OffBenchmark(task=name).true_mi():.4f}" == mi for _, name, mi, *_ in words)
    assert {name for _, name, *more in words if "±" in more} == set(MONTE_CARLO)
    lines = (config_folder() / "experiment" / "off_benchmark.yaml").read_text(encoding="utf-8").splitlines()
    swept = [line.strip("- ") for line in lines if line.startswith("      - ")]
    assert swept[: len(FORMS)] == FORMS
    independent = [name.removesuffix(INDEPENDENT) for name in swept[len(FORMS) :]]
    assert {TASKS[name].kind for name in independent} == {TASKS[name].kind for name in FORMS}


@pytest.mark.parametrize("name", [name for name in TASKS if TASKS[name].classes])
def test_entropy_of_classes_is_that_of_the_rows(name):
    dataset = OffBenchmark(task=name)
    described = dataset.describe()
    assert described["kind"] == TASKS[name].kind
    rows = dict(zip("xy", dataset.sample(ROWS, torch.Generator().manual_seed(3)), strict=True))
    for side, entropy in described["entropy"].items():
        assert (entropy is not None) == (side in dataset.discrete)
        if entropy is not None:
            shares = np.unique(labels(rows[side].numpy()), return_counts=True)[1] / ROWS
            assert entropy == pytest.approx(-(shares * np.log(shares)).sum(), abs=0.02)


def test_a_side_of_numbers_has_no_entropy():
    assert OffBenchmark(task="counts").describe() == {"kind": "counts", "entropy": {"x": None, "y": None}}
