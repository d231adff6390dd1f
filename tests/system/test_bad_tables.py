"""Whatever is wrong with somebody's file or choice of columns: one line, exit code 2, and nothing left behind."""

from __future__ import annotations

import datetime
import io
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mi_cli.cli.main import main
from mi_cli.tabular import delimited, files
from mi_cli.tabular.files import FILES

pytestmark = pytest.mark.usefixtures("here")

N = 60
XY = ("dataset.x=[a]", "dataset.y=[b]")
SHARES = ("split.train=0.7", "split.val=0.1", "split.test=0.2")
RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, N)).round(6)


def good(**columns) -> pl.DataFrame:
    return pl.DataFrame({"a": A, "b": B} | columns)


def text(frame: pl.DataFrame | None = None, **options) -> str:
    return (good() if frame is None else frame).write_csv(**options)


def row(number: int, line: str) -> str:
    """A good CSV, but for one row."""
    lines = text().splitlines()
    lines[number] = line
    return "\n".join(lines) + "\n"


def holes(column: str, *rows: int, value: str = "") -> str:
    """A good CSV whose column lacks some values."""
    values = [value if i in rows else str(v) for i, v in enumerate({"a": A, "b": B}[column])]
    return text(good(**{column: values}), quote_style="never")


def saved(frame: pl.DataFrame, suffix: str) -> bytes:
    buffer = io.BytesIO()
    (frame.write_parquet if suffix == ".parquet" else frame.write_ipc)(buffer)
    return buffer.getvalue()


def arrays(**found) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **found)
    return buffer.getvalue()


def array(found, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, found, **options)
    return buffer.getvalue()


PARQUET, IPC = saved(good(), ".parquet"), saved(good(), ".arrow")
DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(N)]
MANY = [f"id{i % 55}" for i in range(N)]

# The file, what is in it, overrides besides its path, and the line.
BAD = [
    # Files.
    ("nope.csv", None, XY, r"path=../nope.csv: no such file in .*; accepted: a file, \.csv, \.tsv "),
    ("folder.csv", "", XY, rf"path=../folder.csv: is a folder; accepted: a file, {re.escape(FILES)}"),
    ("t.xlsx", text(), XY, r"path=../t.xlsx: cannot be read as \.xlsx \(.*; accepted: an undamaged \.csv, \.tsv"),
    ("t", text(), XY, r"path=../t: is of no known format; accepted: \.csv, \.tsv"),
    ("t.csv.gz", text(), XY, r"path=../t.csv.gz: cannot be read as \.csv \(.*; accepted: an undamaged \.csv, \.tsv"),
    ("t.csv", b"", XY, r"path=../t.csv: is empty; accepted: a table with a row of column names"),
    ("t.csv", "\n\n", XY, r"path=../t.csv: has no row of column names; accepted: one, then rows"),
    ("t.csv", "a,b\n", XY, r"path=../t.csv: holds no rows; accepted: a table with at least 20"),
    ("t.csv", "a\n" + "1\n" * 50, XY, r"path=../t.csv: has 1 column \(a\); accepted: .*, separated by comm"),
    ("t.csv", "a,b\n1,2\n", XY, r"path=../t.csv: has 1 row; accepted: at least 20"),
    ("t.csv", text(good()[:19]), XY, r"path=../t.csv: has 19 rows; accepted: at least 20"),
    ("t.csv", row(17, "1,2,3"), XY, r"path=../t.csv: row 17 has 3 fields; accepted: 2, as many as there are names"),
    ("t.csv", row(17, "1"), XY, r"path=../t.csv: row 17 has 1 field; accepted: 2, as many as there are names"),
    ("t.csv", row(17, '"1,2'), XY, r"path=../t.csv: has a quote that is never closed; accepted: a CSV with closed"),
    ("t.csv", row(17, '1,2"3"4'), XY, r"y=\[b\]: column b has the text 2\"3\"4 in row 17, among numbers"),
    (
        "t.csv",
        row(17, '1,2"') + '3,4"\n',
        XY,
        r"path=../t.csv: cannot be read as \.csv \(.*\); accepted: an undamaged",
    ),
    ("t.csv", row(17, "1,x").encode() + b"\xff,1\n", XY, r"path=../t.csv: is not UTF-8 text \(row 61\); accepted: a"),
    ("t.csv", b"a,b\0\n1,2\n", XY, r"path=../t.csv: is not text; accepted: a CSV in UTF-8"),
    ("t.csv", row(3, "1,\0"), XY, r"path=../t.csv: is not text \(row 3 has a byte 0\); accepted: a CSV in UTF-8"),
    ("t.csv", PARQUET, XY, r"path=../t.csv: .*; accepted: "),
    ("t.csv", text().replace("a,b", "a,a"), XY, r"path=../t.csv: has several columns called a; accepted: a name for"),
    ("t.tsv", text(), XY, r"path=../t.tsv: has 1 column \(a,b\); accepted: .*, separated by tabs"),
    ("t.parquet", PARQUET[:-20], XY, r"path=../t.parquet: cannot be read as \.parquet \(.*\); accepted: an undamaged"),
    ("t.parquet", PARQUET[:100], XY, r"path=../t.parquet: cannot be read as \.parquet \(.*\); accepted: an undamaged"),
    ("t.parquet", text(), XY, r"path=../t.parquet: cannot be read as \.parquet \(.*\); accepted: an undamaged"),
    ("t.parquet", saved(good()[:0], ".parquet"), XY, r"path=../t.parquet: holds no rows; accepted: "),
    ("t.arrow", IPC[:200], XY, r"path=../t.arrow: cannot be read as \.arrow \(.*\); accepted: an undamaged \.csv"),
    ("t.feather", text(), XY, r"path=../t.feather: cannot be read as \.feather \(.*\); accepted: an undamaged \.csv"),
    ("t.npy", array(np.zeros((50, 2)))[:200], (), r"path=../t.npy: cannot be read as \.npy \(.*\); accepted: "),
    ("t.npy", text(), ("dataset.x=column_0",), r"path=../t.npy: .*; accepted: "),
    (
        "t.npy",
        array(np.array([{1}, "a"] * 30, dtype=object), allow_pickle=True),
        ("dataset.x=column",),
        r"path=../t.npy: holds Python objects, which are not read; accepted: arrays of numbers or text",
    ),
    ("t.npz", arrays(x=A)[:-30], ("dataset.y=y",), r"path=../t.npz: cannot be read as \.npz \(.*\); accepted: "),
    ("t.npz", arrays(x=A, y=B[:50]), ("dataset.y=y",), r"path=../t.npz: has arrays of different lengths \(x 60, y 50"),
    ("t.npz", arrays(x=A, y=np.zeros((N, 2, 2))), ("dataset.y=y",), r"path=../t.npz: array y has 3 dimensions of"),
    ("t.npz", arrays(x=A, y=B + 1j), ("dataset.y=y",), r"path=../t.npz: array y has 1 dimensions of type complex128"),
    ("t.npz", arrays(x=A.reshape(-1, 2), x_0=B[:30]), (), r"path=../t.npz: has several columns called x_0; accepted"),
    # Choices.
    (
        "t.csv",
        text(),
        (),
        r"x=null: and dataset.y=null: one of them must say its columns; accepted: names of columns, such as a, b; "
        r"use .dataset\.y=\[b\]., for instance",
    ),
    ("t.csv", text(), ("dataset.x=[a]", "dataset.y=[dose]"), r"y=\[dose\]: no such column: dose; accepted: a, b"),
    ("t.csv", text(good(dose=B)), ("dataset.x=[dos]",), r"x=\[dos\]: no such column: dos; accepted: dose"),
    ("t.csv", text(), ("dataset.x=[gene_*]",), r"x=\[gene_\*\]: no column matches gene_\*; accepted: a, b"),
    ("t.csv", text(), ("dataset.x='^(a'",), r"x=\[\^\(a\]: \^\(a is no regular expression \(.*\); accepted: "),
    ("t.csv", text(), ("dataset.x='^z$'",), r"x=\[\^z\$\]: no column matches \^z\$; accepted: a, b"),
    ("t.csv", text(), ("dataset.x=[:numbers]",), r"x=\[:numbers\]: no such type of columns: :numbers; accepted: :num"),
    ("t.csv", text(), ("dataset.x=[:boolean]",), r"x=\[:boolean\]: no column is :boolean; accepted: a, b"),
    ("t.csv", text(), ("dataset.x=[a]", "dataset.y=[a]"), r"x=\[a\]: and dataset.y=\[a\] both take a, and the MI of a"),
    ("t.csv", text(), ("dataset.x=['*']", "dataset.y=[:numeric]"), r"x=\[\*\]: and dataset.y=\[:numeric\] both take"),
    (
        "t.csv",
        text(),
        ("dataset.x=[a,b]",),
        r"y=null: leaves no column for y, as the other sides take all; accepted: names of columns, globs",
    ),
    ("t.csv", text(good(c=A)), ("dataset.x=[a]", "dataset.y=[c]"), r"y=\[c\]: columns a and c are equal, so"),
    ("t.csv", text(), ("dataset.x=[{a: 1}]", "dataset.y=b"), r"x\.0=\{a: 1\}: must be text"),
    ("t.csv", text(), ("dataset.x=[true]", "dataset.y=b"), r"x\.0=true: must be text"),
    # Columns.
    (
        "t.csv",
        row(17, "1.5O,2"),
        XY,
        r"x=\[a\]: column a has the text 1\.5O in row 17, among numbers; accepted: numbers",
    ),
    ("t.csv", row(17, "-inf,2"), XY, r"x=\[a\]: column a has 1 infinite value; accepted: finite numbers"),
    ("t.csv", row(17, "1e999,2"), XY, r"x=\[a\]: column a has 1 infinite value; accepted: finite numbers"),
    ("t.csv", holes("a", 1, 2, 3), XY, r"missing=error: 1 column with missing values: a 3; accepted: drop \(leaves 57"),
    ("t.csv", holes("b", 5, value="?"), XY, r"missing=error: 1 column with missing values: b 1; accepted: drop \(leav"),
    (
        "t.csv",
        holes("a", *range(50)),
        (*XY, "dataset.missing=drop"),
        r"missing=drop: leaves 10 rows; accepted: at leas",
    ),
    ("t.csv", holes("a", *range(N)), XY, r"x=\[a\]: column a has no values; accepted: columns with some"),
    ("t.parquet", saved(good(a=[None] * N), ".parquet"), XY, r"x=\[a\]: column a has no values; accepted: columns"),
    ("t.parquet", saved(good(a=[float("nan"), *A[1:]]), ".parquet"), XY, r"missing=error: 1 column with .*: a 1; acc"),
    ("t.csv", text(good(a=[3.5] * N)), XY, r"x=\[a\]: column a is constant; accepted: columns that vary"),
    ("t.csv", text(good(a=["u"] * N)), XY, r"x=\[a\]: column a is constant; accepted: columns that vary"),
    (
        "t.csv",
        text(good(a=MANY)),
        XY,
        r"x=\[a\]: column a is text of 55 different values in 60 rows; accepted: at most",
    ),
    (
        "t.csv",
        text(good(c=[3] * N, d=["u"] * N, t=DAYS)),
        ("dataset.x=[a,c,d,t]", "dataset.y=[b]"),
        r"x=\[a, c, d, t\]: columns c and d are constant, column t holds dates or times; accepted: columns that vary; "
        r"numbers and .*; use .dataset\.exclude=\[c,d,t\].$",
    ),
    (
        "t.csv",
        text(good(i=MANY)).replace("a,b", "b,a"),
        ("dataset.x=[i]", "dataset.y=b"),
        r"x=\[i\]: column i is text of 55 different values in 60 rows; accepted: at most 30 in so many rows$",
    ),
    (
        "t.csv",
        text(good(c=[3] * N, id=range(N)).drop("a")),
        ("dataset.y=b",),
        r"x=null: leaves no column for x: id is left out, .*; left out: c \(constant\); accepted: numbers and classes",
    ),
    ("t.csv", text(), (*XY, "dataset.exclude=[c]"), r"exclude=\[c\]: no such column: c; accepted: a, b"),
    ("t.csv", text(), (*XY, "dataset.exclude=[a]"), r"x=\[a\]: leaves no column for x; accepted: names of columns"),
    ("t.csv", text(), (*XY, "dataset.classes=[a]"), r"x=\[a\]: column a is a class of 60 different values in 60 rows;"),
    ("t.csv", text(), (*XY, "dataset.classes=[c]"), r"classes=\[c\]: no such column: c; accepted: a, b"),
    ("t.csv", text(good(a=DAYS)), XY, r"x=\[a\]: column a holds dates or times; accepted: numbers and classes"),
    (
        "t.parquet",
        saved(good(a=DAYS), ".parquet"),
        XY,
        r"x=\[a\]: column a holds dates or times; accepted: numbers and",
    ),
    ("t.parquet", saved(good(a=[[1]] * N), ".parquet"), XY, r"x=\[a\]: column a holds lists, structures, bytes"),
    ("t.npy", array(RNG.normal(size=(30, 2001))), ("dataset.x=column_0",), r"x=\[column_0\]: x and y have 2,001 colum"),
    ("t.csv", text(good(c=[1] * N)), (*XY, "dataset.z=c"), r"z=\[c\]: column c is constant; accepted: columns that v"),
    (
        "t.csv",
        text(),
        (*XY, "dataset.z=[a]"),
        r"z=\[a\]: and dataset.x=\[a\] both take a: given z, nothing is",
    ),
    ("t.csv", text(), (*XY, "dataset.z=[q]"), r"z=\[q\]: no such column: q; accepted: a, b"),
    (
        "t.csv",
        text(good().with_columns(c=pl.col("a"))),
        (*XY, "dataset.z=c"),
        r"z=\[c\]: columns a and c are equal: given z, nothing is left; accepted: other columns",
    ),
    # Text that is no CSV of numbers.
    ("t.csv", text().encode("utf-16"), XY, r"path=../t.csv: is UTF-16 text; accepted: a CSV in UTF-8"),
    ("t.csv", text().replace("\n", "\r"), XY, r"path=../t.csv: ends its lines with carriage returns alone; accepted: "),
    (
        "t.csv",
        text().replace(",", "|"),
        XY,
        r"path=../t.csv: has 1 column \(a\|b\); accepted: .* commas, semicolons or",
    ),
    ("t.csv", text().partition("\n")[2], XY, r"x=\[a\]: no such column: a, and the first row, .*, holds numbers; acce"),
    (
        "t.csv",
        text(good(c=[f"{i / 7:.3f} kg" for i in range(N)])),
        ("dataset.x=c", "dataset.y=b"),
        r"x=\[c\]: column c holds numbers with text beside them, such as 0\.000 kg; accepted: plain numbers",
    ),
    # Pairs.
    ("t.csv", text(), ("dataset.pair=[a]",), r"pair=\[a\]: must be null, or a list of two columns, "),
    ("t.csv", text(), ("dataset.pair=a",), r"pair=a: must be null, or a list of two columns, "),
    ("t.csv", text(good(c=A**2)), ("dataset.pair=[a,b,c]",), r"pair=\[a, b, c\]: must be null, or a list of two col"),
    ("t.csv", text(), ("dataset.pair=[[a,b]]",), r"pair=\[\[a, b\]\]: must be null, or a list of two columns, "),
    ("t.csv", text(), ("dataset.pair=[a,a]",), r"pair=\[a, a\]: names one column twice, .*; accepted: two different"),
    ("t.csv", text(), ("dataset.pair=[a,q]",), r"pair=\[a, q\]: no such column: q; accepted: a, b"),
    ("t.csv", text(good(c=[1] * N)), ("dataset.pair=[a,c]",), r"pair=\[a, c\]: column c is constant; accepted: colu"),
    ("t.csv", text(), ("dataset.pair=a,b",), r"pair=a,b: is several values; .*; use .dataset\.pair=\[a,b\]"),
    ("t.csv", text(), ("dataset.x=a,b",), r"x=a,b: is several values; accepted: a list .*; use .dataset\.x=\[a,b\]"),
    ("t.csv", text(), ("dataset.x={a: b}",), r"x=\{a: b\}: must be names of columns, globs"),
    ("t.csv", text(), ("dataset.x=['']",), r"x=\[''\]: no such column: ''; accepted: a, b"),
    ("t.csv", text(), ("dataset.x=A",), r"x=\[A\]: no such column: A; accepted: a$"),
    ("t.csv", text(), ("dataset.x=[the a]", "dataset.y=b"), r"x=\[the a\]: no such column: the a; accepted: a, b"),
    ("t.csv", text(), ("dataset.x=[a (m)]",), r"""x=\[a \(m\)\]: cannot be read; .*, as "dataset.x=\['a \(m\)'\]"$"""),
    # The rest.
    ("t.csv", text(), (*XY, "dataset.groups=p"), r"groups=p: no such column; accepted: null, a, b"),
    ("t.csv", text(good(p=[1] * N)), (*XY, "dataset.groups=p"), r"groups=p: all rows are of one group; accepted: a c"),
    ("t.csv", text(good(t=[1] * N)), (*XY, "dataset.time=t"), r"time=t: is the same in all rows; accepted: a column"),
    (
        "t.csv",
        text(good(t=["u", "v"] * 30)),
        (*XY, "dataset.time=t"),
        r"time=t: is neither dates nor numbers; accepted",
    ),
    (
        "t.csv",
        text(),
        (*XY, "dataset.time=a", "dataset.groups=b"),
        r"groups=b: and dataset.time=a are both given; acc",
    ),
    (
        "t.csv",
        text(good(p=[None, *range(N - 1)])),
        (*XY, "dataset.groups=p", "dataset.missing=impute"),
        r"groups=p: 1 row without a value; accepted: a full column, or dataset.missing=drop",
    ),
    ("t.csv", text(), (*XY, "dataset.share=0.1"), r"share=0\.1: leaves 6 rows; accepted: at least 20"),
    ("t.csv", text(), (*XY, "dataset.share=2"), r"share=2: must be a number above 0 and at most 1"),
    ("t.csv", text(), (*XY, "dataset.max_rows=0"), r"max_rows=0: must be a whole number of at least 1"),
    ("t.csv", text(), (*XY, "dataset.max_rows=10"), r"max_rows=10: leaves 10 rows; accepted: at least 20"),
    ("t.csv", text(), (*XY, "dataset.missing=skip"), r"missing=skip: must be error, drop or impute"),
    (
        "t.csv",
        text(),
        (*XY, "dataset.transform=copy"),
        r"transform=copy: must be none, shuffle, function or two_copies",
    ),
    (
        "t.csv",
        text(good(p=[0, 1] * 30)),
        (*XY, "dataset.groups=p", "dataset.transform=two_copies"),
        r"transform=two_copies: is for independent rows; accepted: with dataset.groups=null",
    ),
    (
        "t.csv",
        text(good()[:39]),
        (*XY, "dataset.transform=two_copies"),
        r"transform=two_copies: leaves 19 rows; accepted: at least 20",
    ),
]


def fails(capsys, runner, argv: list[str]) -> str:
    """The one line that the command leaves."""
    before = sorted(Path.cwd().rglob("*"))
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert "Traceback" not in err
    assert sorted(Path.cwd().rglob("*")) == before
    assert runner.runs == []
    return err


@pytest.mark.parametrize(("name", "content", "more", "line"), BAD, ids=[f"{case[3]}" for case in BAD])
def test_bad_table_is_one_line_and_leaves_nothing(capsys, runner, tmp_path, name, content, more, line):
    if name == "folder.csv":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    err = fails(capsys, runner, ["dataset=table", f"dataset.path=../{name}", *more])
    assert re.match(f"mi-run: dataset.{line}", err), err
    assert "accepted: " in err or "must be " in err


def test_no_path(capsys, runner):
    err = fails(capsys, runner, ["dataset=table", *XY])
    assert err == f"mi-run: dataset.path=null: must be a file, {FILES}, or a list of files\n"


def test_file_that_may_not_be_read(capsys, runner, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(text())

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(delimited, "_opened", refuse)
    err = fails(capsys, runner, ["dataset=table", "dataset.path=../t.csv", *XY])
    assert err == "mi-run: dataset.path=../t.csv: cannot be opened (Permission denied); accepted: a readable file\n"


@pytest.mark.parametrize("fate", ["longer", "gone"])
def test_file_that_changes_while_it_is_read(capsys, runner, tmp_path, monkeypatch, fate):
    file = tmp_path / "t.csv"
    file.write_text(text())
    rows = files.DelimitedFile.rows

    def written_to(self, *more):
        found = rows(self, *more)
        file.write_text(text() + "1,2\n") if fate == "longer" else file.unlink()
        return found

    monkeypatch.setattr(files.DelimitedFile, "rows", written_to)
    err = fails(capsys, runner, ["dataset=table", "dataset.path=../t.csv", *XY])
    assert err.startswith("mi-run: dataset.path=../t.csv: changed while it was read; accepted: a file that nothing wr")


def test_axis_with_a_bad_column_is_named(capsys, runner, tmp_path):
    (tmp_path / "t.csv").write_text(text())
    err = fails(
        capsys, runner, ["dataset=table", "dataset.path=../t.csv", "dataset.x=a", "sweep.dataset.y=[b,c]", *SHARES]
    )
    assert err.startswith("mi-run: sweep.dataset.y=[b, c]: dataset.y=[c]: no such column: c; accepted: a, b")


@pytest.mark.parametrize("value", ["", "''", "' '"])
def test_empty_path(capsys, runner, value):
    err = fails(capsys, runner, ["dataset=table", f"dataset.path={value}", *XY])
    assert err == f"mi-run: dataset.path=: the value is empty; accepted: a file, {FILES}\n"


@pytest.mark.parametrize("typed", ["tabel.csv", "TABLE.CSV", "table"])
def test_misspelt_path(capsys, runner, tmp_path, typed):
    (tmp_path / "table.csv").write_text(text())
    err = fails(capsys, runner, ["dataset=table", f"dataset.path=../{typed}", *XY])
    assert err.startswith(f"mi-run: dataset.path=../{typed}: no such file in ")
    assert err.endswith("; accepted: table.csv\n")


def test_home_of_nobody(capsys, runner):
    err = fails(capsys, runner, ["dataset=table", "dataset.path='~nobody-at-all/t.csv'", *XY])
    assert err.startswith("mi-run: dataset.path=~nobody-at-all/t.csv: no such file in ")
