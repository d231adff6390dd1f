"""What estimators share that train no network: rows in, one number out, and a reason where there can be none."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mi_cli.bounds.uncertainty import p_value
from mi_cli.errors import listed, shown
from mi_cli.estimators.base import Estimator
from mi_cli.problems import Array, Estimate, Kind, Problem, Rows, is_discrete

if TYPE_CHECKING:
    from mi_cli.datasets.base import Dataset
    from mi_cli.training.context import Context
    from mi_cli.training.preprocessing import Preprocess
    from mi_cli.training.settings import Evaluation, Training

__all__ = [
    "Direct",
    "Found",
    "Index",
    "Part",
    "Statistic",
    "Unmeasurable",
    "blocked",
    "checked",
    "joined",
    "mapped",
    "mean_error",
    "refuse_discrete",
    "source",
    "subsampled_error",
]

Index = np.ndarray[Any, np.dtype[np.int64]]
Part = Index | slice


class Unmeasurable(ValueError):  # noqa: N818 (it is about the rows)
    """Rows that an estimator can make no number of; the message says what they are and what would be needed."""


@dataclass(frozen=True)
class Statistic:
    """The value in nats of n rows, by which rows of x are paired with which rows of y.

    ``most`` rows are what it can be computed from a few hundred times.
    """

    value: Callable[[Index, Index], float]
    n: int
    most: int


@dataclass(frozen=True)
class Found:
    """A value in nats, its standard error and the degrees of freedom of that, and what else is known.

    ``statistic`` is what rows that are paired anew are compared by.
    """

    value: float
    stderr: float
    freedom: float = math.inf
    ceiling: float | None = None
    train_mi: float | None = None
    val_mi: float | None = None
    remark: str = ""
    statistic: Statistic | None = None


class Direct(Estimator):
    """An estimator that takes no training steps, so that ``training`` does not matter to it.

    Where ``evaluation.permutations`` are asked for, y is paired anew so often, at random, and the p-value is the share
    of pairings of which the estimator says at least as much (:func:`~mi_cli.bounds.uncertainty.p_value`). Where many
    estimates would take long they are made from some of the rows, drawn at random, and the estimate says so. Rows of
    blocks cannot be exchanged for each other and get none.
    """

    kind: ClassVar[Kind] = "point estimate"
    holds_out: ClassVar[bool] = False

    @abstractmethod
    def found(self, problem: Problem, context: Context) -> Found:
        """The estimate of one problem.

        Raises:
            Unmeasurable: the rows are not such as the estimator can take.
        """

    @abstractmethod
    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """About how many multiply-adds, or what takes as long, an estimate from so many rows takes."""

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Estimate each problem in turn; each counts as one step of progress."""
        del training, start
        estimates = []
        for problem in problems:
            context.check()
            with context.clock("evaluation"):
                estimates.append(self._one(problem, evaluation, context))
            context.advance(1)
        return estimates, None

    def _one(self, problem: Problem, evaluation: Evaluation, context: Context) -> Estimate:
        from scipy.special import stdtrit

        try:
            found = self.found(problem, context)
        except Unmeasurable as fault:
            return Estimate(self.kind, status="failed", reason=str(fault))
        if not (math.isfinite(found.value) and math.isfinite(found.stderr)):
            reason = f"the estimate is {found.value} ± {found.stderr}: values of the rows are too large or too small"
            return Estimate(self.kind, status="failed", reason=reason)
        half = float(stdtrit(found.freedom, 0.5 + evaluation.level / 2)) * found.stderr
        null, remark = _null(found.statistic, problem, evaluation.permutations, context)
        return Estimate(
            self.kind,
            reason=joined(found.remark, remark),
            value=found.value,
            stderr=found.stderr,
            ci_low=found.value - half,
            ci_high=found.value + half,
            ceiling=found.ceiling,
            train_mi=found.train_mi,
            val_mi=found.val_mi,
            p_value=None if null is None else p_value(null),
            null=null,
        )


def _null(
    statistic: Statistic | None, problem: Problem, permutations: int, context: Context
) -> tuple[Array | None, str]:
    """The statistic of the rows as they are, then of each re-pairing, and a remark on which rows, or on why not."""
    if not permutations or statistic is None:
        return None, ""
    if problem.rows.block is not None:
        return None, "no p-value: rows of one block depend on each other"
    random = source(problem)
    few = random.permutation(statistic.n)[: statistic.most]
    values = []
    for order in (few, *(random.permuted(few) for _ in range(permutations))):
        context.check()
        values.append(statistic.value(few, order))
    null = np.round(values, 12)  # so that what is equal is not more or less by rounding
    return null, "" if len(few) == statistic.n else f"p-value from {len(few)} of {statistic.n} rows"


def joined(*remarks: str) -> str:
    """Remarks in one line."""
    return "; ".join(filter(None, remarks))


def continuous_only(name: str, dataset: Dataset) -> list[str]:
    """A line if ``dataset`` has a discrete column, for an estimator that takes none."""
    discrete = dataset.discrete
    if coarse := dataset.coarse:
        few = f"{listed(map(shown, coarse[:6]), 'and')} {'take' if coarse[1:] else 'takes'} few values"
        others = "accepted: histogram, mixed, nearest"
        return [f"estimator.name={name}: takes continuous columns, and {few}; {others}"]
    if not dataset.with_classes:
        return []
    accepted = ["mixed", "nearest"] if discrete != dataset.with_classes else ["histogram", "mixed", "nearest"]
    if len(discrete) == 1 == len(dataset.with_classes):
        accepted.append("ross")
    which = f"a discrete {' and '.join(sorted(discrete))}" if discrete else "columns of classes"
    return [
        f"estimator.name={name}: takes continuous x and y, and dataset.name={dataset.name} has {which}; "
        f"accepted: {', '.join(accepted)}"
    ]


def checked(rows: Rows) -> tuple[Array, Array]:
    """x of shape ``(n, dim_x)`` and y of shape ``(n, dim_y)`` in float64.

    Raises:
        Unmeasurable: there are fewer than two rows, x and y do not match, a value is not finite, a column is constant
            or its variance overflows.
    """
    x, y = (side.detach().double().cpu().numpy() for side in (rows.x, rows.y))
    if len(x) != len(y):
        raise Unmeasurable(f"x has {len(x)} rows and y has {len(y)}; needed: as many of one as of the other")
    if len(x) < 2:
        raise Unmeasurable(f"{len(x)} rows; needed: at least 2")
    for name, side in (("x", x), ("y", y)):
        for number, column in enumerate(side.T):
            if not np.isfinite(column).all():
                count = int((~np.isfinite(column)).sum())
                raise Unmeasurable(f"column {number} of {name} has {count} values that are not finite; needed: none")
            if column.min() == column.max():
                raise Unmeasurable(f"column {number} of {name} is constant ({column[0]:g}); needed: one that varies")
            with np.errstate(over="ignore", invalid="ignore"):
                sd = float(column.std())
            if not 0 < sd < math.inf:
                raise Unmeasurable(
                    f"column {number} of {name} has values whose variance float64 cannot hold (up to "
                    f"{np.abs(column).max():.1e}); needed: a column in other units"
                )
    return x, y


def mapped(kind: Preprocess, fit: Rows, *others: Rows) -> list[tuple[Array, Array]]:
    """``fit`` and ``others`` as arrays, their columns mapped as ``kind`` says, by a map fitted to ``fit`` alone."""
    from mi_cli.training.preprocessing import fitted

    checked(fit)
    maps = fitted(kind, fit.x, "x"), fitted(kind, fit.y, "y")
    return [checked(Rows(maps[0](rows.x), maps[1](rows.y))) for rows in (fit, *others)]


def refuse_discrete(name: str, **sides: Array) -> None:
    """Raise ``Unmeasurable`` if a column of a side, such as ``x=``, takes few values."""
    for side, values in sides.items():
        for number, column in enumerate(values.T):
            if is_discrete(column):
                raise Unmeasurable(
                    f"column {number} of {side} takes only {len(np.unique(column))} values in {len(column)} rows: "
                    f"{name} needs continuous columns; histogram, mixed and nearest take discrete ones"
                )


def source(problem: Problem) -> np.random.Generator:
    """The trial's randomness as numpy's generator."""
    import torch

    return np.random.default_rng(int(torch.randint(2**62, (), generator=problem.order)))


def blocked(rows: Rows) -> Index | None:
    """The block of each row, numbered from 0 on, ``(n,)``; None where rows are independent."""
    if rows.block is None:
        return None
    return np.asarray(np.unique(rows.block.cpu().numpy(), return_inverse=True)[1]).ravel()


def mean_error(influence: Array, block: Index | None = None) -> tuple[float, float]:
    r"""The standard error in nats of a mean of what each row adds, ``(n,)``, and its degrees of freedom.

    With blocks (:func:`blocked`), whose rows may depend on each other, from the sums of G of them:

    .. math:: \frac1n \sqrt{\tfrac{G}{G - 1} \textstyle\sum_g (\sum_{i ∈ g} (ψ_i - \barψ))^2}

    Raises:
        Unmeasurable: there is one block only.

    Reference:
        Liang & Zeger 1986 (Biometrika 73, 13–22).
    """
    n = len(influence)
    if block is None:
        return float(influence.std(ddof=1)) / math.sqrt(n), math.inf
    sums = np.bincount(block, influence - influence.mean())
    count = len(sums)
    if count < 2:
        raise Unmeasurable(f"all {n} rows are of one block; needed: at least 2 blocks, for an error")
    return math.sqrt(float((sums**2).sum()) * count / (count - 1)) / n, count - 1


def subsampled_error(
    estimate: Callable[[Index], float],
    n: int,
    least: int,
    random: np.random.Generator,
    rounds: int = 4,
    block: Index | None = None,
) -> tuple[float, float]:
    r"""The standard error of an estimate from n rows, by its variance between disjoint subsets of them.

    .. math:: \widehat{\mathrm{var}}_n = \frac1n \frac{1}{m - 1} \sum_{j = 1}^m n_j (\hat I_j - \bar I)^2

    for m subsets of about n/m rows each, because the variance falls as 1/n, averaged over ``rounds`` random partitions.
    Rows are drawn without replacement: those of a bootstrap come twice, which nearest neighbours take for dependence.
    Rows of one block, which may depend on each other, stay together. Where the variance falls otherwise the error is
    off: too large for counts of independent rows, by up to 2; too small for strong dependence in several columns, of
    which small subsets see little.

    Args:
        estimate: the estimate in nats from the rows of an index.
        n: number of rows.
        least: the fewest rows that a subset may have. It gets three times as many if there are enough for two
            subsets, and there are at most 10.
        random: of the partitions.
        rounds: how many.
        block: of each row, ``(n,)`` (:func:`blocked`).

    Returns:
        The standard error in nats, and its degrees of freedom (those of one partition).

    Raises:
        Unmeasurable: there are too few rows for two subsets, or too many in one block.

    Reference:
        Holmes & Nemenman 2019 (Physical Review E 100, 022404; arXiv 1903.09280).
    """
    if n < 2 * least:
        raise Unmeasurable(f"{n} rows; needed: at least {2 * least}, for an error from two subsets of {least} rows")
    m = min(10, max(2, n // (3 * least)))
    if block is not None:
        largest = int(np.bincount(block).max())
        if n < 2 * (least + largest):
            raise Unmeasurable(
                f"{largest} of {n} rows are of one block; needed: blocks of at most {n // 2 - least} rows, for an "
                f"error from two subsets of {least} rows or more"
            )
        m = min(m, n // (least + largest))  # so that none has fewer, wherever blocks end
    variances = []
    for _ in range(rounds):
        parts = _partition(n, m, random, block)
        values, rows = np.array([estimate(part) for part in parts]), np.array([len(part) for part in parts])
        variances.append((rows * (values - rows @ values / n) ** 2).sum() / (m - 1) / n)
    return float(np.sqrt(np.mean(variances))), m - 1


def _partition(n: int, m: int, random: np.random.Generator, block: Index | None) -> list[Index]:
    """Random disjoint subsets of n rows, equal but for one row, or as nearly as whole blocks allow."""
    if block is None:
        return np.array_split(random.permutation(n), m)
    sizes = np.bincount(block)
    order, middle = random.permutation(len(sizes)), np.empty(len(sizes))
    middle[order] = sizes[order].cumsum() - sizes[order] / 2  # where a block's middle is, one after the other
    part = (middle * m / n).astype(int)[block]
    return [np.flatnonzero(part == number) for number in range(m)]
