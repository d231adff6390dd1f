"""What a regression on the chosen columns leaves of a target of numbers, or of two classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mi_cli.estimators.training_free import Index
from mi_cli.lazy import special, tree
from mi_cli.problems import Array
from mi_cli.selection.codes import coded

__all__ = ["Remainder", "normal_scores"]

_LEAVES, _LEAST_ROWS = 16, 20  # of the tree, and of each leaf
_ROWS_EACH = 10  # rows for each term of the linear regression; with fewer there are no squares


@dataclass(frozen=True)
class Remainder:
    """The normal scores of y, and what the chosen columns predict of them.

    Attributes:
        scores: ``(n,)``.
        predicted: ``(n,)``.
        bins: of the differences.
    """

    scores: Array
    predicted: Array
    bins: int | Literal["auto"]

    @classmethod
    def of(cls, numbers: Array, classes: Index, y: Array, bins: int | Literal["auto"]) -> Remainder:
        """Fit a linear regression on columns and their squares, and then a tree to what that leaves.

        Args:
            numbers: normal scores of the chosen columns of numbers, ``(n, d)``.
            classes: codes of the chosen columns of classes, ``(n, c)``.
            y: ``(n,)``, numbers or two classes.
            bins: of the differences.
        """
        _, value, counts = np.unique(y, return_inverse=True, return_counts=True)
        scores = np.asarray(special.ndtri((counts.cumsum() - counts / 2) / len(y)))[value.ravel()]  # equals are equal
        indicators = [codes[:, None] == np.arange(1, codes.max(initial=0) + 1) for codes in classes.T]
        terms = [np.ones((len(y), 1)), numbers, *indicators]
        if _ROWS_EACH * (sum(term.shape[1] for term in terms) + numbers.shape[1]) <= len(y):
            terms.append(numbers**2)
        design = np.concatenate(terms, 1).astype(np.float64)
        predicted = design @ np.linalg.lstsq(design, scores, rcond=None)[0]
        sides = np.concatenate([numbers, classes], 1)
        fit = tree.DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=_LEAST_ROWS, random_state=0)
        return cls(scores, predicted + fit.fit(sides, scores - predicted).predict(sides), bins)

    def codes(self, rows: Index) -> Index:
        """The differences in bins, ``(n,)``, where each row has the y of the row in ``rows``."""
        left = self.scores[rows] - self.predicted
        return coded(left[:, None], np.array([False]), self.bins).columns[:, 0]


def normal_scores(columns: Array) -> Array:
    """Normal scores of the ranks of columns ``(n, d)``."""
    order = np.argsort(np.argsort(columns, axis=0, kind="stable"), axis=0, kind="stable") + 0.5
    return np.asarray(special.ndtri(order / len(columns)))
