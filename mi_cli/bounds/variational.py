"""Bounds on MI, and similar estimates: pure functions from critic scores to nats.

``joint`` are scores of joint samples, ``(..., n)``; ``product`` are scores of product samples, ``(..., m)``. Each bound
has the shape ``(...)``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "donsker_varadhan",
    "donsker_varadhan_error",
    "donsker_varadhan_influence",
    "donsker_varadhan_naive",
    "fenchel_legendre",
    "hellinger",
    "influence",
    "influence_error",
    "infonce",
    "jensen_shannon",
    "log_mean_exp",
    "log_mean_exp_naive",
    "nwj",
    "smile",
]


def log_mean_exp(scores: Tensor) -> Tensor:
    """ln of the mean of exp of scores ``(..., m)`` over the last dimension, without overflow: ``(...)``.

    >>> log_mean_exp(torch.tensor([1000.0, 1000.0]))
    tensor(1000.)
    """
    return torch.logsumexp(scores, -1) - math.log(scores.shape[-1])


def log_mean_exp_naive(scores: Tensor) -> Tensor:
    """:func:`log_mean_exp` as it is first written down, which overflows in float32 from scores of 89 on."""
    return torch.log(torch.exp(scores).mean(-1))


def donsker_varadhan(joint: Tensor, product: Tensor) -> Tensor:
    r"""Donsker and Varadhan's lower bound, in nats.

    .. math:: I(X; Y) \ge E_{joint}[T] - \ln E_{product}[e^T]

    It is invariant to adding a constant to T. It equals the MI at T = ln p(x, y) / p(x) p(y) + const.

    Args:
        joint: scores of joint samples, ``(..., n)``.
        product: scores of product samples, ``(..., m)``.

    Returns:
        ``(...)`` in nats.

    Reference:
        Donsker & Varadhan 1983; Belghazi et al. 2018 (arXiv 1801.04062), as an estimator.

    >>> donsker_varadhan(torch.tensor([2.0, 2.0]), torch.tensor([2.0, 2.0, 2.0]))
    tensor(0.)
    """
    return joint.mean(-1) - log_mean_exp(product)


def donsker_varadhan_naive(joint: Tensor, product: Tensor) -> Tensor:
    """:func:`donsker_varadhan` with :func:`log_mean_exp_naive`, as first published."""
    return joint.mean(-1) - log_mean_exp_naive(product)


def nwj(joint: Tensor, product: Tensor) -> Tensor:
    r"""Nguyen, Wainwright and Jordan's lower bound, in nats; also called f-GAN KL and MINE-f.

    .. math:: I(X; Y) \ge E_{joint}[T] + 1 - E_{product}[e^T]

    It equals the MI at T = ln p(x, y) / p(x) p(y); the critic of the original is T + 1. It is never above
    :func:`donsker_varadhan` of the same scores, since ln z ≤ z − 1. With a baseline ln a(y) subtracted from T it is the
    unnormalised bound of Barber and Agakov (TUBA).

    Args:
        joint: scores of joint samples, ``(..., n)``.
        product: scores of product samples, ``(..., m)``.

    Returns:
        ``(...)`` in nats.

    Reference:
        Nguyen, Wainwright & Jordan 2010 (arXiv 0809.0853); Poole et al. 2019 (arXiv 1905.06922).

    >>> nwj(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0, 0.0]))
    tensor(0.)
    """
    return joint.mean(-1) + 1 - torch.exp(log_mean_exp(product))


def infonce(joint: Tensor, product: Tensor, count: int | None = None) -> Tensor:
    r"""Contrastive lower bound (InfoNCE), in nats, of n rows with c product scores each.

    .. math:: I(X; Y) \ge E\Bigl[T(x_i, y_i) - \ln \tfrac{1}{c + 1} \bigl(e^{T(x_i, y_i)}
        + \textstyle\sum_j e^{T(x_i, y_j)}\bigr)\Bigr]

    It is never above its ceiling ln(c + 1). It is invariant to adding a function of x to T.

    Args:
        joint: scores of joint samples, ``(..., n)``.
        product: scores of product samples by row, ``(..., n, c)``.
        count: c, where some scores are −∞ and do not count.

    Returns:
        ``(...)`` in nats.

    Reference:
        van den Oord, Li & Vinyals 2018 (arXiv 1807.03748).

    >>> infonce(torch.tensor([50.0, 50.0]), torch.zeros(2, 3))
    tensor(1.3863)
    """
    candidates = torch.logaddexp(joint, torch.logsumexp(product, -1))
    return (joint - candidates).mean(-1) + math.log((count or product.shape[-1]) + 1)


def jensen_shannon(joint: Tensor, product: Tensor) -> Tensor:
    r"""Variational Jensen–Shannon objective, which is no MI: its best critic is T = ln p(x, y) / p(x) p(y).

    .. math:: -E_{joint}[\ln(1 + e^{-T})] - E_{product}[\ln(1 + e^T)]

    It is the log-likelihood of a classifier of joint against product samples, and the objective of a GAN's
    discriminator.

    Args:
        joint: scores of joint samples, ``(..., n)``.
        product: scores of product samples, ``(..., m)``.

    Returns:
        ``(...)``.

    Reference:
        Nowozin, Cseke & Tomioka 2016 (arXiv 1606.00709); Hjelm et al. 2019 (arXiv 1808.06670).

    >>> jensen_shannon(torch.tensor([0.0]), torch.tensor([0.0])) + 2 * math.log(2)
    tensor(0.)
    """
    softplus = torch.nn.functional.softplus
    return -softplus(-joint).mean(-1) - softplus(product).mean(-1)


def smile(joint: Tensor, product: Tensor, clip: float) -> Tensor:
    r"""Donsker–Varadhan with e^T clipped to [e^−τ, e^τ] in the partition term (SMILE), in nats.

    .. math:: E_{joint}[T] - \ln E_{product}[\mathrm{clip}(e^T, e^{-τ}, e^τ)]

    It has less spread, and a bias of either sign, so that it is no bound. It tends to :func:`donsker_varadhan` as τ
    grows.

    Args:
        joint: scores of joint samples, ``(..., n)``.
        product: scores of product samples, ``(..., m)``.
        clip: τ.

    Returns:
        ``(...)`` in nats.

    Reference:
        Song & Ermon 2020 (arXiv 1910.06222).

    >>> smile(torch.tensor([2.0]), torch.tensor([9.0, -9.0]), clip=1.0)
    tensor(1.5662)
    """
    return donsker_varadhan(joint, product.clamp(-clip, clip))


def hellinger(joint: Tensor, product: Tensor) -> Tensor:
    r"""fDIME's objective of the squared Hellinger distance, which is no MI: its best T is ln p(x, y) / p(x) p(y).

    .. math:: 2 - E_{joint}[e^{-T/2}] - E_{product}[e^{T/2}]

    Args:
        joint: scores of joint samples, ``(..., n)``.
        product: scores of product samples, ``(..., m)``.

    Returns:
        ``(...)``.

    Reference:
        Letizia, Novello & Tonello 2024 (arXiv 2305.20025).

    >>> hellinger(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor(0.)
    """
    return 2 - torch.exp(log_mean_exp(-joint / 2)) - torch.exp(log_mean_exp(product / 2))


def fenchel_legendre(joint: Tensor, product: Tensor, u: Tensor, count: int | None = None) -> Tensor:
    r"""Contrastive Fenchel–Legendre lower bound (FLO), in nats, of n rows with c product scores each.

    .. math:: I(X; Y) \ge 1 - E\bigl[u(x, y) + e^{-u(x, y)}\, E_{y'}[e^{T(x, y') - T(x, y)}]\bigr]

    It is tight at u = ln E_{y'}[exp(T(x, y') − T(x, y))], where it is the contrastive bound without the row's own y.

    Args:
        joint: scores of joint samples, ``(..., n)``.
        product: scores of product samples by row, ``(..., n, c)``.
        u: the second critic on joint samples, ``(..., n)``.
        count: c, where some scores are −∞ and do not count.

    Returns:
        ``(...)`` in nats.

    Reference:
        Guo et al. 2022 (arXiv 2107.01131).

    >>> fenchel_legendre(torch.zeros(2), torch.zeros(2, 3), torch.zeros(2))
    tensor(0.)
    """
    contrast = torch.logsumexp(product, -1) - math.log(count or product.shape[-1]) - joint
    return 1 - (u + torch.exp(contrast - u)).mean(-1)


def donsker_varadhan_error(joint: Tensor, product: Tensor) -> Tensor:
    """Standard error in nats, a scalar, of :func:`donsker_varadhan` for independent rows.

    The scores are those of :func:`influence`: ``(n,)``, and ``(k, n)`` for cyclic shifts.
    """
    return influence_error(donsker_varadhan_influence(joint, product))


def donsker_varadhan_influence(joint: Tensor, product: Tensor) -> Tensor:
    """:func:`influence` of each row on :func:`donsker_varadhan`, ``(n,)`` in nats.

    The scores are ``(n,)``, and ``(k, n)`` for cyclic shifts.
    """
    return influence(joint, torch.exp(product - log_mean_exp(product.flatten())))


def influence(joint: Tensor, product: Tensor) -> Tensor:
    r"""Influence of each row on E_joint[a] − g(E_product[h]), up to a constant, for a critic independent of the rows.

    .. math:: ψ_i = a(x_i, y_i) - g' · (E_y[h(x_i, y)] + E_x[h(x, y_i)])

    The expectations are over the k partners of each row. The spread that few partners add to ψ is counted twice, which
    makes the standard error too large rather than too small, and vanishes as k grows.

    Args:
        joint: a(x_i, y_i), ``(n,)``.
        product: g' · h(x_i, y_{i+s}) for k cyclic shifts s, ``(k, n)``; row j of it is shifted by ``j + 1``.

    Returns:
        ψ, ``(n,)`` in nats.

    Reference:
        van der Vaart 1998, chapters 12 and 20 (influence functions of two-sample U-statistics).
    """
    of_x = product.mean(0)
    of_y = torch.stack([row.roll(shift) for shift, row in enumerate(product, start=1)]).mean(0)
    return joint - of_x - of_y


def influence_error(influence: Tensor, block: Tensor | None = None) -> Tensor:
    r"""Standard error of a mean of influences.

    .. math:: \frac{1}{n} \sqrt{\tfrac{G}{G - 1} \textstyle\sum_g (\sum_{i ∈ g} (ψ_i - \barψ))^2}

    where the rows are in G blocks; rows of one block may depend on each other. Without blocks, the usual error of a
    mean.

    Args:
        influence: ψ, ``(n,)`` in nats.
        block: the block of each row, ``(n,)``.

    Returns:
        A scalar in nats.

    Reference:
        Liang & Zeger 1986 (Biometrika 73, 13–22).
    """
    n = influence.shape[-1]
    if block is None:
        return influence.std() / math.sqrt(n)
    labels, of_row = torch.unique(block, return_inverse=True)
    sums = influence.new_zeros(len(labels)).index_add_(0, of_row.to(influence.device), influence - influence.mean())
    return (sums.square().sum() * len(labels) / (len(labels) - 1)).sqrt() / n
