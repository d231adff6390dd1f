"""Networks of the stack: perceptrons that carry a leading axis of trials.

Activations are feature-major, ``(K, features, rows)``, with a last row of ones that meets the bias, which is the last
column of a layer's matrix: a layer is one batched product, forward and backward. Buffers are kept from step to step,
because fresh memory costs about as much as the arithmetic of layers this narrow (tests/benchmarks/layout.py).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mi_cli.fields import Activation

__all__ = ["Perceptron", "with_ones"]

aten = torch.ops.aten

# In place: how a layer's values are activated, and how the gradient after it becomes the one before it. GELU's
# derivative needs the value before activation, so it alone is activated into a second buffer.
_ACTIVATE: dict[Activation, Callable[[Tensor], Tensor]] = {"relu": torch.relu_, "tanh": torch.tanh_, "elu": aten.elu_}
_DERIVE: dict[Activation, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda g, h: aten.threshold_backward.grad_input(g, h, 0, grad_input=g),
    "tanh": lambda g, h: aten.tanh_backward.grad_input(g, h, grad_input=g),
    "elu": lambda g, h: aten.elu_backward.grad_input(g, 1, 1, 1, True, h, grad_input=g),
    "gelu": lambda g, h: aten.gelu_backward.grad_input(_T(g), _T(h), grad_input=_T(g)),
}


def _T(x: Tensor) -> Tensor:  # noqa: N802 (as the property of a matrix)
    """Transposed, which keeps GELU from another kernel that it takes for contiguous memory, as of one trial alone."""
    return x.transpose(1, 2)


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
        self.buffers: dict[tuple[Any, ...], _Buffers] = {}
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
        out: Tensor = _Run.apply(self, x, y, *layers)  # type: ignore[no-untyped-call]
        return out if y is None else out.unflatten(2, y.shape[2:])

    def memory(self, x: Tensor, versions: int) -> _Buffers:
        """Buffers for inputs of this shape, the same at every step."""
        key = (len(x), x.shape[2], versions, x.dtype, x.device)
        if key not in self.buffers:
            self.buffers[key] = _Buffers(self, x, versions)
        return self.buffers[key]


class _Buffers:
    """What one pass writes to: by hidden layer the values, the same with ones below, and their gradients."""

    def __init__(self, net: Perceptron, x: Tensor, versions: int) -> None:
        k, _, n = x.shape
        rows, widths = versions * n, net.sizes[1:-1]
        values = [x.new_ones(k, width + 1, rows) for width in widths]
        activated = values if net.activation != "gelu" else [x.new_ones(k, width + 1, rows) for width in widths]
        self.values = [memory[:, :-1] for memory in values]
        self.activated = activated
        self.transposed = [memory.transpose(1, 2) for memory in activated]
        self.gradients = [x.new_empty(k, width, rows) for width in widths]
        self.out = x.new_empty(k, net.sizes[-1], rows)
        if versions > 1:
            self.of_x = x.new_empty(k, net.sizes[1], n)


class _Run(torch.autograd.Function):
    """The perceptron's forward and backward passes, written out."""

    @staticmethod
    def forward(ctx: Any, net: Perceptron, x: Tensor, y: Tensor | None, *layers: Tensor) -> Tensor:
        memory = net.memory(x, 1 if y is None else y.shape[2])
        for index, layer in enumerate(layers):
            out = memory.out if index == len(layers) - 1 else memory.values[index]
            if index:
                _product(layer, memory.activated[index - 1], out)
            elif y is None:
                _product(layer, x, out)
            else:
                _first(layer, x, y, memory, out)
            if index < len(layers) - 1:
                if net.activation == "gelu":
                    aten.gelu.out(_T(out), out=_T(memory.activated[index][:, :-1]))
                else:
                    _ACTIVATE[net.activation](out)
        net.calls += 1
        ctx.net, ctx.call, ctx.x, ctx.y, ctx.layers, ctx.memory = net, net.calls, x, y, layers, memory
        return memory.out

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        net, x, y, layers, memory = ctx.net, ctx.x, ctx.y, ctx.layers, ctx.memory
        if ctx.call != net.calls:
            raise RuntimeError("only the latest call of a Perceptron can be differentiated")
        gradient = outer[0]
        found: list[Tensor | None] = [None] * len(layers)
        for index in range(len(layers) - 1, 0, -1):
            found[index] = _product(gradient, memory.transposed[index - 1])
            backward = layers[index][:, :, :-1].transpose(1, 2)
            gradient = _product(backward, gradient, memory.gradients[index - 1])
            _DERIVE[net.activation](gradient, memory.values[index - 1])
        of_x, of_y = gradient, None
        if y is None:
            found[0] = _product(gradient, x.transpose(1, 2))
        else:
            d = y.shape[1]
            if y.shape[2] > 1:
                of_x = torch.sum(gradient.unflatten(2, y.shape[2:]), 2, out=memory.of_x)
            found_y = _product(gradient, y.flatten(2).transpose(1, 2))
            found[0] = torch.cat([found_y, _product(of_x, x.transpose(1, 2))], 2)
            if ctx.needs_input_grad[2]:
                of_y = _product(layers[0][:, :, :d].transpose(1, 2), gradient).view(y.shape)
        if not ctx.needs_input_grad[1]:
            return (None, None, of_y, *found)
        return (None, _product(layers[0][:, :, -x.shape[1] :].transpose(1, 2), of_x), of_y, *found)


def _product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Batched matrix products, equal to the last bit however many there are.

    For a single product with one row or column, torch calls a matrix-vector kernel, which on some processors rounds
    otherwise than the batched one: that one is asked for it twice.
    """
    if len(a) > 1 or 1 not in (a.shape[1], b.shape[2]):
        return torch.bmm(a, b) if out is None else torch.bmm(a, b, out=out)
    found = torch.bmm(a.expand(2, -1, -1), b.expand(2, -1, -1))[:1]
    return found if out is None else out.copy_(found)


def _first(layer: Tensor, x: Tensor, y: Tensor, memory: _Buffers, out: Tensor) -> None:
    """The first layer where y comes in versions: x's part is copied to all of them, y's is added."""
    d = y.shape[1]
    if y.shape[2] > 1:
        of_x = _product(layer[:, :, d:], x, memory.of_x)
        out.unflatten(2, y.shape[2:]).copy_(of_x.unsqueeze(2).expand(-1, -1, y.shape[2], -1))
    else:
        _product(layer[:, :, d:], x, out)
    out.baddbmm_(layer[:, :, :d], y.flatten(2))
