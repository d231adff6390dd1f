"""What every estimator is: problems in, estimates with their uncertainty out. Nothing here imports torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mi_cli.fields import Section

if TYPE_CHECKING:
    import numpy as np
    import torch

    from mi_cli.context import Context
    from mi_cli.datasets.base import Dataset
    from mi_cli.schema import Evaluation, Training

__all__ = ["Draw", "Estimate", "Estimator", "Problem", "Rows", "interval", "lower_limit", "p_value"]

_SAMPLE_ROWS = 16384
_TAIL_FROM = 100  # statistics, the rows' own among them, that tell the shape of a tail
_SMALLEST_P = 1e-12
_NORMAL = 0.05  # skewness, up to which a distribution counts as normal

Kind = Literal["lower bound", "upper bound", "point estimate"]


@dataclass(frozen=True)
class Rows:
    """Joint samples: ``x`` of shape ``(n, dim_x)``, ``y`` of shape ``(n, dim_y)``.

    Rows of one ``block``, ``(n,)``, may depend on each other: a patient's, or neighbours in time. Without any, all rows
    are independent.
    """

    x: torch.Tensor
    y: torch.Tensor
    block: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def and_then(self, *others: Rows) -> Rows:
        """These rows followed by others."""
        import torch

        parts = (self, *others)
        blocks = [part.block for part in parts if part.block is not None]
        return Rows(
            torch.cat([part.x for part in parts]),
            torch.cat([part.y for part in parts]),
            torch.cat(blocks) if len(blocks) == len(parts) else None,
        )

    def of(self, index: Any) -> Rows:
        """The rows of an index or a slice."""
        return Rows(self.x[index], self.y[index], None if self.block is None else self.block[index])


@dataclass(frozen=True)
class Draw:
    """``draw(n)``: n fresh rows at a time, of which ``generator`` is the only source of randomness."""

    rows: Callable[[int], Rows]
    generator: torch.Generator

    def __call__(self, n: int) -> Rows:
        """The next n rows."""
        return self.rows(n)

    def mapped(self, to: Callable[[Rows], Rows]) -> Draw:
        """The same rows, each mapped."""
        return Draw(lambda n: to(self.rows(n)), self.generator)


@dataclass(frozen=True)
class Problem:
    """One trial as an estimator sees it.

    ``train`` are fixed rows; where there are none, ``draw(n)`` gives n fresh rows at a time. ``init`` and ``order``
    are the trial's own sources of randomness, for initial weights and for pairing and batching. ``fresh`` are rows of
    the same distribution that tell what the fitted critics are worth in truth.
    """

    dim_x: int
    dim_y: int
    train: Rows | None
    draw: Draw | None
    val: Rows
    test: Rows
    init: torch.Generator
    order: torch.Generator
    lr: float
    fresh: Rows | None = None

    @property
    def sample(self) -> Rows:
        """The training rows, or as many fresh ones as tell what their columns are like."""
        if self.train is not None:
            return self.train
        assert self.draw is not None  # noqa: S101 (a problem has train or draw)
        return self.draw(_SAMPLE_ROWS)

    @property
    def rows(self) -> Rows:
        """All fixed rows, for estimators that hold none out."""
        if self.train is None:
            raise ValueError("fresh rows have no end; accepted: a number of rows")
        return self.train.and_then(self.val, self.test)


@dataclass(frozen=True)
class Estimate:
    """An estimate in nats with what is needed to judge it; ``value`` is None unless ``status`` is ``ok``.

    ``lower`` is a lower confidence bound on the MI, one-sided at the level of the interval: a guarantee, where there is
    one. ``p_value`` is that of no dependence, by re-pairing rows; ``null`` holds the statistic of the rows as they are,
    then of each re-pairing. ``effective`` is the number of product samples that carry the partition term (Kish's
    effective sample size). ``critic_mi`` is what ``value`` is an estimate of for the critic at hand: its bound on
    ``Problem.fresh``, with a standard error of its own.
    """

    kind: Kind
    status: Literal["ok", "diverged", "failed"] = "ok"
    reason: str = ""
    value: float | None = None
    stderr: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    ceiling: float | None = None
    lower: float | None = None
    p_value: float | None = None
    effective: float | None = None
    critic_mi: float | None = None
    critic_stderr: float | None = None
    train_mi: float | None = None
    val_mi: float | None = None
    steps: int | None = None
    null: np.ndarray[Any, Any] | None = field(default=None, compare=False, repr=False)
    history: dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = field(
        default_factory=dict, compare=False, repr=False
    )


def interval(value: float, error: float, level: float) -> tuple[float, float]:
    """The two-sided interval of a value with a normal error."""
    from scipy.special import ndtri

    half = float(ndtri(0.5 + level / 2)) * error
    return value - half, value + half


def lower_limit(value: float, error: float, level: float) -> float:
    """The one-sided lower confidence limit of a value with a normal error."""
    from scipy.special import ndtri

    return value - float(ndtri(level)) * error


def p_value(null: np.ndarray[Any, Any], least: int = 19) -> float | None:
    r"""The share of re-pairings whose statistic is at least that of the rows, counting the rows themselves.

    .. math:: p = \frac{1 + \#\{k : S_k \ge S_0\}}{1 + m}

    Where none is, which says only that p is at most 1/(1 + m), it is the tail of the gamma distribution with the mean,
    spread and skewness of 99 re-pairings or more, if that is less (Pearson's type III), and at least 1e-12, beyond
    which nothing vouches for the shape. None below ``least`` re-pairings, which no p of .05 can come from.

    Phipson & Smyth 2010 (arXiv 1603.05766), of the share; Winkler et al. 2016 (NeuroImage 141, 502-516), of the tail.

    >>> import numpy as np
    >>> p_value(np.array([3.0, *range(19)]))
    0.85
    >>> p_value(np.array([4.0, *np.random.default_rng(0).normal(size=199)])) < 1e-3
    True
    """
    if len(null) <= least:
        return None
    share = float((null >= null[0]).mean())
    if share > 1 / len(null) or len(null) < _TAIL_FROM or null[1:].std() == 0:
        return share
    return min(share, max(_SMALLEST_P, _pearson_tail(null[0], null[1:])))


def _pearson_tail(value: float, others: np.ndarray[Any, Any]) -> float:
    from scipy.special import gammaincc, ndtr

    z = (value - others.mean()) / others.std(ddof=1)
    skewness = float((((others - others.mean()) / others.std()) ** 3).mean())
    if skewness < _NORMAL:  # skewed to the left, the normal tail is the longer one
        return float(ndtr(-z))
    shape = 4 / skewness**2
    return float(gammaincc(shape, max(0.0, shape + z * shape**0.5)))


class Estimator(Section, ABC):
    """An estimator of MI, configured by its fields."""

    kind: ClassVar[Kind]
    trains_on_fresh_rows: ClassVar[bool] = False
    validates: ClassVar[bool] = False
    maximises: ClassVar[bool] = False
    holds_out: ClassVar[bool] = True  # test rows from what it is fitted to
    name: str

    @abstractmethod
    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Estimate every problem (equal shapes), from the state ``start`` that an earlier call gave back, if any.

        Returns:
            An estimate for each problem, and the state of what was trained.
        """

    def faults(self, training: Training) -> list[str]:
        """What this estimator cannot do of ``training``, one line each."""
        del training
        return []

    def trainings(self) -> int:
        """How often ``training.steps`` are taken for one estimate."""
        return 1

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """Multiply-adds and bytes of memory of one of ``training.steps`` steps on ``rows`` rows of x and y.

        Those of an estimator that is not a network: a few passes over the rows.
        """
        del training
        return 6 * sum(dims) * rows, 8 * 6 * sum(dims) * rows

    def unfit(self, dataset: Dataset) -> list[str]:
        """Why this estimator cannot take rows of ``dataset``, one line each."""
        del dataset
        return []
