"""How faults are worded: nowhere else is the text of a message put together."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path

import pytest

from mi_cli.errors import ABSENT, ConfigError, Fault, closest, counted, listed, plain, shown


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (Fault("seed", -1, accepted="a whole number"), "seed=-1: must be a whole number"),
        (Fault("seed", -1, "is negative"), "seed=-1: is negative"),
        (Fault("seed", -1, "is negative", "0 or more"), "seed=-1: is negative; accepted: 0 or more"),
        (Fault("seed", -1, "is wrong", "0 or more", "seed=1"), "seed=-1: is wrong; accepted: 0 or more; use seed=1"),
        (Fault("seed", -1, "is negative", command="seed=1"), "seed=-1: is negative; use seed=1"),
        (Fault("seed", [1, 2], accepted="a list", command="seed=1"), "seed=[1, 2]: must be a list; use seed=1"),
        (Fault("estimator", problem="is missing", accepted="dv"), "estimator: is missing; accepted: dv"),
        (Fault("estimator", accepted="dv"), "estimator: must be dv"),
        (Fault("", problem="there are no trials"), "there are no trials"),
        (Fault("name", None, accepted="text"), "name=null: must be text"),
        (
            Fault("dataset.rho", 2, accepted="below 1", origin="sweep.dataset.rho=[0, 2]"),
            "sweep.dataset.rho=[0, 2]: dataset.rho=2: must be below 1",
        ),
        (Fault("", problem="rho=2: is large", origin="sweep.rho=[2]"), "sweep.rho=[2]: rho=2: is large"),
        (Fault("file", Path("a" * 80), "is not there"), f"file={'a' * 80}: is not there"),
        (Fault("text", "a" * 80, "is long"), f"text={'a' * 57}...: is long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_fault_is_one_line(fault, line):
    assert str(fault) == line


def test_an_error_has_a_line_for_each_fault():
    faults = (Fault("seed", -1, accepted="a whole number"), Fault("threads", 0, accepted="1 or more"))
    error = ConfigError(*faults)
    assert error.faults == faults
    assert error.lines == ("seed=-1: must be a whole number", "threads=0: must be 1 or more")
    assert str(error) == "\n".join(error.lines)
    assert isinstance(error, ValueError)


def test_a_string_is_a_fault_of_no_key():
    assert ConfigError("it is broken").faults == (Fault("", problem="it is broken"),)


def test_what_is_absent_is_so_after_copies():
    fault = Fault("estimator", problem="is missing")
    assert copy.deepcopy(fault).value is pickle.loads(pickle.dumps(fault)).value is ABSENT
    assert str(copy.deepcopy(fault)) == str(fault)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "null"), (True, "true"), (False, "false"), (0.1, "0.1"), (1, "1"), (math.inf, "inf"), ("a b", "a b")),
        *((["x", None], "[x, null]"), ((1, 2), "[1, 2]"), ({"a": [1]}, "{a: [1]}"), ("a\n b", "a b"), ("", "")),
        *(("x" * 60, "x" * 60), ("x" * 61, "x" * 57 + "...")),
    ],
)
def test_a_value_is_shown_as_one_would_type_it(value, text):
    assert shown(value) == text


def test_options_and_numbers_as_prose():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", None]) == "a, b or null"
    assert listed(["a", "b"], "and") == "a and b"
    assert [counted(n, "row") for n in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("training.lrr", "training.lr"), ("training.rl", "training.lr"), ("training.stps", "training.steps")),
        *(("nope", None), ("noise", None), ("nois", "noise"), ("lr", None), ("dataset.lr", None)),
    ],
)
def test_what_was_meant_by_a_misspelt_name(name, meant):
    assert closest(name, ["noise", "name", "training.lr", "training.steps"]) == meant


def test_numbers_as_one_would_type_them():
    assert [repr(plain(number)) for number in (2.0, 3, 20_000_001.0, 1 / 3, 1e-9)] == [
        *("2", "3", "20000001", "0.333333", "1e-09")
    ]
