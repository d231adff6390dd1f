"""Log-ratios of elliptical distributions: the critics that need no training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mi_cli.networks.perceptron import with_ones
from mi_cli.networks.product_samples import shifted

__all__ = ["CanonicalVariates", "LogRatio", "SingularScatterError", "fit_elliptical"]

_ROUNDS = 20
_LARGEST = 1 - 1e-6  # a canonical correlation, so that its log-ratio stays finite


class SingularScatterError(ValueError):
    """Columns that are sums of others, so that they have no density."""


@dataclass(frozen=True)
class CanonicalVariates:
    """Canonical variates of one data set: ``u = of_x (x, 1)``, ``v = of_y (y, 1)``, of correlations ``r`` (float64)."""

    of_x: Tensor
    of_y: Tensor
    r: Tensor


def fit_elliptical(x: Tensor, y: Tensor, nu: float = math.inf) -> CanonicalVariates:
    r"""Canonical correlations of a Gaussian (ν = ∞) or Student distribution fitted to rows ``(n, d)``.

    The scatter matrix is the sample covariance, or its maximum-likelihood estimate at ν degrees of freedom (by the
    fixed point of Kent & Tyler 1991). Sample correlations of d_x × d_y columns are too large; they are shrunk to what
    is best for white noise of variance 1/n: those within its range become 0 (Gavish & Donoho 2017, arXiv 1405.7511).
    The noise of correlations near 1 is less than that, so that these are shrunk too much where rows are few.

    Raises:
        SingularScatterError: the scatter matrix is, such as for columns that are sums of others.
    """
    x, y = x.double(), y.double()
    both = torch.cat([x, y], 1)
    mean, scatter = _scatter(both, nu)
    d, n = x.shape[1], len(x)
    white_x, white_y = _whitening(scatter[:d, :d], "x"), _whitening(scatter[d:, d:], "y")
    left, r, right = torch.linalg.svd(white_x @ scatter[:d, d:] @ white_y.T)
    of_x, of_y = left.T @ white_x, right @ white_y
    return CanonicalVariates(
        torch.cat([of_x, -(of_x @ mean[:d]).unsqueeze(1)], 1),
        torch.cat([of_y, -(of_y @ mean[d:]).unsqueeze(1)], 1),
        _shrunk(r, n, d, y.shape[1]).clamp(max=_LARGEST),
    )


def _scatter(rows: Tensor, nu: float) -> tuple[Tensor, Tensor]:
    n, d = rows.shape
    if not torch.isfinite(rows).all():
        raise ValueError("rows have values that are not finite; an elliptical log-ratio needs them")
    mean = rows.mean(0) if math.isinf(nu) else rows.median(0).values
    centred = rows - mean
    scatter = centred.T @ centred / n
    if math.isinf(nu):
        return mean, scatter
    for _ in range(_ROUNDS):
        regular = scatter + 1e-9 * scatter.diagonal().mean() * torch.eye(d, dtype=rows.dtype, device=rows.device)
        distance = (torch.linalg.solve(regular, centred.T) * centred.T).sum(0)
        weights = (nu + d) / (nu + distance)
        mean = (weights.unsqueeze(1) * rows).sum(0) / weights.sum()
        centred = rows - mean
        scatter = (weights * centred.T) @ centred / n
    return mean, scatter


def _whitening(scatter: Tensor, name: str) -> Tensor:
    values, vectors = torch.linalg.eigh(scatter)
    if not values[0] > 1e-10 * values[-1]:
        raise SingularScatterError(
            f"the columns of {name} are linearly dependent; an elliptical log-ratio needs them not to be"
        )
    white: Tensor = (vectors / values.sqrt()).T
    return white


def _shrunk(r: Tensor, n: int, d_x: int, d_y: int) -> Tensor:
    few, many = sorted((d_x, d_y))
    beta, unit = few / many, math.sqrt(many / n)
    y = r / unit
    seen = ((y**2 - beta - 1) ** 2 - 4 * beta).clamp(min=0).sqrt() / y.clamp(min=1e-300)
    return torch.where(y > 1 + math.sqrt(beta), seen * unit, 0.0)


class LogRatio:
    r"""ln p(x, y) / p(x) p(y) of K elliptical distributions of one ν, in canonical variates u, v of correlations r.

    .. math:: -\tfrac{ν + d_x + d_y}{2} \ln(1 + q / ν) + \tfrac{ν + d_x}{2} \ln(1 + |u|^2 / ν)
        + \tfrac{ν + d_y}{2} \ln(1 + |v|^2 / ν) + c,

    q = Σ (u² + v² − 2 r u v) / (1 − r²), for Student's; its limit −½ (q − |u|² − |v|²) + c for Gaussians (ν = ∞).
    """

    def __init__(
        self, parts: Sequence[CanonicalVariates], nu: float = math.inf, device: torch.device | None = None
    ) -> None:
        self.nu = nu
        r = torch.stack([part.r for part in parts])
        self.of_x = torch.stack([part.of_x for part in parts]).float().to(device)
        self.of_y = torch.stack([part.of_y for part in parts]).float().to(device)
        self.dim_x, self.dim_y, self.coupled = self.of_x.shape[1], self.of_y.shape[1], r.shape[1]
        self.cross = (r / (1 - r**2)).float().to(device).unsqueeze(2)
        self.own = (r**2 / (1 - r**2)).float().to(device).unsqueeze(2)  # 1/(1 − r²) − 1
        self.constant = (self._constant() - 0.5 * torch.log1p(-(r**2)).sum(1)).float().to(device).view(-1, 1, 1)

    def _constant(self) -> float:
        if math.isinf(self.nu):
            return 0.0
        half, d_x, d_y = self.nu / 2, self.dim_x / 2, self.dim_y / 2
        return math.lgamma(half + d_x + d_y) + math.lgamma(half) - math.lgamma(half + d_x) - math.lgamma(half + d_y)

    def _variates(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.bmm(self.of_x, x), torch.bmm(self.of_y, with_ones(y))

    def _own(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """|u|² and what q has beyond it, ``(K, 1, n)`` each."""
        square = u**2
        return square.sum(1, keepdim=True), (self.own * square[:, : self.coupled]).sum(1, keepdim=True)

    def _ratio(self, of_x: tuple[Tensor, Tensor], of_y: tuple[Tensor, Tensor], cross: Tensor) -> Tensor:
        """From |u|² and |v|² with what q has beyond them, and Σ r u v / (1 − r²), all broadcast."""
        excess = of_x[1] + of_y[1] - 2 * cross
        if math.isinf(self.nu):
            return self.constant - excess / 2
        nu = self.nu
        marginal_x, marginal_y = (
            (nu + d) / 2 * torch.log1p(part[0] / nu) for d, part in ((self.dim_x, of_x), (self.dim_y, of_y))
        )
        q = (of_x[0] + of_y[0] + excess).clamp(min=0)  # rounding may make it negative
        joint = (nu + self.dim_x + self.dim_y) / 2 * torch.log1p(q / nu)
        return self.constant + marginal_x + marginal_y - joint

    def every_pair(self, x: Tensor, y: Tensor) -> Tensor:
        """``(K, n, n)``, x by y, of x with ones ``(K, dim_x + 1, n)`` and y ``(K, dim_y, n)``."""
        u, v = self._variates(x, y)
        cross = torch.bmm((self.cross * u[:, : self.coupled]).transpose(1, 2), v[:, : self.coupled])
        of_x = self._own(u)
        return self._ratio((of_x[0].transpose(1, 2), of_x[1].transpose(1, 2)), self._own(v), cross)

    def partners(self, x: Tensor, y: Tensor) -> Tensor:
        """``(K, C, n)`` of C partners of each row, y ``(K, dim_y, C, n)``."""
        u, v = self._variates(x, y.flatten(2))
        of_y = self._own(v)
        v = v[:, : self.coupled].unflatten(2, y.shape[2:])
        cross = ((self.cross * u[:, : self.coupled]).unsqueeze(2) * v).sum(1)
        return self._ratio(self._own(u), tuple(part.view(len(y), *y.shape[2:]) for part in of_y), cross)  # type: ignore[arg-type]

    def shifted(self, x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """``(K, 1 + shifts, n)``, of y shifted by 0, 1, 2, … rows."""
        u, v = self._variates(x, y)
        of_x, of_y = self._own(u), self._own(v)
        u = self.cross * u[:, : self.coupled]
        v = v[:, : self.coupled]
        cross = torch.stack([(u * v.roll(-shift, 2)).sum(1) for shift in range(shifts + 1)], 1)
        return self._ratio(of_x, tuple(shifted(part, shifts).squeeze(1) for part in of_y), cross)  # type: ignore[arg-type]
