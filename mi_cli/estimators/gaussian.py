"""MI of Gaussians from canonical correlations, of the columns or of their normal scores."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import Fault
from mi_cli.estimators.canonical_correlations import (
    bases,
    excess_kurtosis,
    linear_relation,
    paired_plug_in,
    plug_in,
    small_sample_bias,
)
from mi_cli.estimators.conditional_gaussian import copula_given, gaussian_given
from mi_cli.estimators.training_free import (
    Index,
    Measurement,
    Statistic,
    TrainingFree,
    block_numbers,
    checked_arrays,
    continuous_only,
    join_remarks,
    mean_error,
    preprocessed,
    refuse_discrete,
)
from mi_cli.fields import Switch
from mi_cli.problems import Array, Problem
from mi_cli.training.context import Context

__all__ = ["Copula", "Gaussian"]

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

    Given z, it is that of the residuals of x and y after linear regression on z
    (:func:`~.conditional_gaussian.gaussian_given`).

    Reference:
        Kullback 1959, *Information Theory and Statistics*, chapter 9; Hotelling 1936 (Biometrika 28, 321–377).
    """

    continuous_sides: ClassVar[tuple[Side, ...]] = ("x", "y")
    takes_z: ClassVar[bool] = True
    name: Literal["gaussian"] = "gaussian"
    correct: Switch = True

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """A discrete x or y is not Gaussian."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """The singular value decompositions."""
        return 6 * rows * (dim_x + dim_y) ** 2

    def measure_given(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows, by partial correlations."""
        del context
        return gaussian_given(problem, self.correct)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        del context
        rows = problem.rows
        x, y = checked_arrays(rows)
        refuse_discrete(self.name, x=x, y=y)
        sides = bases(x, y)
        if reason := linear_relation(*sides):
            return Measurement(math.inf, 0.0, remark=f"{reason}: the MI is infinite")
        return _from_correlations(x, y, sides, self.correct, block_numbers(rows))


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

    Given z, it is that of the residuals' normal scores after a smooth regression on z
    (:func:`~.conditional_gaussian.copula_given`).

    Reference:
        Ince, Giordano, Kayser, Rousselet, Gross & Schyns 2017 (Human Brain Mapping 38, 1541–1573); Klaassen & Wellner
        1997 (Bernoulli 3, 55–77) for the scores' efficiency.
    """

    continuous_sides: ClassVar[tuple[Side, ...]] = ("x", "y")
    takes_z: ClassVar[bool] = True
    name: Literal["copula"] = "copula"
    correct: Switch = True

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """A discrete x or y has no normal scores."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """Sorting, and the singular value decompositions."""
        return rows * (dim_x + dim_y) * 50 + 6 * rows * (dim_x + dim_y) ** 2

    def measure_given(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from the normal scores of what z leaves of x and y."""
        del context
        return copula_given(problem, self.correct)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from the normal scores of all rows."""
        del context
        rows = problem.rows
        x, y = checked_arrays(rows)
        refuse_discrete(self.name, x=x, y=y)
        (scores,) = preprocessed("rank_gaussianise", rows)
        if reason := linear_relation(*bases(x, y)):
            return Measurement(math.inf, 0.0, remark=f"{reason}: the MI is infinite")
        sides = bases(*scores)
        if linear_relation(*sides):
            what = "ranks" if x.shape[1] == y.shape[1] == 1 else "normal scores"
            remark = f"the {what} of x and y determine each other: the MI is infinite, or more than {len(x)} rows show"
            return Measurement(math.inf, 0.0, remark=remark)
        result = _from_correlations(*scores, sides, self.correct, block_numbers(rows))
        return replace(result, misfit=excess_kurtosis(np.hstack(scores)))


def _from_correlations(
    x: Array, y: Array, sides: tuple[Array, Array], correct: bool, block: Index | None
) -> Measurement:
    left, right = sides
    dims = left.shape[1], right.shape[1]
    value, influence = plug_in(left, right)
    bias = small_sample_bias(len(x), *dims) if correct else 0.0

    def paired(of_x: Index, of_y: Index) -> float:
        return paired_plug_in(left[of_x], right[of_y], len(x) / len(of_x)) - bias

    stderr, freedom = mean_error(influence, block)
    remark = join_remarks(*(_redundant(*side) for side in (("x", x, dims[0]), ("y", y, dims[1]))))
    return Measurement(value - bias, stderr, freedom, remark=remark, statistic=Statistic(paired, len(x), _PERMUTED))


def _redundant(name: str, side: Array, rank: int) -> str:
    """A remark on columns that are sums of others, of which ``rank`` columns remain."""
    if rank == side.shape[1]:
        return ""
    return f"{side.shape[1] - rank} of the {side.shape[1]} columns of {name} are sums of others and add nothing"
