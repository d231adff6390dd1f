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

__all__ = ["Estimate", "Estimator", "Problem", "Rows", "interval"]

_SAMPLE_ROWS = 16384

Kind = Literal["lower bound", "upper bound", "point estimate"]


@dataclass(frozen=True)
class Rows:
    """Joint samples: ``x`` of shape ``(n, dim_x)``, ``y`` of shape ``(n, dim_y)``."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self) -> int:
        return len(self.x)

    def and_then(self, *others: Rows) -> Rows:
        """These rows followed by others."""
        import torch

        parts = (self, *others)
        return Rows(torch.cat([part.x for part in parts]), torch.cat([part.y for part in parts]))


@dataclass(frozen=True)
class Problem:
    """One trial as an estimator sees it.

    ``train`` are fixed rows; where there are none, ``draw(n)`` gives n fresh rows at a time. ``init`` and ``order``
    are the trial's own sources of randomness, for initial weights and for pairing and batching.
    """

    dim_x: int
    dim_y: int
    train: Rows | None
    draw: Callable[[int], Rows] | None
    val: Rows
    test: Rows
    init: torch.Generator
    order: torch.Generator
    lr: float

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
    """An estimate in nats with what is needed to judge it; ``value`` is None unless ``status`` is ``ok``."""

    kind: Kind
    status: Literal["ok", "diverged", "failed"] = "ok"
    reason: str = ""
    value: float | None = None
    stderr: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    ceiling: float | None = None
    train_mi: float | None = None
    val_mi: float | None = None
    steps: int | None = None
    history: dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = field(default_factory=dict)


def interval(value: float, error: float, level: float) -> tuple[float, float]:
    """The two-sided interval of a value with a normal error."""
    from scipy.special import ndtri

    half = float(ndtri(0.5 + level / 2)) * error
    return value - half, value + half


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
