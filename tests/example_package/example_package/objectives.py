"""An objective: the MI of a row and a mixture of it with another row, maximised."""

from typing import Annotated, Literal

from pydantic import Field

from mi_cli.fields import Number
from mi_cli.lazy import torch
from mi_cli.representations.objectives.contrast import Contrast


class Mixed(Contrast):
    """A bound on the MI of the codes of a row and of its mixture with the row after it.

    Attributes:
        share: of the other row in the mixture.
    """

    name: Literal["mixed"] = "mixed"
    share: Annotated[Number, Field(gt=0, lt=1)] = 0.3

    def loss(self, step):
        """Minus the bound, and the bound."""
        mixed = (1 - self.share) * step.x + self.share * step.x.roll(1, 2)
        return self.contrast(step, step.encode(torch.cat([step.x, mixed], 2)))
