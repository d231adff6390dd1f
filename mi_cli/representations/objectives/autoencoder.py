"""Autoencoders: codes from which the columns can be decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mi_cli import representations
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.shape import Sizes

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["Autoencoder"]


class Autoencoder(Objective):
    """A decoder of the encoder's size, backwards, from whose output the columns differ little in squares.

    Reference:
        Hinton & Salakhutdinov 2006 (Science 313, 504–507).
    """

    name: Literal["autoencoder"] = "autoencoder"

    def head(self, sizes: Sizes) -> Any:
        """The decoder."""
        return representations.Projection((sizes.dim, *reversed(sizes.hidden), sizes.columns))

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """The mean squared error of the decoded columns, and minus that."""
        return self.reconstruction(step, step.x)

    def reconstruction(self, step: Step, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The error with which the rows of a step are decoded from what was ``seen`` of them, and minus that."""
        decoded, _ = step.head(step.head_layers, step.encode(seen))
        loss = (decoded - step.x).square().mean((1, 2))
        return loss, -loss
