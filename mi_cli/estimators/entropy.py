"""Entropies of discrete variables from counts, with corrections for values that are rare or have not been seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mi_cli.lazy import special
from mi_cli.problems import Array

__all__ = [
    "ENTROPIES",
    "chao_shen_entropy",
    "grassberger_entropy",
    "jackknife_entropy",
    "miller_madow_entropy",
    "nsb_entropy",
    "plug_in_entropy",
    "shrinkage",
]

Counts = np.ndarray[Any, np.dtype[np.int64]]

# The concentrations that are averaged over, by their logarithm: from values that nearly all have one share to equal
# shares. A finer grid changes no entropy of tables of up to a million rows by more than 1e-6 nats.
_CONCENTRATIONS = np.exp(np.linspace(-18, 12, 600))


def plug_in_entropy(counts: Counts) -> float:
    """The entropy of the shares of the values that occur, in nats; it is too small by about (K − 1) / 2n.

    Args:
        counts: of the values that occur, ``(m,)``, at least 1 each.

    >>> round(plug_in_entropy(np.array([2, 2])) - math.log(2), 12)
    0.0
    """
    n = float(counts.sum())
    return math.log(n) - float(special.xlogy(counts, counts).sum()) / n


def miller_madow_entropy(counts: Counts) -> float:
    """The plug-in entropy and its bias of first order, (m − 1) / 2n, where m values occur; in nats.

    Args:
        counts: of the values that occur, ``(m,)``, at least 1 each.

    Reference:
        Miller 1955 (in Quastler (ed.), Information Theory in Psychology, 95–100).

    >>> round(miller_madow_entropy(np.array([2, 2])) - math.log(2), 12)
    0.125
    """
    return plug_in_entropy(counts) + (len(counts) - 1) / (2 * float(counts.sum()))


def grassberger_entropy(counts: Counts) -> float:
    r"""Grassberger's entropy, :math:`\ln n - \frac1n \sum_i n_i G(n_i)`, in nats.

    .. math:: G(m) = ψ(m) + \tfrac12 (-1)^m \left(ψ(\tfrac{m + 1}{2}) - ψ(\tfrac m2)\right)

    Args:
        counts: of the values that occur, ``(m,)``, at least 1 each.

    Reference:
        Grassberger 2003, revised 2008 (arXiv physics/0307138).

    >>> round(grassberger_entropy(np.array([1])), 4)  # γ + ln 2 of a single row
    1.2704
    """
    m, n = counts.astype(float), float(counts.sum())
    alternating = np.where(counts % 2, -0.5, 0.5) * (special.digamma((m + 1) / 2) - special.digamma(m / 2))
    return math.log(n) - float(m @ (special.digamma(m) + alternating)) / n


def chao_shen_entropy(counts: Counts) -> float:
    r"""Chao & Shen's entropy in nats: shares less what unseen values take, over the chance of having been seen.

    .. math:: \hat H = -\sum_i \frac{C p_i \ln(C p_i)}{1 - (1 - C p_i)^n}, \qquad C = 1 - f_1 / n

    :math:`f_1` values occur once. If all do, :math:`f_1 = n - 1` is taken, so that C is above 0.

    Args:
        counts: of the values that occur, ``(m,)``, at least 1 each.

    Reference:
        Chao & Shen 2003 (Environmental and Ecological Statistics 10, 429–443).

    >>> chao_shen_entropy(np.array([1, 1])) > math.log(2)
    True
    """
    n, single = float(counts.sum()), float((counts == 1).sum())
    share = (1 - min(single, n - 1) / n) * counts / n
    return -float((special.xlogy(share, share) / -special.expm1(n * special.log1p(-share))).sum())


def shrinkage(counts: Counts, values: int) -> float:
    r"""The weight of equal shares that James and Stein's estimator gives, between 0 and 1.

    .. math:: λ = \frac{1 - \sum_i p_i^2}{(n - 1) \sum_i (1/K - p_i)^2}

    The shares of the values are then λ / K + (1 − λ) p.

    Args:
        counts: of the values that occur, ``(m,)``, at least 1 each; at least 2 rows.
        values: K ≥ m, the number of values that can occur.

    Reference:
        Hausser & Strimmer 2009 (JMLR 10, 1469–1484; arXiv 0811.3579), equation 7.

    >>> shrinkage(np.array([5, 5]), 2)
    1.0
    """
    n, p = float(counts.sum()), counts / counts.sum()
    apart = float(((1 / values - p) ** 2).sum()) + (values - len(counts)) / values**2
    spread = (1 - float((p**2).sum())) / (n - 1)
    return min(1.0, spread / apart) if apart else 1.0


def nsb_entropy(counts: Counts, values: int) -> float:
    r"""The Bayesian entropy of Nemenman, Shafee & Bialek, in nats.

    It is the posterior mean under a mixture of symmetric Dirichlet priors, weighted so that the prior of the entropy is
    nearly uniform between 0 and :math:`\ln K`:

    .. math:: \hat H = \frac{\int E[H | n, β]\, p(n | β)\, \frac{dξ}{dβ}\, dβ}{\int p(n | β)\, \frac{dξ}{dβ}\, dβ},
        \qquad ξ(β) = ψ(Kβ + 1) - ψ(β + 1)

    Args:
        counts: of the values that occur, ``(m,)``, at least 1 each.
        values: K ≥ m, the number of values that can occur.

    Reference:
        Nemenman, Shafee & Bialek 2002 (NIPS 14; arXiv physics/0108025).

    >>> abs(nsb_entropy(np.array([5000, 5000]), 2) - math.log(2)) < 1e-3
    True
    """
    if values == 1:
        return 0.0
    count, times = (part[:, None].astype(float) for part in np.unique(counts, return_counts=True))
    beta, k, n = _CONCENTRATIONS, float(values), float(counts.sum())
    evidence = special.gammaln(k * beta) - special.gammaln(k * beta + n)
    evidence += (times * (special.gammaln(count + beta) - special.gammaln(beta))).sum(0)
    slope = k * special.polygamma(1, k * beta + 1) - special.polygamma(1, beta + 1)
    weight = evidence + np.log(np.maximum(slope * beta, np.finfo(float).tiny))  # β: of steps in ln β
    posterior = np.exp(weight - weight.max())
    seen = (times * (count + beta) * special.digamma(count + beta + 1)).sum(0)
    unseen = (k - len(counts)) * beta * special.digamma(beta + 1)
    mean = special.digamma(n + k * beta + 1) - (seen + unseen) / (n + k * beta)
    return float(posterior @ mean / posterior.sum())


def jackknife_entropy(counts: Counts) -> float:
    """The plug-in entropy with its bias removed by leaving out one row at a time, in nats.

    Args:
        counts: of the values that occur, ``(m,)``, at least 1 each; at least 2 rows.

    Reference:
        Zahl 1977 (Ecology 58, 907–913).

    >>> float(round(jackknife_entropy(np.array([20, 20])), 3))  # ln 2 + 1/80, and less of higher order
    0.706
    """
    count, times = (part.astype(float) for part in np.unique(counts, return_counts=True))
    n = float(counts.sum())
    terms: Array = special.xlogy(count, count)
    total = float((times * terms).sum())
    without = math.log(n - 1) - (total - terms + special.xlogy(count - 1, count - 1)) / (n - 1)
    plug_in = math.log(n) - total / n
    return float(n * plug_in - (n - 1) * (times * count / n * without).sum())


# From the counts of the values that occur and the number of those that can, to nats.
ENTROPIES: dict[str, Callable[[Counts, int], float]] = {
    "nsb": nsb_entropy,
    "plug_in": lambda counts, _: plug_in_entropy(counts),
    "miller_madow": lambda counts, _: miller_madow_entropy(counts),
    "grassberger": lambda counts, _: grassberger_entropy(counts),
    "chao_shen": lambda counts, _: chao_shen_entropy(counts),
    "jackknife": lambda counts, _: jackknife_entropy(counts),
}
