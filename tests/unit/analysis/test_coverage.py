"""Coverage: shares over trials, and claims on them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from mi_cli.analysis.claims import Claim, judge
from mi_cli.analysis.coverage import coverage
from mi_cli.analysis.intervals import share_interval


def rows(n=20, *, wide=19, claim=None, small=1, rho=0.0):
    """n trials: ``wide`` of them hold the truth, 0.1; ``small`` of them have a small p."""
    return [
        {
            "status": "ok", "method": "dv", "seed": seed, "dataset.rho": rho, "true_mi": 0.1, "estimate": 0.08,
            "stderr": 0.01, "ci_low": 0.05, "ci_high": 0.11 if seed < wide else 0.09, "critic_mi": claim,
            "lower": 0.06, "p_value": 0.05 if seed < small else 0.5,
        }
        for seed in range(n)
    ]  # fmt: skip


def test_shares_are_counted():
    (found,) = coverage(rows(), ["dataset.rho"], 0.95, {})
    assert (found["trials"], found["covers_truth"], found["too_high"], found["small_p"]) == (20, 0.95, 0.0, 0.05)
    assert (found["covers_truth_low"], found["covers_truth_high"]) == share_interval(19, 20)
    assert (found["mean"], found["stderr"]) == (pytest.approx(0.08), pytest.approx(0.01))


def test_the_truth_is_a_mean_where_trials_differ_in_it():
    first, second = rows(2)
    (found,) = coverage([first | {"true_mi": 0.1}, second | {"true_mi": 0.2}], [], 0.95, {})
    assert (found["true_mi"], found["covers_truth"]) == (pytest.approx(0.15), 0.5)


def test_what_is_claimed_is_the_critics_bound_where_that_is_known():
    assert coverage(rows(claim=0.07), [], 0.95, {})[0]["covers_claim"] == 1.0
    assert coverage(rows(claim=0.2), [], 0.95, {})[0]["covers_claim"] == 0.0
    assert coverage(rows(), [], 0.95, {})[0]["covers_claim"] == 0.95


def test_a_value_that_is_not_the_bound_is_of_the_truth():
    points = [{**row, "test_mi": 0.07} for row in rows(claim=0.2)]
    assert coverage(points, [], 0.95, {})[0]["covers_claim"] == 0.95


def test_rows_without_truth_interval_or_success_do_not_count():
    lost = [{**row, "status": "failed"} for row in rows(3)] + [{**row, "true_mi": None} for row in rows(3)]
    assert coverage(lost, [], 0.95, {}) == []


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.9, 1.0, "holds"), (0.99, 1.0, "fails"), (0.94, 0.96, "undecided")]
)
def test_claim_on_a_share_is_judged_by_its_interval(low, high, verdict):
    fields = {"kind": "covers", "text": "so it is", "share": "covers_truth", "low": low, "high": high}
    claim = TypeAdapter(Claim).validate_python(fields)
    found = judge(claim, rows(400, wide=380) + rows(400, wide=380, rho=0.5), ["dataset.rho"], {})
    assert found["verdict"] == verdict
    assert found["cells"][0]["n"] == 800  # of all settings together


@pytest.mark.parametrize("count", [0, 3, 10])
def test_share_intervals_hold_the_share_and_lie_in_0_to_1(count):
    low, high = share_interval(count, 10)
    assert 0 <= low <= count / 10 <= high <= 1
