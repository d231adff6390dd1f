"""MI from a conditional density q(y | x): pure functions from log-densities to nats, and the Gaussian densities.

Rows are feature-major: ``y``, ``mean`` and ``log_var`` have the shape ``(..., d, n)``, a column a row of the data.
The bounds are upper bounds where q is the true p(y | x). With another q they need not be: each falls short by up to
the Kullback–Leibler divergence of q from p, so they are worth what q is worth.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "club",
    "club_error",
    "entropy_difference",
    "entropy_difference_error",
    "gaussian_log_density",
    "gaussian_pair_means",
    "gaussian_pairs",
    "leave_one_out",
    "leave_one_out_error",
]

_LN_2PI = math.log(2 * math.pi)


def gaussian_log_density(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    r"""ln of a Gaussian density with a diagonal covariance, ``(..., d, n)`` each → ``(..., n)``.

    .. math:: -\tfrac12 \sum_k \bigl( (y_k - μ_k)^2 / σ_k^2 + \ln σ_k^2 + \ln 2π \bigr)

    >>> gaussian_log_density(torch.zeros(2, 1), torch.zeros(2, 1), torch.zeros(2, 1))
    tensor([-1.8379])
    """
    return -0.5 * ((y - mean).square() * torch.exp(-log_var) + log_var + _LN_2PI).sum(-2)


def gaussian_pairs(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """ln q(y_i | x_j) of every pair, by matrix products: ``(..., d, n)``, twice ``(..., d, m)`` → ``(..., n, m)``.

    >>> y, mean, log_var = torch.arange(6.0).view(3, 1, 2, 1).expand(3, 2, 2, 3) / 6
    >>> pairs = gaussian_pairs(y, mean, log_var)
    >>> torch.allclose(pairs.diagonal(dim1=-2, dim2=-1), gaussian_log_density(y, mean, log_var))
    True
    """
    precision = torch.exp(-log_var)
    tilted = precision * mean
    constant = (tilted * mean + log_var + _LN_2PI).sum(-2, keepdim=True)
    return y.mT @ tilted - 0.5 * (y.square().mT @ precision + constant)


def gaussian_pair_means(y: Tensor, mean: Tensor, log_var: Tensor) -> tuple[Tensor, Tensor]:
    """Means of ln q(y_j | x_i) over the other rows, in time linear in n.

    Returns:
        For each x_i the mean over the y of the others, and for each y_i the mean over the x of the others, ``(..., n)``
        each: what :func:`gaussian_pairs` holds outside its diagonal, averaged.
    """
    others = y.shape[-1] - 1
    own = gaussian_log_density(y, mean, log_var)
    precision = torch.exp(-log_var)
    tilted = precision * mean
    first, second = y.sum(-1, keepdim=True), y.square().sum(-1, keepdim=True)
    squares = second - 2 * mean * first + (others + 1) * mean.square()
    of_x = -0.5 * (squares * precision + (others + 1) * (log_var + _LN_2PI)).sum(-2)
    constant = (tilted * mean + log_var + _LN_2PI).sum(-1, keepdim=True)
    squares = y.square() * precision.sum(-1, keepdim=True) - 2 * y * tilted.sum(-1, keepdim=True)
    of_y = -0.5 * (squares + constant).sum(-2)
    return (of_x - own) / others, (of_y - own) / others


def club(joint: Tensor, product: Tensor) -> Tensor:
    r"""The contrastive log-ratio upper bound, in nats.

    .. math:: I(X; Y) \le E_{joint}[\ln q(y \mid x)] - E_{product}[\ln q(y' \mid x)]

    Args:
        joint: ln q(y_i | x_i), shape ``(..., n)``.
        product: ln q(y_j | x_i), or its mean over some j ≠ i, shape ``(..., m)``.

    With q = p its excess over I is KL(p(x) p(y) ‖ p(x, y)): about I once more where the dependence is weak, and without
    end as y becomes a function of x. For Gaussians of correlation ρ the bound is ρ² / (1 − ρ²). It has no ceiling.

    Cheng et al. 2020 (arXiv 2006.12013).

    >>> x, noise = torch.randn(2, 1, 100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> y, log_var = 0.6 * x + 0.8 * noise, torch.full_like(x, math.log(0.64))
    >>> joint = gaussian_log_density(y, 0.6 * x, log_var)
    >>> of_x, _ = gaussian_pair_means(y, 0.6 * x, log_var)
    >>> abs(club(joint, of_x) - 0.36 / 0.64) < 0.01
    tensor(True)
    """
    return joint.mean(-1) - product.mean(-1)


def club_error(joint: Tensor, of_x: Tensor, of_y: Tensor) -> Tensor:
    """Standard error in nats of :func:`club` over all pairs for a q fixed beforehand: ``(..., n)`` → ``(...)``.

    ``of_x`` and ``of_y`` are the means of :func:`gaussian_pair_means`. The influence of row i is
    ln q(y_i | x_i) − E_y[ln q(y | x_i)] − E_x[ln q(y_i | x)] (Hoeffding's projection of a U-statistic: van der Vaart
    1998, ch. 12).
    """
    return (joint - of_x - of_y).std(-1) / math.sqrt(joint.shape[-1])


def leave_one_out(pairs: Tensor) -> Tensor:
    r"""The leave-one-out upper bound, in nats.

    .. math:: I(X; Y) \le E\Bigl[\ln q(y_i \mid x_i) - \ln \frac1{n-1} \sum_{j \ne i} q(y_i \mid x_j)\Bigr]

    Args:
        pairs: ln q(y_i | x_j), shape ``(..., n, n)``.

    It has no ceiling. With q = p it is too large by the divergence of the mean of n − 1 conditionals from p(y), which
    vanishes as n grows. By Jensen's inequality it is never above :func:`club` over the same pairs, whatever q.

    Poole et al. 2019 (arXiv 1905.06922), section 2.2.

    >>> x, noise = torch.randn(2, 1, 3000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> pairs = gaussian_pairs(0.6 * x + 0.8 * noise, 0.6 * x, torch.full_like(x, math.log(0.64)))
    >>> abs(leave_one_out(pairs) + 0.5 * math.log(1 - 0.36)) < 0.03
    tensor(True)
    """
    return (pairs.diagonal(dim1=-2, dim2=-1) - _of_others(pairs)).mean(-1)


def leave_one_out_error(pairs: Tensor) -> Tensor:
    r"""Standard error in nats of :func:`leave_one_out` for a q fixed beforehand: ``(..., n, n)`` → ``(...)``.

    From the influence of row i, as the one that is explained and as a candidate for the others,

    .. math:: ψ_i = \ln q(y_i \mid x_i) - \ln m(y_i) - E_y[q(y \mid x_i) / m(y)],
        \qquad m(y_i) = \frac1{n-1} \sum_{j \ne i} q(y_i \mid x_j)

    (van der Vaart 1998, ch. 20).
    """
    n = pairs.shape[-1]
    mean = _of_others(pairs)
    ratio = torch.exp(pairs - mean.unsqueeze(-1))
    own = pairs.diagonal(dim1=-2, dim2=-1) - mean
    as_candidate = (ratio.sum(-2) - torch.exp(own)) / (n - 1)
    return (own - as_candidate).std(-1) / math.sqrt(n)


def _of_others(pairs: Tensor) -> Tensor:
    """ln of the mean of q(y_i | x_j) over j ≠ i, ``(..., n)``."""
    n = pairs.shape[-1]
    alone = torch.eye(n, dtype=torch.bool, device=pairs.device)
    return torch.logsumexp(pairs.masked_fill(alone, -torch.inf), -1) - math.log(n - 1)


def entropy_difference(conditional: Tensor, marginal: Tensor) -> Tensor:
    r"""MI as a difference of entropies, each by the cross-entropy of a fitted density, in nats.

    .. math:: I(X; Y) = H(Y) - H(Y \mid X) \approx E_{joint}[\ln q(y \mid x)] - E[\ln r(y)]

    Args:
        conditional: ln q(y_i | x_i), shape ``(..., n)``.
        marginal: ln r(y_i), shape ``(..., n)``.

    A point estimate and no bound: a cross-entropy is at least the entropy, so that a poor q makes it too small and a
    poor r too large. It has no ceiling.

    McAllester & Stratos 2020 (arXiv 1811.04251).

    >>> entropy_difference(torch.tensor([-1.0, -1.0]), torch.tensor([-1.5, -2.5]))
    tensor(1.)
    """
    return (conditional - marginal).mean(-1)


def entropy_difference_error(conditional: Tensor, marginal: Tensor) -> Tensor:
    """Standard error in nats of :func:`entropy_difference` for densities fixed beforehand: ``(..., n)`` → ``(...)``."""
    return (conditional - marginal).std(-1) / math.sqrt(conditional.shape[-1])
