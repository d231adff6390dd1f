"""Nearest neighbours: values by hand and by others, invariances, ties, ceilings, and dimensions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from estimation import estimate, gaussian_mi, gaussian_sides, value, whole
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_regression

from mi_cli.estimators.ksg import _by_distances, _by_trees, ksg
from mi_cli.estimators.neighbour_search import separate
from mi_cli.training.context import Stopped

FORMS = (1, 2)
forms = pytest.mark.parametrize("form", FORMS)


def slow_ksg(x, y, k, form, norm):
    """As its authors write it, row by row."""
    n, near = len(x), []
    for i in range(n):
        others = np.arange(n) != i
        a, b = (np.linalg.norm(side[others] - side[i], norm, axis=1) for side in (x, y))
        nearest = np.argsort(np.maximum(a, b))[:k]
        if form == 1:
            radius = np.maximum(a, b)[nearest[-1]]
            near.append([1 + (a < radius).sum(), 1 + (b < radius).sum()])
        else:
            near.append([(a <= a[nearest].max()).sum(), (b <= b[nearest].max()).sum()])
    return digamma(k) - (form == 2) / k + digamma(n) - digamma(near).sum(1).mean()


@forms
@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize(("dim", "metric"), [(1, "max"), (2, "max"), (2, "euclidean"), (5, "max")])
def test_value_is_that_of_its_definition(form, k, dim, metric):
    x, y = gaussian_sides(150, 0.7, dim=dim)
    norm = np.inf if metric == "max" else 2
    assert ksg(x, y, k, form, metric) == pytest.approx(slow_ksg(x, y, k, form, norm), abs=1e-12)


@forms
@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("offset", [0, 1e6])
def test_trees_and_distances_count_the_same(form, dim, offset):
    x, y = (side + offset for side in gaussian_sides(2500, 0.9, dim=dim))  # some blocks
    one, other = _by_trees(x, y, 3, form, lambda: None), _by_distances(x, y, 3, form, "max", lambda: None)
    assert np.array_equal(one, other)


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
def test_form_1_is_that_of_scikit_learn(rho):
    # Which adds noise of 1e-10, clips at 0 and scales by the standard deviations, all of which matter little here.
    x, y = gaussian_sides(2000, rho)
    (theirs,) = mutual_info_regression(x, y[:, 0], n_neighbors=3, random_state=0)
    assert max(0, value("ksg", x, y, preprocess="standardise")) == pytest.approx(theirs, abs=1e-3)


@forms
@pytest.mark.parametrize(("rho", "dim"), [(0.0, 1), (0.6, 1), (0.9, 1), (0.0, 3), (0.0, 25)])
def test_value_is_near_the_truth(form, rho, dim):
    # False alarms: 1e-6, of 8 degrees of freedom or more (12 standard errors).
    x, y = gaussian_sides(2000, rho, dim=dim)
    found = estimate("ksg", whole(x, y), form=form)
    assert abs(found.value - gaussian_mi(rho, dim)) < 12 * found.stderr
    assert found.stderr < 0.03


@forms
def test_more_neighbours_spread_less(form):
    few, many = (np.std([ksg(*gaussian_sides(200, 0.5, seed), k, form) for seed in range(40)]) for k in (1, 20))
    assert many < 0.7 * few  # 1.9 expected; the ratio of two such has an error of 16 %


@forms
def test_increasing_maps_change_nothing_after_ranks_and_little_before(form):
    x, y = gaussian_sides(2000, 0.7)
    mapped = np.exp(x), y**3
    ranks = {"form": form, "preprocess": "rank_gaussianise"}
    assert value("ksg", *mapped, **ranks) == value("ksg", x, y, **ranks)
    assert value("ksg", *mapped, form=form) == pytest.approx(value("ksg", x, y, form=form), abs=0.05)


@forms
def test_scale_matters_only_where_nothing_is_done_about_it(form):
    x, y = gaussian_sides(1000, 0.7, dim=2)
    scaled = x * np.array([1000.0, 1.0]), y + 5
    assert value("ksg", *scaled, form=form) == pytest.approx(value("ksg", x, y, form=form), abs=1e-9)
    plain = {"form": form, "preprocess": "none"}
    assert abs(value("ksg", *scaled, **plain) - value("ksg", x, y, **plain)) > 0.1


@forms
@pytest.mark.parametrize("k", [1, 3, 10])
def test_ceiling_is_reached_by_sides_that_rise_together_and_by_nothing_else(form, k):
    x, y = gaussian_sides(400, 0.99)
    equal, near = (estimate("ksg", whole(x, other), form=form, k=k) for other in (np.exp(x), y))
    assert equal.ceiling == pytest.approx(digamma(400) - digamma(k) - (form == 2) / k)
    assert (equal.value, equal.ci_low, equal.ci_high) == (math.inf,) * 3
    assert equal.reason.startswith("rows near in x are near in y: the MI is infinite, or more than 400 rows show")
    assert near.value < near.ceiling == equal.ceiling


def test_standard_error_is_that_of_the_spread():
    # Of 60 estimates, whose spread is known to 9 %; an error of small subsets may be a quarter too small, as it says.
    found = [estimate("ksg", whole(*gaussian_sides(500, 0.6, seed))) for seed in range(60)]
    ratio = np.std([one.value for one in found], ddof=1) / np.mean([one.stderr for one in found])
    assert 0.65 < ratio < 1.7


@forms
def test_repeated_values_are_moved_apart_and_said(form):
    x, y = gaussian_sides(2000, 0.7)
    found = estimate("ksg", whole(x.round(2), y), form=form)
    assert found.status == "ok"
    assert found.reason.startswith("repeated values of column 0 of x (")
    assert "1e-10 standard deviations" in found.reason
    assert "of y" not in found.reason
    assert found.value == pytest.approx(value("ksg", x, y, form=form), abs=0.03)
    assert found == estimate("ksg", whole(x.round(2), y), form=form)


def test_columns_without_repeated_values_stay_what_they_are():
    side = np.stack([np.arange(50.0), np.repeat(np.arange(25.0), 2)], 1)
    apart, remark = separate("x", side, np.random.default_rng(0))
    assert np.array_equal(apart[:, 0], side[:, 0])
    assert len(np.unique(apart[:, 1])) == 50
    assert abs(apart - side).max() < 1e-7
    assert remark.startswith("repeated values of column 1 of x (25) were")
    assert separate("x", apart, np.random.default_rng(0)) == (apart, "")


def test_columns_with_most_repeated_values_are_said_one_by_one():
    side = np.stack([np.arange(60.0) // n for n in (1, 2, 4, 3, 6, 5)], 1)
    _, remark = separate("y", side, np.random.default_rng(0))
    most = "column 4 of y (50), column 5 of y (48), column 2 of y (45)"
    assert remark.startswith(f"repeated values of {most} and 2 more columns of y were")


@pytest.mark.parametrize("k", [3, 10])
def test_too_few_rows_for_so_many_neighbours_are_refused(k):
    needed = 4 * (k + 1)
    found = estimate("ksg", whole(*gaussian_sides(needed - 1, 0.5)), k=k)
    assert (found.status, found.reason) == ("failed", f"{needed - 1} rows; k={k} needs at least {needed}")
    assert estimate("ksg", whole(*gaussian_sides(needed, 0.5)), k=k).status == "ok"


def test_it_can_be_stopped_between_blocks():
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        ksg(*gaussian_sides(2500, 0.5, dim=5), 3, check=check)


@pytest.mark.slow
def test_ten_thousand_rows_take_two_seconds_at_most():
    import time

    x, y = gaussian_sides(10_000, 0.6, dim=2)
    start = time.process_time()
    ksg(x, y, 3)
    assert time.process_time() - start < 2
