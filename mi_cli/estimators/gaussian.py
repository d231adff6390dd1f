"""MI of Gaussians from canonical correlations, of the columns or of their normal scores."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from mi_cli.datasets.base import Dataset
from mi_cli.errors import Fault
from mi_cli.estimators.training_free import (
    Index,
    Measurement,
    Statistic,
    TrainingFree,
    Unmeasurable,
    block_numbers,
    checked_arrays,
    continuous_only,
    join_remarks,
    mean_error,
    preprocessed,
    refuse_discrete,
)
from mi_cli.lazy import special
from mi_cli.problems import Array, Problem
from mi_cli.training.context import Context

__all__ = ["Copula", "Gaussian", "canonical", "excess_kurtosis", "small_sample_bias"]

_LEAST = 1e-10  # smallest singular value relative to the largest, below which float64 cannot tell it from 0
_SEPARATE = 1e-12  # smallest 1 − r² that float64 can tell from 0
_PERMUTED = 10_000  # rows, one permutation of which takes a millisecond


class Gaussian(TrainingFree):
    r"""The MI of Gaussians with the covariance of the rows.

    .. math:: \hat I = -\tfrac12 \sum_i \ln(1 - r_i^2)

    with r the canonical correlations of x and y. On Gaussian rows it is the maximum likelihood estimate. On other rows
    it measures linear dependence alone, which is neither a lower nor an upper bound on their MI. It has no ceiling.
    Where a linear combination of the columns of x equals one of y, in all digits, the MI of continuous columns is
    infinite. So is the estimate then, and both ends of its interval; it has no p-value.

    The plug-in is too large by about dim_x · dim_y / 2n. ``correct`` subtracts :func:`small_sample_bias`, after which
    the estimate is unbiased on Gaussian rows and may be negative. The standard error comes from the influence function
    of the log-determinants, and holds for rows of any distribution; without dependence the variance is of second order,
    and the error is too large by √2. The estimate is invariant under invertible linear maps of x and of y. Columns
    that are sums of others add nothing.

    Reference:
        Kullback 1959, *Information Theory and Statistics*, chapter 9; Hotelling 1936 (Biometrika 28, 321–377).
    """

    name: Literal["gaussian"] = "gaussian"
    correct: bool = True

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """A discrete x or y is not Gaussian."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """The singular value decompositions."""
        return 6 * rows * (dim_x + dim_y) ** 2

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        del context
        rows = problem.rows
        x, y = checked_arrays(rows)
        refuse_discrete(self.name, x=x, y=y)
        bases = _bases(x, y)
        if reason := _linear(*bases):
            return Measurement(math.inf, 0.0, remark=f"{reason}: the MI is infinite")
        return _from_correlations(x, y, bases, self.correct, block_numbers(rows))


class Copula(TrainingFree):
    r"""The MI of Gaussians with the correlations of the columns' normal scores.

    .. math:: \hat I = -\tfrac12 \sum_i \ln(1 - r_i^2)

    with r the canonical correlations of the normal scores, which are computed from the ranks of each column. MI does
    not depend on the margins, so that this is right wherever the copula is Gaussian. For other copulas of one column
    each it is too small, since a Gaussian copula has the least MI for its correlations; with more columns it may be
    too small or too large. It has no ceiling.

    ``misfit`` of the result is the excess kurtosis of the scores of x and y together, in standard errors
    (:func:`excess_kurtosis`): beyond ±4 the copula is hardly Gaussian. Within, it may still not be.

    Correction and standard error are those of :class:`Gaussian`. Ranks fix the variances of the scores, as the
    influence function assumes, so that for Gaussian copulas the error is right to first order. The estimate is
    invariant under increasing maps of each column. It is infinite where normal scores of x and y determine each other,
    as those of a column and an increasing function of it do.

    Reference:
        Ince, Giordano, Kayser, Rousselet, Gross & Schyns 2017 (Human Brain Mapping 38, 1541–1573); Klaassen & Wellner
        1997 (Bernoulli 3, 55–77) for the scores' efficiency.
    """

    name: Literal["copula"] = "copula"
    correct: bool = True

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """A discrete x or y has no normal scores."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Sorting, and the singular value decompositions."""
        return rows * (dim_x + dim_y) * 50 + 6 * rows * (dim_x + dim_y) ** 2

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from the normal scores of all rows."""
        del context
        rows = problem.rows
        x, y = checked_arrays(rows)
        refuse_discrete(self.name, x=x, y=y)
        (scores,) = preprocessed("rank_gaussianise", rows)
        if reason := _linear(*_bases(x, y)):
            return Measurement(math.inf, 0.0, remark=f"{reason}: the MI is infinite")
        bases = _bases(*scores)
        if _linear(*bases):
            what = "ranks" if x.shape[1] == y.shape[1] == 1 else "normal scores"
            remark = f"the {what} of x and y determine each other: the MI is infinite, or more than {len(x)} rows show"
            return Measurement(math.inf, 0.0, remark=remark)
        result = _from_correlations(*scores, bases, self.correct, block_numbers(rows))
        return replace(result, misfit=excess_kurtosis(np.hstack(scores)))


def _from_correlations(
    x: Array, y: Array, bases: tuple[Array, Array], correct: bool, block: Index | None
) -> Measurement:
    left, right = bases
    dims = left.shape[1], right.shape[1]
    u, v, r = _canonical(left, right)
    value = -0.5 * float(np.log1p(-(r**2)).sum())
    # The influence of a row z on ln det S is z'S⁻¹z − d: for x, for y, and for both, here in canonical coordinates.
    influence = 0.5 * (u**2 + v**2 - (u**2 + v**2 - 2 * r * u * v) / (1 - r**2)).sum(1)
    bias = small_sample_bias(len(x), *dims) if correct else 0.0

    def paired(of_x: Index, of_y: Index) -> float:
        r = np.linalg.svd(left[of_x].T @ right[of_y] * (len(x) / len(of_x)), compute_uv=False)
        return -0.5 * float(np.log(np.maximum(1 - r**2, _SEPARATE)).sum()) - bias

    stderr, freedom = mean_error(influence, block)
    remark = join_remarks(*(_redundant(*side) for side in (("x", x, dims[0]), ("y", y, dims[1]))))
    return Measurement(value - bias, stderr, freedom, remark=remark, statistic=Statistic(paired, len(x), _PERMUTED))


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
    basis = _orthonormal(rows)
    n, d = basis.shape
    distance = n * (basis**2).sum(1)
    kurtosis = float((distance**2).mean())
    expected: float = d * (d + 2) * (n - 1) / (n + 1)
    return (kurtosis - expected) / math.sqrt(8 * d * (d + 2) / n)


def _linear(left: Array, right: Array) -> str:
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


def _redundant(name: str, side: Array, rank: int) -> str:
    """A remark on columns that are sums of others, of which ``rank`` columns remain."""
    if rank == side.shape[1]:
        return ""
    return f"{side.shape[1] - rank} of the {side.shape[1]} columns of {name} are sums of others and add nothing"


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
    return _canonical(*_bases(x, y))


def _bases(x: Array, y: Array) -> tuple[Array, Array]:
    n, dims = len(x), (x.shape[1], y.shape[1])
    if n < sum(dims) + 2:
        raise Unmeasurable(f"{n} rows; x and y of {dims[0]} + {dims[1]} columns need at least {sum(dims) + 2}")
    return _orthonormal(x), _orthonormal(y)


def _canonical(left: Array, right: Array) -> tuple[Array, Array, Array]:
    p, r, q = np.linalg.svd(left.T @ right, full_matrices=False)
    scale = math.sqrt(len(left) - 1)
    return left @ p * scale, right @ q.T * scale, r


def _orthonormal(side: Array) -> Array:
    """An orthonormal basis of the centred columns, ``(n, rank)``."""
    centred = side - side.mean(0)
    basis, lengths, _ = np.linalg.svd(centred / centred.std(0), full_matrices=False)
    return np.asarray(basis[:, lengths > _LEAST * lengths[0]])


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
