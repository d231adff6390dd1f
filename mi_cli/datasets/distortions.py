"""Distortions of x after it is drawn: noise, and a scale and shift of the unlabelled rows."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from mi_cli.errors import ConfigError, Fault, plain
from mi_cli.fields import NonNegative, Number, Positive, Section
from mi_cli.lazy import torch

__all__ = ["Noise", "Shift"]

Per = Literal["draw", "row", "column"]


class Noise(Section):
    """Independent Gaussian noise on every column, of standard deviation ``scale``."""

    name: Literal["gaussian"] = "gaussian"
    scale: NonNegative = 0.0

    def apply(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """``x`` of shape ``(n, dim_x)`` with noise added."""
        if self.scale == 0:
            return x
        return x.new_empty(x.shape).normal_(0, self.scale, generator=generator).add_(x)


class Shift(Section):
    """x ↦ x · U(scale_low, scale_high) + N(shift_mean, shift_sd²), for the unlabelled rows only.

    Scales are drawn for each row, for each column, or once for all (``scale_per``), and so are shifts (``shift_per``).
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
            accepted = f"≤ shift.scale_high={self.scale_high:g}"
            raise ConfigError(Fault("shift.scale_low", plain(self.scale_low), accepted=accepted))
        return self

    @property
    def moves(self) -> bool:
        """Whether the shift changes any row."""
        return (self.scale_low, self.scale_high, self.shift_mean, self.shift_sd) != (1, 1, 0, 0)

    def apply(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """``x`` of shape ``(n, dim_x)``, scaled and shifted."""
        if not self.moves:
            return x
        scale = x.new_empty(_shape(self.scale_per, x)).uniform_(self.scale_low, self.scale_high, generator=generator)
        shift = x.new_empty(_shape(self.shift_per, x)).normal_(self.shift_mean, self.shift_sd, generator=generator)
        return x * scale + shift


def _shape(per: Per, x: torch.Tensor) -> tuple[int, int]:
    return {"draw": (1, 1), "row": (x.shape[0], 1), "column": (1, x.shape[1])}[per]
