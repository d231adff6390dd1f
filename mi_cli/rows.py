"""Rows made ready for densities: refused where they have none, preprocessed, and given out in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mi_cli.estimators.base import Problem, Rows
from mi_cli.fit import stacked
from mi_cli.preprocessing import Preprocess, fitted

if TYPE_CHECKING:
    from mi_cli.schema import Training

__all__ = ["batches", "first_rows", "posable"]

_POOL_ROWS = 16384  # fresh rows drawn at once for each trial; the first of them say how columns are preprocessed


def posable(problems: Sequence[Problem], preprocess: Preprocess) -> tuple[dict[int, Problem], dict[int, str]]:
    """The problems that can be posed, preprocessed, and why the others cannot; by index."""
    ready, reasons = {}, {}
    for index, problem in enumerate(problems):
        try:
            ready[index] = _preprocessed(problem, preprocess)
        except ValueError as error:
            reasons[index] = str(error)
    return ready, reasons


def first_rows(problem: Problem) -> Rows:
    """Training rows, all or the next."""
    if problem.train is not None:
        return problem.train
    assert problem.draw is not None  # noqa: S101 (a problem has train or draw)
    return problem.draw(_POOL_ROWS)


def _preprocessed(problem: Problem, preprocess: Preprocess) -> Problem:
    """The same problem in columns mapped by its training rows, or by its first fresh ones.

    Raises:
        ValueError: the columns cannot be mapped, are not finite, or those of y have no density.
    """
    draw, first = problem.draw, first_rows(problem)
    for part, rows in {"training": first, "validation": problem.val, "test": problem.test}.items():
        for name, columns in (("x", rows.x), ("y", rows.y)):
            if not torch.isfinite(columns).all():
                raise ValueError(f"{name} has values that are not finite in its {part} rows; needed: finite ones")
    for number, column in enumerate(first.y.T):
        distinct = len(torch.unique(column))
        if 1 < distinct < len(column) / 2:
            raise ValueError(
                f"column {number} of y takes {distinct} values in {len(column)} rows; needed: a continuous y, "
                "whose density is estimated"
            )
    of_x, of_y = fitted(preprocess, first.x, "x"), fitted(preprocess, first.y, "y")

    def mapped(rows: Rows) -> Rows:
        return Rows(of_x(rows.x), of_y(rows.y))

    return replace(
        problem,
        train=None if problem.train is None else mapped(problem.train),
        draw=None if draw is None else lambda n: mapped(draw(n)),
        val=mapped(problem.val),
        test=mapped(problem.test),
    )


def batches(
    problems: Sequence[Problem], training: Training, device: torch.device
) -> Callable[[], tuple[Tensor, Tensor]]:
    """A source of batches, x with ones ``(K, dim_x + 1, n)`` and y ``(K, dim_y, n)``; no row twice before all once."""
    if problems[0].train is None:
        assert training.batch != "full"  # noqa: S101 (the schema refuses it)
        batch = training.batch
        size = max(1, _POOL_ROWS // batch) * batch

        def pool() -> tuple[Tensor, Tensor]:
            return stacked([problem.draw(size) for problem in problems if problem.draw is not None], device)
    else:
        rows = stacked([problem.train for problem in problems if problem.train is not None], device)
        size = rows[0].shape[2]
        batch = training.batch_of(size)
        if batch == size:
            return lambda: rows

        def pool() -> tuple[Tensor, Tensor]:
            order = torch.stack([torch.randperm(size, generator=problem.order) for problem in problems]).to(device)
            x, y = (part.gather(2, order.unsqueeze(1).expand(part.shape)) for part in rows)
            return x, y

    left: list[tuple[Tensor, Tensor]] = []

    def draw() -> tuple[Tensor, Tensor]:
        if not left:
            whole = pool()
            slices = [slice(low, low + batch) for low in range(0, size - batch + 1, batch)]
            left.extend((whole[0][:, :, part], whole[1][:, :, part]) for part in reversed(slices))
        return left.pop()

    return draw
