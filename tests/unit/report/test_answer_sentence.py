"""The answer in a sentence."""

from __future__ import annotations

import math

import pytest

from mi_cli.report.answer_sentence import answer_sentence

ANSWER = {"verdict": "answer", "value": 0.2512, "ci_low": 0.192, "ci_high": 0.314, "p_value": 3e-12, "lower": 0.2}


def sentence(x=("bmi",), y=("target",), z=(), units="nats", **fields):
    data = {side: [{"column": name} for name in names] for side, names in zip("xyz", (x, y, z), strict=True)}
    return answer_sentence(ANSWER | fields, {"data": data, "shown_in": units})


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"x": ("a", "b")}, "a and b share 0.25 nats with target (95 %: 0.19 to 0.31)."),
        ({"x": tuple("abcde")}, "a, b and 3 more columns share 0.25 nats"),
        ({"z": ("site",)}, "bmi shares 0.25 nats with target beside what site tells (95 %"),
        ({"z": ("site", "age")}, "beside what site and age tell (95 %"),
        ({"units": "bits"}, "bmi shares 0.36 bits with target (95 %: 0.28 to 0.45)."),
        ({"value": 0.012, "ci_low": -0.001, "ci_high": 0.03}, "0.012 nats with target (95 %: 0.000 to 0.030)."),
        ({"entropy_y": 1.0}, "(95 %: 0.19 to 0.31; 25 % of the entropy of target)."),
        ({"entropy_x": 0.2}, "100 % of the entropy of bmi)."),
        ({"p_value": 0.004}, "They depend on each other (p = 0.004)."),
        ({"p_value": 0.4}, "No dependence was found (p = 0.4)."),
        ({"p_value": None}, "It is at least 0.20 nats with 95 % confidence."),
    ],
)
def test_says(given, part):
    assert part in sentence(**given)


@pytest.mark.parametrize("given", [{"verdict": "cannot tell"}, {"ci_high": math.inf}, {"x": ()}])
def test_says_nothing_without_names_or_a_finite_answer(given):
    assert sentence(**given) == ""
