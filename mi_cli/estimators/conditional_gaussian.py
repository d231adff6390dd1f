"""Conditional MI of Gaussians, from partial correlations of the columns or of their normal scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from mi_cli.estimators.canonical_correlations import (
    bases,
    excess_kurtosis,
    linear_relation,
    paired_plug_in,
    plug_in,
    small_sample_bias,
)
from mi_cli.estimators.conditioning import Condition, normalised
from mi_cli.estimators.residuals import linear_residuals, refuse_determined, smooth_residuals
from mi_cli.estimators.training_free import (
    Index,
    Measurement,
    Statistic,
    Unmeasurable,
    block_numbers,
    checked_arrays,
    mean_error,
    numpy_generator,
    preprocessed,
    refuse_discrete,
)
from mi_cli.problems import Array, Problem

__all__ = ["copula_given", "gaussian_given"]

_PERMUTED = 2000  # rows, of which 99 permutations among neighbours take a second

Residuals = Callable[[Array, Array], Array]  # from columns (n, d) and the numbers of z (n, dim_z) to columns (n, d)


@dataclass(frozen=True)
class _Stratum:
    """The rows of one class of z, with orthonormal bases of what z leaves of x and of y, ``(n, rank)`` each."""

    rows: Index
    x: Array
    y: Array
    bias: float


def gaussian_given(problem: Problem, correct: bool) -> Measurement:
    r"""The MI of Gaussians given z, from partial canonical correlations r.

    .. math:: \hat I = -\tfrac12 \sum_i \ln(1 - r_i^2)

    r are the canonical correlations of the residuals of x and of y after linear regression on z. Where z has classes,
    columns of few values, the estimate is the mean over the classes, each with a covariance of its own. Classes of too
    few rows for that are left out, and the estimate says so.

    The exact bias of the plug-in from Gaussian rows is that of n less dim_z rows. The influences of the rows are those
    of the residuals, to first order, and vary between the classes of z as their MI does. The p-value is by permutations
    of the residuals of y among neighbours of z.

    Args:
        problem: whose rows have z.
        correct: whether the bias is subtracted.

    Raises:
        Unmeasurable: x, y or z cannot be used, or z determines a column.

    Reference:
        Anderson 2003, *An Introduction to Multivariate Statistical Analysis*, section 4.3.
    """
    x, y = checked_arrays(problem.rows)
    return _given("gaussian", problem, x, y, linear_residuals, correct)


def copula_given(problem: Problem, correct: bool) -> Measurement:
    r"""The MI given z of rows whose copula given z is Gaussian, whatever the regression of x and of y on z.

    The normal scores of the columns, less what a smooth function of z predicts of them
    (:func:`~.residuals.smooth_residuals`), are mapped to normal scores once more, and their MI is that of
    :func:`gaussian_given`. It is right where a Gaussian copula that is the same for all z joins what z leaves of x and
    of y. Elsewhere it may be too small or too large. ``misfit`` is that of :class:`~.gaussian.Copula`, for the
    residuals of x and of y.

    Args:
        problem: whose rows have z.
        correct: whether the bias is subtracted.

    Raises:
        Unmeasurable: x, y or z cannot be used, or z determines a column.

    Reference:
        Bergsma 2004, *Testing Conditional Independence for Continuous Random Variables* (EURANDOM report 2004-048), the
        partial copula.
    """
    ((x, y),) = preprocessed("rank_gaussianise", problem.rows)
    random = numpy_generator(problem)

    def residuals(side: Array, z: Array) -> Array:
        return smooth_residuals(side, z, random) if z.shape[1] else side

    return _given("copula", problem, x, y, residuals, correct, partial(normalised, "rank_gaussianise"))


def _given(
    name: str,
    problem: Problem,
    x: Array,
    y: Array,
    residuals: Residuals,
    correct: bool,
    scores: Callable[[Array], Array] = lambda left: left,
) -> Measurement:
    rows = problem.rows
    refuse_discrete(name, x=x, y=y)
    condition = Condition.of(rows, "none" if name == "gaussian" else "rank_gaussianise")
    n, value, influence, kept = len(rows), 0.0, np.zeros(len(rows)), np.zeros(len(rows), bool)
    strata, misfits = [], []
    for part, sides in _residual_sides(x, y, condition, residuals, scores):
        left, right = bases(*sides)
        if reason := linear_relation(left, right):
            return Measurement(np.inf, 0.0, remark=f"given z, {reason}: the MI is infinite")
        of_stratum, own = plug_in(left, right)
        lost = condition.numbers.shape[1]
        bias = small_sample_bias(len(part) - lost, left.shape[1], right.shape[1]) if correct else 0.0
        value += len(part) * (of_stratum - bias)
        influence[part], kept[part] = own + of_stratum, True
        misfits.append(excess_kurtosis(np.hstack(sides)))
        strata.append(_Stratum(part, left, right, bias))
    if not strata:
        raise Unmeasurable(f"no class of z has enough rows; each needs at least {_fewest(x, y, condition)}")
    used = int(kept.sum())
    block = block_numbers(rows)
    block = None if block is None else np.unique(block[kept], return_inverse=True)[1].ravel()
    stderr, freedom = mean_error(influence[kept], block)
    remark = "" if used == n else f"{n - used} of {n} rows are left out, as their classes of z have too few"
    statistic = _statistic(strata, condition, used)
    misfit = float(np.sum(misfits)) / len(misfits) ** 0.5 if name == "copula" else None
    return Measurement(value / used, stderr, freedom, remark=remark, statistic=statistic, misfit=misfit)


def _fewest(x: Array, y: Array, condition: Condition) -> int:
    """The fewest rows of a class of z that has an estimate."""
    columns: int = x.shape[1] + y.shape[1] + condition.numbers.shape[1]
    return columns + 2


def _residual_sides(
    x: Array, y: Array, condition: Condition, residuals: Residuals, scores: Callable[[Array], Array]
) -> Iterator[tuple[Index, tuple[Array, Array]]]:
    """The rows of each class of z that has enough of them, and the scores of what z leaves of x and of y there.

    Raises:
        Unmeasurable: z determines a column.
    """
    for part in condition.strata:
        if len(part) < _fewest(x, y, condition):
            continue
        sides = []
        for name, side in (("x", x[part]), ("y", y[part])):
            left = residuals(side, condition.numbers[part])
            refuse_determined(name, left, side)
            sides.append(scores(left))
        yield part, (sides[0], sides[1])


def _statistic(strata: list[_Stratum], condition: Condition, used: int) -> Statistic:
    """The estimate of rows that are paired anew within the strata."""
    n = len(condition.stratum)
    number, place = np.full(n, -1), np.zeros(n, np.int64)
    for index, one in enumerate(strata):
        number[one.rows], place[one.rows] = index, np.arange(len(one.rows))

    def value(of_x: Index, of_y: Index) -> float:
        total, of_stratum = 0.0, number[of_x]
        for index, one in enumerate(strata):
            chosen = np.flatnonzero(of_stratum == index)
            if not len(chosen):
                continue
            left, right = one.x[place[of_x[chosen]]], one.y[place[of_y[chosen]]]
            total += len(one.rows) * (paired_plug_in(left, right, len(one.rows) / len(chosen)) - one.bias)
        return total / used

    return Statistic(value, n, _PERMUTED, condition.pairings)
