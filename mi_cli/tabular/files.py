"""A table in a file: CSV and TSV (also compressed), Parquet, Feather (Arrow IPC), NumPy's .npy and .npz, and Excel.

A file is read here, by :meth:`TableFile.sample`; ``delimited.py`` reads the lines of a CSV or TSV. ``stack.py``
makes one table of several files. Whatever is wrong with a file is a ConfigError. Nothing here imports torch.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
import stat
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from mi_cli.errors import ConfigError, counted, shown
from mi_cli.files import expanded_path, file_digest
from mi_cli.lazy import fastexcel, np, pl
from mi_cli.registry.extras import how_to_install
from mi_cli.tabular.columns import Array, Column, column_of_array, column_of_series
from mi_cli.tabular.delimited import DelimitedFile, parsed, present
from mi_cli.tabular.source import Sample, StoredSource, dataset_error, name_list, sampled_rows

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILES", "Part", "TableFile", "is_known_format", "table_file", "tables_beside"]

FILES = ".csv, .tsv (or compressed: .csv.gz, .csv.bz2, .csv.xz), .parquet, .feather/.arrow/.ipc, .npy, .npz, .xlsx"

_SUFFIXES = (".csv", ".tsv", ".parquet", ".feather", ".arrow", ".ipc", ".npy", ".npz", ".xlsx")
_TEXT, _NUMPY = (".csv", ".tsv"), (".npy", ".npz")
_LISTED = 10_000  # files of a folder, among which a misspelt name is looked for
_SIMILAR = 0.8  # share of letters that two names have in common, from which on one may be meant by the other
_MANY = 4096  # files whose names of columns and numbers of rows are kept
_CELLS = 10_000_000  # up to which all columns are read, so that other choices of columns need no second reading


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of one file, some of its columns.

    Args:
        numbers: of the rows in the file, from 0.
        column: makes a column, by its name.
        text: the text of a column of a CSV, by its name; None for other formats.
        separator: of a CSV.
    """

    numbers: Array
    column: Callable[[str], Column]
    text: Callable[[str], pl.Series] | None = None
    separator: str = ""


@dataclass(frozen=True)
class TableFile(StoredSource):
    """A file as it was when it was first looked at.

    Args:
        path: as typed.
        file: the absolute path.
        size: in bytes.
        changed: when it was last written to, in nanoseconds.
        key: of ``dataset``, that the path was typed for.
    """

    path: str
    file: Path
    size: int
    changed: int
    key: str = "path"

    @property
    def suffix(self) -> str:
        """Its format."""
        return _format(self.file)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in order."""
        return _names(self)[0]

    @property
    def arrays(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each array with two dimensions, in NumPy's files."""
        return _names(self)[1]

    @property
    def nameless(self) -> frozenset[str]:
        """The columns of a CSV whose place in the row of names is empty."""
        if self.suffix not in _TEXT:
            return frozenset()
        with self.reading():
            return _delimited(self).nameless

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return _length(self)

    def sample(self, wanted: Sequence[str], max_rows: int) -> Sample:
        """Read the rows of the file, or a uniform sample of them."""
        return _sample(self, columns_to_read(self.names, wanted, min(self.rows, max_rows)), max_rows)

    def part(self, columns: Sequence[str], numbers: Array) -> Part:
        """Read columns of rows, whose numbers ascend; there must be one."""
        with self.reading():
            if self.suffix in _TEXT:
                delimited = _delimited(self)
                frame = delimited.rows(numbers, columns)
                make = _columns_of_text(frame, numbers, delimited.separator)
                return Part(numbers, make, frame.__getitem__, delimited.separator)
            if self.suffix in _NUMPY:
                arrays, _ = _arrays(self)
                return Part(numbers, _columns_of_arrays({name: np.array(arrays[name][numbers]) for name in columns}))
            return Part(numbers, _columns_of_frame(_collected(self, columns, numbers, self.rows)))

    def batches(self, names: Sequence[str], rows: int, text: Collection[str] = ()) -> Iterator[dict[str, Column]]:
        """The named columns of all rows, ``rows`` at a time. The file is never in memory as a whole, unless it is .npz.

        Args:
            names: of columns that the file has.
            rows: of each batch but the last.
            text: the columns of a CSV that are text whatever is in them; those of a batch may look like numbers.
        """
        n = _length(self)
        if self.suffix in _TEXT:
            with self.reading():
                delimited = _delimited(self)
                for numbers, frame in delimited.batches(names, rows):
                    make = _columns_of_text(frame, numbers, delimited.separator, text)
                    yield {name: make(name) for name in names}
            return
        for low in range(0, n, rows):
            with self.reading():
                if self.suffix in _NUMPY:
                    arrays, _ = _arrays(self)
                    make = _columns_of_arrays({name: np.array(arrays[name][low : low + rows]) for name in names})
                else:
                    make = _columns_of_frame(_scan(self).select(names).slice(low, rows).collect())
            yield {name: make(name) for name in names}

    @property
    def facts(self) -> dict[str, Any]:
        """``file``, ``format``, ``bytes`` and ``digest``."""
        facts = {"file": str(self.file), "format": self.suffix.lstrip("."), "bytes": self.size}
        return facts | {"digest": self.digest}

    @property
    def digest(self) -> str:
        """The digest of the file."""
        return file_digest(self.file, self.size, self.changed)

    def error(self, problem: str, accepted: str) -> ConfigError:
        """What is wrong with the file."""
        return dataset_error(self.key, " ".join(self.path.split()), problem, accepted)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn whatever goes wrong while the file is read into a ConfigError, also that it changes meanwhile."""
        failures: tuple[type[BaseException], ...] = (OSError, EOFError, RuntimeError, BadZipFile, zlib.error, LZMAError)
        if self.suffix not in _NUMPY:
            failures += (pl.exceptions.PolarsError, pl.exceptions.PanicException)
        try:
            yield
        except PermissionError as error:
            raise self.error(f"cannot be opened ({error.strerror})", "a readable file") from None
        except failures as error:
            reason = shown(str(error).strip().partition("\n")[0] or type(error).__name__)
            raise self.error(f"cannot be read as {self.suffix} ({reason})", f"an undamaged {FILES}") from None
        finally:
            now = self.file.stat() if self.file.exists() else None
            if now is None or (now.st_size, now.st_mtime_ns) != (self.size, self.changed):
                raise self.error("changed while it was read", "a file that nothing writes to")


def table_file(path: str, key: str = "path") -> TableFile:
    """The file at a path; ``~`` is expanded, and a relative path is relative to the current folder.

    The file is looked up, but not opened.

    Args:
        path: as typed.
        key: of ``dataset``, that it was typed for.

    Raises:
        ConfigError: the path is empty; or the file does not exist, is a folder, is of no known format, or is empty.
    """
    if not path.strip():
        raise dataset_error(key, "", "the value is empty", f"a file, {FILES}")
    file = expanded_path(path)
    error = partial(dataset_error, key, " ".join(path.split()))
    try:
        file = file.absolute()
        state = file.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # of a path with a null character
        raise error(f"no such file in {file.parent}", tables_beside(file)) from None
    except OSError as problem:
        raise error(f"cannot be opened ({problem.strerror})", "a readable file") from None
    if stat.S_ISDIR(state.st_mode):
        raise error("is a folder", f"a file, {FILES}")
    if not stat.S_ISREG(state.st_mode) or not is_known_format(file):
        raise error("is of no known format", FILES)
    if not state.st_size:
        raise error("is empty", "a table with a row of column names, then rows")
    return TableFile(path, file, state.st_size, state.st_mtime_ns, key)


def is_known_format(file: Path) -> bool:
    """Whether a file is named as a table is."""
    return _format(file) in _SUFFIXES


def _format(file: Path) -> str:
    """The suffix that says how a file is read; that of a compressed CSV or TSV is the one before the last."""
    packed = re.search(r"(\.csv|\.tsv)(\.gz|\.bz2|\.xz)$", file.name.lower())
    return packed[1] if packed else file.suffix.lower()


def tables_beside(file: Path) -> str:
    """The tables in the folder of a file that is not there whose names are like its name, or what a table may be."""
    try:
        names = [one.name for one in islice(file.parent.iterdir(), _LISTED) if is_known_format(one)]
    except (OSError, ValueError):
        names = []
    typed = file.name.casefold()
    same = [name for name in names if name.casefold() == typed or name.casefold().startswith(f"{typed}.")]
    return ", ".join(same or difflib.get_close_matches(file.name, names, 3, _SIMILAR)) or f"a file, {FILES}"


@lru_cache(maxsize=_MANY)
def _names(table: TableFile) -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]:
    """All columns of a file, in order, and those that the name of an array stands for."""
    arrays: Mapping[str, tuple[str, ...]] = {}
    with table.reading():
        if table.suffix in _TEXT:
            names = _delimited(table).names
        elif table.suffix in _NUMPY:
            columns, arrays = _arrays(table)
            names = tuple(columns)
        else:
            names = tuple(_scan(table).collect_schema().names())
    if len(names) < 2:
        how = {".csv": ", separated by commas, semicolons or tabs", ".tsv": ", separated by tabs"}.get(table.suffix, "")
        which = f" ({shown(names[0])})" if names else ""
        raise table.error(f"has {counted(len(names), 'column')}{which}", f"a table with at least 2{how}")
    return names, arrays


def columns_to_read(names: Sequence[str], wanted: Sequence[str], rows: int) -> tuple[str, ...]:
    """Which of all columns are read: all, if there are not too many values, else those that are wanted."""
    needed = set(names if rows * len(names) <= _CELLS else wanted)
    return tuple(name for name in names if name in needed)


@lru_cache(maxsize=2)
def _sample(table: TableFile, columns: tuple[str, ...], max_rows: int) -> Sample:
    if table.rows == 0:
        raise table.error("holds no rows", "a table with at least 20")
    numbers = sampled_rows(table.rows, max_rows)
    return Sample(numbers, table.rows, table.part(columns, numbers).column)


def _columns_of_text(
    frame: pl.DataFrame, numbers: Array, separator: str, as_text: Collection[str] = ()
) -> Callable[[str], Column]:
    def make(name: str) -> Column:
        if name in as_text:
            return column_of_series(name, present(frame[name]))
        text = parsed(frame[name], separator)
        stray = None if text.stray is None else (frame[name][text.stray].strip(), f"row {numbers[text.stray] + 1:,}")
        return replace(column_of_series(name, text.values), stray_text=stray, thousands=text.thousands)

    return make


def _columns_of_arrays(arrays: Mapping[str, Array]) -> Callable[[str], Column]:
    return lambda name: column_of_array(name, arrays[name])


def _columns_of_frame(frame: pl.DataFrame) -> Callable[[str], Column]:
    return lambda name: column_of_series(name, frame[name])


def _collected(table: TableFile, columns: Sequence[str], numbers: Array, n: int) -> pl.DataFrame:
    """The numbered rows, of ``n``, of a Parquet or Feather file."""
    lazy = _scan(table).select(columns)
    if len(numbers) < n:
        number = "row number"
        while number in columns:
            number += "_"
        kept = pl.LazyFrame({number: pl.Series(numbers, dtype=pl.get_index_type())})
        lazy = lazy.with_row_index(number).join(kept, on=number, how="semi", maintain_order="left").drop(number)
    return lazy.collect(engine="streaming")


@lru_cache(maxsize=_MANY)
def _length(table: TableFile) -> int:
    """Rows of a file."""
    with table.reading():
        if table.suffix in _TEXT:
            return len(_delimited(table))
        if table.suffix in _NUMPY:
            return len(next(iter(_arrays(table)[0].values())))
        return int(_scan(table).select(pl.len()).collect().item())


@lru_cache(maxsize=_MANY)
def _delimited(table: TableFile) -> DelimitedFile:
    delimited = DelimitedFile(table.file, table.error)
    _refuse_repeats(table, delimited.names)
    return delimited


def _scan(table: TableFile) -> pl.LazyFrame:
    if table.suffix == ".xlsx":
        return _sheet(table).lazy()
    return (pl.scan_parquet if table.suffix == ".parquet" else pl.scan_ipc)(table.file, glob=False)


@lru_cache(maxsize=2)
def _sheet(table: TableFile) -> pl.DataFrame:
    """The first sheet of an Excel file."""
    if importlib.util.find_spec("fastexcel") is None:
        raise table.error("needs fastexcel, which is not installed", f"a CSV, or {how_to_install('excel')}")
    try:
        return pl.read_excel(table.file)
    except fastexcel.FastExcelError as error:
        raise table.error(f"cannot be read as .xlsx ({shown(str(error))})", f"an undamaged {FILES}") from None


def _refuse_repeats(table: TableFile, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        repeats = [name for name, times in Counter(names).items() if times > 1]
        raise table.error(f"has several columns called {name_list(repeats)}", "a name for each")


@lru_cache(maxsize=2)
def _arrays(table: TableFile) -> tuple[dict[str, Array], dict[str, tuple[str, ...]]]:
    """The columns of NumPy's files, and those that each array of several is made of; nothing is unpickled."""
    arrays = _loaded(table)
    columns: list[tuple[str, Array]] = []
    groups: dict[str, tuple[str, ...]] = {}
    for name, array in arrays.items():
        if array.ndim not in (1, 2) or array.dtype.kind not in "biufUM":
            has = f"array {shown(name)} has {array.ndim} dimensions of type {array.dtype}"
            raise table.error(has, "1 or 2, of numbers, booleans, text or dates")
        parts = [(f"{name}_{j}", array[:, j]) for j in range(array.shape[1])] if array.ndim == 2 else [(name, array)]
        columns += parts
        groups |= {name: tuple(column for column, _ in parts)} if array.ndim == 2 else {}
    _refuse_repeats(table, [name for name, _ in columns])
    if not columns:
        raise table.error("has no columns", "arrays with a row for each sample")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{shown(name)} {n:,}" for name, n in lengths.items())
        raise table.error(f"has arrays of different lengths ({counts})", "as many rows in each")
    return dict(columns), groups


def _loaded(table: TableFile) -> dict[str, Array]:
    """The arrays of a file by name."""
    try:
        if table.suffix == ".npy":
            return {"column": np.load(table.file, mmap_mode="r", allow_pickle=False)}
        with table.file.open("rb") as opened:
            loaded = np.load(opened, allow_pickle=False)
            return {name: loaded[name] for name in getattr(loaded, "files", ())}
    except ValueError as error:
        if "bject" in str(error):
            problem = "holds Python objects, which are not read"
            raise table.error(problem, "arrays of numbers or text") from None
        raise table.error(f"cannot be read as {table.suffix} ({shown(str(error))})", FILES) from None
