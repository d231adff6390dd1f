"""Columns that are left out unless they are named, and refused where they were."""

from __future__ import annotations

import datetime
import shlex

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.compose.resolve import resolve
from mi_cli.datasets.table import Table
from mi_cli.errors import ConfigError
from mi_cli.tabular.unfit_columns import most_classes

N = 100
RNG = np.random.default_rng(0)
DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(N)]
GOOD = {"a": RNG.normal(size=N), "b": RNG.normal(size=N), "count": RNG.poisson(30, N), "arm": RNG.choice(["u", "v"], N)}


@pytest.fixture
def made(tmp_path):
    """Makes an opened Table of good columns and others."""

    def make(more, header=None, **fields) -> Table:
        frame = pl.DataFrame(more | GOOD)
        text = frame.write_csv()
        if header is not None:
            text = text.replace(",".join(frame.columns), ",".join([*header, *GOOD]), 1)
        (tmp_path / "t.csv").write_text(text)
        return Table(path=str(tmp_path / "t.csv"), **fields).opened()

    return make


def names(table: Table) -> list[str]:
    return [column["column"] for column in table.describe()["x"]]


@pytest.mark.parametrize(
    ("values", "header", "name"),
    [
        (range(N), "id", "id"),
        (range(1, N + 1), "id", "id"),
        (RNG.permutation(N) + 5000, "id", "id"),
        (np.arange(N) * 10.0, "id", "id"),
        ([f"patient {i * 7919 % 1000}" for i in range(N)], "id", "id"),
        (RNG.poisson(40, N), "", "column_0"),
        (RNG.poisson(40, N), "Unnamed: 0", "Unnamed: 0"),
        (RNG.poisson(40, N), "Unnamed: 0.1", "Unnamed: 0.1"),
        (RNG.poisson(40, N), "__index_level_0__", "__index_level_0__"),
    ],
    ids=["from 0", "from 1", "in no order", "in steps of 10", "text", "no name", "pandas", "pandas twice", "parquet"],
)
def test_index_of_the_rows_is_left_out_unless_it_is_named(made, values, header, name):
    table = made({"first": values}, header=[header], y="b")
    assert names(table) == ["a", "count", "arm"]
    assert table.describe()["left_out"] == {name: "index"}
    notes = table.describe()["notes"]
    assert notes[0] == "x is all other columns: a, count, arm"
    assert notes[1].startswith(f"{name} is left out, since it only numbers or names the rows; it is used if named in")
    if not isinstance(values, list):
        assert names(made({"first": values}, header=[header], x=[name, "a"], y="b")) == [name, "a"]
        assert "index" not in made({"first": values}, header=[header], x=[name, "a"], y="b").describe()["left_out"]


def test_index_stays_one_where_rows_are_drawn(made):
    table = made({"id": RNG.permutation(N)}, x="*", y="b", max_rows=60)
    assert table.describe()["left_out"] == {"id": "index"}


@pytest.mark.parametrize(
    "values",
    [
        GOOD["count"],
        RNG.choice(10_000, N, replace=False),  # all distinct, but not in steps
        np.linspace(0, 1, N),  # in steps, but not whole
        [*range(N - 1), 0],  # one value twice
        RNG.permutation(N // 2).tolist() * 2,
        RNG.normal(size=N),
    ],
    ids=["counts", "distinct", "grid", "one repeat", "each twice", "numbers"],
)
def test_other_numbers_are_no_index(made, values):
    table = made({"first": values}, y="b")
    assert names(table) == ["first", "a", "count", "arm"]
    assert table.describe()["left_out"] == {}


OTHERS = {
    "zero": [0] * N,
    "same": ["u"] * N,
    "day": DAYS,
    "note": [f"note {i % 60}" for i in range(N)],
    "none": [None] * N,
}


def test_constants_dates_text_and_empty_columns_are_left_out_where_no_name_is_typed(made):
    for entry in ([], ["*"], ["^."]):
        table = made(OTHERS, x=entry, y="b")
        assert names(table) == ["a", "count", "arm"]
        described = table.describe()
        assert described["left_out"] == {
            "zero": "constant", "same": "constant", "day": "time", "note": "text", "none": "empty"
        }  # fmt: skip
        note = (
            "left out: zero, same (constant), day (dates or times), note (free text, or classes that are too many), "
            "none (without values)"
        )
        assert note in described["notes"]


def test_those_that_were_named_are_refused_all_at_once_with_what_leaves_them_out(made):
    with pytest.raises(ConfigError) as error:
        made(OTHERS, x=[*OTHERS, "a"], y="b")
    (fault,) = error.value.faults
    assert fault.key == "dataset.x"
    for part in ("columns zero and same are constant", "column day holds dates", "column note is text of 60 different"):
        assert part in fault.problem
    (command,) = shlex.split(fault.command)
    assert command.startswith("dataset.exclude=[")
    excluded = command.removeprefix("dataset.exclude=[").removesuffix("]").split(",")
    assert sorted(excluded) == sorted(OTHERS)
    assert names(made(OTHERS, x=[*OTHERS, "a"], y="b", exclude=excluded)) == ["a"]


def test_what_leaves_columns_out_can_be_typed(made, tmp_path):
    odd = {"weight (kg)": [1] * N, "a, b": [2] * N, 'the "c"': [3] * N, "true": [4] * N, "it's": [5] * N}
    with pytest.raises(ConfigError) as error:
        made(odd, x=[*odd, "a"], y="b")
    (typed,) = shlex.split(error.value.faults[0].command)
    values = resolve(["experiment=estimate", f"dataset.path='{tmp_path / 't.csv'}'", "dataset.y=[b]", typed]).values
    assert sorted(values["dataset"]["exclude"]) == sorted(odd)


def test_nothing_to_exclude_where_no_column_would_be_left(made):
    with pytest.raises(ConfigError) as error:
        made(OTHERS, x=["zero"], y="b")
    (fault,) = error.value.faults
    assert (fault.problem, fault.accepted, fault.command) == ("column zero is constant", "columns that vary", "")


def test_column_that_is_constant_in_the_rows_that_are_left(made):
    gaps = {"gaps": [None if i < 50 else 1.0 + i for i in range(N)], "flag": [i < 50 for i in range(N)]}
    table = made(gaps, y="b", missing="drop")
    assert names(table) == ["gaps", "a", "count", "arm"]
    assert table.describe()["left_out"] == {"flag": "constant"}
    with pytest.raises(ConfigError, match=r"column flag is constant; .*dataset.exclude=\[flag\]"):
        made(gaps, x=["gaps", "flag"], y="b", missing="drop")


def test_excluded_columns_are_used_by_nobody(made):
    assert names(made(OTHERS, y="b", exclude=["c*", "note"])) == ["a", "arm"]
    assert names(made(OTHERS, x=["a", "count"], y="b", exclude="count")) == ["a"]
    assert [column["column"] for column in made(OTHERS, x="a", exclude=["b"]).describe()["y"]] == ["count", "arm"]
    assert names(made(OTHERS, y="b", exclude=":categorical")) == ["a", "count"]
    with pytest.raises(ConfigError, match=r"dataset.exclude=\[nothing\]: no such column"):
        made({}, y="b", exclude="nothing")


def test_what_to_type_where_no_side_is_said(made):
    with pytest.raises(ConfigError) as error:
        made({"two words": RNG.poisson(40, N), "id": range(N)}, exclude="arm")
    (fault,) = error.value.faults
    assert "two words, a, b, count" in fault.accepted
    assert fault.command.startswith("'dataset.y=[count]'")


def test_wrong_text_is_refused_even_where_no_name_is_typed(made):
    with pytest.raises(ConfigError, match=r"column c has the text 1\.5O in row 3.*use 'dataset.exclude=\[c\]'"):
        made({"c": ["1.2", "1.3", "1.5O", *["1.25"] * (N - 3)]}, y="b")


@pytest.mark.parametrize(("n", "most"), [(40, 20), (100, 50), (200, 50), (300, 60), (1000, 200), (10_000, 1000)])
def test_number_of_classes(n, most):
    assert most_classes(n) == most
    y = np.random.default_rng(1).normal(size=n)
    for m in (most, most + 1):
        labels = np.resize(np.arange(m), n) * 7
        if m == most:
            assert Table.from_memory(labels, y, classes=["x"]).dim_x == most
        else:
            with pytest.raises(
                ConfigError, match=f"of {m:,} different values in {n:,} rows; accepted: at most {most:,} "
            ):
                Table.from_memory(labels, y, classes=["x"])


def test_advice_to_take_codes_for_classes_can_be_followed():
    rng = np.random.default_rng(0)
    codes = rng.choice(90_000, 120, replace=False)
    frame = pl.DataFrame({"zip": rng.choice(codes, 6000), "size": rng.poisson(3, 6000)})
    y = rng.normal(size=6000)
    (note,) = [note for note in Table.from_memory(frame, y).describe()["notes"] if "few values, taken for" in note]
    assert "'dataset.classes=[size,zip]' takes them for classes" in note  # size is a class already, and stays one
    followed = Table.from_memory(frame, y, classes=["size", "zip"])
    assert (followed.discrete, followed.few_valued) == ({"x"}, ())
    assert followed.rows(6000, torch.Generator()).x.sum() == 12000


def test_advice_that_could_not_be_followed_is_not_given():
    rng = np.random.default_rng(0)
    wide = Table.from_memory(rng.integers(0, 190, (10_000, 12)), rng.normal(size=10_000))
    (note,) = [note for note in wide.describe()["notes"] if "few values, taken for" in note]
    assert "dataset.classes" not in note  # 12 × 190 columns would be too many


def test_many_columns_that_may_be_codes_are_not_listed_as_one_would_type_them():
    rng = np.random.default_rng(0)
    wide = Table.from_memory(rng.integers(0, 30, (2000, 12)), rng.normal(size=2000))
    (note,) = [note for note in wide.describe()["notes"] if "few values, taken for" in note]
    assert note.endswith("dataset.classes, a list of all such columns, takes those for classes")


@pytest.mark.parametrize(
    ("made_of", "reason"),
    [
        (lambda i: f"{i / 7:.3f} kg", "units"),
        (lambda i: f"{i / 7:.3f}%", "units"),
        (lambda i: f"$ {i * 1000:,}", "units"),
        (lambda i: f"{i} Main Street {i}", "index"),
        (lambda i: f"C{i:05d}", "index"),  # names the rows
        (lambda i: f"{i}{'ab'[i % 2]}", "index"),
    ],
    ids=["kg", "%", "$", "address", "code", "two units"],
)
def test_numbers_with_a_unit_are_said_to_be_such(made, made_of, reason):
    table = made({"extra": [made_of(i) for i in range(N)]}, y="a")
    assert table.describe()["left_out"]["extra"] == reason


def test_few_amounts_with_a_unit_are_classes(made):
    table = made({"dose": [f"{i % 3} mg" for i in range(N)]}, y="a")
    assert {"column": "dose", "kind": "class", "width": 3} in table.describe()["x"]
