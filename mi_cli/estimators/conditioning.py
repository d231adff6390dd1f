"""The columns z that an MI is conditional on: their classes, their numbers, and permutations that keep z."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from mi_cli import training as fitting
from mi_cli.estimators.neighbour_search import numbered
from mi_cli.estimators.training_free import Index, Unmeasurable, check_columns
from mi_cli.fields import Preprocess
from mi_cli.lazy import spatial, torch
from mi_cli.problems import Array, Rows, is_discrete

__all__ = ["Condition", "local_pairings", "normalised", "split"]

# Neighbours of z among which rows change places, the row itself included, and rounds in which they do; a row takes part
# in about half of them. Fewer leave more rows where they are, which costs power; after more, y depends on where z is
# (docs/conditional-mi.md).
_NEIGHBOURS = 6
_ROUNDS = 6


@dataclass(frozen=True)
class Condition:
    """The side z of some rows.

    Attributes:
        numbers: the columns that are numbers, preprocessed, ``(n, d)``; d may be 0.
        stratum: the number of each row's combination of classes, ``(n,)``, from 0 on; 0 where z has no classes.
    """

    numbers: Array
    stratum: Index

    @classmethod
    def of(cls, rows: Rows, preprocess: Preprocess) -> Condition:
        """The condition of rows that have one. A column of few values is taken for classes.

        Raises:
            Unmeasurable: a column of z is constant or has a value that is not finite.
        """
        z = cast("torch.Tensor", rows.z).detach().double().cpu().numpy()
        if len(z) != len(rows):
            raise Unmeasurable(f"x has {len(rows)} rows and z has {len(z)}; both must have the same number")
        check_columns("z", z)
        of_classes = np.array([is_discrete(column) for column in z.T])
        numbers, classes = z[:, ~of_classes], z[:, of_classes]
        if numbers.shape[1]:
            numbers = normalised(preprocess, numbers)
        stratum = numbered(classes) if classes.shape[1] else np.zeros(len(z), np.int64)
        return cls(numbers, stratum)

    @cached_property
    def strata(self) -> list[Index]:
        """The rows of each stratum."""
        return list(split(self.stratum))

    def pairings(self, rows: Index) -> Callable[[np.random.Generator], Index]:
        """A function that draws rows of y for ``rows`` of x, ``(m,)``, within strata and among neighbours of z."""
        draws = [(places, local_pairings(self.numbers[rows[places]])) for places in split(self.stratum[rows])]

        def draw(random: np.random.Generator) -> Index:
            order = np.empty_like(rows)
            for places, of_stratum in draws:
                order[places] = rows[places[of_stratum(random)]]
            return order

        return draw


def normalised(preprocess: Preprocess, side: Array) -> Array:
    """The columns of ``(n, d)``, preprocessed; they vary."""
    columns = torch.from_numpy(side)
    return np.asarray(fitting.fit_preprocess(preprocess, columns)(columns).numpy())


def local_pairings(numbers: Array) -> Callable[[np.random.Generator], Index]:
    """A function that draws a permutation which moves rows to near rows only.

    In each of a few rounds, random disjoint pairs of near rows change places. So every row occurs once: with
    repeated rows, as in Runge's permutation, statistics of nearest neighbours differ from those of the sample. Without
    columns, all rows are alike, and any permutation is drawn.

    Args:
        numbers: ``(n, d)``.

    Reference:
        Runge 2018 (AISTATS; arXiv 1709.01447), permutations among neighbours; Berrett, Wang, Barber & Samworth 2020
        (Journal of the Royal Statistical Society B 82, 175–197; arXiv 1807.05405), exchanges of disjoint pairs.
    """
    n = len(numbers)
    count = min(_NEIGHBOURS, n)
    if not numbers.shape[1] or count == 1:
        return lambda random: random.permutation(n)
    neighbours = spatial.cKDTree(numbers).query(numbers, count, p=np.inf)[1]
    rows = np.arange(n)

    def draw(random: np.random.Generator) -> Index:
        order = rows.copy()
        for _ in range(_ROUNDS):
            partner = neighbours[rows, random.integers(count, size=n)]
            rank = random.permutation(n)
            first = rank.copy()  # of the pairs that a row is in
            np.minimum.at(first, partner, rank)
            chosen = np.flatnonzero((first == rank) & (first[partner] == rank) & (partner != rows))
            order[chosen], order[partner[chosen]] = order[partner[chosen]], order[chosen]
        return order

    return draw


def split(numbers: Index) -> Iterator[Index]:
    """The places of each number, from 0 on, that occurs in ``(n,)``."""
    order = np.argsort(numbers, kind="stable")
    counts = np.bincount(numbers)
    return (part for part in np.split(order, np.cumsum(counts)[:-1]) if len(part))
