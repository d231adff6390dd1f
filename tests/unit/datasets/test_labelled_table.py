"""Somebody's own table with labels: which rows have one, which columns predict it, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.labelled_table import LabelledTable
from mi_cli.errors import ConfigError

N = 60


def columns(n: int = N, seed: int = 0) -> dict[str, list]:
    rng = np.random.default_rng(seed)
    return {
        "a": rng.normal(size=n).tolist(),
        "b": rng.normal(size=n).tolist(),
        "arm": rng.choice(["u", "v", "w"], n).tolist(),
        "target": rng.normal(size=n).tolist(),
        "sick": (rng.random(n) < 0.4).tolist(),
    }


@pytest.fixture
def made(tmp_path):
    """Makes an opened table of the columns above, some of them replaced."""

    def make(replaced=None, more=None, **fields) -> LabelledTable:
        pl.DataFrame(columns() | (replaced or {})).write_csv(tmp_path / "t.csv")
        if more is not None:
            pl.DataFrame(more).write_csv(tmp_path / "more.csv")
            fields["unlabelled"] = str(tmp_path / "more.csv")
        return LabelledTable(path=str(tmp_path / "t.csv"), **fields).opened()

    return make


def drawn(table: LabelledTable, n: int | None = None, seed: int = 0):
    return table.sample(n or table.n_samples, torch.Generator().manual_seed(seed), torch.float64)


def without(values: list, missing: range) -> list:
    return [None if i in missing else value for i, value in enumerate(values)]


def test_x_is_all_other_columns_and_labels_may_be_several(made):
    table = made(label="target")
    assert table.table.x_names == ("a", "b", "arm", "sick")
    assert table.table.classes == ("arm", "sick")
    assert (table.n_samples, table.dim_x, table.dim_y, table.discrete) == (N, 6, 1, frozenset())
    both = made(label=["target", "b"], exclude="sick")
    assert both.table.x_names == ("a", "arm")
    assert [label.name for label in both.table.labels] == ["b", "target"]


def test_rows_without_a_label_are_not_drawn(made):
    table = made({"target": without(columns()["target"], range(10, 25))}, label="target")
    assert table.n_samples == N - 15
    assert table.table.others.tolist() == list(range(10, 25))
    order = table.order(table.n_samples, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == [i for i in range(N) if not 10 <= i < 25]
    x, y = drawn(table)
    assert torch.isfinite(x).all()
    np.testing.assert_array_equal(y[:, 0].numpy(), np.array(columns()["target"])[order.numpy()])


def test_missing_values_of_x_stay_missing_in_the_table(made):
    table = made({"a": without(columns()["a"], range(5))}, label="target")
    assert np.isnan(table.table.columns["a"].values[:5]).all()
    assert torch.isfinite(drawn(table)[0]).all()


def test_rows_of_a_second_file_follow_those_of_the_table(made):
    more = {name: values for name, values in columns(30, 1).items() if name != "target"}
    more["arm"] = ["t", *more["arm"][1:]]  # a class that the table does not have
    table = made(more=more, label="target")
    rows = table.table
    assert rows.others.tolist() == list(range(N, N + 30))
    arm = rows.columns["arm"]
    names = [arm.labels[int(value)] for value in arm.values]
    assert names == [*columns()["arm"], *more["arm"]]
    assert np.isnan(rows.columns["target"].values[N:]).all()
    assert (table.n_samples, table.describe()["rows_without_label"]) == (N, 30)
    assert "30 rows without a label train encoders only" in table.describe()["notes"]


def test_digest_depends_on_both_files(made):
    alone = made(label="target").digest()
    one, two = (made(more=columns(30, seed), label="target").digest() for seed in (1, 2))
    assert len({alone, one, two}) == 3


def test_classes_follow_from_the_values(made):
    assert made(label="sick").discrete == {"y"}
    few = {"target": [i % 4 for i in range(N)]}
    assert made(few, label="target").discrete == {"y"}
    assert made(few, label="target", classes=[]).discrete == frozenset()


def test_encoders_take_whole_numbers_for_numbers_unless_they_are_named(made):
    few = {"a": [i % 4 for i in range(N)], "target": [i % 3 for i in range(N)]}
    assert made(few, label="target").table.classes == ("arm", "sick")
    assert made(few, label="target", classes=["a", "target"]).table.classes == ("a", "arm", "sick")


def test_pickle_needs_no_file(made, tmp_path):
    table = made(label="target")
    data = pickle.dumps(table)
    (tmp_path / "t.csv").unlink()
    assert torch.equal(drawn(pickle.loads(data))[1], drawn(table)[1])


def test_validation_touches_no_file(tmp_path):
    assert LabelledTable(path=str(tmp_path / "nowhere.csv"), label="target").n_samples is None


BAD = [  # columns in place of those above, of the second file, fields, the key, and what the problem begins with
    ({}, None, {}, "label", "is missing: which column"),
    ({}, None, {"label": "absent"}, "label", "no such column: absent"),
    ({"target": [1.0] * N}, None, {"label": "target"}, "label", "column target is constant"),
    ({"target": [None] * N}, None, {"label": "target"}, "label", "column target has no values"),
    ({"target": ["yes"] * N}, None, {"label": "target"}, "label", "column target is constant"),
    ({"target": without(list(range(N)), range(41))}, None, {"label": "target"}, "label", "19 rows have a label"),
    ({}, None, {"label": "target", "x": ["a", "target"]}, "x", "has the label target among the columns"),
    ({}, None, {"label": "target", "exclude": "target"}, "exclude", "has the label target"),
    ({}, None, {"label": ["target", "sick"]}, "label", "has numbers (target) and classes"),
    ({"a": columns()["target"]}, None, {"label": "target"}, "label", "columns a and target are equal"),
    ({f"x{i}": [float(i * j % 7) for j in range(N)] for i in range(1, 7)} | {"arm": [f"g{i // 2}" for i in range(N)]},
     None, {"label": "target", "classes": [f"x{i}" for i in range(1, 7)]}, "x", "75 columns of x, with one for each"),
    ({}, {"a": [1.0] * 5, "b": [1.0] * 5}, {"label": "target"}, "unlabelled", "lacks arm, sick, which"),
    ({}, columns(9) | {"c": [1.0] * 9}, {"label": "target"}, "unlabelled", "has c, which dataset.path does not have"),
    ({}, columns(9) | {"a": ["x"] * 9}, {"label": "target"}, "unlabelled", "has text in a, and dataset.path"),
    ({}, columns(9) | {"arm": list(range(9))}, {"label": "target"}, "unlabelled", "has numbers in arm, and"),
]  # fmt: skip


@pytest.mark.parametrize(("replaced", "more", "fields", "key", "problem"), BAD, ids=[line[4] for line in BAD])
def test_what_cannot_be_learned_from_is_refused(made, replaced, more, fields, key, problem):
    with pytest.raises(ConfigError) as error:
        made(replaced, more, **fields)
    (fault,) = error.value.faults
    assert fault.key == f"dataset.{key}"
    assert fault.problem.startswith(problem)
    assert fault.accepted or fault.command
    assert "\n" not in str(fault)
