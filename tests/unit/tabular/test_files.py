"""Reading files."""

from __future__ import annotations

import bz2
import datetime
import gzip
import lzma
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from mi_cli.errors import ConfigError
from mi_cli.tabular import delimited, files
from mi_cli.tabular.files import table_file
from mi_cli.tabular.selection import columns_of_x_and_y

N = 40
FRAME = pl.DataFrame(
    {
        "id": range(N),
        "gene_1": [i / 7 for i in range(N)],
        "gene_2": [i / 3 for i in range(N)],
        "dose": [i % 3 for i in range(N)],
        "arm": ["a", "b"] * (N // 2),
        "sick": [True, False] * (N // 2),
    }
)


def column(tmp_path, lines: list[str], name="a"):
    """The column a of a CSV that has these values in it."""
    (tmp_path / "c.csv").write_text("\n".join(["a,b", *(f"{line},1" for line in lines)]))
    return table_file(str(tmp_path / "c.csv")).sample([name], 1000).column(name)


PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
TEXT = [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.bz2", ".CSV.XZ"]


@pytest.mark.parametrize("suffix", [*TEXT, ".parquet", ".feather", ".arrow", ".ipc", ".npz", ".xlsx"])
def test_formats_agree(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    if suffix == ".npz":
        np.savez(path, **{name: FRAME[name].to_numpy() for name in FRAME.columns} | {"arm": np.array(FRAME["arm"])})
    elif suffix in TEXT:
        text = FRAME.write_csv(separator="\t" if suffix.startswith(".tsv") else ",").encode()
        path.write_bytes(PACKED.get(path.suffix.lower(), bytes)(text))
    elif suffix == ".xlsx":
        FRAME.write_excel(path)
    else:
        (FRAME.write_parquet if suffix == ".parquet" else FRAME.write_ipc)(path)
    assert table_file(str(path)).names == tuple(FRAME.columns)
    sample = table_file(str(path)).sample(FRAME.columns, 1000)
    for name, kind in zip(FRAME.columns, ["integer", "real", "real", "integer", "text", "boolean"], strict=True):
        found = sample.column(name)
        assert found.kind == kind
        expected = FRAME[name] == "b" if name == "arm" else FRAME[name]
        assert found.values.tolist() == pytest.approx(expected.cast(pl.Float64).to_list())
    assert sample.column("arm").labels == ("a", "b")


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.bz2", ".csv.xz", ".xlsx"])
def test_file_that_is_not_what_its_name_says_is_refused(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_text(FRAME.write_csv())
    with pytest.raises(ConfigError, match=r"cannot be read as \.(csv|xlsx)"):
        table_file(str(path)).sample(FRAME.columns, 1000)


def test_compressed_file_that_was_cut_is_refused(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(FRAME.write_csv().encode())[:-20])
    with pytest.raises(ConfigError, match=r"cannot be read as \.csv"):
        table_file(str(path)).sample(FRAME.columns, 1000)


def test_excel_without_its_library_says_how_to_install_it(tmp_path, monkeypatch):
    path = tmp_path / "t.xlsx"
    FRAME.write_excel(path)
    monkeypatch.setattr(files.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[excel\]' in a checkout"):
        table_file(str(path)).names  # noqa: B018


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_ends_of_lines_quotes_and_blank_lines(tmp_path, separator, end):
    head = separator.join(['"a ""x"""', " b ", ""])
    body = [separator.join(['"u"', '" v ; , "', " 3 "]), "", separator.join(['"w' + end + '"', "", "5"]), ""]
    (tmp_path / "t.csv").write_bytes(("﻿" + end + end.join([head, *body])).encode())
    table = table_file(str(tmp_path / "t.csv"))
    assert table.names == ('a "x"', "b", "column_2")
    sample = table.sample(table.names, 10)
    assert sample.total == 2
    assert sample.column('a "x"').labels == ("u", "w")
    assert sample.column("b").labels == ("v ; ,",)
    assert sample.column("column_2").values.tolist() == [3, 5]


@pytest.mark.parametrize("hole", delimited.MISSING_VALUES)
def test_holes(tmp_path, hole):
    found = column(tmp_path, ["1", hole, f" {hole} ", "2"])
    assert (found.kind, found.missing, found.distinct.tolist()) == ("integer", 2, [1, 2])


@pytest.mark.parametrize(
    ("lines", "kind", "values"),
    [
        (["1", "-2", "+3"], "integer", [1, -2, 3]),
        (["1", "2.5", "1e3"], "real", [1, 2.5, 1000]),
        (["-0.0", "0.5", "inf"], "real", [0, 0.5, np.inf]),
        (["True", "false", "TRUE"], "boolean", [1, 0, 1]),
        (["x", "y", "x"], "text", [0, 1, 0]),
        (["2020-01-02", "2020-01-01", "2020-01-02"], "time", [1577923200e6, 1577836800e6, 1577923200e6]),
        (["2020-01-01 00:00", "2020-01-01 00:01", "2020-01-01 00:02"], "time", None),
        (["01.02.2020", "02.02.2020", "03.02.2020"], "time", None),
        (["", "NA", ""], "empty", None),
    ],
)
def test_text_is_taken_for_what_it_says(tmp_path, lines, kind, values):
    found = column(tmp_path, lines)
    assert found.kind == kind
    assert found.stray_text is None
    if values is not None:
        assert found.values.tolist() == values
        assert not np.signbit(found.values[0])


def test_commas_of_decimals_where_semicolons_separate(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n1,5;2\n2;3\n")
    assert table_file(str(tmp_path / "t.csv")).sample(["a"], 10).column("a").values.tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("lines", "separator", "values", "written"),
    [
        (["693", "1,234", "12,345,678"], ",", [693, 1234, 12345678], "1,234"),
        (["1,234", "5,678"], ",", [1234, 5678], "1,234"),
        (["-1,234.5", "+1,000", ""], ",", [-1234.5, 1000, None], "-1,234.5"),
        (["693", "1,234"], ";", [693, 1234], "1,234"),
        (["1,234.50", "2,345.25"], "\t", [1234.5, 2345.25], "1,234.50"),
        (["1,234", "5,678"], ";", [1.234, 5.678], None),  # decimal commas, where semicolons separate
        (["1,234", "1500"], ";", [1.234, 1500], None),
        (["1,5", "1,234"], ",", [1.5, 1.234], None),
        (["0,234", "1,234"], ",", [0.234, 1.234], None),
        (["1", "1000"], ",", [1, 1000], None),
    ],
)
def test_commas_between_thousands(tmp_path, lines, separator, values, written):
    rows = [separator.join([f'"{line}"', "1"]) for line in lines]
    (tmp_path / "t.csv").write_text("\n".join([f"a{separator}b", *rows]))
    read = table_file(str(tmp_path / "t.csv")).sample(["a"], 1000).column("a")
    assert read.kind in ("integer", "real")
    assert [None if np.isnan(value) else value for value in read.values] == values
    assert read.thousands == written


@pytest.mark.parametrize("lines", [["1,234", "x"], ["12,34", "1,2,3"], ["1,234", "1,23,4"]])
def test_text_with_commas_is_no_number(tmp_path, lines):
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *(f'"{line}",1' for line in lines)]))
    read = table_file(str(tmp_path / "t.csv")).sample(["a"], 1000).column("a")
    assert (read.kind, read.thousands) == ("text", None)


def test_text_among_numbers_is_told_with_its_row(tmp_path):
    assert column(tmp_path, ["1", "2", "x7", "4", "y", "6"]).stray_text == ("x7", "row 3")
    assert column(tmp_path, ["1", "u", "v", "w"]).stray_text is None


def test_types_of_frames(tmp_path):
    frame = pl.DataFrame(
        {
            "small": pl.Series([1, None], dtype=pl.UInt8),
            "half": pl.Series([1.5, float("nan")], dtype=pl.Float32),
            "exact": pl.Series(["1.5", "2.5"]).cast(pl.Decimal(5, 2)),
            "enum": pl.Series(["u", "v"], dtype=pl.Enum(["v", "u"])),
            "category": pl.Series(["u", None], dtype=pl.Categorical),
            "when": [datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2)],
            "list": [[1], [2]],
            "bytes": [b"1", b"2"],
            "null": [None, None],
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    sample = table_file(str(tmp_path / "t.parquet")).sample(frame.columns, 10)
    kinds = ["integer", "real", "real", "text", "text", "time", "nested", "nested", "empty"]
    assert [sample.column(name).kind for name in frame.columns] == kinds
    assert [sample.column(name).missing for name in frame.columns] == [1, 1, 0, 0, 1, 0, 2, 2, 2]
    assert sample.column("enum").labels == ("u", "v")


def test_arrays(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(6).reshape(3, 2), y=np.arange(3.0))
    table = table_file(str(tmp_path / "t.npz"))
    assert (table.names, table.arrays) == (("x_0", "x_1", "y"), {"x": ("x_0", "x_1")})
    assert columns_of_x_and_y(table, ["x"], [], [], lambda name: "number") == (("x_0", "x_1"), ("y",))
    assert columns_of_x_and_y(table, ["*"], ["x"], [], lambda name: "number") == (("y",), ("x_0", "x_1"))
    assert columns_of_x_and_y(table, ["x_1"], ["y"], [], lambda name: "number") == (("x_1",), ("y",))
    assert table.sample(["x_1"], 10).column("x_1").values.tolist() == [1, 3, 5]
    np.save(tmp_path / "t.npy", np.arange(6.0).reshape(3, 2))
    table = table_file(str(tmp_path / "t.npy"))
    assert (table.names, table.arrays) == (("column_0", "column_1"), {"column": ("column_0", "column_1")})
    assert table.sample(["column_1"], 10).column("column_1").values.tolist() == [1, 3, 5]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".ipc", ".npy"])
def test_sample_is_uniform_ascending_and_always_the_same(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 1000)  # so that a file has many
    monkeypatch.setattr(delimited, "_LONGEST", 900)
    n, k = 20_000, 2000
    frame = pl.DataFrame({"column_0": range(n), "column_1": np.arange(n) / 2})
    path = tmp_path / f"t{suffix}"
    if suffix == ".npy":
        np.save(path, frame.to_numpy())
    else:
        {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".ipc": frame.write_ipc}[suffix](path)
    sample = table_file(str(path)).sample(["column_0"], k)
    found = sample.column("column_0").values
    assert (len(found), sample.total) == (k, n)
    assert (np.diff(found) > 0).all()
    assert found.tolist() == sample.numbers.tolist()
    assert sample.column("column_1").values.tolist() == (found / 2).tolist()
    # Rows in each tenth of the file: hypergeometric, of standard deviation 12.7; false alarms: 1e-5 (5 sigma).
    assert np.abs(np.bincount((found // (n // 10)).astype(int)) - k / 10).max() < 64
    files._sample.cache_clear()
    assert table_file(str(path)).sample(["column_0"], k).column("column_0").values.tolist() == found.tolist()


def test_file_is_read_once_for_all_choices_and_anew_once_it_changed(tmp_path, monkeypatch):
    FRAME.write_csv(tmp_path / "t.csv")
    readings, rows = [], delimited.DelimitedFile.rows
    monkeypatch.setattr(delimited.DelimitedFile, "rows", lambda *args: readings.append(args[2]) or rows(*args))
    for name in FRAME.columns:
        table_file(str(tmp_path / "t.csv")).sample([name], 1000)
    assert readings == [tuple(FRAME.columns)]
    FRAME[:30].write_csv(tmp_path / "t.csv")
    assert table_file(str(tmp_path / "t.csv")).sample(["id"], 1000).total == 30
    assert len(readings) == 2


def test_of_a_large_file_only_the_wanted_columns_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_CELLS", 100)
    FRAME.write_csv(tmp_path / "t.csv")
    readings, rows = [], delimited.DelimitedFile.rows
    monkeypatch.setattr(delimited.DelimitedFile, "rows", lambda *args: readings.append(args[2]) or rows(*args))
    sample = table_file(str(tmp_path / "t.csv")).sample(["dose", "id"], 1000)
    assert readings == [("id", "dose")]
    assert sample.column("dose").values.tolist() == FRAME["dose"].to_list()


def test_paths(tmp_path, monkeypatch):
    FRAME.write_csv(tmp_path / "t.CSV")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in ("~/t.CSV", "t.CSV", str(tmp_path / "t.CSV")):
        assert table_file(path).names == tuple(FRAME.columns)
    odd = tmp_path / "a [1]*.parquet"  # no glob
    FRAME.write_parquet(odd)
    assert table_file(str(odd)).sample(["id"], 100).total == N


def test_validation_imports_neither_torch_nor_scikit_learn(tmp_path):
    FRAME.write_csv(tmp_path / "t.csv")
    program = (
        "import sys; from mi_cli.datasets.table import Table; "
        f"print(Table(path={os.fspath(tmp_path / 't.csv')!r}, y='dose').opened().n_samples, "
        "[name for name in ('torch', 'sklearn', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == f"{N} []\n", done.stderr
