"""A discrete label and a continuous column."""

from __future__ import annotations

import math
from typing import Any, Literal

from mi_cli.datasets.base import Dataset, Side
from mi_cli.fields import Count
from mi_cli.lazy import torch

__all__ = ["DiscreteContinuous"]


class DiscreteContinuous(Dataset):
    r"""A label y, uniform on 0, 1, …, m − 1, and x ~ U(y, y + 2): neighbouring labels share half of their values.

    .. math:: I(X; Y) = \ln m - \tfrac{m - 1}{m} \ln 2

    Gao, Kannan, Oh and Viswanath (2017, arXiv 1709.06212).
    """

    name: Literal["discrete_continuous"] = "discrete_continuous"
    labels: Count = 5

    @property
    def discrete(self) -> frozenset[Side]:
        """The label."""
        return frozenset({"y"})

    @property
    def dim_x(self) -> int:
        """One column."""
        return 1

    @property
    def dim_y(self) -> int:
        """The label."""
        return 1

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, 1)`` and ``(n, 1)``, labels are whole numbers of that type."""
        dtype = dtype or torch.float32
        y = torch.randint(self.labels, (n, 1), generator=generator).to(dtype)
        return y + 2 * torch.rand((n, 1), generator=generator, dtype=dtype), y

    def describe(self) -> dict[str, Any]:
        """``entropy``: that of the label in nats; None for x."""
        return {"entropy": {"x": None, "y": math.log(self.labels)}}

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Closed form; not known with noise."""
        return math.log(self.labels) - (1 - 1 / self.labels) * math.log(2) if noise == 0 else None
