"""Preprocessing of columns: maps that are fitted to training rows and applied to any rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from mi_cli.fields import Preprocess

__all__ = ["fit_preprocess"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def fit_preprocess(
    kind: Preprocess, rows: Tensor, name: str = "rows", others: Tensor | None = None
) -> Callable[[Tensor], Tensor]:
    r"""Fit a map of each column to ``rows``.

    ``standardise`` subtracts the mean and divides by the standard deviation (with n − 1). ``rank_gaussianise`` is the
    normal score of the empirical distribution function,

    .. math:: x \mapsto Φ^{-1}\bigl((r(x) - \tfrac12) / n\bigr),

    with r the rank among the fitted rows; equal values have their average rank. The map is linear between two fitted
    values, and constant below the smallest and above the largest. Every map is monotone, so that it keeps the MI of
    continuous variables, except for values outside the fitted range.

    Args:
        kind: which map.
        rows: the rows that it is fitted to, ``(n, d)``.
        name: the name of the rows in errors, such as ``x``.
        others: further rows, ``(m, d)``, that it is not fitted to. A column that is constant in ``rows``, and in at
            least half of these but not in all, becomes 0: such a fold has lost the rare values of a column.

    Returns:
        A function from rows ``(m, d)`` to rows ``(m, d)`` in float64, on the same device.

    Raises:
        ValueError: a column is constant or has a value that is not finite, or there are fewer than 2 rows.

    Reference:
        van der Waerden 1952 (Indagationes Mathematicae 14, 453–458), the scores; Ince et al. 2017 (Human Brain
        Mapping 38, 1541–1573), their use for MI.

    >>> score = fit_preprocess("rank_gaussianise", torch.tensor([[1.0], [10.0], [100.0]]))
    >>> [round(value, 3) for value in score(torch.tensor([[0.0], [1.0], [10.0], [55.0], [1e9]])).flatten().tolist()]
    [-0.967, -0.967, 0.0, 0.484, 0.967]
    """
    if kind == "none":
        return _float64
    columns = rows.detach().double().cpu().numpy().T
    _check(kind, columns, name, None if others is None else others.detach().double().cpu().numpy().T)
    return _standardiser(rows) if kind == "standardise" else _gaussianiser(columns)


def _float64(rows: Tensor) -> Tensor:
    return rows.double()


def _check(kind: Preprocess, columns: Array, name: str, others: Array | None) -> None:
    if columns.shape[1] < 2:
        raise ValueError(f"{name}: {columns.shape[1]} rows; preprocess={kind} needs at least 2")
    for number, column in enumerate(columns):
        if not np.isfinite(column).all():
            raise ValueError(f"column {number} of {name} has values that are not finite; all must be")
        if column.min() == column.max() and not (
            others is not None and 0.5 <= (others[number] == column[0]).mean() < 1
        ):
            raise ValueError(
                f"column {number} of {name} is constant ({column[0]:g}); preprocess={kind} needs it to vary"
            )


def _standardiser(rows: Tensor) -> Callable[[Tensor], Tensor]:
    mean, sd = rows.double().mean(0), rows.double().std(0)
    sd = sd.where(sd > 0, 1.0)

    def apply(new: Tensor) -> Tensor:
        return (new.double() - mean.to(new.device)) / sd.to(new.device)

    return apply


def _gaussianiser(columns: Array) -> Callable[[Tensor], Tensor]:
    knots = [_scores(column) for column in columns]

    def apply(new: Tensor) -> Tensor:
        values = new.detach().double().cpu().numpy().T
        mapped = [np.interp(column, *knot) for column, knot in zip(values, knots, strict=True)]
        return torch.from_numpy(np.stack(mapped, 1)).to(new.device)

    return apply


def _scores(column: Array) -> tuple[Array, Array]:
    """The distinct values of a column in order, and their normal scores."""
    values, counts = np.unique(column, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    return values, ndtri((mean_rank - 0.5) / len(column))
