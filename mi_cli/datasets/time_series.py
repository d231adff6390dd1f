"""A table of one's own whose rows follow each other in time."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from mi_cli.datasets.base import Side
from mi_cli.datasets.series import Series, SeriesDataset
from mi_cli.datasets.table import FilePaths, Name, Names
from mi_cli.lazy import np, torch
from mi_cli.tabular.encoding import ColumnInfo
from mi_cli.tabular.selection import SELECTIONS
from mi_cli.tabular.series_rows import SeriesRows, SeriesSettings, series_facts, series_rows
from mi_cli.tabular.source import FILE_LABEL
from mi_cli.tabular.stack import table_source

__all__ = ["TimeSeries"]


class TimeSeries(SeriesDataset):
    """Columns of a file whose rows are at equal steps of time, in one recording or several.

    Rows of equal ``groups`` are one recording. Within each, ``time`` is ascending and at equal steps; with
    ``gaps: split`` a longer step ends a recording. Without ``time``, rows are at equal steps in the order of the file.
    Without ``y``, the columns of x are paired with each other. Text, booleans and whole numbers with few values are
    classes. Once the file is opened, ``n_samples`` is the number of its rows, or the number that was set where that is
    smaller: the first ones, recording by recording. The MI is not known.
    """

    finite: ClassVar[bool] = True

    name: Literal["time_series"] = "time_series"
    path: FilePaths
    x: Annotated[Names, Field(description=SELECTIONS)] = ()
    y: Annotated[Names, Field(description=SELECTIONS)] = ()
    z: Annotated[Names, Field(description=f"columns whose past is given: {SELECTIONS}")] = ()
    exclude: Annotated[Names, Field(description="columns that no side takes")] = ()
    time: Annotated[Name | None, Field(description="null, or a column")] = None
    time_unit: Annotated[str | None, Field(max_length=20)] = None
    groups: Annotated[Name | None, Field(description="null, or a column")] = None
    gaps: Literal["error", "split"] = "error"
    missing: Literal["error", "drop"] = "error"
    classes: Annotated[Names | Literal["auto"], Field(description="auto or a list of columns")] = "auto"
    _settings: SeriesSettings | None = PrivateAttr(None)

    def opened(self) -> Self:
        """This dataset with its file opened: ``n_samples`` is the number of rows that are used.

        Raises:
            ConfigError: the file cannot be read, or its columns and rows are not what the fields ask for.
        """
        fields = {name: getattr(self, name) for name in SeriesSettings.__dataclass_fields__ if name != "source"}
        source = table_source(self.path)
        if self.groups == FILE_LABEL and FILE_LABEL not in source.labels:  # of one file, which is one recording
            fields["groups"] = None
        settings = SeriesSettings(source=source, **fields)
        n = series_rows(settings).n
        dataset = self.model_copy(update={"n_samples": min(n, self.n_samples or n)})
        dataset._settings = settings
        return dataset

    @property
    def read(self) -> SeriesRows:
        """The rows of the file.

        Raises:
            RuntimeError: the dataset is not opened.
        """
        if self._settings is None:
            raise RuntimeError(f"the table {self.path} is not opened; call opened() first")
        return series_rows(self._settings)

    def series(self, generator: torch.Generator) -> Series:
        """The first ``n_samples`` rows; nothing is drawn."""
        del generator
        rows, n = self.read, self.n_samples or 0
        columns = {name: values[:n] for name, values in rows.columns.items()}
        return Series(columns, rows.recordings.number[:n], self.names["x"], self.names["y"], self.names["z"])

    @property
    def lengths(self) -> tuple[int, ...]:
        """The rows of each recording that are used."""
        return tuple(np.bincount(self.read.recordings.number[: self.n_samples]).tolist())

    @property
    def names(self) -> dict[Literal["x", "y", "z"], tuple[str, ...]]:
        """The columns of x, of y and of z."""
        x, y, z = (tuple(info.name for info in self.read.infos[side]) for side in "xyz")
        return {"x": x, "y": y, "z": z}

    def _infos(self, side: str) -> tuple[ColumnInfo, ...]:
        return self.read.infos[side] or self.read.infos["x"]  # without y, columns of x are both

    @property
    def discrete(self) -> frozenset[Side]:
        """The sides all of whose columns are classes."""
        sides: tuple[Side, ...] = ("x", "y")
        return frozenset(side for side in sides if all(info.kind != "number" for info in self._infos(side)))

    @property
    def with_classes(self) -> frozenset[Side]:
        """The sides that have a column of classes."""
        sides: tuple[Side, ...] = ("x", "y")
        return frozenset(side for side in sides if any(info.kind != "number" for info in self._infos(side)))

    @property
    def few_valued(self) -> tuple[str, ...]:
        """Columns of numbers that have few values, each many times."""
        of_z = {info.name for info in self.read.infos["z"]}
        return tuple(name for name in self.read.few_valued if name not in of_z)

    @property
    def dim_x(self) -> int:
        """Columns of x, one for each class of a column of classes."""
        return sum(info.width for info in self._infos("x"))

    @property
    def dim_y(self) -> int:
        """Columns of y; without y, those of x."""
        return sum(info.width for info in self._infos("y"))

    @property
    def dim_z(self) -> int:
        """Columns of z, one for each class of a column of classes."""
        return sum(info.width for info in self.read.infos["z"])

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` different rows in no order; shapes ``(n, dim_x)`` and ``(n, dim_y)``.

        Raises:
            ValueError: the file has fewer rows.
        """
        rows = self.read
        if n > rows.n:
            raise ValueError(f"{n:,} rows of {self.path}, which gives {rows.n:,}; accepted: at most so many")
        order = torch.randperm(rows.n, generator=generator)[:n].numpy()
        sides = (np.concatenate([rows.columns[info.name] for info in self._infos(side)], 1) for side in "xy")
        x, y = (torch.from_numpy(side[order]).to(dtype or torch.float32) for side in sides)
        return x, y

    def describe(self) -> dict[str, Any]:
        """What was read, and what its user should know of it (``notes``)."""
        if self._settings is None:
            return {}
        return series_facts(self._settings, self.read, self.n_samples or 0)

    def digest(self) -> str | None:
        """The digest of the file."""
        return None if self._settings is None else self._settings.source.digest

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Not known."""
        del noise
        return None
