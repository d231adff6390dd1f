"""Titles of tables, and which tables make means over seeds superfluous."""

from __future__ import annotations

import pytest

from mi_cli.report.tables import has_all_numbers, title_of

SUMMARY = {"name": "a_run", "shown_in": "nats", "data": {"file": "/home/ada/wages.csv", "rows_used": 20}}


@pytest.mark.parametrize(
    ("name", "row", "title"),
    [
        ("pairs", {"x": "a", "y": "b", "estimate": 1.0}, "MI of 1 pair of columns of /home/ada/wages.csv, in nats"),
        ("extrapolated", {"method": "auto", "limit": 1.0}, "extrapolated: 1 row of a_run, in nats"),
        ("per_step", {"method": "auto", "steps": 3}, "per_step: 1 row of a_run"),  # none of which is in nats
    ],
)
def test_a_title_says_the_units_of_what_is_in_nats(name, row, title):
    assert title_of(name, [row], SUMMARY) == title


def test_titles_define_the_words_of_their_table():
    selected = title_of(
        "selected", [{"method": "forward"}], SUMMARY | {"data": {"file": "t.csv", "y": [{"column": "c"}]}}
    )
    assert (
        selected
        == "MI with c in nats, of columns in bins, which lose some of it; gain: what a column adds to those above it; "
        "forward: all chosen columns together"
    )
    measured = title_of("measures", [{"interaction": "redundant"}], SUMMARY)
    assert "O-information above 0 is redundancy, below 0 synergy" in measured


def test_scores_of_representations_are_not_in_nats():
    title = title_of("label_efficiency", [{"measure": "balanced accuracy", "score": 0.9, "estimate": 1.0}], SUMMARY)
    assert title.endswith("score is balanced accuracy on test rows, estimate the MI of the code in nats")


@pytest.mark.parametrize(
    ("tables", "seeds", "all_numbers"),
    [(["pairs"], 1, True), (["pairs"], 2, False), (["estimates"], 2, True), (["solved"], 1, False), ([], 1, False)],
)
def test_means_over_one_seed_are_superfluous_beside_pairs(tables, seeds, all_numbers):
    summary = {"tables": {name: [] for name in tables}, "cells": [{"n": 1}, {"n": seeds}]}
    assert has_all_numbers(summary) == all_numbers
