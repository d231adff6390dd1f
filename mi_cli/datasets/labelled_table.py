"""A table of one's own with labels to predict, and rows without labels beside them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from mi_cli.datasets.base import Dataset, Side
from mi_cli.datasets.table import FilePaths, Names, file_paths, matrix
from mi_cli.fields import Count
from mi_cli.lazy import torch
from mi_cli.tabular.encoding import TableSettings
from mi_cli.tabular.files import FILES
from mi_cli.tabular.labelled_rows import LabelledRows, facts, label_notes, labelled_rows
from mi_cli.tabular.selection import SELECTIONS
from mi_cli.tabular.stack import Paths, table_source

__all__ = ["LabelledTable"]


class LabelledTable(Dataset):
    """Rows of a file with labels; rows whose label is missing, and those of ``unlabelled``, have x only.

    x are all columns but the labels, unless they are named. Once the table is opened, ``n_samples`` is the number of
    rows that have every label, or the number that was set where that is smaller; every seed draws its own rows.

    ``procedure: represent`` takes the columns as they are in the files (:attr:`table`), and encodes them by training
    rows only. :meth:`sample` is for all other uses: it gives numbers, with one column for each class, and a value in
    place of a missing one (the median, or the most frequent class, of all rows).
    """

    finite: ClassVar[bool] = True

    name: Literal["labelled_table"] = "labelled_table"
    path: FilePaths
    label: Annotated[Names, Field(description=f"the columns that are predicted: {SELECTIONS}")] = ()
    x: Annotated[Names, Field(description=SELECTIONS)] = ()
    exclude: Annotated[Names, Field(description="columns that are neither labels nor used to predict them")] = ()
    unlabelled: Annotated[
        Paths | None,
        file_paths("unlabelled", "null, or "),
        Field(description=f"null, or files of rows without labels, {FILES}"),
    ] = None
    classes: Annotated[Names | Literal["auto"], Field(description="auto or a list of columns")] = "auto"
    max_rows: Count = 100_000
    _rows: LabelledRows | None = PrivateAttr(None)

    def opened(self) -> Self:
        """This table with its files opened: ``n_samples`` is the number of labelled rows that a seed draws.

        Raises:
            ConfigError: a file cannot be read, or its columns, rows or labels are not what the fields ask for.
        """
        settings = TableSettings(
            source=table_source(self.path),
            x=self.x,
            y=self.label,
            missing="impute",
            groups=None,
            time=None,
            classes=self.classes,
            max_rows=self.max_rows,
            transform="none",
            exclude=self.exclude,
        )
        unlabelled = None if self.unlabelled is None else table_source(self.unlabelled, "unlabelled")
        rows = labelled_rows(settings, unlabelled)
        n = len(rows.labelled)
        table = self.model_copy(update={"n_samples": min(n, self.n_samples or n)})
        table._rows = rows
        return table

    @property
    def table(self) -> LabelledRows:
        """The columns of all rows, as they are in the files.

        Raises:
            RuntimeError: the table is not opened.
        """
        if self._rows is None:
            raise RuntimeError(f"the table {self.path} is not opened; call opened() first")
        return self._rows

    @property
    def discrete(self) -> frozenset[Side]:
        """The sides all of whose columns are classes."""
        return self._sides(every=True)

    @property
    def with_classes(self) -> frozenset[Side]:
        """The sides that have a column of classes."""
        return self._sides(every=False)

    def _sides(self, *, every: bool) -> frozenset[Side]:
        sides: dict[Side, list[bool]] = {
            "x": [column.kind != "number" for column in self.table.info.x],
            "y": [column.kind != "number" for column in self.table.info.y],
        }
        return frozenset(side for side, are in sides.items() if (all(are) if every else any(are)))

    @property
    def dim_x(self) -> int:
        """Columns of x, one for each class of a column of classes."""
        return self.table.dim_x

    @property
    def dim_y(self) -> int:
        """Columns of the labels, one for each class of a label of classes."""
        return sum(column.width for column in self.table.info.y)

    def order(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Draw ``n`` different rows that have every label: their indices among all rows of :attr:`table`.

        Raises:
            ValueError: the table has fewer.
        """
        labelled = torch.from_numpy(self.table.labelled)
        if n > len(labelled):
            raise ValueError(f"{n:,} rows of {self.path}, of which {len(labelled):,} have labels")
        return labelled[torch.randperm(len(labelled), generator=generator)[:n]]

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` different rows that have every label; shapes ``(n, dim_x)`` and ``(n, dim_y)``."""
        order, rows = self.order(n, generator).numpy(), self.table.encoded
        x, y = (torch.from_numpy(matrix(side, order)).to(dtype or torch.float32) for side in (rows.x, rows.y))
        return x, y

    def describe(self) -> dict[str, Any]:
        """What was read, and what its user should know of it (``notes``)."""
        return facts(self.table) | {"notes": label_notes(self.table)}

    def digest(self) -> str:
        """The digest of the file, and of that of rows without labels."""
        rows = self.table
        more = "" if rows.unlabelled is None else f" {rows.unlabelled.digest}"
        return rows.settings.source.digest + more

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Not known."""
        del noise
        return None
