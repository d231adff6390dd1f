"""Shapes in the plane, parities, products, and pairs of normals."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from mi_cli.datasets.off_benchmark.task import Distribution
from mi_cli.lazy import torch

__all__ = ["Chequerboard", "Curve", "Pairs", "Parity", "Product", "Ring"]

_BLOCK = 100  # rows whose densities are integrated at once; a block fits the cache
_LOG_TAU = math.log(2 * math.pi)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@dataclass(frozen=True)
class Pairs(Distribution):
    r"""Standard normal columns, ``dim`` of x and of y, of which the first ``pairs`` (x_i, y_i) correlate by ``rho``.

    .. math:: I = -\tfrac{k}{2} \ln(1 - ρ^2)
    """

    dim: int
    rho: float
    pairs: int

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        return self.dim, self.dim

    @property
    def mi(self) -> float:
        """I(x; y) in nats."""
        return -0.5 * self.pairs * math.log1p(-(self.rho**2))

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y = _normal((2, n, self.dim), generator)
        first = slice(0, self.pairs)
        y[:, first] = self.rho * x[:, first] + math.sqrt(1 - self.rho**2) * y[:, first]
        return x, y

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The sum over the pairs."""
        x, y, rest = x[:, : self.pairs], y[:, : self.pairs], 1 - self.rho**2
        return (0.5 * y.square() - 0.5 * (y - self.rho * x).square() / rest).sum(1) + self.mi


@dataclass(frozen=True)
class Chequerboard(Distribution):
    r"""(x, y) is uniform on the black squares of a board of ``size`` × ``size``; a share of rows is uniform everywhere.

    .. math:: I = (1 - \tfrac ε2) \ln(2 - ε) + \tfrac ε2 \ln ε
    """

    size: int
    anywhere: float

    @property
    def dims(self) -> tuple[int, int]:
        """One column each."""
        return 1, 1

    @property
    def mi(self) -> float:
        """I(x; y) in nats."""
        half = self.anywhere / 2
        return (1 - half) * math.log(2 - self.anywhere) + half * math.log(self.anywhere)

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y, chance = _uniform((3, n, 1), generator)
        wrong = self._white(x, y) & (chance >= self.anywhere)
        return x, torch.where(wrong, (y + 1 / self.size) % 1, y)

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One number for black squares, and another for white ones."""
        return torch.where(self._white(x, y), math.log(self.anywhere), math.log(2 - self.anywhere))[:, 0].double()

    def _white(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((x * self.size).floor() + (y * self.size).floor()) % 2 == 1


@dataclass(frozen=True)
class Parity(Distribution):
    r"""The sign of y is that of the product of the first ``factors`` columns of x, but for a share ``wrong`` of rows.

    .. math:: I = \ln 2 - H(ε)

    All columns are standard normal, and |y| is independent of x.
    """

    factors: int
    wrong: float
    dim: int

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x, and one of y."""
        return self.dim, 1

    @property
    def mi(self) -> float:
        """I(x; y) in nats."""
        return math.log(2) + self.wrong * math.log(self.wrong) + (1 - self.wrong) * math.log1p(-self.wrong)

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y = _normal((n, self.dim), generator), _normal((n, 1), generator)
        turned = _uniform((n, 1), generator) < self.wrong
        sign = x[:, : self.factors].prod(1, keepdim=True).sign()
        return x, y.abs() * torch.where(turned, -sign, sign)

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One number for right signs, and another for wrong ones."""
        right = x[:, : self.factors].prod(1) * y[:, 0] > 0
        return torch.where(right, math.log(2 * (1 - self.wrong)), math.log(2 * self.wrong)).double()


@dataclass(frozen=True)
class Product(Distribution):
    """x ~ N(0, 1) and y = x exp(s e): the sign of x, and a size with multiplicative noise of spread ``s``."""

    spread: float

    @property
    def dims(self) -> tuple[int, int]:
        """One column each."""
        return 1, 1

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, noise = _normal((2, n, 1), generator)
        return x, x * (self.spread * noise).exp()

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """ln 2 of the sign, and the ratio of ln |y|."""
        means, sizes = x.abs().log(), y.abs().log()
        logs = torch.linspace(-18, 3, 2100, dtype=torch.float64)  # of |x|
        weights = logs - 0.5 * (2 * logs).exp()
        weights = weights - weights.logsumexp(0)
        marginal = torch.cat(
            [(weights - 0.5 * ((rows - logs) / self.spread).square()).logsumexp(1) for rows in sizes.split(_BLOCK)]
        )
        ratio = math.log(2) - 0.5 * ((sizes - means) / self.spread).square()[:, 0] - marginal
        return torch.where((x * y > 0)[:, 0], ratio, -math.inf)


@dataclass(frozen=True)
class Ring(Distribution):
    """A point of the plane at a distance of 1 + s e from the origin, in any direction: its two columns are x and y."""

    spread: float

    @property
    def dims(self) -> tuple[int, int]:
        """One column each."""
        return 1, 1

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        radius = 1 + self.spread * _normal((n, 1), generator)
        angle = 2 * math.pi * _uniform((n, 1), generator)
        return radius * angle.cos(), radius * angle.sin()

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The density of the radius, over that of each column, which is an integral over the other."""
        both = self._log_density((x.square() + y.square()).sqrt())[:, 0]
        return both - self._log_marginal(x) - self._log_marginal(y)

    def _log_density(self, radius: torch.Tensor) -> torch.Tensor:
        normal = -0.5 * ((radius - 1) / self.spread).square() - math.log(self.spread) - 0.5 * _LOG_TAU
        return normal - _LOG_TAU - radius.log()

    def _log_marginal(self, column: torch.Tensor) -> torch.Tensor:
        step = (2 + 20 * self.spread) / 2000
        other = (torch.arange(2000, dtype=torch.float64) - 999.5) * step
        parts = [
            self._log_density((rows.square() + other.square()).sqrt()).logsumexp(1) for rows in column.split(_BLOCK)
        ]
        return torch.cat(parts) + math.log(step)


@dataclass(frozen=True)
class Curve(Distribution):
    """A point of a curve in the plane, uniform in its parameter on (0, 1), with normal noise on x and on y.

    Args:
        points: the curve, of parameters ``(m,)`` to x ``(m,)`` and y ``(m,)``.
        spread: of the noise.
    """

    points: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    spread: float

    @property
    def dims(self) -> tuple[int, int]:
        """One column each."""
        return 1, 1

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y = self.points(_uniform((n,), generator))
        noise = self.spread * _normal((2, n, 1), generator)
        return x[:, None] + noise[0], y[:, None] + noise[1]

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Each density is an integral over the parameter."""
        parts = [self._log_ratio(a, b) for a, b in zip(x.split(_BLOCK), y.split(_BLOCK), strict=True)]
        return torch.cat(parts)

    def _log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        at_x, at_y = self._centres
        of_x, of_y = (-0.5 * ((a - at) / self.spread).square() for a, at in ((x, at_x), (y, at_y)))
        both = (of_x + of_y).logsumexp(1)  # the normalising factors cancel but for the number of points
        return both - of_x.logsumexp(1) - of_y.logsumexp(1) + math.log(len(at_x))

    @functools.cached_property
    def _centres(self) -> tuple[torch.Tensor, torch.Tensor]:
        m = 1500
        return self.points((torch.arange(m, dtype=torch.float64) + 0.5) / m)
