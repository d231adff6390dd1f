"""Datasets whose strength of dependence is set by a parameter of theirs, or by the MI that they should have."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Callable
from typing import Annotated

from pydantic import Field, model_validator

from mi_cli.datasets.base import Dataset
from mi_cli.datasets.sources import Normal
from mi_cli.errors import ConfigError, Fault, plain
from mi_cli.fields import Count, NonNegative, Number
from mi_cli.lazy import torch

__all__ = ["HIGHEST_MI", "ColumnPairs", "Correlated", "check_mi"]

# In nats, of a pair of columns. The part of y that x does not determine is then 6e-6 of its spread, a hundred times
# what float32 resolves.
HIGHEST_MI = 12.0


def check_mi(
    dataset: Dataset, mi: float, within: tuple[float, float], key: str, needed: Callable[[], float], name: str = "mi"
) -> None:
    """Refuse a given MI that the dataset cannot have, or that is given together with the parameter that sets it.

    Args:
        dataset: to check.
        mi: that is given, in nats.
        within: the least and the most that the dataset can have.
        key: the parameter. It counts as given if it is not its default.
        needed: the value of the parameter at that MI; called only if the MI can be reached.
        name: of the field that gives the MI.

    Raises:
        ConfigError: what is wrong with the MI.
    """
    least, most = within
    if not least <= mi <= most:
        accepted = f"between {least:.4g} and {most:.4g} with these settings"
        raise ConfigError(Fault(f"dataset.{name}", plain(mi), accepted=accepted))
    given, default, value = getattr(dataset, key), type(dataset).model_fields[key].default, needed()
    if given != default and not math.isclose(abs(given), value, rel_tol=1e-9):
        problem = f"makes dataset.{key}={value:.4g}, not dataset.{key}={given:g}"
        accepted = f"dataset.{key}={default:g} (which is then not used), or dataset.{name}=null"
        raise ConfigError(Fault(f"dataset.{name}", plain(mi), problem, accepted))


class ColumnPairs(Dataset, ABC):
    """A dataset of ``dim`` pairs of columns (x_i, y_i)."""

    dim: Count = 1

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.dim

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.dim


class Correlated(ColumnPairs, ABC):
    """Independent pairs of normals with correlation ``rho``, or with the correlation that ``mi`` needs.

    ``mi`` is the MI in nats of all pairs together, or None.
    """

    rho: Annotated[Number, Field(ge=-1, le=1)] = 0.6
    mi: NonNegative | None = None

    @model_validator(mode="after")
    def _can_have_mi(self) -> Correlated:
        if self.mi is not None:
            within = self.least_mi, self.least_mi + HIGHEST_MI * self.dim
            check_mi(self, self.mi, within, "rho", lambda: self.correlation)
        return self

    @property
    def least_mi(self) -> float:
        """The MI of uncorrelated pairs, in nats."""
        return 0.0

    @property
    def correlation(self) -> float:
        """The correlation of each pair: ``rho``, or sqrt(1 − exp(−2 mi / dim)) where ``mi`` is given."""
        return self.rho if self.mi is None else math.sqrt(1 - self.unexplained)

    @property
    def unexplained(self) -> float:
        """1 − ρ²: the variance of y given x."""
        return 1 - self.rho**2 if self.mi is None else math.exp(-2 * (self.mi - self.least_mi) / self.dim)

    @property
    def normal(self) -> Normal:
        """The distribution of the pairs."""
        return Normal(self.dim, self.dim, pairs=self.dim, paired=self.correlation)

    def pairs_mi(self, noise: float = 0.0) -> float:
        """MI of the pairs in nats; ``noise``, a standard deviation, on x divides ρ² by 1 + noise²."""
        remaining = (self.unexplained + noise**2) / (1 + noise**2)
        return math.inf if remaining == 0 else 0.0 - 0.5 * self.dim * math.log(remaining)  # and so never −0

    def pairs(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows of the pairs, ``(n, dim)`` each."""
        x, noise = torch.empty((2, n, self.dim), dtype=dtype).normal_(generator=generator)
        return x, noise.mul_(math.sqrt(self.unexplained)).add_(x, alpha=self.correlation)
