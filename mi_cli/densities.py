"""Conditional densities q(y | x), K at a time: what a likelihood is maximised over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Protocol

import torch
from torch import Tensor

from mi_cli.conditional import gaussian_log_density
from mi_cli.fields import Activation
from mi_cli.perceptron import Perceptron

__all__ = ["ConditionalGaussian", "Density", "Mixture", "SplineFlow"]

# Half the range of a log-scale, for columns of unit variance: densities stay finite where y is a function of x.
_LOG_SCALE = 7.0
_LN_2PI = math.log(2 * math.pi)


class Density(Protocol):
    """K densities of one form, their parameters in tensors ``(K, *shape)``."""

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """Shapes of one density's parameters."""

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row, forward, and the numbers kept for it until backward."""

    def initial(self, generator: torch.Generator) -> Tensor:
        """One density's parameters, flat."""

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)``, of x ``(K, dim_x + 1, n)``, with its row of ones, and y ``(K, dim_y, n)``."""


class _Regression:
    """A perceptron beside an affine map of the same inputs, so that what is linear is so from few rows.

    The perceptron's last layer starts at 0: at first the outputs are its biases, whatever the inputs.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, activation: Activation) -> None:
        self.net = Perceptron((inputs, *hidden, outputs), activation)
        self.affine = (outputs, inputs + 1)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        return [*self.net.shapes, self.affine]

    @property
    def cost(self) -> tuple[int, int]:
        return self.net.multiplications + math.prod(self.affine), self.net.floats + self.affine[0]

    def initial(self, generator: torch.Generator, start: Tensor) -> Tensor:
        last = torch.zeros(self.net.shapes[-1])
        last[:, -1] = start
        layers = self.net.initial(generator)[: -last.numel()]
        return torch.cat([layers, last.flatten(), torch.zeros(math.prod(self.affine))])

    def __call__(self, tensors: Sequence[Tensor], inputs: Tensor) -> Tensor:
        return self.net(tensors[:-1], inputs) + torch.bmm(tensors[-1], inputs)


class ConditionalGaussian:
    """A Gaussian whose mean and diagonal log-variance are functions of x: affine, and a perceptron's, added."""

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], activation: Activation = "relu") -> None:
        self.dim_y = dim_y
        self.outputs = _Regression(dim_x, hidden, 2 * dim_y, activation)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of one density's parameters."""
        return self.outputs.shapes

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row, forward, and the numbers kept for it until backward."""
        work, floats = self.outputs.cost
        return work, floats + 6 * self.dim_y

    def initial(self, generator: torch.Generator) -> Tensor:
        """One density's parameters, flat: a standard normal, whatever x."""
        return self.outputs.initial(generator, torch.zeros(2 * self.dim_y))

    def moments(self, tensors: Sequence[Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances ``(K, dim_y, n)`` at x ``(K, dim_x + 1, n)``."""
        mean, raw = self.outputs(tensors, x).chunk(2, 1)
        return mean, 2 * _bounded(raw)

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)``."""
        return gaussian_log_density(y, *self.moments(tensors, x))


class Mixture:
    r"""Each column of y given x and the columns before it: a mixture of Gaussians or of logistics.

    .. math:: \ln q(y \mid x) = \sum_k \ln \sum_c w_{kc}\, f\bigl((y_k - μ_{kc}) / s_{kc}\bigr) / s_{kc}

    Weights, locations and log-scales are functions of x and y_1 … y_{k−1}: affine, and a masked perceptron's, added.
    By the chain rule no dependence among the columns of y is ruled out.

    Bishop 1994 (mixture density networks); Germain et al. 2015 (masks, arXiv 1502.03509).
    """

    def __init__(
        self,
        dim_x: int,
        dim_y: int,
        hidden: Sequence[int],
        activation: Activation = "relu",
        components: int = 5,
        family: str = "gaussian",
    ) -> None:
        self.dim_y, self.components, self.family = dim_y, components, family
        outputs = 3 * components * dim_y
        self.outputs = _Regression(dim_y + dim_x, hidden, outputs, activation)
        # What is of degree k may depend on the first k columns of y, and on what is of no higher degree.
        inputs = torch.cat([torch.arange(1, dim_y + 1), torch.zeros(dim_x + 1, dtype=torch.int64)])
        layers = [torch.arange(width) % dim_y for width in (*hidden, outputs)]
        ones = torch.zeros(1, dtype=torch.int64)
        below = [inputs, *(torch.cat([layer, ones]) for layer in layers[:-1])]
        pairs = [*zip(layers, below, strict=True), (layers[-1], inputs)]
        self.masks = [(after.unsqueeze(1) >= before).float() for after, before in pairs]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of one density's parameters."""
        return self.outputs.shapes

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row, forward, and the numbers kept for it until backward."""
        work, floats = self.outputs.cost
        return work, floats + 8 * self.components * self.dim_y

    def initial(self, generator: torch.Generator) -> Tensor:
        """One density's parameters, flat: components of equal weight at the quantiles of a normal, whatever x."""
        places = [NormalDist().inv_cdf((c + 0.5) / self.components) for c in range(self.components)]
        parts = torch.zeros(3, self.components, self.dim_y)
        parts[1] = torch.tensor(places).unsqueeze(1)
        return self.outputs.initial(generator, parts.flatten())

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)``."""
        masked = [tensor * mask.to(tensor.device) for tensor, mask in zip(tensors, self.masks, strict=True)]
        outputs = self.outputs(masked, torch.cat([y, x], 1))
        weight, place, raw = outputs.unflatten(1, (3, self.components, self.dim_y)).unbind(1)
        log_scale = _bounded(raw)
        z = (y.unsqueeze(1) - place) * torch.exp(-log_scale)
        if self.family == "gaussian":
            shape = -0.5 * (z.square() + _LN_2PI)
        else:
            shape = -z.abs() - 2 * torch.log1p(torch.exp(-z.abs()))
        terms = torch.logsumexp(weight + shape - log_scale, 1) - torch.logsumexp(weight, 1)
        return terms.sum(1)


def _bounded(raw: Tensor) -> Tensor:
    return _LOG_SCALE * torch.tanh(raw / _LOG_SCALE)


class SplineFlow:
    """Neural spline flows of y given x (Durkan et al. 2019, arXiv 1906.04032), by zuko.

    Each transform is autoregressive and monotone in every column, a rational-quadratic spline within ±5 and the
    identity beyond; its knots are a masked perceptron's, of x and of the columns before. The K flows are one program
    by ``torch.vmap``, equal to the last bit whatever K from 2 on; torch rounds some products of a single one otherwise.
    """

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], transforms: int, bins: int) -> None:
        import zuko

        class LogDensity(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.flow = zuko.flows.NSF(
                    dim_y, dim_x, transforms=transforms, hidden_features=tuple(hidden), bins=bins
                )

            def forward(self, x: Tensor, y: Tensor) -> Tensor:  # zuko calls its networks as late as in log_prob
                found: Tensor = self.flow(x).log_prob(y)
                return found

        self.module = LogDensity().requires_grad_(False)
        self.parameters = dict(self.module.named_parameters())
        self.spline = dim_y * (3 * bins - 1) * transforms

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of one density's parameters."""
        return [tuple(parameter.shape) for parameter in self.parameters.values()]

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row, forward, and the numbers kept for it until backward."""
        sizes = [shape[0] for shape in self.shapes]
        return sum(math.prod(shape) for shape in self.shapes), 2 * sum(sizes) + 6 * self.spline

    def initial(self, generator: torch.Generator) -> Tensor:
        """One density's parameters, flat: a standard normal, whatever x."""
        last = {
            f"flow.transform.transforms.{i}.hyper.{len(part.hyper) - 1}"
            for i, part in enumerate(self.module.flow.transform.transforms)
        }
        found, width = [], 1
        for name, parameter in self.parameters.items():
            layer, _, what = name.rpartition(".")
            width = parameter.shape[1] if what == "weight" else width  # a layer's bias follows its weights
            drawn = torch.empty(parameter.numel()).uniform_(-1, 1, generator=generator) / math.sqrt(width)
            found.append(drawn * (layer not in last))
        return torch.cat(found)

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)``."""
        module = self.module.to(x.device)

        def one(own: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
            named = dict(zip(self.parameters, own, strict=True))
            found: Tensor = torch.func.functional_call(module, named, (x[:-1].T, y.T))
            return found

        found: Tensor = torch.vmap(one)(tuple(tensors), x, y)
        return found
