"""Injective maps of a few columns to images, to more columns, and to other columns. They keep the MI."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from mi_cli.datasets.maps import normal_cdf
from mi_cli.lazy import torch

__all__ = ["Bars", "Blob", "Exponential", "RandomBijection", "Repeated", "Shapes"]


@dataclass(frozen=True)
class Exponential:
    """t ↦ exp(factor · t), whose tails are heavy."""

    factor: float

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, d)`` ↦ ``(n, d)``."""
        return (self.factor * t).exp()


@dataclass(frozen=True)
class Repeated:
    """Adds the first column in other units, and the second once more as it is."""

    factor: float = 25.4
    offset: float = 3.0

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, d)`` ↦ ``(n, d + 2)``."""
        return torch.cat([t, self.factor * t[:, :1] + self.offset, t[:, 1:2]], 1)


@dataclass(frozen=True)
class RandomBijection:
    """``layers`` times a rotation and then t ↦ t + .6 sin(1.5 t + phase), which increases; a rotation at the end.

    Rotations and phases are drawn from ``seed``.
    """

    dim: int
    layers: int
    seed: int

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, dim)`` ↦ ``(n, dim)``."""
        *layers, (last, _) = self._parts
        for rotation, phases in layers:
            t = t @ rotation
            t = t + 0.6 * (1.5 * t + phases).sin()
        return t @ last

    @functools.cached_property
    def _parts(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        generator, parts = torch.Generator().manual_seed(self.seed), []
        for _ in range(self.layers + 1):
            square = torch.randn((self.dim, self.dim), generator=generator, dtype=torch.float64)
            phases = 6.2831853 * torch.rand(self.dim, generator=generator, dtype=torch.float64)
            parts.append((torch.linalg.qr(square)[0], phases))
        return parts


def _profile(position: torch.Tensor, width: torch.Tensor | float, size: int) -> torch.Tensor:
    """A bump along ``size`` pixels, ``(n, size)``. Positions ``(n,)``, standard normal, become places within them."""
    middle = 1.5 + (size - 4) * normal_cdf(position)
    pixels = torch.arange(size, dtype=position.dtype)
    return (-0.5 * ((pixels - middle[:, None]) / width).square()).exp()


@dataclass(frozen=True)
class Blob:
    """An image of ``size`` × ``size`` pixels with a bump; two normal columns say where it is."""

    size: int
    width: float = 1.2

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, 2)`` ↦ ``(n, size²)``."""
        across, down = (_profile(t[:, i], self.width, self.size) for i in (0, 1))
        return (down[:, :, None] * across[:, None, :]).flatten(1)


@dataclass(frozen=True)
class Bars:
    """An image with a horizontal bar; a column says at which height, another how bright. The bar fades to the right."""

    size: int
    width: float = 1.2

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, 2)`` ↦ ``(n, size²)``."""
        bright = 0.5 + normal_cdf(t[:, 1:])
        fading = torch.linspace(1, 0.4, self.size, dtype=t.dtype)
        return (bright[:, :, None] * _profile(t[:, 0], self.width, self.size)[:, :, None] * fading).flatten(1)


@dataclass(frozen=True)
class Shapes:
    """An image with a wide, a high or a round bump; two normal columns say where, and the last one (0, 1, 2) which."""

    size: int

    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        """Rows ``(n, 3)`` ↦ ``(n, size²)``."""
        which = t[:, 2].long()
        wide, high = (torch.tensor(widths, dtype=t.dtype)[which][:, None] for widths in ((3, 1, 1.7), (1, 3, 1.7)))
        across, down = _profile(t[:, 0], wide, self.size), _profile(t[:, 1], high, self.size)
        return (down[:, :, None] * across[:, None, :]).flatten(1)
