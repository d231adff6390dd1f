"""The base class of objectives that compare two views of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from mi_cli import representations
from mi_cli.fields import NonNegative, Number, Widths
from mi_cli.lazy import torch
from mi_cli.representations.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.shape import Sizes
    from mi_cli.representations.step import Step

__all__ = ["WithProjectedViews", "WithViews"]


class WithViews(Objective):
    """An objective of two views of each row.

    Attributes:
        views: how they are made. ``corruption``: a row, and the row with the values of other rows in some columns
            (SCARF, arXiv 2106.15147). ``subsets``: two versions with different columns (SubTab, arXiv 2110.04361).
            ``noise``: two versions with normal noise.
        rate: of ``corruption``, the share of columns with the values of other rows.
        overlap: of ``subsets``, the share of the other version's columns that a version also has.
        noise: of ``noise``, its standard deviation, where that of a normal column is .74.
    """

    views: Literal["corruption", "subsets", "noise"] = "corruption"
    rate: Annotated[Number, Field(gt=0, le=1)] = 0.5
    overlap: Annotated[Number, Field(ge=0, le=1)] = 0.5
    noise: NonNegative = 0.3

    def pair(self, step: Step) -> Tensor:
        """Both views of the rows of a step, one after the other, ``(K, d, 2 n)``."""
        views = representations
        match self.views:
            case "corruption":
                second, _ = views.corrupted(step.x, step.pool, step.groups, self.rate, step.draws)
                first = step.x
            case "subsets":
                first, second = views.subset_pair(step.x, step.groups, self.overlap, step.draws)
            case "noise":
                first, second = (views.noisy(step.x, self.noise, step.draws) for _ in range(2))
        return torch.cat([first, second], 2)


class WithProjectedViews(WithViews):
    """An objective of projections of the codes of two views; the codes are taken before the projection.

    Attributes:
        projection: widths of the projection, which is discarded.
    """

    projection: Widths = (64, 64)

    def head(self, sizes: Sizes) -> Any:
        """The projection."""
        return representations.Projection((sizes.dim, *self.projection))

    def projected(self, step: Step) -> tuple[Tensor, Tensor]:
        """The projections of both views, ``(K, width, n)`` each."""
        both, _ = step.head(step.head_layers, step.encode(self.pair(step)))
        first, second = both.chunk(2, 2)
        return first, second
