"""Gaussian mixtures of (x, y), whose MI is known by Monte Carlo."""

from __future__ import annotations

import functools
from typing import Literal

from mi_cli.datasets import maps, normal_mixture
from mi_cli.datasets.base import Dataset
from mi_cli.datasets.maps import Map
from mi_cli.datasets.normal_mixture import NormalMixture
from mi_cli.fields import Count
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["GaussianMixture"]

Form = Literal["x", "ai", "galaxy", "waves", "concentric", "inliers"]


class GaussianMixture(Dataset):
    r"""A mixture of normal distributions of (x, y); two forms then map x, which keeps the MI.

    .. math:: I(X; Y) = E \ln \frac{p(X, Y)}{p(X) p(Y)}

    is the mean of half a million draws with a fixed seed; ``true_mi_stderr`` is its standard error.

    ``x`` (two crossing ridges), ``ai`` (the letters), ``galaxy`` (two clouds whose x is wound into a spiral), ``waves``
    (twelve clouds whose x is bent into waves), ``concentric`` (x has one of three spreads, and y says which) and
    ``inliers`` (correlated pairs, a fifth of which are replaced by independent ones) have their published parameters.
    ``dim`` is the number of columns of x in the last two. Czyż, Grabowski, Vogt, Beerenwinkel and Marx (2023, arXiv
    2310.10240).
    """

    name: Literal["gaussian_mixture"] = "gaussian_mixture"
    form: Form = "x"
    dim: Count = 3

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return _mixture(self.form, self.dim).dims[0]

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return _mixture(self.form, self.dim).dims[1]

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows; shapes ``(n, dim_x)`` and ``(n, dim_y)``."""
        x, y = _mixture(self.form, self.dim).sample(n, generator)
        return self._mapped(x, y, dtype)

    def pointwise_rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` rows with the pointwise MI of each, which the maps keep."""
        mixture = _mixture(self.form, self.dim)
        x, y = mixture.sample(n, generator)
        return Rows(*self._mapped(x, y, dtype), pointwise=mixture.log_ratio(x, y))

    def _mapped(self, x: torch.Tensor, y: torch.Tensor, dtype: torch.dtype | None) -> tuple[torch.Tensor, torch.Tensor]:
        if self.form in _MAPS:
            x = _MAPS[self.form](x)
        return x.to(dtype or torch.float32), y.to(dtype or torch.float32)

    def true_mi(self, noise: float = 0.0) -> float | None:
        """By Monte Carlo, also with noise on x; not known with noise on mapped columns."""
        return None if noise and self.form in _MAPS else _monte_carlo_mi(self.form, self.dim, noise)[0]

    def true_mi_stderr(self, noise: float = 0.0) -> float:
        """Standard error of ``true_mi`` in nats; 0 where there is none."""
        return 0.0 if noise and self.form in _MAPS else _monte_carlo_mi(self.form, self.dim, noise)[1]


_MAPS: dict[str, Map] = {"galaxy": maps.Spiral(0, 1, speed=0.5), "waves": maps.wave}


@functools.cache
def _mixture(form: Form, dim: int) -> NormalMixture:
    """The mixture of a form, before its map."""
    match form:
        case "x":
            return normal_mixture.ridges()
        case "ai":
            return normal_mixture.letters()
        case "galaxy":
            return normal_mixture.clouds()
        case "waves":
            return normal_mixture.staggered()
        case "concentric":
            return normal_mixture.concentric(dim)
        case "inliers":
            return normal_mixture.inliers(dim)


@functools.cache
def _monte_carlo_mi(form: Form, dim: int, noise: float) -> tuple[float, float]:
    """MI in nats and its standard error."""
    return _mixture(form, dim).monte_carlo(noise)
