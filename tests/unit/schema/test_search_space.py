"""Ranges of numbers, and the settings of a search."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mi_cli.errors import Fault
from mi_cli.fields import Section
from mi_cli.schema.search_space import Range, Search, searches
from mi_cli.schema.validation_errors import validation_faults


def faults(section: type[Section], values: dict[str, Any]) -> list[Fault]:
    with pytest.raises(ValidationError) as caught:
        section.model_validate(values)
    return validation_faults(caught.value, section, values, lambda key, value: None)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"low": 2, "high": 1}, Fault("low", 2, accepted="below high=1")),
        ({"low": 1, "high": 1}, Fault("low", 1, accepted="below high=1")),
        ({"low": 0, "high": 1, "log": True}, Fault("low", 0, "has no logarithm", "a number above 0, or log: false")),
        ({"low": 8.5, "high": 9, "int": True}, Fault("low", 8.5, accepted="a whole number where int is true")),
        ({"low": 8, "high": 9.5, "int": True}, Fault("high", 9.5, accepted="a whole number where int is true")),
        ({"low": 1}, Fault("high", problem="is missing", accepted="a number")),
        ({"low": [1], "high": 2}, Fault("low", [1], accepted="a number")),
    ],
    ids=str,
)
def test_what_is_no_range(values, fault):
    assert faults(Range, values) == [fault]


def test_the_ends_of_a_range_are_whole_numbers_where_its_numbers_are():
    whole, real = Range(low=1, high=8, int=True), Range(low=1, high=8)
    assert [repr(end) for end in (*whole.ends, *real.ends)] == ["1", "8", "1.0", "8.0"]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (
            {"rungs": [0.5, 0.2]},
            Fault("search.rungs", (0.5, 0.2), accepted="in ascending order, each share once"),
        ),
        (
            {"rungs": [0.5, 0.5]},
            Fault("search.rungs", (0.5, 0.5), accepted="in ascending order, each share once"),
        ),
        (
            {"rungs": [], "pruner": "median"},
            Fault(
                "search.rungs",
                (),
                "search.pruner=median needs at least one",
                "shares of training.steps, such as [0.25]",
            ),
        ),
        ({"trials": 0}, Fault("trials", 0, accepted="a whole number of at least 1")),
    ],
    ids=str,
)
def test_what_is_no_search(values, fault):
    assert faults(Search, values) == [fault]


@pytest.mark.parametrize(
    ("values", "expected"),
    [({}, False), ({"search": None}, False), ({"search": {}}, False), ({"search": {"name": "none"}}, False),
     ({"search": {"name": "optuna"}}, True)],
    ids=str,
)  # fmt: skip
def test_whether_a_config_asks_for_a_search(values, expected):
    assert searches(values) is expected
