"""Gaussian mixtures of (x, y), whose MI is known by Monte Carlo."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mi_cli.datasets.base import Dataset
from mi_cli.datasets.maps import Map, Spiral
from mi_cli.fields import Count
from mi_cli.lazy import torch

__all__ = ["GaussianMixture"]

_DRAWS, _BLOCK = 500_000, 10_000  # a block fits the cache
Form = Literal["x", "ai", "galaxy", "waves", "concentric", "inliers"]


class GaussianMixture(Dataset):
    r"""A mixture of normal distributions of (x, y); two forms then map x, which keeps the MI.

    .. math:: I(X; Y) = E \ln \frac{p(X, Y)}{p(X) p(Y)}

    is the mean of half a million draws with a fixed seed; ``true_mi_stderr`` is its standard error.

    ``x`` (two crossing ridges), ``ai`` (the letters), ``galaxy`` (two clouds whose x is wound into a spiral), ``waves``
    (twelve clouds whose x is bent into waves), ``concentric`` (x has one of three spreads, and y says which) and
    ``inliers`` (correlated pairs, a fifth of which are replaced by independent ones) have their published parameters.
    ``dim`` is the number of columns of x in the last two. Czyż, Grabowski, Vogt, Beerenwinkel and Marx (2023, arXiv
    2310.10240).
    """

    name: Literal["gaussian_mixture"] = "gaussian_mixture"
    form: Form = "x"
    dim: Count = 3

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return {"x": 1, "ai": 1, "galaxy": 2, "waves": 2}.get(self.form, self.dim)

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.dim if self.form == "inliers" else 1

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim_x)`` and ``(n, dim_y)``."""
        x, y = _draw(_components(self.form, self.dim), n, generator).split([self.dim_x, self.dim_y], 1)
        if self.form in _MAPS:
            x = _MAPS[self.form](x)
        return x.to(dtype or torch.float32), y.to(dtype or torch.float32)

    def true_mi(self, noise: float = 0.0) -> float | None:
        """By Monte Carlo, also with noise on x; not known with noise on mapped columns."""
        return None if noise and self.form in _MAPS else _monte_carlo_mi(self.form, self.dim_x, self.dim, noise)[0]

    def true_mi_stderr(self, noise: float = 0.0) -> float:
        """Standard error of ``true_mi`` in nats; 0 where there is none."""
        if noise and self.form in _MAPS:
            return 0.0
        return _monte_carlo_mi(self.form, self.dim_x, self.dim, noise)[1]


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


def _wave(t: torch.Tensor) -> torch.Tensor:
    """Columns (a, b) ↦ ((a + 5 sin 3b) / 10 − 0.8, b / 2)."""
    return torch.stack([0.1 * (t[:, 0] + 5 * (3 * t[:, 1]).sin()) - 0.8, 0.5 * t[:, 1]], 1)


_MAPS: dict[str, Map] = {"galaxy": Spiral(0, 1, speed=0.5), "waves": _wave}


@functools.cache
def _components(form: Form, dim: int) -> tuple[_Component, ...]:
    """The components of a form."""
    return tuple(
        _Component(
            weight,
            torch.tensor(mean, dtype=torch.float64),
            torch.linalg.cholesky(torch.tensor(covariance, dtype=torch.float64)),
        )
        for weight, mean, covariance in _parameters(form, dim)
    )


def _parameters(form: Form, dim: int) -> list[tuple[float, Sequence[float], Sequence[Sequence[float]]]]:
    """Weight, mean and covariance of each component of a form."""
    match form:
        case "x":
            return [(0.5, (0, 0), ((1, rho), (rho, 1))) for rho in (-0.9, 0.9)]
        case "ai":
            slope = 0.95 * math.sqrt(0.04 * 0.2)
            letters = [
                ((1.0, 0.0), (0.01, 0.2, 0)), ((1.0, 1.0), (0.05, 0.001, 0)), ((1.0, -1.0), (0.05, 0.001, 0)),
                ((-0.8, -0.2), (0.03, 0.001, 0)), ((-1.2, 0.0), (0.04, 0.2, slope)), ((-0.4, 0.0), (0.04, 0.2, -slope)),
            ]  # fmt: skip
            return [(1 / 6, mean, ((a, c), (c, b))) for mean, (a, b, c) in letters]
        case "galaxy":
            return [(0.5, (at,) * 3, _diagonal([1, 1, 1])) for at in (-1.5, 1.5)]
        case "waves":
            return [(1 / 12, (1.5 * i, 0, 1.5 * (i % 4)), _diagonal([0.1, 1, 0.1])) for i in range(12)]
        case "concentric":
            return [(1 / 3, [0.0] * dim + [float(i)], _diagonal([i**2] * dim + [1e-4])) for i in (1, 2, 3)]
        case "inliers":
            independent, pairs = _diagonal([1.0] * 2 * dim), min(2, dim)
            correlated = [list(row) for row in independent]
            for i in range(pairs):
                correlated[i][dim + i] = correlated[dim + i][i] = 0.8
            return [(0.8, [0.0] * 2 * dim, correlated), (0.2, [0.0] * 2 * dim, independent)]


def _diagonal(variances: Sequence[float]) -> list[list[float]]:
    return [[value if i == j else 0.0 for j in range(len(variances))] for i, value in enumerate(variances)]


def _draw(components: Sequence[_Component], n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw rows ``(n, d)``."""
    borders = torch.tensor([component.weight for component in components[:-1]], dtype=torch.float64).cumsum(0)
    chosen = torch.bucketize(torch.rand(n, generator=generator, dtype=torch.float64), borders)
    rows = torch.randn((n, len(components[0].mean)), generator=generator, dtype=torch.float64)
    for index, component in enumerate(components):
        drawn = chosen == index
        rows[drawn] = rows[drawn] @ component.factor.T + component.mean
    return rows


@functools.cache
def _monte_carlo_mi(form: Form, dim_x: int, dim: int, noise: float) -> tuple[float, float]:
    """MI in nats and its standard error, by draws with a fixed seed."""
    generator, ratios = torch.Generator().manual_seed(0), []
    x, y = slice(0, dim_x), slice(dim_x, None)
    joint = [component.with_noise(x, noise) for component in _components(form, dim)]
    density, of_x, of_y = (_LogDensity([part.marginal(columns) for part in joint]) for columns in (slice(None), x, y))
    for _ in range(_DRAWS // _BLOCK):
        rows = _draw(joint, _BLOCK, generator)
        ratios.append(density(rows) - of_x(rows[:, x]) - of_y(rows[:, y]))
    every = torch.cat(ratios)
    return every.mean().item(), every.std().item() / math.sqrt(len(every))


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
