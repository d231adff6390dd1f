"""The bivariate gamma-exponential distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from mi_cli.datasets.base import Dataset
from mi_cli.datasets.calibration import check_strength
from mi_cli.fields import Count, Number, Positive

if TYPE_CHECKING:
    import torch

__all__ = ["GammaExponential"]

_LEAST_THETA = {"none": 0.5, "log": 1e-3}  # below, rows overflow float32, or their logarithms lose its digits


class GammaExponential(Dataset):
    r"""x ~ Γ(θ, 1) and y ~ Exp(x), the rate being x, in ``dim`` independent columns.

    .. math:: p(x, y) = \frac{x^θ}{Γ(θ)} e^{-x - xy}, \quad I(X; Y) = d (ψ(θ + 1) - \ln θ)

    A small θ makes heavy tails; ``map: log`` gives ln x and ln y, with the same MI. Where ``mi`` is given it chooses θ.
    Darbellay and Vajda (2000, IEEE Transactions on Information Theory 46); Kraskov, Stögbauer and Grassberger (2004,
    arXiv cond-mat/0305641) tried their estimator on it.
    """

    name: Literal["gamma_exponential"] = "gamma_exponential"
    theta: Annotated[Number, Field(gt=0, le=1e6)] = 1.0
    mi: Positive | None = None
    dim: Count = 1
    map: Literal["none", "log"] = "none"

    @model_validator(mode="after")
    def _is_within_reach(self) -> GammaExponential:
        least = _LEAST_THETA[self.map]
        if self.mi is not None:
            within = self.dim * _mi(1e4), self.dim * _mi(least)
            check_strength(self, self.mi, within, "theta", lambda: self.shape)
        elif self.theta < least:
            also = ", or dataset.map=log" if self.map == "none" else ""
            raise ValueError(f"dataset.theta={self.theta:g}: rows lose float32; accepted: at least {least:g}{also}")
        return self

    @property
    def shape(self) -> float:
        """θ: ``theta``, or that of which ``mi`` is made."""
        return self.theta if self.mi is None else _theta(self.mi / self.dim)

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.dim

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.dim

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim)`` and ``(n, dim)``."""
        import torch

        theta = self.shape
        one_more = torch.full((n, self.dim), theta + 1, dtype=torch.float64)
        one, other = torch.empty((2, n, self.dim), dtype=torch.float64).exponential_(generator=generator)
        # Γ(θ) = Γ(θ + 1) · U^(1/θ), as logarithms: no row is 0 however small θ is.
        x = torch._standard_gamma(one_more, generator=generator).log() - one / theta
        y = other.log() - x
        rows = (x, y) if self.map == "log" else (x.exp(), y.exp())
        return rows[0].to(dtype or torch.float32), rows[1].to(dtype or torch.float32)

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Closed form; not known with noise."""
        return self.dim * _mi(self.shape) if noise == 0 else None


def _mi(theta: float) -> float:
    """MI of a column in nats."""
    from scipy.special import digamma

    return float(digamma(theta + 1) - math.log(theta))


def _theta(mi: float) -> float:
    """The θ at which a column has ``mi`` nats."""
    from scipy.optimize import brentq

    return math.exp(brentq(lambda log: _mi(math.exp(log)) - mi, math.log(1e-4), math.log(1e5), xtol=1e-14))
