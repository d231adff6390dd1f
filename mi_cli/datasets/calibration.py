"""How strongly x and y depend on each other: a family's own parameter, or the MI that it is to make."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from mi_cli.datasets.base import Dataset
from mi_cli.fields import Count, NonNegative, Number

if TYPE_CHECKING:
    import torch

__all__ = ["FINEST", "Correlated", "check_strength"]

# Nats a pair of columns: what x does not say of y is then 6e-6 of its spread, hundred times what float32 resolves.
FINEST = 12.0


def check_strength(
    dataset: Dataset, mi: float, within: tuple[float, float], key: str, made: Callable[[], float]
) -> None:
    """Refuse an MI out of reach, or beside another value of the parameter that makes it.

    Args:
        dataset: whose parameter it is; the default of the parameter says that ``mi`` decides.
        mi: nats asked for.
        within: least and most that the family can have.
        key: the parameter.
        made: its value that gives that MI; asked only where it can be reached.

    Raises:
        ValueError: one line with keys, values and what is accepted.
    """
    least, most = within
    if not least <= mi <= most:
        raise ValueError(f"dataset.mi={mi:g}: must be between {least:.4g} and {most:.4g} with these settings")
    given, unused, value = getattr(dataset, key), type(dataset).model_fields[key].default, made()
    if given != unused and not math.isclose(abs(given), value, rel_tol=1e-9):
        raise ValueError(
            f"dataset.mi={mi:g}: makes dataset.{key}={value:.4g}, not dataset.{key}={given:g}; "
            f"accepted: dataset.{key}={unused:g} (which is then not used), or dataset.mi=null"
        )


class Correlated(Dataset, ABC):
    """A dataset of ``dim`` independent pairs of normals with correlation ``rho``, or the one that ``mi`` nats need."""

    rho: Annotated[Number, Field(ge=-1, le=1)] = 0.6
    mi: NonNegative | None = None
    dim: Count = 1

    @model_validator(mode="after")
    def _says_one_strength(self) -> Correlated:
        if self.mi is not None:
            within = self.least_mi, self.least_mi + FINEST * self.dim
            check_strength(self, self.mi, within, "rho", lambda: self.correlation)
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
        return math.inf if remaining == 0 else 0.0 - 0.5 * self.dim * math.log(remaining)  # and so never −0

    def pairs(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows of the pairs, ``(n, dim)`` each."""
        import torch

        x, noise = torch.empty((2, n, self.dim), dtype=dtype).normal_(generator=generator)
        return x, noise.mul_(math.sqrt(self.unexplained)).add_(x, alpha=self.correlation)
