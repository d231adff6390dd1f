"""Somebody's own table: encodings, holes, groups, time, transforms, and its notes."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.table import Table
from mi_cli.errors import ConfigError
from mi_cli.estimators.auto import Auto
from mi_cli.estimators.entropy_difference import Flow
from mi_cli.estimators.gaussian import Copula
from mi_cli.estimators.histogram import Histogram
from mi_cli.estimators.mixed import Mixed
from mi_cli.estimators.nearest_neighbours import Nearest
from mi_cli.schema.sweep import expand
from mi_cli.tabular import delimited, encoded_table

N = 400


def columns(n: int = N) -> dict[str, list]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return {
        "a": x.tolist(),
        "b": (x + rng.normal(size=n)).tolist(),
        "count": rng.poisson(3, n).tolist(),
        "arm": rng.choice(["u", "v", "w"], n).tolist(),
        "sick": (rng.random(n) < 0.3).tolist(),
        "patient": rng.integers(0, 37, n).tolist(),
        "day": rng.permutation(n).tolist(),
    }


@pytest.fixture
def made(tmp_path):
    """Makes an opened Table of the columns above, some of them replaced."""

    def make(replaced=None, **fields) -> Table:
        pl.DataFrame(columns() | (replaced or {})).write_csv(tmp_path / "t.csv")
        return Table(path=str(tmp_path / "t.csv"), **fields).opened()

    return make


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(table: Table, n=None, seed=0):
    return table.rows(n or table.n_samples, seeded(seed), torch.float64)


def test_validation_touches_no_file(tmp_path):
    table = Table(path=str(tmp_path / "nowhere.csv"), x="a", y="b")
    assert table.n_samples is None
    with pytest.raises(ConfigError) as error:
        table.opened()
    (fault,) = error.value.faults
    assert (fault.key, fault.value) == ("dataset.path", tmp_path / "nowhere.csv")


def test_opening_leaves_the_table_as_it_was(made, tmp_path):
    table = Table(path=str(tmp_path / "t.csv"), x="a", y="b")
    opened = made(x="a", y="b")
    assert (table.opened(), table.n_samples) == (opened, None)
    assert opened.opened() == opened


def test_columns_are_those_of_the_file_in_a_seeds_own_order(made):
    table, truth = made(x=["b", "a"], y="day"), pl.DataFrame(columns())
    rows = drawn(table)
    assert (table.dim_x, table.dim_y, table.n_samples, table.discrete) == (2, 1, N, frozenset())
    by_day = truth.sort("day")
    order = rows.y[:, 0].long()
    assert sorted(order.tolist()) == list(range(N))
    np.testing.assert_array_equal(rows.x.numpy(), by_day["a", "b"].to_numpy()[order])
    assert rows.block is None
    assert torch.equal(drawn(table).x, rows.x)
    assert not torch.equal(drawn(table, seed=1).x, rows.x)


def test_as_many_rows_as_there_are(made):
    table = made(x="a", y="b", n_samples=100)
    assert table.n_samples == 100
    assert made(x="a", y="b", n_samples=10_000).n_samples == N
    assert len(drawn(table, N)) == N  # other seeds have others of them
    with pytest.raises(ValueError, match=r"401 rows of .*, which gives 400; accepted: at most so many"):
        drawn(table, N + 1)
    assert drawn(table, 1).x.shape == (1, 1)
    assert table.rows(0, seeded()).y.shape == (0, 1)


def test_classes_are_columns_of_0_and_1(made):
    table = made(x="arm", y=["sick", "a"])
    rows, truth = drawn(table), pl.DataFrame(columns())
    assert (table.dim_x, table.dim_y, table.discrete) == (3, 2, {"x"})
    assert set(rows.x.sum(1).tolist()) == {1.0}
    assert rows.x.sum(0).tolist() == [truth["arm"].eq(value).sum() for value in "uvw"]
    assert rows.y[:, 1].sum() == truth["sick"].sum()  # in the order of the file
    assert set(rows.y[:, 1].tolist()) == {0.0, 1.0}


def test_whole_numbers_of_few_values_are_classes_unless_told_otherwise(made):
    table = made(x="count", y="a")
    assert table.discrete == {"x"}
    assert "count is taken for classes" in table.describe()["notes"][0]
    numbers = made(x="count", y="a", classes=[])
    assert (numbers.discrete, numbers.dim_x) == (frozenset(), 1)
    assert made(x="patient", y="a").discrete == frozenset()  # 37 values
    assert made(x="patient", y="a", classes="patient").dim_x == 37
    assert made({"few": list(range(20)) * 20}, x="few", y="a").dim_x == 20
    assert made({"few": list(range(20)) * 20}, x="few", y="a", classes=["*n*"]).dim_x == 1
    assert made({"mixed": ["1", "2", "3", "K"] * 100}, x="mixed", y="a", classes=["mixed"]).dim_x == 4


def test_groups_stay_together_in_random_order(made):
    table = made(x="patient", y="day", groups="patient", classes=[])
    rows = drawn(table)
    changes = rows.block.diff() != 0
    assert int(changes.sum()) + 1 == len(set(rows.block.tolist())) == len(set(columns()["patient"]))
    assert torch.equal(changes, rows.x[:, 0].diff() != 0)
    assert not torch.equal(drawn(table, seed=1).x, rows.x)
    assert torch.equal(drawn(table).x, rows.x)
    assert len(drawn(table, 30).block) == 30
    assert table.describe()["groups"] == {"column": "patient", "number": 37}


def test_groups_may_be_text(made):
    rows = drawn(made({"who": [f"p{i % 80}" for i in range(N)]}, x="a", y="b", groups="who"))
    assert torch.bincount(rows.block).tolist() == [5] * 80


def test_time_sorts_rows_and_makes_blocks_of_neighbours(made):
    table = made(x="day", y="a", time="day")
    rows = drawn(table)
    assert (rows.x[:, 0].diff() > 0).all()
    assert torch.bincount(rows.block).tolist() == [20] * 20  # the day is a trend, so that blocks are as long as may be
    assert torch.equal(drawn(table, seed=1).x, rows.x)
    fewer = drawn(table, 150)
    assert (fewer.x[:, 0].diff() > 0).all()
    assert fewer.x[0, 0] < 20
    assert fewer.x[-1, 0] > N - 20
    assert torch.bincount(fewer.block).tolist() == [8] * 18 + [6]


def test_time_may_be_dates_in_any_order(made):
    days = [f"2020-{1 + (i * 7) % 12:02}-{1 + i % 28:02}" for i in range(N)]
    rows = drawn(
        made({"date": days, "number": [int(day.replace("-", "")) for day in days]}, x="number", time="date", y="a")
    )
    assert (rows.x[:, 0].diff() >= 0).all()


def test_groups_and_time_are_no_columns_of_x_and_y_unless_named(made):
    for key in ("groups", "time"):
        assert "patient" not in [c["column"] for c in made(y="a", **{key: "patient"}).describe()["x"]]


def with_holes(*rows):
    found = columns()
    for row in rows:
        found["a"][row] = None
        found["arm"][row + 1] = None
    return found


def test_missing_rows_are_dropped(made):
    table = made(with_holes(0, 10), x="a", y="arm", missing="drop")
    assert table.n_samples == N - 4
    found = table.describe()
    assert found["missing"] == {"a": 2, "arm": 2}
    assert found["notes"] == ["4 rows without a value of a or arm are left out (dataset.missing=drop)"]
    assert made(with_holes(0, 10), x="b", y="day").n_samples == N  # holes elsewhere matter to nobody


def test_missing_values_are_filled(made):
    table, truth = made(with_holes(0, 10), x="a", y="arm", missing="impute"), pl.DataFrame(with_holes(0, 10))
    rows = drawn(table)
    assert int((rows.x[:, 0] == truth["a"].median()).sum()) >= 2
    most = truth["arm"].drop_nulls().mode().sort()[0]
    assert rows.y.sum(0)["uvw".index(most)] == (truth["arm"] == most).sum() + 2
    assert "missing values of a (2) and arm (2) are filled" in table.describe()["notes"][0]


def test_share_of_rows_groups_and_time(made):
    table = made(x="a", y="b", share=0.25)
    assert table.n_samples == 100
    assert not torch.equal(drawn(table, seed=0).x, drawn(table, seed=1).x)  # of other rows
    some = drawn(made(x="patient", y="day", groups="patient", classes=[], share=0.5))
    assert len(some) == 200
    assert (some.block.diff() != 0).sum() == len(some.block.unique()) - 1
    late = drawn(made(x="day", y="a", time="day", share=0.5))
    assert len(late) == 200
    assert (late.x[:, 0].diff() > 0).all()
    assert late.x[-1, 0] > N - 20


def test_shuffled_rows_keep_their_columns_and_lose_each_other(made):
    plain, table = made(x="a", y="b"), made(x="a", y="b", transform="shuffle")
    rows, before = drawn(table), drawn(plain)
    assert torch.equal(rows.x, before.x)
    assert torch.equal(rows.y.sort(0).values, before.y.sort(0).values)
    assert not torch.equal(rows.y, before.y)
    assert abs(np.corrcoef(rows.x[:, 0], rows.y[:, 0])[0, 1]) < 5 / N**0.5  # false alarms: 1e-6
    assert (table.true_mi(), plain.true_mi(), table.true_mi(0.5)) == (0.0, None, 0.0)
    assert not torch.equal(drawn(table, seed=1).y, rows.y)


def test_function_of_y_has_two_values_a_column(made):
    table, truth = made(x="a", y=["b", "arm", "sick"], transform="function"), pl.DataFrame(columns())
    assert (table.dim_y, table.discrete) == (3, {"y"})
    y = drawn(table).y
    assert y[:, 0].sum() == N / 2
    assert y[:, 1].sum() == truth["arm"].value_counts()["count"].max()
    assert y[:, 2].sum() == (~truth["sick"]).sum()
    tied = made({"b": [0.5] * 150 + [1.5] * 250}, x="a", y="b", classes=[], transform="function")
    assert drawn(tied).y.sum() == 250  # whose median is its maximum


def test_two_copies_halve_the_rows_and_double_the_columns(made):
    table = made(x=["day"], y=["a", "arm"], transform="two_copies")
    assert (table.n_samples, table.dim_x, table.dim_y) == (N // 2, 2, 8)
    rows, truth = drawn(table), pl.DataFrame(columns()).sort("day")
    days = rows.x.long()
    assert sorted(days.flatten().tolist()) == list(range(N))  # every row once
    np.testing.assert_array_equal(rows.y[:, 0], truth["a"].to_numpy()[days[:, 0]])
    np.testing.assert_array_equal(rows.y[:, 4], truth["a"].to_numpy()[days[:, 1]])


def test_sample_of_a_file_with_many_rows_is_told(made):
    found = made(x="a", y="b", max_rows=100).describe()
    assert (found["rows_in_file"], found["rows_used"]) == (N, 100)
    assert found["notes"] == ["100 of 400 rows are used, drawn at random (dataset.max_rows)"]


def test_duplicates_and_ties_are_told(made):
    a = columns()["a"]
    b = columns()["b"]
    table = made({"a": a[:300] + a[:100], "b": b[:300] + b[:100]}, x="a", y="b")
    found = table.describe()
    assert found["duplicates"] == 100
    assert found["ties"] == {"a": 0.25, "b": 0.25}
    assert "100 of 400 rows are duplicates: nearest neighbours take them for dependence" in found["notes"]
    assert table.ties == found["ties"]
    (note,) = Copula().notes(table)
    assert note.startswith("copula takes columns of numbers for continuous")
    assert note.endswith("a (25%), b (25%)")
    assert all(not estimator.notes(table) for estimator in (Nearest(), Auto(), Mixed(), Histogram()))
    (note,) = Flow().notes(table)  # whose x may be anything
    assert note.endswith("values repeat in b (25%)")
    plain = made(x="a", y="b").describe()
    assert (plain["duplicates"], plain["ties"], plain["notes"]) == (0, {}, [])
    assert made(x="arm", y="sick").describe()["notes"] == []  # classes repeat


def test_codes_that_repeat_are_no_copies(made):
    a, b = (np.random.default_rng(m).permutation(N) % m for m in (25, 40))
    found = made({"a": a.tolist(), "b": b.tolist()}, x="a", y="b").describe()
    assert found["duplicates"] == 0
    (codes,) = found["notes"]
    assert codes.endswith("where they are codes, 'dataset.classes=[a,b]' takes them for classes")


def test_columns_have_their_names_as_often_as_they_are_wide(made):
    names = made(x=["arm", "a"], y="sick").column_names
    assert names == {"x": ("a", "arm", "arm", "arm"), "y": ("sick",), "z": ()}


def test_description_is_data(made):
    found = made(x=["arm", "a"], y="sick").describe()
    assert found["x"] == [{"column": "a", "kind": "number", "width": 1}, {"column": "arm", "kind": "class", "width": 3}]
    assert found["y"] == [{"column": "sick", "kind": "boolean", "width": 1}]
    assert (found["format"], found["time"], found["groups"]) == ("csv", None, None)


def test_pickled_table_needs_no_file(made, tmp_path, monkeypatch):
    table = made(x=["a", "arm"], y="b", missing="drop")
    sent = pickle.dumps(table)
    (tmp_path / "t.csv").unlink()
    monkeypatch.setattr(encoded_table, "_encode_file", None)
    received = pickle.loads(sent)
    assert received == table
    assert torch.equal(drawn(received).x, drawn(received).x)
    assert (received.dim_x, received.discrete, received.n_samples) == (4, frozenset(), N)
    assert len(pickle.dumps(received)) < len(sent) / 2  # on its way back


def test_many_choices_and_seeds_read_a_file_once(made, tmp_path, monkeypatch):
    readings, rows = [], delimited.DelimitedFile.rows
    monkeypatch.setattr(delimited.DelimitedFile, "rows", lambda *args: readings.append(1) or rows(*args))
    table = made(x="a", y="b")
    dataset = table.model_dump(mode="json") | {"n_samples": None}
    values = {
        "dataset": dataset,
        "estimator": {"name": "histogram"},
        "seed": 0,
        "split": {"train": 0.7, "val": 0.1, "test": 0.2},
    }
    values["sweep"] = {"dataset": {"x": [["a"], ["day"]], "y": [["b"], ["count"], ["arm"]]}, "seed": [0, 1]}
    trials = expand(values)
    assert len(trials) == len({trial.fingerprint for trial in trials}) == 12
    assert [trial.config.dataset.dim_y for trial in trials[::2]][:2] == [1, 9]  # a number, and counts of nine values
    assert readings == [1]


def test_columns_of_few_values_are_told_by_the_names_that_the_file_has(made):
    table = made(x="a", y="count", classes=[], transform="two_copies")
    assert table.few_valued == ("count",)
    assert any("'dataset.classes=[count]' takes them for classes" in note for note in table.describe()["notes"])


def test_columns_of_z_go_with_their_rows(made):
    table = made(x="a", y="b", z=["count", "arm"], classes=[])
    assert (table.dim_x, table.dim_y, table.dim_z) == (1, 1, 4)
    rows, file = drawn(table), columns()
    places = [file["a"].index(value) for value in rows.x[:, 0].tolist()]
    assert rows.z[:, 0].tolist() == [file["count"][place] for place in places]
    assert [("u", "v", "w")[row.index(1)] for row in rows.z[:, 1:].tolist()] == [file["arm"][place] for place in places]
    described = table.describe()
    assert [one["column"] for one in described["z"]] == ["count", "arm"]
    assert described["entropy"]["z"] is None


def test_a_table_without_z_has_none(made):
    table = made(x="a", y="b")
    assert drawn(table).z is None
    assert table.dim_z == 0
    assert "z" not in table.describe()


def test_x_leaves_the_columns_of_z(made):
    table = made(y="b", z=["a", "arm"])
    assert [info.name for info in table.encoded.info.x] == ["count", "sick", "patient"]  # day is an index


def test_two_copies_double_the_columns_of_z(made):
    assert made(x="a", y="b", z="count", classes=[], transform="two_copies").dim_z == 2


def test_rows_that_differ_in_z_only_are_no_copies(made):
    twice = columns(200)
    replaced = {name: 2 * twice[name] for name in twice} | {"day": list(range(400))}
    assert made(replaced, x="a", y="b").describe()["duplicates"] == 200
    assert made(replaced, x="a", y="b", z="day").describe()["duplicates"] == 0


def test_missing_values_of_z_are_dropped_as_others_are(made):
    table = made({"count": [None, *columns()["count"][1:]]}, x="a", y="b", z="count", missing="drop")
    assert table.n_samples == N - 1
