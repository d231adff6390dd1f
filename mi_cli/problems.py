"""The value types of the science: rows of a sample, a problem to estimate, and an estimate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mi_cli.lazy import np, torch

__all__ = ["Array", "Draw", "Estimate", "Kind", "Problem", "Rows", "is_discrete"]


_SAMPLE_ROWS = 16384

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Kind = Literal["lower bound", "upper bound", "point estimate"]


@dataclass(frozen=True)
class Rows:
    """Joint samples.

    Attributes:
        x: ``(n, dim_x)``.
        y: ``(n, dim_y)``.
        block: the block of each row, ``(n,)``. Rows of one block may depend on each other, such as those of one patient
            or neighbours in time. If it is None, all rows are independent.
        z: the columns that the MI is conditional on, ``(n, dim_z)``. If it is None, the MI is that of x and y alone.
    """

    x: torch.Tensor
    y: torch.Tensor
    block: torch.Tensor | None = None
    z: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def concat(self, *others: Rows) -> Rows:
        """These rows followed by others."""
        parts = (self, *others)
        blocks = [part.block for part in parts if part.block is not None]
        conditions = [part.z for part in parts if part.z is not None]
        return Rows(
            torch.cat([part.x for part in parts]),
            torch.cat([part.y for part in parts]),
            torch.cat(blocks) if len(blocks) == len(parts) else None,
            torch.cat(conditions) if len(conditions) == len(parts) else None,
        )

    def select(self, index: Any) -> Rows:
        """The rows at an index or in a slice."""
        block, z = (None if side is None else side[index] for side in (self.block, self.z))
        return Rows(self.x[index], self.y[index], block, z)


@dataclass(frozen=True)
class Draw:
    """A source of fresh rows: ``draw(n)`` gives n of them. ``generator`` is its only source of randomness."""

    rows: Callable[[int], Rows]
    generator: torch.Generator

    def __call__(self, n: int) -> Rows:
        """The next n rows."""
        return self.rows(n)

    def map(self, function: Callable[[Rows], Rows]) -> Draw:
        """A source that applies a function to the rows."""
        return Draw(lambda n: function(self.rows(n)), self.generator)


@dataclass(frozen=True)
class Problem:
    """What an estimator gets of one trial.

    Attributes:
        dim_x: columns of x.
        dim_y: columns of y.
        train: fixed training rows; None if ``draw`` gives fresh ones.
        draw: a source of fresh training rows; None if ``train`` are fixed.
        val: validation rows.
        test: test rows.
        init: the trial's generator for initial weights.
        order: the trial's generator for pairing and batching.
        lr: learning rate.
        fresh: more rows of the same distribution, on which a fitted critic is evaluated once more.
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
        """The training rows, or enough fresh ones to fit maps of the columns to."""
        if self.train is not None:
            return self.train
        assert self.draw is not None  # noqa: S101 (a problem has train or draw)
        return self.draw(_SAMPLE_ROWS)

    @property
    def rows(self) -> Rows:
        """All fixed rows, for estimators that hold none out.

        Raises:
            ValueError: training rows are fresh, so that there is no end of them.
        """
        if self.train is None:
            raise ValueError("there is no end of fresh rows; accepted: a number of rows")
        return self.train.concat(self.val, self.test)


@dataclass(frozen=True)
class Estimate:
    """An estimate of MI in nats, and what is needed to judge it.

    Attributes:
        kind: a lower bound, an upper bound, or neither.
        status: ``ok``; ``diverged``, if a number became non-finite; or ``failed``, if there can be no estimate.
        reason: why the status is not ``ok``, or a remark on the value.
        value: the estimate; None unless the status is ``ok``.
        stderr: its standard error.
        ci_low: the lower end of its interval.
        ci_high: the upper end of its interval.
        ceiling: the largest value that it can take; None without one.
        lower: a one-sided lower confidence limit of the MI, at the level of the interval; for lower bounds.
        p_value: the p-value of no dependence, by re-pairing rows.
        effective: Kish's effective number of product samples in the partition term.
        critic_mi: the bound of the same critic on ``Problem.fresh``, which ``value`` estimates.
        critic_stderr: its standard error.
        train_mi: the value on training rows.
        val_mi: the value on validation rows.
        rise: by how much the last round of a training in rounds raised the value on validation rows; large where
            training ended too early. None without rounds.
        drift: the value less its mean over two halves of the rows; large where it still grows with the number of rows.
            None where it is not computed.
        misfit: by how many standard errors the rows depart from the distribution that the estimator assumes; None
            without such a test.
        steps: training steps taken; None without training.
        null: the statistic of the rows, then of each re-pairing, ``(1 + m,)``.
        history: steps ``(T,)`` and values ``(T,)`` by metric.
        kept: the critics that are kept, one for each fold (:class:`mi_cli.training.KeptCritic`).
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
    rise: float | None = None
    drift: float | None = None
    misfit: float | None = None
    steps: int | None = None
    null: np.ndarray[Any, Any] | None = field(default=None, compare=False, repr=False)
    history: dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = field(
        default_factory=dict, compare=False, repr=False
    )
    kept: tuple[Any, ...] = field(default=(), compare=False, repr=False)


def is_discrete(values: Array) -> bool:
    """Whether a column takes few values: at most 2 √n distinct ones, which occur at least twice on average.

    So ten classes are discrete from a hundred rows on, and values that are rounded to a hundredth of their spread are
    not discrete in ten thousand rows.

    Args:
        values: numbers ``(n,)``, or rows ``(n, d)``.
    """
    distinct = len(np.unique(values, axis=0))
    return distinct <= min(2 * math.sqrt(len(values)), len(values) / 2)
