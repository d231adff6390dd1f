"""The twenty-six tasks of "Bend and Mix", by their published names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from mi_cli.datasets import beyond_normal, maps, normal_mixture
from mi_cli.datasets.beyond_normal import Task
from mi_cli.datasets.maps import PairMap
from mi_cli.datasets.task_dataset import TaskDataset
from mi_cli.datasets.task_names import task_of
from mi_cli.fields import Count

__all__ = ["KINDS", "MONTE_CARLO", "TASKS", "BendAndMix"]

# Means of the log density ratios of two million draws, and their standard errors, in nats. Bending x keeps the MI, and
# so do further columns that are independent. `source.monte_carlo(draws=2_000_000)` gives these numbers.
MONTE_CARLO: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "1v1-X-0.9": (0.40955, 0.00053),
        "1v1-AI": (0.77663, 0.00062),
        "2v1-waves-12-5.0-3.0": (1.30682, 0.00027),
        "2v1-galaxy-0.5-3.0": (0.49469, 0.00036),
        "3v1-concentric_gaussians-5": (0.45549, 0.00047),
        "5v1-concentric_gaussians-5": (0.62704, 0.00050),
        "3v1-concentric_gaussians-10": (0.56003, 0.00053),
        "5v1-concentric_gaussians-10": (0.75132, 0.00056),
        "25v1-concentric_gaussians-5": (1.19027, 0.00045),
        "mult-sparse-w-inliers-5-5-2-2.0-0.2": (0.63479, 0.00082),
        "mult-sparse-w-inliers-25-25-2-2.0-0.2": (0.63479, 0.00082),
        "mult-sparse-w-inliers-5-5-2-2.0-0.5": (0.26909, 0.00059),
        "mult-sparse-w-inliers-25-25-2-2.0-0.5": (0.26909, 0.00059),
    }
)


def _tasks() -> Iterator[tuple[str, Task]]:
    for name in (
        "1v1-additive-0.75",
        "asinh-student-identity-1-1-1",
        "swissroll_x-normal_cdf-1v1-normal-0.75",
        "multinormal-dense-5-5-0.5",
        "multinormal-dense-25-25-0.5",
        "multinormal-dense-50-50-0.5",
        "multinormal-sparse-5-5-2-2.0",
        "multinormal-sparse-25-25-2-2.0",
        "asinh-student-identity-2-2-1",
        "asinh-student-identity-3-3-2",
        "asinh-student-identity-5-5-2",
        "spiral-multinormal-sparse-3-3-2-2.0",
        "spiral-multinormal-sparse-5-5-2-2.0",
    ):
        yield name, beyond_normal.TASKS[name]
    yield "1v1-X-0.9", Task(normal_mixture.ridges())
    yield "1v1-AI", Task(normal_mixture.letters())
    yield "2v1-waves-12-5.0-3.0", Task(normal_mixture.staggered(), PairMap((maps.wave,)))
    yield "2v1-galaxy-0.5-3.0", Task(normal_mixture.clouds(), PairMap((maps.Spiral(0, 1, speed=0.5),)))
    for dim, n in ((3, 5), (5, 5), (3, 10), (5, 10), (25, 5)):
        yield f"{dim}v1-concentric_gaussians-{n}", Task(normal_mixture.concentric(dim, n))
    for fraction in (0.2, 0.5):
        for dim in (5, 25):
            name = f"mult-sparse-w-inliers-{dim}-{dim}-2-2.0-{fraction}"
            yield name, Task(normal_mixture.inliers(dim, fraction))


TASKS: Mapping[str, Task] = MappingProxyType(dict(_tasks()))

_KIND_OF = {  # a part of the names of the tasks of a kind
    "additive": "uniform noise",
    "multinormal": "normal",
    "asinh-student": "heavy tails",
    "swissroll": "curves",
    "spiral": "curves",  # a multinormal that is bent, so that this comes after it
    "1v1-X": "mixtures",
    "1v1-AI": "mixtures",
    "waves": "mixtures",
    "galaxy": "mixtures",
    "concentric": "rings",
    "inliers": "inliers",
}
KINDS: Mapping[str, str] = MappingProxyType(
    {name: kind for name in TASKS for part, kind in _KIND_OF.items() if part in name}
)


class BendAndMix(TaskDataset):
    """A task of "On the Properties and Estimation of Pointwise Mutual Information Profiles".

    Half of the tasks are those of "Beyond Normal". The others are fine mixtures of normal distributions, two of them
    with a bent x. Their MI is known by Monte Carlo, with the standard error ``true_mi_stderr``. The original also
    standardises the columns of each sample. Czyż, Grabowski, Vogt, Beerenwinkel and Marx (2025, Transactions on Machine
    Learning Research, arXiv 2310.10240).
    """

    name: Literal["bend_and_mix"] = "bend_and_mix"
    n_samples: Count | None = 5000
    task: Annotated[str, AfterValidator(task_of(TASKS, "bend_and_mix"))] = "1v1-X-0.9"

    @property
    def chosen(self) -> Task:
        """The task of the name that the config gives."""
        return TASKS[self.task]

    def describe(self) -> dict[str, Any]:
        """``kind``: what the task is an example of."""
        return {"kind": KINDS[self.task]}

    def true_mi(self, noise: float = 0.0) -> float | None:
        """In closed form or by Monte Carlo; not known with noise."""
        if noise:
            return None
        return MONTE_CARLO[self.task][0] if self.task in MONTE_CARLO else TASKS[self.task].source.mi()

    def true_mi_stderr(self, noise: float = 0.0) -> float:
        """Standard error of ``true_mi`` in nats; 0 where it is exact, or not known."""
        return 0.0 if noise else MONTE_CARLO.get(self.task, (0.0, 0.0))[1]
