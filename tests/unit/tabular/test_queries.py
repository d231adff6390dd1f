"""Rows of queries."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from mi_cli.datasets.table import Table
from mi_cli.errors import ConfigError
from mi_cli.tabular import queries
from mi_cli.tabular.queries import QueryFile, query_file, remove_results
from mi_cli.tabular.query_errors import failure_of_duckdb
from mi_cli.tabular.stack import table_source

N = 60
RNG = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {"a": RNG.normal(size=N), "count": RNG.poisson(9, N), "arm": RNG.choice(["u", "v"], N), "b": RNG.normal(size=N)}
)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FRAME.write_csv("t.csv")
    with duckdb.connect("d.db") as connection:
        connection.execute("CREATE TABLE rows AS SELECT * FROM 't.csv'")
        connection.execute("CREATE SCHEMA other; CREATE TABLE other.rows AS SELECT a, b FROM rows WHERE a > 0")
    with sqlite3.connect("s.db") as connection:
        connection.execute("CREATE TABLE rows (a REAL, count INTEGER, arm TEXT, b REAL)")
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", FRAME.rows())
    connection.close()
    with contextlib.closing(sqlite3.connect("none.db")) as connection:
        connection.execute("VACUUM")
    Path("text.db").write_text("no database " * 9)
    Path("nothing.db").touch()
    yield
    remove_results()


@pytest.mark.parametrize(
    "url",
    [
        "duckdb://d.db?table=rows",
        "duckdb://d.db?query=SELECT * FROM rows -- all of them",
        "duckdb://d.db?query= FROM rows ;",
        "duckdb://?query=SELECT * FROM 't.csv'",
        "duckdb://:memory:?query=WITH r AS (FROM 't.csv') SELECT * FROM r WHERE arm = 'u' OR arm <> 'u'",
        "sqlite://s.db?table=rows",
        "sqlite://s.db?query=SELECT a, count, arm, b FROM rows WHERE 1 = 1",
    ],
)
def test_has_the_rows_of_a_file(url):
    source, sample = table_source(url), table_source("t.csv").sample([], 1000)
    assert isinstance(source, QueryFile)
    assert source.names == tuple(FRAME.columns)
    for name in FRAME.columns:
        column, expected = source.sample([], 1000).column(name), sample.column(name)
        assert (column.kind, column.labels) == (expected.kind, expected.labels)
        assert column.values.tolist() == pytest.approx(expected.values.tolist())


def test_table_of_a_schema():
    assert table_source("duckdb://d.db?table=other.rows").rows == FRAME.filter(pl.col("a") > 0).height


def test_types_that_files_do_not_have():
    columns = "INTERVAL (a) SECOND AS gap, uuid() AS id, sum(count) OVER () AS total, 1.5::DECIMAL(4, 2) AS tenths"
    sample = table_source(f"duckdb://d.db?query=SELECT {columns}, DATE '2020-01-01' AS day FROM rows").sample([], 99)
    kinds = {name: sample.column(name).kind for name in ("gap", "id", "total", "tenths", "day")}
    assert kinds == {"gap": "real", "id": "text", "total": "real", "tenths": "real", "day": "time"}
    assert sample.column("total").distinct.tolist() == [FRAME["count"].sum()]


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("duckdb://d.db", r"asks for nothing; accepted: .* or \?table= with the tables other.rows, rows"),
        ("sqlite://s.db", r"asks for nothing; accepted: \?query=SELECT ... or \?table= with the table rows"),
        ("duckdb://?table=rows", "names no database"),
        ("sqlite://?query=SELECT 1", "names no database"),
        ("duckdb://no.db?table=rows", r"no such file in .*; accepted: d.db, none.db, s.db, text.db"),
        ("duckdb://t.csv?table=rows", r"is no database; accepted: t.csv itself"),
        ("sqlite://d.db?table=rows", r"is a database of DuckDB; accepted: duckdb://d.db\?table=rows"),
        ("duckdb://s.db?query=SELECT a FROM rows", r"is a database of SQLite; accepted: sqlite://s.db\?query=SELECT a"),
        ("sqlite://text.db?table=rows", "is no database; accepted: a file that DuckDB or SQLite has written"),
        ("duckdb://nothing.db?table=rows", "is empty; accepted: the file of a database"),
        ("duckdb://.?table=rows", "is a folder"),
        ("duckdb://?query=", r"asks for nothing; accepted: \?query=SELECT ...$"),
        ("sqlite://none.db?table=rows", r"no such table: rows; accepted: a database with tables \(it has none\)"),
        ("duckdb://d.db?query=SELECT nope FROM rows", r'Binder Error: Referenced column "nope" not found .*; accepted'),
        ("duckdb://d.db?table=row", r"no such table: row; accepted: the tables other.rows, rows"),
        ("sqlite://s.db?table=row", r"no such table: row; accepted: the table rows"),
        ("sqlite://s.db?query=SELECT nope FROM rows", "no such column: nope"),
        ("duckdb://d.db?query=SELEC 1", 'Parser Error: syntax error at or near "SELEC"; accepted'),
        ("duckdb://d.db?query=SELECT 1; SELECT 2", "is no single SELECT; accepted: one SELECT, which only reads"),
        ("duckdb://d.db?query=SELECT a, a FROM rows", "gives several columns of one name"),
        ("sqlite://s.db?query=SELECT a, a FROM rows", "gives several columns of one name"),
        ("sqlite://s.db?query=SELECT 1; SELECT 2", "is no single SELECT"),
        ("sqlite://s.db?query=SELECT a, b FROM rows UNION ALL SELECT x'00', x'01'", "has values of several types"),
        ("duckdb://d.db?query=SELECT a, b FROM rows WHERE a > 99", "holds no rows"),
        ("postgresql://host/db?query=SELECT 1", "is no database that can be asked; accepted: duckdb://FILE"),
        ("https://example.com/t.csv", "is no database that can be asked"),
        (
            "duckdb://?query=SELECT * FROM 'https://e.com/t.csv'",
            "needs DuckDB's extension httpfs, and .* not loaded here",
        ),
        ("duckdb://?query=FROM sqlite_scan('s.db', 'rows')", r"extension sqlite_scanner, .*; accepted: sqlite://FILE"),
    ],
)
def test_what_cannot_be_asked_is_one_line(url, line):
    with pytest.raises(ConfigError, match=line) as caught:
        Table(path=url, x="a", y="b").opened()
    assert len(caught.value.lines) == 1
    assert "\n" not in caught.value.lines[0]


@pytest.mark.parametrize(
    "query",
    [
        "COPY rows TO 'out.csv'",
        "INSERT INTO rows SELECT * FROM rows",
        "ATTACH 'new.db'",
        "INSTALL httpfs",
        "CREATE TABLE more AS SELECT 1",
        "DELETE FROM rows",
        "PRAGMA user_version = 3",
    ],
)
@pytest.mark.parametrize("database", ["duckdb://d.db", "sqlite://s.db", "duckdb://"])
def test_nothing_is_written(query, database):
    before = {path: path.read_bytes() for path in Path().iterdir()}
    with pytest.raises(ConfigError):
        table_source(f"{database}?query={query}")
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_names_of_variables_are_no_tables():
    secret = pl.DataFrame({"a": [1.0]})
    with pytest.raises(ConfigError, match="no such table: secret"):
        table_source("duckdb://?query=SELECT * FROM secret")
    assert len(secret) == 1


def test_query_runs_again_when_the_database_has_changed_and_its_digest_says_so():
    url = "duckdb://d.db?query=SELECT a, b FROM rows"
    first = table_source(url)
    assert table_source(url) is not first
    assert table_source(url) == first
    with duckdb.connect("d.db") as connection:
        connection.execute("INSERT INTO rows SELECT a, 9, 'u', b FROM rows LIMIT 1")
    again = table_source(url)
    assert again.digest != first.digest
    assert again.rows == first.rows + 1
    same = table_source("duckdb://d.db?query=SELECT a, b FROM rows WHERE rowid < 60")
    assert same.digest == first.digest  # the rows count, and not how they were asked for


def test_facts_and_notes_have_the_query(monkeypatch):
    table = Table(path="duckdb://d.db?query=SELECT a, b FROM rows", x="a", y="b").opened()
    described = table.describe()
    assert described["file"] == str(Path("d.db").absolute())
    assert (described["query"], described["digest"]) == ("SELECT a, b FROM rows", table.digest())
    assert described["notes"][0] == f"rows of {Path('d.db').absolute()}: SELECT a, b FROM rows"


def test_query_and_files_are_one_table():
    stack = table_source(["t.csv", "duckdb://d.db?table=rows", "sqlite://s.db?table=rows"])
    values = stack.sample([], 1000).column("arm")
    assert [values.labels[int(value)] for value in values.values] == FRAME["arm"].to_list() * 3


def test_temporary_files_are_removed():
    file = table_source("duckdb://d.db?table=rows").file
    assert file.exists()
    remove_results()
    assert not file.parent.exists()
    assert table_source("duckdb://d.db?table=rows").rows == N


def test_without_its_library_it_says_how_to_install_it(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(queries.importlib.util, "find_spec", lambda name: None if name == "duckdb" else found(name))
    with pytest.raises(
        ConfigError, match=r"needs duckdb, which is not installed; .*pip install '\.\[duckdb\]' in a checkout"
    ):
        table_source("duckdb://d.db?table=rows")
    assert table_source("sqlite://s.db?table=rows").rows == N


def test_names_that_differ_in_case_alone_are_one_to_duckdb():
    pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]}).write_csv("case.csv")
    with pytest.raises(ConfigError, match="several columns of one name"):
        query_file("duckdb://?query=SELECT a AS A, b AS a FROM 'case.csv'")


def test_a_type_that_changes_late_is_one_line(monkeypatch):
    monkeypatch.setattr(queries, "_BATCH", 2)
    with sqlite3.connect("late.db") as connection:
        connection.execute("CREATE TABLE rows (a)")
        connection.executemany("INSERT INTO rows VALUES (?)", [(1.5,), (2.5,), (b"x",)])
    with pytest.raises(ConfigError, match="values of several types"):
        query_file("sqlite://late.db?table=rows")


def test_a_database_with_a_log_has_no_file_beside_it():
    with contextlib.closing(sqlite3.connect("logged.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE rows AS SELECT 1.5 AS a, 2.5 AS b")
        connection.commit()
    assert list(query_file("sqlite://logged.db?table=rows").names) == ["a", "b"]
    assert [path.name for path in Path().glob("logged.db*")] == ["logged.db"]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (
            'IO Error: Could not set lock on file "d.db": Conflicting lock is held in python (PID 7). See also https://x',
            7,
        ),
        ("Connection Error: Can't open a connection with a different configuration than existing connections", None),
    ],
)
def test_a_database_that_is_in_use_says_so(says, reason):
    which = f" (process {reason})" if reason else ""
    assert str(failure_of_duckdb(says)) == f"is in use by another program{which}, which has to close it first"


def test_no_message_advises_what_is_refused():
    says = "IO Error: no. Please try installing it by running: INSTALL x; Alternatively, consider SET autoload=1"
    assert str(failure_of_duckdb(says)) == "IO Error: no."


def test_a_locked_database_of_sqlite_says_so(monkeypatch):
    monkeypatch.setattr(queries, "_PATIENCE", 0.0)
    with contextlib.closing(sqlite3.connect("s.db")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match="is in use by another program, which has to close it first"):
            table_source("sqlite://s.db?table=rows")


def test_text_of_sqlite_is_read_as_that_of_a_csv():
    rows = [[*map(str, row[:2]), *row[2:]] for row in FRAME.select("a", "count", "b", "arm").rows()]
    rows[3][2], rows[4][2], rows[5][0], rows[6][3] = "", " N/A ", "null", "?"
    with contextlib.closing(sqlite3.connect("s.db")) as connection:
        connection.execute("CREATE TABLE loose (a TEXT, count TEXT, b, arm, day, few)")
        more = [(f"2024-01-{i % 28 + 1:02}", "seven" if i == 8 else i) for i in range(N)]
        connection.executemany(
            "INSERT INTO loose VALUES (?, ?, ?, ?, ?, ?)", [(*row, *one) for row, one in zip(rows, more, strict=True)]
        )
        connection.commit()
    sample = table_source("sqlite://s.db?table=loose").sample([], 1000)
    found = {name: sample.column(name) for name in ("a", "count", "b", "arm", "day", "few")}
    kinds = {"a": "real", "count": "integer", "b": "real", "arm": "text", "day": "time", "few": "text"}
    assert {name: column.kind for name, column in found.items()} == kinds
    assert {name: column.missing for name, column in found.items() if column.missing} == {"a": 1, "b": 2, "arm": 1}
    assert found["few"].stray_text == ("seven", "row 9")
    assert found["b"].values[6:].tolist() == pytest.approx(FRAME["b"][6:].to_list())
