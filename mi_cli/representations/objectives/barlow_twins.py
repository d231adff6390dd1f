"""Barlow Twins: codes of two views whose cross-correlation is the identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mi_cli.fields import NonNegative
from mi_cli.lazy import torch
from mi_cli.representations.objectives.vicreg import off_diagonal
from mi_cli.representations.objectives.with_views import WithProjectedViews

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["BarlowTwins", "barlow_twins"]


class BarlowTwins(WithProjectedViews):
    """Projections of two views whose matrix of cross-correlations is near the identity.

    Attributes:
        redundancy: λ, the weight of correlations between different columns.

    Reference:
        Zbontar, Jing, Misra, LeCun & Deny 2021 (arXiv 2103.03230).
    """

    name: Literal["barlow_twins"] = "barlow_twins"
    redundancy: NonNegative = 0.005

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """The distance from the identity, and minus that."""
        first, second = self.projected(step)
        loss = barlow_twins(first, second, self.redundancy)
        return loss, -loss


def barlow_twins(first: Tensor, second: Tensor, redundancy: float) -> Tensor:
    r"""The loss of projections ``(K, d, n)`` of two views, ``(K,)``.

    .. math:: \sum_j (1 - C_{jj})^2 + λ \sum_{j \ne k} C_{jk}^2

    with C the correlations of the columns of one view with those of the other one.
    """
    n = first.shape[2]
    a, b = (
        (codes - codes.mean(2, keepdim=True)) / (codes.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
        for codes in (first, second)
    )
    correlations = torch.bmm(a, b.transpose(1, 2)) / n
    on = (1 - correlations.diagonal(dim1=1, dim2=2)).square().sum(1)
    return on + redundancy * off_diagonal(correlations).square().sum((1, 2))
