"""A few correlated dimensions, embedded in a space of many columns."""

from __future__ import annotations

import functools
import math
from typing import Literal

from pydantic import model_validator

from mi_cli.datasets.calibration import Correlated
from mi_cli.errors import ConfigError, Fault
from mi_cli.fields import Count, Natural, Positive
from mi_cli.lazy import torch

__all__ = ["Manifold"]


class Manifold(Correlated):
    r"""``dim`` pairs of correlated normals u and v, as x = f(u) and y = g(v) in ``columns`` columns each.

    .. math:: I(X; Y) = I(U; V) = -\tfrac{d}{2} \ln(1 - ρ^2), \quad f(u) = (u, \sin(u W + b)) Q

    f and g are injective, each with an orthogonal Q, a W of normal entries of standard deviation ``frequency`` and
    phases b of its own, drawn from ``embedding_seed``. With ``embedding: isometric`` there are zeros in place of the
    sines, and the rows lie in a plane. The idea of few dimensions among many columns is that of Gowri, Lun,
    Klein and Yin (2024, arXiv 2409.02732).
    """

    name: Literal["manifold"] = "manifold"
    dim: Count = 2
    columns: Count = 50
    embedding: Literal["isometric", "sine"] = "isometric"
    frequency: Positive = 1.0
    embedding_seed: Natural = 0

    @model_validator(mode="after")
    def _has_enough_columns(self) -> Manifold:
        if self.columns < self.dim:
            raise ConfigError(Fault("dataset.columns", self.columns, accepted=f"at least dataset.dim={self.dim}"))
        return self

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.columns

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.columns

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, columns)`` and ``(n, columns)``."""
        u, v = self.pairs(n, generator, dtype or torch.float32)
        return self.embed(u, 0), self.embed(v, 1)

    def embed(self, rows: torch.Tensor, which: Literal[0, 1]) -> torch.Tensor:
        """Embed rows ``(n, dim)`` as rows ``(n, columns)``, by f where ``which`` is 0 and by g where it is 1."""
        shape = embedding(self.dim, self.columns, self.embedding_seed, which)
        rotation, weights, phases = (part.to(rows.dtype) for part in shape)
        if self.embedding == "isometric":
            return rows @ rotation[: self.dim]
        return torch.cat([rows, (self.frequency * rows @ weights + phases).sin()], 1) @ rotation

    def true_mi(self, noise: float = 0.0) -> float | None:
        """The MI of the pairs. Noise on a plane acts as noise on u; the MI of sines with noise is not known."""
        return self.pairs_mi(noise) if noise == 0 or self.embedding == "isometric" else None


@functools.lru_cache(maxsize=16)
def embedding(dim: int, columns: int, seed: int, which: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Q ``(columns, columns)``, W ``(dim, columns − dim)`` and b ``(columns − dim,)``, in float64."""
    generator = torch.Generator().manual_seed(2 * seed + which)
    square, upper = torch.linalg.qr(torch.randn((columns, columns), generator=generator, dtype=torch.float64))
    weights = torch.randn((dim, columns - dim), generator=generator, dtype=torch.float64)
    phases = 2 * math.pi * torch.rand(columns - dim, generator=generator, dtype=torch.float64)
    return square * upper.diagonal().sign(), weights, phases  # signs make Q uniform over rotations
