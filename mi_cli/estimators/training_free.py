"""What estimators that train no network share: rows in, one value out, or a reason why there is none."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeAlias

from mi_cli import bounds
from mi_cli import training as fitting
from mi_cli.datasets.base import Dataset
from mi_cli.errors import Fault, listed, shown
from mi_cli.estimators.base import Estimator
from mi_cli.estimators.deferred import DeferredEstimate
from mi_cli.fields import Preprocess
from mi_cli.lazy import np, torch
from mi_cli.problems import Array, Estimate, Kind, Problem, Rows, column_place, is_discrete, with_names
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

__all__ = [
    "Index",
    "Measurement",
    "Null",
    "Part",
    "Statistic",
    "TrainingFree",
    "Unmeasurable",
    "block_numbers",
    "check_columns",
    "checked_arrays",
    "continuous_only",
    "join_remarks",
    "mean_error",
    "numpy_generator",
    "preprocessed",
    "refuse_discrete",
]

Index: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Part: TypeAlias = "Index | slice"


class Unmeasurable(ValueError):  # noqa: N818 (it describes the rows)
    """Rows that have no estimate; the message says what is wrong with them and what is needed."""


class Null(Protocol):
    """What a p-value is computed from."""

    def null(self, permutations: int, random: np.random.Generator, context: Context) -> tuple[Callable[[], Array], str]:
        """A function that computes the statistic of the rows, then of each permutation; a remark on the rows used."""

    def p_value(self, null: Array) -> float | None:
        """The p-value from what that function returned, ``(1 + m,)``."""


def _any_order(rows: Index) -> Callable[[np.random.Generator], Index]:
    """A function that draws a permutation of rows."""
    return lambda random: random.permuted(rows)


@dataclass(frozen=True)
class Statistic:
    """An estimate as a function of the pairing of rows, from which a p-value is computed.

    Attributes:
        value: from an index of rows of x and an index of rows of y, ``(m,)`` each, to nats.
        n: number of rows.
        most: number of rows from which a few hundred values can be computed in a second or two.
        pairings: from an index of rows of x, ``(m,)``, to a function that draws rows of y to pair them with, ``(m,)``.
    """

    value: Callable[[Index, Index], float]
    n: int
    most: int
    pairings: Callable[[Index], Callable[[np.random.Generator], Index]] = _any_order

    def null(self, permutations: int, random: np.random.Generator, context: Context) -> tuple[Callable[[], Array], str]:
        """What :class:`Null` gives. The permutations are drawn here, so that the function draws nothing."""
        few = random.permutation(self.n)[: self.most]
        draw = self.pairings(few)
        orders = [few, *(draw(random) for _ in range(permutations))]

        def value(order: Index) -> float:
            context.check()
            return self.value(few, order)

        def null() -> Array:
            return np.asarray(np.round(context.map(value, orders), 12))  # equal values must not differ by rounding

        return null, "" if len(few) == self.n else f"p-value from {len(few)} of {self.n} rows"

    def p_value(self, null: Array) -> float | None:
        """As :func:`~mi_cli.bounds.uncertainty.p_value` has it."""
        return bounds.p_value(null)


@dataclass(frozen=True)
class Measurement:
    """The result of an estimator without training.

    Attributes:
        value: the estimate in nats; infinite, with an error of 0, where the rows show that the MI is.
        stderr: its standard error in nats.
        freedom: degrees of freedom of the standard error.
        ceiling: the largest value in nats that the estimator can take; None without one.
        train_mi: the estimate on training rows in nats.
        val_mi: the estimate on validation rows in nats.
        drift: the estimate less its mean over two halves of the rows, in nats.
        misfit: by how many standard errors the rows depart from the distribution that the estimator assumes.
        remark: what the reader of the estimate should know.
        statistic: what is compared between the rows and their re-pairings.
        interval: from a level to both ends of the interval in nats, where it is not that of a normal error.
    """

    value: float
    stderr: float
    freedom: float = math.inf
    ceiling: float | None = None
    train_mi: float | None = None
    val_mi: float | None = None
    drift: float | None = None
    misfit: float | None = None
    remark: str = ""
    statistic: Null | None = None
    interval: Callable[[float], tuple[float, float]] | None = None

    def ends(self, level: float) -> tuple[float, float]:
        """Both ends of the interval in nats."""
        if self.interval is not None:
            return self.interval(level)
        return bounds.interval(self.value, self.stderr, level, self.freedom)


class TrainingFree(Estimator):
    """An estimator that takes no training steps and ignores the settings of training.

    With ``evaluation.permutations``, the rows of y are permuted that many times. The p-value is the share of
    permutations with at least the same estimate (:func:`~mi_cli.bounds.uncertainty.p_value`). Where the permutations
    would take long they use a random part of the rows, and the estimate says so. Rows in blocks cannot be exchanged, so
    that they have no p-value. Given z, y is permuted among neighbours of z (:mod:`~mi_cli.estimators.conditioning`).
    """

    kind: ClassVar[Kind] = "point estimate"
    holds_out: ClassVar[bool] = False

    @abstractmethod
    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Estimate the MI of one problem.

        Raises:
            Unmeasurable: the estimator cannot be used on these rows.
        """

    def measure_given(self, problem: Problem, context: Context) -> Measurement:
        """Estimate the conditional MI, I(x; y | z), of one problem whose rows have a z.

        Raises:
            Unmeasurable: the estimator takes no z, or cannot be used on these rows.
        """
        del problem, context
        raise Unmeasurable(f"{self.name} does not estimate the MI given z; use copula, gaussian, ksg, mixed or nearest")

    @abstractmethod
    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """About how many multiply-adds take as long as one estimate from ``rows`` rows."""

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Estimate the problems one after another; each counts as one step of progress."""
        del training, start
        estimates = []
        for problem in problems:
            context.check()
            with context.clock("evaluation"):
                estimates.append(self._one(problem, evaluation, context))
            context.advance(1)
        return estimates, None

    def _one(self, problem: Problem, evaluation: Evaluation, context: Context) -> Estimate:
        try:
            given = problem.test.z is not None
            result = self.measure_given(problem, context) if given else self.measure(problem, context)
        except Unmeasurable as error:
            return Estimate(self.kind, status="failed", reason=with_names(str(error), problem.names))
        infinite = result.value == math.inf and result.stderr == 0
        if not infinite and not (math.isfinite(result.value) and math.isfinite(result.stderr)):
            reason = f"the estimate is {result.value} ± {result.stderr}: values of the rows are too large or too small"
            return Estimate(self.kind, status="failed", reason=reason)
        low, high = result.ends(evaluation.level)
        null, remark = _null(result.statistic, problem, evaluation.permutations, context)
        estimate = Estimate(
            self.kind,
            reason=with_names(join_remarks(result.remark, remark), problem.names),
            value=result.value,
            stderr=result.stderr,
            ci_low=low,
            ci_high=high,
            ceiling=result.ceiling,
            train_mi=result.train_mi,
            val_mi=result.val_mi,
            drift=result.drift,
            misfit=result.misfit,
        )
        if null is None or result.statistic is None:
            return estimate
        deferred = DeferredEstimate.from_estimate(estimate, null, result.statistic.p_value)
        return deferred if context.defers_p_values else replace(estimate, null=deferred.null, p_value=deferred.p_value)


def _null(
    statistic: Null | None, problem: Problem, permutations: int, context: Context
) -> tuple[Callable[[], Array] | None, str]:
    """The statistics for a p-value, and a remark on the rows used. Without a p-value, None, and the reason."""
    if not permutations or statistic is None:
        return None, ""
    if problem.rows.block is not None:
        return None, "no p-value: rows of one block depend on each other"
    return statistic.null(permutations, numpy_generator(problem), context)


def join_remarks(*remarks: str) -> str:
    """All remarks that are not empty, in one line."""
    return "; ".join(filter(None, remarks))


def continuous_only(name: str, dataset: Dataset) -> list[Fault]:
    """The fault of an estimator that takes continuous columns, if ``dataset`` has a discrete one."""
    discrete = dataset.discrete
    if columns := dataset.few_valued:
        few = f"{listed(map(shown, columns[:6]), 'and')} {'take' if columns[1:] else 'takes'} few values"
        problem = f"takes continuous columns, and {few}"
        return [Fault("estimator.name", name, problem, "histogram, mixed, nearest")]
    if not dataset.with_classes:
        return []
    accepted = ["mixed", "nearest"] if discrete != dataset.with_classes else ["histogram", "mixed", "nearest"]
    if len(discrete) == 1 == len(dataset.with_classes):
        accepted.append("ross")
    which = f"a discrete {' and '.join(sorted(discrete))}" if discrete else "columns of classes"
    problem = f"takes continuous x and y, and dataset.name={dataset.name} has {which}"
    return [Fault("estimator.name", name, problem, ", ".join(accepted))]


def checked_arrays(rows: Rows) -> tuple[Array, Array]:
    """x ``(n, dim_x)`` and y ``(n, dim_y)`` as arrays of float64.

    Raises:
        Unmeasurable: there are fewer than two rows, x and y do not match, a value is not finite, a column is constant
            or its variance overflows.
    """
    x, y = (side.detach().double().cpu().numpy() for side in (rows.x, rows.y))
    if len(x) != len(y):
        raise Unmeasurable(f"x has {len(x)} rows and y has {len(y)}; both must have the same number")
    if len(x) < 2:
        raise Unmeasurable(f"{len(x)} rows; an estimate needs at least 2")
    for name, side in (("x", x), ("y", y)):
        check_columns(name, side)
    return x, y


def check_columns(name: str, side: Array) -> None:
    """Check each column of a side ``(n, d)``, such as x.

    Raises:
        Unmeasurable: a value is not finite, or a column is constant or its variance overflows.
    """
    for number, column in enumerate(side.T):
        place = column_place(number, name)
        if not np.isfinite(column).all():
            count = int((~np.isfinite(column)).sum())
            raise Unmeasurable(f"{place} has {count} values that are not finite; all must be finite")
        if column.min() == column.max():
            raise Unmeasurable(f"{place} is constant ({column[0]:g}); it must vary")
        with np.errstate(over="ignore", invalid="ignore"):
            sd = float(column.std())
        if not 0 < sd < math.inf:
            raise Unmeasurable(
                f"{place} has values whose variance float64 cannot hold (up to {np.abs(column).max():.1e}); rescale it"
            )


def preprocessed(kind: Preprocess, fit: Rows, *others: Rows) -> list[tuple[Array, Array]]:
    """``fit`` and ``others`` as arrays of preprocessed columns; the maps are fitted to ``fit`` alone.

    Raises:
        Unmeasurable: rows that :func:`checked_arrays` refuses.
    """
    checked_arrays(fit)
    maps = fitting.fit_preprocess(kind, fit.x, "x"), fitting.fit_preprocess(kind, fit.y, "y")
    return [checked_arrays(Rows(maps[0](rows.x), maps[1](rows.y))) for rows in (fit, *others)]


def refuse_discrete(name: str, **sides: Array) -> None:
    """Refuse a side, such as ``x=``, with a column of few values.

    Raises:
        Unmeasurable: a column is discrete.
    """
    for side, values in sides.items():
        for number, column in enumerate(values.T):
            if is_discrete(column):
                raise Unmeasurable(
                    f"{column_place(number, side)} takes only {len(np.unique(column))} values in {len(column)} rows: "
                    f"{name} needs continuous columns; use histogram, mixed or nearest"
                )


def numpy_generator(problem: Problem) -> np.random.Generator:
    """A generator of NumPy, seeded by the trial's own generator."""
    return np.random.default_rng(int(torch.randint(2**62, (), generator=problem.order)))


def block_numbers(rows: Rows) -> Index | None:
    """The number of each row's block, ``(n,)``, counted from 0; None where rows are independent."""
    if rows.block is None:
        return None
    return np.asarray(np.unique(rows.block.cpu().numpy(), return_inverse=True)[1]).ravel()


def mean_error(influence: Array, block: Index | None = None) -> tuple[float, float]:
    r"""The standard error of a mean of influences, and its degrees of freedom.

    .. math:: \frac1n \sqrt{\tfrac{G}{G - 1} \textstyle\sum_g (\sum_{i ∈ g} (ψ_i - \barψ))^2}

    where the rows are in G blocks; rows of one block may depend on each other. Without blocks, the usual error of a
    mean.

    Args:
        influence: ψ, the influence of each row, ``(n,)`` in nats.
        block: the number of each row's block, ``(n,)`` (:func:`block_numbers`).

    Returns:
        The standard error in nats, and its degrees of freedom.

    Raises:
        Unmeasurable: there is only one block.

    Reference:
        Liang & Zeger 1986 (Biometrika 73, 13–22).
    """
    n = len(influence)
    if block is None:
        return float(influence.std(ddof=1)) / math.sqrt(n), math.inf
    sums = np.bincount(block, influence - influence.mean())
    count = len(sums)
    if count < 2:
        raise Unmeasurable(f"all {n} rows are of one block; a standard error needs at least 2 blocks")
    return math.sqrt(float((sums**2).sum()) * count / (count - 1)) / n, count - 1
