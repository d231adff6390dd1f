"""Remarks and reasons name the columns of a file as the file does."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.series import History, Series
from mi_cli.problems import column_place, with_names
from mi_cli.procedures.base import procedure
from mi_cli.procedures.time_windows import transfer_windows
from mi_cli.schema.config import validate
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

CPU = Context(torch.device("cpu"))
SHARES = {"train": 0.8, "val": 0.0, "test": 0.2}
RANDOM = np.random.default_rng(0)
N = 200


@pytest.fixture
def path(tmp_path):
    a, b, c, noise = RANDOM.normal(size=(4, N))
    frame = pl.DataFrame(
        {
            "arm": RANDOM.choice(["u", "v", "w"], N),
            "a": a,
            "half zero": np.where(RANDOM.random(N) < 0.5, 0, b),
            "y 1": a + noise,
            "y 2": np.where(RANDOM.random(N) < 0.5, 0, noise),
            "rounded": c.round(2),
        }
    )
    frame.write_csv(tmp_path / "t.csv")
    return str(tmp_path / "t.csv")


def reasons(dataset, estimator, name="estimate", **more):
    values = {"procedure": name, "dataset": dataset, "estimator": estimator, "split": SHARES}
    config = validate(values | {"training": {"steps": 2, "checkpoint": "last"}} | more)
    (outcome,) = procedure(config).run([Trial(0, {}, config)], CPU)
    return [fields["reason"] for fields in outcome.methods.values()]


@pytest.mark.parametrize(
    ("x", "y", "estimator", "said"),
    [
        (["a", "half zero"], "y 1", {"name": "nearest"}, "as column half zero repeats"),
        (["arm", "a"], "y 1", {"name": "nearest"}, "as column arm repeats"),  # which is three columns of x
        ("a", ["y 1", "y 2"], {"name": "nearest"}, "as column y 2 repeats"),
        (["arm", "rounded"], "y 1", {"name": "nearest"}, "as column arm repeats"),
        (["a", "rounded"], "y 1", {"name": "ksg"}, "repeated values of column rounded ("),
    ],
    ids=str,
)
def test_a_remark_names_columns_of_the_file(path, x, y, estimator, said):
    (reason,) = reasons({"name": "table", "path": path, "x": x, "y": y}, estimator)
    assert said in reason


@pytest.mark.parametrize("estimator", ["dv", "flow"])
def test_a_reason_of_what_is_trained_names_columns_of_the_file(tmp_path, estimator):
    late = np.where(np.arange(N) < N // 2, 1.0, RANDOM.normal(size=N))  # constant in the training rows
    sides = {"day": np.arange(N), "a": RANDOM.normal(size=N), "late": late, "b": RANDOM.normal(size=N)}
    pl.DataFrame(sides).write_csv(tmp_path / "t.csv")
    dataset = {"name": "table", "path": str(tmp_path / "t.csv"), "x": ["a", "late"], "y": "b", "time": "day"}
    (reason,) = reasons(dataset, {"name": estimator}, split={"train": 0.3, "val": 0.0, "test": 0.7})
    assert reason.startswith("column late is constant (1)")


def test_series_are_named_by_target_and_source(tmp_path):
    slow = np.repeat(RANDOM.normal(size=40), 2)
    pl.DataFrame({"t": np.arange(80), "slow": slow, "fast": RANDOM.normal(size=80)}).write_csv(tmp_path / "t.csv")
    dataset = {"name": "time_series", "path": str(tmp_path / "t.csv"), "time": "t", "x": "slow", "y": "fast"}
    more = {"evaluation": {"permutations": 19}, "time": {"lags": [0, 1]}}
    for reason in reasons(dataset, {"name": "ksg"}, "lags", **more):
        assert "repeated values of column slow (" in reason


def test_past_values_are_named_by_their_age():
    columns = {name: np.zeros((9, width)) for name, width in (("a", 1), ("b", 2), ("c", 1))}
    series = Series(columns, np.zeros(9, int), ("a",), ("b",), ("c",))
    names = transfer_windows(series, "a", "b", ["c"], History(source=2, target=1, lag=1)).names
    assert names == {
        "x": ["b", "b"],
        "y": ["a 1 step before", "a 2 steps before"],
        "z": ["b 1 step before", "b 1 step before", "c 1 step before", "c 2 steps before"],
    }


def test_names_are_put_where_they_are_known():
    text = f"{column_place(1, 'x')} is constant, and so is {column_place(0, 'z')}"
    assert with_names(text, {"x": ["a", "b"], "z": []}) == "column b is constant, and so is column 0 of z"
    assert with_names(text, {}) == text
