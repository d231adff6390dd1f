"""Preprocessing of columns: maps that are fitted to training rows and applied to any rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from mi_cli.fields import Preprocess
from mi_cli.problems import column_place

__all__ = [
    "FittedMap",
    "RankGaussianiser",
    "Standardiser",
    "Unchanged",
    "fit_preprocess",
    "restored_preprocess",
]

Array = np.ndarray[Any, np.dtype[np.float64]]


class Unchanged:
    """Rows as they are."""

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows in float64."""
        return rows.double()

    def tensors(self) -> dict[str, Tensor]:
        """None."""
        return {}


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Columns minus ``mean`` ``(d,)``, divided by ``sd`` ``(d,)``."""

    mean: Tensor
    sd: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows ``(m, d)`` mapped."""
        return (rows.double() - self.mean.to(rows.device)) / self.sd.to(rows.device)

    def tensors(self) -> dict[str, Tensor]:
        """What :func:`restored_preprocess` makes the map of."""
        return {"mean": self.mean.cpu(), "sd": self.sd.cpu()}


@dataclass(frozen=True, eq=False)
class RankGaussianiser:
    """Columns by their ``knots``: distinct values, ascending, and what they are mapped to, for each column."""

    knots: Sequence[tuple[Array, Array]]

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows ``(m, d)`` mapped."""
        values = rows.detach().double().cpu().numpy().T
        mapped = [np.interp(column, *knot) for column, knot in zip(values, self.knots, strict=True)]
        return torch.from_numpy(np.stack(mapped, 1)).to(rows.device)

    def tensors(self) -> dict[str, Tensor]:
        """What :func:`restored_preprocess` makes the map of."""
        values, scores = (torch.from_numpy(np.concatenate(sides)) for sides in zip(*self.knots, strict=True))
        return {"values": values, "scores": scores, "counts": torch.tensor([len(knot[0]) for knot in self.knots])}


FittedMap: TypeAlias = Unchanged | Standardiser | RankGaussianiser


def restored_preprocess(kind: Preprocess, tensors: Mapping[str, Tensor]) -> FittedMap:
    """The map whose ``tensors()`` these are.

    Raises:
        ValueError: they are not those of a map of this kind.
    """
    names = {"none": set(), "standardise": {"mean", "sd"}, "rank_gaussianise": {"values", "scores", "counts"}}
    if set(tensors) != names[kind]:
        raise ValueError(f"{sorted(tensors)} for {kind}; accepted: {sorted(names[kind])}")
    if kind == "none":
        return Unchanged()
    if kind == "standardise":
        mean, sd = tensors["mean"], tensors["sd"]
        if mean.shape != sd.shape or mean.ndim != 1 or not (sd > 0).all():
            raise ValueError("means and standard deviations that do not fit")
        return Standardiser(mean.double(), sd.double())
    values, scores, counts = (tensors[name] for name in ("values", "scores", "counts"))
    sizes = counts.tolist() if counts.ndim == 1 and not counts.is_floating_point() else [0]
    if min(sizes, default=0) < 1 or values.shape != scores.shape or values.shape != (sum(sizes),):
        raise ValueError("knots that do not fit")
    pairs = zip(values.double().split(sizes), scores.double().split(sizes), strict=True)
    knots = [(one.numpy(), other.numpy()) for one, other in pairs]
    if any((np.diff(one) <= 0).any() for one, _ in knots):
        raise ValueError("knots that do not ascend")
    return RankGaussianiser(knots)


def fit_preprocess(kind: Preprocess, rows: Tensor, name: str = "rows", others: Tensor | None = None) -> FittedMap:
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
        A function from rows ``(m, d)`` to rows ``(m, d)`` in float64, on the same device. It can be kept as tensors.

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
        return Unchanged()
    columns = rows.detach().double().cpu().numpy().T
    _check(kind, columns, name, None if others is None else others.detach().double().cpu().numpy().T)
    return _standardiser(rows) if kind == "standardise" else RankGaussianiser([_scores(column) for column in columns])


def _check(kind: Preprocess, columns: Array, name: str, others: Array | None) -> None:
    if columns.shape[1] < 2:
        raise ValueError(f"{name}: {columns.shape[1]} rows; preprocess={kind} needs at least 2")
    for number, column in enumerate(columns):
        if not np.isfinite(column).all():
            raise ValueError(f"{column_place(number, name)} has values that are not finite; all must be")
        if column.min() == column.max() and not (
            others is not None and 0.5 <= (others[number] == column[0]).mean() < 1
        ):
            raise ValueError(
                f"{column_place(number, name)} is constant ({column[0]:g}); preprocess={kind} needs it to vary"
            )


def _standardiser(rows: Tensor) -> Standardiser:
    mean, sd = rows.double().mean(0), rows.double().std(0)
    return Standardiser(mean, sd.where(sd > 0, 1.0))


def _scores(column: Array) -> tuple[Array, Array]:
    """The distinct values of a column in order, and their normal scores."""
    values, counts = np.unique(column, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    return values, ndtri((mean_rank - 0.5) / len(column))
