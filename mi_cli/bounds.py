"""Bounds on mutual information: pure functions from critic scores to nats.

``joint`` are scores of joint samples, shape ``(..., n)``; ``product`` are scores of product samples, ``(..., m)``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "donsker_varadhan",
    "donsker_varadhan_error",
    "donsker_varadhan_naive",
    "log_mean_exp",
    "log_mean_exp_naive",
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


def donsker_varadhan_error(joint: Tensor, product: Tensor) -> Tensor:
    r"""Standard error in nats of :func:`donsker_varadhan` for a critic fixed beforehand.

    Args:
        joint: scores T(x_i, y_i), shape ``(n,)``.
        product: scores T(x_i, y_{i+s}) for k cyclic shifts s, shape ``(k, n)``; row j was shifted by ``j + 1``.

    Returns:
        A scalar, from the influence of each row on the value,

        .. math:: ψ_i = T(x_i, y_i) - (E_y[e^{T(x_i, y)}] + E_x[e^{T(x, y_i)}]) / E_{product}[e^T],

        with the expectations over the k partners of each row. The spread that so few partners add to ψ is counted
        twice, which errs on the safe side and vanishes as k grows. Influence function of a two-sample U-statistic:
        van der Vaart 1998, ch. 12 and 20.
    """
    n = joint.shape[-1]
    weights = torch.exp(product - log_mean_exp(product.flatten()))
    of_x = weights.mean(0)
    of_y = torch.stack([row.roll(shift) for shift, row in enumerate(weights, start=1)]).mean(0)
    return (joint - of_x - of_y).std() / math.sqrt(n)
