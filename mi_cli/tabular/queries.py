"""Rows of a query: ``duckdb://file.db?query=SELECT ...`` and ``sqlite://file.db?table=name``.

Nothing here imports torch. The query runs once, in a database that is opened to be read. Its rows are written to a
temporary Parquet file, which is read as any other file is. It is removed when the process ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from mi_cli.errors import ConfigError
from mi_cli.files import expanded_path
from mi_cli.lazy import duckdb
from mi_cli.registry.extras import how_to_install
from mi_cli.tabular.columns import Array
from mi_cli.tabular.files import Part, TableFile, is_known_format
from mi_cli.tabular.query_errors import QueryError, failure_of_duckdb, failure_of_sqlite, one_line
from mi_cli.tabular.source import dataset_error, name_list
from mi_cli.tabular.text_of_sqlite import Stray, frame_of_sqlite

__all__ = ["QueryFile", "is_url", "query_file", "remove_results"]

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^?]*)(?:\?(query|table)=(.*))?", re.DOTALL)
_ACCEPTED = "duckdb://FILE?query=SELECT ..., duckdb://FILE?table=NAME, or sqlite:// in its place"
_TABLES_OF_DUCKDB = """
    SELECT CASE table_schema WHEN 'main' THEN table_name ELSE table_schema || '.' || table_name END
    FROM information_schema.tables
"""
_NO_TABLES = "a database with tables (it has none)"
_ONE_SELECT = "one SELECT, which only reads"
_NAMES = {"sqlite": "SQLite", "duckdb": "DuckDB"}
_MARKS = {"sqlite": (b"SQLite format 3\0", 0), "duckdb": (b"DUCK", 8)}  # in a file, and where
_LONGEST_MARK = 16
_DATABASE = re.compile(r"\.(\w*db\d?|\w*sqlite\d?)$", re.IGNORECASE)
_PATIENCE = 5.0  # seconds that another program may hold a database of SQLite
_BATCH = 50_000  # rows that are looked at together
_KEPT = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*|VARCHAR|ENUM.*|DATE|TIME|TIMESTAMP.*|.*\]|STRUCT.*|MAP.*"
)  # types of DuckDB that are written as they are
_SETTINGS = {  # nothing is installed or loaded, so that nothing goes over the network
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # a name is never that of a variable of this program
    "threads": "1",  # so that rows come in the same order each time
}

_folders: list[tempfile.TemporaryDirectory[str]] = []


@dataclass(frozen=True)
class QueryFile(TableFile):
    """The rows of a query, in a temporary file.

    Args:
        database: its file; ``DuckDB`` without one.
        query: as it was run.
        stray: columns of SQLite most of whose values are numbers, each with its first text, and where that is.
    """

    database: str = ""
    query: str = ""
    stray: Stray = ()

    def part(self, columns: Sequence[str], numbers: Array) -> Part:
        """Read columns of rows; those with text among numbers say so, as columns of a CSV do."""
        part, stray = super().part(columns, numbers), {name: (text, place) for name, text, place in self.stray}
        return replace(part, column=lambda name: replace(part.column(name), stray_text=stray.get(name)))

    @property
    def facts(self) -> dict[str, Any]:
        """``file`` (the database), ``format`` and ``bytes``, the query, and the digest of its rows."""
        scheme = self.path.partition(":")[0]
        return {"file": self.database, "format": scheme, "bytes": self.size, "query": self.query, "digest": self.digest}

    @property
    def notes(self) -> list[str]:
        """What was asked."""
        return [f"rows of {self.database}: {one_line(self.query)}"]

    @cached_property
    def digest(self) -> str:
        """A digest of names and values, row by row."""
        found = hashlib.sha256()
        for batch in self.batches(self.names, _BATCH):
            for name, column in batch.items():
                found.update("\0".join([name, column.kind, *column.labels]).encode() + column.values.tobytes())
        return found.hexdigest()


def is_url(text: str) -> bool:
    """Whether a path is a URL, such as ``duckdb://...``."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def query_file(url: str, key: str = "path") -> QueryFile:
    """Run the query of a URL.

    Args:
        url: of a database; everything after ``query=`` is the query, as it is. Without a file, DuckDB reads files that
            the query names.
        key: of ``dataset``, that it was typed for.

    Raises:
        ConfigError: the URL is of another kind, the file is not there, the library is not installed, or the query is no
            SELECT or fails.
    """
    error = partial(dataset_error, key, url)
    match = _URL.fullmatch(url.strip())
    if match is None or match[1].lower() not in _RUNS:
        raise error("is no database that can be asked", _ACCEPTED)
    scheme, place, kind, value = match[1].lower(), match[2], match[3], (match[4] or "").strip()
    file = None if place in ("", ":memory:") else expanded_path(place).absolute()
    if scheme == "duckdb" and importlib.util.find_spec("duckdb") is None:
        raise error("needs duckdb, which is not installed", f"a file, or {how_to_install('duckdb')}")
    if file is None and (scheme == "sqlite" or kind != "query"):
        raise error("names no database", _ACCEPTED)
    if file is not None:
        _check_file(file, place, url.strip(), scheme, error)
    if not value:
        table = f" or ?table= with {_tables(scheme, file, error)}" if file else ""
        raise error("asks for nothing", f"?query=SELECT ...{table}")
    table = ".".join(map(_quoted, value.split(".")))
    query = value if kind == "query" else f"SELECT * FROM {table}"  # noqa: S608 (the database is only read)
    state = _state(file)
    try:
        result, size, changed, stray = _result(scheme, file, query, state)
    except QueryError as failure:
        accepted = _tables(scheme, file, error) if failure.of_tables and file else failure.accepted
        raise error(str(failure), accepted) from None
    return QueryFile(url, result, size, changed, key, str(file or "DuckDB"), query, stray)


def _check_file(file: Path, place: str, url: str, scheme: str, error: Callable[[str, str], ConfigError]) -> None:
    """Refuse a file that is not there, cannot be opened, or is no database of the kind that the URL says."""
    if file.is_dir():
        raise error("is a folder", "the file of a database")
    if not file.is_file():
        others = file.parent.iterdir() if file.parent.is_dir() else ()
        databases = (one for one in others if _DATABASE.search(one.name) and one.is_file())
        beside = sorted(one.name for one in databases if one.stat().st_size)
        raise error(f"no such file in {file.parent}", name_list(beside) if beside else "the file of a database")
    if is_known_format(file):
        raise error("is no database", f"{place} itself, or duckdb://?query=, whose query names it")
    try:
        with file.open("rb") as opened:
            start = opened.read(_LONGEST_MARK)
    except OSError as failure:
        raise error(f"cannot be opened ({failure.strerror})", "a readable file") from None
    if not start:
        raise error("is empty", "the file of a database")
    kind = next((name for name, (mark, at) in _MARKS.items() if start[at : at + len(mark)] == mark), None)
    if kind is None:
        raise error("is no database", "a file that DuckDB or SQLite has written")
    if kind != scheme:
        raise error(f"is a database of {_NAMES[kind]}", f"{kind}{url[len(scheme) :]}")


def _folder() -> Path:
    """The folder of temporary files."""
    if not _folders:
        _folders.append(tempfile.TemporaryDirectory(prefix="mi-run-"))
    return Path(_folders[0].name)


def remove_results() -> None:
    """Remove the temporary files, as the end of the process does."""
    while _folders:
        _folders.pop().cleanup()
    _result.cache_clear()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _state(file: Path | None) -> tuple[int, ...]:
    """What changes where a database is written to; its last changes may be in a file of their own."""
    files = [] if file is None else [file, *(file.with_name(f"{file.name}{end}") for end in (".wal", "-wal"))]
    return tuple(mark for each in files if each.exists() for mark in (each.stat().st_size, each.stat().st_mtime_ns))


@lru_cache(maxsize=16)
def _result(scheme: str, file: Path | None, query: str, state: tuple[int, ...]) -> tuple[Path, int, int, Stray]:
    """The rows of a query as a Parquet file, with its size, the time of its last change, and texts among numbers."""
    mark = hashlib.sha256(f"{scheme} {file} {query} {state}".encode()).hexdigest()[:12]
    result = _folder() / f"{mark}.parquet"
    stray = _RUNS[scheme](file, query, result)
    written = result.stat()
    return result, written.st_size, written.st_mtime_ns, stray


@contextlib.contextmanager
def _connected(file: Path | None) -> Iterator[Any]:
    """A connection to DuckDB, whose errors are those of the query."""
    settings: dict[str, Any] = _SETTINGS | {"temp_directory": str(_folder() / "duckdb")}
    try:
        connection = duckdb.connect(str(file or ":memory:"), read_only=file is not None, config=settings)
        try:
            yield connection
        finally:
            connection.close()
    except duckdb.Error as failure:
        raise failure_of_duckdb(str(failure)) from None


def _run_duckdb(file: Path | None, query: str, result: Path) -> Stray:
    with _connected(file) as connection:
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QueryError("is no single SELECT", _ONE_SELECT)
        text = statements[0].query.strip().rstrip(";")
        described = connection.execute(f"DESCRIBE (\n{text}\n)").fetchall()
        columns = {str(row[0]): str(row[1]) for row in described}
        if len({name.lower() for name in columns}) < len(described):  # DuckDB takes "a" and "A" for one
            raise QueryError("gives several columns of one name", "a name for each (SELECT a AS b)")
        chosen = ", ".join(_written(name, kind) for name, kind in columns.items())
        rows = f"SELECT {chosen} FROM (\n{text}\n)"  # noqa: S608 (the query is one SELECT of its own)
        connection.execute(f"COPY ({rows}) TO '{result}' (FORMAT parquet)")
    return ()


def _written(name: str, kind: str) -> str:
    """A column as it is written: durations in seconds, and what has no type elsewhere as text."""
    column = _quoted(name)
    if kind == "INTERVAL":
        return f"epoch({column}) AS {column}"
    return column if _KEPT.fullmatch(kind) else f"{column}::VARCHAR AS {column}"


def _sqlite_uri(file: Path) -> str:
    """A database as it is opened, to be read.

    SQLite leaves two files beside a database with a write-ahead log. If nobody has it open, there is no log, and it is
    opened as one that does not change, which leaves none.
    """
    with file.open("rb") as opened:
        has_log = opened.read(20)[18:] == b"\x02\x02" and not file.with_name(f"{file.name}-wal").exists()
    return f"{file.as_uri()}?mode=ro{'&immutable=1' if has_log else ''}"


def _run_sqlite(file: Path | None, query: str, result: Path) -> Stray:
    reads = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    try:
        with contextlib.closing(
            sqlite3.connect(_sqlite_uri(Path(file or "")), uri=True, timeout=_PATIENCE)
        ) as connection:
            connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY)
            cursor = connection.execute(query)
            names = [str(column[0]) for column in cursor.description or ()]
            if not names:
                raise QueryError("is no single SELECT", _ONE_SELECT)
            if len(set(names)) < len(names):
                raise QueryError("gives several columns of one name", "a name for each (SELECT a AS b)")
            frame, stray = frame_of_sqlite(names, iter(lambda: cursor.fetchmany(_BATCH), []))
            frame.write_parquet(result)
            return stray
    except sqlite3.Error as failure:
        raise failure_of_sqlite(str(failure)) from None


_RUNS: dict[str, Callable[[Path | None, str, Path], Stray]] = {"duckdb": _run_duckdb, "sqlite": _run_sqlite}


def _tables(scheme: str, file: Path | None, error: Callable[[str, str], ConfigError]) -> str:
    """The tables and views of a database."""
    try:
        if scheme == "sqlite":
            with contextlib.closing(
                sqlite3.connect(_sqlite_uri(Path(file or "")), uri=True, timeout=_PATIENCE)
            ) as connection:
                found = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        else:
            with _connected(file) as connection:
                found = connection.execute(_TABLES_OF_DUCKDB).fetchall()
    except (QueryError, sqlite3.Error) as failure:
        raise error(one_line(str(failure)), f"a database of {_NAMES[scheme]}") from None
    names = sorted(str(row[0]) for row in found)
    return f"the {'table' if len(names) == 1 else 'tables'} {name_list(names, 20)}" if names else _NO_TABLES
