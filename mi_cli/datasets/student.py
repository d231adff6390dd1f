"""Student's t in all columns together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mi_cli.datasets.calibration import Correlated
from mi_cli.datasets.maps import PAIR_MAPS
from mi_cli.datasets.sources import Student, student_correction, student_widening
from mi_cli.fields import Number
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["StudentT"]


class StudentT(Correlated):
    r"""Pairs of normals with correlation ρ, each row divided by a common :math:`\sqrt{χ^2_ν / ν}`.

    .. math:: I(X; Y) = -\tfrac{d}{2} \ln(1 - ρ^2) + c(ν, d)

    c, ``sources.student_correction``, comes from the common divisor: uncorrelated columns are dependent. ``mi`` sets ρ
    and is at least c; with ρ = 0 the MI is set by ``df``, as in Letizia, Novello and Tonello (2024,
    arXiv 2305.20025). ``map: asinh`` shortens the tails and keeps the MI (Czyż et al., 2023, arXiv 2306.11078).
    """

    name: Literal["student"] = "student"
    rho: Annotated[Number, Field(ge=-1, le=1)] = 0.0
    df: Annotated[Number, Field(ge=0.5)] = 3.0  # rows of fewer would overflow float32
    map: Literal["none", "asinh"] = "none"

    @property
    def least_mi(self) -> float:
        """The MI of uncorrelated pairs, which comes from the common divisor, in nats."""
        return student_correction(self.df, self.dim, self.dim)

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim)`` and ``(n, dim)``."""
        return PAIR_MAPS[self.map](*self._pairs(n, generator, dtype))

    def pointwise_rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` rows with the pointwise MI of each, unless the MI is infinite."""
        x, y = self._pairs(n, generator, dtype)
        known = self.unexplained > 0
        truth = Student(self.normal, self.df).log_ratio(x.double(), y.double()) if known else None
        return Rows(*PAIR_MAPS[self.map](x, y), pointwise=truth)

    def _pairs(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows before they are mapped."""
        x, y = self.pairs(n, generator, dtype or torch.float32)
        widening = student_widening(n, self.df, generator).to(x.dtype)
        return x * widening, y * widening

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Closed form; not known with noise."""
        return self.pairs_mi() + self.least_mi if noise == 0 else None
