"""Denoising autoencoders: codes of corrupted rows from which the rows can be decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mi_cli import representations
from mi_cli.fields import NonNegative, Number
from mi_cli.representations.objectives.autoencoder import Autoencoder

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["Denoising"]


class Denoising(Autoencoder):
    """An autoencoder that sees the values of other rows in some columns, and decodes the row itself.

    Attributes:
        rate: the share of columns with the values of other rows.
        noise: standard deviation of normal noise that is added besides.

    Reference:
        Vincent, Larochelle, Bengio & Manzagol 2008 (ICML); Yoon, Zhang, Jordon & van der Schaar 2020 (NeurIPS, VIME),
        the values of other rows.
    """

    name: Literal["denoising"] = "denoising"  # type: ignore[assignment]
    rate: Annotated[Number, Field(gt=0, le=1)] = 0.3
    noise: NonNegative = 0.0

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """The mean squared error of the decoded columns, and minus that."""
        seen, _ = representations.corrupted(step.x, step.pool, step.groups, self.rate, step.draws)
        if self.noise:
            seen = representations.noisy(seen, self.noise, step.draws)
        return self.reconstruction(step, seen)
