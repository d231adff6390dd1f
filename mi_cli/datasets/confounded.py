"""Two columns that depend on common causes, and on each other beside these."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mi_cli.datasets.calibration import HIGHEST_MI, check_mi
from mi_cli.datasets.conditional import Triple, Triples
from mi_cli.fields import Count, NonNegative, Number
from mi_cli.lazy import torch

__all__ = ["Confounded"]


class Confounded(Triples):
    r"""x = g(z) + e and y = h(z) + e', with normal e and e' of correlation ρ and z of ``dim`` normal columns.

    .. math:: I(X; Y | Z) = -\tfrac12 \ln(1 - ρ^2)

    whatever g and h are: given z, x and y are e and e' shifted by constants. With ``form: linear``,
    :math:`g = h = s \sum_i z_i / \sqrt{d}`. With ``form: smooth``, :math:`g = s \sqrt{2/d} \sum_i \sin 2 z_i` and
    :math:`h = s \sum_i (z_i^2 - 1) / \sqrt{2 d}`. The strength s is about the standard deviation of both.

    The closed form is that of a bivariate normal (Cover & Thomas 2006, *Elements of Information Theory*, example
    8.5.1), given z.
    """

    name: Literal["confounded"] = "confounded"
    rho: Annotated[Number, Field(gt=-1, lt=1)] = 0.6
    cmi: NonNegative | None = None
    dim: Count = 1
    form: Literal["linear", "smooth"] = "smooth"
    strength: NonNegative = 1.0

    @model_validator(mode="after")
    def _can_have_cmi(self) -> Confounded:
        if self.cmi is not None:
            check_mi(self, self.cmi, (0.0, HIGHEST_MI), "rho", lambda: self.correlation, "cmi")
        return self

    @property
    def kind(self) -> str:
        """Confounding of which form, by how many columns."""
        return f"{self.form} confounding, {self.dim} column{'s' * (self.dim > 1)} of z"

    @property
    def dim_z(self) -> int:
        """Columns of z."""
        return self.dim

    @property
    def correlation(self) -> float:
        """Of e and e': ``rho``, or sqrt(1 − exp(−2 cmi)) where ``cmi`` is given."""
        return self.rho if self.cmi is None else math.sqrt(-math.expm1(-2 * self.cmi))

    def triples(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` rows; shapes ``(n, 1)``, ``(n, 1)`` and ``(n, dim)``."""
        z = torch.empty((n, self.dim), dtype=dtype).normal_(generator=generator)
        e, other = torch.empty((2, n, 1), dtype=dtype).normal_(generator=generator)
        if self.form == "linear":
            g = h = z.sum(1, keepdim=True) / math.sqrt(self.dim)
        else:
            g = math.sqrt(2 / self.dim) * (2 * z).sin().sum(1, keepdim=True)
            h = (z**2 - 1).sum(1, keepdim=True) / math.sqrt(2 * self.dim)
        rho = self.correlation
        return self.strength * g + e, self.strength * h + rho * e + math.sqrt(1 - rho**2) * other, z

    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y | z) in closed form; independent noise on x divides ρ² by 1 + noise²."""
        return 0.0 - 0.5 * math.log1p(-(self.correlation**2) / (1 + noise**2))  # and so never −0
