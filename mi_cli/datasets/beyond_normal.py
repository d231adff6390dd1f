"""The forty tasks of "Beyond Normal", by their published names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator

from mi_cli.datasets import maps
from mi_cli.datasets.maps import PairMap
from mi_cli.datasets.sources import AdditiveUniform, Normal, Source, Student
from mi_cli.datasets.task_dataset import TaskDataset
from mi_cli.datasets.task_names import task_of

__all__ = ["TASKS", "BeyondNormal", "Task"]


@dataclass(frozen=True)
class Task:
    """A distribution, and the maps of its x and y."""

    source: Source
    maps: PairMap = maps.PAIR_MAPS["none"]

    @property
    def mapped_dims(self) -> tuple[int, int]:
        """Columns of x and of y once they are mapped."""
        x, y = self.source.dims
        return x * self.maps.widening, y


_CDF, _HALF_CUBE, _ASINH = maps.normal_cdf, maps.half_cube, maps.asinh
_QUANTILE_X = maps.MixtureQuantile(weights=(0.3, 0.7), means=(0.0, 5.0))
_QUANTILE_Y = maps.MixtureQuantile(weights=(0.5, 0.5), means=(-1.0, 3.0))
_STRENGTH = 2.0  # standard deviation of the part that x_i and y_i of a pair share; that of the noise is 1


def _one_dimensional() -> Iterator[tuple[str, Task]]:
    normal, cauchy = Normal(1, 1, dense=0.75), Student(Normal(1, 1), df=1)
    yield "1v1-normal-0.75", Task(normal)
    yield "normal_cdf-1v1-normal-0.75", Task(normal, PairMap((_CDF,), (_CDF,)))
    yield "1v1-additive-0.1", Task(AdditiveUniform(0.1))
    yield "1v1-additive-0.75", Task(AdditiveUniform(0.75))
    yield "1v1-bimodal-0.75", Task(normal, PairMap((_CDF, _QUANTILE_X), (_CDF, _QUANTILE_Y)))
    yield "wiggly-1v1-normal-0.75", Task(normal, PairMap((maps.wiggly_x,), (maps.wiggly_y,)))
    yield "half_cube-1v1-normal-0.75", Task(normal, PairMap((_HALF_CUBE,), (_HALF_CUBE,)))
    yield "student-identity-1-1-1", Task(cauchy)
    yield "asinh-student-identity-1-1-1", Task(cauchy, PairMap((_ASINH,), (_ASINH,)))
    yield "swissroll_x-normal_cdf-1v1-normal-0.75", Task(normal, PairMap((_CDF, maps.swiss_roll), (_CDF,), widening=2))


def _several_dimensional() -> Iterator[tuple[str, Task]]:
    for dim in (2, 3, 5, 25, 50):
        yield f"multinormal-dense-{dim}-{dim}-0.5", Task(Normal(dim, dim, dense=0.5))
    for dim in (2, 3, 5, 25):
        yield f"multinormal-sparse-{dim}-{dim}-2-2.0", Task(_sparse(dim))
    for dim, df in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)):
        yield f"student-identity-{dim}-{dim}-{df}", Task(Student(Normal(dim, dim), df))


def _transformed() -> Iterator[tuple[str, Task]]:
    for dim in (3, 5, 25):
        base, name = _sparse(dim), f"multinormal-sparse-{dim}-{dim}-2-2.0"
        spirals = maps.Spiral(0, 1, speed=1 / dim), maps.Spiral(1, 2, speed=1 / dim)
        yield f"normal_cdf-{name}", Task(base, PairMap((_CDF,), (_CDF,)))
        yield f"half_cube-{name}", Task(base, PairMap((_HALF_CUBE,), (_HALF_CUBE,)))
        yield f"spiral-{name}", Task(base, PairMap(spirals[:1], spirals[1:]))
        yield f"spiral-normal_cdf-{name}", Task(base, PairMap((_CDF, spirals[0]), (_CDF, spirals[1])))
    for dim, df in ((2, 1), (3, 2), (5, 2)):
        name = f"asinh-student-identity-{dim}-{dim}-{df}"
        yield name, Task(Student(Normal(dim, dim), df), PairMap((_ASINH,), (_ASINH,)))


def _sparse(dim: int) -> Normal:
    return Normal(dim, dim, pairs=2, paired=_STRENGTH**2 / (_STRENGTH**2 + 1))


TASKS: Mapping[str, Task] = MappingProxyType(dict((*_one_dimensional(), *_several_dimensional(), *_transformed())))


class BeyondNormal(TaskDataset):
    """A task of "Beyond Normal: On the Evaluation of Mutual Information Estimators".

    Normal, Student and uniform pairs. Many are mapped, so that their tails, margins and shapes are hard for an
    estimator while the MI stays the same. Czyż, Grabowski, Vogt, Beerenwinkel and Marx (2023, arXiv 2306.11078).
    """

    name: Literal["beyond_normal"] = "beyond_normal"
    task: Annotated[str, AfterValidator(task_of(TASKS, "beyond_normal"))] = "1v1-normal-0.75"

    @property
    def chosen(self) -> Task:
        """The task of the name that the config gives."""
        return TASKS[self.task]

    def true_mi(self, noise: float = 0.0) -> float | None:
        """The MI of the task's distribution, which its maps keep; not known with noise."""
        return TASKS[self.task].source.mi() if noise == 0 else None
