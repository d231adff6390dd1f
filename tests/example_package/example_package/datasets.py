"""Uniform variables to which another is added."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from mi_cli.datasets.base import Dataset
from mi_cli.fields import Positive

if TYPE_CHECKING:
    import torch

__all__ = ["AddedUniform"]


class AddedUniform(Dataset):
    r"""x is uniform on [0, 1], y = x + u with u uniform on [0, w].

    .. math:: I(X; Y) = w/2 - \ln w \text{ for } w \le 1, \quad 1 / (2w) \text{ for } w > 1

    y has a trapezoid for density, whose entropy exceeds ln max(1, w) by min(1, w) / (2 max(1, w)); that of u is ln w.
    """

    name: Literal["added_uniform"] = "added_uniform"
    width: Positive = 0.5

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return 1

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return 1

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` independent rows."""
        import torch

        x, u = torch.rand(2, n, 1, generator=generator, dtype=dtype)
        return x, x + self.width * u

    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y) in nats; not known with noise."""
        if noise:
            return None
        return self.width / 2 - math.log(self.width) if self.width <= 1 else 1 / (2 * self.width)
