"""Differences of neighbouring powers of a uniform label."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from mi_cli.datasets.base import Dataset
from mi_cli.fields import Count, Natural

if TYPE_CHECKING:
    import torch

__all__ = ["PolynomialDifferences"]


class PolynomialDifferences(Dataset):
    r"""Columns :math:`y^k - y^{k+1}` for ``terms`` powers k from ``first_power`` on, of a label y ~ U(−1, 1).

    With ``last`` the power that the differences stop at is a column too: they then telescope to
    :math:`y^{first\_power}`, so that from ``first_power=1`` the label is exactly the sum of the columns.
    """

    name: Literal["polynomial_differences"] = "polynomial_differences"
    terms: Count = 10
    first_power: Natural = 1
    last: bool = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.terms + self.last

    @property
    def dim_y(self) -> int:
        """The label."""
        return 1

    def features(self, label: torch.Tensor) -> torch.Tensor:
        """Columns ``(n, dim_x)`` of labels ``(n, 1)``."""
        import torch

        powers = torch.arange(self.first_power, self.first_power + self.terms + 1)
        monomials = label**powers
        differences = monomials[:, :-1] - monomials[:, 1:]
        return torch.cat([differences, monomials[:, -1:]], 1) if self.last else differences

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim_x)`` and ``(n, 1)``."""
        import torch

        label = torch.empty((n, 1), dtype=dtype or torch.float32).uniform_(-1, 1, generator=generator)
        return self.features(label), label

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Infinite without noise (x determines y, which is continuous), not known with it."""
        return math.inf if noise == 0 else None
