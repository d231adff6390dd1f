"""Encoders of a stack: K networks of one shape, applied to the rows of K trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from mi_cli.networks.perceptron import Perceptron, with_ones
from mi_cli.representations.shape import EncoderShape

__all__ = ["EncoderNet", "PerceptronEncoder", "encoder_net"]

_ACTIVATIONS = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "tanh": torch.tanh,
    "elu": torch.nn.functional.elu,
}


class EncoderNet(Protocol):
    """K encoders of one shape."""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one encoder."""

    @property
    def names(self) -> list[str]:
        """Names of the parameters, in the same order."""

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one encoder, flat."""

    def __call__(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """Codes ``(K, dim, n)`` of rows ``(K, d, n)``, which can be differentiated."""

    def apply(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Codes ``(n, dim)`` of rows ``(n, d)`` by one encoder, in float64."""


class PerceptronEncoder:
    """Multilayer perceptrons."""

    def __init__(self, columns: int, shape: EncoderShape) -> None:
        self.net = Perceptron((columns, *shape.hidden, shape.dim), shape.activation)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one encoder: ``(out, in + 1)`` for each layer, the bias last."""
        return list(self.net.shapes)

    @property
    def names(self) -> list[str]:
        """Names of the layers."""
        return [f"layer_{number}" for number in range(len(self.net.shapes))]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one encoder, flat."""
        return self.net.initial(generator)

    def __call__(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """Codes ``(K, dim, n)`` of rows ``(K, d, n)``."""
        return self.net(layers, with_ones(x))

    def apply(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Codes ``(n, dim)`` of rows ``(n, d)``; in float64, so that they hardly depend on how sums are ordered."""
        code, activate = x.double(), _ACTIVATIONS[self.net.activation]
        for number, name in enumerate(self.names):
            layer = weights[name].double()
            code = torch.nn.functional.linear(code, layer[:, :-1], layer[:, -1])
            if number < len(self.names) - 1:
                code = activate(code)
        return code


def encoder_net(columns: int, shape: EncoderShape) -> EncoderNet:
    """The encoders of a stack, for rows of ``columns`` encoded columns."""
    return PerceptronEncoder(columns, shape)
