"""The base class of estimators: problems in, estimates with their uncertainty out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import Fault
from mi_cli.fields import Section
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.tabular.source import name_list
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

__all__ = ["Estimator"]

_TAKE_Z = "copula, gaussian, ksg, mixed, nearest, or a critic such as auto, dv and infonce"


class Estimator(Section, ABC):
    """An estimator of MI, configured by its fields.

    Attributes:
        kind: whether its estimates are lower bounds, upper bounds or neither.
        trains_on_fresh_rows: whether it can draw new rows at every training step.
        validates: whether it uses validation rows.
        maximises: whether an encoder can be trained by maximising its estimate.
        holds_out: whether it holds test rows out from what it is fitted to.
        continuous_sides: whose columns of numbers it takes for continuous, so that repeated values mislead it.
        takes_z: whether it estimates I(x; y | z) where the rows have a z.
    """

    kind: ClassVar[Kind]
    trains_on_fresh_rows: ClassVar[bool] = False
    validates: ClassVar[bool] = False
    maximises: ClassVar[bool] = False
    holds_out: ClassVar[bool] = True
    continuous_sides: ClassVar[tuple[Side, ...]] = ()
    takes_z: ClassVar[bool] = False
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
        """Estimate the MI of every problem.

        Args:
            problems: one for each trial; all have the same shapes.
            training: the settings of training.
            evaluation: the settings of the reported numbers.
            context: device, progress and the request to stop.
            start: the state that an earlier call returned, from which training continues.

        Returns:
            An estimate for each problem, in nats, and the state of what was trained.

        Raises:
            Stopped: the run was asked to stop.
            TooLong: the time limit of the trials has passed.
        """

    @property
    def is_validated_by_a_bound(self) -> bool:
        """Whether the value on validation rows is a lower bound, so that more of it is better."""
        return self.kind == "lower bound"

    def faults(self, training: Training) -> list[Fault]:
        """Settings of ``training`` that this estimator does not support."""
        del training
        return []

    def trainings(self) -> int:
        """How many times one estimate takes ``training.steps`` steps."""
        return 1

    def most_steps(self, training: Training) -> int:
        """The most steps that one training takes; it may take fewer than this where the estimator decides."""
        return training.steps

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """Cost of one training step. The default is a few passes over the rows.

        Args:
            dims: columns of x and of y.
            training: the settings of training.
            rows: rows of x and y in a step.

        Returns:
            Multiply-adds, and bytes of memory.
        """
        del training
        return 6 * sum(dims) * rows, 8 * 6 * sum(dims) * rows

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """Reasons why this estimator cannot be used on ``dataset``, beside a z that it does not take."""
        del dataset
        return []

    def notes(self, dataset: Dataset) -> list[str]:
        """What the user of this estimator should know of ``dataset``, which is opened."""
        if not self.continuous_sides or not (ties := dataset.ties):
            return []
        concerned = {name for side in self.continuous_sides for name in dataset.column_names[side]}
        columns = [f"{name} ({share:.0%})" for name, share in ties.items() if name in concerned]
        problem = f"{self.name} takes columns of numbers for continuous, and values repeat"
        return [f"{problem} in {name_list(columns)}"] if columns else []

    def refusals(self, dataset: Dataset) -> list[Fault]:
        """Reasons why this estimator cannot be used on ``dataset``, of which a z that it does not take is the first."""
        if not dataset.dim_z or self.takes_z:
            return self.unfit(dataset)
        problem = f"does not estimate the MI given z, and dataset.name={dataset.name} has a z"
        return [Fault("estimator.name", self.name, problem, _TAKE_Z)]
