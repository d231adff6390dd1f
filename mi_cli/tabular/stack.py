"""Several files as one table: their rows one after another, their columns by name. Nothing here imports torch."""

from __future__ import annotations

import glob
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from mi_cli.errors import ConfigError, listed, shown
from mi_cli.files import expanded_path
from mi_cli.lazy import np
from mi_cli.tabular.columns import Column
from mi_cli.tabular.files import FILES, Part, TableFile, columns_to_read, table_file, tables_beside
from mi_cli.tabular.joined_columns import differing, joined
from mi_cli.tabular.queries import is_url, query_file
from mi_cli.tabular.source import FILE_LABEL, Sample, StoredSource, dataset_error, sampled_rows

__all__ = ["FileStack", "Paths", "faults_of_data", "files_of_glob", "is_glob", "table_source"]

Paths: TypeAlias = str | tuple[str, ...]

_FEW = 3  # files, of which each is named


@dataclass(frozen=True)
class FileStack(StoredSource):
    """Files that are one table. A column has the same name and the same type in all of them.

    Args:
        files: in the order of their rows.
        typed: the paths and globs that name them.
        key: of ``dataset``, that they were typed for.
    """

    files: tuple[TableFile, ...]
    typed: tuple[str, ...]
    key: str = "path"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of all files; one that some of them lack cannot be used."""
        return tuple(dict.fromkeys(chain(*(file.names for file in self.files))))

    @property
    def arrays(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each array with two dimensions, in NumPy's files."""
        every: dict[str, tuple[str, ...]] = {}
        for file in self.files:
            every |= {name: tuple(dict.fromkeys((*every.get(name, ()), *of))) for name, of in file.arrays.items()}
        return every

    @property
    def nameless(self) -> frozenset[str]:
        """The columns that have no name in one of the files."""
        return frozenset(chain(*(file.nameless for file in self.files)))

    @property
    def labels(self) -> tuple[str, ...]:
        """The file of each row."""
        return (FILE_LABEL,)

    def sample(self, wanted: Sequence[str], max_rows: int) -> Sample:
        """Read the rows of all files, or a uniform sample of them. One file is in memory at a time."""
        total = sum(file.rows for file in self.files)
        return _sample(self, columns_to_read(self.names, wanted, min(total, max_rows)), max_rows)

    def batches(self, names: Sequence[str], rows: int, text: Collection[str] = ()) -> Iterator[dict[str, Column]]:
        """The named columns of all rows, at most ``rows`` at a time."""
        for name in names:
            if problem := self.lacking(name):
                raise self.error(f"column {shown(name)} {problem}", "files with the same columns")
        for file in self.files:
            yield from file.batches(names, rows, text)

    def lacking(self, name: str) -> str:
        """Which files have a column and which do not, as the rest of a sentence; empty where all have it."""
        having = [file.path for file in self.files if name in file.names]
        others = [file.path for file in self.files if name not in file.names]
        return f"is in {_few(having)}, and not in {_few(others)}" if others else ""

    @property
    def facts(self) -> dict[str, Any]:
        """``file`` (names), ``format``, ``bytes``, ``digest``, and ``files``, each with its rows."""
        names = [file.file.name for file in self.files]
        more = f", ... ({len(names)} files)" if len(names) > _FEW else ""
        return {
            "file": ", ".join(names[:_FEW]) + more,
            "format": ", ".join(dict.fromkeys(file.suffix.lstrip(".") for file in self.files)),
            "bytes": sum(file.size for file in self.files),
            "digest": self.digest,
            "files": [file.facts | {"rows": file.rows} for file in self.files],
        }

    @property
    def notes(self) -> list[str]:
        """Which files there are, with their rows."""
        of = [f"{file.path} ({file.rows:,} rows)" for file in self.files]
        return [f"{len(of)} files are one table: {_few(of)}"]

    @property
    def digest(self) -> str:
        """A digest of the files in their order."""
        return hashlib.sha256(" ".join(file.digest for file in self.files).encode()).hexdigest()

    def error(self, problem: str, accepted: str) -> ConfigError:
        """What is wrong with the files as a whole."""
        value = self.typed[0] if len(self.typed) == 1 else list(self.typed)
        return dataset_error(self.key, value, problem, accepted)


def _few(names: Sequence[str]) -> str:
    """Names as prose, cut where they are many."""
    return listed(names, "and") if len(names) <= _FEW else f"{', '.join(names[:_FEW])} and {len(names) - _FEW} more"


@lru_cache(maxsize=2)
def _sample(stack: FileStack, columns: tuple[str, ...], max_rows: int) -> Sample:
    ends = np.cumsum([file.rows for file in stack.files])
    total = int(ends[-1])
    if total == 0:
        raise stack.error("hold no rows", "tables with at least 20 rows in all")
    numbers = sampled_rows(total, max_rows)
    parts: list[tuple[str, Part]] = []
    of_file = np.searchsorted(ends, numbers, side="right")
    for place, file in enumerate(stack.files):
        own = numbers[of_file == place] - (ends[place] - file.rows)
        if len(own):
            parts.append((file.path, file.part([name for name in columns if name in set(file.names)], own)))

    def make(name: str) -> Column:
        if name == FILE_LABEL:
            return Column(name, "text", of_file.astype(np.float64), tuple(file.path for file in stack.files))
        problem = stack.lacking(name)
        return differing(name, len(numbers), problem) if problem else joined(name, parts)

    return Sample(numbers, total, make)


def table_source(path: str | Path | Sequence[str | Path], key: str = "path") -> TableFile | FileStack:
    """The table at a path, or at several: a file, or several files one after another.

    Args:
        path: a path, a glob, or the URL of a query, or several; ``~`` is expanded, and a relative path is relative to
            the current folder.
        key: of ``dataset``, that it was typed for.

    Raises:
        ConfigError: a file cannot be found or is of no known format, a glob matches none, a query fails, or a file is
            there twice.
    """
    typed = tuple(map(str, [path] if isinstance(path, str | Path) else path))
    if not typed:
        raise dataset_error(key, [], "names no file", f"a file, {FILES}")
    files = tuple(file for text in typed for file in _files(text, key))
    if len(files) == 1:
        return files[0]
    times = Counter(file.file.resolve() for file in files)
    if twice := next((file for file in files if times[file.file.resolve()] > 1), None):
        same = [file.path for file in files if file.file.resolve() == twice.file.resolve()]
        problem = "is given twice" if len(set(same)) == 1 else f"is the same file as {same[1]}"
        raise dataset_error(key, twice.path, problem, "each file once")
    return FileStack(files, typed, key)


def is_glob(path: str) -> bool:
    """Whether a path stands for all files that match it: it has ``*``, ``?`` or ``[``, and is no file itself."""
    return glob.has_magic(path) and not is_url(path) and not expanded_path(path).exists()


def files_of_glob(path: str) -> list[str]:
    """The files that match a glob, sorted as a shell sorts them; ``**`` is any number of folders."""
    found = glob.glob(str(expanded_path(path)), recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
    return sorted(each for each in found if Path(each).is_file())


def _files(path: str, key: str) -> list[TableFile]:
    if is_url(path):
        return [query_file(path, key)]
    if not is_glob(path):
        return [table_file(path, key)]
    if not (found := files_of_glob(path)):
        raise dataset_error(key, path, "matches no file", tables_beside(expanded_path(path)))
    return [table_file(each, key) for each in found]


@contextmanager
def faults_of_data(path: str | Path | Sequence[str | Path]) -> Iterator[None]:
    """Have faults name the setting ``data``, where they name the path of a dataset or nothing."""
    typed = [path] if isinstance(path, str | Path) else list(path)
    whole = Path(typed[0]) if len(typed) == 1 and "://" not in str(typed[0]) else ", ".join(map(str, typed))
    try:
        yield
    except ConfigError as error:
        faults = (replace(f, key="data", value=f.value if f.key else whole) for f in error.faults)
        of_data = ("", "dataset.path")
        raise ConfigError(
            *(new if old.key in of_data else old for old, new in zip(error.faults, faults, strict=True))
        ) from None
