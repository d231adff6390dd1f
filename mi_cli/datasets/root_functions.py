"""Roots of elementary functions of a uniform label."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from mi_cli.datasets.base import Dataset
from mi_cli.fields import Count

if TYPE_CHECKING:
    import torch

__all__ = ["RootFunctions"]


class RootFunctions(Dataset):
    r"""Columns :math:`\mathrm{sign}(f(y)) |f(y)|^{1/(i+1)}` of a label y ~ U(−1, 1), i = 1 … ``powers``.

    f runs over sin, cos, ln(2 + y), y², sinh, cosh and tanh: 7 × ``powers`` columns. ``late_binding`` repeats a
    closure bug of the study's first version, by which every f became the last one, tanh.
    """

    name: Literal["root_functions"] = "root_functions"
    powers: Count = 4
    late_binding: bool = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return 7 * self.powers

    @property
    def dim_y(self) -> int:
        """The label."""
        return 1

    def features(self, label: torch.Tensor) -> torch.Tensor:
        """Columns ``(n, dim_x)`` of labels ``(n, 1)``."""
        import torch

        functions = [label.sin(), label.cos(), (2 + label).log(), label**2, label.sinh(), label.cosh()]
        roots = torch.cat([label.tanh()] * 7 if self.late_binding else [*functions, label.tanh()], 1)
        exponents = 1 / torch.arange(2, self.powers + 2, dtype=label.dtype)
        return (roots.sign().unsqueeze(2) * roots.abs().unsqueeze(2) ** exponents).flatten(1)

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
