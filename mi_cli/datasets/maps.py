"""Maps of x and of y that keep their MI: each is injective, so that I(f(x); g(y)) = I(x; y).

They take rows ``(n, d)`` and keep their type.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mi_cli.lazy import torch

__all__ = [
    "PAIR_MAPS",
    "Map",
    "MixtureQuantile",
    "PairMap",
    "Spiral",
    "asinh",
    "cube",
    "half_cube",
    "normal_cdf",
    "swiss_roll",
    "wave",
    "wiggly_x",
    "wiggly_y",
]

Map = Callable[["torch.Tensor"], "torch.Tensor"]


def cube(t: torch.Tensor) -> torch.Tensor:
    """t ↦ t³."""
    return t * t * t


def half_cube(t: torch.Tensor) -> torch.Tensor:
    """t ↦ sign(t) |t|^(3/2), which lengthens the tails."""
    return t * t.abs().sqrt()


def asinh(t: torch.Tensor) -> torch.Tensor:
    """t ↦ ln(t + sqrt(1 + t²)), which shortens heavy tails."""
    return t.asinh()


def normal_cdf(t: torch.Tensor) -> torch.Tensor:
    """t ↦ Φ(t), which makes standard normal columns uniform on (0, 1)."""
    return 0.5 * (-math.sqrt(0.5) * t).erfc()  # exact in the lower tail, where 1 + erf is not


def wiggly_x(t: torch.Tensor) -> torch.Tensor:
    """t plus three sines, slow enough that it increases everywhere (Czyż et al., 2023, arXiv 2306.11078)."""
    return t + 0.4 * t.sin() + 0.2 * (1.7 * t + 1).sin() + 0.03 * (3.3 * t - 2.5).sin()


def wiggly_y(t: torch.Tensor) -> torch.Tensor:
    """As ``wiggly_x``, with the sines that the benchmark adds to y."""
    return t - 0.4 * (0.4 * t).sin() + 0.17 * (1.3 * t + 3.5).sin() + 0.02 * (4.3 * t - 2.5).sin()


def swiss_roll(t: torch.Tensor) -> torch.Tensor:
    """Rolls columns on [0, 1] up in a plane each, a = 3π/2 · (1 + 2t) ↦ (a cos a, a sin a) / 21: ``(n, 2d)``."""
    angle = 1.5 * math.pi * (1 + 2 * t)
    return torch.cat([angle * angle.cos(), angle * angle.sin()], 1) / 21


def wave(t: torch.Tensor) -> torch.Tensor:
    """Columns (a, b) ↦ ((a + 5 sin 3b) / 10 − 0.8, b / 2) (Czyż et al., 2025, arXiv 2310.10240)."""
    return torch.stack([0.1 * (t[:, 0] + 5 * (3 * t[:, 1]).sin()) - 0.8, 0.5 * t[:, 1]], 1)


@dataclass(frozen=True)
class Spiral:
    """Turns the plane of two columns by an angle of ``speed`` · ‖t‖², the squared norm of the row."""

    first: int
    second: int
    speed: float

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, d)`` ↦ ``(n, d)``."""
        angle = self.speed * t.square().sum(1)
        sine, cosine, a, b = angle.sin(), angle.cos(), t[:, self.first], t[:, self.second]
        turned = t.clone()
        turned[:, self.first] = cosine * a - sine * b
        turned[:, self.second] = sine * a + cosine * b
        return turned


@dataclass(frozen=True)
class MixtureQuantile:
    """Quantiles of a mixture of N(mean, 1): uniform columns get that distribution."""

    weights: tuple[float, ...]
    means: tuple[float, ...]

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Columns on [0, 1] ↦ quantiles, exact to rounding: a table brackets each root, Newton's method refines it."""
        probability = t.double()
        grid, table = _mixture_table(self)
        cell = torch.searchsorted(table, probability.contiguous()).clamp(1, len(grid) - 1)
        low, high = grid[cell - 1], grid[cell]
        below, above = table[cell - 1], table[cell]
        quantile = low + (high - low) * ((probability - below) / (above - below)).clamp(0, 1)
        for _ in range(3):  # cells are narrow: the first guess has 5 correct digits, and each step doubles them
            quantile = torch.clamp(quantile - (self.cdf(quantile) - probability) / self.pdf(quantile), low, high)
        return quantile.to(t.dtype)

    def cdf(self, t: torch.Tensor) -> torch.Tensor:
        """Probability below t."""
        terms = [weight * normal_cdf(t - mean) for weight, mean in zip(self.weights, self.means, strict=True)]
        return functools.reduce(lambda a, b: a + b, terms)

    def pdf(self, t: torch.Tensor) -> torch.Tensor:
        """Density at t."""
        terms = [w * (-0.5 * (t - mean).square()).exp() for w, mean in zip(self.weights, self.means, strict=True)]
        return functools.reduce(lambda a, b: a + b, terms) / math.sqrt(2 * math.pi)


@functools.cache
def _mixture_table(mixture: MixtureQuantile) -> tuple[torch.Tensor, torch.Tensor]:
    # What lies beyond the ends has less probability than the smallest step of a double at 1, so no row is cut off.
    grid = torch.linspace(min(mixture.means) - 10, max(mixture.means) + 10, 4097, dtype=torch.float64)
    return grid, mixture.cdf(grid)


@dataclass(frozen=True)
class PairMap:
    """(x, y) ↦ (f(x), g(y)): maps of x and of y, each applied in turn; ``widening`` columns of f(x) for each of x."""

    x: tuple[Map, ...] = ()
    y: tuple[Map, ...] = ()
    widening: int = 1

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows ``(n, dim_x)`` and ``(n, dim_y)``, mapped."""
        for f in self.x:
            x = f(x)
        for g in self.y:
            y = g(y)
        return x, y


# Maps of standard normal columns, by the name that a config gives them.
PAIR_MAPS: Mapping[str, PairMap] = {
    "none": PairMap(),
    "cubic": PairMap(y=(cube,)),
    "half_cube": PairMap(x=(half_cube,), y=(half_cube,)),
    "asinh": PairMap(x=(asinh,), y=(asinh,)),
    "wiggly": PairMap(x=(wiggly_x,), y=(wiggly_y,)),
    "uniform": PairMap(x=(normal_cdf,), y=(normal_cdf,)),
    "swiss_roll": PairMap(x=(normal_cdf, swiss_roll), y=(normal_cdf,), widening=2),
}
