"""MI of Gaussians from canonical correlations, as it is or after the columns were made normal by rank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from mi_cli.estimators.training_free import (
    Direct,
    Found,
    Index,
    Statistic,
    Unmeasurable,
    blocked,
    checked,
    continuous_only,
    joined,
    mapped,
    mean_error,
    refuse_discrete,
)
from mi_cli.problems import Array, Problem

if TYPE_CHECKING:
    from mi_cli.datasets.base import Dataset
    from mi_cli.training.context import Context

__all__ = ["Copula", "Gaussian", "canonical", "small_sample_bias"]

_LEAST = 1e-10  # smallest singular value beside the largest: below, columns are dependent for what float64 can tell
_SEPARATE = 1e-12  # smallest 1 − r² that float64 tells from 0
_PERMUTED = 10_000  # rows of which a re-pairing takes a millisecond


class Gaussian(Direct):
    r"""The MI that Gaussians with the covariance of the rows have.

    .. math:: \hat I = -\tfrac12 \sum_i \ln(1 - r_i^2)

    r the canonical correlations of x and y. On Gaussian rows it is the maximum likelihood estimate; on others it is
    what linear dependence alone is worth, which is neither a lower nor an upper bound of their MI. It has no ceiling.

    The plug-in is too high by about dim_x · dim_y / 2n; ``correct`` subtracts :func:`small_sample_bias`, after which
    it is unbiased on Gaussian rows, so that it may be negative. The error is that of the log-determinants' influence
    function, which holds for rows of any distribution; without dependence the variance is of second order, and the
    error √2 too large. Invariant under invertible linear maps of x and of y; columns that others add up to add nothing.

    Reference:
        Kullback 1959, *Information Theory and Statistics*, chapter 9; Hotelling 1936 (Biometrika 28, 321–377).
    """

    name: Literal["gaussian"] = "gaussian"
    correct: bool = True

    def unfit(self, dataset: Dataset) -> list[str]:
        """A discrete x or y is not Gaussian."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Of the singular value decompositions."""
        return 6 * rows * (dim_x + dim_y) ** 2

    def found(self, problem: Problem, context: Context) -> Found:
        """From all rows."""
        del context
        rows = problem.rows
        x, y = checked(rows)
        refuse_discrete(self.name, x=x, y=y)
        return _found(x, y, self.correct, blocked(rows))


class Copula(Direct):
    r"""The MI of Gaussians after each column was made normal by the ranks of its values.

    .. math:: \hat I = -\tfrac12 \sum_i \ln(1 - r_i^2)

    r the canonical correlations of the columns' normal scores. MI does not depend on the columns' own distributions,
    so this is right wherever the copula is Gaussian, whatever the margins. Elsewhere a Gaussian copula with these
    correlations has the least MI for one column each, so that it is low; with more columns it may err on either side.
    No ceiling. Correction and error are those of :class:`Gaussian`: the scores' variances are fixed by the ranks, as
    the influence function has it, so that for Gaussian copulas the error is right to first order. Invariant under
    increasing maps of each column.

    Reference:
        Ince, Giordano, Kayser, Rousselet, Gross & Schyns 2017 (Human Brain Mapping 38, 1541–1573); Klaassen & Wellner
        1997 (Bernoulli 3, 55–77) for the scores' efficiency.
    """

    name: Literal["copula"] = "copula"
    correct: bool = True

    def unfit(self, dataset: Dataset) -> list[str]:
        """A discrete x or y has no normal scores."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Of sorting and of the singular value decompositions."""
        return rows * (dim_x + dim_y) * 50 + 6 * rows * (dim_x + dim_y) ** 2

    def found(self, problem: Problem, context: Context) -> Found:
        """From all rows."""
        del context
        rows = problem.rows
        x, y = checked(rows)
        refuse_discrete(self.name, x=x, y=y)
        (scores,) = mapped("rank_gaussianise", rows)
        return _found(*scores, self.correct, blocked(rows))


def _found(x: Array, y: Array, correct: bool, block: Index | None) -> Found:
    left, right = _bases(x, y)
    dims = left.shape[1], right.shape[1]
    u, v, r = _canonical(left, right)
    value = -0.5 * float(np.log1p(-(r**2)).sum())
    # d ln det S = z'S⁻¹z − d for one more row z: of x, of y, and of both, here in canonical coordinates.
    influence = 0.5 * (u**2 + v**2 - (u**2 + v**2 - 2 * r * u * v) / (1 - r**2)).sum(1)
    bias = small_sample_bias(len(x), *dims) if correct else 0.0

    def paired(of_x: Index, of_y: Index) -> float:
        r = np.linalg.svd(left[of_x].T @ right[of_y] * (len(x) / len(of_x)), compute_uv=False)
        return -0.5 * float(np.log(np.maximum(1 - r**2, _SEPARATE)).sum()) - bias

    stderr, freedom = mean_error(influence, block)
    remark = joined(*(_redundant(*side) for side in (("x", x, dims[0]), ("y", y, dims[1]))))
    return Found(value - bias, stderr, freedom, remark=remark, statistic=Statistic(paired, len(x), _PERMUTED))


def _redundant(name: str, side: Array, rank: int) -> str:
    if rank == side.shape[1]:
        return ""
    return f"{side.shape[1] - rank} of the {side.shape[1]} columns of {name} are sums of others and add nothing"


def canonical(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Canonical variables and correlations.

    Args:
        x: rows ``(n, dim_x)``.
        y: rows ``(n, dim_y)``.

    Returns:
        The canonical variables u and v, ``(n, m)`` each with m the lesser rank of x and y, of mean 0 and variance 1 (of
        n − 1), and their correlations r, ``(m,)``, in falling order.

    Raises:
        Unmeasurable: there are no more rows than dimensions, or x and y determine each other linearly.

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
    if 1 - r[0] ** 2 < _SEPARATE:
        raise Unmeasurable(
            f"x and y determine each other linearly (canonical correlation {r[0]:.12g}): the covariance is singular "
            "and the MI infinite; needed: noise on one of them"
        )
    scale = math.sqrt(len(left) - 1)
    return left @ p * scale, right @ q.T * scale, r


def _orthonormal(side: Array) -> Array:
    """An orthonormal basis of the centred columns, one for each that others do not add up to."""
    centred = side - side.mean(0)
    basis, lengths, _ = np.linalg.svd(centred / centred.std(0), full_matrices=False)
    return np.asarray(basis[:, lengths > _LEAST * lengths[0]])


def small_sample_bias(n: int, dim_x: int, dim_y: int) -> float:
    r"""By how much the plug-in MI of n Gaussian rows is too high on average, in nats; exact, whatever the covariance.

    .. math:: \tfrac12 \Bigl[\sum_{i=0}^{d_x-1} + \sum_{i=0}^{d_y-1} - \sum_{i=0}^{d_x+d_y-1}\Bigr]
        ψ\bigl(\tfrac{n-1-i}2\bigr)

    because the scatter matrix is Wishart with n − 1 degrees of freedom, for which :math:`E \ln\det` is known.

    Reference:
        Misra, Singh & Demchuk 2005 (Journal of Multivariate Analysis 92, 324–342).

    >>> round(small_sample_bias(100, 5, 5), 4)  # about 25 / 200
    0.1337
    """
    from scipy.special import digamma

    terms = digamma((n - 1 - np.arange(dim_x + dim_y)) / 2)
    return float(terms[:dim_x].sum() + terms[:dim_y].sum() - terms.sum()) / 2
