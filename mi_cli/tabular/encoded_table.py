"""A table whose columns are encoded: the numbers of a file are freed between uses, rows in memory are held."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

from mi_cli.tabular.encoding import EncodedRows, TableInfo, TableSettings, encode

__all__ = ["EncodedTable", "cache_with_table"]

R = TypeVar("R")


class EncodedTable:
    """An encoded table.

    The numbers of a file are freed and made again when they are needed, so that many tables can be held at once. When
    it is pickled the numbers go along, so that no other process reads the file; an unpickled table is pickled without
    them. Rows in memory are held, and always go along.
    """

    def __init__(self, settings: TableSettings) -> None:
        self.settings = settings
        self._rows: EncodedRows | None = None
        if settings.source.in_memory:
            self._rows, self.info = encode(settings)
        else:
            self.info = _info_of_file(settings)
        self.cache: dict[Any, Any] = {}  # by ``cache_with_table``

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncodedTable) and self.settings == other.settings

    def __hash__(self) -> int:
        return hash(self.settings)

    def __getstate__(self) -> dict[str, Any]:
        rows = self.rows() if self.settings.source.in_memory or self._rows is None else None
        return self.__dict__ | {"_rows": rows, "cache": {}}

    def rows(self) -> EncodedRows:
        """The numbers."""
        return self._rows if self._rows is not None else _encode_file(self.settings)[0]


def cache_with_table(function: Callable[[EncodedTable], R]) -> Callable[[EncodedTable], R]:
    """Cache the results of ``function``: of the last 64 files, and of a table in memory as long as it lives."""
    of_files = lru_cache(maxsize=64)(function)

    @wraps(function)
    def cached(table: EncodedTable) -> R:
        if not table.settings.source.in_memory:
            return of_files(table)
        if function not in table.cache:
            table.cache[function] = function(table)
        result: R = table.cache[function]
        return result

    return cached


@lru_cache(maxsize=4096)
def _info_of_file(settings: TableSettings) -> TableInfo:
    return _encode_file(settings)[1]


@lru_cache(maxsize=2)
def _encode_file(settings: TableSettings) -> tuple[EncodedRows, TableInfo]:
    return encode(settings)
