"""What estimators share that train no network: rows in, one number out, and a reason where there can be none."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mi_cli.estimators.base import Estimate, Estimator, Kind, Problem, Rows

if TYPE_CHECKING:
    from mi_cli.context import Context
    from mi_cli.datasets.base import Dataset
    from mi_cli.preprocessing import Preprocess
    from mi_cli.schema import Evaluation, Training

__all__ = [
    "Array",
    "Direct",
    "Found",
    "Unmeasurable",
    "checked",
    "is_discrete",
    "mapped",
    "refuse_discrete",
    "source",
    "subsampled_error",
]

Array = np.ndarray[Any, np.dtype[np.float64]]
Index = np.ndarray[Any, np.dtype[np.int64]]


class Unmeasurable(ValueError):  # noqa: N818 (it is about the rows)
    """Rows that an estimator can make no number of; the message says what they are and what would be needed."""


@dataclass(frozen=True)
class Found:
    """A value in nats, its standard error and the degrees of freedom of that, and what else is known."""

    value: float
    stderr: float
    freedom: float = math.inf
    ceiling: float | None = None
    train_mi: float | None = None
    val_mi: float | None = None
    remark: str = ""


class Direct(Estimator):
    """An estimator that takes no training steps, so that ``training`` does not matter to it."""

    kind: ClassVar[Kind] = "point estimate"

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
        return Estimate(
            self.kind,
            reason=found.remark,
            value=found.value,
            stderr=found.stderr,
            ci_low=found.value - half,
            ci_high=found.value + half,
            ceiling=found.ceiling,
            train_mi=found.train_mi,
            val_mi=found.val_mi,
        )


def continuous_only(name: str, dataset: Dataset) -> list[str]:
    """A line if ``dataset`` has a discrete side, for an estimator that takes none."""
    if not dataset.discrete:
        return []
    accepted = "histogram" if len(dataset.discrete) == 2 else "histogram, ross"
    which = " and ".join(sorted(dataset.discrete))
    return [
        f"estimator.name={name}: takes continuous x and y, and dataset.name={dataset.name} has a discrete {which}; "
        f"accepted: {accepted}"
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
    from mi_cli.preprocessing import fitted

    checked(fit)
    maps = fitted(kind, fit.x, "x"), fitted(kind, fit.y, "y")
    return [checked(Rows(maps[0](rows.x), maps[1](rows.y))) for rows in (fit, *others)]


def is_discrete(values: Array) -> bool:
    """Whether few values, of shape ``(n,)`` or rows of ``(n, d)``, come many times: at most 2 √n, and twice on average.

    Ten classes are seen in a hundred rows, and what was rounded to a hundredth of its spread is not among them at
    ten thousand.
    """
    distinct = len(np.unique(values, axis=0))
    return distinct <= min(2 * math.sqrt(len(values)), len(values) / 2)


def refuse_discrete(name: str, **sides: Array) -> None:
    """Raise ``Unmeasurable`` if a column of a side, such as ``x=``, takes few values."""
    for side, values in sides.items():
        for number, column in enumerate(values.T):
            if is_discrete(column):
                raise Unmeasurable(
                    f"column {number} of {side} takes only {len(np.unique(column))} values in {len(column)} rows: "
                    f"{name} needs continuous columns; histogram and ross take discrete ones"
                )


def source(problem: Problem) -> np.random.Generator:
    """The trial's randomness as numpy's generator."""
    import torch

    return np.random.default_rng(int(torch.randint(2**62, (), generator=problem.order)))


def subsampled_error(
    estimate: Callable[[Index], float], n: int, least: int, random: np.random.Generator, rounds: int = 4
) -> tuple[float, float]:
    r"""The standard error of an estimate from n rows, by its variance between disjoint subsets of them.

    .. math:: \widehat{\mathrm{var}}_n = \frac1m \mathrm{var}(\hat I_1, …, \hat I_m)

    for m subsets of n/m rows each, because the variance falls as 1/n, averaged over ``rounds`` random partitions. Rows
    are drawn without replacement: those of a bootstrap come twice, which nearest neighbours take for dependence. Where
    the variance falls otherwise the error is off: too large for counts of independent rows, by up to 2; too small for
    strong dependence in several columns, of which small subsets see little.

    Args:
        estimate: the estimate in nats from the rows of an index.
        n: number of rows.
        least: the fewest rows that a subset may have. It gets three times as many if there are enough for two
            subsets, and there are at most 10.
        random: of the partitions.
        rounds: how many.

    Returns:
        The standard error in nats, and its degrees of freedom (those of one partition).

    Raises:
        Unmeasurable: there are too few rows for two subsets.

    Reference:
        Holmes & Nemenman 2019 (Physical Review E 100, 022404; arXiv 1903.09280).
    """
    if n < 2 * least:
        raise Unmeasurable(f"{n} rows; needed: at least {2 * least}, for an error from two subsets of {least} rows")
    m = min(10, max(2, n // (3 * least)))
    values = [[estimate(part) for part in np.array_split(random.permutation(n), m)] for _ in range(rounds)]
    return float(np.sqrt(np.var(values, axis=1, ddof=1).mean() / m)), m - 1
