"""Two runs are compared setting by setting: pairs of seeds, two sets of seeds, or standard errors; then Holm."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from mi_cli.analysis.run_comparison import compared_answers, compared_rows, corrected

RHO = "dataset.rho"
LEVEL = 0.95
REPEATS = 500
# The share of false alarms in so many samples of rate .05 is beyond this limit by chance in about one of 1,000 cases.
MOST_FALSE = 0.05 + 3.1 * math.sqrt(0.05 * 0.95 / REPEATS)


def row(value, seed=0, rho=0.0, method="mine", **more):
    return {"status": "ok", RHO: rho, "method": method, "seed": seed, "estimate": value} | more


def compare(before, after):
    return corrected(compared_rows(before, after, [RHO], LEVEL), LEVEL)


def seeds(values, first=0, **more):
    return [row(value, seed, **more) for seed, value in enumerate(values, first)]


def test_pairs_of_seeds_are_students_t_of_their_differences():
    before, after = [0.1, 0.3, 0.2, 0.6], [0.2, 0.35, 0.33, 0.68]
    (one,) = compare(seeds(before), seeds(after))
    expected = stats.ttest_rel(after, before)
    interval = expected.confidence_interval(LEVEL)
    assert (one.how, one.n, one.outcome) == ("paired over seeds", 4, "moved")
    assert one.difference == pytest.approx(0.09)
    assert one.p_value == one.p_holm == pytest.approx(expected.pvalue)
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high))
    assert one.before.value == pytest.approx(0.3)


def test_only_seeds_that_both_have_are_paired():
    (one,) = compare(seeds([0.1, 0.2, 0.3]), seeds([0.35, 0.4, 9.0], first=1))
    assert (one.how, one.n) == ("paired over seeds", 2)
    assert one.difference == pytest.approx(0.125)
    assert (one.before.value, one.after.value) == pytest.approx((0.25, 0.375))  # of the pairs: they differ by 0.125


def test_runs_without_common_seeds_are_compared_by_welchs_t():
    before, after = [0.1, 0.3, 0.2, 0.6], [0.9, 0.8, 1.2]
    (one,) = compare(seeds(before), seeds(after, first=10))
    expected = stats.ttest_ind(after, before, equal_var=False)
    interval = expected.confidence_interval(LEVEL)
    assert one.how == "two sets of seeds"
    assert one.p_value == pytest.approx(expected.pvalue)
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high))


def test_single_seeds_are_compared_by_their_standard_errors():
    (one,) = compare([row(0.5, stderr=0.03, ci_low=0.44, ci_high=0.56)], [row(0.6, seed=1, stderr=0.04)])
    assert one.how == "two standard errors"
    assert one.p_value == pytest.approx(2 * stats.norm.sf(2.0))
    assert (one.low, one.high) == pytest.approx((0.1 - 1.959964 * 0.05, 0.1 + 1.959964 * 0.05))
    assert (one.before.low, one.before.high, one.after.low) == (0.44, 0.56, None)


def test_without_standard_errors_nothing_can_be_told():
    (one,) = compare([row(0.5)], [row(0.6)])
    assert (one.how, one.p_value, one.outcome) == ("", None, "cannot tell")
    assert one.difference == pytest.approx(0.1)


def test_differences_without_spread_are_not_taken_for_certain():
    """A shift that is the same for all seeds leaves no noise to compare it with, as of accuracies on few rows."""
    before = [row(None, seed, test_accuracy=0.5) for seed in (0, 1)]
    after = [row(None, seed, test_accuracy=0.51) for seed in (0, 1)]
    (one,) = compare(before, after)
    assert (one.what, one.p_value, one.outcome) == ("test_accuracy", None, "cannot tell")
    (one,) = compare(seeds([0.1, 0.3], stderr=0.01), seeds([0.6, 0.8], stderr=0.01))
    assert (one.difference, one.outcome) == (pytest.approx(0.5), "cannot tell")


@pytest.mark.parametrize("first", [1, 7])
def test_one_seed_has_no_spread_to_compare_several_with(first):
    (one,) = compare(seeds([0.1, 0.3, 0.2], stderr=0.001), [row(0.9, first, stderr=0.001)])
    assert (one.difference, one.p_value, one.outcome) == (pytest.approx(0.7), None, "cannot tell")


@pytest.mark.parametrize("value", [0.25, math.inf, -0.0])
def test_equal_numbers_are_the_same_and_are_no_test(value):
    one, other = compare(
        [*seeds([value, value]), row(0.1, rho=0.5, stderr=0.1)],
        [*seeds([value, value]), row(0.2, rho=0.5, stderr=0.1)],
    )
    assert (one.outcome, one.p_holm) == ("the same", None)
    assert other.p_holm == other.p_value  # it is the only test


def test_an_infinite_number_against_a_finite_one_cannot_be_told():
    (one,) = compare([row(math.inf, stderr=0.1)], [row(1.0, stderr=0.1)])
    assert (one.outcome, one.difference) == ("cannot tell", None)


def test_rows_that_failed_or_have_no_counterpart_are_left_out():
    lost = row(9.0, rho=0.5) | {"status": "diverged"}
    assert [one.where for one in compare([row(1.0), lost], [row(1.0), row(2.0, rho=0.5), row(2.0, rho=0.9)])] == [
        {RHO: 0.0}
    ]
    assert compare([row(1.0, rho=0.1)], [row(1.0, rho=0.2)]) == []


def test_one_method_without_a_counterpart_in_each_run_is_compared_with_the_other():
    (one,) = compare([row(0.1, method="mine")], [row(0.1, method="dv")])
    assert one.methods == ("mine", "dv")
    both = [row(0.1, method="mine"), row(0.1, method="ksg")]
    assert [one.methods for one in compare(both, [*both[1:], row(0.1, method="dv")])] == [
        ("mine", "dv"),
        ("ksg", "ksg"),
    ]
    assert compare(both, [row(0.1, method="dv")]) == []


def test_r2_is_left_out_where_the_error_on_the_same_rows_is_compared():
    scores = {"test_mse": 0.2, "test_r2": 0.8}
    assert [one.what for one in compare([row(0.1, **scores)], [row(0.1, **scores)])] == ["estimate", "test_mse"]


def test_holm_corrects_for_the_number_of_rows():
    before = [row(0.0, rho=rho, stderr=0.1) for rho in (0.0, 0.1, 0.2, 0.3)]
    after = [
        row(z * math.hypot(0.1, 0.1), rho=rho, stderr=0.1) for rho, z in ((0.0, 2.1), (0.1, 4), (0.2, 1), (0.3, 2.4))
    ]
    found = compare(before, after)
    p = [2 * stats.norm.sf(z) for z in (2.1, 4, 1, 2.4)]
    assert [one.p_value for one in found] == pytest.approx(p)
    assert [one.p_holm for one in found] == pytest.approx([2 * p[0], 4 * p[1], max(p[2], 2 * p[0]), 3 * p[3]])
    assert [one.outcome for one in found] == ["within the noise", "moved", "within the noise", "moved"]


@pytest.mark.parametrize("kind", ["pairs", "sets", "errors"])
def test_the_chance_of_any_false_alarm_is_below_five_percent(kind):
    """Runs that differ by noise alone, in six settings. The limit fails by chance in one of 1,000 cases."""
    random = np.random.default_rng(7)
    alarms = 0
    for _ in range(REPEATS):
        sides = []
        shared = random.normal(size=(6, 4))
        for side in range(2):
            n, first = (1, side) if kind == "errors" else (4, 10 * side * (kind == "sets"))
            noise = random.normal(size=(6, n)) + (shared if kind == "pairs" else 0)
            rows = [seeds(noise[place], first, rho=place / 10, stderr=1.0) for place in range(6)]
            sides.append([one for of_place in rows for one in of_place])
        alarms += any(one.outcome == "moved" for one in compare(*sides))
    assert alarms / REPEATS <= MOST_FALSE


def test_a_change_of_four_times_the_noise_is_found():
    random = np.random.default_rng(1)
    before = [row(random.normal(), seed, rho) for rho in (0.0, 0.1) for seed in range(8)]
    after = [one | {"estimate": one["estimate"] + random.normal(4 * (one[RHO] > 0), 1)} for one in before]
    assert [one.outcome for one in compare(before, after)] == ["within the noise", "moved"]


def answered(value, low, high, seed=0, source="auto", **axes):
    verdict = "cannot tell" if value is None else "answer"
    return axes | {"seed": seed, "verdict": verdict, "value": value, "ci_low": low, "ci_high": high, "source": source}


def test_answers_are_compared_by_the_sides_of_their_intervals_that_face_each_other():
    (one,) = corrected(compared_answers([answered(0.2, 0.1, 0.25)], [answered(0.4, 0.28, 0.9, seed=3)]), LEVEL)
    assert (one.what, one.how) == ("answer", "two intervals")
    assert one.low == pytest.approx(0.2 - math.hypot(0.12, 0.05))
    assert one.high == pytest.approx(0.2 + math.hypot(0.5, 0.1))
    assert one.p_value == pytest.approx(2 * stats.norm.sf(0.2 / 0.13 * 1.959964), rel=1e-4)
    assert one.outcome == "moved"


def test_the_p_value_of_an_answer_is_five_percent_where_the_interval_ends_at_zero():
    (one,) = compared_answers([answered(0.2, 0.1, 0.3)], [answered(0.2 + math.hypot(0.1, 0.1), 0.2414, 0.4414)])
    assert one.low == pytest.approx(0.0, abs=1e-3)
    assert one.p_value == pytest.approx(0.05, abs=1e-3)


def test_answers_of_several_settings_are_matched_by_setting_and_seed():
    before = [answered(0.1, 0.0, 0.2, lag=lag) for lag in (0, 1, 2)]
    after = [answered(None, 0.0, 0.2, lag=1), answered(0.1, 0.0, 0.2, lag=2), answered(0.5, 0.4, 0.6, lag=0, seed=1)]
    found = corrected(compared_answers(before, after), LEVEL)
    assert [(one.where["lag"], one.outcome) for one in found] == [("1", "cannot tell"), ("2", "the same")]


def test_an_answer_that_is_infinite_in_both_runs_is_the_same():
    (one,) = compared_answers(*[[answered(math.inf, math.inf, math.inf)]] * 2)
    assert (one.outcome, one.difference) == ("the same", None)


def test_p_values_fall_as_a_difference_grows():
    found = [compare([row(0.0, stderr=0.1)], [row(shift, stderr=0.1)])[0].p_value for shift in (0.01, 0.1, 0.5, 1.0)]
    assert all(a > b for a, b in pairwise(found))
