"""``dataset=columns``: which columns of a file are taken together, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.joint_columns import JointColumns


@pytest.fixture
def path(tmp_path):
    random = np.random.default_rng(0)
    a, b, c = random.normal(size=(3, 60))
    frame = {"id": [f"p{n}" for n in range(60)], "a": a, "b": b, "c": c, "kind": ["u", "v"] * 30, "same": 1}
    pl.DataFrame(frame | {"site": np.arange(60) // 6}).write_csv(tmp_path / "own.csv")
    return str(tmp_path / "own.csv")


def columns(table: JointColumns) -> list[str]:
    return [column["column"] for column in table.opened().describe()["x"]]


def test_all_columns_that_can_be_used_are_taken_and_the_others_are_named(path):
    table = JointColumns(path=path, groups="site")
    assert columns(table) == ["a", "b", "c", "kind"]
    notes = " ".join(table.opened().describe()["notes"])
    assert "id" in notes
    assert "same" in notes
    rows = table.opened().rows(60, torch.Generator().manual_seed(0))
    assert rows.x.shape == (60, 3)
    assert rows.y.shape == (60, 1)
    assert len(rows.block.unique()) == 10


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"x": ["c", "a", "b"]}, ["a", "b", "c"]),
        ({"x": [":numeric"], "exclude": ["site"]}, ["a", "b", "c"]),
        ({"exclude": ["a", "site"]}, ["b", "c", "kind"]),
        ({"id": ["site"]}, ["a", "b", "c", "kind"]),
    ],
)
def test_selections(fields, names, path):
    assert columns(JointColumns(path=path, **fields)) == names


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": ["a", "b"]}, r"dataset\.x=\[a, b\]: leaves 2 columns \(a, b\), and interaction is of 3 or more"),
        ({"x": ["a", "b", "same"]}, r"dataset\.x=\[a, b, same\]: column same is constant"),
        ({"x": ["a", "b", "d"]}, "no such column: d"),
        ({"x": ["a"], "exclude": ["a"]}, "leaves 0 columns"),
        ({"id": ["none"]}, r"dataset\.id=none: no such column"),
        ({"y": ["a"]}, r"dataset\.y=\[a\]: is for two sides"),
        ({"transform": "shuffle"}, r"dataset\.transform=shuffle: is for two sides"),
    ],
)
def test_what_is_refused(fields, message, path):
    with pytest.raises(ValueError, match=message):  # a ConfigError, or what pydantic makes of one
        JointColumns(path=path, **fields).opened()


def test_equal_columns_are_refused_by_their_names(tmp_path):
    a, b = np.random.default_rng(0).normal(size=(2, 60))
    pl.DataFrame({"a": a, "b": b, "c": a}).write_csv(tmp_path / "copies.csv")
    with pytest.raises(ValueError, match="columns a and c are equal, so that their MI is infinite"):
        JointColumns(path=str(tmp_path / "copies.csv")).opened()
