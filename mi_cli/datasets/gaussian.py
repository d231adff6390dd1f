"""Correlated Gaussians."""

from __future__ import annotations

from typing import Literal

from mi_cli.datasets.calibration import Correlated
from mi_cli.datasets.maps import PAIR_MAPS
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["Gaussian"]


class Gaussian(Correlated):
    r"""Pairs of standard normal variables, each pair with correlation ρ, pairs independent of each other.

    .. math:: I(X; Y) = -\tfrac{d}{2} \ln(1 - ρ^2)

    At ρ = ±1 the MI is infinite and y = ±x. ``map`` maps x and y afterwards (``maps.PAIR_MAPS``), which keeps their MI:
    ``cubic`` is y ↦ y³ as in the staircase of Song and Ermon (2020, arXiv 1910.06222), ``asinh``,
    ``half_cube`` and ``swiss_roll`` are those of Letizia, Novello and Tonello (2024, arXiv 2305.20025), and all but
    ``cubic`` are in Czyż et al. (2023, arXiv 2306.11078).
    """

    name: Literal["gaussian"] = "gaussian"
    map: Literal[*PAIR_MAPS] = "none"  # type: ignore[valid-type]

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.dim * PAIR_MAPS[self.map].widening

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim_x)`` and ``(n, dim)``."""
        return PAIR_MAPS[self.map](*self.pairs(n, generator, dtype or torch.float32))

    def pointwise_rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` rows with the pointwise MI of each, unless the MI is infinite."""
        x, y = self.pairs(n, generator, dtype or torch.float32)
        known = self.unexplained > 0
        return Rows(
            *PAIR_MAPS[self.map](x, y), pointwise=self.normal.log_ratio(x.double(), y.double()) if known else None
        )

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Closed form; independent noise on x divides its ρ² by 1 + noise². None for noise on mapped columns of x."""
        return None if noise and PAIR_MAPS[self.map].x else self.pairs_mi(noise)
