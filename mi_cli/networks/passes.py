"""The forward and backward passes of a perceptron, for a stack of trials.

Buffers are kept from step to step: for layers this narrow, allocating memory costs about as much as the arithmetic
(tests/benchmarks/layout.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from mi_cli.fields import Activation

__all__ = ["Buffers", "Passes"]

aten = torch.ops.aten

# If x has at most this many columns, that of ones included, repeating them for every version of y is faster than
# computing their part of the first layer separately.
_FEW_COLUMNS = 16

# Activations and their derivatives, in place. The derivative of GELU needs the value before activation, so that GELU
# alone has a second buffer.
_ACTIVATE: dict[Activation, Callable[[Tensor], Tensor]] = {"relu": torch.relu_, "tanh": torch.tanh_, "elu": aten.elu_}
_DERIVE: dict[Activation, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda g, h: aten.threshold_backward.grad_input(g, h, 0, grad_input=g),
    "tanh": lambda g, h: aten.tanh_backward.grad_input(g, h, grad_input=g),
    "elu": lambda g, h: aten.elu_backward.grad_input(g, 1, 1, 1, True, h, grad_input=g),
    "gelu": lambda g, h: aten.gelu_backward.grad_input(_T(g), _T(h), grad_input=_T(g)),
}


_Share = tuple[Any, ...]  # slices of several tensors for one part, or of one tensor for all parts; or None
_View = Callable[[int, Tensor], Tensor]


def _T(x: Tensor) -> Tensor:  # noqa: N802 (as the property of a matrix)
    """Transposed. This also keeps GELU from choosing another kernel for the contiguous memory of a single trial."""
    return x.transpose(1, 2)


class _Network(Protocol):
    """What a pass needs of a perceptron."""

    sizes: tuple[int, ...]
    activation: Activation
    calls: int

    @property
    def shapes(self) -> list[tuple[int, int]]: ...

    def memory(self, x: Tensor, y: Tensor | None) -> Buffers: ...

    def at_once(self, x: Tensor, rows: int) -> int: ...


class Buffers:
    """The memory of one pass, and views of it for each part, the trials that pass through the layers together.

    Values of hidden layers, with their row of ones, are kept from the forward to the backward pass. Gradients, and the
    part of x in the first layer, are used within a part only. All parts share their memory, so that it stays in the
    cache.
    """

    def __init__(self, net: _Network, x: Tensor, y: Tensor | None) -> None:
        k, columns, n = x.shape
        versions = 1 if y is None else y.shape[2]
        rows, widths = versions * n, net.sizes[1:-1]
        fits = net.at_once(x, rows)
        self.size = min(k, fits)
        self.out = x.new_empty(k, net.sizes[-1], rows)
        values = [x.new_ones(k, width + 1, rows) for width in widths]
        activated = values if net.activation != "gelu" else [x.new_ones(k, width + 1, rows) for width in widths]
        gradients = [x.new_empty(self.size, width, rows) for width in widths]
        of_x = x.new_empty(self.size, net.sizes[1], n)
        product = torch.bmm if fits == 1 else _bmm
        self.parts = []
        for low in range(0, k, self.size):
            part = slice(low, min(low + self.size, k))
            count = part.stop - low
            own = ([memory[part] for memory in values], [memory[part] for memory in activated], self.out[part])
            self.parts.append(_Part(net, product, *own, [memory[:count] for memory in gradients], of_x[:count]))
        self.beside: Tensor | None = None
        if y is not None and columns <= _FEW_COLUMNS:
            self.beside = x.new_empty(k, y.shape[1] + columns, rows)
        self.copied: tuple[Tensor, int] | None = None
        self.gradients = [x.new_empty(k, *shape) for shape in net.shapes]
        self.views: dict[str, tuple[Sequence[Tensor | None], list[_Share]]] = {}

    def side_by_side(self, beside: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """y with x below it for each version; x is copied only when it has changed."""
        versions = beside.unflatten(2, y.shape[2:])
        versions[:, : y.shape[1]] = y
        if self.copied is None or self.copied[0] is not x or self.copied[1] != x._version:
            versions[:, y.shape[1] :] = x.unsqueeze(2)
            self.copied = x, x._version
        return beside

    def split(self, name: str, tensors: Sequence[Tensor | None], view: _View | None = None) -> list[_Share]:
        """The share of each part in some tensors, None for None; views are made again only for other tensors."""
        cached = self.views.get(name)
        if cached and len(cached[0]) == len(tensors) and all(a is b for a, b in zip(cached[0], tensors, strict=True)):
            return cached[1]
        viewed = tensors if view is None else [x if x is None else view(i, x) for i, x in enumerate(tensors)]
        shares = list(zip(*(self.shares(x) for x in viewed), strict=True))
        self.views[name] = tensors, shares
        return shares

    def shares(self, x: Tensor | None) -> _Share:
        """The slices of one tensor, one for each part."""
        return (None,) * len(self.parts) if x is None else x.split(self.size)


class _Part:
    """The passes of the trials that pass through the layers together, on their part of the buffers."""

    def __init__(
        self,
        net: _Network,
        product: Callable[..., Tensor],
        values: list[Tensor],
        activated: list[Tensor],
        out: Tensor,
        gradients: list[Tensor],
        of_x: Tensor,
    ) -> None:
        self.activation, self.product, self.of_x = net.activation, product, of_x
        self.activated, self.gradients = activated, gradients
        self.values = [memory[:, :-1] for memory in values]
        self.transposed = [_T(memory) for memory in activated]
        self.outs = [*self.values, out]
        self.gelu = [(_T(h), _T(a[:, :-1])) for h, a in zip(self.values, activated, strict=True)]

    def forward(self, layers: Sequence[Tensor], x: Tensor, y: Tensor | None) -> None:
        """Compute the values of all layers into the buffers."""
        for index, (layer, out) in enumerate(zip(layers, self.outs, strict=True)):
            if index:
                self.product(layer, self.activated[index - 1], out=out)
            elif y is None:
                self.product(layer, x, out=out)
            else:
                self.first(layer, x, y, out)
            if index == len(self.values):
                return
            if self.activation == "gelu":
                before, after = self.gelu[index]
                aten.gelu.out(before, out=after)
            else:
                _ACTIVATE[self.activation](out)

    def first(self, layer: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
        """Compute the first layer for versions of y: the part of x is copied to all versions, that of y is added."""
        d = y.shape[1]
        of_x = self.product(layer[:, :, d:], x, out=self.of_x)
        out.unflatten(2, y.shape[2:]).copy_(of_x.unsqueeze(2).expand(-1, -1, y.shape[2], -1))
        out.baddbmm_(layer[:, :, :d], y.flatten(2))

    def backward(self, turned: Sequence[Tensor], gradient: Tensor, layers: Sequence[Tensor]) -> Tensor:
        """Write the gradients of all layers but the first to ``layers``; return that of the first layer's values."""
        for index in range(len(layers) - 1, 0, -1):
            self.product(gradient, self.transposed[index - 1], out=layers[index])
            gradient = self.product(turned[index], gradient, out=self.gradients[index - 1])
            _DERIVE[self.activation](gradient, self.values[index - 1])
        return gradient

    def backward_first(self, gradient: Tensor, x: Tensor, y: Tensor | None, layer: Tensor) -> None:
        """Write the gradient of the first layer to ``layer``."""
        if y is None:
            self.product(gradient, _T(x), out=layer)
            return
        d = y.shape[1]
        layer[:, :, :d] = self.product(gradient, _T(y.flatten(2)))
        layer[:, :, d:] = self.product(self.over_versions(gradient, y.shape[2]), _T(x))

    def backward_inputs(
        self, turned: Tensor, gradient: Tensor, of_x: Tensor | None, of_y: Tensor | None, versions: int
    ) -> None:
        """Write the gradients of x and y, where they are needed."""
        if of_y is not None:
            self.product(turned[:, : of_y.shape[1]], gradient, out=of_y)
        if of_x is not None:
            self.product(turned[:, -of_x.shape[1] :], self.over_versions(gradient, versions), out=of_x)

    def over_versions(self, gradient: Tensor, versions: int) -> Tensor:
        """The sum over all versions of y, which is the gradient of the part of x in the first layer."""
        if versions == 1:
            return gradient
        return torch.sum(gradient.unflatten(2, (versions, -1)), 2, out=self.of_x)


class Passes(torch.autograd.Function):
    """The forward and backward passes of a perceptron, one part of the trials after another."""

    @staticmethod
    def forward(ctx: Any, net: _Network, x: Tensor, y: Tensor | None, *layers: Tensor) -> Tensor:
        """Outputs, ``(K, out, rows)``."""
        memory = net.memory(x, y)
        inputs = (x, y) if y is None or memory.beside is None else (memory.side_by_side(memory.beside, x, y), None)
        shares = zip(memory.split("layers", layers), memory.split("inputs", inputs), strict=True)
        for part, (own, (own_x, own_y)) in zip(memory.parts, shares, strict=True):
            part.forward(own, own_x, own_y)
        net.calls += 1
        ctx.net, ctx.call, ctx.memory, ctx.layers, ctx.inputs = net, net.calls, memory, layers, inputs
        ctx.shapes = x.shape, None if y is None else y.shape
        # Not the buffer itself: it would hold the graph that holds it, and never be freed.
        return memory.out.detach()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the arguments of :meth:`forward`."""
        memory, (shape_x, shape_y) = ctx.memory, ctx.shapes
        if ctx.call != ctx.net.calls:
            raise RuntimeError("only the latest call of a Perceptron can be differentiated")
        versions = 1 if shape_y is None else shape_y[2]
        of_x = memory.out.new_empty(shape_x) if ctx.needs_input_grad[1] else None
        of_y = memory.out.new_empty(*shape_y[:2], memory.out.shape[2]) if ctx.needs_input_grad[2] else None
        for part, inputs, turned, gradients, gradient, own_x, own_y in zip(
            memory.parts,
            memory.split("inputs", ctx.inputs),
            memory.split("turned", ctx.layers, _turned),
            memory.split("gradients", memory.gradients),
            *(memory.shares(x) for x in (outer[0], of_x, of_y)),
            strict=True,
        ):
            values = part.backward(turned, gradient, gradients)
            part.backward_first(values, *inputs, gradients[0])
            part.backward_inputs(turned[0], values, own_x, own_y, versions)
        return (None, of_x, None if of_y is None else of_y.view(shape_y), *(x.clone() for x in memory.gradients))


def _turned(index: int, layer: Tensor) -> Tensor:
    """A layer's matrix, transposed. Only the first layer keeps its biases, for the gradient of the row of ones of x."""
    return _T(layer[:, :, :-1] if index else layer)


def _bmm(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Batched matrix products, which are the same to the last bit for any number of them.

    For a single product with one row or column, torch calls a matrix-vector kernel, which rounds differently on some
    processors. So a single product is computed twice, as a batch of two.
    """
    if len(a) > 1 or 1 not in (a.shape[1], b.shape[2]):
        return torch.bmm(a, b) if out is None else torch.bmm(a, b, out=out)
    single = torch.bmm(a.expand(2, -1, -1), b.expand(2, -1, -1))[:1]
    return single if out is None else out.copy_(single)
