"""Tables in files: which columns there are, which of them are chosen, and a uniform sample of their rows.

Whatever is wrong with a file or a choice is a ValueError of one line. Nothing here imports torch.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.tabular.delimited import Delimited, typed

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Array = np.ndarray[Any, Any]

__all__ = [
    "FILES",
    "SELECTIONS",
    "Column",
    "Sample",
    "Source",
    "choose",
    "fault",
    "listing",
    "matched",
    "names",
    "read",
    "source",
]

FILES = ".csv, .tsv, .parquet, .feather/.arrow/.ipc, .npy, .npz"
SELECTIONS = "names of columns, globs (gene_*), regular expressions (^...), :numeric, :categorical or :boolean"
TYPES = {":numeric": "number", ":categorical": "class", ":boolean": "boolean"}

_SUFFIXES = re.findall(r"\.\w+", FILES)
_TEXT, _NUMPY = (".csv", ".tsv"), (".npy", ".npz")
_CELLS = 10_000_000  # up to which all columns are read, so that other choices of columns need no second reading
_SEED = 20_230_611  # of the sample of rows

Kind = Literal["integer", "real", "boolean", "text", "time", "nested", "empty"]


def fault(key: str, value: Any, text: str) -> ConfigError:
    """What is wrong with the value of a key of ``dataset``."""
    problem, _, accepted = text.partition("; accepted: ")
    return ConfigError(Fault(f"dataset.{key}", Path(value) if key == "path" else value, problem, accepted))


def listing(names: Sequence[str], most: int = 6) -> str:
    """Names of columns as prose, cut where they are many."""
    more = f", ... ({len(names):,} in all)" if len(names) > most else ""
    return ", ".join(map(shown, names[:most])) + more


@dataclass(frozen=True)
class Source:
    """A file as it was when it was first looked at; ``path`` is as typed."""

    path: str
    file: Path
    size: int
    changed: int

    @property
    def suffix(self) -> str:
        """Its format."""
        return self.file.suffix.lower()

    def fault(self, text: str) -> ValueError:
        """What is wrong with it, in one line."""
        return fault("path", " ".join(self.path.split()), text)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn whatever goes wrong while it is read into one line, its being written to meanwhile as well."""
        import zlib
        from zipfile import BadZipFile

        from polars.exceptions import PanicException, PolarsError

        try:
            yield
        except (OSError, EOFError, RuntimeError, BadZipFile, zlib.error, PolarsError, PanicException) as error:
            reason = shown(str(error).strip().partition("\n")[0] or type(error).__name__)
            raise self.fault(f"cannot be read as {self.suffix} ({reason}); accepted: an undamaged {FILES}") from None
        finally:
            now = self.file.stat() if self.file.exists() else None
            if now is None or (now.st_size, now.st_mtime_ns) != (self.size, self.changed):
                raise self.fault("changed while it was read; accepted: a file that nothing writes to")


def source(path: str) -> Source:
    """The file of a path, ``~`` expanded, relative to the current folder.

    Raises:
        ValueError: it is not there, not a file, of no known format, empty, or may not be read.
    """
    file, plain = Path(path).expanduser(), " ".join(path.split())
    try:
        file = file.absolute()
        if file.is_dir():
            raise fault("path", plain, f"is a folder; accepted: a file, {FILES}")
        if not file.exists():
            raise fault("path", plain, f"no such file in {file.parent}; accepted: {FILES}")
        if not file.is_file() or file.suffix.lower() not in _SUFFIXES:
            raise fault("path", plain, f"is of no known format; accepted: {FILES}")
        with file.open("rb") as opened:
            empty = not opened.read(1)
        found = file.stat()
    except OSError as error:
        raise fault("path", plain, f"cannot be opened ({error.strerror}); accepted: a readable file") from None
    if empty:
        raise fault("path", plain, "is empty; accepted: a table with a row of column names, then rows")
    return Source(path, file, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, eq=False)
class Column:
    """A column as numbers, ``(n,)`` in float64 with NaN for no value; ``labels`` are what those of text stand for.

    ``odd`` is the first value, and its row in the file, that keeps a column of numbers from being one.
    """

    name: str
    kind: Kind
    values: Array
    labels: tuple[str, ...] = ()
    odd: tuple[str, int] | None = None
    made: dict[str, Any] = field(default_factory=dict)  # of all its rows, by those who need it more than once

    @cached_property
    def known(self) -> Array:
        """The distinct values, in order, without NaN."""
        import numpy as np

        return np.unique(self.values[~np.isnan(self.values)])

    @cached_property
    def missing(self) -> int:
        """How many rows have no value."""
        import numpy as np

        return int(np.isnan(self.values).sum())


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of a file: their ``numbers`` in it, from 0, of ``of`` in all; columns are made ready when asked for."""

    source: Source
    frame: pl.DataFrame
    numbers: Array
    of: int
    _columns: dict[str, Column] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """A column of the sample."""
        if name not in self._columns:
            self._columns[name] = _column(self.source, self.frame[name], self.numbers)
        return self._columns[name]


@lru_cache(maxsize=8)
def names(table: Source) -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]:
    """All columns of a file, in order, and those that the name of an array stands for."""
    arrays: dict[str, tuple[str, ...]] = {}
    with table.reading():
        if table.suffix in _TEXT:
            found = _delimited(table).head[0]
        elif table.suffix in _NUMPY:
            columns, arrays = _arrays(table)
            found = tuple(columns)
        else:
            found = tuple(_scan(table).collect_schema().names())
    if len(found) < 2:
        raise table.fault(f"has {len(found)} column{'s'[len(found) :]}; accepted: a table with at least 2")
    return found, arrays


def read(table: Source, wanted: Sequence[str], max_rows: int) -> Sample:
    """The rows of a file, or a uniform sample of ``max_rows`` of them (always the same), in the order of the file."""
    columns, asked = names(table)[0], set(wanted)
    if min(_length(table), max_rows) * len(columns) > _CELLS:
        columns = tuple(name for name in columns if name in asked)
    return _read(table, columns, max_rows)


@lru_cache(maxsize=2)
def _read(table: Source, columns: tuple[str, ...], max_rows: int) -> Sample:
    import numpy as np
    import polars as pl

    n = _length(table)
    if n == 0:
        raise table.fault("holds no rows; accepted: a table with at least 20")
    numbers = np.arange(n)
    if n > max_rows:
        numbers = np.sort(np.random.default_rng(_SEED).choice(n, max_rows, replace=False, shuffle=False))
    with table.reading():
        if table.suffix in _TEXT:
            frame = _delimited(table).rows(numbers, columns)
        elif table.suffix in _NUMPY:
            arrays, _ = _arrays(table)
            frame = pl.DataFrame([pl.Series(name, np.array(arrays[name][numbers])) for name in columns])
        else:
            number = "row number"
            while number in columns:
                number += "_"
            lazy = _scan(table).select(columns)
            if n > max_rows:
                kept = pl.LazyFrame({number: pl.Series(numbers, dtype=pl.get_index_type())})
                lazy = lazy.with_row_index(number).join(kept, on=number, how="semi", maintain_order="left").drop(number)
            frame = lazy.collect(engine="streaming")
    return Sample(table, frame, numbers, n)


@lru_cache(maxsize=8)
def _length(table: Source) -> int:
    """Rows of a file."""
    import polars as pl

    with table.reading():
        if table.suffix in _TEXT:
            return len(_delimited(table))
        if table.suffix in _NUMPY:
            return len(next(iter(_arrays(table)[0].values())))
        return int(_scan(table).select(pl.len()).collect().item())


@lru_cache(maxsize=8)
def _delimited(table: Source) -> Delimited:
    found = Delimited(table.file, table.fault)
    _refuse_repeats(table, found.head[0])
    return found


def _scan(table: Source) -> pl.LazyFrame:
    import polars as pl

    return (pl.scan_parquet if table.suffix == ".parquet" else pl.scan_ipc)(table.file, glob=False)


def _refuse_repeats(table: Source, found: Sequence[str]) -> None:
    if len(set(found)) < len(found):
        repeats = [name for name, times in Counter(found).items() if times > 1]
        raise table.fault(f"has several columns called {listing(repeats)}; accepted: a name for each")


@lru_cache(maxsize=2)
def _arrays(table: Source) -> tuple[dict[str, Array], dict[str, tuple[str, ...]]]:
    """The columns of NumPy's files, and those that each array of several is made of; nothing is unpickled."""
    import numpy as np

    try:
        if table.suffix == ".npy":
            arrays = {"column": np.load(table.file, mmap_mode="r", allow_pickle=False)}
        else:
            with table.file.open("rb") as opened:
                loaded = np.load(opened, allow_pickle=False)
                arrays = {name: loaded[name] for name in getattr(loaded, "files", ())}
    except ValueError as error:
        if "bject" in str(error):
            raise table.fault("holds Python objects, which are not read; accepted: arrays of numbers or text") from None
        raise table.fault(f"cannot be read as {table.suffix} ({shown(str(error))}); accepted: {FILES}") from None
    columns: list[tuple[str, Array]] = []
    groups: dict[str, tuple[str, ...]] = {}
    for name, array in arrays.items():
        if array.ndim not in (1, 2) or array.dtype.kind not in "biufUM":
            what = f"{array.ndim} dimensions of type {array.dtype}"
            raise table.fault(f"array {shown(name)} has {what}; accepted: 1 or 2, of numbers, booleans, text or dates")
        made = [(f"{name}_{j}", array[:, j]) for j in range(array.shape[1])] if array.ndim == 2 else [(name, array)]
        columns += made
        groups |= {name: tuple(column for column, _ in made)} if array.ndim == 2 else {}
    _refuse_repeats(table, [name for name, _ in columns])
    if not columns:
        raise table.fault("has no columns; accepted: arrays with a row for each sample")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{shown(name)} {n:,}" for name, n in lengths.items())
        raise table.fault(f"has arrays of different lengths ({told}); accepted: as many rows in each")
    return dict(columns), groups


def _column(table: Source, series: pl.Series, numbers: Array) -> Column:
    import numpy as np
    import polars as pl

    name = series.name
    labels: tuple[str, ...] = ()
    odd: tuple[str, int] | None = None
    if table.suffix in _TEXT:
        series, odd = typed(series, numbers)
    dtype = series.dtype
    kind: Kind
    if dtype == pl.Null or series.null_count() == len(series):
        return Column(name, "empty", np.full(len(series), np.nan))
    if dtype.is_integer():
        kind = "integer"
    elif dtype.is_numeric():
        kind = "real"
    elif dtype == pl.Boolean:
        kind = "boolean"
    elif dtype.is_temporal():
        kind, series = "time", series.to_physical()
    elif dtype in (pl.String, pl.Categorical, pl.Enum):
        kind, text = "text", series.cast(pl.String)
        known = text.drop_nulls().unique().sort()
        labels, series = tuple(known), text.cast(pl.Enum(known)).to_physical()
    else:
        return Column(name, "nested", np.full(len(series), np.nan))
    values = series.cast(pl.Float64).to_numpy() + 0.0  # so that −0 is 0
    return Column(name, "empty" if np.isnan(values).all() else kind, values, labels, odd)


def choose(
    table: Source, x: Sequence[str], y: Sequence[str], besides: Sequence[str], kind: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of x and y, in the order of the file.

    A pattern leaves out columns that the other side names; a side that says nothing takes what the other one leaves.

    Args:
        table: the file.
        x: selections (``SELECTIONS``); so is ``y``.
        besides: columns that no pattern finds.
        kind: of a column, one of the values of ``TYPES``.

    Raises:
        ValueError: one line with key, value and what is accepted.
    """
    if not x and not y:
        raise fault("x", None, f"and dataset.y=null: one of them must say its columns; accepted: {SELECTIONS}")
    every, arrays = names(table)
    given = {"x": x, "y": y}
    exact = {side: {n for s in given[side] for n in ((s,) if s in every else arrays.get(s, ()))} for side in given}
    found: dict[str, list[str]] = {}
    for side, other in (("x", "y"), ("y", "x")):
        taken = {*exact[other], *besides}
        for selection in given[side]:
            these = matched(table, side, selection, given[side], kind)
            named = selection in every or selection in arrays
            found.setdefault(side, []).extend(n for n in these if named or n not in taken)
    for side, other in (("x", "y"), ("y", "x")):
        if not given[side]:
            taken = {*found[other], *besides}
            found[side] = [name for name in every if name not in taken]
        if not found[side]:
            raise fault(side, list(given[side]) or None, f"leaves no column for {side}; accepted: {SELECTIONS}")
    of_x, of_y = (tuple(filter(set(found[side]).__contains__, every)) for side in given)
    if both := list(filter(set(of_y).__contains__, of_x)):
        raise fault(
            "x",
            list(x),
            f"and dataset.y={shown(list(y))} both take {listing(both)}, and the MI of a column with itself is its "
            "entropy, infinite for numbers; accepted: different columns",
        )
    return of_x, of_y


def matched(table: Source, key: str, selection: str, given: Sequence[str], kind: Callable[[str], str]) -> list[str]:
    """The columns that one selection finds, of all that are given for a key.

    Raises:
        ValueError: it finds none.
    """
    every, arrays = names(table)
    if selection in every:
        return [selection]
    if selection in arrays:
        return list(arrays[selection])
    if selection.startswith(":"):
        if selection not in TYPES:
            raise fault(key, list(given), f"no such type of columns: {shown(selection)}; accepted: {', '.join(TYPES)}")
        matched = [name for name in every if kind(name) == TYPES[selection]]
    elif selection.startswith("^"):
        try:
            matched = [name for name in every if re.search(selection, name)]
        except re.error as error:
            raise fault(
                key, list(given), f"{shown(selection)} is no regular expression ({error}); accepted: {SELECTIONS}"
            ) from None
    else:
        pattern = re.escape(selection).replace(r"\*", ".*").replace(r"\?", ".")
        matched = [name for name in every if re.fullmatch(pattern, name, re.DOTALL)]
    if not matched:
        near = difflib.get_close_matches(selection, [*every, *arrays], 3)
        accepted = listing(near or [*arrays, *every])
        raise fault(key, list(given), f"no such column: {shown(selection)}; accepted: {accepted}")
    return matched
