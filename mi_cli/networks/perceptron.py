"""Perceptrons of a stack: multilayer perceptrons with a leading axis of trials.

Activations are feature-major, ``(K, features, rows)``, and end with a row of ones. The bias is the last column of a
layer's matrix, so that a layer is one batched product, forward and backward (see :mod:`mi_cli.networks.passes`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mi_cli import networks
from mi_cli.fields import Activation
from mi_cli.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.networks.passes import Buffers

__all__ = ["Perceptron", "with_ones"]

# The buffers of the trials that pass through all layers together must fit a core's own cache: where the shared cache
# was busy, larger ones were several times slower. 1.5 and 3 times this size made no difference beyond noise.
_CACHE_BYTES = 1 << 20


def with_ones(x: Tensor) -> Tensor:
    """x ``(K, d, n)`` with a last row of ones, ``(K, d + 1, n)``."""
    return torch.cat([x, x.new_ones(len(x), 1, x.shape[2])], 1)


class Perceptron:
    """K multilayer perceptrons of one shape.

    An object belongs to one stack, because it owns the buffers of its calls. A second call of the same shape overwrites
    the result of the first, and only the latest call can be differentiated.

    Args:
        sizes: numbers of features, from input to output.
        activation: of the hidden layers.
    """

    def __init__(self, sizes: Sequence[int], activation: Activation = "relu") -> None:
        self.sizes = tuple(sizes)
        self.activation: Activation = activation
        self.buffers: dict[tuple[Any, ...], Buffers] = {}
        self.calls = 0

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of the parameters of one network: ``(out, in + 1)`` for each layer."""
        return [(b, a + 1) for a, b in itertools.pairwise(self.sizes)]

    @property
    def multiplications(self) -> int:
        """Multiply-adds of a row in the forward pass."""
        return sum(b * a for b, a in self.shapes)

    @property
    def floats(self) -> int:
        """Numbers kept for a row until the backward pass, the buffers of the backward pass included."""
        return sum(2 * size + 1 for size in self.sizes[1:])

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one network, flat: uniform in ±1/sqrt(in), as those of torch.nn.Linear."""
        return torch.cat(
            [torch.empty(b * a).uniform_(-1, 1, generator=generator) / math.sqrt(a - 1) for b, a in self.shapes]
        )

    def __call__(self, layers: Sequence[Tensor], x: Tensor, y: Tensor | None = None) -> Tensor:
        """Outputs of the networks.

        Args:
            layers: parameters, ``(K, out, in + 1)`` each.
            x: inputs with their row of ones, ``(K, in + 1, n)``.
            y: further inputs, of which every row has C versions, ``(K, dim_y, C, n)``. The part of x in the first layer
                is computed once for all versions.

        Returns:
            ``(K, out, n)``, or ``(K, out, C, n)``.

        Raises:
            RuntimeError: in the backward pass, if this is not the latest call.
        """
        out: Tensor = networks.Passes.apply(self, x, y, *layers)  # type: ignore[no-untyped-call]
        return out if y is None else out.unflatten(2, y.shape[2:])

    def memory(self, x: Tensor, y: Tensor | None) -> Buffers:
        """Buffers for inputs of this shape; they are the same at every step."""
        key = (x.shape, None if y is None else y.shape, x.dtype, x.device)
        if key not in self.buffers:
            self.buffers[key] = networks.Buffers(self, x, y)
        return self.buffers[key]

    def at_once(self, x: Tensor, rows: int) -> int:
        """The number of trials that pass through all layers together."""
        if x.device.type != "cpu":
            return len(x)
        return max(1, _CACHE_BYTES // (x.element_size() * self.floats * rows))
