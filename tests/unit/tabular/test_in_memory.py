"""Rows in memory: arrays and frames give the table that a file with the same rows gives."""

from __future__ import annotations

import datetime
import pickle
import subprocess
import sys
import weakref
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
import torch
from examples import agree, context

from mi_cli.datasets.table import Table
from mi_cli.errors import ConfigError
from mi_cli.procedures.estimation import estimate_trial
from mi_cli.procedures.splits import split_rows
from mi_cli.schema.config import validate
from mi_cli.tabular.columns import column_of_array, column_of_series
from mi_cli.tabular.in_memory import rows_in_memory

N = 200
RNG = np.random.default_rng(0)
A = RNG.normal(size=N)
FRAME = pl.DataFrame(
    {
        "a": A,
        "b": A + RNG.normal(size=N),
        "count": RNG.poisson(2, N),
        "arm": RNG.choice(["u", "v", "w"], N),
        "sick": RNG.random(N) < 0.3,
        "patient": RNG.integers(0, 37, N),
        "day": RNG.permutation(N),
    }
)
GAPS = FRAME.with_columns(
    a=pl.when(pl.int_range(N) % 50 == 3).then(None).otherwise("a"),
    arm=pl.when(pl.int_range(N) % 40 == 7).then(None).otherwise("arm"),
)
WHOLE = {"train": 0.6, "val": 0.2, "test": 0.2}


def both(tmp_path, frame, x, y, groups=None, time=None, **fields) -> tuple[Table, Table]:
    """A table of a file, and one of the same rows in memory."""
    frame.write_csv(tmp_path / "t.csv")
    file = Table(path=str(tmp_path / "t.csv"), x=x, y=y, groups=groups, time=time, **fields).opened()
    beside = {"groups": groups and frame[groups], "time": time and frame[time]}
    return file, Table.from_memory(frame[x], frame[y], **beside, **fields)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def same(one: Table, other: Table) -> bool:
    rows = [table.rows(table.n_samples, seeded(3), torch.float64) for table in (one, other)]
    blocks = [torch.zeros(0) if each.block is None else torch.as_tensor(each.block) for each in rows]
    return torch.equal(rows[0].x, rows[1].x) and torch.equal(rows[0].y, rows[1].y) and torch.equal(*blocks)


@pytest.mark.parametrize(
    ("x", "y", "more"),
    [
        (["a"], ["b"], {}),
        (["a", "count", "arm"], ["b", "sick"], {}),
        (["a", "count"], ["b"], {"classes": []}),
        (["a", "patient"], ["b"], {"classes": ["patient"]}),
        (["a"], ["b"], {"groups": "patient"}),
        (["a", "arm"], ["b"], {"time": "day"}),
        (["a"], ["b"], {"max_rows": 90}),
        (["a"], ["b"], {"share": 0.5, "transform": "shuffle"}),
        (["a", "arm"], ["b", "count"], {"transform": "function"}),
        (["a", "arm"], ["b"], {"transform": "two_copies"}),
        (["a"], ["b"], {"n_samples": 60}),
    ],
)
def test_rows_and_notes_are_those_of_the_file(tmp_path, x, y, more):
    file, memory = both(tmp_path, FRAME, x, y, **more)
    assert same(file, memory)
    assert (file.dim_x, file.dim_y, file.n_samples) == (memory.dim_x, memory.dim_y, memory.n_samples)
    assert (file.discrete, file.with_classes, file.few_valued) == (
        memory.discrete,
        memory.with_classes,
        memory.few_valued,
    )
    of_source = ("file", "format", "bytes", "digest")
    described = [{key: value for key, value in t.describe().items() if key not in of_source} for t in (file, memory)]
    assert described[0] == described[1]


@pytest.mark.parametrize("missing", ["drop", "impute"])
def test_missing_values_are_those_of_the_file(tmp_path, missing):
    file, memory = both(tmp_path, GAPS, ["a", "arm"], ["b"], missing=missing)
    assert same(file, memory)
    assert file.describe()["notes"] == memory.describe()["notes"]
    assert memory.describe()["missing"] == {"a": 4, "arm": 5}
    with pytest.raises(ConfigError, match=r"dataset.missing=error: 2 columns with missing values: a 4, arm 5"):
        Table.from_memory(GAPS[["a", "arm"]], GAPS["b"])


@pytest.mark.parametrize("estimator", ["dv", "copula"])
def test_splits_and_estimates_are_those_of_the_file(tmp_path, estimator):
    values = {"estimator": {"name": estimator}, "split": WHOLE, "training": {"steps": 30, "batch": 64}, "seed": 5}
    file, memory = (validate(values | {"dataset": table}) for table in both(tmp_path, FRAME, ["a"], ["b", "patient"]))
    for part, rows in split_rows(file).items():
        assert torch.equal(rows.x, split_rows(memory)[part].x)
        assert torch.equal(rows.y, split_rows(memory)[part].y)
    one, other = estimate_trial(file, context()), estimate_trial(memory, context())
    assert one.status == "ok"
    assert agree(one, other)


def of_every_kind(rows: np.ndarray) -> list:
    return [rows, torch.from_numpy(rows), rows.tolist(), pl.Series("x", rows), pl.DataFrame({"x": rows})]


def test_arrays_tensors_lists_and_frames_are_alike():
    tables = [Table.from_memory(x, FRAME["b"].to_numpy()) for x in of_every_kind(A)]
    assert all(same(tables[0], table) for table in tables[1:])
    assert {table.x for table in tables} == {("x",)}
    two = Table.from_memory(np.stack([A, A**2], 1), FRAME["b"].to_numpy())
    assert (two.x, two.y, two.dim_x) == (("x_0", "x_1"), ("y",), 2)


def test_frames_of_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    for frame in (FRAME, GAPS):
        theirs = pandas.DataFrame({name: frame[name].to_list() for name in frame.columns})
        theirs["arm"] = theirs["arm"].astype("category")
        theirs["count"] = theirs["count"].astype("Int64")
        file, memory = both(tmp_path, frame, ["a", "count", "arm"], ["b", "sick"], missing="drop")
        assert same(memory, Table.from_memory(theirs[["a", "count", "arm"]], theirs[["b", "sick"]], missing="drop"))
        assert same(file, memory)
    days = pandas.Series(pandas.date_range("2020-01-01", periods=N, tz="Europe/Berlin"))[::-1]
    late = Table.from_memory(A, FRAME["b"].to_numpy(), time=days.reset_index(drop=True))
    assert late.rows(N, seeded(), torch.float64).x[:, 0].tolist() == A[::-1].tolist()


def test_name_on_both_sides_gets_the_side_before_it():
    table = Table.from_memory(FRAME[["a", "arm"]], FRAME.select("b", a=-pl.col("a")))
    assert (table.x, table.y) == (("x.a", "arm"), ("b", "y.a"))
    assert table.describe()["x"][0] == {"column": "x.a", "kind": "number", "width": 1}


@pytest.mark.parametrize(
    ("values", "kind", "numbers"),
    [
        (np.array(["b", "a", "b"]), "text", [1, 0, 1]),
        (np.array(["b", None, "a"], object), "text", [1, None, 0]),
        (np.array([True, False]), "boolean", [1, 0]),
        (np.array([True, None], object), "boolean", [1, None]),
        (np.array([3, 1], np.uint8), "integer", [3, 1]),
        (np.array([3, None, 1], object), "integer", [3, None, 1]),
        (np.array([0.5, np.nan], np.float32), "real", [0.5, None]),
        (np.array([0.5, np.nan, 1], object), "real", [0.5, None, 1]),
        (np.array(["2020-01-02", "NaT"], "datetime64[D]"), "time", [18263, None]),
        (np.array([datetime.date(1970, 1, 2), None], object), "time", [86400e6, None]),
        (np.array([None, np.nan], object), "empty", [None, None]),
        (np.array(["a", 1], object), "nested", [None, None]),
        (np.array([1j, 2]), "nested", [None, None]),
    ],
)
def test_column_of_an_array(values, kind, numbers):
    column = column_of_array("a", values)
    assert column.kind == kind
    assert [None if np.isnan(value) else value for value in column.values] == numbers


@pytest.mark.parametrize("tensor", [torch.Tensor.bfloat16, torch.Tensor.half, torch.Tensor.to_sparse])
def test_any_tensor_of_numbers_is_an_array(tensor):
    values = torch.arange(4.0)
    source = rows_in_memory(tensor(values), A[:4])
    assert source.columns["x"].dtype == np.float32
    assert source.columns["x"].tolist() == [0, 1, 2, 3]


def test_column_of_an_array_is_that_of_a_series():
    for name in FRAME.columns:
        one, other = column_of_array(name, FRAME[name].to_numpy()), column_of_series(name, FRAME[name])
        assert (one.kind, one.labels) == (other.kind, other.labels)
        assert one.values.tobytes() == other.values.tobytes()


@pytest.mark.parametrize(
    ("x", "y", "more", "line"),
    [
        (A, A[:-1], {}, "rows: x 200, y 199; accepted: as many of each"),
        (np.zeros((2, 2, 2)), A, {}, "x: 3 dimensions; accepted: 1 or 2, a row for each sample"),
        (A, np.zeros((N, 0)), {}, "y: has no columns; accepted: at least one"),
        ([[1, 2], [3]], A, {}, "x: is no array (.*); accepted: as many values in each row"),
        (A, -A, {"groups": np.zeros((N, 2))}, "groups: has 2 columns; accepted: one value for each row"),
        (A[:0], A[:0], {}, "x: has no rows; accepted: at least 20"),
        (A[:5], -A[:5], {}, "x: has 5 rows; accepted: at least 20"),
        (
            A,
            A,
            {},
            "dataset.y=[y]: columns x and y are equal, so that their MI is infinite; accepted: ",
        ),
        (np.zeros(N), A, {}, "dataset.x=[x]: column x is constant; accepted: columns that vary"),
        (np.array([{}] * N), A, {}, "dataset.x=[x]: column x holds lists, structures, bytes, or values of"),
        (np.array(["a", *A[1:]], object), A, {}, "dataset.x=[x]: column x holds lists, .*, or values of several types"),
        (pl.LazyFrame({"a": A}), A, {}, "x: is of type LazyFrame; accepted: a frame or a series; use x.collect()"),
        (pl.col("a"), A, {}, "x: is of type Expr; accepted: a frame or a series"),
        (torch.zeros(N, device="meta"), A, {}, "x: is no array (.*); accepted: a tensor of numbers"),
        (A, -A, {"share": 0.05}, "dataset.share=0.05: leaves 10 rows; accepted: at least 20"),
    ],
)
def test_bad_rows_are_a_fault(x, y, more, line):
    with pytest.raises(ConfigError) as error:
        Table.from_memory(x, y, **more)
    (text,) = error.value.lines
    before, _, after = line.partition(".*")
    assert text.startswith(before)
    assert after in text


MASK = np.arange(N) % 10 == 0
GAPPED = [None if masked else value for masked, value in zip(MASK, A.tolist(), strict=True)]


@pytest.mark.parametrize(
    "x",
    [
        np.ma.masked_array(np.where(MASK, -9999, A), MASK),
        np.where(MASK, np.nan, A),
        GAPPED,
        tuple(GAPPED),
        np.array(GAPPED, object),
        [np.ma.masked if value is None else value for value in GAPPED],
        [None if value is None else Decimal(value) for value in GAPPED],
        pl.Series("x", GAPPED),
        pl.Series("x", GAPPED, dtype=pl.Object),
    ],
    ids=["masked", "NaN", "list", "tuple", "objects", "list of masked", "Decimal", "Polars", "objects of Polars"],
)
def test_masked_values_and_none_are_missing(x):
    y = FRAME["b"].to_numpy()
    with pytest.raises(ConfigError) as error:
        Table.from_memory(x, y)
    (fault,) = error.value.faults
    assert (fault.key, fault.value) == ("dataset.missing", "error")
    assert "1 column with missing values: x 20" in fault.problem
    dropped = Table.from_memory(x, y, missing="drop")
    assert same(dropped, Table.from_memory(A[~MASK], y[~MASK]))
    filled = drawn_x(Table.from_memory(x, y, missing="impute"))
    assert (filled == np.median(A[~MASK])).sum() == 20


def drawn_x(table: Table) -> np.ndarray:
    return table.rows(table.n_samples, seeded(), torch.float64).x[:, 0].numpy()


def test_columns_of_masked_arrays_lists_and_objects_are_missing_each_by_itself():
    rows = np.ma.masked_array(np.stack([A, A**2], 1), np.stack([MASK, np.roll(MASK, 1)], 1))
    for x in (rows, rows.tolist(), np.array(rows.tolist(), object)):
        assert Table.from_memory(x, FRAME["b"].to_numpy(), missing="drop").n_samples == N - 40


def test_index_and_constants_of_frames_are_left_out():
    frame = FRAME.select("a", "count").with_columns(pl.lit(1).alias("one")).with_row_index("Unnamed: 0")
    table = Table.from_memory(frame, FRAME["b"])
    assert [column["column"] for column in table.describe()["x"]] == ["a", "count"]
    assert table.left_out == [
        "Unnamed: 0 is left out, since it only numbers or names the rows; x.to_numpy() is used with it",
        "left out: one (constant)",
    ]
    array = Table.from_memory(frame.to_numpy(), FRAME["b"])  # where what numbers the rows was put on purpose
    assert array.describe()["left_out"] == {"x_3": "constant"}
    assert Table.from_memory(frame["Unnamed: 0"], FRAME["b"]).left_out == []
    assert Table.from_memory(frame, FRAME["b"], exclude=["c*"]).dim_x == 1


def test_table_stays_open_in_a_config_and_in_another_process():
    table = Table.from_memory(FRAME[["a", "arm"]], FRAME["b"])
    config = validate({"estimator": {"name": "nearest"}, "dataset": table, "split": WHOLE})
    assert config.dataset is table
    received = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(table))))
    assert same(received, table)
    assert received.describe() == table.describe()
    assert received.digest() == table.digest()


def test_rows_are_freed_with_their_table():
    table = Table.from_memory(A, -A)
    assert table.describe()["notes"] == []
    assert table.few_valued == ()
    rows = weakref.ref(table.encoded.settings.source)
    assert rows() is not None
    del table
    assert rows() is None  # at once, without the garbage collector


def test_digest_is_that_of_names_and_values():
    digests = [
        Table.from_memory(x, y).digest()
        for x, y in [(A, -A), (A.copy(), -A), (pl.Series("x", A), -A), (A, 2 * A), (pl.Series("z", A), -A)]
    ]
    assert digests[0] == digests[1] == digests[2]
    assert len(set(digests)) == 3


def test_numpy_arrays_need_no_polars():
    program = (
        "import sys, numpy as np; from mi_cli.datasets.table import Table; r = np.random.default_rng(0);"
        "x = r.normal(size=(50, 2)); y = r.choice(['u', 'v'], 50);"
        "table = Table.from_memory(x, y, groups=np.arange(50) // 5); table.describe(); table.digest();"
        "print(table.dim_x, [name for name in ('polars', 'torch', 'pandas', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "2 []\n", done.stderr
