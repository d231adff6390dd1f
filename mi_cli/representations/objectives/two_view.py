"""Contrastive learning: the MI of two views of a row, maximised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mi_cli.representations.objectives.contrast import Contrast
from mi_cli.representations.objectives.with_views import WithViews

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["TwoView"]


class TwoView(Contrast, WithViews):
    """A bound on the MI of the codes of two views of a row. By ``infonce`` and ``corruption`` it is SCARF.

    Reference:
        Bahri, Jiang, Tay & Metzler 2022 (arXiv 2106.15147); Chen et al. 2020 (arXiv 2002.05709), the projection.
    """

    name: Literal["two_view"] = "two_view"

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """Minus the bound or its surrogate, and the bound."""
        return self.contrast(step, step.encode(self.pair(step)))
