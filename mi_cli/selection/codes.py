"""Columns as codes: classes as they are, numbers in bins of equal counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mi_cli.estimators.training_free import Index
from mi_cli.problems import Array

__all__ = ["Codes", "bins_of", "coded", "copies_of"]

_MOST_CLASSES = 10  # of a column; rarer ones are one class together


@dataclass(frozen=True)
class Codes:
    """Columns as codes from 0 on.

    Attributes:
        columns: ``(n, p)``.
        levels: the number of codes of the column with most of them.
    """

    columns: Index
    levels: int

    @property
    def one_hot(self) -> Array:
        """A 1 at each row's code of each column, ``(n, p · levels)`` in float32, which counts tables exactly."""
        n, p = self.columns.shape
        matrix = np.zeros((n, p * self.levels), np.float32)
        matrix[np.arange(n)[:, None], np.arange(p) * self.levels + self.columns] = 1
        return matrix

    def select(self, rows: Index) -> Codes:
        """The codes of some rows."""
        return Codes(self.columns[rows], self.levels)


def bins_of(n: int, bins: int | Literal["auto"] = "auto") -> int:
    """The number of bins of a column of numbers with n rows.

    >>> bins_of(100), bins_of(1000), bins_of(10_000)
    (2, 4, 6)
    """
    return int(np.clip((n / 10) ** (1 / 3) + 1e-9, 2, 6)) if bins == "auto" else bins


def coded(values: Array, are_classes: np.ndarray, bins: int | Literal["auto"] = "auto") -> Codes:
    """Codes of columns.

    Args:
        values: ``(n, p)``, finite.
        are_classes: which columns are classes, ``(p,)``. Those beyond the nine most frequent are one class.
        bins: of each column of numbers, of equal counts where values do not repeat.
    """
    number = bins_of(len(values), bins)
    columns = [
        _classes(column) if is_class else _binned(column, number)
        for column, is_class in zip(values.T, are_classes, strict=True)
    ]
    matrix = np.stack(columns, 1) if columns else np.zeros((len(values), 0), np.int64)
    return Codes(matrix, int(matrix.max(initial=0)) + 1)


def _classes(column: Array) -> Index:
    codes = np.unique(column, return_inverse=True)[1].ravel()
    counts = np.bincount(codes)
    if len(counts) <= _MOST_CLASSES:
        return codes
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(rank, _MOST_CLASSES - 1)[codes]


def _binned(column: Array, bins: int) -> Index:
    values = np.unique(column)
    if len(values) <= bins:
        return np.searchsorted(values, column)
    edges = np.unique(np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, column, side="right"), return_inverse=True)[1].ravel()


def copies_of(codes: Codes) -> dict[int, int]:
    """Columns that part the rows as an earlier column does, by number, and that column.

    They are copies, or one-to-one functions of it, as far as the codes tell.

    >>> copies_of(Codes(np.array([[0, 1, 0], [1, 0, 0], [1, 0, 1]]), 2))
    {1: 0}
    """
    first: dict[bytes, int] = {}
    copies = {}
    for number, column in enumerate(codes.columns.T):
        _, place, inverse = np.unique(column, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(place))  # codes by their first row
        key = order[inverse.ravel()].astype(np.int8).tobytes()
        if first.setdefault(key, number) != number:
            copies[number] = first[key]
    return copies
