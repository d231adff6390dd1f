"""Datasets whose columns are functions of a uniform label."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from mi_cli.datasets.base import Dataset
from mi_cli.lazy import torch

__all__ = ["UniformLabel"]


class UniformLabel(Dataset, ABC):
    """A label y ~ U(−1, 1), and columns x that are functions of it."""

    @property
    def dim_y(self) -> int:
        """The label."""
        return 1

    @abstractmethod
    def features(self, label: torch.Tensor) -> torch.Tensor:
        """Columns ``(n, dim_x)`` of labels ``(n, 1)``."""

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim_x)`` and ``(n, 1)``."""
        label = torch.empty((n, 1), dtype=dtype or torch.float32).uniform_(-1, 1, generator=generator)
        return self.features(label), label

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Infinite without noise (x determines y, which is continuous), not known with it."""
        return math.inf if noise == 0 else None
