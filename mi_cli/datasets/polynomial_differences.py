"""Differences of neighbouring powers of a uniform label."""

from __future__ import annotations

from typing import Literal

from mi_cli.datasets.uniform_label import UniformLabel
from mi_cli.fields import Count, Natural, Switch
from mi_cli.lazy import torch

__all__ = ["PolynomialDifferences"]


class PolynomialDifferences(UniformLabel):
    r"""Columns :math:`y^k - y^{k+1}` for ``terms`` powers k from ``first_power`` on, of a label y ~ U(−1, 1).

    With ``last``, the highest power is a column too. The sum of all columns is then :math:`y^{first\_power}`:
    with ``first_power=1``, the label itself.
    """

    name: Literal["polynomial_differences"] = "polynomial_differences"
    terms: Count = 10
    first_power: Natural = 1
    last: Switch = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.terms + self.last

    def features(self, label: torch.Tensor) -> torch.Tensor:
        """Columns ``(n, dim_x)`` of labels ``(n, 1)``."""
        powers = torch.arange(self.first_power, self.first_power + self.terms + 1)
        monomials = label**powers
        differences = monomials[:, :-1] - monomials[:, 1:]
        return torch.cat([differences, monomials[:, -1:]], 1) if self.last else differences
