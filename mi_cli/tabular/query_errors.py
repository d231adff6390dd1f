"""Why a query has no rows: what DuckDB and SQLite say, in the words of this program, with what can be done here."""

from __future__ import annotations

import re

__all__ = ["QueryError", "failure_of_duckdb", "failure_of_sqlite", "one_line"]

_LONGEST = 300  # letters of a reason
_A_QUERY = "a query that the database takes"
_READ_BY_ITSELF = "files on this machine that DuckDB reads by itself (CSV, Parquet, JSON)"
_EXTENSION = re.compile(r"the extension (\w+) to be|in the (\w+) extension|(\w+)\.duckdb_extension")
_ADVICE = re.compile(
    r"\s*(Please try installing|Install it first|Alternatively, consider|See also http|Did you mean).*", re.DOTALL
)
_NO_TABLE = re.compile(r"Table with name (.+?) does not exist|no such table: (.+)")
_IN_USE = "is in use by another program{}, which has to close it first"
_A_COPY = "the database when it is closed there, or a copy of its file"


class QueryError(Exception):
    """Why a query has no rows.

    Args:
        reason: in one line.
        accepted: what is expected instead.
        of_tables: whether it names a table that is not there.
    """

    def __init__(self, reason: str, accepted: str = _A_QUERY, of_tables: bool = False) -> None:
        super().__init__(one_line(reason))
        self.accepted, self.of_tables = accepted, of_tables


def one_line(text: str) -> str:
    """Text in one line, without the drawing of the place that is wrong."""
    line = " ".join(re.split(r"\n\s*\nLINE \d+:", text)[0].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def failure_of_duckdb(text: str) -> QueryError:
    """What DuckDB says. Its advice is left out: it is to install, to load or to set what is not allowed here."""
    if extension := _EXTENSION.search(text):
        name = next(filter(None, extension.groups()))
        of_sqlite = name.startswith("sqlite")
        accepted = "sqlite://FILE?query=SELECT ... for a database of SQLite" if of_sqlite else _READ_BY_ITSELF
        return QueryError(f"needs DuckDB's extension {name}, and extensions are not loaded here", accepted)
    if "Could not set lock" in text or "different configuration than existing" in text:
        process = re.search(r"\(PID (\d+)", text)
        return QueryError(_IN_USE.format(f" (process {process[1]})" if process else ""), _A_COPY)
    if table := _NO_TABLE.search(text):
        return QueryError(f"no such table: {table[1]}", of_tables=True)
    return QueryError(_ADVICE.sub("", text))


def failure_of_sqlite(text: str) -> QueryError:
    """What SQLite says."""
    if "is locked" in text:
        return QueryError(_IN_USE.format(""), _A_COPY)
    if "not authorized" in text or "one statement" in text:
        return QueryError("is no single SELECT", "one SELECT, which only reads")
    return QueryError(text, of_tables="no such table" in text)
