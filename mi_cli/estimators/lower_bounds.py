"""Variational estimators beside DV and MINE: other bounds of a critic's scores, and other ways to train it."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from mi_cli import bounds, networks
from mi_cli.estimators.variational import Objective, Variational
from mi_cli.fields import Positive, Widths
from mi_cli.lazy import torch
from mi_cli.problems import Kind

__all__ = ["ContrastiveFenchelLegendre", "FDime", "InfoNce", "JensenShannon", "Nwj", "Smile", "Tuba"]


def _mean_over_x(weights: torch.Tensor) -> torch.Tensor:
    """Mean over the rows that each y was paired with, ``(n,)``, of weights ``(n, k)`` of cyclic shifts 1 … k."""
    return torch.stack([column.roll(shift) for shift, column in enumerate(weights.T, start=1)]).mean(0)


class Nwj(Variational):
    r"""NWJ, also called f-GAN KL or MINE-f.

    .. math:: I(X; Y) \ge E_{joint}[T] + 1 - E_{product}[e^T]

    A lower bound whose gradient is unbiased. It is never above DV of the same critic. It has no ceiling, and its spread
    grows like the exponential of the MI.

    Reference:
        Nguyen, Wainwright & Jordan 2010 (arXiv 0809.0853).
    """

    name: Literal["nwj"] = "nwj"

    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """NWJ in nats, ``(K,)``."""
        return bounds.nwj(scores.joint, scores.product)

    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """Influence of each row on NWJ, ``(n,)`` in nats."""
        return bounds.influence(scores.joint[0], scores.by_row[0].T.exp())


class Tuba(Nwj):
    r"""TUBA: NWJ with a learned baseline a(y), which normalises a critic that is defined up to a function of y.

    .. math:: I(X; Y) \ge 1 + E_{joint}[T - \ln a(y)] - E_{product}[e^T / a(y)]

    A lower bound, with less spread than NWJ where T alone cannot normalise itself. ``baseline`` are the hidden widths
    of the network ln a.

    Reference:
        Barber & Agakov 2003; Poole et al. 2019 (arXiv 1905.06922).
    """

    name: Literal["tuba"] = "tuba"  # type: ignore[assignment]
    baseline: Widths = (64,)

    def extend(self, critic: networks.Critic, dim_x: int, dim_y: int) -> networks.Critic:
        """The critic minus the baseline."""
        return networks.BaselinedCritic(critic, dim_y, self.baseline, self.activation)


class InfoNce(Variational):
    r"""InfoNCE: the log-likelihood of a classifier that finds the y of x among c + 1 candidates.

    .. math:: I(X; Y) \ge E\bigl[T(x_i, y_i) - \ln \tfrac{1}{c + 1} \textstyle\sum_j e^{T(x_i, y_j)}\bigr]

    A lower bound with little spread and the ceiling ln(c + 1), near which it is far too low. On test rows the
    candidates are ``evaluation.shifts`` other rows.

    Reference:
        van den Oord, Li & Vinyals 2018 (arXiv 1807.03748).
    """

    name: Literal["infonce"] = "infonce"
    normalised_by_row: ClassVar[bool] = True

    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """InfoNCE in nats, ``(K,)``."""
        return bounds.infonce(scores.joint, scores.by_row, scores.count)

    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """Each row's own term, and the effect of its y on the terms of other rows, ``(n,)`` in nats."""
        joint, product = scores.joint[0], scores.by_row[0]
        log_sum = torch.logaddexp(joint, product.logsumexp(1))
        weights = torch.exp(product - log_sum.unsqueeze(1)) * (scores.count + 1)
        return joint - log_sum - _mean_over_x(weights)

    def pointwise(self, scores: networks.Scores) -> torch.Tensor:
        """The score of each row less ln of the mean of exp T over its candidates, ``(n,)`` in nats."""
        joint = scores.joint[0]
        return joint - torch.logaddexp(joint, scores.by_row[0].logsumexp(1)) + math.log(scores.count + 1)

    def ceiling(self, rows: int, partners: int) -> float:
        """ln of the number of candidates."""
        del rows
        return math.log(partners + 1)


class JensenShannon(Nwj):
    r"""A critic trained to classify joint against product rows (Jensen–Shannon), and evaluated by NWJ or DV.

    .. math:: \max_T\; -E_{joint}[\ln(1 + e^{-T})] - E_{product}[\ln(1 + e^T)]

    Its training is steadier than that of the bounds themselves. The reported value is the lower bound ``evaluate``.

    Reference:
        Hjelm et al. 2019 (arXiv 1808.06670); Poole et al. 2019 (arXiv 1905.06922) for the evaluation.
    """

    name: Literal["js"] = "js"  # type: ignore[assignment]
    evaluate: Literal["nwj", "dv"] = "dv"

    def objective(self) -> Objective:
        """Minus the Jensen–Shannon objective, and the bound."""
        return _jensen_shannon_objective(self)

    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """The bound ``evaluate`` in nats, ``(K,)``."""
        if self.evaluate == "nwj":
            return super().bound(scores)
        return bounds.donsker_varadhan(scores.joint, scores.product)

    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """Influence of each row on the bound ``evaluate``, ``(n,)`` in nats."""
        if self.evaluate == "nwj":
            return super().influence(scores)
        return bounds.donsker_varadhan_influence(scores.joint[0], scores.by_row[0].T)

    def ceiling(self, rows: int, partners: int) -> float | None:
        """The ceiling of DV; none for NWJ."""
        return math.log(rows * partners) if self.evaluate == "dv" else None


def _jensen_shannon_objective(estimator: Variational) -> Objective:
    """Minus the Jensen–Shannon objective, and the estimator's own bound, which is recorded."""
    objective = bounds.jensen_shannon

    def loss(scores: networks.Scores) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            value = estimator.bound(scores)
        return -objective(scores.joint, scores.product), value

    return loss


class _RatioEstimate(Variational):
    """A point estimate from a critic that estimates the log-ratio; DV, a lower bound, chooses the checkpoint."""

    kind: ClassVar[Kind] = "point estimate"

    def criterion(self, scores: networks.Scores) -> torch.Tensor:
        """Donsker–Varadhan in nats, ``(K,)``."""
        return bounds.donsker_varadhan(scores.joint, scores.product)


class Smile(_RatioEstimate):
    r"""SMILE: trained by Jensen–Shannon, evaluated by DV with e^T clipped to [e^−τ, e^τ], τ = ``clip``.

    .. math:: E_{joint}[T] - \ln E_{product}[\mathrm{clip}(e^T, e^{-τ}, e^τ)]

    A point estimate: clipping removes the spread that rare large scores cause, and the guarantee of a bound with it.
    With a small τ the value is too large where the MI is large, and slightly too small elsewhere. It has no ceiling.

    Reference:
        Song & Ermon 2020 (arXiv 1910.06222).
    """

    name: Literal["smile"] = "smile"
    clip: Positive = 5.0

    def objective(self) -> Objective:
        """Minus the Jensen–Shannon objective, and the estimate."""
        return _jensen_shannon_objective(self)

    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """SMILE in nats, ``(K,)``."""
        return bounds.smile(scores.joint, scores.product, self.clip)

    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """Influence of each row on Donsker–Varadhan of the clipped scores, ``(n,)`` in nats."""
        clipped = scores.by_row[0].T.clamp(-self.clip, self.clip).exp()
        return bounds.influence(scores.joint[0], clipped / clipped.mean())


class FDime(_RatioEstimate):
    r"""fDIME: the mean log-ratio of joint to product density, from the best discriminator of an f-divergence.

    .. math:: \hat I = E_{joint}[T]

    T maximises the objective of ``divergence``: ``kl`` (that of NWJ), ``gan`` (Jensen–Shannon) or ``hellinger``. A
    point estimate without a partition term, so that its spread is small and it has no ceiling. Every error of T is an
    error of the estimate.

    Reference:
        Letizia, Novello & Tonello 2024 (arXiv 2305.20025), whose product samples are derangements.
    """

    name: Literal["fdime"] = "fdime"
    divergence: Literal["kl", "gan", "hellinger"] = "gan"

    def objective(self) -> Objective:
        """Minus the variational form of the divergence, and the estimate."""
        form = {"kl": bounds.nwj, "gan": bounds.jensen_shannon, "hellinger": bounds.hellinger}[self.divergence]

        def loss(scores: networks.Scores) -> tuple[torch.Tensor, torch.Tensor]:
            return -form(scores.joint, scores.product), self.bound(scores).detach()

        return loss

    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """Mean log-ratio of joint rows in nats, ``(K,)``."""
        return scores.joint.mean(-1)

    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """The score of each row, ``(n,)`` in nats."""
        return scores.joint[0]


class ContrastiveFenchelLegendre(Variational):
    r"""FLO: a contrastive bound with a second network u(x, y) in place of the logarithm of a mean.

    .. math:: I(X; Y) \ge 1 - E\bigl[u(x, y) + e^{-u(x, y)}\, E_{y'}[e^{T(x, y') - T(x, y)}]\bigr]

    A lower bound whose gradient is unbiased with any number of product samples, and which lacks InfoNCE's ceiling.
    ``dual`` are the hidden widths of u.

    Reference:
        Guo et al. 2022 (arXiv 2107.01131).
    """

    name: Literal["flo"] = "flo"
    normalised_by_row: ClassVar[bool] = True
    dual: Widths = (64, 64)

    def extend(self, critic: networks.Critic, dim_x: int, dim_y: int) -> networks.Critic:
        """The critic, and u beside it."""
        return networks.DualCritic(critic, dim_x, dim_y, self.dual, self.activation)

    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """FLO in nats, ``(K,)``."""
        assert scores.dual is not None  # noqa: S101 (a DualCritic gives it)
        return bounds.fenchel_legendre(scores.joint, scores.by_row, scores.dual, scores.count)

    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """Each row's own term, and the effect of its y on the terms of other rows, ``(n,)`` in nats."""
        assert scores.dual is not None  # noqa: S101 (a DualCritic gives it)
        u = scores.dual[0]
        weights = torch.exp(scores.by_row[0] - (scores.joint[0] + u).unsqueeze(1))
        return -u - weights.mean(1) - _mean_over_x(weights)

    def pointwise(self, scores: networks.Scores) -> torch.Tensor:
        """Each row's own term of the bound, ``(n,)`` in nats; for the best u it is −u, the log-ratio."""
        assert scores.dual is not None  # noqa: S101 (a DualCritic gives it)
        u = scores.dual[0]
        return 1 - u - torch.exp(scores.by_row[0] - (scores.joint[0] + u).unsqueeze(1)).mean(1)
