"""Encoders with their initial weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mi_cli.representations.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["Untrained"]


class Untrained(Objective):
    """Random features: the encoder keeps the weights that training starts from.

    Reference:
        Rahimi & Recht 2008 (NeurIPS), random features.
    """

    trains: ClassVar[bool] = False
    name: Literal["untrained"] = "untrained"

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """Nothing is trained.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("an untrained encoder has no loss")
