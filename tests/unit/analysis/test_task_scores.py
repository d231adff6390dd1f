"""Scores of estimators, and the tables made of them."""

from __future__ import annotations

import math

import pytest

from mi_cli.analysis.intervals import mean_interval
from mi_cli.analysis.tables import solved
from mi_cli.analysis.task_scores import axes_of_estimators, scores, totals

AXES = ("dataset.task", "estimator")
SEEDS = range(3)
OFF = (-0.01, 0.0, 0.01)  # of the seeds


def rows(task, estimator, truth, bias=0.0, status="ok", seeds=SEEDS, **more):
    """A row a seed; what was lost has neither an estimate nor, where it raised, a method."""
    head = {"dataset.task": task, "estimator": estimator, "method": estimator, "kind": "lower bound"}
    if status == "failed":
        return [{**head, "method": "", "kind": None, "seed": seed, "status": status} for seed in seeds]
    if status != "ok":
        return [{**head, "seed": seed, "status": status, "true_mi": truth} for seed in seeds]
    return [
        {
            **head, "seed": seed, "status": "ok", "true_mi": truth, "estimate": truth + bias + OFF[seed],
            "ci_low": truth + bias + OFF[seed] - 0.02, "ci_high": truth + bias + OFF[seed] + 0.02,
            "seconds": 1.0 + seed,
        }
        | more
        for seed in seeds
    ]  # fmt: skip


def total(found, method="a"):
    (one,) = [each for each in totals(scores(found, AXES)) if each.method == method]
    return one


def test_axes_are_of_tasks_or_of_estimators():
    axes = ["dataset.rho", "estimator", "estimator.hidden", "training.steps", "noise.scale", "representation.dim"]
    assert axes_of_estimators(axes) == ["estimator", "estimator.hidden", "training.steps", "representation.dim"]


@pytest.mark.parametrize(
    ("truth", "bias", "is_solved"),
    [(0.0, 0.049, True), (0.0, 0.051, False), (0.0, -0.051, False), (2.0, -0.19, True), (2.0, -0.21, False)],
)
def test_solved_is_within_a_tenth_or_five_hundredths(truth, bias, is_solved):
    (score,) = scores(rows("t", "a", truth, bias), AXES)
    assert score.solved() is is_solved
    assert score.bias == pytest.approx(bias)
    assert score.solved(absolute=10.0)


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_task_with_a_lost_trial_is_not_solved(status):
    (score,) = scores([*rows("t", "a", 1.0, seeds=(0, 1)), *rows("t", "a", 1.0, status=status, seeds=(2,))], AXES)
    assert (score.mean, score.lost, score.solved()) == (pytest.approx(0.995), [status], False)


def test_trials_that_all_raised_are_of_the_estimator_that_was_asked():
    found = [*rows("t", "a", 1.0, status="failed"), *rows("t", "b", 1.0)]
    lost, good = scores(found, AXES)
    assert (lost.method, lost.true_mi, lost.mean, len(lost.lost)) == ("a", 1.0, None, 3)
    assert (good.method, good.lost) == ("b", [])


def test_error_is_the_mean_over_tasks_of_the_mean_over_seeds():
    found = total([*rows("t", "a", 1.0, 0.2), *rows("u", "a", 1.0, -0.1)])
    by_seed = [(0.2 + off + 0.1 - off) / 2 for off in OFF]  # the seeds' deviations cancel
    assert found.error(0.95).mean == pytest.approx(sum(by_seed) / 3)
    assert found.error(0.95).low == pytest.approx(0.15)
    alone, of = total(rows("t", "a", 1.0, 0.2)).error(0.5), mean_interval([0.2 + off for off in OFF], 0.5)
    assert [alone.mean, alone.low, alone.high] == pytest.approx([of.mean, of.low, of.high])
    assert found.bias == pytest.approx(0.05)


def test_error_has_no_interval_where_a_trial_was_lost():
    found = total([*rows("t", "a", 1.0, 0.2), *rows("u", "a", 1.0, 0.4, seeds=(0, 1)),
                   *rows("u", "a", 1.0, status="diverged", seeds=(2,))])  # fmt: skip
    assert found.error(0.95).mean == pytest.approx((0.2 + 0.395) / 2)
    assert found.error(0.95).low is None
    assert (found.lost, found.trials, found.solved) == (1, 6, 0)


def test_truths_that_are_infinite_or_unknown_are_left_out():
    unknown = [row | {"true_mi": None} for row in rows("v", "a", 1.0)]
    found = [*rows("t", "a", 1.0), *rows("u", "a", math.inf), *unknown]
    (row,) = solved(found, AXES, 0.95, {})
    assert (row["tasks"], row["solved"]) == (1, 1)
    assert solved(unknown, AXES, 0.95, {}) == []


def test_table_of_what_is_solved():
    found = [
        *rows("t", "a", 1.0, 0.025), *rows("u", "a", 2.0, 0.3),
        *rows("t", "b", 1.0), *rows("u", "b", 2.0, 0.1),
        *rows("t", "c", 1.0), *rows("u", "c", 2.0, status="diverged"),
    ]  # fmt: skip
    best, lost, last = solved(found, AXES, 0.95, {})
    assert [row["method"] for row in (best, lost, last)] == ["b", "c", "a"]
    of = mean_interval([0.1625 + off for off in OFF])
    assert last == {
        "estimator": "a", "method": "a", "kind": "lower bound", "tasks": 2, "answered": 2, "solved": 1,
        "error": pytest.approx(of.mean), "error_ci_low": pytest.approx(of.low), "error_ci_high": pytest.approx(of.high),
        "bias": pytest.approx(0.1625), "coverage": pytest.approx(1 / 6), "seconds": 2.0, "trials": 6, "lost": 0,
    }  # fmt: skip
    assert (lost["answered"], lost["solved"], lost["lost"], lost["error_ci_low"]) == (1, 1, 3, None)
    assert best["error"] == pytest.approx((0.02 / 3 + 0.1) / 2)
