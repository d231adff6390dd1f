"""MINE, and its moving average."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from mi_cli import bounds, networks
from mi_cli.estimators.dv import ReportsDonskerVaradhan
from mi_cli.estimators.variational import Objective
from mi_cli.fields import Number, Switch
from mi_cli.lazy import torch

__all__ = ["Mine"]


class Mine(ReportsDonskerVaradhan):
    r"""MINE: Donsker–Varadhan, whose gradient is divided by a moving average of the partition term.

    .. math:: ∇ = E_{joint}[∇T] - E_{product}[∇T\, e^T] / \bar Z,
        \qquad \bar Z_t = (1 - a) \bar Z_{t-1} + a\,E_{product}[e^T]

    with a = ``ema_rate``. ``correct_start`` divides :math:`\bar Z_t` by :math:`1 - (1 - a)^t`, so that the average
    covers the steps seen and not its start. Bound, ceiling and bias are those of ``dv``.

    Reference:
        Belghazi et al. 2018 (arXiv 1801.04062), section 3.2.
    """

    name: Literal["mine"] = "mine"
    ema_rate: Annotated[Number, Field(gt=0, le=1)] = 0.01
    correct_start: Switch = True

    def objective(self) -> Objective:
        """A loss with MINE's gradient, and DV."""
        return _MovingAverage(self)


class _MovingAverage:
    """MINE's objective, whose state is the moving average of the partition terms."""

    def __init__(self, mine: Mine) -> None:
        self.rate, self.correct_start = mine.ema_rate, mine.correct_start
        self.log_mean_exp = bounds.log_mean_exp if mine.partition == "logsumexp" else bounds.log_mean_exp_naive
        self.average: torch.Tensor | None = None  # ln of the moving average of exp T
        self.count = 0

    def __call__(self, scores: networks.Scores) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss and DV, ``(K,)`` each."""
        log_z, mean = self.log_mean_exp(scores.product), scores.joint.mean(-1)
        now = log_z.detach()
        taken = now + math.log(self.rate)
        self.count += 1
        if self.average is None:
            self.average = taken if self.correct_start else now
        else:
            keep = math.log1p(-self.rate) if self.rate < 1 else -math.inf
            # Not logaddexp, whose last bit depends on the number of trials.
            self.average = torch.logsumexp(torch.stack([self.average.to(now.device) + keep, taken], -1), -1)
        correction = math.log1p(-((1 - self.rate) ** self.count)) if self.correct_start else 0.0
        weight = torch.exp(now - self.average + correction)
        return weight * log_z - mean, (mean - log_z)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The average, and the number of steps that it covers."""
        average = torch.empty(0) if self.average is None else self.average
        return {"average": average, "count": torch.tensor(self.count)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from a saved average."""
        self.count = int(state["count"])
        self.average = state["average"] if self.count else None
