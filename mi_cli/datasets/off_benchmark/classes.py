"""Classes: normals given a class, tables of two classes, and classes that come with other columns."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mi_cli.datasets.off_benchmark.task import Distribution
from mi_cli.lazy import torch

__all__ = ["ClassTable", "NoisyLabel", "NormalGivenClass", "OneHot", "Swapped", "WithClass"]


@dataclass(frozen=True)
class OneHot:
    """A label of 0 … n − 1 in the last column ↦ a column of 0 and 1 for each, as tables have them."""

    n: int

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, d)`` ↦ ``(n, d − 1 + self.n)``."""
        labels = torch.nn.functional.one_hot(t[:, -1].long(), self.n)
        return torch.cat([t[:, :-1], labels.to(t.dtype)], 1)


def _labels(weights: Sequence[float], n: int, generator: torch.Generator) -> torch.Tensor:
    """Labels ``(n,)`` with these probabilities."""
    borders = torch.tensor(weights[:-1], dtype=torch.float64).cumsum(0)
    return torch.bucketize(torch.rand(n, generator=generator, dtype=torch.float64), borders)


@dataclass(frozen=True)
class NormalGivenClass(Distribution):
    """y is a class, and x a normal distribution around the centre of that class, in ``dim`` columns.

    Args:
        weights: of the classes.
        distance: of a centre from the origin; in one column, between neighbouring centres.
        dim: columns of x.
        spreads: standard deviation of the columns in each class; None for 1.
    """

    weights: tuple[float, ...]
    distance: float
    dim: int
    spreads: tuple[float, ...] | None = None

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x, and the label."""
        return self.dim, 1

    @functools.cached_property
    def _centres(self) -> torch.Tensor:
        """Of the classes, ``(classes, dim)``."""
        n = len(self.weights)
        labels = torch.arange(n, dtype=torch.float64)[:, None]
        if self.dim == 1:  # neighbours in x are no neighbours in number, so that the label is not an order
            stride = next(k for k in range(max(2, round(0.38 * n)), 2 * n) if math.gcd(k, n) == 1)
            return self.distance * (stride * labels % n)
        directions = ((labels + 1) * torch.arange(1, self.dim + 1, dtype=torch.float64).square()).sin()
        centres: torch.Tensor = self.distance * directions / directions.norm(dim=1, keepdim=True)
        return centres

    @property
    def _spreads(self) -> torch.Tensor:
        return torch.tensor(self.spreads or [1.0] * len(self.weights), dtype=torch.float64)

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        labels = _labels(self.weights, n, generator)
        noise = torch.randn((n, self.dim), generator=generator, dtype=torch.float64)
        return self._centres[labels] + self._spreads[labels][:, None] * noise, labels[:, None].double()

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """ln P(y | x) − ln P(y)."""
        spreads, prior = self._spreads, torch.tensor(self.weights, dtype=torch.float64).log()
        squares = torch.cdist(x, self._centres, compute_mode="donot_use_mm_for_euclid_dist").square()
        given = -0.5 * squares / spreads.square() - self.dim * spreads.log()
        return given.gather(1, y.long())[:, 0] - (prior + given).logsumexp(1)


@dataclass(frozen=True)
class ClassTable(Distribution):
    """Two classes with a table of joint probabilities."""

    probabilities: tuple[tuple[float, ...], ...]

    @property
    def dims(self) -> tuple[int, int]:
        """The labels."""
        return 1, 1

    @functools.cached_property
    def _joint(self) -> torch.Tensor:
        return torch.tensor(self.probabilities, dtype=torch.float64)

    @property
    def mi(self) -> float:
        """I(x; y) in nats."""
        rows = [math.fsum(row) for row in self.probabilities]
        columns = [math.fsum(column) for column in zip(*self.probabilities, strict=True)]
        return math.fsum(
            p * math.log(p / (rows[i] * columns[j]))
            for i, row in enumerate(self.probabilities)
            for j, p in enumerate(row)
        )

    @functools.cached_property
    def _log_ratios(self) -> torch.Tensor:
        joint = self._joint
        return joint.log() - joint.sum(1, keepdim=True).log() - joint.sum(0, keepdim=True).log()

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        cells = _labels(self._joint.flatten().tolist(), n, generator)[:, None]
        columns = self._joint.shape[1]
        return (cells // columns).double(), (cells % columns).double()

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Of the cell."""
        return self._log_ratios[x[:, 0].long(), y[:, 0].long()]


@dataclass(frozen=True)
class NoisyLabel(Distribution):
    r"""x is a class and ``others`` normal columns; y is that class, or in a share of rows any class.

    .. math:: I = \ln m + P \ln P + (m - 1) Q \ln Q, \quad Q = ε / m, P = 1 - (m - 1) Q
    """

    n: int
    wrong: float
    others: int

    @property
    def dims(self) -> tuple[int, int]:
        """The normal columns and the class, and the label."""
        return self.others + 1, 1

    @property
    def _probabilities(self) -> tuple[float, float]:
        other = self.wrong / self.n
        return 1 - (self.n - 1) * other, other

    @property
    def mi(self) -> float:
        """I(x; y) in nats."""
        same, other = self._probabilities
        return math.log(self.n) + same * math.log(same) + (self.n - 1) * other * math.log(other)

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        labels, any_label = torch.randint(self.n, (2, n, 1), generator=generator)
        kept = torch.rand((n, 1), generator=generator, dtype=torch.float64) >= self.wrong
        others = torch.randn((n, self.others), generator=generator, dtype=torch.float64)
        return torch.cat([others, labels.double()], 1), torch.where(kept, labels, any_label).double()

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One number for the same class, and another for others."""
        same, other = self._probabilities
        return torch.where(x[:, -1] == y[:, 0], math.log(self.n * same), math.log(self.n * other)).double()


@dataclass(frozen=True)
class WithClass(Distribution):
    """x has one more column, a class of ``n`` that is independent of everything."""

    of: Distribution
    n: int

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        dim_x, dim_y = self.of.dims
        return dim_x + 1, dim_y

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y = self.of.sample(n, generator)
        return torch.cat([x, torch.randint(self.n, (n, 1), generator=generator).double()], 1), y

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """That of the other columns."""
        return self.of.log_ratio(x[:, :-1], y)


@dataclass(frozen=True)
class Swapped(Distribution):
    """x and y in each other's place."""

    of: Distribution

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        dim_x, dim_y = self.of.dims
        return dim_y, dim_x

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y = self.of.sample(n, generator)
        return y, x

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """That of the others."""
        return self.of.log_ratio(y, x)
