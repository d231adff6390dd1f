"""VICReg: codes of two views that agree, vary and are uncorrelated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mi_cli.fields import NonNegative
from mi_cli.lazy import torch
from mi_cli.representations.objectives.with_views import WithProjectedViews

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["VicReg", "vicreg_terms"]


class VicReg(WithProjectedViews):
    """Projections of two views that agree, with a standard deviation of 1 or more and no correlation.

    Attributes:
        invariance: weight of the disagreement.
        variance: weight of the lack of variance.
        covariance: weight of the covariances.

    Reference:
        Bardes, Ponce & LeCun 2022 (arXiv 2105.04906).
    """

    name: Literal["vicreg"] = "vicreg"
    invariance: NonNegative = 25.0
    variance: NonNegative = 25.0
    covariance: NonNegative = 1.0

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """The weighted sum of the terms, and minus that."""
        first, second = self.projected(step)
        invariance, variance, covariance = vicreg_terms(first, second)
        loss = self.invariance * invariance + self.variance * variance + self.covariance * covariance
        return loss, -loss


def vicreg_terms(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""The three terms for projections ``(K, d, n)`` of two views, ``(K,)`` each.

    .. math:: \frac{1}{nd} \sum_i |a_i - b_i|^2, \quad
        \frac{1}{2d} \sum_j [1 - σ_j(a)]_+ + [1 - σ_j(b)]_+, \quad
        \frac{1}{d} \sum_{j \ne k} C_{jk}(a)^2 + C_{jk}(b)^2

    with C the covariance over the rows and σ² = C_jj + 10⁻⁴. They are scaled as in the authors' code.
    """
    width, n = first.shape[1:]
    variance, covariance = (first.new_zeros(len(first)) for _ in range(2))
    for codes in (first, second):
        centred = codes - codes.mean(2, keepdim=True)
        matrix = torch.bmm(centred, centred.transpose(1, 2)) / (n - 1)
        spread = (matrix.diagonal(dim1=1, dim2=2) + 1e-4).sqrt()
        variance = variance + torch.relu(1 - spread).mean(1) / 2
        covariance = covariance + off_diagonal(matrix).square().sum((1, 2)) / width
    return (first - second).square().mean((1, 2)), variance, covariance


def off_diagonal(matrix: Tensor) -> Tensor:
    """Square matrices ``(K, d, d)`` with 0 on their diagonals."""
    return matrix - torch.diag_embed(matrix.diagonal(dim1=1, dim2=2))
