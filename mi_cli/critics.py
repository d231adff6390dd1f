"""Networks of the stack: perceptrons that carry a leading axis of trials, and the critics made of them.

Activations are feature-major, ``(K, features, rows)``, with a last row of ones that meets the bias, which is the last
column of a layer's matrix: a layer is one batched product, forward and backward. Buffers are kept from step to step,
because fresh memory costs more than the arithmetic of layers this narrow (measured: tests/benchmarks/stack_layout.py).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mi_cli.fields import Activation

__all__ = ["ConcatCritic", "Perceptron", "with_ones"]

aten = torch.ops.aten

# In place: how a layer's values are activated, and how the gradient after it becomes the one before it. GELU's
# derivative needs the value before activation, so it alone is activated into a second buffer.
_ACTIVATE: dict[Activation, Callable[[Tensor], Tensor]] = {"relu": torch.relu_, "tanh": torch.tanh_, "elu": aten.elu_}
_DERIVE: dict[Activation, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda g, h: aten.threshold_backward.grad_input(g, h, 0, grad_input=g),
    "tanh": lambda g, h: aten.tanh_backward.grad_input(g, h, grad_input=g),
    "elu": lambda g, h: aten.elu_backward.grad_input(g, 1, 1, 1, True, h, grad_input=g),
    "gelu": lambda g, h: aten.gelu_backward.grad_input(g, h, grad_input=g),
}


def with_ones(x: Tensor) -> Tensor:
    """``(K, d, n)`` with a row of ones below: ``(K, d + 1, n)``."""
    return torch.cat([x, x.new_ones(len(x), 1, x.shape[2])], 1)


class Perceptron:
    """K multilayer perceptrons of one shape, ``sizes`` features from input to output.

    One object serves one stack: it owns the buffers that its calls write to, so a second call of the same shape
    overwrites the first call's result, and only the latest call can be differentiated.
    """

    def __init__(self, sizes: Sequence[int], activation: Activation = "relu") -> None:
        self.sizes = tuple(sizes)
        self.activation: Activation = activation
        self.buffers: dict[tuple[Any, ...], Tensor] = {}
        self.calls = 0

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of one network's parameters: ``(out, in + 1)`` for each layer."""
        return [(b, a + 1) for a, b in itertools.pairwise(self.sizes)]

    @property
    def multiplications(self) -> int:
        """Multiply-adds a row, forward."""
        return sum(b * a for b, a in self.shapes)

    @property
    def floats(self) -> int:
        """Numbers kept for each row between forward and backward, buffers of the backward pass included."""
        return sum(2 * size + 1 for size in self.sizes[1:])

    def initial(self, generator: torch.Generator) -> Tensor:
        """One network's parameters, flat: uniform in ±1/sqrt(in), as torch.nn.Linear draws them."""
        return torch.cat(
            [torch.empty(b * a).uniform_(-1, 1, generator=generator) / math.sqrt(a - 1) for b, a in self.shapes]
        )

    def __call__(self, layers: Sequence[Tensor], x: Tensor, y: Tensor | None = None) -> Tensor:
        """Outputs of the networks.

        Args:
            layers: parameters, ``(K, out, in + 1)`` each.
            x: inputs with their row of ones, ``(K, in + 1, n)``.
            y: inputs that come in C versions for each row, ``(K, dim_y, C, n)``; x then holds the other inputs, and its
                part of the first layer is computed once for all versions.

        Returns:
            ``(K, out, n)``, or ``(K, out, C, n)``.
        """
        out: Tensor = _Run.apply(self, x, y, *layers)
        return out if y is None else out.unflatten(2, y.shape[2:])

    def buffer(self, use: str, like: Tensor, *shape: int) -> Tensor:
        """Memory of this shape, the same at every step; it starts as ones, and a row of ones is never written to."""
        key = (use, shape, like.device)
        if key not in self.buffers:
            self.buffers[key] = like.new_ones(shape)
        return self.buffers[key]


class _Run(torch.autograd.Function):
    """The perceptron's forward and backward passes, written out."""

    @staticmethod
    def forward(ctx: Any, net: Perceptron, x: Tensor, y: Tensor | None, *layers: Tensor) -> Tensor:
        hidden: list[tuple[Tensor, Tensor]] = []
        for index, layer in enumerate(layers):
            if index:
                out = torch.bmm(layer, hidden[-1][1], out=_rows(net, index, layer, hidden[-1][1].shape[2]))
            elif y is None:
                out = torch.bmm(layer, x, out=_rows(net, index, layer, x.shape[2]))
            else:
                out = _first(net, layer, x, y)
            if index < len(layers) - 1:
                hidden.append(_activate(net, index, out))
        net.calls += 1
        ctx.net, ctx.call, ctx.x, ctx.y, ctx.layers, ctx.hidden = net, net.calls, x, y, layers, hidden
        return out

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        net, x, y, layers = ctx.net, ctx.x, ctx.y, ctx.layers
        if ctx.call != net.calls:
            raise RuntimeError("only the latest call of a Perceptron can be differentiated")
        gradient = outer[0]
        found: list[Tensor | None] = [None] * len(layers)
        for index in range(len(layers) - 1, 0, -1):
            derived, activated = ctx.hidden[index - 1]
            found[index] = torch.bmm(gradient, activated.transpose(1, 2))
            k, width, rows = derived.shape
            out = net.buffer(f"gradient {index}", gradient, k, width, rows)
            gradient = torch.bmm(layers[index][:, :, :-1].transpose(1, 2), gradient, out=out)
            _DERIVE[net.activation](gradient, derived)
        of_y = None
        of_x = gradient
        if y is not None:
            d = y.shape[1]
            of_x = net.buffer("gradient of x", gradient, len(x), gradient.shape[1], x.shape[2])
            torch.sum(gradient.unflatten(2, y.shape[2:]), 2, out=of_x)
            found_y = torch.bmm(gradient, y.flatten(2).transpose(1, 2))
            found[0] = torch.cat([found_y, torch.bmm(of_x, x.transpose(1, 2))], 2)
            if ctx.needs_input_grad[2]:
                of_y = torch.bmm(layers[0][:, :, :d].transpose(1, 2), gradient).view(y.shape)
        else:
            found[0] = torch.bmm(gradient, x.transpose(1, 2))
        if ctx.needs_input_grad[1]:
            of_x = torch.bmm(layers[0][:, :, -x.shape[1] :].transpose(1, 2), of_x)
            return (None, of_x, of_y, *found)
        return (None, None, of_y, *found)


def _rows(net: Perceptron, index: int, layer: Tensor, rows: int) -> Tensor:
    """The buffer for what a layer makes; hidden layers have a row of ones below it."""
    k, width, _ = layer.shape
    if index == len(net.sizes) - 2:
        return net.buffer("out", layer, k, width, rows)
    return net.buffer(f"hidden {index}", layer, k, width + 1, rows)[:, :width]


def _first(net: Perceptron, layer: Tensor, x: Tensor, y: Tensor) -> Tensor:
    k, d, versions, n = y.shape
    of_x = torch.bmm(layer[:, :, d:], x, out=net.buffer("of x", layer, k, layer.shape[1], n))
    out = _rows(net, 0, layer, versions * n)
    out.unflatten(2, (versions, n)).copy_(of_x.unsqueeze(2).expand(-1, -1, versions, -1))
    return out.baddbmm_(layer[:, :, :d], y.flatten(2))


def _activate(net: Perceptron, index: int, values: Tensor) -> tuple[Tensor, Tensor]:
    """What the derivative is computed from, and the activated values with their row of ones."""
    k, width, rows = values.shape
    memory = values._base if values._base is not None else values
    if net.activation != "gelu":
        _ACTIVATE[net.activation](values)
        return values, memory
    activated = net.buffer(f"activated {index}", values, k, width + 1, rows)
    aten.gelu.out(values, out=activated[:, :width])
    return values, activated


class ConcatCritic:
    """A critic T(x, y) that is one perceptron over x and y side by side (Belghazi et al. 2018, arXiv 1801.04062)."""

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], activation: Activation = "relu") -> None:
        self.net = Perceptron((dim_x + dim_y, *hidden, 1), activation)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of one critic's parameters."""
        return self.net.shapes

    def initial(self, generator: torch.Generator) -> Tensor:
        """One critic's parameters, flat."""
        return self.net.initial(generator)

    def __call__(self, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Scores ``(K, C, n)`` of x ``(K, dim_x + 1, n)``, with its ones, and C partners y ``(K, dim_y, C, n)``."""
        return self.net(layers, x, y).squeeze(1)
