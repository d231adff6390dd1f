"""Preprocessing of rows for critics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mi_cli.fields import Preprocess
from mi_cli.problems import Problem, Rows
from mi_cli.training.preprocessing import FittedMap, Standardiser, fit_preprocess

__all__ = ["CriticMap", "critic_maps", "prepare_for_critic"]

_ROUNDING = 1e-9  # of the mean, by which equal squared lengths may differ


def prepare_for_critic(problem: Problem, preprocess: Preprocess, norms: bool) -> Problem:
    """Preprocess the columns of a problem.

    Args:
        problem: the problem.
        preprocess: the map of the columns, fitted to training rows.
        norms: whether the standardised squared length of x and that of y are added as columns.

    Raises:
        ValueError: a column cannot be mapped.
    """
    if preprocess == "none" and not norms:
        return problem
    of_x, of_y = critic_maps(problem, preprocess, norms)

    def mapped(rows: Rows) -> Rows:
        if not len(rows):
            return Rows(rows.x.new_empty(0, 1), rows.y.new_empty(0, 1))
        return Rows(of_x(rows.x), of_y(rows.y), rows.block)

    return replace(
        problem,
        dim_x=problem.dim_x + norms,
        dim_y=problem.dim_y + norms,
        train=None if problem.train is None else mapped(problem.train),
        draw=None if problem.draw is None else problem.draw.map(mapped),
        val=mapped(problem.val),
        test=mapped(problem.test),
        fresh=None if problem.fresh is None else mapped(problem.fresh),
    )


@dataclass(frozen=True, eq=False)
class CriticMap:
    """The map of the columns of x or of y for a critic.

    Attributes:
        columns: the map of each column.
        length: of the squared length of the mapped columns, which is added as a column; None adds none.
    """

    columns: FittedMap
    length: FittedMap | None

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows ``(m, d)`` mapped, ``(m, d)`` or ``(m, d + 1)``."""
        mapped = self.columns(rows)
        if self.length is None:
            return mapped
        return torch.cat([mapped, self.length(_square_length(mapped))], 1)


def critic_maps(problem: Problem, preprocess: Preprocess, norms: bool) -> tuple[CriticMap, CriticMap]:
    """The maps of x and of y by which :func:`prepare_for_critic` prepares a problem.

    Raises:
        ValueError: a column cannot be mapped.
    """
    sample, others = problem.sample, problem.val.concat(problem.test)
    sides = ((sample.x, others.x, "x"), (sample.y, others.y, "y"))
    of_x, of_y = (_column_map(preprocess, norms, *side) for side in sides)
    return of_x, of_y


def _column_map(preprocess: Preprocess, norms: bool, sample: Tensor, others: Tensor, name: str) -> CriticMap:
    columns = fit_preprocess(preprocess, sample, name, others)
    if not norms:
        return CriticMap(columns, None)
    return CriticMap(columns, _length_map(_square_length(columns(sample)), name))


def _length_map(lengths: Tensor, name: str) -> FittedMap:
    """Standardised squared lengths ``(n, 1)``. Those that vary by rounding alone, as of two equal classes, become 0."""
    mean = lengths.mean(0)
    if (lengths - mean).abs().max() <= _ROUNDING * mean.abs().max():
        return Standardiser(mean, torch.ones_like(mean))
    return fit_preprocess("standardise", lengths, f"|{name}|²")


def _square_length(rows: Tensor) -> Tensor:
    return (rows**2).sum(1, keepdim=True)
