"""MI of columns of which some are discrete, some continuous and some both, by the distances to nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from mi_cli.estimators.ksg import Ksg, near, permuted
from mi_cli.estimators.neighbour_search import Counts, Metric, separate
from mi_cli.estimators.training_free import Direct, Found, Part, Unmeasurable, blocked, mapped, source, subsampled_error
from mi_cli.fields import Count
from mi_cli.problems import Array, Problem
from mi_cli.training.preprocessing import Preprocess

if TYPE_CHECKING:
    from mi_cli.training.context import Context

__all__ = ["Mixed", "mixed"]


class Mixed(Direct):
    r"""The estimator of Gao, Kannan, Oh & Viswanath for any mixture of discrete and continuous columns.

    .. math:: \hat I = ψ(n) + \langle ψ(k_i) - ψ(n_{x,i} + 1) - ψ(n_{y,i} + 1) \rangle

    Of a row that comes more than k times, itself included, :math:`k_i` is how often it does, and :math:`n_x + 1` and
    :math:`n_y + 1` are how often its x and its y do. Of every other row :math:`k_i = k`, and :math:`n_x`, :math:`n_y`
    count the rows that are strictly nearer than its k-th neighbour in (x, y). So it is :class:`~.ksg.Ksg` (form 1)
    where no value comes twice, :class:`~.ross.Ross` for classes that lie apart, and the plug-in of counts with Miller's
    and Madow's correction, to first order, where every pair of values comes often.

    Two things are not as published. ψ(n) stands for ln n, which differ by 1/2n: with it the three limits above hold.
    And among neighbours at equal distances chance decides who is nearer (noise of 1e-10 standard deviations on
    repeated values): to count none of them, as published, finds .46 nats in a thousand rows of two independent normal
    columns rounded to a tenth, where this finds .00.

    Near zero bias without dependence; with it that of the three limits. Ceiling
    :math:`ψ(n) - \langle ψ(\max(k, m_x, m_y)) \rangle`, of how often a row's x and its y come. The standard error is by
    :func:`~mi_cli.estimators.training_free.subsampled_error`, the p-value by at least 20 neighbours.

    Reference:
        Gao, Kannan, Oh & Viswanath 2017 (NeurIPS; arXiv 1709.06212).
    """

    name: Literal["mixed"] = "mixed"
    k: Count = 3
    metric: Metric = "max"
    preprocess: Preprocess = "standardise"

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """All rows' neighbours, for the estimate and for four partitions for its error."""
        return Ksg(k=self.k, metric=self.metric).multiply_adds(rows, dim_x, dim_y)

    def found(self, problem: Problem, context: Context) -> Found:
        """From all rows."""
        from scipy.special import digamma

        random, rows = source(problem), problem.rows
        ((x, y),) = mapped(self.preprocess, rows)
        least = 8 * (self.k + 1)
        if len(x) < 2 * least:
            raise Unmeasurable(f"{len(x)} rows; k={self.k} needs at least {2 * least}")
        values = _numbered(x), _numbered(y)
        x, y = separate("x", x, random)[0], separate("y", y, random)[0]

        def estimate(of_x: Part, of_y: Part, k: int = self.k) -> float:
            numbers = values[0][of_x], values[1][of_y]
            return mixed(x[of_x], y[of_y], *numbers, k, self.metric, context.check)

        stderr, freedom = subsampled_error(
            lambda part: estimate(part, part), len(x), least, random, block=blocked(rows)
        )
        most = np.maximum(self.k, np.maximum(*map(_times, values)))
        ceiling = float(digamma(len(x)) - digamma(most).mean())
        statistic = permuted(estimate, self.k, x, y)
        return Found(estimate(slice(None), slice(None)), stderr, freedom, ceiling, statistic=statistic)


def mixed(
    x: Array,
    y: Array,
    values_x: Counts,
    values_y: Counts,
    k: int,
    metric: Metric = "max",
    check: Callable[[], None] = lambda: None,
) -> float:
    """The estimate in nats (see :class:`Mixed`), n > k.

    Args:
        x: rows ``(n, dim_x)``, equal ones moved apart a little.
        y: rows ``(n, dim_y)``, likewise.
        values_x: which value x has, ``(n,)``, numbered from 0 on.
        values_y: the same of y.
        k: which neighbour.
        metric: of distances within x and within y.
        check: called now and then.

    >>> codes = np.arange(20) % 2
    >>> sides = codes[:, None] + 1e-9 * np.random.default_rng(0).standard_normal((2, 20, 1))
    >>> bool(np.isclose(mixed(*sides, codes, codes, 3), sum(1 / i for i in range(10, 20))))  # ψ(20) − ψ(10)
    True
    """
    from scipy.special import digamma

    near_x, near_y = near(x, y, k, 1, metric, check)
    alike = _times(values_x * (int(values_y.max()) + 1) + values_y)
    many = alike > k
    of_x = np.where(many, _times(values_x), near_x + 1)
    of_y = np.where(many, _times(values_y), near_y + 1)
    return float(digamma(len(x)) + (digamma(np.where(many, alike, k)) - digamma(of_x) - digamma(of_y)).mean())


def _numbered(side: Array) -> Counts:
    """The number of each row's value, ``(n,)``; equal rows of ``(n, d)`` have one."""
    return np.unique(side, axis=0, return_inverse=True)[1].ravel()


def _times(values: Counts) -> Counts:
    """How often each row's value comes, ``(n,)``."""
    _, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[numbers.ravel()])
