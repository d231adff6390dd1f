"""The base class of distributions of triples (x, y, z) whose MI given z is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from mi_cli.datasets.base import Dataset
from mi_cli.fields import Count
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["Triples"]

Triple = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]


class Triples(Dataset, ABC):
    """A distribution of triples (x, y, z) with one column of x and one of y.

    Estimates are of I(x; y | z), and ``true_mi`` is that as well.
    """

    n_samples: Count | None = 1000

    @property
    def kind(self) -> str:
        """What the dataset is an example of: its name, unless it says otherwise."""
        return self.name.replace("_", " ")

    def describe(self) -> dict[str, Any]:
        """``kind``, by which answers are counted."""
        return {"kind": self.kind}

    @property
    def dim_x(self) -> int:
        """One column."""
        return 1

    @property
    def dim_y(self) -> int:
        """One column."""
        return 1

    @property
    def dim_z(self) -> int:
        """Columns of z; one unless the dataset says otherwise."""
        return 1

    @abstractmethod
    def triples(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` independent rows of x, y and z; shapes ``(n, 1)``, ``(n, 1)`` and ``(n, dim_z)``."""

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows without z; shapes ``(n, 1)`` and ``(n, 1)``."""
        x, y, _ = self.triples(n, generator, dtype or torch.float32)
        return x, y

    def rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` rows with z."""
        x, y, z = self.triples(n, generator, dtype or torch.float32)
        return Rows(x, y, z=z)
