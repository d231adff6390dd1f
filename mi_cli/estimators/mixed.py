"""MI of discrete, continuous and mixed columns from distances to nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from mi_cli.datasets.base import Dataset
from mi_cli.errors import Fault
from mi_cli.estimators.conditional_neighbours import conditional_neighbours, options_given, refuse_options
from mi_cli.estimators.ksg import Ksg, count_near, permutation_statistic
from mi_cli.estimators.neighbour_search import Counts, Metric, numbered, occurrences, separate
from mi_cli.estimators.subsampling import measured, subsampled, subset_rows
from mi_cli.estimators.training_free import (
    Measurement,
    Part,
    TrainingFree,
    block_numbers,
    numpy_generator,
    preprocessed,
)
from mi_cli.fields import Count, Preprocess
from mi_cli.lazy import special
from mi_cli.problems import Array, Problem
from mi_cli.training.context import Context

__all__ = ["Mixed", "mixed"]


class Mixed(TrainingFree):
    r"""The estimator of Gao, Kannan, Oh & Viswanath for any mixture of discrete and continuous columns.

    .. math:: \hat I = ψ(n) + \langle ψ(k_i) - ψ(n_{x,i} + 1) - ψ(n_{y,i} + 1) \rangle

    For a row that occurs more than k times, itself included, :math:`k_i` is the number of its occurrences, and
    :math:`n_x + 1` and :math:`n_y + 1` are those of its x and of its y. For every other row :math:`k_i = k`, and
    :math:`n_x`, :math:`n_y` count the rows that are strictly nearer than its k-th neighbour in (x, y). So the estimate
    equals :class:`~.ksg.Ksg` (form 1) where no value is repeated, :class:`~.ross.Ross` for classes that lie apart, and,
    to first order, the plug-in of counts with the correction of Miller and Madow where every pair of values is
    frequent.

    It differs from the publication in two ways. It has ψ(n) in place of ln n, which differ by 1/2n; with ψ(n) the three
    limits above hold. And the order of neighbours at equal distances is random (noise of 1e-10 standard deviations on
    repeated values). The published rule, which counts none of them, gives .46 nats for a thousand rows of two
    independent normal columns rounded to a tenth; this one gives .00.

    Without dependence the bias is nearly zero; with dependence it is that of the three limits. The ceiling is
    :math:`ψ(n) - \langle ψ(\max(k, m_x, m_y)) \rangle`, where m are the occurrences of a row's x and of its y. The
    standard error is by :func:`~mi_cli.estimators.subsampling.subsampled_error`. The p-value uses at least 20
    neighbours. Given z, it is :func:`~mi_cli.estimators.conditional_neighbours.conditional_neighbours`, by the maximum
    norm.

    Reference:
        Gao, Kannan, Oh & Viswanath 2017 (NeurIPS; arXiv 1709.06212).
    """

    takes_z: ClassVar[bool] = True
    name: Literal["mixed"] = "mixed"
    k: Count = 3
    metric: Metric = "max"
    preprocess: Preprocess = "rank_gaussianise"

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """Given z there is one metric."""
        return options_given(dataset, metric=self.metric)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """All rows' neighbours, for the estimate and for four partitions for its error."""
        return Ksg(k=self.k, metric=self.metric).multiply_adds(rows, dim_x, dim_y)

    def measure_given(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows, by the conditional estimator of Mesner and Shalizi."""
        refuse_options(1, self.metric)
        return conditional_neighbours(problem, self.k, self.preprocess, context)

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate from all rows."""
        random, rows = numpy_generator(problem), problem.rows
        ((x, y),) = preprocessed(self.preprocess, rows)
        least, aim = subset_rows(len(x), self.k)
        values = numbered(x), numbered(y)
        x, y = separate("x", x, random)[0], separate("y", y, random)[0]

        def estimate(of_x: Part, of_y: Part, k: int = self.k) -> float:
            numbers = values[0][of_x], values[1][of_y]
            return mixed(x[of_x], y[of_y], *numbers, k, self.metric, context.check)

        result = subsampled(lambda part: estimate(part, part), len(x), least, aim, random, block_numbers(rows))
        most = np.maximum(self.k, np.maximum(*map(occurrences, values)))
        ceiling = float(special.digamma(len(x)) - special.digamma(most).mean())
        statistic = permutation_statistic(estimate, self.k, x, y)
        return measured(result, ceiling, "", statistic)


def mixed(
    x: Array,
    y: Array,
    values_x: Counts,
    values_y: Counts,
    k: int,
    metric: Metric = "max",
    check: Callable[[], None] = lambda: None,
) -> float:
    """The estimate of :class:`Mixed` in nats.

    Args:
        x: rows ``(n, dim_x)``, with equal ones moved apart, n > k.
        y: rows ``(n, dim_y)``, with equal ones moved apart.
        values_x: the number of each row's value of x before that, ``(n,)``, from 0 on.
        values_y: the number of each row's value of y before that, ``(n,)``, from 0 on.
        k: which neighbour.
        metric: of distances within x and within y.
        check: called between blocks of rows; it may raise to stop.

    >>> codes = np.arange(20) % 2
    >>> sides = codes[:, None] + 1e-9 * np.random.default_rng(0).standard_normal((2, 20, 1))
    >>> bool(np.isclose(mixed(*sides, codes, codes, 3), sum(1 / i for i in range(10, 20))))  # ψ(20) − ψ(10)
    True
    """
    near_x, near_y = count_near(x, y, k, 1, metric, check)
    alike = occurrences(values_x * (int(values_y.max()) + 1) + values_y)
    many = alike > k
    of_x = np.where(many, occurrences(values_x), near_x + 1)
    of_y = np.where(many, occurrences(values_y), near_y + 1)
    digamma = special.digamma
    return float(digamma(len(x)) + (digamma(np.where(many, alike, k)) - digamma(of_x) - digamma(of_y)).mean())
