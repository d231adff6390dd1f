"""Log-ratios of elliptical distributions: critics that are computed from the rows and need no training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mi_cli.networks.perceptron import with_ones
from mi_cli.networks.product_samples import shifted

__all__ = ["CanonicalVariates", "LogRatio", "SingularScatterError", "fit_elliptical"]

_ROUNDS = 20  # of the fixed point for the scatter matrix of a Student distribution
_SINGULAR = 1e-10  # smallest eigenvalue relative to the largest, below which columns are linear functions of others
_ROUNDING = 1e-12  # smallest spread relative to the largest value; a smaller one is that of rounding
_LARGEST = 1 - 1e-6  # the largest canonical correlation for which the log-ratio is finite in float32


class SingularScatterError(ValueError):
    """No column of a side varies, so that it has no density."""


@dataclass(frozen=True)
class CanonicalVariates:
    """The canonical variates u and v of one data set, and their correlations, in float64.

    The ranks of x and of y are the numbers of columns that are left when those that are linear functions of others, and
    those that are constant, are taken out.

    Attributes:
        of_x: u = of_x (x, 1), ``(rank of x, dim_x + 1)``.
        of_y: v = of_y (y, 1), ``(rank of y, dim_y + 1)``.
        r: canonical correlations, ``(smaller rank,)``.
    """

    of_x: Tensor
    of_y: Tensor
    r: Tensor


def fit_elliptical(x: Tensor, y: Tensor, nu: float = math.inf) -> CanonicalVariates:
    r"""Fit the canonical correlations of a Gaussian or a Student distribution.

    The scatter matrix is the sample covariance, or the maximum-likelihood estimate at ν degrees of freedom, by the
    fixed point of Kent & Tyler (1991). Sample correlations of several columns are too large. They are shrunk as is best
    for white noise of variance 1/n; those within the range of the noise become 0 (Gavish & Donoho 2017, arXiv
    1405.7511). Correlations near 1 have less noise than that, so that they are shrunk too much where rows are few.

    Columns of x that are linear functions of its others add nothing, such as a repeated column or the last of several
    columns of classes. They leave the fit as it is without them. The same holds for y.

    Args:
        x: rows, ``(n, dim_x)``.
        y: rows, ``(n, dim_y)``.
        nu: ν, the degrees of freedom; infinite for a Gaussian.

    Raises:
        SingularScatterError: no column of x varies, or none of y.
        ValueError: a value is not finite.
    """
    x, y = x.double(), y.double()
    maps = _to_rank(x, "x"), _to_rank(y, "y")
    both = torch.cat([_mapped(x, maps[0]), _mapped(y, maps[1])], 1)
    mean, scatter = _scatter(both, nu)
    d, n = len(maps[0]), len(x)
    white_x, white_y = _whitening(scatter[:d, :d]), _whitening(scatter[d:, d:])
    left, r, right = torch.linalg.svd(white_x @ scatter[:d, d:] @ white_y.T)
    return CanonicalVariates(
        _composed(left.T @ white_x, mean[:d], maps[0]),
        _composed(right @ white_y, mean[d:], maps[1]),
        _shrunk(r, n, d, len(maps[1])).clamp(max=_LARGEST),
    )


def _to_rank(side: Tensor, name: str) -> Tensor:
    """An affine map ``(rank, d + 1)`` of rows ``(n, d)`` to uncorrelated columns of variance 1."""
    if not torch.isfinite(side).all():
        raise ValueError("rows have values that are not finite; an elliptical log-ratio needs finite values")
    mean = side.mean(0)
    centred = side - mean
    sd = centred.square().mean(0).sqrt()
    varies = sd > _ROUNDING * side.abs().amax(0)
    if not varies.any():
        raise SingularScatterError(f"no column of {name} varies; an elliptical log-ratio needs one that does")
    scale = torch.where(varies, 1 / sd, 0.0)
    scaled = centred * scale
    values, vectors = torch.linalg.eigh(scaled.T @ scaled / len(side))
    kept = values > _SINGULAR * values[-1]
    linear = (vectors[:, kept] / values[kept].sqrt()).T * scale
    return torch.cat([linear, -(linear @ mean).unsqueeze(1)], 1)


def _mapped(side: Tensor, affine: Tensor) -> Tensor:
    return side @ affine[:, :-1].T + affine[:, -1]


def _composed(linear: Tensor, mean: Tensor, affine: Tensor) -> Tensor:
    """The affine map z ↦ linear (affine(z) − mean)."""
    constant = linear @ (affine[:, -1] - mean)
    return torch.cat([linear @ affine[:, :-1], constant.unsqueeze(1)], 1)


def _scatter(rows: Tensor, nu: float) -> tuple[Tensor, Tensor]:
    """The location ``(d,)`` and the scatter matrix ``(d, d)`` of rows ``(n, d)``."""
    n, d = rows.shape
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


def _whitening(scatter: Tensor) -> Tensor:
    """W with W scatter Wᵀ = 1."""
    values, vectors = torch.linalg.eigh(scatter)
    white: Tensor = (vectors / values.clamp(min=_SINGULAR * values[-1]).sqrt()).T
    return white


def _shrunk(r: Tensor, n: int, d_x: int, d_y: int) -> Tensor:
    """Correlations shrunk for the noise of n rows."""
    few, many = sorted((d_x, d_y))
    beta, unit = few / many, math.sqrt(many / n)
    y = r / unit
    seen = ((y**2 - beta - 1) ** 2 - 4 * beta).clamp(min=0).sqrt() / y.clamp(min=1e-300)
    return torch.where(y > 1 + math.sqrt(beta), seen * unit, 0.0)


class LogRatio:
    r"""ln p(x, y) / p(x) p(y) of K elliptical distributions, as a function of their canonical variates u and v.

    .. math:: -\tfrac{ν + d_x + d_y}{2} \ln(1 + q / ν) + \tfrac{ν + d_x}{2} \ln(1 + |u|^2 / ν)
        + \tfrac{ν + d_y}{2} \ln(1 + |v|^2 / ν) + c,

    with q = Σ (u² + v² − 2 r u v) / (1 − r²), for Student distributions; its limit −½ (q − |u|² − |v|²) + c for
    Gaussians (ν = ∞).

    Args:
        parts: canonical variates of each distribution.
        nu: ν, the degrees of freedom; infinite for Gaussians.
        device: where the log-ratios are computed.
    """

    def __init__(
        self, parts: Sequence[CanonicalVariates], nu: float = math.inf, device: torch.device | None = None
    ) -> None:
        self.nu = nu
        self.ranks = [(len(part.of_x), len(part.of_y)) for part in parts]
        rank_x, rank_y = (max(ranks) for ranks in zip(*self.ranks, strict=True))
        self.coupled = min(rank_x, rank_y)
        r = torch.stack([functional.pad(part.r, (0, self.coupled - len(part.r))) for part in parts])
        # Variates that a data set of lower rank lacks are 0.
        of_x = torch.stack([functional.pad(part.of_x, (0, 0, 0, rank_x - len(part.of_x))) for part in parts])
        of_y = torch.stack([functional.pad(part.of_y, (0, 0, 0, rank_y - len(part.of_y))) for part in parts])
        self.of_x, self.of_y = of_x.float().to(device), of_y.float().to(device)
        self.dim_x, self.dim_y = torch.tensor(self.ranks, device=device, dtype=torch.float32).T.view(2, -1, 1, 1)
        self.cross = (r / (1 - r**2)).float().to(device).unsqueeze(2)
        self.own = (r**2 / (1 - r**2)).float().to(device).unsqueeze(2)  # 1/(1 − r²) − 1
        constants = torch.tensor([self._constant(*ranks) for ranks in self.ranks], dtype=r.dtype, device=r.device)
        self.constant = (constants - 0.5 * torch.log1p(-(r**2)).sum(1)).float().to(device).view(-1, 1, 1)

    def _constant(self, rank_x: int, rank_y: int) -> float:
        if math.isinf(self.nu):
            return 0.0
        half, d_x, d_y = self.nu / 2, rank_x / 2, rank_y / 2
        return math.lgamma(half + d_x + d_y) + math.lgamma(half) - math.lgamma(half + d_x) - math.lgamma(half + d_y)

    def _variates(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.bmm(self.of_x, x), torch.bmm(self.of_y, with_ones(y))

    def _own(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """|u|², and the part of q that u adds beyond it, ``(K, 1, n)`` each."""
        square = u**2
        return square.sum(1, keepdim=True), (self.own * square[:, : self.coupled]).sum(1, keepdim=True)

    def _ratio(self, of_x: tuple[Tensor, Tensor], of_y: tuple[Tensor, Tensor], cross: Tensor) -> Tensor:
        """The log-ratio from the results of :meth:`_own` and Σ r u v / (1 − r²), all broadcast."""
        excess = of_x[1] + of_y[1] - 2 * cross
        if math.isinf(self.nu):
            return self.constant - excess / 2
        nu = self.nu
        marginal_x, marginal_y = (
            (nu + d) / 2 * torch.log1p(part[0] / nu) for d, part in ((self.dim_x, of_x), (self.dim_y, of_y))
        )
        q = (of_x[0] + of_y[0] + excess).clamp(min=0)  # rounding can make it negative
        joint = (nu + self.dim_x + self.dim_y) / 2 * torch.log1p(q / nu)
        ratio: Tensor = self.constant + marginal_x + marginal_y - joint
        return ratio

    def every_pair(self, x: Tensor, y: Tensor) -> Tensor:
        """Log-ratios of all pairs, x by y.

        Args:
            x: with its row of ones, ``(K, dim_x + 1, n)``.
            y: ``(K, dim_y, n)``.

        Returns:
            ``(K, n, n)`` in nats.
        """
        u, v = self._variates(x, y)
        cross = torch.bmm((self.cross * u[:, : self.coupled]).transpose(1, 2), v[:, : self.coupled])
        of_x = self._own(u)
        return self._ratio((of_x[0].transpose(1, 2), of_x[1].transpose(1, 2)), self._own(v), cross)

    def partners(self, x: Tensor, y: Tensor) -> Tensor:
        """Log-ratios ``(K, C, n)`` of each row with C partners, y ``(K, dim_y, C, n)``."""
        u, v = self._variates(x, y.flatten(2))
        of_y = self._own(v)
        v = v[:, : self.coupled].unflatten(2, y.shape[2:])
        cross = ((self.cross * u[:, : self.coupled]).unsqueeze(2) * v).sum(1)
        return self._ratio(self._own(u), tuple(part.view(len(y), *y.shape[2:]) for part in of_y), cross)  # type: ignore[arg-type]

    def shifted(self, x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Log-ratios ``(K, 1 + shifts, n)`` with y shifted by 0, 1, 2, … rows."""
        u, v = self._variates(x, y)
        of_x, of_y = self._own(u), self._own(v)
        u = self.cross * u[:, : self.coupled]
        v = v[:, : self.coupled]
        cross = torch.stack([(u * v.roll(-shift, 2)).sum(1) for shift in range(shifts + 1)], 1)
        return self._ratio(of_x, tuple(shifted(part, shifts).squeeze(1) for part in of_y), cross)  # type: ignore[arg-type]
