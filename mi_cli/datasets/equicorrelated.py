"""Normal columns that all correlate alike."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mi_cli.bounds.interaction import normal_interactions
from mi_cli.datasets.last_column import LastColumn
from mi_cli.datasets.sources import Normal, pointwise_rows_of
from mi_cli.errors import ConfigError, Fault
from mi_cli.fields import Count, Number
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["Equicorrelated"]


class Equicorrelated(LastColumn):
    r"""``columns`` standard normal columns, each pair of correlation ρ; y is the last one, and x are the others.

    .. math:: TC = -\tfrac12 \ln\bigl((1 - ρ)^{d - 1} (1 + (d - 1) ρ)\bigr), \qquad d = \text{columns}

    The O-information is that of :func:`~mi_cli.bounds.interaction.normal_interactions`: positive for positive ρ, since
    one common cause explains all correlations (Rosas et al. 2019, arXiv 1902.11239).
    """

    name: Literal["equicorrelated"] = "equicorrelated"
    columns: Annotated[Count, Field(ge=2, le=100)] = 3
    rho: Annotated[Number, Field(gt=-1, lt=1)] = 0.5
    n_samples: Count | None = 2000

    @model_validator(mode="after")
    def _is_a_correlation(self) -> Equicorrelated:
        least = -1 / (self.columns - 1)
        if self.rho <= least:
            problem = f"is no correlation that {self.columns} columns can all have"
            raise ConfigError(Fault("dataset.rho", self.rho, problem, f"above {least:.3g}, below 1"))
        return self

    @property
    def source(self) -> Normal:
        """The distribution."""
        return Normal(self.dim_x, self.dim_y, dense=self.rho)

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, columns − 1)`` and ``(n, 1)``."""
        x, y = self.source.sample(n, generator)
        return x.to(dtype or torch.float32), y.to(dtype or torch.float32)

    def pointwise_rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` rows with the pointwise MI of each."""
        return pointwise_rows_of(self.source, n, generator, dtype)

    def true_mi(self, noise: float = 0.0) -> float | None:
        """The MI of the last column and all others, in closed form; not known with noise."""
        return self.source.mi() if noise == 0 else None

    def true_interactions(self) -> dict[str, float] | None:
        """In closed form."""
        return normal_interactions(self.source.covariance)
