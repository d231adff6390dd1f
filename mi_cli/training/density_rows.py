"""Preprocessing of rows for densities, and refusal of rows that have no density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from mi_cli.fields import Preprocess
from mi_cli.problems import Problem, Rows, column_place
from mi_cli.training.preprocessing import fit_preprocess

__all__ = ["prepare_for_densities"]


def prepare_for_densities(
    problems: Sequence[Problem], preprocess: Preprocess
) -> tuple[dict[int, Problem], dict[int, str]]:
    """Preprocess problems for estimators that fit densities.

    Args:
        problems: the problems of a stack.
        preprocess: the map of the columns.

    Returns:
        The preprocessed problems by index, and for every other index the reason why its rows have no density.
    """
    ready, reasons = {}, {}
    for index, problem in enumerate(problems):
        try:
            ready[index] = _preprocessed(problem, preprocess)
        except ValueError as error:
            reasons[index] = str(error)
    return ready, reasons


def _preprocessed(problem: Problem, preprocess: Preprocess) -> Problem:
    """The problem with columns mapped by maps that are fitted to its training rows, or to its first fresh rows.

    Raises:
        ValueError: the columns cannot be mapped, a value is not finite, or a column of y has no density.
    """
    first = problem.sample
    for part, rows in {"training": first, "validation": problem.val, "test": problem.test}.items():
        for name, columns in (("x", rows.x), ("y", rows.y)):
            if not torch.isfinite(columns).all():
                raise ValueError(f"{name} has values that are not finite in its {part} rows; all must be")
    for number, column in enumerate(first.y.T):
        distinct = len(torch.unique(column))
        if 1 < distinct < len(column) / 2:
            raise ValueError(
                f"{column_place(number, 'y')} takes {distinct} values in {len(column)} rows, so that it has no "
                "density; y must be continuous"
            )
    others = problem.val.concat(problem.test)
    of_x, of_y = fit_preprocess(preprocess, first.x, "x", others.x), fit_preprocess(preprocess, first.y, "y", others.y)

    def mapped(rows: Rows) -> Rows:
        return Rows(of_x(rows.x), of_y(rows.y), rows.block)

    return replace(
        problem,
        train=None if problem.train is None else mapped(problem.train),
        draw=None if problem.draw is None else problem.draw.map(mapped),
        val=mapped(problem.val),
        test=mapped(problem.test),
    )
