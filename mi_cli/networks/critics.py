"""Critics T(x, y), K at a time, over which a variational bound is maximised.

Arrays are feature-major: x with its row of ones ``(K, dim_x + 1, n)``, y ``(K, dim_y, n)``. ``partners`` ``(K, C, n)``
are the indices of product samples: row i of x is paired with rows ``partners[:, :, i]`` of y. None means all pairs.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mi_cli import networks
from mi_cli.fields import Activation
from mi_cli.lazy import torch
from mi_cli.networks.perceptron import Perceptron, with_ones
from mi_cli.networks.product_samples import shifted

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "ConcatCritic",
    "Critic",
    "QuadraticCritic",
    "Scores",
    "SeparableCritic",
]

_BLOCK_ROWS = 9216  # pairs that are scored at once for each trial during evaluation


@dataclass(frozen=True)
class Scores:
    """Scores of K trials.

    Attributes:
        joint: of joint samples, ``(K, n)``.
        by_row: of each x with other y, ``(K, n, m)``.
        every_pair: whether m = n, with −∞ in place of the joint samples.
        dual: the second output of a critic that has one, on joint samples, ``(K, n)``.
    """

    joint: Tensor
    by_row: Tensor
    every_pair: bool = False
    dual: Tensor | None = None

    @classmethod
    def of_partners(cls, scores: Tensor) -> Scores:
        """From scores ``(K, 1 + C, n)``, the joint samples first."""
        return cls(scores[:, 0], scores[:, 1:].transpose(1, 2))

    @classmethod
    def of_every_pair(cls, scores: Tensor) -> Scores:
        """From scores ``(K, n, n)`` of x by y."""
        own = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
        return cls(scores.diagonal(dim1=1, dim2=2), scores.masked_fill(own, -torch.inf), every_pair=True)

    @property
    def count(self) -> int:
        """Product scores of each row."""
        return self.by_row.shape[2] - self.every_pair

    @property
    def product(self) -> Tensor:
        """Product scores ``(K, n · count)``, in no particular order."""
        if not self.every_pair:
            return self.by_row.transpose(1, 2).flatten(1)
        n = self.by_row.shape[2]  # n scores lie between two joint ones
        between: Tensor = self.by_row.flatten(1)[:, 1:].unflatten(1, (n - 1, n + 1))
        return between[:, :, :-1].flatten(1)


class Critic(ABC):
    """K critics of one shape."""

    @property
    @abstractmethod
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one critic."""

    @abstractmethod
    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one critic, flat."""

    @abstractmethod
    def scores(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, partners: Tensor | None) -> Scores:
        """Scores for a training step, which can be differentiated.

        Args:
            layers: parameters, ``(K, *shape)`` each.
            x: with its row of ones, ``(K, dim_x + 1, n)``.
            y: ``(K, dim_y, n)``.
            partners: indices of product samples, ``(K, C, n)``; None for all pairs.
        """

    @abstractmethod
    def shifted(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Scores for evaluation: of joint samples, then of y shifted by 1, 2, … rows, ``(K, 1 + shifts, n)``."""

    def held_out(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Scores:
        """The scores of :meth:`shifted`, and the second output of a critic that has one."""
        return Scores.of_partners(self.shifted(layers, x, y, shifts))

    @abstractmethod
    def cost(self, rows: int, copies: int | None) -> tuple[int, int]:
        """Cost of a step.

        Args:
            rows: rows of the step.
            copies: partners of each row; None for all pairs.

        Returns:
            Multiply-adds of the forward pass, and numbers kept until the backward pass.
        """


class ConcatCritic(Critic):
    """A critic T(x, y) that is one perceptron over x and y side by side.

    Reference:
        Belghazi et al. 2018 (arXiv 1801.04062).
    """

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], activation: Activation = "relu") -> None:
        self.net = Perceptron((dim_x + dim_y, *hidden, 1), activation)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one critic."""
        return list(self.net.shapes)

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one critic, flat."""
        return self.net.initial(generator)

    def __call__(self, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Scores ``(K, C, n)`` of x ``(K, dim_x + 1, n)``, with its ones, and C partners y ``(K, dim_y, C, n)``."""
        return self.net(layers, x, y).squeeze(1)

    def scores(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, partners: Tensor | None) -> Scores:
        """Scores of x and y; all pairs are computed as all shifts."""
        partnered = shifted(y, y.shape[2] - 1) if partners is None else networks.pair(y, partners)
        return Scores.of_partners(self(layers, x, partnered))

    def shifted(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Scores of shifts, computed in blocks of rows so that hidden layers stay small."""
        n, block = x.shape[2], max(1, _BLOCK_ROWS // (1 + shifts))
        twice = torch.cat([y, y[:, :, :shifts]], 2)
        scores = x.new_empty(len(x), 1 + shifts, n)
        for low in range(0, n, block):
            high = min(low + block, n)
            partners = torch.stack([twice[:, :, low + shift : high + shift] for shift in range(shifts + 1)], 2)
            scores[:, :, low:high] = self(layers, x[:, :, low:high], partners)
        return scores

    def cost(self, rows: int, copies: int | None) -> tuple[int, int]:
        """Multiply-adds of the forward pass, and numbers kept until the backward pass."""
        rows *= rows if copies is None else 1 + copies
        return self.net.multiplications * rows, self.net.floats * rows


class SeparableCritic(Critic):
    r"""A critic of two perceptrons, whose scores of all pairs of n rows need n passes and one product of matrices.

    .. math:: T(x, y) = f(x)^T g(y) / \sqrt{e} + a(x) + b(y)

    with e = ``embedding``. f and a are outputs of one network, g and b of another. With ``from_zero`` the critic starts
    at T = 0.

    Reference:
        van den Oord, Li & Vinyals 2018 (arXiv 1807.03748); Poole et al. 2019 (arXiv 1905.06922).
    """

    def __init__(
        self,
        dim_x: int,
        dim_y: int,
        hidden: Sequence[int],
        activation: Activation = "relu",
        embedding: int = 64,
        from_zero: bool = False,
    ) -> None:
        self.of_x = Perceptron((dim_x, *hidden, embedding + 1), activation)
        self.of_y = Perceptron((dim_y, *hidden, embedding + 1), activation)
        self.embedding, self.scale, self.from_zero = embedding, embedding**-0.5, from_zero

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one critic, those of f first."""
        return [*self.of_x.shapes, *self.of_y.shapes]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one critic, flat."""
        of_x, of_y = self.of_x.initial(generator), self.of_y.initial(generator)
        if self.from_zero:  # f, a and b are 0, and the gradient of f is not, because g is random
            of_x[-math.prod(self.of_x.shapes[-1]) :] = 0
            of_y[-self.of_y.shapes[-1][1] :] = 0
        return torch.cat([of_x, of_y])

    def _embedded(self, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        cut = len(self.of_x.shapes)
        return self.of_x(layers[:cut], x), self.of_y(layers[cut:], with_ones(y))

    def scores(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, partners: Tensor | None) -> Scores:
        """Scores of x and y."""
        f, g = self._embedded(layers, x, y)
        e = self.embedding
        if partners is None:
            products = torch.baddbmm(f[:, e:].transpose(1, 2), f[:, :e].transpose(1, 2), g[:, :e], alpha=self.scale)
            return Scores.of_every_pair(products + g[:, e:])
        g = networks.pair(g, partners)
        products = (f[:, :e].unsqueeze(2) * g[:, :e]).sum(1) * self.scale
        return Scores.of_partners(products + f[:, e:] + g[:, e])

    def shifted(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Scores of shifts."""
        f, g = self._embedded(layers, x, y)
        e, n = self.embedding, x.shape[2]
        g = torch.cat([g, g[:, :, :shifts]], 2)
        scores = x.new_empty(len(x), 1 + shifts, n)
        for shift in range(shifts + 1):
            moved = g[:, :, shift : shift + n]
            scores[:, shift] = (f[:, :e] * moved[:, :e]).sum(1) * self.scale + f[:, e] + moved[:, e]
        return scores

    def cost(self, rows: int, copies: int | None) -> tuple[int, int]:
        """Multiply-adds of the forward pass, and numbers kept until the backward pass."""
        pairs = rows * (rows if copies is None else 1 + copies)
        multiply_adds = (self.of_x.multiplications + self.of_y.multiplications) * rows + self.embedding * pairs
        return multiply_adds, (self.of_x.floats + self.of_y.floats) * rows + 4 * pairs


class QuadraticCritic(Critic):
    r"""A critic that is a polynomial of second degree.

    .. math:: T(x, y) = x^T W y + a^T x + b^T y \; (+ \; x^T A x + y^T B y)

    With ``squares`` it contains the log-ratio of Gaussians. Without them it is the bilinear critic.

    Reference:
        van den Oord, Li & Vinyals 2018 (arXiv 1807.03748).
    """

    def __init__(self, dim_x: int, dim_y: int, squares: bool) -> None:
        self.dim_x, self.dim_y, self.squares = dim_x, dim_y, squares

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one critic: W bordered by a, b and a constant, then A and B."""
        squares = [(self.dim_x, self.dim_x), (self.dim_y, self.dim_y)] if self.squares else []
        return [(self.dim_x + 1, self.dim_y + 1), *squares]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one critic, flat; they are so small that T is nearly 0."""
        return 1e-3 * torch.randn(sum(math.prod(shape) for shape in self.shapes), generator=generator)

    def _parts(self, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """f ``(K, dim_y + 1, n)``, (y, 1) and b ``(K, 1, n)``, with T = f · (y, 1) + b."""
        ones = with_ones(y)
        f = torch.bmm(layers[0].transpose(1, 2), x)
        if not self.squares:
            return f, ones, torch.zeros_like(y[:, :1])
        pure = x[:, :-1]
        of_x = (pure * torch.bmm(layers[1], pure)).sum(1, keepdim=True)
        f = torch.cat([f[:, :-1], f[:, -1:] + of_x], 1)
        return f, ones, (y * torch.bmm(layers[2], y)).sum(1, keepdim=True)

    def scores(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, partners: Tensor | None) -> Scores:
        """Scores of x and y."""
        f, ones, of_y = self._parts(layers, x, y)
        if partners is None:
            return Scores.of_every_pair(torch.baddbmm(of_y, f.transpose(1, 2), ones))
        products = (f.unsqueeze(2) * networks.pair(ones, partners)).sum(1)
        return Scores.of_partners(products + networks.pair(of_y, partners).squeeze(1))

    def shifted(self, layers: Sequence[Tensor], x: Tensor, y: Tensor, shifts: int) -> Tensor:
        """Scores of shifts."""
        f, ones, of_y = self._parts(layers, x, y)
        of_y = of_y.squeeze(1)
        return torch.stack([(f * ones.roll(-s, 2)).sum(1) + of_y.roll(-s, 1) for s in range(shifts + 1)], 1)

    def cost(self, rows: int, copies: int | None) -> tuple[int, int]:
        """Multiply-adds of the forward pass, and numbers kept until the backward pass."""
        pairs = rows * (rows if copies is None else 1 + copies)
        per_row = self.dim_x * self.dim_y + self.squares * (self.dim_x**2 + self.dim_y**2)
        return per_row * rows + (self.dim_y + 1) * pairs, 4 * (self.dim_x + self.dim_y) * rows + 4 * pairs
