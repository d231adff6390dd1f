"""Mixtures of normal distributions of (x, y), whose MI is the mean of a logarithm of their densities."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mi_cli.datasets.sources import Source
from mi_cli.lazy import torch

__all__ = ["NormalMixture", "Part", "clouds", "concentric", "inliers", "letters", "ridges", "staggered"]

_DRAWS, _BLOCK = 500_000, 10_000  # a block fits the cache


@dataclass(frozen=True)
class Part:
    """A normal distribution with a weight: the mean has ``d`` numbers, the covariance ``d`` rows of ``d``."""

    weight: float
    mean: Sequence[float]
    covariance: Sequence[Sequence[float]]


@dataclass(frozen=True)
class NormalMixture(Source):
    r"""Normal parts of (x, y); the first ``dim_x`` columns are x.

    .. math:: I(X; Y) = E \ln \frac{p(X, Y)}{p(X) p(Y)}
    """

    parts: tuple[Part, ...]
    dim_x: int

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        return self.dim_x, len(self.parts[0].mean) - self.dim_x

    @functools.cached_property
    def _components(self) -> tuple[_Component, ...]:
        return tuple(
            _Component(
                part.weight,
                torch.tensor(part.mean, dtype=torch.float64),
                torch.linalg.cholesky(torch.tensor(part.covariance, dtype=torch.float64)),
            )
            for part in self.parts
        )

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y = _draw(self._components, n, generator).split(list(self.dims), 1)
        return x, y

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """ln p(x, y) − ln p(x) − ln p(y) of each row, as ``(n,)``."""
        return self._log_ratio(torch.cat([x, y], 1))

    @functools.cached_property
    def _log_ratio(self) -> _LogRatio:
        return _LogRatio(self._components, self.dim_x)

    def mi(self) -> float:
        """I(x; y) in nats, by Monte Carlo: the mean of half a million draws with a fixed seed."""
        return self.monte_carlo()[0]

    def monte_carlo(self, noise: float = 0.0, draws: int = _DRAWS, seed: int = 0) -> tuple[float, float]:
        """MI in nats and its standard error, with N(0, noise²) added to every column of x.

        Args:
            noise: a standard deviation.
            draws: number of rows, rounded down to blocks of 10,000.
            seed: of the draws.
        """
        generator = torch.Generator().manual_seed(seed)
        joint = [component.with_noise(slice(0, self.dim_x), noise) for component in self._components]
        ratio = _LogRatio(joint, self.dim_x)
        every = torch.cat([ratio(_draw(joint, _BLOCK, generator)) for _ in range(draws // _BLOCK)])
        return every.mean().item(), every.std().item() / math.sqrt(len(every))


@dataclass(frozen=True)
class _Component:
    """A normal component of (x, y): weight, mean ``(d,)`` and the lower factor of its covariance ``(d, d)``."""

    weight: float
    mean: torch.Tensor
    factor: torch.Tensor

    def marginal(self, columns: slice) -> _Component:
        """The marginal on some columns."""
        covariance = self.factor @ self.factor.T
        return _Component(self.weight, self.mean[columns], torch.linalg.cholesky(covariance[columns, columns]))

    def with_noise(self, columns: slice, noise: float) -> _Component:
        """The component with noise of that standard deviation on some columns."""
        covariance = self.factor @ self.factor.T
        covariance.diagonal()[columns] += noise**2
        return _Component(self.weight, self.mean, torch.linalg.cholesky(covariance))


def _draw(components: Sequence[_Component], n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw rows ``(n, d)``."""
    borders = torch.tensor([component.weight for component in components[:-1]], dtype=torch.float64).cumsum(0)
    chosen = torch.bucketize(torch.rand(n, generator=generator, dtype=torch.float64), borders)
    rows = torch.randn((n, len(components[0].mean)), generator=generator, dtype=torch.float64)
    for index, component in enumerate(components):
        drawn = chosen == index
        rows[drawn] = rows[drawn] @ component.factor.T + component.mean
    return rows


class _LogDensity:
    """The logarithm of the density of a mixture."""

    def __init__(self, components: Sequence[_Component]) -> None:
        factors = torch.stack([component.factor for component in components])
        means = torch.stack([component.mean for component in components])
        self.whitening = torch.linalg.inv(factors)
        self.whitened_means = torch.einsum("kij,kj->ki", self.whitening, means).unsqueeze(1)
        logs = torch.tensor([math.log(component.weight) for component in components], dtype=torch.float64)
        spread = factors.diagonal(dim1=1, dim2=2).log().sum(1)
        self.scale = (logs - spread - 0.5 * means.shape[1] * math.log(2 * math.pi)).unsqueeze(1)

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """At rows ``(n, d)``, as ``(n,)``."""
        z = rows @ self.whitening.mT - self.whitened_means
        density: torch.Tensor = (self.scale - 0.5 * z.square().sum(2)).logsumexp(0)
        return density


class _LogRatio:
    """ln p(x, y) − ln p(x) − ln p(y) of a mixture."""

    def __init__(self, components: Sequence[_Component], dim_x: int) -> None:
        self.x, self.y = slice(0, dim_x), slice(dim_x, None)
        self.both, self.of_x, self.of_y = (
            _LogDensity([component.marginal(columns) for component in components])
            for columns in (slice(None), self.x, self.y)
        )

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """At rows ``(n, d)``, as ``(n,)``."""
        return self.both(rows) - self.of_x(rows[:, self.x]) - self.of_y(rows[:, self.y])


# The mixtures of "On the Properties and Estimation of Pointwise Mutual Information Profiles", Czyż, Grabowski, Vogt,
# Beerenwinkel and Marx (2025, arXiv 2310.10240), with their parameters. Two are still to be bent.


def ridges(rho: float = 0.9) -> NormalMixture:
    """Two ridges of correlation ±rho that cross each other: the letter X."""
    return NormalMixture(tuple(Part(0.5, (0, 0), ((1, r), (r, 1))) for r in (-rho, rho)), 1)


def letters() -> NormalMixture:
    """The letters AI, of six strokes."""
    slope = 0.95 * math.sqrt(0.04 * 0.2)
    strokes = [
        ((1.0, 0.0), (0.01, 0.2, 0)), ((1.0, 1.0), (0.05, 0.001, 0)), ((1.0, -1.0), (0.05, 0.001, 0)),
        ((-0.8, -0.2), (0.03, 0.001, 0)), ((-1.2, 0.0), (0.04, 0.2, slope)), ((-0.4, 0.0), (0.04, 0.2, -slope)),
    ]  # fmt: skip
    return NormalMixture(tuple(Part(1 / 6, mean, ((a, c), (c, b))) for mean, (a, b, c) in strokes), 1)


def clouds(distance: float = 3.0) -> NormalMixture:
    """Two clouds, x of two columns: a galaxy before x is wound."""
    half = distance / 2
    return NormalMixture(tuple(Part(0.5, (at,) * 3, _diagonal([1, 1, 1])) for at in (-half, half)), 2)


def staggered(n: int = 12) -> NormalMixture:
    """A row of ``n`` clouds with four heights of y, x of two columns: waves before x is bent."""
    spread = _diagonal([0.1, 1, 0.1])
    return NormalMixture(tuple(Part(1 / n, (1.5 * i, 0, 1.5 * (i % 4)), spread) for i in range(n)), 2)


def concentric(dim: int, n: int = 3) -> NormalMixture:
    """x of ``dim`` columns has one of the spreads 1 … n around 0, and y is the spread, with noise of .01."""
    parts = (Part(1 / n, [0.0] * dim + [float(i)], _diagonal([i**2] * dim + [1e-4])) for i in range(1, n + 1))
    return NormalMixture(tuple(parts), dim)


def inliers(dim: int, fraction: float = 0.2) -> NormalMixture:
    """Up to two pairs of correlation .8 among ``dim``; a fraction of rows have x and y that are independent."""
    independent = _diagonal([1.0] * 2 * dim)
    correlated = [list(row) for row in independent]
    for i in range(min(2, dim)):
        correlated[i][dim + i] = correlated[dim + i][i] = 0.8
    mean = [0.0] * 2 * dim
    return NormalMixture((Part(1 - fraction, mean, correlated), Part(fraction, mean, independent)), dim)


def _diagonal(variances: Sequence[float]) -> list[list[float]]:
    return [[value if i == j else 0.0 for j in range(len(variances))] for i, value in enumerate(variances)]
