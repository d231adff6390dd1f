"""Correlated Gaussians."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mi_cli.datasets.base import Dataset
from mi_cli.fields import Count, Number

if TYPE_CHECKING:
    import torch

__all__ = ["Gaussian"]


class Gaussian(Dataset):
    r"""Pairs of standard normal variables, each pair with correlation ρ, pairs independent of each other.

    .. math:: I(X; Y) = -\tfrac{d}{2} \ln(1 - ρ^2)

    At ρ = ±1 the MI is infinite and y = ±x.
    """

    name: Literal["gaussian"] = "gaussian"
    rho: Annotated[Number, Field(ge=-1, le=1)] = 0.6
    dim: Count = 1

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.dim

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.dim

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim)`` and ``(n, dim)``."""
        import torch

        x, noise = torch.empty((2, n, self.dim), dtype=dtype or torch.float32).normal_(generator=generator)
        return x, noise.mul_(math.sqrt(1 - self.rho**2)).add_(x, alpha=self.rho)

    def true_mi(self, noise: float = 0.0) -> float:
        """Closed form; independent noise on x divides its correlation with y by sqrt(1 + noise²)."""
        rho_squared = self.rho**2 / (1 + noise**2)
        return math.inf if rho_squared == 1 else -0.5 * self.dim * math.log1p(-rho_squared)
