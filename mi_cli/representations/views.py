"""Views of rows: versions of the same rows that an encoder is to give similar codes.

Rows are feature-major, ``(K, d, n)``. A column of the table may be several encoded columns, which a view keeps,
replaces or removes together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mi_cli.training.checkpoints import Generators

__all__ = ["Draws", "corrupted", "noisy", "subset_pair"]


class Draws:
    """Random numbers of K trials, each from its own generator.

    Args:
        generators: one for each trial, on the CPU.
        device: where the numbers are returned.
    """

    def __init__(self, generators: Sequence[torch.Generator], device: torch.device) -> None:
        self.generators, self.device = generators, device

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), ``(K, *shape)``."""
        return torch.stack([torch.rand(shape, generator=g) for g in self.generators]).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, ``(K, *shape)``."""
        return torch.stack([torch.randn(shape, generator=g) for g in self.generators]).to(self.device)

    def integers(self, high: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to ``high`` − 1, ``(K, *shape)``."""
        return torch.stack([torch.randint(high, shape, generator=g) for g in self.generators]).to(self.device)

    def state_dict(self) -> dict[str, Tensor]:
        """The states of the generators."""
        return Generators(self.generators).state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Set the generators to saved states."""
        Generators(self.generators).load_state_dict(state)


def corrupted(x: Tensor, pool: Tensor, groups: Tensor, rate: float, draws: Draws) -> tuple[Tensor, Tensor]:
    """Rows in which some columns have the value of another row, drawn from the column's marginal distribution.

    In each row ``rate`` of the columns are replaced, rounded down, and at least one.

    Args:
        x: ``(K, d, n)``.
        pool: the rows that values are drawn from, ``(K, d, N)``.
        groups: the number of the column of the table, for each encoded column, ``(d,)``.
        rate: the share of the columns of the table that are replaced.
        draws: random numbers.

    Returns:
        The rows ``(K, d, n)``, and which of the columns of the table are replaced, ``(K, M, n)``.

    Reference:
        Bahri, Jiang, Tay & Metzler 2022 (arXiv 2106.15147), SCARF.
    """
    columns, n = int(groups.max()) + 1, x.shape[2]
    count = max(1, math.floor(rate * columns + 1e-9))
    places = draws.uniform(columns, n)
    replaced = places <= places.kthvalue(count, dim=1, keepdim=True).values
    rows = draws.integers(pool.shape[2], columns, n)
    return torch.where(replaced[:, groups], pool.gather(2, rows[:, groups]), x), replaced


def subset_pair(x: Tensor, groups: Tensor, overlap: float, draws: Draws) -> tuple[Tensor, Tensor]:
    """Two versions of each row with different columns; those that a version lacks are 0.

    The columns are divided in two at random, anew for each row, and each version has ``overlap`` of the columns of the
    other one besides.

    Args:
        x: ``(K, d, n)``.
        groups: the number of the column of the table, for each encoded column, ``(d,)``.
        overlap: the share of the other half that a version also has.
        draws: random numbers.

    Reference:
        Ucar, Hajiramezanali & Edwards 2021 (arXiv 2110.04361), SubTab.
    """
    columns = int(groups.max()) + 1
    count = math.ceil(columns / 2)
    count = min(columns, count + round(overlap * (columns - count)))
    places = draws.uniform(columns, x.shape[2]).argsort(1).argsort(1)
    first, second = places < count, places >= columns - count
    return x * first[:, groups], x * second[:, groups]


def noisy(x: Tensor, scale: float, draws: Draws) -> Tensor:
    """Rows with normal noise of standard deviation ``scale`` in every encoded column."""
    return x + scale * draws.normal(x.shape[1], x.shape[2])
