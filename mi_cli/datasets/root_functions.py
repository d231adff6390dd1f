"""Roots of elementary functions of a uniform label."""

from __future__ import annotations

from typing import Literal

from mi_cli.datasets.uniform_label import UniformLabel
from mi_cli.fields import Count, Switch
from mi_cli.lazy import torch

__all__ = ["RootFunctions"]


class RootFunctions(UniformLabel):
    r"""Columns :math:`\mathrm{sign}(f(y)) |f(y)|^{1/(i+1)}` of a label y ~ U(−1, 1), i = 1 … ``powers``.

    f runs over sin, cos, ln(2 + y), y², sinh, cosh and tanh: 7 × ``powers`` columns. ``late_binding`` repeats a
    closure bug of the study's first version, by which every f became the last one, tanh.
    """

    name: Literal["root_functions"] = "root_functions"
    powers: Count = 4
    late_binding: Switch = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return 7 * self.powers

    def features(self, label: torch.Tensor) -> torch.Tensor:
        """Columns ``(n, dim_x)`` of labels ``(n, 1)``."""
        functions = [label.sin(), label.cos(), (2 + label).log(), label**2, label.sinh(), label.cosh()]
        roots = torch.cat([label.tanh()] * 7 if self.late_binding else [*functions, label.tanh()], 1)
        exponents = 1 / torch.arange(2, self.powers + 2, dtype=label.dtype)
        return (roots.sign().unsqueeze(2) * roots.abs().unsqueeze(2) ** exponents).flatten(1)
