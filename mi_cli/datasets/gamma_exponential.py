"""The bivariate gamma-exponential distribution."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mi_cli.datasets.calibration import ColumnPairs, check_mi
from mi_cli.errors import ConfigError, Fault, plain
from mi_cli.fields import Number, Positive
from mi_cli.lazy import optimize, special, torch

__all__ = ["GammaExponential"]

_LEAST_THETA = {"none": 0.5, "log": 1e-3}  # with smaller ones, rows overflow float32 or are rounded by it


class GammaExponential(ColumnPairs):
    r"""x ~ Γ(θ, 1) and y ~ Exp(x), the rate being x, in ``dim`` independent columns.

    .. math:: p(x, y) = \frac{x^θ}{Γ(θ)} e^{-x - xy}, \quad I(X; Y) = d (ψ(θ + 1) - \ln θ)

    A small θ makes heavy tails; ``map: log`` gives ln x and ln y, with the same MI. ``mi``, in nats, sets θ.
    Darbellay and Vajda (2000, IEEE Transactions on Information Theory 46); Kraskov, Stögbauer and Grassberger (2004,
    arXiv cond-mat/0305641) tried their estimator on it.
    """

    name: Literal["gamma_exponential"] = "gamma_exponential"
    theta: Annotated[Number, Field(gt=0, le=1e6)] = 1.0
    mi: Positive | None = None
    map: Literal["none", "log"] = "none"

    @model_validator(mode="after")
    def _can_have_theta_or_mi(self) -> GammaExponential:
        least = _LEAST_THETA[self.map]
        if self.mi is not None:
            within = self.dim * _mi(1e4), self.dim * _mi(least)
            check_mi(self, self.mi, within, "theta", lambda: self.shape)
        elif self.theta < least:
            accepted = f"at least {least:g}" + (", or dataset.map=log" if self.map == "none" else "")
            problem = "float32 cannot hold the rows"
            raise ConfigError(Fault("dataset.theta", plain(self.theta), problem, accepted))
        return self

    @property
    def shape(self) -> float:
        """θ: ``theta``, or the value at which the MI is ``mi``."""
        return self.theta if self.mi is None else _theta(self.mi / self.dim)

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim)`` and ``(n, dim)``."""
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
    return float(special.digamma(theta + 1) - math.log(theta))


def _theta(mi: float) -> float:
    """The θ at which a column has ``mi`` nats."""
    return math.exp(optimize.brentq(lambda log: _mi(math.exp(log)) - mi, math.log(1e-4), math.log(1e5), xtol=1e-14))
