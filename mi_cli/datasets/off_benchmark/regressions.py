"""y = f(x) + noise, whose density of y is an integral over x."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mi_cli.datasets.maps import Map
from mi_cli.datasets.off_benchmark.task import Distribution
from mi_cli.lazy import torch

__all__ = ["Grid", "Regression", "chi_grid", "normal_grid", "uniform_grid", "uniform_plane"]

_BLOCK = 100  # rows whose densities are integrated at once; a block fits the cache

Grid = Callable[[], "tuple[torch.Tensor, torch.Tensor]"]


def uniform_grid() -> tuple[torch.Tensor, torch.Tensor]:
    """Points ``(m, 1)`` and weights ``(m,)`` that integrate over U(0, 1)."""
    m = 1200  # a multiple of the steps of functions that are piecewise constant
    return ((torch.arange(m, dtype=torch.float64) + 0.5) / m)[:, None], torch.full((m,), 1 / m, dtype=torch.float64)


def uniform_plane() -> tuple[torch.Tensor, torch.Tensor]:
    """Points ``(m, 2)`` and weights ``(m,)`` that integrate over two columns U(0, 1)."""
    m = 61  # a prime, so that no two points are alike to a wave
    column = (torch.arange(m, dtype=torch.float64) + 0.5) / m
    return torch.cartesian_prod(column, column), torch.full((m * m,), 1 / m**2, dtype=torch.float64)


def normal_grid() -> tuple[torch.Tensor, torch.Tensor]:
    """Points ``(m, 1)`` and weights ``(m,)`` that integrate over N(0, 1)."""
    points = torch.linspace(-8.5, 8.5, 1700, dtype=torch.float64)
    weights = (-0.5 * points.square()).exp()
    return points[:, None], weights / weights.sum()


def chi_grid(dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points ``(m, dim)`` along an axis and weights ``(m,)``, by the distance of N(0, 1) in ``dim`` columns from 0."""
    radii = (torch.arange(1000, dtype=torch.float64) + 0.5) * (8.5 + math.sqrt(dim)) / 1000
    weights = ((dim - 1) * radii.log() - 0.5 * radii.square()).exp()
    points = torch.zeros((len(radii), dim), dtype=torch.float64)
    points[:, 0] = radii
    return points, weights / weights.sum()


@dataclass(frozen=True)
class Regression(Distribution):
    r"""y = f(x) + s(x) e, where all columns of x are U(0, 1), or all are N(0, 1).

    .. math:: \ln \frac{p(x, y)}{p(x) p(y)} = \ln p(y | x) - \ln \int p(y | x') p(x') dx'

    Args:
        mean: f, of rows ``(n, dim)`` to ``(n, 1)``.
        spread: s, likewise, or a number.
        grid: points and weights for the integral. A grid over fewer dimensions will do where y depends on those only.
        dim: columns of x.
        columns: the distribution of each column of x.
        noise: the distribution of e.
    """

    mean: Map
    spread: Map | float
    grid: Grid = uniform_grid
    dim: int = 1
    columns: Literal["uniform", "normal"] = "uniform"
    noise: Literal["normal", "cauchy"] = "normal"

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x, and one of y."""
        return self.dim, 1

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        draw = torch.rand if self.columns == "uniform" else torch.randn
        x = draw((n, self.dim), generator=generator, dtype=torch.float64)
        noise = torch.empty((n, 1), dtype=torch.float64)
        noise = noise.normal_(generator=generator) if self.noise == "normal" else noise.cauchy_(generator=generator)
        return x, self.mean(x) + self._spread(x) * noise

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """ln p(y | x) − ln p(y)."""
        given = self._log_noise(y, self.mean(x), self._spread(x))[:, 0]
        return given - torch.cat([self.log_density(rows) for rows in y.split(_BLOCK)])

    def log_density(self, y: torch.Tensor) -> torch.Tensor:
        """ln p(y) of rows ``(n, 1)``, as ``(n,)``."""
        means, spreads, logs = self._nodes
        density: torch.Tensor = (logs + self._log_noise(y, means, spreads)).logsumexp(1)
        return density

    @functools.cached_property
    def _nodes(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        points, weights = self.grid()
        return self.mean(points).T, self._spread(points).T, weights.log()

    def _spread(self, x: torch.Tensor) -> torch.Tensor:
        return self.spread(x) if callable(self.spread) else torch.full((len(x), 1), self.spread, dtype=torch.float64)

    def _log_noise(self, y: torch.Tensor, mean: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
        z = (y - mean) / spread
        if self.noise == "cauchy":
            return -z.square().log1p() - (math.pi * spread).log()
        return -0.5 * z.square() - (math.sqrt(2 * math.pi) * spread).log()
