"""Critics T(x, y): what a variational bound is maximised over, K at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mi_cli.fields import Activation
from mi_cli.perceptron import Perceptron

__all__ = ["ConcatCritic"]


class ConcatCritic:
    """A critic T(x, y) that is one perceptron over x and y side by side (Belghazi et al. 2018, arXiv 1801.04062)."""

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], activation: Activation = "relu") -> None:
        self.net = Perceptron((dim_x + dim_y, *hidden, 1), activation)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of one critic's parameters."""
        return self.net.shapes

    def initial(self, generator: torch.Generator) -> Tensor:
        """One critic's parameters, flat."""
        return self.net.initial(generator)

    def __call__(self, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Scores ``(K, C, n)`` of x ``(K, dim_x + 1, n)``, with its ones, and C partners y ``(K, dim_y, C, n)``."""
        return self.net(layers, x, y).squeeze(1)
