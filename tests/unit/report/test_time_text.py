"""Lags and transfer entropies in words."""

from __future__ import annotations

import math

from mi_cli.report.tables import title_of
from mi_cli.report.time_text import time_lines

DAY = {"step": {"size": 1, "unit": "day"}}


def lag(lag, estimate, p, **fields):
    row = {"method": "copula", "seed": 0, "lag": lag, "estimate": estimate, "ci_low": None, "ci_high": None}
    return row | {"p_corrected": p, "status": "ok", "reason": ""} | fields


def transfer(source, target, estimate, p, **fields):
    row = {"method": "copula", "seed": 0, "source": source, "target": target, "estimate": estimate}
    return row | {"ci_low": 0.1, "ci_high": 0.3, "p_holm": p, "status": "ok", "reason": ""} | fields


def lines(**tables):
    return time_lines({"tables": tables, "budget": "full", "shown_in": "nats", "data": DAY})


def test_the_largest_lag_and_those_that_are_significant_are_said():
    rows = [lag(0, 0.1, 0.02), lag(1, 0.4, 0.01, ci_low=0.3, ci_high=0.5), lag(2, 0.1, 0.5), lag(4, 0.2, 0.03)]
    assert lines(lags=rows) == [
        "copula: MI is largest at lag 1 (1 day): 0.4000 nats [0.3000, 0.5000], p = 0.01 corrected for 4 lags. "
        "Significant at 5 %: lags 0 to 1, 4."
    ]
    (none,) = lines(lags=[lag(2, 0.1, 0.5)])
    assert none.startswith("copula: no lag is significant at 5 %. MI is largest at lag 2 (2 days)")
    assert lines(lags=[lag(0, None, None, reason="why")]) == ["copula: no lag has an estimate (why)"]


def test_directions_that_are_significant_are_said():
    rows = [transfer("a", "b", 0.2, 0.01), transfer("b", "c", math.inf, 0.01), transfer("b", "a", 0.0, 0.9)]
    assert lines(transfers=rows) == [
        "copula: a → b 0.2000 [0.1000, 0.3000], b → c ∞ in nats, significant at 5 % after Holm's correction for 3 "
        "directions."
    ]
    assert "no direction is significant" in lines(transfers=rows[2:])[0]
    assert lines(transfers=[transfer("a", "b", None, None, reason="why")]) == [
        "copula: no direction has an estimate (why)"
    ]


def test_seeds_have_a_line_each_unless_they_are_many():
    rows = [lag(0, 0.1, 0.5, seed=seed) for seed in range(3)]
    assert [line.partition(":")[0] for line in lines(lags=rows)] == [f"copula, seed={seed}" for seed in range(3)]
    assert lines(lags=[lag(0, 0.1, 0.5, seed=seed) for seed in range(30)]) == []


def test_other_runs_have_no_such_lines_and_smoke_says_nothing():
    assert lines(estimates=[]) == []
    (line,) = time_lines({"tables": {"lags": [lag(0, 0.1, 0.1)]}, "budget": "smoke"})
    assert line.startswith("No verdict: budget=smoke")


def test_titles_say_the_step():
    summary = {"shown_in": "nats", "data": DAY, "name": "lags"}
    assert title_of("lags", [lag(0, 0.1, 0.1)], summary).endswith("in nats; a step is 1 day")
    assert title_of("net_flows", [lag(0, 0.1, 0.1)], summary | {"data": {}}).endswith("in nats")
