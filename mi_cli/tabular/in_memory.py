"""Rows in memory: NumPy arrays, tensors, lists, and frames or series of Polars or pandas.

NumPy arrays are taken without Polars being imported.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.lazy import np, pl
from mi_cli.tabular.columns import Array, Column, column_of_array, column_of_series
from mi_cli.tabular.source import Sample, Source, name_list, sampled_rows

__all__ = ["RowsInMemory", "named_columns", "rows_in_memory"]

_POLARS = "a frame or a series"


@dataclass(frozen=True, eq=False)
class RowsInMemory(Source):
    """Columns in memory, by name, of equal length.

    Args:
        columns: a NumPy array ``(n,)`` or a Polars series each.
        sides: the names of the columns that came as ``x``, ``y``, ``groups``, ``time`` and ``z``.
        frames: the sides that came as frames, whose columns have names.
    """

    columns: Mapping[str, Any]
    sides: Mapping[str, tuple[str, ...]]
    frames: frozenset[str] = frozenset()

    in_memory: ClassVar[bool] = True

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, those of x first."""
        return tuple(self.columns)

    @property
    def arrays(self) -> Mapping[str, tuple[str, ...]]:
        """None: every column is named."""
        return {}

    @property
    def together(self) -> frozenset[str]:
        """The columns of x, of y or of z, if they are several."""
        sides = [self.sides.get(side, ()) for side in "xyz"]
        return frozenset(name for names in sides if len(names) > 1 for name in names)

    def may_have_index(self, name: str) -> bool:
        """Whether a column came in a frame: what numbers the rows of an array was put there on purpose."""
        return any(name in self.sides[side] for side in self.frames)

    def sample(self, wanted: Sequence[str], max_rows: int) -> Sample:
        """All rows, or a uniform sample of them; it has the rows that it would have of a file."""
        del wanted  # all columns are there
        if max_rows not in self._samples:
            n = len(next(iter(self.columns.values())))
            if n == 0:
                raise self.error("has no rows", "at least 20")
            numbers = sampled_rows(n, max_rows)
            self._samples[max_rows] = Sample(numbers, n, _maker(self.columns, None if len(numbers) == n else numbers))
        return self._samples[max_rows]

    @cached_property
    def _samples(self) -> dict[int, Sample]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {"columns": self.columns, "sides": self.sides, "frames": self.frames}

    @property
    def facts(self) -> dict[str, Any]:
        """``file`` (None), ``format`` (``memory``) and ``bytes``."""
        sizes = (c.nbytes if isinstance(c, np.ndarray) else c.estimated_size() for c in self.columns.values())
        return {"file": None, "format": "memory", "bytes": sum(sizes)}

    @cached_property
    def digest(self) -> str:
        """A digest of names and values."""
        digest, sample = hashlib.sha256(), self.sample((), len(next(iter(self.columns.values()))))
        for name in self.columns:
            column = sample.column(name)
            digest.update("\0".join([name, column.kind, *column.labels]).encode() + column.values.tobytes())
        return digest.hexdigest()

    def error(self, problem: str, accepted: str) -> ConfigError:
        """What is wrong with the rows."""
        return ConfigError(Fault("x", problem=problem, accepted=accepted))


def _maker(columns: Mapping[str, Any], numbers: Array | None) -> Callable[[str], Column]:
    """Makes columns of the numbered rows. It holds no source, so that rows are freed as soon as a table is."""

    def make(name: str) -> Column:
        values = columns[name] if numbers is None else columns[name][numbers]
        return column_of_array(name, values) if isinstance(values, np.ndarray) else column_of_series(name, values)

    return make


def rows_in_memory(x: Any, y: Any, groups: Any = None, time: Any = None, z: Any = None) -> RowsInMemory:
    """Rows in memory as the source of a table.

    Columns of frames and series keep their names. Those of an array are called ``x``, or ``x_0``, ``x_1`` and so on
    where it has two dimensions. Where a name would come twice, the columns are called ``x.name`` and ``y.name``.

    Args:
        x: ``(n,)`` or ``(n, dim_x)``: an array, a tensor, a list, or a frame or series of Polars or pandas. Values are
            numbers, booleans, text or dates.
        y: as many rows.
        groups: a label for each row, or None.
        time: a value for each row by which rows are sorted, or None.
        z: as many rows that the MI is conditional on, ``(n,)`` or ``(n, dim_z)``, or None.

    Raises:
        ConfigError: the arguments have different numbers of rows, more than two dimensions, or no columns.
    """
    others = {"groups": groups, "time": time, "z": z}
    given = {"x": x, "y": y} | {key: rows for key, rows in others.items() if rows is not None}
    sides = {side: _columns(side, rows) for side, rows in given.items()}
    for key in ("groups", "time"):
        if len(sides.get(key, [None])) != 1:
            raise ConfigError(Fault(key, problem=f"has {len(sides[key])} columns", accepted="one value for each row"))
    lengths = {side: len(columns[0][1]) for side, columns in sides.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{side} {n:,}" for side, n in lengths.items())
        raise ConfigError(Fault("rows", problem=counts, accepted="as many of each"))
    times = Counter(name for columns in sides.values() for name, _ in columns)
    names = {
        side: tuple(name if times[name] == 1 else f"{side}.{name}" for name, _ in columns)
        for side, columns in sides.items()
    }
    repeats = [name for name, n in Counter(itertools.chain(*names.values())).items() if n > 1]
    if repeats:
        problem = f"has several columns called {name_list(repeats)}"
        raise ConfigError(Fault("x", problem=problem, accepted="a name for each"))
    values = (values for columns in sides.values() for _, values in columns)
    frames = frozenset(side for side, rows in given.items() if hasattr(rows, "columns"))
    return RowsInMemory(dict(zip(itertools.chain(*names.values()), values, strict=True)), names, frames)


def named_columns(rows: Any, names: Sequence[str] | None = None) -> dict[str, Column]:
    """The columns of an array or frame, by name.

    Args:
        rows: ``(n, d)``: an array, a tensor, a list, a frame of Polars or pandas, or a mapping from names to columns.
        names: what the columns of an array are called, in order; ``x_0``, ``x_1`` and so on unless given.

    Raises:
        ConfigError: the rows are no such thing, have another number of columns, several of one name, or columns of
            different lengths.
    """
    if isinstance(rows, Mapping):
        columns = [(str(name), _columns(str(name), values)[0][1]) for name, values in rows.items()]
        _refuse_unequal(columns)
    else:
        columns = _columns("x", rows)
        if names is not None and not hasattr(rows, "columns"):
            if len(columns) != len(names):
                problem = f"has {len(columns):,} columns"
                raise ConfigError(Fault("x", problem=problem, accepted=f"{len(names):,}: {name_list(names)}"))
            columns = [(name, values) for name, (_, values) in zip(names, columns, strict=True)]
    repeats = [name for name, n in Counter(name for name, _ in columns).items() if n > 1]
    if repeats:
        problem = f"has several columns called {name_list(repeats)}"
        raise ConfigError(Fault("x", problem=problem, accepted="a name for each"))
    make = _maker(dict(columns), None)
    return {name: make(name) for name, _ in columns}


def _refuse_unequal(columns: Sequence[tuple[str, Any]]) -> None:
    if len({len(values) for _, values in columns}) > 1:
        first, n = columns[0][0], len(columns[0][1])
        other, m = next((name, len(values)) for name, values in columns if len(values) != n)
        problem = f"has columns of different lengths ({shown(first)} {n:,}, {shown(other)} {m:,})"
        raise ConfigError(Fault("x", problem=problem, accepted="as many values in each"))


def _columns(side: str, rows: Any) -> list[tuple[str, Any]]:
    """Columns with their names: Polars series, or NumPy arrays ``(n,)``."""
    library = type(rows).__module__.partition(".")[0]
    if library == "polars":
        columns = [(column.name or side, column) for column in _series_of_polars(side, rows)]
    elif library == "pandas":
        named = rows.items() if rows.ndim == 2 else [(rows.name, rows)]
        columns = [(side if name is None else str(name), _array_of_pandas(column)) for name, column in named]
    else:
        columns = _columns_of_array(side, rows)
    if not columns:
        raise ConfigError(Fault(side, problem="has no columns", accepted="at least one"))
    return columns


def _columns_of_array(side: str, rows: Any) -> list[tuple[str, Array]]:
    """The columns of whatever NumPy makes an array of."""
    if isinstance(rows, np.ma.MaskedArray):
        masked = np.ma.getmaskarray(rows)
        rows = rows.astype(object).data
        rows[masked] = None
    if isinstance(rows, list | tuple) and any(value is np.ma.masked for value in rows):
        rows = [None if value is np.ma.masked else value for value in rows]
    try:
        array = np.asarray(_tensor_for_numpy(rows) if hasattr(rows, "detach") else rows)
    except ValueError as error:
        problem = f"is no array ({error})"
        raise ConfigError(Fault(side, problem=problem, accepted="as many values in each row")) from None
    except (RuntimeError, TypeError) as error:  # a tensor without values, or of a type that NumPy does not have
        problem = f"is no array ({' '.join(str(error).split())})"
        raise ConfigError(Fault(side, problem=problem, accepted="a tensor of numbers")) from None
    if array.ndim not in (1, 2):
        raise ConfigError(Fault(side, problem=f"{array.ndim} dimensions", accepted="1 or 2, a row for each sample"))
    return [(side, array)] if array.ndim == 1 else [(f"{side}_{j}", array[:, j]) for j in range(array.shape[1])]


def _series_of_polars(side: str, rows: Any) -> list[Any]:
    """The series of a frame, or a series itself."""
    if isinstance(rows, pl.DataFrame):
        return rows.get_columns()
    if not isinstance(rows, pl.Series):
        command = f"{side}.collect()" if isinstance(rows, pl.LazyFrame) else ""
        raise ConfigError(Fault(side, problem=f"is of type {type(rows).__name__}", accepted=_POLARS, command=command))
    return [rows]


def _tensor_for_numpy(tensor: Any) -> Any:
    """The values of a tensor. Those of less than 32 bits are float32 then: NumPy has no bfloat16."""
    tensor = tensor.detach().cpu().to_dense()
    return tensor.float() if tensor.is_floating_point() and tensor.element_size() < 4 else tensor


def _array_of_pandas(column: Any) -> Array:
    """A series of pandas as an array: text and nullable types as Python objects, None where a value is missing."""
    kind = getattr(column.dtype, "kind", "O")
    if kind == "M":
        return np.asarray(column, "datetime64[ns]")
    if kind in "biuf" and isinstance(column.dtype, np.dtype):
        return np.asarray(column)
    values: Array = column.astype(object).to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy()] = None
    return values
