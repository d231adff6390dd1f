"""Supervised networks: codes from which a linear layer predicts the label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mi_cli import representations
from mi_cli.lazy import torch
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.shape import Sizes

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["Supervised"]


class Supervised(Objective):
    """A linear layer over the code predicts the label: by squared error, or by cross-entropy where it is a class."""

    learns_from_labels: ClassVar[bool] = True
    name: Literal["supervised"] = "supervised"

    def head(self, sizes: Sizes) -> Any:
        """The linear layer."""
        return representations.Projection((sizes.dim, sizes.outputs))

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """The mean error, of standardised labels or in nats, and minus that."""
        outputs, _ = step.head(step.head_layers, step.encode(step.x))
        if step.sizes.classes:
            loss = -(step.y * torch.log_softmax(outputs, 1)).sum(1).mean(1)
        else:
            loss = (outputs - step.y).square().mean((1, 2))
        return loss, -loss
