"""Rows of a stack as tensors, and the batches that training steps use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from mi_cli.networks.perceptron import with_ones
from mi_cli.problems import Draw, Problem, Rows
from mi_cli.training.checkpoints import Generators
from mi_cli.training.settings import Training

__all__ = ["Batches", "make_batches", "stacked"]

_POOL_ROWS = 16384  # fresh rows drawn at once for each trial: a call of a generator costs more than the rows it draws


class Batches(Protocol):
    """A source of batches: x with its row of ones ``(K, dim_x + 1, n)``, and y ``(K, dim_y, n)``."""

    def __call__(self) -> tuple[Tensor, Tensor]:
        """The next batch."""


def make_batches(problems: Sequence[Problem], training: Training, device: torch.device) -> tuple[Batches, int]:
    """The batches of a stack, as ``training.batch`` says.

    Args:
        problems: the problems of the stack.
        training: the settings of training.
        device: where the batches are.

    Returns:
        The source of batches, and the rows of a batch.
    """
    draws = [problem.draw for problem in problems if problem.draw is not None]
    if problems[0].train is None:
        assert training.batch != "full"  # noqa: S101 (the schema refuses it)
        return _Fresh(draws, (problems[0].dim_x, problems[0].dim_y), training.batch, device), training.batch
    rows = stacked([problem.train for problem in problems if problem.train is not None], device)
    n = rows[0].shape[2]
    batch = training.batch_of(n)
    if batch == n:
        return lambda: rows, n
    return _Minibatches(rows, batch, [problem.order for problem in problems]), batch


def stacked(rows: Sequence[Rows], device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of K trials, feature-major in float32.

    Args:
        rows: the rows of each trial, n of each.
        device: where the result is.

    Returns:
        x with its row of ones, ``(K, dim_x + 1, n)``, and y, ``(K, dim_y, n)``.
    """
    x = torch.stack([_columns(part.x.float()) for part in rows]).to(device)
    y = torch.stack([_columns(part.y.float()) for part in rows]).to(device)
    return with_ones(x), y


def _columns(rows: Tensor) -> Tensor:
    """Rows ``(n, d)`` as ``(d, n)``. A single column is reshaped, because torch copies its transpose slowly."""
    return rows.reshape(1, -1) if rows.shape[1] == 1 else rows.T


class _Fresh:
    """Batches of fresh rows, which are drawn for many steps at once."""

    def __init__(self, draws: Sequence[Draw], dims: tuple[int, int], batch: int, device: torch.device) -> None:
        self.draws, self.batch, self.steps = draws, batch, max(1, _POOL_ROWS // batch)
        self.x = torch.ones((len(draws), dims[0] + 1, self.steps * batch), device=device)
        self.y = torch.ones((len(draws), dims[1], self.steps * batch), device=device)
        self.used = self.steps
        self.generators = Generators([draw.generator for draw in draws])
        self.before = self.generators.state_dict()

    def __call__(self) -> tuple[Tensor, Tensor]:
        """The next batch."""
        if self.used == self.steps:
            self._draw()
        part = slice(self.used * self.batch, (self.used + 1) * self.batch)
        self.used += 1
        return self.x[:, :, part], self.y[:, :, part]

    def _draw(self) -> None:
        self.before, self.used = self.generators.state_dict(), 0
        for index, draw in enumerate(self.draws):
            rows = draw(self.steps * self.batch)
            self.x[index, :-1], self.y[index] = _columns(rows.x), _columns(rows.y)

    def state_dict(self) -> dict[str, Tensor]:
        """The generators' states before the rows were drawn, which are smaller than the rows; and the steps used."""
        return {**self.before, "used": torch.tensor(self.used)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Draw the same rows again."""
        self.generators.load_state_dict(state)
        self._draw()
        self.used = int(state["used"])


class _Minibatches:
    """Batches of fixed rows. Each trial has its own order, and uses each row once in every epoch."""

    def __init__(self, rows: tuple[Tensor, Tensor], batch: int, generators: Sequence[torch.Generator]) -> None:
        self.rows, self.batch, self.generators = rows, batch, generators
        self.order, self.used = torch.empty(0, dtype=torch.int64), rows[0].shape[2]

    def __call__(self) -> tuple[Tensor, Tensor]:
        """The next batch."""
        x, y = self.rows
        k, _, n = x.shape
        if self.used + self.batch > n:
            orders = torch.stack([torch.randperm(n, generator=g) for g in self.generators])
            self.order, self.used = orders.to(x.device).unsqueeze(1), 0
        index = self.order[:, :, self.used : self.used + self.batch]
        self.used += self.batch
        return x.gather(2, index.expand(k, x.shape[1], -1)), y.gather(2, index.expand(k, y.shape[1], -1))

    def state_dict(self) -> dict[str, Tensor]:
        """The order of the rows, and how many of them are used up."""
        return {"order": self.order, "used": torch.tensor(self.used)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue in a saved order."""
        self.order, self.used = state["order"].to(self.rows[0].device), int(state["used"])
