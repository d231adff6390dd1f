"""Conditional densities q(y | x), K at a time, that are fitted by maximum likelihood."""

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

# Log-scales are within ± this, for columns of unit variance, so that densities stay finite where y is a function of x.
_LOG_SCALE = 7.0
_RARE = -4.0  # ln of the initial weight of each component of a mixture, relative to that of the first
_SPLINE = 500  # multiply-adds that take as long as the work for one parameter of a spline, as measured
_LN_2PI = math.log(2 * math.pi)


class Density(Protocol):
    """K densities of one form, whose parameters are tensors ``(K, *shape)``."""

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """Shapes of the parameters of one density."""

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row in the forward pass, and numbers kept for it until the backward pass."""

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Initial parameters of one density, flat.

        Args:
            generator: the source of the networks' weights.
            rows: x with its row of ones ``(dim_x + 1, n)`` and y ``(dim_y, n)``, to which the linear part is fitted by
                least squares. Without rows it is zero.
        """

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """The log-densities of rows.

        Args:
            tensors: parameters, ``(K, *shape)`` each.
            x: with its row of ones, ``(K, dim_x + 1, n)``.
            y: ``(K, dim_y, n)``.

        Returns:
            ln q(y | x), ``(K, n)`` in nats.
        """


class _OfRegression:
    """A density whose parameters are outputs of a :class:`~mi_cli.networks.regression.Regression`.

    Args:
        outputs: the networks of K densities.
        floats: numbers kept for a row until the backward pass, beside those of the networks.
    """

    def __init__(self, outputs: Regression, floats: int) -> None:
        self.outputs, self.floats = outputs, floats

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of the parameters of one density."""
        return self.outputs.shapes

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row in the forward pass, and numbers kept for it until the backward pass."""
        work, floats = self.outputs.cost
        return work, floats + self.floats


class ConditionalGaussian(_OfRegression):
    """A Gaussian whose mean and diagonal log-variance are functions of x: an affine map plus a perceptron."""

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], activation: Activation = "relu") -> None:
        super().__init__(Regression(dim_x, hidden, 2 * dim_y, activation), 6 * dim_y)
        self.dim_y = dim_y

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Initial parameters of one density, flat: a linear regression; without rows, a standard normal."""
        affine = torch.zeros(2, self.dim_y, self.outputs.affine[1])
        if rows is not None:
            everything = torch.ones(affine.shape[1:], dtype=torch.bool)
            affine[0], scales = least_squares(*rows, [_constant(everything), everything])
            affine[1, :, -1] = _unbounded(torch.log(scales))
        return self.outputs.initial(generator, affine)

    def ignores_x(self, tensors: Sequence[Tensor]) -> list[bool]:
        """Whether each density is the same for all x."""
        return self.outputs.constant(tensors)

    def moments(self, tensors: Sequence[Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances ``(K, dim_y, n)`` at x ``(K, dim_x + 1, n)``."""
        mean, raw = self.outputs(tensors, x).chunk(2, 1)
        return mean, 2 * _bounded(raw)

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)`` in nats."""
        return gaussian_log_density(y, *self.moments(tensors, x))


class Mixture(_OfRegression):
    r"""Each column of y given x and the columns before it: a mixture of Gaussians or of logistics.

    .. math:: \ln q(y \mid x) = \sum_k \ln \sum_c w_{kc}\, f\bigl((y_k - μ_{kc}) / s_{kc}\bigr) / s_{kc}

    Weights, locations and log-scales are functions of x and y_1 … y_{k−1}: an affine map plus a masked perceptron. By
    the chain rule, columns of y may depend on each other in any way.

    Reference:
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
        super().__init__(Regression(dim_y + dim_x, hidden, outputs, activation), 8 * components * dim_y)
        # A unit of degree k may depend on the first k columns of y, and on units of at most this degree.
        inputs = _degrees(dim_x, dim_y)
        layers = [torch.arange(width) % dim_y for width in (*hidden, outputs)]
        ones = torch.zeros(1, dtype=torch.int64)
        below = [inputs, *(torch.cat([layer, ones]) for layer in layers[:-1])]
        pairs = [*zip(layers, below, strict=True), (layers[-1], inputs)]
        self.masks = [(after.unsqueeze(1) >= before).float() for after, before in pairs]

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Initial parameters of one density, flat: linear regressions, whose errors are nearly those of one component.

        The other components start at the quantiles of a normal distribution, because equal components stay equal.
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
        """ln q(y | x), ``(K, n)`` in nats."""
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
    """An affine flow of y given x, followed by zuko's neural spline flow.

    Each transform is autoregressive, and monotone in every column. The first is linear in x and in the columns before.
    The others are rational-quadratic splines within ±5, and the identity outside; a masked perceptron gives their
    knots. ``torch.vmap`` makes one program of K flows. The numbers are the same to the last bit for every K from 2 on;
    for K = 1 torch rounds some products differently.

    Reference:
        Durkan et al. 2019 (arXiv 1906.04032).
    """

    def __init__(self, dim_x: int, dim_y: int, hidden: Sequence[int], transforms: int, bins: int) -> None:
        flow = zuko.flows.NSF(dim_y, dim_x, transforms=transforms, hidden_features=tuple(hidden), bins=bins)
        self.module = _LogDensity(flow).requires_grad_(False)
        self.parameters = dict(self.module.named_parameters())
        self.dim_y, self.splines = dim_y, dim_y * (3 * bins - 1) * transforms
        self.mask = (torch.arange(dim_y).repeat(2).unsqueeze(1) >= _degrees(dim_x, dim_y)).float()

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters of one density."""
        return [*(tuple(parameter.shape) for parameter in self.parameters.values()), tuple(self.mask.shape)]

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row in the forward pass, and numbers kept for it until the backward pass."""
        work = sum(map(math.prod, self.shapes)) + _SPLINE * self.splines
        return work, 2 * sum(shape[0] for shape in self.shapes) + 6 * self.splines

    def initial(self, generator: torch.Generator, rows: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Initial parameters, flat: linear regressions with normal errors; without rows, a standard normal."""
        last = {
            f"flow.transform.transforms.{index}.hyper.{len(transform.hyper) - 1}"
            for index, transform in enumerate(self.module.flow.transform.transforms)
        }
        weights, width = [], 1
        for name, parameter in self.parameters.items():
            layer, _, entry = name.rpartition(".")
            width = parameter.shape[1] if entry == "weight" else width  # the bias of a layer follows its weights
            drawn = torch.empty(parameter.numel()).uniform_(-1, 1, generator=generator) / math.sqrt(width)
            weights.append(drawn * (layer not in last))
        affine = torch.zeros(2, self.dim_y, self.mask.shape[1])
        affine[0], scales = _autoregression(rows, self.mask.shape[1], self.dim_y)
        affine[1, :, -1] = _unbounded(torch.log(scales))
        return torch.cat([*weights, affine.flatten()])

    def __call__(self, tensors: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """ln q(y | x), ``(K, n)`` in nats."""
        module = self.module.to(x.device)
        place, raw = torch.bmm(tensors[-1] * self.mask.to(x.device), torch.cat([y, x], 1)).chunk(2, 1)
        log_scale = _bounded(raw)

        def one(own: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
            named = dict(zip(self.parameters, own, strict=True))
            log_density: Tensor = torch.func.functional_call(module, named, (x, y))
            return log_density

        z = (y - place) * torch.exp(-log_scale)
        rows = (part.mT.contiguous() for part in (x[:, :-1], z))  # zuko has rows first
        log_density: Tensor = torch.vmap(one)(tuple(tensors[:-1]), *rows)
        return log_density - log_scale.sum(1)


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
    """For each input, the first column of y, from 0 on, that may depend on it: those of y, then those of x and ones."""
    return torch.cat([torch.arange(1, dim_y + 1), torch.zeros(dim_x + 1, dtype=torch.int64)])


def _autoregression(rows: tuple[Tensor, Tensor] | None, inputs: int, dim_y: int) -> tuple[Tensor, Tensor]:
    """Least squares of each column of y on the columns before it and on x; without rows, 0 with unit errors."""
    if rows is None:
        return torch.zeros(dim_y, inputs), torch.ones(dim_y)
    x, y = rows
    everything = torch.arange(dim_y).unsqueeze(1) >= _degrees(len(x) - 1, dim_y)
    before = everything.clone()
    before[:, dim_y:-1] = False
    return least_squares(torch.cat([y, x]), y, [_constant(everything), before, everything])


def _constant(choice: Tensor) -> Tensor:
    """The choice of the constant input alone."""
    mask = torch.zeros_like(choice)
    mask[:, -1] = True
    return mask


def _bounded(raw: Tensor) -> Tensor:
    """A log-scale within its range."""
    return _LOG_SCALE * torch.tanh(raw / _LOG_SCALE)


def _unbounded(log_scale: Tensor) -> Tensor:
    """The inverse of :func:`_bounded`, for log-scales clamped to 0.9 of the range."""
    return _LOG_SCALE * torch.atanh((log_scale / _LOG_SCALE).clamp(-0.9, 0.9))
