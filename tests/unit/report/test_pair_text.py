"""What is said of pairs of columns: which depend on each other, after correction for their number."""

from __future__ import annotations

import math

from mi_cli.report.pair_text import pair_lines


def row(x, y, estimate, p_holm=None, method="dv", **more):
    ends = {"ci_low": estimate - 0.1, "ci_high": estimate + 0.1} if estimate is not None else {"ci_low": None}
    return (
        {"x": x, "y": y, "method": method, "seed": 0, "estimate": estimate, "p_holm": p_holm, "reason": ""}
        | ends
        | more
    )


def lines(*rows, budget="full", data=None, units="nats"):
    return pair_lines({"tables": {"pairs": list(rows)}, "budget": budget, "shown_in": units, "data": data, "axes": []})


def test_pairs_that_depend_are_listed():
    rows = [row("a", "b", 0.5, 0.01), row("a", "c", 0.3, 0.04), row("b", "c", 0.1, 0.2)]
    assert lines(*rows) == [
        "2 of 3 pairs of columns depend on each other at 5 % after Holm's correction: "
        "a and b (0.5000 nats), a and c (0.3000 nats)."
    ]
    assert lines(row("a", "b", 0.5, 0.01), data={"z": [{"column": "age"}]})[0].startswith(
        "1 of 1 pair of columns depends on each other given age at 5 %"
    )
    many = [row("a", f"b{place}", 0.5, 0.01) for place in range(6)]
    assert lines(*many)[0].endswith(" and 2 more.")


def test_none_that_depends_and_none_that_was_tested():
    assert lines(row("a", "b", 0.1, 0.3)) == [
        "No two columns are shown to depend on each other, at 5 % after Holm's correction for 1 pair."
    ]
    infinite = row("a", "b", math.inf, method="copula")
    assert lines(infinite)[0].endswith("correction: a and b (∞ nats).")
    assert lines(row("a", "b", 0.1)) == ["MI is largest for a and b (0.1000 nats). No pair has a p-value."]
    assert lines(row("a", "b", None, reason="lost")) == ["No pair has an estimate (lost)."]


def test_estimators_have_a_line_each_and_smoke_runs_no_verdict():
    said = lines(row("a", "b", 0.5, 0.01), row("a", "b", 0.5, 0.3, method="ksg"))
    assert [line.partition(":")[0] for line in said] == ["dv", "ksg"]
    assert lines(row("a", "b", 0.5, 0.01), budget="smoke")[0].startswith("No verdict")
    assert lines() == []
    assert lines(*(row("a", "b", 0.5, method=str(place)) for place in range(9))) == []
