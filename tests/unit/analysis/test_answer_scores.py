"""Scores of answers: shares by kind of data, and claims on them."""

from __future__ import annotations

import math

import pytest
from pydantic import TypeAdapter

from mi_cli.analysis.answer_scores import answer_scores, answered
from mi_cli.analysis.claims import Claim, judge
from mi_cli.analysis.facts import Facts
from mi_cli.analysis.intervals import share_interval


def one(kind="rings", truth=0.5, value=0.52, low=0.4, high=0.6, lower=0.3, p=0.01):
    verdict = "cannot tell" if value is None else "answer"
    fields = {"ci_low": low, "ci_high": high, "lower": lower, "p_value": p}
    return {"kind": kind, "true_mi": truth, "verdict": verdict, "value": value, **fields}


ANSWERS = [
    one(),
    one(value=0.4, high=0.45),  # misses the truth, and is not near it
    one(value=None, low=0.1, high=0.9, lower=0.7),  # its interval counts, and so does its bound
    one(value=None, low=None, high=None, lower=None, p=None),
    one("counts", truth=0.0, value=0.04, low=0.0, high=0.06, lower=0.0, p=0.05),
    one("counts", truth=0.0, value=0.06, low=0.0, high=0.1, lower=0.01, p=0.3),
    one("counts", truth=math.inf),
    one("counts", truth=None),
]


def test_shares_are_counted_by_kind_and_of_all():
    rings, counts, everything = answer_scores(ANSWERS, [], 0.95, {})
    assert [row["kind"] for row in (rings, counts, everything)] == ["rings", "counts", "all"]
    assert (rings["trials"], rings["answered"], rings["solved"]) == (4, 0.5, 0.5)
    assert (rings["covers_truth"], rings["too_high"]) == (2 / 3, 1 / 3)
    assert (rings["covers_truth_low"], rings["covers_truth_high"]) == share_interval(2, 3)
    assert rings["small_p"] is None  # there is dependence
    assert (rings["absolute_error"], rings["width"]) == (pytest.approx(0.06), pytest.approx(0.2))
    assert (counts["trials"], counts["solved"], counts["too_high"], counts["small_p"]) == (2, 0.5, 0.5, 0.5)
    assert (everything["trials"], everything["covers_truth"], everything["answered"]) == (6, 0.8, 4 / 6)


def test_answers_without_a_known_truth_have_no_scores():
    assert answer_scores([one(truth=None), one(truth=math.inf)], [], 0.95, {}) == []


def test_an_infinite_answer_is_an_infinite_error():
    (row,) = answer_scores([one("", value=math.inf, high=math.inf)], [], 0.95, {})
    assert (row["kind"], row["solved"], row["absolute_error"], row["covers_truth"]) == ("all", 0.0, math.inf, 1.0)


def test_each_setting_and_seed_is_answered_and_held_to_its_own_truth():
    kinds = {"a": "rings", "b": "classes"}
    rows = [
        {
            "trial": 0, "seed": seed, "status": "ok", "method": method, "estimator": method, "kind": "estimate",
            "dataset": name, "true_mi": truth, "rows": 2000, "estimate": truth, "stderr": 0.01,
            "ci_low": truth - 0.02, "ci_high": truth + 0.02,
        }
        for name, truth in (("a", 0.5), ("b", 0.7))
        for seed in (0, 1)
        for method in ("auto", "nearest")
    ]  # fmt: skip
    result = answered(rows, ["dataset", "estimator"], lambda row: Facts(2000, kind=kinds[row["dataset"]]))
    assert [(row["dataset"], row["seed"], row["kind"], row["true_mi"]) for row in result] == [
        ("a", 0, "rings", 0.5), ("a", 1, "rings", 0.5), ("b", 0, "classes", 0.7), ("b", 1, "classes", 0.7),
    ]  # fmt: skip
    assert [row["value"] for row in result] == [0.5, 0.5, 0.7, 0.7]


@pytest.mark.parametrize(
    ("low", "by_kind", "verdict", "where"),
    [
        (0.6, False, "holds", [{}]),
        (0.9, False, "fails", [{}]),
        (0.6, True, "fails", [{"kind": "rings"}, {"kind": "counts"}]),
    ],
)
def test_claim_is_judged_by_the_interval_of_the_share(low, by_kind, verdict, where):
    good, bad = [one()] * 300, [one("counts", low=0.55)] * 100
    fields = {"kind": "answers", "text": "so it is", "share": "covers_truth", "low": low, "by_kind": by_kind}
    claim = TypeAdapter(Claim).validate_python(fields)
    assert claim.of_answers
    judged = judge(claim, good + bad, [], {})
    assert judged["verdict"] == verdict
    assert [cell["where"] for cell in judged["cells"]] == where
