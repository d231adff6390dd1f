"""Self-consistency tests."""

from __future__ import annotations

import pytest

from mi_cli.analysis.self_consistency import self_consistency


def verdicts(stderr=0.001, **means):
    rows = [
        {"status": "ok", "method": "ksg", "dataset.transform": name, "estimate": value, "stderr": stderr}
        for name, value in means.items()
    ]
    return {row["test"]: row["passes"] for row in self_consistency(rows, ["dataset.transform"], 0.95, {})}


def test_what_obeys_passes():
    found = verdicts(none=0.5, shuffle=0.001, function=0.3, two_copies=0.99)
    assert found == {"independence": "yes", "data processing": "yes", "additivity": "yes"}


@pytest.mark.parametrize(
    ("means", "test"),
    [
        ({"shuffle": 0.1}, "independence"),
        ({"none": 0.5, "function": 0.7}, "data processing"),
        ({"none": 0.5, "two_copies": 0.7}, "additivity"),
        ({"none": 0.5, "two_copies": 1.3}, "additivity"),
    ],
)
def test_what_does_not_fails(means, test):
    assert verdicts(**means)[test] == "no"
    assert verdicts(stderr=1.0, **means)[test] == "undecided"


def test_without_the_table_itself_only_independence_is_tested():
    assert verdicts(shuffle=0.0, function=0.2) == {"independence": "yes"}
