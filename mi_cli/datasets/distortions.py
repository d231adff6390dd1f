"""What is done to the columns of x after they are drawn: noise, and a shift or scale of the unlabelled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from mi_cli.fields import NonNegative, Number, Positive, Section

if TYPE_CHECKING:
    import torch

__all__ = ["Noise", "Shift"]

Per = Literal["draw", "row", "column"]


class Noise(Section):
    """Independent Gaussian noise, ``scale`` · N(0, 1) on every column."""

    name: Literal["gaussian"] = "gaussian"
    scale: NonNegative = 0.0

    def apply(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """``x`` of shape ``(n, dim_x)`` with noise added."""
        if self.scale == 0:
            return x
        return x.new_empty(x.shape).normal_(0, self.scale, generator=generator).add_(x)


class Shift(Section):
    """x ↦ x · U(scale_low, scale_high) + N(shift_mean, shift_sd²), for the unlabelled rows only.

    ``scale_per`` and ``shift_per`` say what gets a draw of its own: every row, every column, or all at once.
    """

    name: Literal["scale_shift"] = "scale_shift"
    scale_low: Positive = 1.0
    scale_high: Positive = 1.0
    scale_per: Per = "row"
    shift_mean: Number = 0.0
    shift_sd: NonNegative = 0.0
    shift_per: Per = "draw"

    @model_validator(mode="after")
    def _in_order(self) -> Shift:
        if self.scale_low > self.scale_high:
            raise ValueError(f"shift.scale_low={self.scale_low:g}: must be ≤ shift.scale_high={self.scale_high:g}")
        return self

    @property
    def moves(self) -> bool:
        """Whether it changes anything."""
        return (self.scale_low, self.scale_high, self.shift_mean, self.shift_sd) != (1, 1, 0, 0)

    def apply(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Rows ``(n, dim_x)``, scaled and shifted."""
        if not self.moves:
            return x
        scale = x.new_empty(_shape(self.scale_per, x)).uniform_(self.scale_low, self.scale_high, generator=generator)
        shift = x.new_empty(_shape(self.shift_per, x)).normal_(self.shift_mean, self.shift_sd, generator=generator)
        return x * scale + shift


def _shape(per: Per, x: torch.Tensor) -> tuple[int, int]:
    return {"draw": (1, 1), "row": (x.shape[0], 1), "column": (1, x.shape[1])}[per]
