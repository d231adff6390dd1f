"""Several files as one table."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mi_cli.datasets.table import Table
from mi_cli.datasets.time_series import TimeSeries
from mi_cli.errors import ConfigError
from mi_cli.tabular import files
from mi_cli.tabular.overview import overview
from mi_cli.tabular.source import FILE_LABEL
from mi_cli.tabular.stack import FileStack, table_source

N = 40
RNG = np.random.default_rng(0)
WHOLE = pl.DataFrame(
    {
        "a": RNG.normal(size=3 * N),
        "count": RNG.poisson(9, 3 * N),
        "arm": RNG.choice(["u", "v", "w"], 3 * N),
        "b": RNG.normal(size=3 * N),
    }
)
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".parquet", ".feather", ".npz", ".xlsx")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(frame, path):
    if path.endswith(".npz"):
        np.savez(path, **{name: np.array(frame[name].to_list()) for name in frame.columns})
    elif path.endswith(".csv.gz"):
        frame.write_csv(path, compression="gzip")
    elif path.endswith((".csv", ".tsv")):
        frame.write_csv(path, separator="\t" if path.endswith(".tsv") else ",")
    else:
        writers = {".parquet": frame.write_parquet, ".feather": frame.write_ipc, ".xlsx": frame.write_excel}
        writers[path[path.rindex(".") :]](path)
    return path


def thirds(*suffixes):
    return [write(WHOLE[k * N : (k + 1) * N], f"{k}{suffix}") for k, suffix in enumerate(suffixes)]


def values(source, name, max_rows=10_000):
    column = source.sample(source.names, max_rows).column(name)
    return [column.labels[int(value)] for value in column.values] if column.labels else column.values.tolist()


@pytest.mark.parametrize("suffixes", [*((suffix,) * 3 for suffix in SUFFIXES), SUFFIXES[1:4], SUFFIXES[4:]])
@pytest.mark.parametrize("max_rows", [10_000, 50])
def test_has_the_rows_of_one_file_with_all_of_them(suffixes, max_rows):
    one, several = table_source(write(WHOLE, "whole.parquet")), table_source(thirds(*suffixes))
    assert isinstance(several, FileStack)
    assert several.names == one.names
    for name in WHOLE.columns:
        assert values(several, name, max_rows) == pytest.approx(values(one, name, max_rows))
        kinds = {source.sample(one.names, max_rows).column(name).kind for source in (one, several)}
        assert len(kinds) == 1
    assert (several.sample([], max_rows).numbers == one.sample([], max_rows).numbers).all()


def test_only_wanted_columns_of_a_large_table_are_read(monkeypatch):
    monkeypatch.setattr(files, "_CELLS", 10)
    stack = table_source(thirds(".parquet", ".csv", ".npz"))
    sample = stack.sample(["a"], 1000)
    assert sample.column("a").values.tolist() == pytest.approx(WHOLE["a"].to_list())
    with pytest.raises((KeyError, pl.exceptions.ColumnNotFoundError)):
        sample.column("b")


def test_columns_are_taken_by_name_and_globs_are_sorted():
    thirds(".csv", ".csv", ".csv")
    write(WHOLE[N : 2 * N].select("b", "arm", "a", "count"), "1.csv")
    by_glob = table_source("?.csv")
    assert by_glob.names == tuple(WHOLE.columns)
    assert values(by_glob, "b") == pytest.approx(WHOLE["b"].to_list())
    assert values(table_source(["2.csv", "[01].csv"]), "b")[:N] == pytest.approx(WHOLE["b"][2 * N :].to_list())


def test_glob_of_one_file_is_that_file_and_a_name_like_a_glob_is_a_file():
    write(WHOLE, "a[1].csv")
    assert isinstance(table_source("a*.csv"), files.TableFile)
    assert table_source("a[1].csv").rows == 3 * N


def test_files_without_rows_add_none():
    write(WHOLE.head(0), "empty.csv")
    stack = table_source([write(WHOLE, "t.csv"), "empty.csv"])
    assert stack.sample([], 1000).total == 3 * N


@pytest.mark.parametrize(
    ("lines", "kind", "problem"),
    [
        ((["1", "2"], ["3", "4.5"]), "real", ""),
        ((["1", "NA"], ["NA", "NA"]), "integer", ""),
        ((["", ""], ["x", "y"]), "text", ""),
        ((["A1", "17", "B2"], ["12", "13"]), "text", ""),
        ((["2020-01-01", "2020-01-02"], ["2020-02-01", "2020-02-02"]), "time", ""),
        ((['"1,200"', '"3,400"'], ["5", "6"]), "integer", ""),
        ((["1", "2"], ["low", "high"]), "nested", "is numbers in 0.csv and text in 1.csv"),
        ((["low", "high"], ["1", "2"]), "nested", "is text in 0.csv and numbers in 1.csv"),
        ((["true", "false"], ["1", "0"]), "nested", "is booleans in 0.csv and numbers in 1.csv"),
        ((["2020-01-01", "2020-01-02"], ["5", "6"]), "nested", "is dates or times in 0.csv and numbers in 1.csv"),
    ],
)
def test_types_of_text(lines, kind, problem):
    for k, of_file in enumerate(lines):
        text = "\n".join(["a,b", *(f"{line},{place}" for place, line in enumerate(of_file))])
        (files.Path(f"{k}.csv")).write_text(text + "\n")
    found = table_source("?.csv").sample(["a"], 100).column("a")
    assert (found.kind, found.differs) == (kind, problem)


def test_types_of_other_formats():
    write(WHOLE, "t.parquet")
    write(WHOLE.with_columns(pl.col("arm").replace_strict({"u": 1, "v": 2, "w": 3}), a=pl.col("count")), "u.parquet")
    sample = table_source(["t.parquet", "u.parquet"]).sample([], 1000)
    assert sample.column("a").kind == "real"
    assert sample.column("arm").differs == "is text in t.parquet and numbers in u.parquet"


def test_dates_of_several_resolutions_are_the_same_times():
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 1, 30), eager=True)
    write(pl.DataFrame({"day": days, "a": range(30)}), "d.parquet")
    write(pl.DataFrame({"day": days.cast(pl.Datetime("ms")), "a": range(30)}), "e.parquet")
    column = table_source(["d.parquet", "e.parquet"]).sample([], 100).column("day")
    assert column.values[:30].tolist() == column.values[30:].tolist()
    assert column.seconds == 1e-3


def test_place_of_stray_text_names_the_file():
    write(WHOLE, "a.csv")
    (files.Path("b.csv")).write_text("a,count,arm,b\n1,2,u,3\nn/k,2,u,3\n")
    with pytest.raises(ConfigError, match=r"column a has the text n/k in row 2 of b.csv, among numbers"):
        Table(path=["a.csv", "b.csv"], y="b").opened()


def test_columns_in_which_files_differ_are_refused_together_and_named():
    write(WHOLE, "a.csv")
    write(WHOLE.drop("count").with_columns(arm=pl.lit(3)), "b.csv")
    with pytest.raises(ConfigError) as caught:
        Table(path=["a.csv", "b.csv"], y="b").opened()
    (fault,) = caught.value.faults
    assert "column arm is text in a.csv and numbers in b.csv" in fault.problem
    assert "column count is in a.csv, and not in b.csv" in fault.problem
    assert fault.command == "'dataset.exclude=[count,arm]'"
    assert Table(path=["a.csv", "b.csv"], y="b", exclude=["count", "arm"]).opened().n_samples == 6 * N
    assert {one.name for one in overview(table_source(["a.csv", "b.csv"])).columns if one.kind == "differs"} == {
        "count",
        "arm",
    }


@pytest.mark.parametrize("key", ["groups", "time"])
def test_groups_and_time_in_which_files_differ_are_refused(key):
    write(WHOLE, "a.csv")
    write(WHOLE.drop("count"), "b.csv")
    with pytest.raises(ConfigError, match=r"is in a.csv, and not in b.csv"):
        Table(path=["a.csv", "b.csv"], x="a", y="b", **{key: "count"}).opened()


def test_file_of_a_row_groups_rows_only_if_it_is_asked_for():
    paths = thirds(".csv", ".parquet", ".npz")
    table = Table(path=paths, x="a", y="b", groups=FILE_LABEL).opened()
    assert table.encoded.rows().groups.tolist() == [0] * N + [1] * N + [2] * N
    assert FILE_LABEL not in table.encoded.settings.source.names
    with pytest.raises(ConfigError, match="all rows are of one file"):
        Table(path=paths[0], x="a", y="b", groups=FILE_LABEL).opened()


def test_files_are_recordings_of_a_series():
    for k in range(2):
        write(pl.DataFrame({"t": range(N), "a": WHOLE["a"][:N], "b": WHOLE["b"][:N]}), f"{k}.csv")
    with pytest.raises(ConfigError, match="is earlier in row 41 than in row 40"):
        TimeSeries(path="?.csv", x="a", y="b", time="t").opened()
    assert TimeSeries(path="?.csv", x="a", y="b", time="t", groups=FILE_LABEL).opened().lengths == (N, N)


def test_digest_is_that_of_the_contents_in_order():
    paths = thirds(".csv", ".csv", ".csv")
    first = table_source(paths).digest
    files.Path("0.csv").rename("z.csv")
    assert table_source(["z.csv", "1.csv", "2.csv"]).digest == first
    assert table_source(["1.csv", "z.csv", "2.csv"]).digest != first
    with files.Path("2.csv").open("a") as opened:
        opened.write("1,2,u,3\n")
    assert table_source(["z.csv", "1.csv", "2.csv"]).digest != first


def test_facts_and_notes_name_the_files():
    table = Table(path=thirds(".csv", ".parquet", ".npz"), x="a", y="b").opened()
    described = table.describe()
    assert described["file"] == "0.csv, 1.parquet, 2.npz"
    assert [(of["format"], of["rows"]) for of in described["files"]] == [("csv", N), ("parquet", N), ("npz", N)]
    assert described["notes"][0] == "3 files are one table: 0.csv (40 rows), 1.parquet (40 rows) and 2.npz (40 rows)"


def test_batches_are_those_of_the_files():
    stack = table_source(thirds(".csv", ".parquet", ".npz"))
    batches = [batch["a"].values for batch in stack.batches(["a"], 30)]
    assert np.concatenate(batches).tolist() == pytest.approx(WHOLE["a"].to_list())
    write(WHOLE.drop("a"), "1.parquet")
    with pytest.raises(ConfigError, match=r"column a is in 0.csv and 2.npz, and not in 1.parquet"):
        next(table_source(["0.csv", "1.parquet", "2.npz"]).batches(["a"], 30))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ([], r"dataset.path=\[\]: names no file"),
        (["0.csv", "nope.csv"], r"dataset.path=nope.csv: no such file"),
        (["0.csv", "notes.txt"], r"dataset.path=notes.txt: is of no known format"),
        ("x*.csv", r"dataset.path=x\*.csv: matches no file"),
        (["0.csv", "./0.csv"], r"dataset.path=0.csv: is the same file as ./0.csv; accepted: each file once"),
        (["?.csv", "0.csv"], r"dataset.path=0.csv: is given twice"),
    ],
)
def test_what_is_no_file_or_there_twice_is_one_line(path, line):
    thirds(".csv", ".csv")
    files.Path("notes.txt").write_text("notes")
    with pytest.raises(ConfigError, match=line) as caught:
        table_source(path)
    assert len(caught.value.lines) == 1


def test_the_file_of_a_row_is_told_where_there_is_one_file_or_another_key():
    (path,) = thirds(".csv")
    line = r"dataset.groups=:file: is the file of a row, and all rows are of one file; accepted: .* several files"
    with pytest.raises(ConfigError, match=line):
        Table(path=path, y="b", groups=FILE_LABEL).opened()
    only = ":file is the file of a row, which only dataset.groups takes; accepted: "
    for given in ({"time": FILE_LABEL}, {"x": FILE_LABEL}, {"exclude": FILE_LABEL}, {"id": FILE_LABEL}):
        with pytest.raises(ConfigError, match=only):
            Table(**({"path": path, "y": "b"} | given)).opened()
    series = {"path": path, "x": ["a"], "y": ["b"]}
    assert TimeSeries(**series, groups=FILE_LABEL).opened().lengths == TimeSeries(**series).opened().lengths == (N,)
