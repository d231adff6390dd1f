"""Conditional densities q(y | x), K at a time: what a likelihood is maximised over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Protocol

import torch
from torch import Tensor

from mi_cli.bounds.conditional import gaussian_log_density
from mi_cli.fields import Activation
from mi_cli.lazy import zuko  # an extra, which most installations lack
from mi_cli.networks.regression import Regression, least_squares

__all__ = ["ConditionalGaussian", "Density", "Mixture", "SplineFlow"]

# Half the range of a log-scale, for columns of unit variance: densities stay finite where y is a function of x.
_LOG_SCALE = 7.0
_RARE = -4.0  # ln of the weight that all but one component of a mixture begin with, against that one
_SPLINE = 500  # multiply-adds that take as long as what is done with one parameter of a spline, measured
_LN_2PI = math.log(2 * math.pi)


class Density(Protocol):
    """K densities of one form, their parameters in tensors ``(K, *shape)``."""

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """Shapes of one density's parameters."""

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row, forward, and the numbers kept for it until backward."""

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One density's parameters, flat: its linear part by least squares on rows, where they are given.

        They are x ``(dim_x + 1, n)``, with its ones, and y ``(dim_y, n)``.
        """

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)``, of x ``(K, dim_x + 1, n)``, with its row of ones, and y ``(K, dim_y, n)``."""


class ConditionalGaussian:
    """A Gaussian whose mean and diagonal log-variance are functions of x: affine, and a perceptron's, added."""

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], activation: Activation = "relu") -> None:
        self.dim_y = dim_y
        self.outputs = Regression(dim_x, hidden, 2 * dim_y, activation)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of one density's parameters."""
        return self.outputs.shapes

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row, forward, and the numbers kept for it until backward."""
        work, floats = self.outputs.cost
        return work, floats + 6 * self.dim_y

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One density's parameters, flat: a linear regression; without rows, a standard normal."""
        affine = torch.zeros(2, self.dim_y, self.outputs.affine[1])
        if rows is not None:
            everything = torch.ones(affine.shape[1:], dtype=torch.bool)
            affine[0], scales = least_squares(*rows, [_constant(everything), everything])
            affine[1, :, -1] = _unbounded(torch.log(scales))
        return self.outputs.initial(generator, affine)

    def ignores_x(self, tensors: Sequence[Tensor]) -> list[bool]:
        """Of each density, whether it is the same whatever x."""
        return self.outputs.constant(tensors)

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
        self.outputs = Regression(dim_y + dim_x, hidden, outputs, activation)
        # What is of degree k may depend on the first k columns of y, and on what is of no higher degree.
        inputs = _degrees(dim_x, dim_y)
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

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One density's parameters, flat: linear regressions, nearly all of their errors of one component.

        The others begin at the quantiles of a normal, lest all components stay alike.
        """
        places = torch.tensor([0.0, *(NormalDist().inv_cdf(c / self.components) for c in range(1, self.components))])
        width = 1.0 if self.family == "gaussian" else math.sqrt(3) / math.pi  # of unit variance
        coefficients, scales = _autoregression(rows, self.outputs.affine[1], self.dim_y)
        affine = torch.zeros(3, self.components, *coefficients.shape)
        affine[0, 1:, :, -1] = _RARE
        affine[1] = coefficients
        affine[1, :, :, -1] += places.unsqueeze(1) * scales
        affine[2, :, :, -1] = _unbounded(torch.log(scales * width))
        return self.outputs.initial(generator, affine)

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


class SplineFlow:
    """Neural spline flows of y given x (Durkan et al. 2019, arXiv 1906.04032), by zuko, after an affine one.

    Each transform is autoregressive and monotone in every column. The first is linear in x and the columns before. The
    others are rational-quadratic splines within ±5 and the identity beyond, their knots a masked perceptron's. The K
    flows are one program by ``torch.vmap``, equal to the last bit whatever K from 2 on; torch rounds some products of a
    single one otherwise.
    """

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], transforms: int, bins: int) -> None:
        flow = zuko.flows.NSF(dim_y, dim_x, transforms=transforms, hidden_features=tuple(hidden), bins=bins)
        self.module = _LogDensity(flow).requires_grad_(False)
        self.parameters = dict(self.module.named_parameters())
        self.dim_y, self.splines = dim_y, dim_y * (3 * bins - 1) * transforms
        self.mask = (torch.arange(dim_y).repeat(2).unsqueeze(1) >= _degrees(dim_x, dim_y)).float()

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of one density's parameters."""
        return [*(tuple(parameter.shape) for parameter in self.parameters.values()), tuple(self.mask.shape)]

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row, forward, and the numbers kept for it until backward."""
        work = sum(map(math.prod, self.shapes)) + _SPLINE * self.splines
        return work, 2 * sum(shape[0] for shape in self.shapes) + 6 * self.splines

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One density's parameters, flat: linear regressions with normal errors; without rows, a standard normal."""
        last = {
            f"flow.transform.transforms.{index}.hyper.{len(transform.hyper) - 1}"
            for index, transform in enumerate(self.module.flow.transform.transforms)
        }
        found, width = [], 1
        for name, parameter in self.parameters.items():
            layer, _, what = name.rpartition(".")
            width = parameter.shape[1] if what == "weight" else width  # a layer's bias follows its weights
            drawn = torch.empty(parameter.numel()).uniform_(-1, 1, generator=generator) / math.sqrt(width)
            found.append(drawn * (layer not in last))
        affine = torch.zeros(2, self.dim_y, self.mask.shape[1])
        affine[0], scales = _autoregression(rows, self.mask.shape[1], self.dim_y)
        affine[1, :, -1] = _unbounded(torch.log(scales))
        return torch.cat([*found, affine.flatten()])

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)``."""
        module = self.module.to(x.device)
        place, raw = torch.bmm(tensors[-1] * self.mask.to(x.device), torch.cat([y, x], 1)).chunk(2, 1)
        log_scale = _bounded(raw)

        def one(own: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
            named = dict(zip(self.parameters, own, strict=True))
            found: Tensor = torch.func.functional_call(module, named, (x, y))
            return found

        z = (y - place) * torch.exp(-log_scale)
        rows = (part.mT.contiguous() for part in (x[:, :-1], z))  # zuko's way round
        found: Tensor = torch.vmap(one)(tuple(tensors[:-1]), *rows)
        return found - log_scale.sum(1)


class _LogDensity(torch.nn.Module):
    """ln q(y | x) of one of zuko's flows, in one call: zuko evaluates its networks as late as in ``log_prob``."""

    def __init__(self, flow: Any) -> None:
        super().__init__()
        self.flow: Any = flow

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """ln q ``(n,)`` of x ``(n, dim_x)`` and y ``(n, dim_y)``."""
        log_density: Tensor = self.flow(x).log_prob(y)
        return log_density


def _degrees(dim_x: int, dim_y: int) -> Tensor:
    """By input, columns of y before those of x and the ones: which column of y is the first that may depend on it."""
    return torch.cat([torch.arange(1, dim_y + 1), torch.zeros(dim_x + 1, dtype=torch.int64)])


def _autoregression(rows: tuple[Tensor, Tensor] | None, inputs: int, dim_y: int) -> tuple[Tensor, Tensor]:
    """Each column of y by least squares on those before it, and on x; without rows, 0 with errors of unit variance."""
    if rows is None:
        return torch.zeros(dim_y, inputs), torch.ones(dim_y)
    x, y = rows
    everything = torch.arange(dim_y).unsqueeze(1) >= _degrees(len(x) - 1, dim_y)
    before = everything.clone()
    before[:, dim_y:-1] = False
    return least_squares(torch.cat([y, x]), y, [_constant(everything), before, everything])


def _constant(choice: Tensor) -> Tensor:
    """No input but the ones."""
    found = torch.zeros_like(choice)
    found[:, -1] = True
    return found


def _bounded(raw: Tensor) -> Tensor:
    return _LOG_SCALE * torch.tanh(raw / _LOG_SCALE)


def _unbounded(log_scale: Tensor) -> Tensor:
    """What :func:`_bounded` takes to a log-scale, or to one that is well within its range."""
    return _LOG_SCALE * torch.atanh((log_scale / _LOG_SCALE).clamp(-0.9, 0.9))
