"""The tasks of "Bend and Mix": their MI by densities of scipy, and their names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import fault_of
from pydantic import ValidationError
from scipy import stats
from scipy.special import logsumexp

from mi_cli.datasets import beyond_normal
from mi_cli.datasets.bend_and_mix import KINDS, MONTE_CARLO, TASKS, BendAndMix
from mi_cli.schema.locations import config_folder

ROWS = 20_000


def log_ratios(name, n=ROWS, seed=5):
    """ln p(x, y) − ln p(x) − ln p(y) of rows before they are bent, by scipy."""
    source = TASKS[name].source
    x, y = (side.numpy() for side in source.sample(n, torch.Generator().manual_seed(seed)))

    def log_density(rows, columns):
        return logsumexp(
            [
                np.log(part.weight)
                + stats.multivariate_normal(
                    np.array(part.mean, float)[columns], np.array(part.covariance, float)[columns, columns]
                ).logpdf(rows)
                for part in source.parts
            ],
            axis=0,
        )

    of_x, of_y, both = slice(0, x.shape[1]), slice(x.shape[1], None), slice(None)
    return log_density(np.hstack([x, y]), both) - log_density(x, of_x) - log_density(y, of_y)


def test_tasks_are_the_published_ones():
    assert len(TASKS) == 26
    assert sum(name in beyond_normal.TASKS for name in TASKS) == 13
    assert set(MONTE_CARLO) == set(TASKS) - set(beyond_normal.TASKS)
    dims = {name: (BendAndMix(task=name).dim_x, BendAndMix(task=name).dim_y) for name in TASKS}
    assert dims["1v1-AI"] == (1, 1)
    assert dims["2v1-waves-12-5.0-3.0"] == dims["swissroll_x-normal_cdf-1v1-normal-0.75"] == (2, 1)
    assert dims["25v1-concentric_gaussians-5"] == (25, 1)
    assert dims["mult-sparse-w-inliers-25-25-2-2.0-0.5"] == dims["multinormal-dense-25-25-0.5"] == (25, 25)
    assert BendAndMix().n_samples == 5000


@pytest.mark.parametrize("name", sorted(set(TASKS) - set(MONTE_CARLO)))
def test_tasks_of_beyond_normal_are_the_same(name):
    ours, theirs = BendAndMix(task=name), beyond_normal.BeyondNormal(task=name)
    assert (ours.true_mi(), ours.true_mi_stderr()) == (theirs.true_mi(), 0.0)
    rows = (dataset.sample(20, torch.Generator().manual_seed(0)) for dataset in (ours, theirs))
    assert all(map(torch.equal, *rows))


@pytest.mark.parametrize("name", MONTE_CARLO)
def test_log_density_ratio_of_the_rows_has_that_mean(name):
    # False alarms: 6e-5 (4 standard errors) for each of thirteen.
    ratios, dataset = log_ratios(name), BendAndMix(task=name)
    assert abs(ratios.mean() - dataset.true_mi()) < 4 * np.hypot(ratios.std() / ROWS**0.5, dataset.true_mi_stderr())


@pytest.mark.slow
@pytest.mark.parametrize("name", MONTE_CARLO)
def test_information_is_that_of_other_draws(name):
    mean, stderr = TASKS[name].source.monte_carlo(draws=1_000_000, seed=1)
    assert abs(mean - MONTE_CARLO[name][0]) < 4 * np.hypot(stderr, MONTE_CARLO[name][1])
    assert 0 < MONTE_CARLO[name][1] < 0.0009


def test_information_with_noise_is_not_known():
    assert BendAndMix().true_mi(0.1) is None
    assert BendAndMix().true_mi_stderr(0.1) == 0
    assert BendAndMix().true_mi_stderr() > 0


def test_unknown_task_is_one_line():
    with pytest.raises(ValidationError) as error:
        BendAndMix(task="1v1-Y-0.9")
    fault = fault_of(error.value)
    assert (fault.key, fault.value, fault.problem) == ("dataset.task", "1v1-Y-0.9", "no such task")
    assert fault.accepted.startswith("one of the 26 names in dataset/bend_and_mix.yaml, such as 1v1-X-0.9, ")


def test_yaml_and_experiment_list_every_task():
    lines = (config_folder() / "dataset" / "bend_and_mix.yaml").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line.startswith("#   ")]
    assert [name for _, name, *_ in words] == list(TASKS)
    for _, name, mi, *more in words:
        dataset = BendAndMix(task=name)
        assert mi == f"{dataset.true_mi():.4f}"
        assert more == (["±", f"{dataset.true_mi_stderr():.4f}"] if name in MONTE_CARLO else [])
    lines = (config_folder() / "experiment" / "bend_and_mix.yaml").read_text(encoding="utf-8").splitlines()
    assert [line.strip("- ") for line in lines if line.startswith("      - ")] == list(TASKS)


def test_every_task_is_of_a_kind():
    assert list(KINDS) == list(TASKS)
    assert KINDS["spiral-multinormal-sparse-3-3-2-2.0"] == "curves"
    assert KINDS["multinormal-sparse-5-5-2-2.0"] == "normal"
    assert BendAndMix(task="1v1-AI").describe() == {"kind": "mixtures"}
