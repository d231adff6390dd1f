"""Standard errors and drift of estimates of nearest neighbours, by estimates from parts of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mi_cli.estimators.training_free import Index, Measurement, Null, Part, Unmeasurable

__all__ = ["Subsampled", "measured", "subsampled", "subsampled_error", "subset_rows"]

_SUBSETS = 10  # the most subsets of a partition
_ESTIMATES = 40  # subsets of all partitions together


@dataclass(frozen=True)
class Subsampled:
    """An estimate from all rows, and what estimates from parts of them say of it, in nats.

    Attributes:
        value: the estimate from all rows.
        stderr: its standard error (:func:`subsampled_error`).
        freedom: degrees of freedom of the standard error.
        drift: the value less its mean over random halves of the rows. An estimate whose bias falls as a power of
            the number of rows, n to the −p, has this bias times 2 to the p, less 1, as its drift.
    """

    value: float
    stderr: float
    freedom: float
    drift: float


def measured(result: Subsampled, ceiling: float, remark: str, statistic: Null) -> Measurement:
    """The result as a measurement, with the ceiling in nats, a remark, and the statistic for a p-value."""
    return Measurement(
        result.value,
        result.stderr,
        result.freedom,
        ceiling,
        drift=result.drift,
        remark=remark,
        statistic=statistic,
    )


def subset_rows(n: int, k: int) -> tuple[int, int]:
    """The fewest rows that a subset for the standard error may have with k neighbours, and those that it should have.

    Raises:
        Unmeasurable: n rows are too few for two subsets.
    """
    least = 2 * (k + 1)
    if n < 2 * least:
        raise Unmeasurable(f"{n} rows; k={k} needs at least {2 * least}")
    return least, 12 * least


def subsampled(
    estimate: Callable[[Part], float],
    n: int,
    least: int,
    aim: int,
    random: np.random.Generator,
    block: Index | None = None,
    partitions: int = 1,
) -> Subsampled:
    """The estimate from all rows, with its standard error and its drift; the arguments are those of the error.

    The drift is the mean over so many partitions into halves.
    """
    stderr, freedom = subsampled_error(estimate, n, least, aim, random, block)
    value = estimate(slice(None))
    halves = [half for _ in range(partitions) for half in _partition(n, 2, random, block)]
    of_halves = sum(len(half) * estimate(half) for half in halves) / (n * partitions)
    return Subsampled(value, stderr, freedom, value - of_halves)


def subsampled_error(
    estimate: Callable[[Index], float],
    n: int,
    least: int,
    aim: int,
    random: np.random.Generator,
    block: Index | None = None,
) -> tuple[float, float]:
    r"""The standard error of an estimate from n rows, by its variance between disjoint subsets of them.

    .. math:: \widehat{\mathrm{var}}_n = \frac1n \frac{1}{m - 1} \sum_{j = 1}^m n_j (\hat I_j - \bar I)^2

    for m subsets of about n/m rows each, averaged over random partitions of 40 subsets in all. It assumes that the
    variance falls as 1/n. Rows are drawn without replacement: a bootstrap repeats rows, which nearest neighbours take
    for dependence. Rows of one block, which may depend on each other, stay together.

    The error is wrong where the variance does not fall as 1/n. It is up to twice too large for counts of independent
    rows. It is too small for strong dependence in several columns, which small subsets show little of.

    The partitions of few rows into two halves are many and differ, so that their mean is known better than that of one
    partition. It has a degree of freedom for every ten rows (blocks, where there are any), at most 9. With that, 95 %
    intervals of :class:`~.ksg.Ksg` hold the MI of pairs of normal columns in 93 % of samples or more, from 20 rows on.

    Args:
        estimate: from an index of rows to the estimate in nats.
        n: number of rows.
        least: the fewest rows that a subset may have.
        aim: the rows that a subset gets if there are enough for two; there are at most 10 subsets.
        random: the source of the partitions.
        block: the number of each row's block, ``(n,)`` (:func:`block_numbers`).

    Returns:
        The standard error in nats, and its degrees of freedom.

    Raises:
        Unmeasurable: there are too few rows for two subsets, or one block has too many rows.

    Reference:
        Holmes & Nemenman 2019 (Physical Review E 100, 022404; arXiv 1903.09280).
    """
    if n < 2 * least:
        raise Unmeasurable(f"{n} rows; a standard error needs at least {2 * least}, in two subsets of {least} rows")
    m, units = min(_SUBSETS, max(2, n // aim)), n
    if block is not None:
        sizes = np.bincount(block)
        largest, units = int(sizes.max()), len(sizes)
        if n < 2 * (least + largest):
            raise Unmeasurable(
                f"{largest} of {n} rows are of one block; a standard error needs blocks of at most {n // 2 - least} "
                f"rows, so that there are two subsets of at least {least} rows"
            )
        m = min(m, n // (least + largest))  # no subset has fewer than ``least`` rows, wherever blocks end
    variances = []
    for _ in range(_ESTIMATES // m):
        parts = _partition(n, m, random, block)
        values, rows = np.array([estimate(part) for part in parts]), np.array([len(part) for part in parts])
        variances.append((rows * (values - rows @ values / n) ** 2).sum() / (m - 1) / n)
    return float(np.sqrt(np.mean(variances))), max(m - 1, min(_SUBSETS - 1, units // 10))


def _partition(n: int, m: int, random: np.random.Generator, block: Index | None) -> list[Index]:
    """Random disjoint subsets of n rows. Their sizes differ by one row at most, or by as little as blocks allow."""
    if block is None:
        return np.array_split(random.permutation(n), m)
    sizes = np.bincount(block)
    order, middle = random.permutation(len(sizes)), np.empty(len(sizes))
    middle[order] = sizes[order].cumsum() - sizes[order] / 2  # the middle of each block, laid end to end
    part = (middle * m / n).astype(int)[block]
    return [np.flatnonzero(part == number) for number in range(m)]
