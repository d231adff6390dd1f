"""What a task is: a distribution with a known density ratio, maps that keep its MI, and that MI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from mi_cli.datasets.base import Side
from mi_cli.datasets.maps import PAIR_MAPS, PairMap
from mi_cli.datasets.sources import Drawn
from mi_cli.lazy import torch

__all__ = ["NO_SIDE", "Distribution", "Independent", "Kind", "Task", "Truth", "independent"]

Kind = Literal[
    "periodic",
    "piecewise constant",
    "parity",
    "multiplicative noise",
    "heavy tails",
    "outliers",
    "counts",
    "zeros",
    "ties",
    "classes",
    "near copies",
    "rings",
    "redundant columns",
    "curves",
    "images",
    "bijections",
    "few rows",
]
NO_SIDE: frozenset[Side] = frozenset()


class Distribution(Drawn, Protocol):
    """A distribution of pairs (x, y), in float64, whose density is known."""


@dataclass(frozen=True)
class Independent(Distribution):
    """x of one row and y of another: both are distributed as in ``of``, and independent of each other."""

    of: Distribution

    @property
    def dims(self) -> tuple[int, int]:
        """Columns of x and of y."""
        return self.of.dims

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows."""
        return self.of.sample(n, generator)[0], self.of.sample(n, generator)[1]

    def log_ratio(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """0 for each row."""
        return torch.zeros(len(x), dtype=torch.float64)


@dataclass(frozen=True)
class Truth:
    """The MI of a task.

    Args:
        mi: in nats.
        by: how it is known.
        stderr: its standard error in nats, by Monte Carlo; otherwise 0. Quadratures are good to 1e-4 nats.
    """

    mi: float
    by: Literal["closed form", "quadrature", "Monte Carlo"] = "closed form"
    stderr: float = 0.0


@dataclass(frozen=True)
class Task:
    """A distribution to estimate the MI of.

    Args:
        kind: what makes it differ from a benchmark's.
        source: what is drawn.
        truth: its MI.
        maps: injective maps of x and y, which keep the MI.
        dims: columns of x and of y once they are mapped; None for those of ``source``.
        class_shares: of each side that is classes, their probabilities. A side of more than two classes has a column of
            0 and 1 for each.
        some_classes: sides that have such columns among columns of numbers.
        few_values: sides of numbers that have few values, each many times: counts, and numbers that are rounded.
        rows: to estimate from.
    """

    kind: Kind
    source: Distribution
    truth: Truth
    maps: PairMap = PAIR_MAPS["none"]
    dims: tuple[int, int] | None = None
    class_shares: Mapping[Side, Sequence[float]] = field(default_factory=dict)
    some_classes: frozenset[Side] = NO_SIDE
    few_values: frozenset[Side] = NO_SIDE
    rows: int = 5000

    @property
    def mapped_dims(self) -> tuple[int, int]:
        """Columns of x and of y once they are mapped."""
        return self.dims or self.source.dims

    @property
    def classes(self) -> frozenset[Side]:
        """Sides that are classes."""
        return frozenset(self.class_shares)


def independent(task: Task) -> Task:
    """The task with x and y of independent rows."""
    return replace(task, source=Independent(task.source), truth=Truth(0.0))
