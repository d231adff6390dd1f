"""A Gaussian log-ratio of rows of which some are paired at random."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mi_cli.networks.elliptical import CanonicalVariates, fit_elliptical

__all__ = ["fit_inliers"]

_STEPS = 40  # of expectation-maximisation
_FIRST = 0.2  # share of independent rows that it starts from
_LEAST, _MOST = 1e-3, 0.9  # that share at its limits
_LARGEST = 0.9999  # correlation
_FIRST_LARGEST = 0.95  # correlation that it starts from at most


def fit_inliers(x: Tensor, y: Tensor) -> tuple[CanonicalVariates, float]:
    r"""Fit a mixture of dependent and independent rows, both with the same normal margins.

    .. math:: p(x, y) = (1 - a)\, N_r(x, y) + a\, N(x)\, N(y)

    The sample correlations of such rows are 1 − a times those of the dependent ones. Expectation-maximisation weights
    each row by the probability that it is dependent.

    Args:
        x: rows, ``(n, dim_x)``.
        y: rows, ``(n, dim_y)``.

    Returns:
        The canonical variates and correlations of the dependent rows, and a.

    Raises:
        SingularScatterError: no column of x varies, or none of y.
        ValueError: a value is not finite.

    Reference:
        Dempster, Laird & Rubin 1977 (expectation-maximisation, JRSS B 39, 1–38).
    """
    whole = fit_elliptical(x, y)
    u, v = (side.double() @ affine[:, :-1].T + affine[:, -1] for side, affine in ((x, whole.of_x), (y, whole.of_y)))
    cross = torch.zeros(u.shape[1], v.shape[1], dtype=torch.float64)
    cross.diagonal()[:] = (whole.r / (1 - _FIRST)).clamp(max=_FIRST_LARGEST)
    share = _FIRST
    left, r, right = torch.linalg.svd(cross)
    for _ in range(_STEPS):
        ratio = _log_ratio(u @ left, v @ right.T, r)
        dependent = torch.sigmoid(ratio + math.log1p(-share) - math.log(share))
        share = min(_MOST, max(_LEAST, 1 - dependent.mean().item()))
        if dependent.sum() <= u.shape[1] + v.shape[1]:  # so few rows have no covariance: all count as dependent
            return whole, _LEAST
        left, r, right = torch.linalg.svd((dependent.unsqueeze(1) * u).T @ v / dependent.sum())
        noise = (math.sqrt(u.shape[1]) + math.sqrt(v.shape[1])) / math.sqrt(dependent.sum().item())
        r = torch.where(r > noise, r, 0.0).clamp(max=_LARGEST)
    return CanonicalVariates(left.T @ whole.of_x, right @ whole.of_y, r), share


def _log_ratio(u: Tensor, v: Tensor, r: Tensor) -> Tensor:
    """The Gaussian log-ratio of canonical variates ``(n, ·)``, ``(n,)``."""
    k = len(r)
    u, v = u[:, :k], v[:, :k]
    excess = (r**2 * (u**2 + v**2) - 2 * r * u * v) / (1 - r**2)
    return -0.5 * (excess + torch.log1p(-(r**2))).sum(1)
