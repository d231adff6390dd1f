"""Mixtures of Gaussians: densities and marginals, choice of components, invariances and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from estimation import estimate, gaussian_mi
from examples import gaussian_rows, problem
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from mi_cli.estimators.gmm import Gmm, log_ratio
from mi_cli.problems import Rows


def posed(rho=0.6, n=2000, dim=1, change=lambda rows: rows):
    parts = {part: change(gaussian_rows(n, rho, i, dim)) for i, part in enumerate(("train", "val", "test"))}
    return problem(rho, dim_x=parts["train"].x.shape[1], dim_y=parts["train"].y.shape[1], **parts)


def clusters(rows):
    """Two clusters that share their sign in x and y: about ln 2, although rows within one are as they were."""
    sign = torch.where(torch.arange(len(rows)) % 3 == 0, 8.0, -8.0)[:, None]
    return Rows(rows.x + sign, rows.y + sign)


def entropy(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_log_ratio_is_that_of_the_densities():
    random = np.random.default_rng(0)
    rows = random.standard_normal((300, 3)) @ random.standard_normal((3, 3))
    model = GaussianMixture(2, random_state=0).fit(rows)

    def density(columns):
        parts = zip(model.weights_, model.means_, model.covariances_, strict=True)
        return sum(
            weight * multivariate_normal(mean[columns], cov[np.ix_(columns, columns)]).pdf(rows[:, columns])
            for weight, mean, cov in parts
        )

    expected = np.log(density([0, 1, 2]) / density([0, 1]) / density([2]))
    assert log_ratio(model, rows, 2) == pytest.approx(expected)


@pytest.mark.parametrize("choose", ["bic", "held_out"])
@pytest.mark.parametrize(("rho", "dim"), [(0.0, 1), (0.6, 1), (0.8, 3)])
def test_value_is_near_the_truth(rho, dim, choose):
    # False alarms: 1e-6 (4.9 standard errors), beside the fit's own error of parameters / rows.
    found = estimate("gmm", posed(rho, dim=dim), choose=choose)
    assert abs(found.value - gaussian_mi(rho, dim)) < 4.9 * found.stderr + 0.02
    assert found.train_mi == pytest.approx(found.val_mi, abs=0.15)


@pytest.mark.parametrize("choose", ["bic", "held_out"])
def test_clusters_are_found_and_are_worth_their_entropy(choose):
    # False alarms: 1e-6 (4.9 standard errors), beside the fit's own error.
    shared = posed(0.0, change=clusters)
    found = estimate("gmm", shared, choose=choose, preprocess="standardise")
    assert abs(found.value - entropy(1 / 3)) < 4.9 * found.stderr + 0.02
    assert estimate("gmm", shared, components=1, preprocess="standardise").value > found.value + 0.3


def test_increasing_maps_change_nothing_after_ranks():
    def cubed(rows):
        return Rows(rows.x**3, rows.y.exp())

    # Test rows lie between training rows, where a rank is interpolated: on a line before the map, which is bent by it.
    assert estimate("gmm", posed(change=cubed)).value == pytest.approx(estimate("gmm", posed()).value, abs=0.002)


def test_test_rows_are_seen_by_the_evaluation_alone():
    one, other = posed(), posed()
    object.__setattr__(other, "test", gaussian_rows(500, 0.6, 77))
    found = [estimate("gmm", each) for each in (one, other)]
    assert found[0].train_mi == found[1].train_mi
    assert found[0].value != found[1].value


def test_more_parameters_than_rows_are_refused():
    found = estimate("gmm", posed(n=300, dim=25))
    assert (found.status, found.reason) == (
        "failed",
        "300 training rows; 1 components of 50 columns have 1325 parameters and need more rows than that",
    )


def test_held_out_choice_needs_validation_rows():
    rows = gaussian_rows(500, 0.6, 0)
    none = problem(train=rows, val=Rows(rows.x[:0], rows.y[:0]), test=rows)
    found = estimate("gmm", none, choose="held_out")
    assert (found.status, found.reason) == ("failed", "0 validation rows; choose=held_out needs at least 2 (split.val)")
    assert estimate("gmm", none).val_mi is None


def test_fit_that_has_not_converged_is_said(monkeypatch):
    monkeypatch.setattr("mi_cli.estimators.gmm._ITERATIONS", 2)
    found = estimate("gmm", posed(change=clusters), components=6)
    assert (found.status, found.reason) == ("ok", "EM had not converged after 2 iterations")


def test_it_has_no_number_without_fixed_rows():
    rows = gaussian_rows(100, 0.6, 0)
    with pytest.raises(ValueError, match="needs fixed training rows"):
        estimate("gmm", problem(train=None, draw=lambda n: rows))
    assert not Gmm.trains_on_fresh_rows
