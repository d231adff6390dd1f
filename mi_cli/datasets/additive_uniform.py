"""Uniform columns with uniform noise."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import model_validator

from mi_cli.datasets.calibration import HIGHEST_MI, ColumnPairs, check_mi
from mi_cli.datasets.sources import AdditiveUniform, pointwise_rows_of
from mi_cli.fields import Positive
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["UniformPairs"]


class UniformPairs(ColumnPairs):
    r"""x ~ U(0, 1) and y = x + U(−ε, ε), in ``dim`` independent columns.

    .. math:: I(X; Y) = d (ε - \ln 2ε) \text{ for } ε ≤ \tfrac12, \quad \tfrac{d}{4ε} \text{ above}

    ``mi``, in nats, sets ε. From Letizia, Novello and Tonello (2024, arXiv 2305.20025) and, with one column,
    Czyż et al. (2023, arXiv 2306.11078).
    """

    name: Literal["additive_uniform"] = "additive_uniform"
    epsilon: Positive = 0.1
    mi: Positive | None = None

    @model_validator(mode="after")
    def _can_have_mi(self) -> UniformPairs:
        if self.mi is not None:
            check_mi(self, self.mi, (1e-3 * self.dim, HIGHEST_MI * self.dim), "epsilon", lambda: self.source.epsilon)
        return self

    @property
    def source(self) -> AdditiveUniform:
        """The distribution, with the ε that is given or that ``mi`` needs."""
        return AdditiveUniform(self.epsilon if self.mi is None else _epsilon(self.mi / self.dim), self.dim)

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim)`` and ``(n, dim)``."""
        x, y = self.source.sample(n, generator)
        return x.to(dtype or torch.float32), y.to(dtype or torch.float32)

    def pointwise_rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` rows with the pointwise MI of each."""
        return pointwise_rows_of(self.source, n, generator, dtype)

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Closed form; not known with more noise."""
        return self.source.mi() if noise == 0 else None


def _epsilon(mi: float) -> float:
    """The ε at which a column has ``mi`` nats."""
    if mi < 0.5:
        return 0.25 / mi
    epsilon = 0.5 * math.exp(-mi)
    for _ in range(8):  # Newton's method on a convex function, from its left, where it converges quadratically
        epsilon -= (epsilon - math.log(2 * epsilon) - mi) / (1 - 1 / epsilon)
    return epsilon
