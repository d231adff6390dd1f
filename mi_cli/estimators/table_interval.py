"""The standard error and the interval of the MI of a table of counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mi_cli.estimators.training_free import Index
from mi_cli.lazy import special
from mi_cli.problems import Array

__all__ = ["TableInterval", "expected_plug_in"]

_DOUBT = 1.5  # possible bias, in differences of two estimates: both can be off to the same side
_NO_SHARE = 1e-12  # of empty cells: below it there are none
_FILLED = 5  # rows in each cell, from which the G-statistic of independent rows is chi-squared


@dataclass(frozen=True)
class TableInterval:
    r"""Error and interval of an MI from the counts of the cells that are not empty.

    The variance of an estimate is that of the jackknife, :math:`v`, less :math:`d / 2n^2`. Without dependence, where
    :math:`d` is :math:`(K_x - 1)(K_y - 1)`, the jackknife gives about twice the variance that there is. In general,
    :math:`d = m - K_x - K_y + 2S - 1`, with :math:`m` cells that are not empty and
    :math:`S = \sum n_{xy}^2 / n_x n_y`; :math:`d/n` is what noise of the counts adds to the variance of log-ratios.

    The interval holds each MI from which an estimate is no farther than its error would be at that MI, for which the
    variance is :math:`ρI/n + d/2n^2`, with ρ from the rows, and near 2 without dependence (a score interval). An
    estimate that is nearer to its ceiling than to 0 has a lower end from such an interval of what it lacks of the
    ceiling as well, since that comes from few rows. The interval is the union over several estimates. Where many rows
    are alone in their cell, it reaches farther, by the difference of two estimates. Its lower end also allows for rows
    in cells that are empty: their share is about that of rows that are alone in their cell. The end lies as much lower
    as the MI would be less with the largest share that agrees with this, joined with the rest by root of squares. It
    holds 0 if and only if the G-test does not reject independence at half of 1 − level.

    Attributes:
        x: the code of each cell, ``(m,)``, in ``margins[0]``.
        y: the code of each cell, ``(m,)``, in ``margins[1]``.
        counts: how many rows each cell has, ``(m,)``, at least 1.
        margins: how many rows each code of x has, ``(K_x,)``, and each of y.
        estimates: the value, then others, in nats.
        ceiling: the smaller of the entropies of x and of y in nats.

    Reference:
        Efron & Stein 1981 (Annals of Statistics 9, 586–596), the jackknife; Wilson 1927 (JASA 22, 209–212), score
        intervals; Good 1953 (Biometrika 40, 237–264), the share of empty cells; Lawley 1956 (Biometrika 43, 295–303),
        the G-statistic over its mean.
    """

    x: Index
    y: Index
    counts: Index
    margins: tuple[Index, Index]
    estimates: tuple[float, ...]
    ceiling: float

    @property
    def stderr(self) -> float:
        """The standard error of the value in nats."""
        n = self._n
        least = self._noise / (2 * n**2)
        variance = max(self._jackknife_variance - least, least, 0.0)
        return math.sqrt(variance + self._sparse * (_DOUBT * self._apart) ** 2)

    def ends(self, level: float) -> tuple[float, float]:
        """Both ends of the interval in nats, the upper one at least 0."""
        tail = (1 - level) / 2
        quantile = float(special.ndtri(1 - tail))
        ends = [self._score_interval(estimate, quantile) for estimate in self.estimates]
        near = [max(0.0, self.ceiling - estimate) for estimate in self.estimates if estimate > self.ceiling / 2]
        lows = [low for low, _ in ends] + [self.ceiling - self._score_interval(lack, quantile)[1] for lack in near]
        reach = math.sqrt(self._sparse) * _DOUBT * self._apart
        value = self.estimates[0]
        low = value - math.hypot(value - min(*lows, value) + reach, self._reach_of_unseen(quantile))
        high = max(high for _, high in ends) + reach
        g, freedom = self._test
        if freedom == 0 or float(special.chdtrc(freedom, g)) > tail:
            low = min(low, 0.0)
        elif low <= 0 < value:
            low = float(special.chndtrinc(g, freedom, 1 - tail)) / (2 * self._n)
        return min(low, value), max(0.0, high)

    @property
    def _n(self) -> int:
        return int(self.counts.sum())

    def _reach_of_unseen(self, quantile: float) -> float:
        """How much less the MI is with the largest share of rows in empty cells than with the likely one, in nats."""
        alone = int((self.counts == 1).sum())
        most = alone + quantile**2 / 2 + quantile * math.sqrt(alone + quantile**2 / 4)  # a score limit of a count
        return max(0.0, self._with_unseen(alone / self._n) - self._with_unseen(min(1.0, most / self._n)))

    def _with_unseen(self, share: float) -> float:
        """The plug-in MI with a share of rows in empty cells, where x and y are independent; in nats."""
        shares, (of_x, of_y) = self.counts / self._n, (side / self._n for side in self.margins)
        filled = of_x[self.x] * of_y[self.y]
        empty = 1 - float(filled.sum())  # the part of the product of the margins
        if empty < _NO_SHARE:
            return 0.0
        rest_x = np.maximum(0, 1 - np.bincount(self.x, of_y[self.y], len(of_x)))
        rest_y = np.maximum(0, 1 - np.bincount(self.y, of_x[self.x], len(of_y)))
        of_empty = (_entropy(of_x) + _entropy(of_y) - _entropy(filled)) / empty + math.log(empty)
        of_cells = _entropy(np.array([share, 1 - share])) + (1 - share) * _entropy(shares) + share * of_empty
        sides = ((1 - share) * side + share * side * rest / empty for side, rest in ((of_x, rest_x), (of_y, rest_y)))
        return math.fsum(map(_entropy, sides)) - of_cells

    @property
    def _apart(self) -> float:
        """The largest difference between the value and another estimate."""
        return max(abs(self.estimates[0] - other) for other in self.estimates)

    @cached_property
    def _sparse(self) -> float:
        """The share of rows that are alone in their cell."""
        return float((self.counts == 1).sum()) / self._n

    @cached_property
    def _of_cells(self) -> tuple[Array, Array]:
        """How many rows each cell's code of x has, and its code of y, ``(m,)`` each."""
        return self.margins[0][self.x].astype(float), self.margins[1][self.y].astype(float)

    @cached_property
    def _noise(self) -> float:
        """d, as the class has it."""
        of_x, of_y = self._of_cells
        overlap = float((self.counts.astype(float) ** 2 / (of_x * of_y)).sum())
        return max(0.0, len(self.counts) - sum(map(len, self.margins)) + 2 * overlap - 1)

    @cached_property
    def _jackknife_variance(self) -> float:
        """That of the plug-in MI in nats², from the MI without a row of each cell."""
        n, (of_x, of_y) = self._n, self._of_cells
        without = (_step(of_x) + _step(of_y) - _step(self.counts)) / (n - 1)
        share = self.counts / n
        return (n - 1) * float(share @ (without - share @ without) ** 2)

    def _score_interval(self, estimate: float, quantile: float) -> tuple[float, float]:
        """The MI whose distance from an estimate is ``quantile`` times its error, on either side; in nats."""
        n, noise = self._n, self._noise
        first_order = max(0.0, self._jackknife_variance * n - noise / n)
        slope = (first_order + 2 * noise / n) / (max(0.0, estimate) + noise / n) if noise else 0.0
        of_slope, constant = quantile**2 * slope / n, quantile**2 * noise / (2 * n**2)
        middle = estimate + of_slope / 2
        half = math.sqrt(max(0.0, middle**2 - estimate**2 + constant))
        return middle - half, middle + half

    @cached_property
    def _test(self) -> tuple[float, int]:
        """The G-statistic, scaled to the mean of its chi-squared, and its degrees of freedom."""
        n, (of_x, of_y) = self._n, self._of_cells
        g = 2 * float(self.counts @ np.log(n * self.counts / (of_x * of_y)))
        freedom = math.prod(len(side) - 1 for side in self.margins)
        if not freedom or math.prod(int(side.min()) for side in self.margins) >= _FILLED * n:
            return max(0.0, g), freedom
        return max(0.0, g) * freedom / (2 * n * expected_plug_in(*self.margins)), freedom


def expected_plug_in(of_x: Index, of_y: Index) -> float:
    r"""The mean of the plug-in MI of all tables with the same margins, in nats.

    Args:
        of_x: counts of each code of x, ``(K_x,)``, at least 1 each.
        of_y: counts of each code of y, ``(K_y,)``, with the same sum.

    Reference:
        Vinh, Epps & Bailey 2010 (JMLR 11, 2837–2854), theorem 3.

    >>> expected_plug_in(np.array([1, 1]), np.array([1, 1])) - math.log(2)  # two rows, two codes: always ln 2
    0.0
    """
    n = int(of_x.sum())
    (few, of_few), (many, of_many) = sorted(
        (np.unique(side, return_counts=True) for side in (of_x, of_y)), key=lambda side: len(side[0])
    )
    log_factorial = special.gammaln(np.arange(n + 1) + 1.0)
    total = 0.0
    for count, times in zip(few.tolist(), of_few.tolist(), strict=True):
        mean = count * many / n
        room = 10 * np.sqrt(mean) + 20  # beyond it a count has a probability below 1e-12
        low = np.maximum(np.maximum(1, count + many - n), (mean - room).astype(np.int64))
        length = np.maximum(0, np.minimum(np.minimum(count, many), (mean + room).astype(np.int64)) - low + 1)
        other, first, weight = (np.repeat(part, length) for part in (many, low, of_many))
        cell = first + np.arange(len(first)) - np.repeat(np.cumsum(length) - length, length)
        log_chance = (
            *(log_factorial[part] for part in (other, n - other)),
            *(-log_factorial[part] for part in (cell, count - cell, other - cell, n - count - other + cell)),
        )
        constant = log_factorial[count] + log_factorial[n - count] - log_factorial[n]
        chance = np.exp(sum(log_chance) + constant)
        total += times * float((weight * chance) @ (cell / n * np.log(n * cell / (count * other))))
    return total


def _entropy(shares: Array) -> float:
    return float(special.entr(shares).sum())


def _step(counts: Array | Index) -> Array:
    """By how much m ln m falls from m to m − 1."""
    fall: Array = special.xlogy(counts, counts) - special.xlogy(counts - 1, counts - 1)
    return fall
