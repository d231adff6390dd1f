"""What every estimator is: problems in, estimates with their uncertainty out. Nothing here imports torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mi_cli.fields import Section
from mi_cli.problems import Estimate, Kind, Problem

if TYPE_CHECKING:
    from mi_cli.datasets.base import Dataset
    from mi_cli.training.context import Context
    from mi_cli.training.settings import Evaluation, Training

__all__ = ["Estimator"]


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
