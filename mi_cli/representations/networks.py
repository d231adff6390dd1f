"""Encoders of a stack: K networks of one shape, applied to the rows of K trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from mi_cli.errors import ConfigError, Fault
from mi_cli.networks.perceptron import Perceptron, with_ones
from mi_cli.registry.lookup import encoder_factory
from mi_cli.representations.shape import MLP, EncoderShape

__all__ = ["EncoderNet", "ModuleEncoder", "PerceptronEncoder", "encoder_net"]

_ACTIVATIONS = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "tanh": torch.tanh,
    "elu": torch.nn.functional.elu,
}


class EncoderNet(Protocol):
    """K encoders of one shape."""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one encoder."""

    @property
    def names(self) -> list[str]:
        """Names of the parameters, in the same order."""

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one encoder, flat."""

    def __call__(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """Codes ``(K, dim, n)`` of rows ``(K, d, n)``, which can be differentiated."""

    def apply(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Codes ``(n, dim)`` of rows ``(n, d)`` by one encoder, in float64."""


class PerceptronEncoder:
    """Multilayer perceptrons."""

    def __init__(self, columns: int, shape: EncoderShape) -> None:
        self.net = Perceptron((columns, *shape.hidden, shape.dim), shape.activation)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one encoder: ``(out, in + 1)`` for each layer, the bias last."""
        return list(self.net.shapes)

    @property
    def names(self) -> list[str]:
        """Names of the layers."""
        return [f"layer_{number}" for number in range(len(self.net.shapes))]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one encoder, flat."""
        return self.net.initial(generator)

    def __call__(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """Codes ``(K, dim, n)`` of rows ``(K, d, n)``."""
        return self.net(layers, with_ones(x))

    def apply(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Codes ``(n, dim)`` of rows ``(n, d)``; in float64, so that they hardly depend on how sums are ordered."""
        code, activate = x.double(), _ACTIVATIONS[self.net.activation]
        for number, name in enumerate(self.names):
            layer = weights[name].double()
            code = torch.nn.functional.linear(code, layer[:, :-1], layer[:, -1])
            if number < len(self.names) - 1:
                code = activate(code)
        return code


class ModuleEncoder:
    """Modules of another package, which torch.func stacks.

    They are in evaluation mode throughout, so that dropout does nothing, and they have no buffers: what is not a
    parameter would not be kept, and statistics of a batch would depend on the rows beside a row.

    Args:
        columns: encoded columns of a row.
        shape: of the encoder; ``name`` is the entry point, a function of the columns and ``dim`` that returns a module
            from rows ``(n, columns)`` to codes ``(n, dim)``.

    Raises:
        ConfigError: there is no such encoder, it cannot be imported, or it is no such module.
    """

    def __init__(self, columns: int, shape: EncoderShape) -> None:
        self.columns, self.shape = columns, shape
        self.factory: Callable[[int, int], torch.nn.Module] = encoder_factory(shape.name)
        self.module = self._made(torch.Generator().manual_seed(0))
        if not isinstance(self.module, torch.nn.Module):
            raise self._error(f"makes {type(self.module).__name__}", "a torch.nn.Module")
        self.parameters = dict(self.module.eval().named_parameters())
        self._check()

    def _made(self, generator: torch.Generator) -> torch.nn.Module:
        """A module whose initial weights depend on a generator alone."""
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.factory(self.columns, self.shape.dim)

    def _check(self) -> None:
        if buffers := [name for name, _ in self.module.named_buffers()]:
            raise self._error(f"has buffers ({', '.join(buffers[:3])})", "a module with parameters only")
        if not self.parameters or any(part.dtype != torch.float32 for part in self.parameters.values()):
            raise self._error("has no parameters in float32", "a module with some, and no others")
        with torch.no_grad():
            code = self.module(torch.zeros(2, self.columns))
        if not isinstance(code, Tensor) or code.shape != (2, self.shape.dim):
            made = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
            raise self._error(f"makes {made} of rows (2, {self.columns})", f"codes (2, {self.shape.dim})")

    def _error(self, problem: str, accepted: str) -> ConfigError:
        return ConfigError(Fault("representation.name", self.shape.name, problem, accepted))

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one encoder."""
        return [tuple(parameter.shape) for parameter in self.parameters.values()]

    @property
    def names(self) -> list[str]:
        """Names of the parameters."""
        return list(self.parameters)

    def initial(self, generator: torch.Generator) -> Tensor:
        """Initial parameters of one encoder, flat."""
        return torch.cat([parameter.detach().flatten() for parameter in self._made(generator).parameters()])

    def __call__(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """Codes ``(K, dim, n)`` of rows ``(K, d, n)``."""
        stacked = dict(zip(self.names, layers, strict=True))

        def apply(parameters: dict[str, Tensor], rows: Tensor) -> Tensor:
            code: Tensor = torch.func.functional_call(self.module, parameters, (rows,))
            return code

        codes: Tensor = torch.vmap(apply)(stacked, x.transpose(1, 2))
        return codes.transpose(1, 2)

    def apply(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Codes ``(n, dim)`` of rows ``(n, d)``, computed in float32 as in training."""
        code: Tensor = torch.func.functional_call(self.module, dict(weights), (x.float(),))
        return code.double()


def encoder_net(columns: int, shape: EncoderShape) -> EncoderNet:
    """The encoders of a stack, for rows of ``columns`` encoded columns.

    Raises:
        ConfigError: there is no encoder of this name, or it is another package's and cannot be used.
    """
    return PerceptronEncoder(columns, shape) if shape.name == MLP else ModuleEncoder(columns, shape)
