"""The tasks off the benchmark as a dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator

from mi_cli.datasets.base import Side
from mi_cli.datasets.off_benchmark.task import Task
from mi_cli.datasets.off_benchmark.tasks import TASKS
from mi_cli.datasets.task_dataset import TaskDataset
from mi_cli.datasets.task_names import task_of

__all__ = ["OffBenchmark"]


class OffBenchmark(TaskDataset):
    """A distribution whose MI is known and that differs in kind from those of benchmarks.

    Waves, steps, parities, multiplicative noise, heavy tails, outliers, counts, zeros, ties, classes, near copies,
    rings, redundant columns, curves, images, bijections of many columns, and few rows. The MI is in closed form, by
    quadrature, or by Monte Carlo with the standard error ``true_mi_stderr``. Each task is there once more with
    independent x and y, whose MI is 0: its name ends in ``_independent``.
    """

    name: Literal["off_benchmark"] = "off_benchmark"
    task: Annotated[str, AfterValidator(task_of(TASKS, "off_benchmark"))] = "sine_4"

    @model_validator(mode="before")
    @classmethod
    def _has_the_rows_of_its_task(cls, values: Any) -> Any:
        """``n_samples`` is that of the task where it is not set."""
        if not isinstance(values, Mapping) or values.get("n_samples") is not None:
            return values
        task = TASKS.get(str(values.get("task", cls.model_fields["task"].default)))
        return values if task is None else {**values, "n_samples": task.rows}

    @property
    def chosen(self) -> Task:
        """The task of the name that the config gives."""
        return TASKS[self.task]

    @property
    def kind(self) -> str:
        """What makes the task differ from a benchmark's."""
        return TASKS[self.task].kind

    def describe(self) -> dict[str, Any]:
        """``kind``, and ``entropy``: H(x) and H(y) in nats, None for a side that is not a class."""
        shares = TASKS[self.task].class_shares
        entropies: dict[str, float] = {side: _entropy(of_side) for side, of_side in shares.items()}
        return {"kind": self.kind, "entropy": {side: entropies.get(side) for side in "xy"}}

    @property
    def discrete(self) -> frozenset[Side]:
        """The sides that are classes."""
        return TASKS[self.task].classes

    @property
    def with_classes(self) -> frozenset[Side]:
        """The sides that have a column of classes."""
        return self.discrete | TASKS[self.task].some_classes

    @property
    def few_valued(self) -> tuple[str, ...]:
        """The sides of counts, or of rounded numbers."""
        return tuple(sorted(TASKS[self.task].few_values))

    def true_mi(self, noise: float = 0.0) -> float | None:
        """The MI of the task in nats; not known with noise."""
        return None if noise else TASKS[self.task].truth.mi

    def true_mi_stderr(self, noise: float = 0.0) -> float:
        """Standard error of ``true_mi`` in nats; 0 where it is exact, by quadrature, or not known."""
        return 0.0 if noise else TASKS[self.task].truth.stderr


def _entropy(shares: Sequence[float]) -> float:
    return -math.fsum(share * math.log(share) for share in shares)
