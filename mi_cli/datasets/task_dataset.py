"""What datasets by the name of a task share: rows are drawn from the task's distribution and mapped."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from mi_cli.datasets.base import Dataset
from mi_cli.datasets.maps import PairMap
from mi_cli.datasets.sources import Drawn, pointwise_rows_of
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["MappedTask", "TaskDataset"]


class MappedTask(Protocol):
    """A distribution, and maps of x and y that keep its MI."""

    @property
    def source(self) -> Drawn: ...  # noqa: D102

    @property
    def maps(self) -> PairMap: ...  # noqa: D102

    @property
    def mapped_dims(self) -> tuple[int, int]:
        """Columns of x and of y once they are mapped."""


class TaskDataset(Dataset):
    """The base class of datasets whose distribution is a task. A subclass has a field ``task`` and says what it is."""

    @property
    @abstractmethod
    def chosen(self) -> MappedTask:
        """The task of the name that the config gives."""

    @property
    def dim_x(self) -> int:
        """Columns of x, one for each class of a column of classes."""
        return self.chosen.mapped_dims[0]

    @property
    def dim_y(self) -> int:
        """Columns of y, one for each class of a column of classes."""
        return self.chosen.mapped_dims[1]

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows in float64, and round them to ``dtype`` at the end."""
        x, y = self.chosen.maps(*self.chosen.source.sample(n, generator))
        return x.to(dtype or torch.float32), y.to(dtype or torch.float32)

    def pointwise_rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` rows with the pointwise MI of each, which the maps keep."""
        return pointwise_rows_of(self.chosen.source, n, generator, dtype, self.chosen.maps)
