"""MI of Gaussians from canonical correlations: its value, its influences, its bias, and a test of its assumption."""

from __future__ import annotations

import math

import numpy as np

from mi_cli.estimators.training_free import Unmeasurable
from mi_cli.lazy import special
from mi_cli.problems import Array

__all__ = [
    "bases",
    "canonical",
    "excess_kurtosis",
    "linear_relation",
    "orthonormal",
    "paired_plug_in",
    "plug_in",
    "small_sample_bias",
]

_LEAST = 1e-10  # smallest singular value relative to the largest, below which float64 cannot tell it from 0
_SEPARATE = 1e-12  # smallest 1 − r² that float64 can tell from 0


def canonical(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Canonical variables and correlations.

    Args:
        x: rows ``(n, dim_x)``.
        y: rows ``(n, dim_y)``.

    Returns:
        The canonical variables u and v, ``(n, m)`` each, with mean 0 and variance 1 (with n − 1), where m is the
        smaller rank of x and y; and their correlations r, ``(m,)``, in decreasing order.

    Raises:
        Unmeasurable: there are too few rows for the columns.

    Reference:
        Björck & Golub 1973 (Mathematics of Computation 27, 579–594).
    """
    return _canonical(*bases(x, y))


def plug_in(left: Array, right: Array) -> tuple[float, Array]:
    """The MI of Gaussians from orthonormal bases of x and y, ``(n, rank)`` each, and the influence of each row.

    Returns:
        The value in nats, and the influences, ``(n,)``, whose mean is 0.
    """
    u, v, r = _canonical(left, right)
    value = -0.5 * float(np.log1p(-(r**2)).sum())
    # The influence of a row z on ln det S is z'S⁻¹z − d: for x, for y, and for both, here in canonical coordinates.
    influence = 0.5 * (u**2 + v**2 - (u**2 + v**2 - 2 * r * u * v) / (1 - r**2)).sum(1)
    return value, influence


def paired_plug_in(left: Array, right: Array, share: float = 1.0) -> float:
    """The MI in nats of rows of such bases that are paired anew, where ``share`` is n by the number of rows."""
    r = np.linalg.svd(left.T @ right * share, compute_uv=False)
    return -0.5 * float(np.log(np.maximum(1 - r**2, _SEPARATE)).sum())


def small_sample_bias(n: int, dim_x: int, dim_y: int) -> float:
    r"""The exact bias of the plug-in MI of n Gaussian rows, in nats; it does not depend on the covariance.

    .. math:: \tfrac12 \Bigl[\sum_{i=0}^{d_x-1} + \sum_{i=0}^{d_y-1} - \sum_{i=0}^{d_x+d_y-1}\Bigr]
        ψ\bigl(\tfrac{n-1-i}2\bigr)

    The scatter matrix is Wishart with n − 1 degrees of freedom, for which :math:`E \ln\det` is known.

    Args:
        n: number of rows.
        dim_x: columns of x.
        dim_y: columns of y.

    Reference:
        Misra, Singh & Demchuk 2005 (Journal of Multivariate Analysis 92, 324–342).

    >>> round(small_sample_bias(100, 5, 5), 4)  # about 25 / 200
    0.1337
    """
    terms = special.digamma((n - 1 - np.arange(dim_x + dim_y)) / 2)
    return float(terms[:dim_x].sum() + terms[:dim_y].sum() - terms.sum()) / 2


def excess_kurtosis(rows: Array) -> float:
    r"""By how many standard errors the kurtosis of rows exceeds that of normal rows of as many columns.

    .. math:: \frac{b - d (d + 2) \frac{n - 1}{n + 1}}{\sqrt{8 d (d + 2) / n}}, \qquad
        b = \langle (z^T S^{-1} z)^2 \rangle

    Columns that are normal one by one, as normal scores are, can depart from it only by how they depend on each other.
    Columns that are sums of others are left out.

    Args:
        rows: ``(n, d)``.

    Reference:
        Mardia 1970 (Biometrika 57, 519–530).
    """
    basis = orthonormal(rows)
    n, d = basis.shape
    distance = n * (basis**2).sum(1)
    kurtosis = float((distance**2).mean())
    expected: float = d * (d + 2) * (n - 1) / (n + 1)
    return (kurtosis - expected) / math.sqrt(8 * d * (d + 2) / n)


def linear_relation(left: Array, right: Array) -> str:
    """Which side is a linear function of the other, or has a part that is; empty where there is none."""
    r = np.linalg.svd(left.T @ right, compute_uv=False)
    count = int((1 - r**2 < _SEPARATE).sum())
    if not count:
        return ""
    if count == right.shape[1]:
        return "y is a linear function of x"
    if count == left.shape[1]:
        return "x is a linear function of y"
    return "a linear combination of the columns of x equals one of y"


def bases(x: Array, y: Array) -> tuple[Array, Array]:
    """Orthonormal bases of the centred columns of x and of y, ``(n, rank)`` each.

    Args:
        x: rows ``(n, dim_x)``.
        y: rows ``(n, dim_y)``.

    Raises:
        Unmeasurable: there are too few rows for the columns.
    """
    n, dims = len(x), (x.shape[1], y.shape[1])
    if n < sum(dims) + 2:
        raise Unmeasurable(f"{n} rows; x and y of {dims[0]} + {dims[1]} columns need at least {sum(dims) + 2}")
    return orthonormal(x), orthonormal(y)


def orthonormal(side: Array) -> Array:
    """An orthonormal basis of the centred columns, ``(n, rank)``."""
    centred = side - side.mean(0)
    basis, lengths, _ = np.linalg.svd(centred / centred.std(0), full_matrices=False)
    return np.asarray(basis[:, lengths > _LEAST * lengths[0]])


def _canonical(left: Array, right: Array) -> tuple[Array, Array, Array]:
    p, r, q = np.linalg.svd(left.T @ right, full_matrices=False)
    scale = math.sqrt(len(left) - 1)
    return left @ p * scale, right @ q.T * scale, r
