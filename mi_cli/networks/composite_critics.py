"""Critics made of a critic and another part: a fixed log-ratio, a baseline, or a second network.

Arrays are those of :mod:`~mi_cli.networks.critics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mi_cli import networks
from mi_cli.fields import Activation
from mi_cli.lazy import torch
from mi_cli.networks.critics import Critic, Scores, SeparableCritic
from mi_cli.networks.perceptron import Perceptron, with_ones
from mi_cli.networks.product_samples import shifted

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.networks.elliptical import LogRatio

__all__ = ["BaselinedCritic", "DualCritic", "HybridCritic"]


class HybridCritic(Critic):
    """A fixed log-ratio that is fitted to training rows, plus a separable critic that is trained."""

    def __init__(self, ratio: LogRatio, residual: SeparableCritic) -> None:
        self.ratio, self.residual = ratio, residual

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one separable critic."""
        return self.residual.shapes

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one separable critic, flat."""
        return self.residual.initial(generator)

    def scores(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, partners: Tensor | None) -> Scores:
        """Scores of x and y."""
        trained = self.residual.scores(layers, x, y, partners)
        if partners is None:
            fixed = Scores.of_every_pair(self.ratio.every_pair(x, y))
        else:
            fixed = Scores.of_partners(self.ratio.partners(x, networks.pair(y, partners)))
        return replace(trained, joint=trained.joint + fixed.joint, by_row=trained.by_row + fixed.by_row)

    def shifted(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Scores of shifts."""
        return self.residual.shifted(layers, x, y, shifts) + self.ratio.shifted(x, y, shifts)

    def cost(self, rows: int, copies: int | None) -> tuple[int, int]:
        """Multiply-adds of the forward pass, and numbers kept until the backward pass."""
        return self.residual.cost(rows, copies)


class BaselinedCritic(Critic):
    """A critic minus a learned baseline of y: T(x, y) − ln a(y).

    Reference:
        Poole et al. 2019 (arXiv 1905.06922).
    """

    def __init__(self, critic: Critic, dim_y: int, hidden: Sequence[int], activation: Activation) -> None:
        self.critic, self.baseline = critic, Perceptron((dim_y, *hidden, 1), activation)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one critic, those of the baseline last."""
        return [*self.critic.shapes, *self.baseline.shapes]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one critic, flat."""
        return torch.cat([self.critic.initial(generator), self.baseline.initial(generator)])

    def scores(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, partners: Tensor | None) -> Scores:
        """Scores of x and y."""
        cut = len(self.critic.shapes)
        plain = self.critic.scores(layers[:cut], x, y, partners)
        of_y = self.baseline(layers[cut:], with_ones(y))
        if partners is not None:
            by_row = networks.pair(of_y, partners).squeeze(1)[:, 1:].transpose(1, 2)
        elif plain.every_pair:
            by_row = of_y
        else:
            by_row = shifted(of_y, y.shape[2] - 1).squeeze(1)[:, 1:].transpose(1, 2)
        return replace(plain, joint=plain.joint - of_y.squeeze(1), by_row=plain.by_row - by_row)

    def shifted(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Scores of shifts."""
        cut = len(self.critic.shapes)
        of_y = self.baseline(layers[cut:], with_ones(y))
        return self.critic.shifted(layers[:cut], x, y, shifts) - shifted(of_y, shifts).squeeze(1)

    def cost(self, rows: int, copies: int | None) -> tuple[int, int]:
        """Multiply-adds of the forward pass, and numbers kept until the backward pass."""
        multiply_adds, floats = self.critic.cost(rows, copies)
        return multiply_adds + self.baseline.multiplications * rows, floats + self.baseline.floats * rows


class DualCritic(Critic):
    """A critic with a second network u(x, y), which is evaluated on joint samples only.

    Reference:
        Guo et al. 2022 (arXiv 2107.01131).
    """

    def __init__(self, critic: Critic, dim_x: int, dim_y: int, hidden: Sequence[int], activation: Activation) -> None:
        self.critic, self.second = critic, Perceptron((dim_x + dim_y, *hidden, 1), activation)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one critic, those of u last."""
        return [*self.critic.shapes, *self.second.shapes]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one critic, flat."""
        return torch.cat([self.critic.initial(generator), self.second.initial(generator)])

    def dual(self, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """u on joint samples, ``(K, n)``."""
        return self.second(layers[len(self.critic.shapes) :], torch.cat([y, x], 1)).squeeze(1)

    def scores(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, partners: Tensor | None) -> Scores:
        """Scores of x and y."""
        plain = self.critic.scores(layers[: len(self.critic.shapes)], x, y, partners)
        return replace(plain, dual=self.dual(layers, x, y))

    def shifted(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Scores of shifts."""
        return self.critic.shifted(layers[: len(self.critic.shapes)], x, y, shifts)

    def held_out(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Scores:
        """Scores of joint samples and of shifts, and u."""
        return replace(super().held_out(layers, x, y, shifts), dual=self.dual(layers, x, y).clone())

    def cost(self, rows: int, copies: int | None) -> tuple[int, int]:
        """Multiply-adds of the forward pass, and numbers kept until the backward pass."""
        multiply_adds, floats = self.critic.cost(rows, copies)
        return multiply_adds + self.second.multiplications * rows, floats + self.second.floats * rows
