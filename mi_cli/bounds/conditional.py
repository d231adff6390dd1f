"""MI from a conditional density q(y | x): pure functions from log-densities to nats, and Gaussian densities.

Arrays are feature-major: ``y``, ``mean`` and ``log_var`` have the shape ``(..., d, n)`` for n rows of d columns. The
bounds are upper bounds where q is the true p(y | x). With another q each can be too small, by up to the
Kullback–Leibler divergence of q from p.
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
    "leave_one_out_with_error",
]

_LN_2PI = math.log(2 * math.pi)
_ROWS = 128  # of a block of pairs that fits the cache


def gaussian_log_density(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    r"""ln of a Gaussian density with a diagonal covariance.

    .. math:: -\tfrac12 \sum_k \bigl( (y_k - μ_k)^2 / σ_k^2 + \ln σ_k^2 + \ln 2π \bigr)

    Args:
        y: values, ``(..., d, n)``.
        mean: μ, ``(..., d, n)``.
        log_var: ln σ², ``(..., d, n)``.

    Returns:
        ``(..., n)`` in nats.

    >>> gaussian_log_density(torch.zeros(2, 1), torch.zeros(2, 1), torch.zeros(2, 1))
    tensor([-1.8379])
    """
    return -0.5 * ((y - mean).square() * torch.exp(-log_var) + log_var + _LN_2PI).sum(-2)


def gaussian_pairs(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """ln q(y_i | x_j) of every pair, by matrix products.

    Args:
        y: values, ``(..., d, n)``.
        mean: means given x, ``(..., d, m)``.
        log_var: log-variances given x, ``(..., d, m)``.

    Returns:
        ``(..., n, m)`` in nats.

    >>> y, mean, log_var = torch.arange(6.0).view(3, 1, 2, 1).expand(3, 2, 2, 3) / 6
    >>> pairs = gaussian_pairs(y, mean, log_var)
    >>> torch.allclose(pairs.diagonal(dim1=-2, dim2=-1), gaussian_log_density(y, mean, log_var))
    True
    """
    precision = torch.exp(-log_var)
    tilted = precision * mean
    constant = (tilted * mean + log_var + _LN_2PI).sum(-2, keepdim=True)
    squares = (y.square().mT @ precision).add_(constant).mul_(0.5)  # in place: memory for all pairs is costly to get
    return (y.mT @ tilted).sub_(squares)


def gaussian_pair_means(y: Tensor, mean: Tensor, log_var: Tensor) -> tuple[Tensor, Tensor]:
    """Means of ln q(y_j | x_i) over the other rows, in time linear in n.

    They are the means of :func:`gaussian_pairs` without its diagonal, by x and by y. The arguments are those of
    :func:`gaussian_log_density`.

    Returns:
        For each x_i the mean over the y of the other rows, and for each y_i the mean over the x of the other rows,
        ``(..., n)`` in nats each.
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

    With q = p it exceeds I by KL(p(x) p(y) ‖ p(x, y)). This excess is about I where the dependence is weak, and grows
    without limit as y becomes a function of x. For Gaussians of correlation ρ the bound is ρ² / (1 − ρ²). It has no
    ceiling.

    Args:
        joint: ln q(y_i | x_i), ``(..., n)``.
        product: ln q(y_j | x_i), or its mean over some j ≠ i, ``(..., m)``.

    Returns:
        ``(...)`` in nats.

    Reference:
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
    """Standard error of :func:`club` over all pairs, for a q that is independent of the rows.

    The influence of row i is ln q(y_i | x_i) − E_y[ln q(y | x_i)] − E_x[ln q(y_i | x)], by Hoeffding's projection of a
    U-statistic.

    Args:
        joint: ln q(y_i | x_i), ``(..., n)``.
        of_x: the first result of :func:`gaussian_pair_means`, ``(..., n)``.
        of_y: the second one, ``(..., n)``.

    Returns:
        ``(...)`` in nats.

    Reference:
        van der Vaart 1998, chapter 12.
    """
    return (joint - of_x - of_y).std(-1) / math.sqrt(joint.shape[-1])


def leave_one_out(pairs: Tensor) -> Tensor:
    r"""The leave-one-out upper bound, in nats.

    .. math:: I(X; Y) \le E\Bigl[\ln q(y_i \mid x_i) - \ln \frac1{n-1} \sum_{j \ne i} q(y_i \mid x_j)\Bigr]

    With q = p it is too large by the divergence of the mean of n − 1 conditionals from p(y), which vanishes as n grows.
    By Jensen's inequality it is never above :func:`club` over the same pairs, for any q. It has no ceiling.

    Args:
        pairs: ln q(y_i | x_j), ``(..., n, n)``.

    Returns:
        ``(...)`` in nats.

    Reference:
        Poole et al. 2019 (arXiv 1905.06922), section 2.2.

    >>> x, noise = torch.randn(2, 1, 3000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> pairs = gaussian_pairs(0.6 * x + 0.8 * noise, 0.6 * x, torch.full_like(x, math.log(0.64)))
    >>> abs(leave_one_out(pairs) + 0.5 * math.log(1 - 0.36)) < 0.03
    tensor(True)
    """
    return (pairs.diagonal(dim1=-2, dim2=-1) - _log_mean_of_others(pairs)).mean(-1)


def leave_one_out_with_error(pairs: Tensor) -> tuple[Tensor, Tensor]:
    r"""The bound of :func:`leave_one_out`, and its standard error for a q that is independent of the rows.

    The influence of row i has its own term and its effect on the means of other rows:

    .. math:: ψ_i = \ln q(y_i \mid x_i) - \ln m(y_i) - E_y[q(y \mid x_i) / m(y)],
        \qquad m(y_i) = \frac1{n-1} \sum_{j \ne i} q(y_i \mid x_j)

    Args:
        pairs: ln q(y_i | x_j), ``(..., n, n)``.

    Returns:
        The bound and its standard error, ``(...)`` in nats each.

    Reference:
        van der Vaart 1998, chapter 20.

    >>> value, error = leave_one_out_with_error(torch.zeros(4, 4))
    >>> value.item(), error.item()
    (0.0, 0.0)
    """
    n = pairs.shape[-1]
    mean = _log_mean_of_others(pairs)
    ratio = (pairs - mean.unsqueeze(-1)).exp_()
    own = pairs.diagonal(dim1=-2, dim2=-1) - mean
    as_candidate = (ratio.sum(-2) - torch.exp(own)) / (n - 1)
    return own.mean(-1), (own - as_candidate).std(-1) / math.sqrt(n)


def _log_mean_of_others(pairs: Tensor) -> Tensor:
    """ln of the mean of q(y_i | x_j) over j ≠ i, ``(..., n)``."""
    means = []
    for start in range(0, pairs.shape[-1], _ROWS):
        block = pairs[..., start : start + _ROWS, :].clone()
        block.diagonal(start, -2, -1).fill_(-torch.inf)
        means.append(torch.logsumexp(block, -1))
    return torch.cat(means, -1) - math.log(pairs.shape[-1] - 1)


def entropy_difference(conditional: Tensor, marginal: Tensor) -> Tensor:
    r"""MI as a difference of entropies, each by the cross-entropy of a fitted density, in nats.

    .. math:: I(X; Y) = H(Y) - H(Y \mid X) \approx E_{joint}[\ln q(y \mid x)] - E[\ln r(y)]

    A point estimate and no bound: a cross-entropy is at least the entropy, so that the estimate is too small where q
    fits badly, and too large where r does. It has no ceiling.

    Args:
        conditional: ln q(y_i | x_i), ``(..., n)``.
        marginal: ln r(y_i), ``(..., n)``.

    Returns:
        ``(...)`` in nats.

    Reference:
        McAllester & Stratos 2020 (arXiv 1811.04251).

    >>> entropy_difference(torch.tensor([-1.0, -1.0]), torch.tensor([-1.5, -2.5]))
    tensor(1.)
    """
    return (conditional - marginal).mean(-1)


def entropy_difference_error(conditional: Tensor, marginal: Tensor) -> Tensor:
    """Standard error ``(...)`` in nats of :func:`entropy_difference`, for densities independent of the rows."""
    return (conditional - marginal).std(-1) / math.sqrt(conditional.shape[-1])
