"""Donsker–Varadhan (DV) with a neural critic."""

from __future__ import annotations

import math
from typing import Literal

from mi_cli import bounds, networks
from mi_cli.estimators.variational import Objective, Variational
from mi_cli.lazy import torch

__all__ = ["DonskerVaradhan", "ReportsDonskerVaradhan"]


class ReportsDonskerVaradhan(Variational):
    """The base class of DV and MINE, which report the Donsker–Varadhan bound and differ in their gradients.

    Attributes:
        partition: how ln E[exp T] is computed: ``logsumexp``, or ``naive``, which overflows for large scores.
    """

    partition: Literal["logsumexp", "naive"] = "logsumexp"

    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """Donsker–Varadhan in nats, ``(K,)``."""
        return bounds.donsker_varadhan(scores.joint, scores.product)

    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """Influence of each row on Donsker–Varadhan, ``(n,)`` in nats."""
        return bounds.donsker_varadhan_influence(scores.joint[0], scores.by_row[0].T)

    def ceiling(self, rows: int, partners: int) -> float:
        """ln of the number of product samples."""
        return math.log(rows * partners)


class DonskerVaradhan(ReportsDonskerVaradhan):
    r"""Donsker–Varadhan with a neural critic, trained by its own gradient.

    .. math:: I(X; Y) \ge E_{joint}[T] - \ln E_{product}[e^T]

    A lower bound. With few rows a step its gradient is biased, because the logarithm of a mean is. No lower bound that
    n rows support with confidence exceeds ln n + O(1) (McAllester & Stratos 2020, arXiv 1811.04251).

    Reference:
        Donsker & Varadhan 1983; Belghazi et al. 2018 (arXiv 1801.04062).
    """

    name: Literal["dv"] = "dv"

    def objective(self) -> Objective:
        """Minus DV, and DV."""
        bound = bounds.donsker_varadhan if self.partition == "logsumexp" else bounds.donsker_varadhan_naive

        def loss(scores: networks.Scores) -> tuple[torch.Tensor, torch.Tensor]:
            value = bound(scores.joint, scores.product)
            return -value, value

        return loss
