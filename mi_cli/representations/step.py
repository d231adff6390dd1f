"""What an objective gets of a training step: rows, random numbers, and the networks with their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from mi_cli.representations.networks import EncoderNet
    from mi_cli.representations.shape import Sizes
    from mi_cli.representations.views import Draws

__all__ = ["Step"]


@dataclass(frozen=True)
class Step:
    """Rows of a step, feature-major, and the networks of a stack.

    Attributes:
        x: encoded columns, ``(K, d, n)``.
        y: labels ``(K, q, n)``: standardised numbers, or 1 for the class of a row and 0 for others; q is 0 without one.
        pool: all training rows, ``(K, d, N)``.
        groups: for each encoded column the number of the column of the table, ``(d,)``.
        sizes: of the networks.
        draws: random numbers; each trial has its own.
        encoder: the encoders of the stack.
        encoder_layers: their parameters.
        head: what the objective trains beside the encoder.
        head_layers: its parameters.
    """

    x: Tensor
    y: Tensor
    pool: Tensor
    groups: Tensor
    sizes: Sizes
    draws: Draws
    encoder: EncoderNet
    encoder_layers: Sequence[Tensor]
    head: Any
    head_layers: Sequence[Tensor]

    def encode(self, x: Tensor) -> Tensor:
        """Codes ``(K, dim, n)`` of rows ``(K, d, n)``.

        Only the latest call can be differentiated, so that a step encodes all its views in one call.
        """
        return self.encoder(self.encoder_layers, x)
