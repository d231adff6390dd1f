"""Projections: networks from codes to where an objective compares them. They are discarded after training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mi_cli.networks.perceptron import Perceptron, with_ones

__all__ = ["Projection"]


class Projection:
    """K perceptrons, and constants that are trained with them.

    Args:
        sizes: numbers of features, from the code on; a single one makes the projection the identity.
        constants: initial values of the constants.
    """

    def __init__(self, sizes: Sequence[int], constants: Sequence[float] = ()) -> None:
        self.net = Perceptron(sizes) if len(sizes) > 1 else None
        self.constants = tuple(constants)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one trial: those of the network, then that of the constants."""
        of_net: list[tuple[int, ...]] = list(self.net.shapes) if self.net else []
        return [*of_net, (1, len(self.constants))] if self.constants else of_net

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one trial, flat."""
        constants = torch.tensor(self.constants)
        return constants if self.net is None else torch.cat([self.net.initial(generator), constants])

    def __call__(self, layers: Sequence[Tensor], codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """Projections ``(K, out, n)`` of codes ``(K, dim, n)``, and the constants ``(K, 1, count)``, if any."""
        depth = len(self.net.shapes) if self.net else 0
        projected = self.net(layers[:depth], with_ones(codes)) if self.net else codes
        return projected, layers[depth] if self.constants else None
