"""Bounds on MI as losses, and the critic of codes that share a projection."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from mi_cli import bounds, networks, representations
from mi_cli.fields import Positive, Widths
from mi_cli.lazy import torch
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.shape import Sizes

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["Bound", "Contrast", "maximised"]

Bound = Literal["infonce", "dv", "nwj", "js", "smile"]


def maximised(bound: Bound, scores: networks.Scores, clip: float) -> tuple[Tensor, Tensor]:
    """The loss and the value of a bound, ``(K,)`` each.

    ``js`` is the Jensen–Shannon objective, which is no bound. ``smile`` is trained by it as well, and its value is that
    of SMILE with ``clip``. All values but that of ``js`` are in nats.
    """
    joint = scores.joint
    match bound:
        case "infonce":
            value = bounds.infonce(joint, scores.by_row, scores.count)
        case "dv":
            value = bounds.donsker_varadhan(joint, scores.product)
        case "nwj":
            value = bounds.nwj(joint, scores.product)
        case "js":
            value = bounds.jensen_shannon(joint, scores.product)
        case "smile":
            loss = -bounds.jensen_shannon(joint, scores.product)
            return loss, bounds.smile(joint, scores.product, clip)
    return -value, value


class Contrast(Objective):
    r"""A bound on the MI of two codes of each row, by a critic that compares directions.

    .. math:: T(z, z') = \cos(g(z), g(z')) / τ

    with g a projection that is discarded. The bounds beside ``infonce`` need a critic that is calibrated, so that 1/τ,
    and a constant that is added to T, are trained with it.

    Attributes:
        bound: which is maximised.
        projection: widths of g; none makes it the identity.
        temperature: τ, or its initial value.
        clip: of ``smile``.
    """

    bound: Bound = "infonce"
    projection: Widths = (64, 64)
    temperature: Positive = 0.1
    clip: Positive = 5.0

    def head(self, sizes: Sizes) -> Any:
        """The projection, and the scale and constant of the scores where these are trained."""
        constants = () if self.bound == "infonce" else (-math.log(self.temperature), 0.0)
        return representations.Projection((sizes.dim, *self.projection), constants)

    def contrast(self, step: Step, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the bound, ``(K,)`` each, of both codes of n rows, one after the other: ``(K, dim, 2 n)``."""
        projected, constants = step.head(step.head_layers, codes)
        first, second = torch.nn.functional.normalize(projected, dim=1).chunk(2, 2)
        cosines = torch.bmm(first.transpose(1, 2), second)
        if constants is None:
            scores = cosines / self.temperature
        else:
            scale, shift = constants.unsqueeze(3).unbind(2)
            scores = cosines * scale.exp() + shift
        return maximised(self.bound, networks.Scores.of_every_pair(scores), self.clip)
