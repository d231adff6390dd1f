"""Networks that start as linear regressions: an affine map by least squares, plus a perceptron that starts at 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mi_cli.fields import Activation
from mi_cli.networks.perceptron import Perceptron

__all__ = ["Regression", "least_squares"]


class Regression:
    """K sums of a perceptron and an affine map of the same inputs; the last layer of the perceptron starts at 0."""

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, activation: Activation) -> None:
        self.net = Perceptron((inputs, *hidden, outputs), activation)
        self.affine = (outputs, inputs + 1)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of one network's parameters: the perceptron's layers, then the affine map."""
        return [*self.net.shapes, self.affine]

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds of a row in the forward pass, and numbers kept for it until the backward pass."""
        return self.net.multiplications + math.prod(self.affine), self.net.floats + self.affine[0]

    def initial(self, generator: torch.Generator, affine: Tensor) -> Tensor:
        """Initial parameters of one network, flat; it computes the affine map ``(outputs, inputs + 1)``."""
        last = math.prod(self.net.shapes[-1])
        return torch.cat([self.net.initial(generator)[:-last], torch.zeros(last), affine.flatten()])

    def constant(self, tensors: Sequence[Tensor]) -> list[bool]:
        """Whether each network ignores its inputs, because all their weights are 0."""
        weights = torch.cat([tensor[:, :, :-1].flatten(1) for tensor in tensors[-2:]], 1)
        constant: list[bool] = (weights == 0).all(1).tolist()
        return constant

    def __call__(self, tensors: Sequence[Tensor], inputs: Tensor) -> Tensor:
        """Outputs ``(K, outputs, n)`` of inputs ``(K, inputs + 1, n)``, with their row of ones."""
        return self.net(tensors[:-1], inputs) + torch.bmm(tensors[-1], inputs)


def least_squares(inputs: Tensor, y: Tensor, choices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    r"""Linear regression of each column of y on the choice of inputs with the least expected error on new rows.

    .. math:: σ^2 \Bigl(1 + \frac{p + 1}{n - p - 2}\Bigr), \qquad σ^2 = RSS / (n - p - 1)

    is the expected squared error on a new row of p Gaussian inputs, after a fit to n rows.

    Args:
        inputs: inputs, of which the last row is ones, ``(p + 1, n)``.
        y: outputs, ``(d, n)``.
        choices: masks ``(d, p + 1)`` of the inputs that each column of y may depend on.

    Returns:
        Coefficients ``(d, p + 1)``, and standard deviations ``(d,)`` of the expected errors on new rows.

    Reference:
        Stein 1960; Breiman & Freedman 1983 (JASA 78, 131–136).

    >>> ones = torch.ones(5)
    >>> x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    >>> everything = torch.ones(1, 2, dtype=torch.bool)
    >>> coefficients, _ = least_squares(torch.stack([x, ones]), 3 * x.view(1, 5) + 1, [everything])
    >>> coefficients.round(decimals=4)
    tensor([[3., 1.]])
    """
    inputs, y = inputs.double(), y.double()
    n, gram, cross = inputs.shape[1], inputs @ inputs.mT, inputs @ y.mT
    varies = inputs.var(1) > 0
    coefficients = torch.zeros(len(y), len(inputs), dtype=torch.float64)
    variances = torch.full((len(y),), torch.inf, dtype=torch.float64)
    for choice in choices:
        for column, allowed in enumerate(choice):
            used = torch.cat([(allowed & varies)[:-1].nonzero()[:, 0], torch.tensor([len(inputs) - 1])])
            p = len(used) - 1
            if p and n < p + 3:
                continue
            solution = torch.linalg.pinv(gram[used][:, used], hermitian=True) @ cross[used, column]
            errors = (y[column] - solution @ inputs[used]).square().sum()
            variance = errors / (n - p - 1) * (1 + (p + 1) / max(n - p - 2, 1))
            if variance < variances[column]:
                variances[column] = variance
                coefficients[column] = 0
                coefficients[column, used] = solution
    return coefficients.float(), variances.sqrt().float()
