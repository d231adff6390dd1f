"""The value types of the science: rows of a sample, a problem to estimate, and an estimate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mi_cli.lazy import np, torch

__all__ = ["Array", "Draw", "Estimate", "Kind", "Problem", "Rows", "is_discrete"]


_SAMPLE_ROWS = 16384


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

    def concat(self, *others: Rows) -> Rows:
        """These rows followed by others."""
        parts = (self, *others)
        blocks = [part.block for part in parts if part.block is not None]
        return Rows(
            torch.cat([part.x for part in parts]),
            torch.cat([part.y for part in parts]),
            torch.cat(blocks) if len(blocks) == len(parts) else None,
        )

    def select(self, index: Any) -> Rows:
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

    def map(self, to: Callable[[Rows], Rows]) -> Draw:
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
        return self.train.concat(self.val, self.test)


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


Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


def is_discrete(values: Array) -> bool:
    """Whether few values, of shape ``(n,)`` or rows of ``(n, d)``, come many times: at most 2 √n, and twice on average.

    Ten classes are seen in a hundred rows, and what was rounded to a hundredth of its spread is not among them at
    ten thousand.
    """
    distinct = len(np.unique(values, axis=0))
    return distinct <= min(2 * math.sqrt(len(values)), len(values) / 2)
