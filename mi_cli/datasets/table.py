"""A table of one's own: columns of a file, or rows in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import ConfigError, counted
from mi_cli.fields import Count, Number
from mi_cli.lazy import np, torch
from mi_cli.problems import Rows
from mi_cli.tabular.columns import Array
from mi_cli.tabular.encoded_table import EncodedTable
from mi_cli.tabular.encoding import FEWEST_ROWS, ColumnInfo, EncodedColumn, TableSettings
from mi_cli.tabular.files import FILES
from mi_cli.tabular.in_memory import rows_in_memory
from mi_cli.tabular.notes import (
    block_rows,
    columns_of_few_values,
    description,
    left_out_columns,
    repeated_values,
)
from mi_cli.tabular.selection import SELECTIONS
from mi_cli.tabular.source import Source, absent_column, dataset_error
from mi_cli.tabular.stack import Paths, table_source

__all__ = ["FilePaths", "Name", "Names", "Table", "file_paths", "matrix"]

_MEMORY = "(rows in memory)"  # in place of a path
_A_PAIR = "null, or a list of two columns, one of x and one of y, such as [age, dose]"


def _text(value: Any) -> Any:
    """The name of a column as text, where YAML took it for a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _texts(value: Any) -> Any:
    if value is None or value == "auto":
        return () if value is None else value
    if isinstance(value, Mapping):  # which pydantic refuses, with what is accepted
        return value
    return tuple(map(_text, value)) if isinstance(value, list | tuple) else (_text(value),)


def _two_names(value: Any) -> Any:
    """A pair of names; what is none is refused as a whole."""
    names = [_text(entry) for entry in value] if isinstance(value, list | tuple) else []
    if value is not None and not (len(names) == 2 and all(isinstance(name, str) and name for name in names)):
        raise dataset_error("pair", value, "", _A_PAIR)
    if value is not None and names[0] == names[1]:
        problem = "names one column twice, and the MI of a column with itself is its entropy, infinite for numbers"
        raise dataset_error("pair", value, problem, "two different columns")
    return value


def file_paths(key: str, other: str = "") -> BeforeValidator:
    """Checks that a setting is a path or several; ``other`` begins what is accepted beside them."""

    def check(value: Any) -> Any:
        is_list = isinstance(value, list | tuple)
        if is_list and value and all(isinstance(path, str) for path in value):
            return value[0] if len(value) == 1 else tuple(value)
        if isinstance(value, str) or (other and value is None):
            return value
        raise dataset_error(key, value, "", f"{other}a file, {FILES}, or a list of files")

    return BeforeValidator(check)


FilePaths = Annotated[Paths, file_paths("path"), Field(description=f"a file, a glob or a list of them, {FILES}")]
Name = Annotated[str, BeforeValidator(_text)]
Names = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class Table(Dataset):
    """Columns of a file (or, by :meth:`from_memory`, of arrays and frames): all rows, or a sample of ``max_rows``.

    A column of classes becomes one column of 0 and 1 for each class, or a single one where there are two classes. Once
    the table is opened, ``n_samples`` is the number of its rows, or the number that was set where that is smaller.
    Every seed draws its own ``n_samples`` rows, or its own ``share`` of all rows. The MI is not known. With columns of
    z, it is the MI given z.

    The transforms make tables whose MI has a known relation to that of the table itself. ``shuffle`` pairs x with y of
    other rows: the MI is 0. ``function`` replaces columns of y by whether they lie above their median, or are the most
    frequent class: the MI is not larger. ``two_copies`` puts two rows beside each other in one: the MI is twice as
    large, on half the rows.
    """

    finite: ClassVar[bool] = True

    name: Literal["table"] = "table"
    path: FilePaths
    x: Annotated[Names, Field(description=SELECTIONS)] = ()
    y: Annotated[Names, Field(description=SELECTIONS)] = ()
    z: Annotated[Names, Field(description=f"columns that the MI is conditional on: {SELECTIONS}")] = ()
    exclude: Annotated[Names, Field(description="columns that no side takes")] = ()
    pair: Annotated[tuple[Name, Name] | None, BeforeValidator(_two_names), Field(description=_A_PAIR)] = None
    missing: Literal["error", "drop", "impute"] = "error"
    groups: Annotated[Name | None, Field(description="null, or a column")] = None
    time: Annotated[Name | None, Field(description="null, or a column")] = None
    id: Annotated[Names, Field(description="columns that name the rows, which no side takes")] = ()
    classes: Annotated[Names | Literal["auto"], Field(description="auto or a list of columns")] = "auto"
    max_rows: Count = 100_000
    share: Annotated[Number, Field(gt=0, le=1)] = 1.0
    transform: Literal["none", "shuffle", "function", "two_copies"] = "none"
    _encoded: EncodedTable | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _has_pair_or_sides(self) -> Table:
        if self.pair is not None and (self.x or self.y):
            side = "x" if self.x else "y"
            problem = "is beside dataset.pair, which names both columns"
            raise dataset_error(side, list(getattr(self, side)), problem, "one of the two")
        return self

    @classmethod
    def from_memory(cls, x: Any, y: Any, groups: Any = None, time: Any = None, z: Any = None, **fields: Any) -> Table:
        """An opened table of rows in memory, encoded as the same rows of a file are.

        Columns of frames and series keep their names. Those of arrays are called ``x``, or ``x_0``, ``x_1`` and so on
        where the array has two dimensions; a name that would come twice is written ``x.name`` and ``y.name``. Text and
        booleans are classes, and by ``classes="auto"`` so are whole numbers with few values.

        Args:
            x: ``(n,)`` or ``(n, dim_x)``: a NumPy array, a tensor, a list, or a frame or series of Polars or pandas.
            y: as many rows.
            groups: a label for each row, or None; rows with equal labels stay together.
            time: a value for each row by which rows are sorted, or None.
            z: as many rows that the MI is conditional on, or None.
            fields: of the table: ``n_samples``, ``missing``, ``exclude``, ``classes``, ``max_rows``, ``share`` and
                ``transform``.

        Raises:
            ConfigError: the arguments do not have equally many rows, or rows or columns are not what a table may have.
            pydantic.ValidationError: a field has no valid value.
        """
        source = rows_in_memory(x, y, groups, time, z)
        names = {side: columns if side in "xyz" else columns[0] for side, columns in source.sides.items()}
        table = cls.model_validate({"path": _MEMORY} | fields | names)
        return table._opened(source)

    def opened(self) -> Self:
        """This table with its file opened: ``n_samples`` is the number of rows that a seed draws.

        Raises:
            ConfigError: the file cannot be read, or its columns and rows are not what the fields ask for.
        """
        if self._encoded is not None and self._encoded.settings.source.in_memory:
            return self
        return self._opened(table_source(self.path))

    def _opened(self, source: Source) -> Self:
        values = {name: getattr(self, name) for name in TableSettings.FIELDS}
        if absent := [name for name in self.id if name not in source.names]:
            raise absent_column("id", absent[0], absent[0], source.names)
        values["exclude"] = (*self.exclude, *self.id)
        if self.pair is not None:
            values |= {"x": self.pair[:1], "y": self.pair[1:]}
        try:
            encoded = EncodedTable(TableSettings(source, **values))
        except ConfigError as error:
            raise self._of_pair(error) from None
        rows = round(self.share * encoded.info.rows)
        if rows < FEWEST_ROWS:
            raise dataset_error("share", self.share, f"leaves {counted(rows, 'row')}", f"at least {FEWEST_ROWS}")
        table = self.model_copy(update={"n_samples": min(rows, self.n_samples or rows)})
        table._encoded = encoded
        return table

    def _of_pair(self, error: ConfigError) -> ConfigError:
        """Faults of x and y, which were typed as a pair."""
        if self.pair is None:
            return error
        keys = ("dataset.x", "dataset.y")
        return ConfigError(
            *(
                replace(one, key="dataset.pair", value=list(self.pair)) if one.key in keys else one
                for one in error.faults
            )
        )

    @property
    def encoded(self) -> EncodedTable:
        """The columns that the file has, as numbers.

        Raises:
            RuntimeError: the table is not opened.
        """
        if self._encoded is None:
            raise RuntimeError(f"the table {self.path} is not opened; call opened() first")
        return self._encoded

    @property
    def discrete(self) -> frozenset[Side]:
        """The sides all of whose columns are classes."""
        return self._sides(lambda columns: all(column.kind != "number" for column in columns))

    @property
    def with_classes(self) -> frozenset[Side]:
        """The sides that have a column of classes."""
        return self._sides(lambda columns: any(column.kind != "number" for column in columns))

    def _sides(self, condition: Callable[[Sequence[ColumnInfo]], bool]) -> frozenset[Side]:
        sides: dict[Side, Sequence[ColumnInfo]] = {"x": self.encoded.info.x, "y": self.encoded.info.y}
        return frozenset(side for side, columns in sides.items() if condition(columns))

    @property
    def few_valued(self) -> tuple[str, ...]:
        """Columns of numbers that have few values, each many times."""
        return columns_of_few_values(self.encoded)

    @property
    def column_names(self) -> dict[str, tuple[str, ...]]:
        """The name of each column of a side; a column of classes has as many as it has classes."""
        info = self.encoded.info
        sides = {"x": info.x, "y": info.y, "z": info.z}
        return {side: tuple(one.name for one in infos for _ in range(one.width)) for side, infos in sides.items()}

    @property
    def ties(self) -> dict[str, float]:
        """Columns of x and y with many repeated values, the largest share first."""
        return repeated_values(self.encoded)

    @property
    def dim_x(self) -> int:
        """Columns of x, one for each class of a column of classes."""
        return sum(column.width for column in self.encoded.info.x)

    @property
    def dim_y(self) -> int:
        """Columns of y, one for each class of a column of classes."""
        return sum(column.width for column in self.encoded.info.y)

    @property
    def dim_z(self) -> int:
        """Columns of z, one for each class of a column of classes."""
        return sum(column.width for column in self.encoded.info.z)

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` different rows, as :meth:`rows` does; shapes ``(n, dim_x)`` and ``(n, dim_y)``."""
        rows = self.rows(n, generator, dtype)
        return rows.x, rows.y

    def rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` different rows. Those of a group stay together; with a column of time, rows are in its order.

        Blocks are the groups, or stretches of time that are about as long as the rows depend on each other
        (:func:`mi_cli.tabular.row_order.block_length`).

        Raises:
            ValueError: the table has fewer rows.
        """
        table, dtype = self.encoded.rows(), dtype or torch.float32
        if n > table.n:
            raise ValueError(f"{n:,} rows of {self.path}, which gives {table.n:,}; accepted: at most so many")
        block = None
        if self.time is not None:
            order = torch.randperm(table.n, generator=generator)[:n].sort().values.numpy()
            block = torch.arange(n) // max(1, math.ceil(block_rows(self.encoded) * n / table.n))
        elif table.groups is not None:
            places = torch.randperm(int(table.groups.max()) + 1, generator=generator)
            groups = torch.from_numpy(table.groups)
            order = torch.argsort(places[groups], stable=True)[:n].numpy()
            block = groups[order]
        else:
            order = torch.randperm(table.n, generator=generator)[:n].numpy()
        x, y = (torch.from_numpy(matrix(columns, order)).to(dtype) for columns in (table.x, table.y))
        if self.transform == "shuffle":
            y = y[torch.randperm(n, generator=generator)]
        z = torch.from_numpy(matrix(table.z, order)).to(dtype) if table.z else None
        number = None if table.numbers is None else torch.from_numpy(table.numbers[order])
        return Rows(x, y, block, z, number)

    def describe(self) -> dict[str, Any]:
        """What was read, and what its user should know of it (``notes``)."""
        return description(self.encoded, self.n_samples or 0)

    @property
    def left_out(self) -> list[str]:
        """What there is to say of columns that are not used, as nobody named them."""
        return left_out_columns(self.encoded)

    def digest(self) -> str:
        """The digest of the file, or of the rows in memory."""
        return self.encoded.settings.source.digest

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Not known, but for shuffled rows, whose MI is 0."""
        del noise
        return 0.0 if self.transform == "shuffle" else None


def matrix(columns: Sequence[EncodedColumn], order: Array) -> Array:
    """Rows of encoded columns, ``(len(order), width of all)`` in float64."""
    numbers = np.zeros((len(order), sum(column.info.width for column in columns)))
    place = 0
    for column in columns:
        values = column.values[order]
        if column.info.width == 1:
            numbers[:, place] = values
        else:
            numbers[np.arange(len(order)), place + values.astype(np.int64)] = 1.0
        place += column.info.width
    return numbers
