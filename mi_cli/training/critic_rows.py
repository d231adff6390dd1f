"""Preprocessing of rows for critics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from mi_cli.fields import Preprocess
from mi_cli.problems import Problem, Rows
from mi_cli.training.preprocessing import fit_preprocess

__all__ = ["prepare_for_critic"]


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
    sample, others = problem.sample, problem.val.concat(problem.test)
    of_x = _column_map(preprocess, norms, sample.x, others.x, "x")
    of_y = _column_map(preprocess, norms, sample.y, others.y, "y")

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


def _column_map(
    preprocess: Preprocess, norms: bool, sample: Tensor, others: Tensor, name: str
) -> Callable[[Tensor], Tensor]:
    columns = fit_preprocess(preprocess, sample, name, others)
    if not norms:
        return columns
    of_length = fit_preprocess("standardise", _square_length(columns(sample)), f"|{name}|²")

    def apply(rows: Tensor) -> Tensor:
        mapped = columns(rows)
        return torch.cat([mapped, of_length(_square_length(mapped))], 1)

    return apply


def _square_length(rows: Tensor) -> Tensor:
    return (rows**2).sum(1, keepdim=True)
