"""Bounds on mutual information, and estimates akin to them: pure functions from critic scores to nats.

``joint`` are scores of joint samples, shape ``(..., n)``; ``product`` are scores of product samples, ``(..., m)``.
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
    """ln of the mean of exp over the last dimension, without overflow: ``(..., m)`` → ``(...)``.

    >>> log_mean_exp(torch.tensor([1000.0, 1000.0]))
    tensor(1000.)
    """
    return torch.logsumexp(scores, -1) - math.log(scores.shape[-1])


def log_mean_exp_naive(scores: Tensor) -> Tensor:
    """ln(mean(exp T)) as it is written, which overflows from T = 89 on: ``(..., m)`` → ``(...)``."""
    return torch.log(torch.exp(scores).mean(-1))


def donsker_varadhan(joint: Tensor, product: Tensor) -> Tensor:
    r"""Donsker and Varadhan's lower bound, in nats.

    .. math:: I(X; Y) \ge E_{joint}[T] - \ln E_{product}[e^T]

    Invariant to adding a constant to T; equality at T = ln p(x, y) / p(x) p(y) + const.

    Donsker & Varadhan 1983; as an estimator, Belghazi et al. 2018 (arXiv 1801.04062).

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

    Written for T = ln p(x, y) / p(x) p(y) at equality: the original's critic is T + 1. Never above
    :func:`donsker_varadhan` of the same scores, since ln z ≤ z − 1. With a baseline a(y) taken off T it is the bound of
    Barber and Agakov, unnormalised (TUBA).

    Nguyen, Wainwright & Jordan 2010 (arXiv 0809.0853); Poole et al. 2019 (arXiv 1905.06922), of both.

    >>> nwj(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0, 0.0]))
    tensor(0.)
    """
    return joint.mean(-1) + 1 - torch.exp(log_mean_exp(product))


def infonce(joint: Tensor, product: Tensor, count: int | None = None) -> Tensor:
    r"""Contrastive lower bound, in nats, of n rows with c product scores each: ``(..., n)``, ``(..., n, c)``.

    ``count`` is c, where some of the scores are −∞ and stand for none.

    .. math:: I(X; Y) \ge E\Bigl[T(x_i, y_i) - \ln \tfrac{1}{c + 1} \bigl(e^{T(x_i, y_i)}
        + \textstyle\sum_j e^{T(x_i, y_j)}\bigr)\Bigr]

    Never above ln(c + 1), its ceiling. Invariant to adding to T a function of x.

    van den Oord, Li & Vinyals 2018 (arXiv 1807.03748).

    >>> infonce(torch.tensor([50.0, 50.0]), torch.zeros(2, 3))
    tensor(1.3863)
    """
    candidates = torch.logaddexp(joint, torch.logsumexp(product, -1))
    return (joint - candidates).mean(-1) + math.log((count or product.shape[-1]) + 1)


def jensen_shannon(joint: Tensor, product: Tensor) -> Tensor:
    r"""Variational Jensen–Shannon objective, not an MI: its best critic is T = ln p(x, y) / p(x) p(y).

    .. math:: -E_{joint}[\ln(1 + e^{-T})] - E_{product}[\ln(1 + e^T)]

    The objective of a classifier of joint against product rows, and of a GAN's discriminator.

    Nowozin, Cseke & Tomioka 2016 (arXiv 1606.00709); Hjelm et al. 2019 (arXiv 1808.06670).

    >>> jensen_shannon(torch.tensor([0.0]), torch.tensor([0.0])) + 2 * math.log(2)
    tensor(0.)
    """
    softplus = torch.nn.functional.softplus
    return -softplus(-joint).mean(-1) - softplus(product).mean(-1)


def smile(joint: Tensor, product: Tensor, clip: float) -> Tensor:
    r"""Donsker–Varadhan with e^T clipped to [e^−τ, e^τ] in the partition term, in nats: ``clip`` is τ.

    .. math:: E_{joint}[T] - \ln E_{product}[\mathrm{clip}(e^T, e^{-τ}, e^τ)]

    Less spread, for a bias of either sign: not a bound. Tends to :func:`donsker_varadhan` as τ grows.

    Song & Ermon 2020 (arXiv 1910.06222).

    >>> smile(torch.tensor([2.0]), torch.tensor([9.0, -9.0]), clip=1.0)
    tensor(1.5662)
    """
    return donsker_varadhan(joint, product.clamp(-clip, clip))


def hellinger(joint: Tensor, product: Tensor) -> Tensor:
    r"""fDIME's objective of the squared Hellinger distance, not an MI: its best critic is T = ln p(x, y) / p(x) p(y).

    .. math:: 2 - E_{joint}[e^{-T/2}] - E_{product}[e^{T/2}]

    Letizia, Novello & Tonello 2024 (arXiv 2305.20025).

    >>> hellinger(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor(0.)
    """
    return 2 - torch.exp(log_mean_exp(-joint / 2)) - torch.exp(log_mean_exp(product / 2))


def fenchel_legendre(joint: Tensor, product: Tensor, u: Tensor, count: int | None = None) -> Tensor:
    r"""Contrastive Fenchel–Legendre (FLO) lower bound, in nats: scores ``(..., n)``, ``(..., n, c)``, u ``(..., n)``.

    ``count`` is c, where some of the scores are −∞ and stand for none.

    .. math:: I(X; Y) \ge 1 - E\bigl[u(x, y) + e^{-u(x, y)}\, E_{y'}[e^{T(x, y') - T(x, y)}]\bigr]

    Tight at u = ln E_{y'}[exp(T(x, y') − T(x, y))], where it is the contrastive bound without the row's own y.

    Guo et al. 2022 (arXiv 2107.01131).

    >>> fenchel_legendre(torch.zeros(2), torch.zeros(2, 3), torch.zeros(2))
    tensor(0.)
    """
    contrast = torch.logsumexp(product, -1) - math.log(count or product.shape[-1]) - joint
    return 1 - (u + torch.exp(contrast - u)).mean(-1)


def donsker_varadhan_error(joint: Tensor, product: Tensor) -> Tensor:
    """Standard error in nats of :func:`donsker_varadhan` for independent rows; shapes as of :func:`influence`."""
    return influence_error(donsker_varadhan_influence(joint, product))


def donsker_varadhan_influence(joint: Tensor, product: Tensor) -> Tensor:
    """:func:`influence` of each row on :func:`donsker_varadhan`; shapes as there."""
    return influence(joint, torch.exp(product - log_mean_exp(product.flatten())))


def influence(joint: Tensor, product: Tensor) -> Tensor:
    r"""Influence of each row on E_joint[a] − g(E_product[h]), but for a constant, for a critic fixed beforehand.

    Args:
        joint: a(x_i, y_i), shape ``(n,)``.
        product: g' · h(x_i, y_{i+s}) for k cyclic shifts s, shape ``(k, n)``; row j was shifted by ``j + 1``.

    Returns:
        Shape ``(n,)``, in nats:

        .. math:: ψ_i = a(x_i, y_i) - g' · (E_y[h(x_i, y)] + E_x[h(x, y_i)]),

        with the expectations over the k partners of each row. The spread that so few partners add to ψ is counted
        twice, which errs on the safe side and vanishes as k grows. Influence function of a two-sample U-statistic:
        van der Vaart 1998, ch. 12 and 20.
    """
    of_x = product.mean(0)
    of_y = torch.stack([row.roll(shift) for shift, row in enumerate(product, start=1)]).mean(0)
    return joint - of_x - of_y


def influence_error(influence: Tensor, block: Tensor | None = None) -> Tensor:
    r"""Standard error in nats, a scalar, of a value that is a mean of influences ``(n,)``.

    With ``block``, whose rows may depend on each other, from the sums of G blocks (Liang & Zeger 1986):

    .. math:: \frac{1}{n} \sqrt{\tfrac{G}{G - 1} \textstyle\sum_g (\sum_{i ∈ g} (ψ_i - \barψ))^2}
    """
    n = influence.shape[-1]
    if block is None:
        return influence.std() / math.sqrt(n)
    labels, of_row = torch.unique(block, return_inverse=True)
    sums = influence.new_zeros(len(labels)).index_add_(0, of_row.to(influence.device), influence - influence.mean())
    return (sums.square().sum() * len(labels) / (len(labels) - 1)).sqrt() / n
