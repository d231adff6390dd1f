"""Variational estimators beside DV and MINE: other bounds of a critic's scores, and other ways to train it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from mi_cli.estimators.variational import Objective, Variational
from mi_cli.fields import Positive, Widths
from mi_cli.problems import Kind

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mi_cli.networks.critics import Critic, Scores
    from mi_cli.networks.elliptical import Fitted

__all__ = ["ContrastiveFenchelLegendre", "FDime", "InfoNce", "JensenShannon", "Nwj", "Smile", "Tuba"]


def _of_y(weights: Tensor) -> Tensor:
    """Mean over the rows that each y was paired with, ``(n,)``, of weights ``(n, k)`` of cyclic shifts 1 … k."""
    import torch

    return torch.stack([column.roll(shift) for shift, column in enumerate(weights.T, start=1)]).mean(0)


class Nwj(Variational):
    r"""NWJ, also f-GAN KL or MINE-f.

    .. math:: I(X; Y) \ge E_{joint}[T] + 1 - E_{product}[e^T]

    A lower bound whose gradient is unbiased, never above DV of the same critic; its spread grows like the exponential
    of the MI, for which it has no ceiling. Nguyen, Wainwright & Jordan 2010 (arXiv 0809.0853).
    """

    name: Literal["nwj"] = "nwj"

    def bound(self, scores: Scores) -> Tensor:
        """NWJ."""
        from mi_cli.bounds.variational import nwj

        return nwj(scores.joint, scores.product)

    def influence(self, scores: Scores) -> Tensor:
        """That on NWJ."""
        from mi_cli.bounds.variational import influence

        return influence(scores.joint[0], scores.by_row[0].T.exp())


class Tuba(Nwj):
    r"""TUBA: NWJ with a learned baseline a(y), which makes up for a critic that is free by a function of y.

    .. math:: I(X; Y) \ge 1 + E_{joint}[T - \ln a(y)] - E_{product}[e^T / a(y)]

    A lower bound, as NWJ is, of less spread where T alone cannot normalise itself. ``baseline`` are the widths of
    ln a's network. Barber & Agakov 2003; Poole et al. 2019 (arXiv 1905.06922).
    """

    name: Literal["tuba"] = "tuba"  # type: ignore[assignment]
    baseline: Widths = (64,)

    def network(
        self, dim_x: int, dim_y: int, known: Sequence[Fitted | None] = (), device: torch.device | None = None
    ) -> Critic:
        """The critic less the baseline."""
        from mi_cli.networks.critics import BaselinedCritic

        return BaselinedCritic(super().network(dim_x, dim_y, known, device), dim_y, self.baseline, self.activation)


class InfoNce(Variational):
    r"""InfoNCE: which of c + 1 candidates y belongs to x, told by a classifier.

    .. math:: I(X; Y) \ge E\bigl[T(x_i, y_i) - \ln \tfrac{1}{c + 1} \textstyle\sum_j e^{T(x_i, y_j)}\bigr]

    A lower bound of little spread and a ceiling, ln(c + 1), near which it is far too low. On test rows the candidates
    are ``evaluation.shifts`` other rows. van den Oord, Li & Vinyals 2018 (arXiv 1807.03748).
    """

    name: Literal["infonce"] = "infonce"

    def bound(self, scores: Scores) -> Tensor:
        """InfoNCE."""
        from mi_cli.bounds.variational import infonce

        return infonce(scores.joint, scores.by_row, scores.count)

    def influence(self, scores: Scores) -> Tensor:
        """Each row's own term, and what its y does to the terms of others."""
        import torch

        joint, product = scores.joint[0], scores.by_row[0]
        log_sum = torch.logaddexp(joint, product.logsumexp(1))
        weights = torch.exp(product - log_sum.unsqueeze(1)) * (scores.count + 1)
        return joint - log_sum - _of_y(weights)

    def ceiling(self, rows: int, partners: int) -> float:
        """ln of the number of candidates."""
        del rows
        return math.log(partners + 1)


class JensenShannon(Nwj):
    r"""A critic trained as a classifier of joint against product rows (Jensen–Shannon), evaluated by NWJ or DV.

    .. math:: \max_T\; -E_{joint}[\ln(1 + e^{-T})] - E_{product}[\ln(1 + e^T)]

    Its training is steadier than that of the bounds themselves; what is reported is a lower bound, ``evaluate``.
    Hjelm et al. 2019 (arXiv 1808.06670); Poole et al. 2019 (arXiv 1905.06922), of the evaluation.
    """

    name: Literal["js"] = "js"  # type: ignore[assignment]
    evaluate: Literal["nwj", "dv"] = "dv"

    def objective(self) -> Objective:
        """Minus the Jensen–Shannon objective, and the bound."""
        return _classified(self)

    def bound(self, scores: Scores) -> Tensor:
        """What ``evaluate`` says."""
        from mi_cli.bounds.variational import donsker_varadhan

        return super().bound(scores) if self.evaluate == "nwj" else donsker_varadhan(scores.joint, scores.product)

    def influence(self, scores: Scores) -> Tensor:
        """That on what is reported."""
        from mi_cli.bounds.variational import donsker_varadhan_influence

        if self.evaluate == "nwj":
            return super().influence(scores)
        return donsker_varadhan_influence(scores.joint[0], scores.by_row[0].T)

    def ceiling(self, rows: int, partners: int) -> float | None:
        """That of DV, where it is reported."""
        return math.log(rows * partners) if self.evaluate == "dv" else None


def _classified(estimator: Variational) -> Objective:
    """Training by Jensen–Shannon, with the estimator's own bound recorded."""
    import torch

    from mi_cli.bounds.variational import jensen_shannon

    def loss(scores: Scores) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            value = estimator.bound(scores)
        return -jensen_shannon(scores.joint, scores.product), value

    return loss


class _RatioEstimate(Variational):
    """A point estimate from a critic that estimates the log-ratio; DV, a lower bound, chooses the checkpoint."""

    kind: ClassVar[Kind] = "point estimate"

    def criterion(self, scores: Scores) -> Tensor:
        """Donsker–Varadhan."""
        from mi_cli.bounds.variational import donsker_varadhan

        return donsker_varadhan(scores.joint, scores.product)


class Smile(_RatioEstimate):
    r"""SMILE: trained by Jensen–Shannon, evaluated by DV with e^T clipped to [e^−τ, e^τ], τ = ``clip``.

    .. math:: E_{joint}[T] - \ln E_{product}[\mathrm{clip}(e^T, e^{-τ}, e^τ)]

    A point estimate: the clipping takes away the spread of rare large scores, and with them the guarantee; with a small
    τ it errs upwards where the MI is large, and somewhat downwards where it is not. No ceiling. Song & Ermon 2020
    (arXiv 1910.06222).
    """

    name: Literal["smile"] = "smile"
    clip: Positive = 5.0

    def objective(self) -> Objective:
        """Minus the Jensen–Shannon objective, and the estimate."""
        return _classified(self)

    def bound(self, scores: Scores) -> Tensor:
        """SMILE."""
        from mi_cli.bounds.variational import smile

        return smile(scores.joint, scores.product, self.clip)

    def influence(self, scores: Scores) -> Tensor:
        """That on Donsker–Varadhan of the clipped scores."""
        from mi_cli.bounds.variational import influence

        clipped = scores.by_row[0].T.clamp(-self.clip, self.clip).exp()
        return influence(scores.joint[0], clipped / clipped.mean())


class FDime(_RatioEstimate):
    r"""fDIME: the log-ratio of joint to product density, from the best discriminator of an f-divergence, averaged.

    .. math:: \hat I = E_{joint}[T]

    T maximises the objective of ``divergence``: ``kl`` (that of NWJ), ``gan`` (Jensen–Shannon) or ``hellinger``. A
    point estimate without a partition term, so of little spread and no ceiling; whatever T lacks, it errs by.
    Letizia, Novello & Tonello 2024 (arXiv 2305.20025), whose product samples are derangements.
    """

    name: Literal["fdime"] = "fdime"
    divergence: Literal["kl", "gan", "hellinger"] = "gan"

    def objective(self) -> Objective:
        """Minus the divergence's variational form, and the estimate."""
        from mi_cli.bounds import variational

        form = {"kl": variational.nwj, "gan": variational.jensen_shannon, "hellinger": variational.hellinger}[
            self.divergence
        ]

        def loss(scores: Scores) -> tuple[Tensor, Tensor]:
            return -form(scores.joint, scores.product), self.bound(scores).detach()

        return loss

    def bound(self, scores: Scores) -> Tensor:
        """Mean log-ratio of joint rows."""
        return scores.joint.mean(-1)

    def influence(self, scores: Scores) -> Tensor:
        """That on a mean of rows."""
        return scores.joint[0]


class ContrastiveFenchelLegendre(Variational):
    r"""FLO: contrastive, with a second network u(x, y) in the place of the logarithm of a mean.

    .. math:: I(X; Y) \ge 1 - E\bigl[u(x, y) + e^{-u(x, y)}\, E_{y'}[e^{T(x, y') - T(x, y)}]\bigr]

    A lower bound whose gradient is unbiased with any number of product samples, and without InfoNCE's ceiling. ``dual``
    are the widths of u. Guo et al. 2022 (arXiv 2107.01131).
    """

    name: Literal["flo"] = "flo"
    dual: Widths = (64, 64)

    def network(
        self, dim_x: int, dim_y: int, known: Sequence[Fitted | None] = (), device: torch.device | None = None
    ) -> Critic:
        """The critic with u."""
        from mi_cli.networks.critics import DualCritic

        return DualCritic(super().network(dim_x, dim_y, known, device), dim_x, dim_y, self.dual, self.activation)

    def bound(self, scores: Scores) -> Tensor:
        """FLO."""
        from mi_cli.bounds.variational import fenchel_legendre

        assert scores.dual is not None  # noqa: S101 (its critics have one)
        return fenchel_legendre(scores.joint, scores.by_row, scores.dual, scores.count)

    def influence(self, scores: Scores) -> Tensor:
        """Each row's own term, and what its y does to the terms of others."""
        import torch

        assert scores.dual is not None  # noqa: S101 (its critics have one)
        u = scores.dual[0]
        weights = torch.exp(scores.by_row[0] - (scores.joint[0] + u).unsqueeze(1))
        return -u - weights.mean(1) - _of_y(weights)
