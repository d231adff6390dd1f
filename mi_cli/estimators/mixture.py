"""A mixture of critics that is fitted to validation rows, for :mod:`~mi_cli.estimators.auto`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mi_cli import bounds, networks
from mi_cli.lazy import np, optimize, torch

__all__ = ["Mixture", "fit_mixture"]

_PRIOR = 0.5  # standard deviation of a weight: log-ratios that share one dependence weigh about 1 together
_INDEPENDENCE = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8)


@dataclass(frozen=True)
class Mixture:
    r"""A weighted sum of critics, some share of whose rows may be independent.

    .. math:: T = \ln\Bigl(a + (1 - a) \exp\bigl(\textstyle\sum_m w_m T_m - c\bigr)\Bigr)

    With a = 0 it is the sum less a constant. With a > 0 it is the log-ratio of rows of which the share a is paired at
    random, as where some measurements belong to other rows.

    Attributes:
        weights: w, ``(members,)``.
        independence: a.
        constant: c, which makes the mean of exp(Σ w T) on validation rows 1.
        most: the largest absolute value of a critic and of their sum.
    """

    weights: torch.Tensor
    independence: float
    constant: float
    most: float

    def __call__(self, scores: Sequence[networks.Scores]) -> networks.Scores:
        """Scores of the mixture from those of its members."""
        joint = self._mixed([part.joint for part in scores])
        return networks.Scores(joint, self._mixed([part.by_row for part in scores]))

    def _mixed(self, scores: Sequence[torch.Tensor]) -> torch.Tensor:
        mixed = weighted_sum(scores, self.weights, self.most)
        return with_independence(mixed - self.constant, self.independence) if self.independence else mixed


def fit_mixture(scores: Sequence[networks.Scores], most: float) -> Mixture:
    """Fit a mixture to scores of validation rows.

    Args:
        scores: of each member.
        most: scores are clipped to ± this. n training rows support no log-ratio beyond ln n, and one could undo all
            others.
    """
    clipped = [networks.Scores(part.joint.clamp(-most, most), part.by_row.clamp(-most, most)) for part in scores]
    weights = _weights(clipped)
    joint = weighted_sum([part.joint for part in clipped], weights, most)
    constant = bounds.log_mean_exp(weighted_sum([part.by_row for part in clipped], weights, most).flatten()).item()
    return Mixture(weights, _independence(joint.flatten() - constant), constant, most)


def weighted_sum(scores: Sequence[torch.Tensor], weights: torch.Tensor, most: float) -> torch.Tensor:
    """The weighted sum of clipped scores, clipped."""
    total: Any = sum(weight * part.clamp(-most, most) for weight, part in zip(weights, scores, strict=True))
    return torch.as_tensor(total).clamp(-most, most)


def with_independence(scores: torch.Tensor, share: float) -> torch.Tensor:
    """ln(a + (1 − a) e^T) for scores T whose e^T has mean 1 on product samples, and so has the result."""
    return torch.logaddexp(scores + math.log1p(-share), torch.tensor(math.log(share), dtype=scores.dtype))


def _independence(joint: torch.Tensor) -> float:
    """The share a with the largest bound on validation rows; 0 unless it adds as much as one parameter would anyway."""
    best, share = joint.mean().item() + 1 / len(joint), 0.0
    for candidate in _INDEPENDENCE:
        value = with_independence(joint, candidate).mean().item()
        if value > best:
            best, share = value, candidate
    return share


def _weights(scores: Sequence[networks.Scores]) -> torch.Tensor:
    """Weights of at least 0 that maximise Donsker–Varadhan of the mixture, which is concave in them.

    Few validation rows would make some weights huge, so that each has a normal prior around 0 beside the evidence of
    the rows.
    """
    joint = torch.stack([part.joint[0].mean() for part in scores])
    product = torch.stack([part.product[0] for part in scores])
    precision = 1 / (_PRIOR**2 * scores[0].joint.shape[1])

    def loss(weights: Any) -> tuple[float, Any]:
        w = torch.from_numpy(weights)
        mixed = w @ product
        top = mixed.max()
        tilt = torch.exp(mixed - top)
        total = tilt.sum()
        value = top + torch.log(total) - math.log(len(mixed)) - w @ joint
        gradient = product @ tilt / total - joint + precision * w
        return value.item() + precision * float(w @ w) / 2, gradient.numpy()

    start = np.full(len(scores), 1 / len(scores))
    solution = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(scores))
    return torch.from_numpy(solution.x)
