"""Pairs of a table's columns, and estimators that cannot take its columns, on the way to a config."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from examples import ROWS

from mi_cli.compose.resolve import resolve
from mi_cli.errors import ConfigError
from mi_cli.schema import sweep
from mi_cli.tabular.column_pairs import column_pairs

PATH = ROWS
COLUMNS = ["a", "b", "c", "kind", "patient"]


def pairs(**section):
    return column_pairs({"name": "table", "path": PATH} | section)


def test_all_pairs_of_x_in_the_order_of_the_file():
    assert pairs(x=["c", "a", "b"]) == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert pairs(x=None) == [list(pair) for pair in itertools.combinations(COLUMNS, 2)]
    assert pairs(x=None, groups="patient") == [list(pair) for pair in itertools.combinations(COLUMNS[:-1], 2)]
    assert pairs(x=[":numeric"]) == [["a", "b"], ["a", "c"], ["b", "c"]]


def test_each_of_x_with_each_of_y():
    assert pairs(x=["a", "b"], y="c") == [["a", "c"], ["b", "c"]]
    assert pairs(x=None, y=["kind"]) == [[name, "kind"] for name in ("a", "b", "c", "patient")]
    assert pairs(x=["a", "b"], y=["a", "b"]) == [["a", "b"]]  # neither with itself nor twice


def test_columns_of_z_are_in_no_pair():
    assert pairs(x=None, z="b", groups="patient") == [["a", "c"], ["a", "kind"], ["c", "kind"]]
    assert pairs(x=["a", "b"], y="c", z=["b"]) == [["a", "c"]]


def test_columns_that_no_name_selects_are_left_out_of_pairs_and_that_is_said(tmp_path):
    lines = Path(PATH).read_text().splitlines()
    more = [f"{line},{number},2020-01-01,7" for number, line in enumerate(lines[1:])]
    (tmp_path / "t.csv").write_text("\n".join([lines[0] + ",id,day,same", *more]))
    section = {"name": "table", "path": str(tmp_path / "t.csv")}
    expected = [list(pair) for pair in itertools.combinations(COLUMNS, 2)]
    assert column_pairs(section) == expected
    assert column_pairs(section | {"x": ["*"], "exclude": ["kind", "p*"]}) == pairs(x=["a", "b", "c"])
    assert ["a", "id"] in column_pairs(section | {"x": ["a", "id"]})  # named
    resolved = resolve(["experiment=pairwise", f"dataset.path='{tmp_path / 't.csv'}'"])
    assert resolved.values["sweep"]["dataset"]["pair"] == expected
    assert any(notice.startswith("id is left out") for notice in resolved.notices)
    assert "left out: day (dates or times), same (constant)" in resolved.notices


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"x": ["a"]}, "makes no pair of columns"),
        ({"x": ["nothing"]}, "no such column"),
        ({"path": None}, r"dataset.path=null: must be a file"),
        ({"path": "no.csv"}, "no such file"),
    ],
)
def test_no_pairs_are_refused(section, message):
    with pytest.raises(ValueError, match=message):
        pairs(**section)


def test_config_gets_the_pairs_as_an_axis():
    given = ["experiment=pairwise", f"dataset.path='{PATH}'", "dataset.x=[a,b,c]"]
    trials = sweep.expand(resolve(given).values)
    assert [trial.axes["dataset.pair"] for trial in trials] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert {(trial.config.dataset.dim_x, trial.config.dataset.dim_y) for trial in trials} == {(1, 1)}
    with pytest.raises(ConfigError, match=r"sweep.dataset.pair=all: pairs the columns of a table"):
        resolve(["experiment=pairwise", "dataset=gaussian"])
    with pytest.raises(ConfigError, match="no such column"):
        resolve([*given, "dataset.x=[z]"])


@pytest.mark.parametrize(
    ("x", "y", "left"),
    [
        ("a", "b", ["auto", "nearest", "copula"]),
        ("a", "kind", ["auto", "nearest"]),
        ("[a,kind]", "b", ["auto", "nearest"]),
    ],
)
def test_estimators_that_cannot_take_the_columns_are_left_out_and_that_is_said(x, y, left):
    given = ["experiment=estimate", f"dataset.path='{PATH}'", f"dataset.x={x}", f"dataset.y={y}"]
    resolved = resolve(given)
    assert [option["name"] for option in resolved.values["sweep"]["estimator"]] == left
    assert len(resolved.notices) == 3 - len(left)
    assert all(notice.startswith("copula is left out: it takes continuous ") for notice in resolved.notices)
    if len(left) < 3:
        with pytest.raises(ConfigError, match=r"estimator.name=copula: takes continuous"):
            resolve([*given, "sweep.estimator=[auto,copula]"])  # which was asked for


def test_folds_need_more_groups_than_they_are():
    given = ["experiment=estimate", f"dataset.path='{PATH}'", "dataset.x=a", "dataset.y=b"]
    with pytest.raises(ConfigError, match=r"folds=4: dataset.groups=kind has 2 groups, and no group is cut"):
        resolve([*given, "dataset.groups=kind", "sweep.estimator=[auto]"])
    assert resolve([*given, "dataset.groups=patient"]).values["dataset"]["groups"] == "patient"
