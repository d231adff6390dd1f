"""Counts, columns with many zeros, and rounded numbers."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from dataclasses import dataclass

from mi_cli.datasets.maps import normal_cdf
from mi_cli.datasets.off_benchmark.task import Distribution
from mi_cli.lazy import torch

__all__ = ["BothCensored", "BothRounded", "Censored", "PoissonOfRate", "Rounded", "SharedRate"]


def _correlated(n: int, rho: float, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A pair of normals with correlation ``rho``, ``(n, 1)`` each."""
    x, noise = torch.randn((2, n, 1), generator=generator, dtype=torch.float64)
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def _log_pair(x: torch.Tensor, y: torch.Tensor, rho: float) -> torch.Tensor:
    """The log density ratio of such a pair."""
    rest = 1 - rho**2
    return 0.5 * y.square() - 0.5 * (y - rho * x).square() / rest - 0.5 * math.log(rest)


def _rates(n: int, shape: float, generator: torch.Generator) -> torch.Tensor:
    """Gamma rates of mean 1, ``(n, 1)``."""
    shapes = torch.full((n, 1), shape, dtype=torch.float64)
    return torch._standard_gamma(shapes, generator=generator) / shape


def _log_negative_multinomial(counts: torch.Tensor, shape: float, mean: float) -> torch.Tensor:
    """Log probability of Poisson counts ``(n, d)`` of one gamma rate, as ``(n,)``, but for what each count adds alone.

    What is left out, −ln k! and k ln mean for each count k, cancels in a ratio.
    """
    dim, total = counts.shape[1], counts.sum(1)
    logs = torch.lgamma(total + shape) - (total + shape) * math.log(shape + dim * mean)
    return logs + shape * math.log(shape) - math.lgamma(shape)


@dataclass(frozen=True)
class SharedRate(Distribution):
    """Counts ~ Poisson(mean · λ) in all columns of x and y, given one λ ~ Γ(shape) of mean 1 for each row."""

    shape: float
    mean: float
    dim: int = 1

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        return self.dim, self.dim

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        rates = (self.mean * _rates(n, self.shape, generator)).expand(n, 2 * self.dim)
        x, y = torch.poisson(rates, generator).split(self.dim, 1)
        return x, y

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Of negative multinomial probabilities."""
        both, of_x, of_y = (
            _log_negative_multinomial(counts, self.shape, self.mean) for counts in (torch.cat([x, y], 1), x, y)
        )
        return both - of_x - of_y


@dataclass(frozen=True)
class PoissonOfRate(Distribution):
    """A rate x ~ Γ(shape) of mean 1, and a count y ~ Poisson(mean · x) that is 0 in its place in a share of rows."""

    shape: float
    mean: float
    zeros: float = 0.0

    @property
    def dims(self) -> tuple[int, int]:
        """One column each."""
        return 1, 1

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x = _rates(n, self.shape, generator)
        kept = torch.rand((n, 1), generator=generator, dtype=torch.float64) >= self.zeros
        return x, torch.poisson(self.mean * x, generator) * kept

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The Poisson probability over the negative binomial one, both with the added zeros."""
        given = (y * x.log() - self.mean * x)[:, 0]
        marginal = _log_negative_multinomial(y, self.shape, self.mean)
        if not self.zeros:
            return given - marginal
        added, kept = math.log(self.zeros), math.log1p(-self.zeros)
        given, marginal = (
            torch.where(y[:, 0] == 0, torch.logaddexp(torch.full_like(part, added), kept + part), kept + part)
            for part in (given, marginal)
        )
        return given - marginal


@dataclass(frozen=True)
class _FromNormals(Distribution):
    """What is shown of a pair of normals of correlation ``rho``."""

    rho: float

    @property
    def dims(self) -> tuple[int, int]:
        """One column each."""
        return 1, 1

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        return self.shown(*_correlated(n, self.rho, generator))

    @abstractmethod
    def shown(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x and y as they are shown, ``(n, 1)`` each."""


@dataclass(frozen=True)
class Censored(_FromNormals):
    """A pair of normals of correlation ``rho``; y is 0 where it would be negative."""

    def shown(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x, and y or 0."""
        return x, y.clamp(min=0)

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """That of the pair, or that of the probability of a 0, which is 1/2 without x."""
        zero = normal_cdf(-self.rho * x / math.sqrt(1 - self.rho**2)).log() + math.log(2)
        return torch.where(y > 0, _log_pair(x, y, self.rho), zero)[:, 0]


@dataclass(frozen=True)
class BothCensored(_FromNormals):
    """A pair of normals of correlation ``rho``; each is 0 where it would be negative."""

    def shown(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x or 0, and y or 0."""
        return x.clamp(min=0), y.clamp(min=0)

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """That of the pair, of one 0, or of two: both are negative with probability 1/4 + arcsin(ρ) / 2π."""
        zero = normal_cdf(-self.rho * (x + y) / math.sqrt(1 - self.rho**2)).log() + math.log(2)
        both = math.log(1 + 2 * math.asin(self.rho) / math.pi)
        ratio = torch.where((x > 0) & (y > 0), _log_pair(x, y, self.rho), zero)
        return torch.where((x == 0) & (y == 0), both, ratio)[:, 0]


@dataclass(frozen=True)
class Rounded(_FromNormals):
    """A pair of normals of correlation ``rho``; y is rounded to a multiple of ``step``."""

    step: float

    def shown(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x, and y rounded."""
        return x, (y / self.step).round() * self.step

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Probabilities of a cell, given x and without it."""
        half, rest = self.step / 2, math.sqrt(1 - self.rho**2)
        given = _between((y - half - self.rho * x) / rest, (y + half - self.rho * x) / rest)
        return (given.log() - _between(y - half, y + half).log())[:, 0]


@dataclass(frozen=True)
class BothRounded(_FromNormals):
    """A pair of normals of correlation ``rho``; both are rounded to multiples of ``step``."""

    step: float

    def shown(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both, rounded."""
        return (x / self.step).round() * self.step, (y / self.step).round() * self.step

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """From the table of all cells."""
        place = [(side[:, 0] / self.step).round().long() + self._most for side in (x, y)]
        return self._table[place[0], place[1]]

    @property
    def _most(self) -> int:
        return math.ceil(8 / self.step)

    @functools.cached_property
    def _table(self) -> torch.Tensor:
        """Log ratios of cells, an integral over x within its cell."""
        middles = torch.arange(-self._most, self._most + 1, dtype=torch.float64) * self.step
        inside = ((torch.arange(200, dtype=torch.float64) + 0.5) / 200 - 0.5) * self.step
        x, half, rest = middles[:, None] + inside, self.step / 2, math.sqrt(1 - self.rho**2)
        weights = (-0.5 * x.square()).exp() * (self.step / 200 / math.sqrt(2 * math.pi))
        shift = self.rho * x[:, :, None]
        given = _between((middles - half - shift) / rest, (middles + half - shift) / rest)
        cells = (given * weights[:, :, None]).sum(1)
        return cells.log() - cells.sum(1, keepdim=True).log() - cells.sum(0, keepdim=True).log()


def _between(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Probability of N(0, 1) between two numbers, also far out in a tail."""
    mirrored = low > 0
    return normal_cdf(torch.where(mirrored, -low, high)) - normal_cdf(torch.where(mirrored, -high, low))
