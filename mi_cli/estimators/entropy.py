"""Entropies of discrete variables from counts, corrected for values that are rare or have not been seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mi_cli.lazy import special
from mi_cli.problems import Array

__all__ = ["jackknife_entropy", "nsb_entropy"]

Counts = np.ndarray[Any, np.dtype[np.int64]]

# The concentrations that are averaged over, by their logarithm: from values that nearly all have one share to equal
# shares. A finer grid changes no entropy of tables of up to a million rows by more than 1e-6 nats.
_CONCENTRATIONS = np.exp(np.linspace(-18, 12, 600))


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
