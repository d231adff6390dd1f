"""Distributions of pairs (x, y) whose MI has a closed form, in float64. Datasets draw from them."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mi_cli.lazy import np, special, torch
from mi_cli.problems import Rows

__all__ = [
    "AdditiveUniform",
    "Drawn",
    "Normal",
    "Source",
    "Student",
    "pointwise_rows_of",
    "student_correction",
    "student_widening",
]


class Drawn(Protocol):
    """A distribution of pairs (x, y), in float64."""

    @property
    @abstractmethod
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` independent rows, ``(n, dim_x)`` and ``(n, dim_y)``."""

    @abstractmethod
    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """ln p(x, y) − ln p(x) − ln p(y) of each row, as ``(n,)``. Its mean over rows is the MI."""


def pointwise_rows_of(
    source: Drawn,
    n: int,
    generator: torch.Generator,
    dtype: torch.dtype | None,
    maps: Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]] = lambda x, y: (x, y),
) -> Rows:
    """Draw ``n`` rows with the pointwise MI of each, which ``maps``, one-to-one on each side, keep."""
    drawn = source.sample(n, generator)
    x, y = (side.to(dtype or torch.float32) for side in maps(*drawn))
    return Rows(x, y, pointwise=source.log_ratio(*drawn))


class Source(Drawn, Protocol):
    """A distribution of pairs (x, y) whose MI is known."""

    @abstractmethod
    def mi(self) -> float:
        """I(x; y) in nats."""


@dataclass(frozen=True)
class Normal(Source):
    r"""Normal columns of unit variance. All correlate by ``dense``, but the first ``pairs`` (x_i, y_i) by ``paired``.

    .. math:: I = \tfrac12 \ln \frac{\det Σ_x \det Σ_y}{\det Σ}
    """

    dim_x: int
    dim_y: int
    dense: float = 0.0
    pairs: int = 0
    paired: float = 0.0

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        return self.dim_x, self.dim_y

    @functools.cached_property
    def covariance(self) -> np.ndarray[Any, Any]:
        """Covariance of (x, y), of shape ``(dim_x + dim_y, dim_x + dim_y)``."""
        covariance = np.full((self.dim_x + self.dim_y,) * 2, self.dense)
        np.fill_diagonal(covariance, 1.0)
        first = np.arange(self.pairs)
        covariance[first, self.dim_x + first] = covariance[self.dim_x + first, first] = self.paired
        return covariance

    @functools.cached_property
    def _factor(self) -> torch.Tensor:
        factor: torch.Tensor = torch.linalg.cholesky(torch.from_numpy(self.covariance))
        return factor.T.contiguous()

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        rows = torch.randn((n, self.dim_x + self.dim_y), generator=generator, dtype=torch.float64) @ self._factor
        return rows[:, : self.dim_x], rows[:, self.dim_x :]

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The pointwise MI of rows, ``(n,)`` in nats: the MI, and half of what x and y alone are further out."""
        of_x, of_y, of_both = self.square_lengths(x, y)
        return self.mi() + 0.5 * (of_x + of_y - of_both)

    def square_lengths(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Squared Mahalanobis lengths of rows of x, of y and of both, ``(n,)`` each."""
        every, columns = torch.cat([x, y], 1), torch.arange(self.dim_x + self.dim_y)
        covariance = torch.from_numpy(self.covariance)
        parts = (columns[: self.dim_x], columns[self.dim_x :], columns)
        of_x, of_y, of_both = (
            (every[:, part] * torch.linalg.solve(covariance[part][:, part], every[:, part].T).T).sum(1)
            for part in parts
        )
        return of_x, of_y, of_both

    def mi(self) -> float:
        """I(x; y) in nats."""
        of_x, of_y = self.covariance[: self.dim_x, : self.dim_x], self.covariance[self.dim_x :, self.dim_x :]
        logs = [np.linalg.slogdet(part)[1] for part in (of_x, of_y, self.covariance)]
        return float(0.5 * (logs[0] + logs[1] - logs[2]))


@dataclass(frozen=True)
class Student(Source):
    """Student's t with ``df`` degrees of freedom in all columns together: rows of ``normal``, each divided by one χ.

    The MI is that of ``normal`` plus ``student_correction``.
    """

    normal: Normal
    df: float

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        return self.normal.dims

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, y = self.normal.sample(n, generator)
        widening = student_widening(n, self.df, generator)
        return x * widening, y * widening

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The pointwise MI of rows, ``(n,)`` in nats, from the densities of Student's t of x, of y and of both."""

        def log_density(square_length: torch.Tensor, dim: int) -> torch.Tensor:
            constant = special.gammaln((self.df + dim) / 2) - special.gammaln(self.df / 2)  # ln(νπ) cancels
            return float(constant) - (self.df + dim) / 2 * torch.log1p(square_length / self.df)

        of_x, of_y, of_both = self.normal.square_lengths(x, y)
        dim_x, dim_y = self.dims
        apart = log_density(of_x, dim_x) + log_density(of_y, dim_y)
        log_ratio: torch.Tensor = self.normal.mi() + log_density(of_both, dim_x + dim_y) - apart
        return log_ratio

    def mi(self) -> float:
        """I(x; y) in nats."""
        return self.normal.mi() + student_correction(self.df, *self.dims)


def student_widening(n: int, df: float, generator: torch.Generator) -> torch.Tensor:
    """Draw sqrt(df / χ²), with ``df`` degrees of freedom, ``(n, 1)``: normal rows times it are Student's."""
    shape = torch.full((n, 1), df / 2, dtype=torch.float64)
    return (shape / torch._standard_gamma(shape, generator=generator)).sqrt()


def student_correction(df: float, dim_x: int, dim_y: int) -> float:
    r"""By how much a common χ² with ``df`` degrees of freedom raises the MI of normal vectors, in nats.

    .. math:: h(d_x) + h(d_y) - h(d_x + d_y), \quad h(d) = \ln \frac{Γ(\frac ν2)}{Γ(\frac{ν+d}2)} + \tfrac d2 \ln(ν π)
        + \tfrac{ν+d}2 \left(ψ(\tfrac{ν+d}2) - ψ(\tfrac ν2)\right)

    The entropies are those of Arellano-Valle, Contreras-Reyes and Genton (2013, Scandinavian Journal of Statistics 40).

    >>> round(student_correction(1, 1, 1), 6)
    0.224171
    """

    def entropy(dim: int) -> float:
        low, high = df / 2, (df + dim) / 2
        digammas = special.digamma(high) - special.digamma(low)
        return float(special.gammaln(low) - special.gammaln(high) + high * digammas)  # ln(νπ) cancels

    return entropy(dim_x) + entropy(dim_y) - entropy(dim_x + dim_y)


@dataclass(frozen=True)
class AdditiveUniform(Source):
    r"""x ~ U(0, 1) and y = x + U(−ε, ε), in ``dim`` independent columns.

    .. math:: I = d (ε - \ln 2ε) \text{ for } ε ≤ \tfrac12, \quad \tfrac{d}{4ε} \text{ above}
    """

    epsilon: float
    dim: int = 1

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        return self.dim, self.dim

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        x, noise = torch.rand((2, n, self.dim), generator=generator, dtype=torch.float64)
        return x, x + self.epsilon * (2 * noise - 1)

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The pointwise MI of rows, ``(n,)`` in nats: less ln of the share of (0, 1) that y leaves to x."""
        low, high = (y - self.epsilon).clamp(min=0.0), (y + self.epsilon).clamp(max=1.0)
        return -(high - low).log().sum(1)

    def mi(self) -> float:
        """I(x; y) in nats."""
        epsilon = self.epsilon
        return self.dim * (0.25 / epsilon if epsilon > 0.5 else epsilon - math.log(2 * epsilon))
