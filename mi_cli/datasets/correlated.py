"""What datasets of correlated normal pairs share: their correlation, or the MI that it is to make."""

from __future__ import annotations

import math
from abc import ABC
from typing import Annotated

from pydantic import Field, model_validator

from mi_cli.datasets.base import Dataset
from mi_cli.fields import Count, NonNegative, Number

__all__ = ["Correlated"]

_MOST = 12.0  # nats a pair: y then leaves x at 6e-6 of its spread, hundred times what float32 resolves


class Correlated(Dataset, ABC):
    """A dataset of ``dim`` independent pairs of normals with correlation ``rho``, or the one that ``mi`` nats need."""

    rho: Annotated[Number, Field(ge=-1, le=1)] = 0.6
    mi: NonNegative | None = None
    dim: Count = 1

    @model_validator(mode="after")
    def _says_one_strength(self) -> Correlated:
        if self.mi is None:
            return self
        least, most = self.least_mi, self.least_mi + _MOST * self.dim
        if not least <= self.mi <= most:
            raise ValueError(f"dataset.mi={self.mi:g}: must be between {least:.4g} and {most:.4g} with these settings")
        unused = type(self).model_fields["rho"].default
        if self.rho != unused and not math.isclose(abs(self.rho), self.correlation, rel_tol=1e-9):
            raise ValueError(
                f"dataset.mi={self.mi:g}: makes a correlation of {self.correlation:.4g}, not dataset.rho={self.rho:g}; "
                f"accepted: dataset.rho={unused:g} (which is then not used), or dataset.mi=null"
            )
        return self

    @property
    def least_mi(self) -> float:
        """The MI of uncorrelated pairs, in nats."""
        return 0.0

    @property
    def correlation(self) -> float:
        """Of each pair: ``rho``, or sqrt(1 − exp(−2 mi / dim)) where an MI is asked for."""
        return self.rho if self.mi is None else math.sqrt(1 - self.unexplained)

    @property
    def unexplained(self) -> float:
        """1 − ρ²: the variance of y that x leaves."""
        return 1 - self.rho**2 if self.mi is None else math.exp(-2 * (self.mi - self.least_mi) / self.dim)

    def pairs_mi(self, noise: float = 0.0) -> float:
        """MI of the pairs in nats; noise of that standard deviation on x divides ρ² by 1 + noise²."""
        remaining = (self.unexplained + noise**2) / (1 + noise**2)
        return math.inf if remaining == 0 else -0.5 * self.dim * math.log(remaining)
