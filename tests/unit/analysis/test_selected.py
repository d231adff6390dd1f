"""Rows of selected columns in order, and the line that says what to keep."""

from __future__ import annotations

from mi_cli.analysis.selected import selected
from mi_cli.report.selection_text import selection_lines


def row(method, rank=None, estimate=0.1, seed=0, **fields):
    return {"method": method, "rank": rank, "estimate": estimate, "seed": seed, "status": "ok", "reason": ""} | fields


ENDED = "stopped: the next column has p = 0.4, above selection.alpha=0.05"
ROWS = [
    row("forward", reason=f"MI of b, as the table of all is too large; {ENDED}"),
    row("a", estimate=0.3, reason="left out: parts the rows as b does"),
    row("c", 2, frequency=0.5),
    row("b", 1, frequency=1.0),
    row("d", estimate=0.4),
]


def lines(rows, axes=()):
    return selection_lines({"tables": {"selected": selected(rows, axes, 0.95, {})}, "axes": axes})


def test_chosen_columns_come_first():
    assert [line["method"] for line in selected(ROWS, [], 0.95, {})] == ["forward", "b", "c", "d", "a"]


def test_line_says_what_to_keep_and_what_is_unstable():
    (line,) = lines(ROWS)
    assert line == f"Keep b, c ({ENDED}). Less than 80 % of the subsamples choose c."


def test_settings_have_a_line_each():
    rows = [row("jmi", seed=1), row("x", seed=1), row("jmi", seed=2, status="failed", reason="lost")]
    assert lines(rows) == [
        "seed=1: Keep none: no column and no pair tells of y by more than chance",
        "seed=2: Cannot tell: lost",
    ]
    assert selection_lines({"tables": {}, "axes": []}) == []
