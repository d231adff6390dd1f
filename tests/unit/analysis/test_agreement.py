"""What is said of several estimates of one data set."""

from __future__ import annotations

import pytest

from mi_cli.analysis.agreement import advice, estimates

AUTO = {"method": "auto", "estimator": "auto", "kind": "lower bound", "estimate": 0.5, "stderr": 0.01, "lower": 0.484}


def row(base=AUTO, **fields):
    found = {"status": "ok", "reason": "", "seed": 0, "p_value": 0.005, "train_mi": None} | base | fields
    return {"ci_low": found["estimate"] - 0.02, "ci_high": found["estimate"] + 0.02} | found


def other(method, estimate, **fields):
    return row(
        {"method": method, "estimator": method, "kind": "point estimate", "estimate": estimate, "stderr": 0.01},
        **fields,
    )


def said(*rows, columns=2, **more):
    (line,) = advice(rows, ["estimator"], columns, **more)
    return line


def test_those_that_agree_are_said_to_and_the_bound_is_trusted():
    line = said(row(), other("nearest", 0.52), other("copula", 0.48))
    assert "x and y depend on each other (p = 0.015)." in line  # three tests
    assert "The estimators agree. Trust auto" in line
    assert "with 94.5 % confidence" in line


@pytest.mark.parametrize(
    ("method", "estimate", "columns", "expected"),
    [
        ("copula", 0.1, 2, "not that of a Gaussian copula; trust auto"),
        ("copula", 0.9, 2, "auto is safe"),
        ("nearest", 0.1, 2, "lower, as nearest neighbours are at strong dependence; trust auto"),
        ("ksg", 0.1, 30, "in many columns or at strong dependence; trust auto"),
        ("nearest", 0.9, 2, "in few columns trust nearest"),
        ("nearest", 0.9, 30, "in 30 columns it has no guarantee"),
        ("gmm", 0.9, 2, "gmm says more than auto"),
    ],
)
def test_those_that_differ_are_weighed(method, estimate, columns, expected):
    line = said(row(), other(method, estimate), columns=columns)
    assert "The estimators differ." in line
    assert expected in line


def test_rows_that_depend_or_repeat_and_full_estimates_are_warned_of():
    assert "counts what rows of one group or time share" in said(row(), other("nearest", 0.9), blocks=True)
    assert "trust none of these" in said(row(rows=100), other("nearest", 0.52, rows=100), duplicates=7)
    assert "trust none of these" not in said(row(rows=1000), other("nearest", 0.52, rows=1000), duplicates=7)
    assert "auto is near the most that so many rows can show" in said(row(ceiling=0.6), other("nearest", 0.52))
    assert "too few to tell how strongly" in said(row(lower=-0.1), other("nearest", 0.52))
    assert "no second estimator" in said(row())
    assert "None of them is a lower bound" in said(other("ksg", 0.5), other("copula", 0.5))


def test_dependence_is_told_by_p_values_else_by_the_bound():
    assert "No dependence is seen (p = 0.8)." in said(row(p_value=0.4), other("copula", 0.5, p_value=0.9))
    assert said(row(p_value=None)).startswith("x and y depend on each other. ")
    assert said(row(p_value=None, lower=-0.1)).startswith("Whether x and y depend on each other was not tested.")


def test_each_setting_gets_a_line_and_failures_get_none():
    rows = [row(**{"dataset.rho": 0.5}), row(**{"dataset.rho": 0.7}), row(status="failed", **{"dataset.rho": 0.9})]
    lines = advice(rows, ["dataset.rho"], 2)
    assert [line.split(":")[0] for line in lines if "compare" in line] == [
        "dataset.rho=0.5, seed=0",
        "dataset.rho=0.7, seed=0",
    ]


def test_gap_is_what_training_rows_say_more():
    first, second = estimates([row(train_mi=0.6), row(train_mi=None)], ["estimator"], 0.95, {})
    assert first["gap"] == pytest.approx(0.1)
    assert second["gap"] is None
    assert "estimator" not in first
