"""Estimators that train a neural critic on a variational bound. Nothing here imports torch before it is needed."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from mi_cli.estimators.base import Estimate, Estimator, Kind, Problem
from mi_cli.fields import Activation, Count, Number, Widths

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.context import Context
    from mi_cli.critics import ConcatCritic
    from mi_cli.schema import Evaluation, Training

__all__ = ["DonskerVaradhan", "Mine", "Objective", "Variational"]

Objective = Callable[["Tensor", "Tensor"], tuple["Tensor", "Tensor"]]


class Variational(Estimator):
    """A critic T(x, y) trained by stochastic gradients so that a bound on MI is tight."""

    kind: ClassVar[Kind] = "lower bound"
    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True
    maximises: ClassVar[bool] = True

    hidden: Widths = (64, 64)
    activation: Activation = "relu"
    product: Literal["derangement", "shuffle"] = "derangement"
    n_product: Annotated[Count, Field(le=64)] = 1
    partition: Literal["logsumexp", "naive"] = "logsumexp"

    def critic(self, dim_x: int, dim_y: int) -> ConcatCritic:
        """A critic for one stack."""
        from mi_cli.critics import ConcatCritic

        return ConcatCritic(dim_x, dim_y, self.hidden, self.activation)

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Train a critic for each problem, all as one stack, and evaluate it once on the test rows."""
        from mi_cli.fit import fit_critics

        return fit_critics(self, problems, training, evaluation, context, start)

    @abstractmethod
    def objective(self) -> Objective:
        """A function of joint scores ``(K, n)`` and product scores ``(K, m)``: the loss and the bound, ``(K,)`` each.

        It may remember earlier steps, so every training takes its own.
        """


class DonskerVaradhan(Variational):
    r"""Donsker–Varadhan with a neural critic, trained by its own gradient.

    .. math:: I(X; Y) \ge E_{joint}[T] - \ln E_{product}[e^T]

    A lower bound; with few rows a step its gradient is biased, because the logarithm of a mean is. No lower bound that
    n rows support with confidence exceeds ln n + O(1) (McAllester & Stratos 2020, arXiv 1811.04251).
    """

    name: Literal["dv"] = "dv"

    def objective(self) -> Objective:
        """−DV and DV."""
        from mi_cli.bounds import donsker_varadhan, donsker_varadhan_naive

        bound = donsker_varadhan if self.partition == "logsumexp" else donsker_varadhan_naive

        def loss(joint: Tensor, product: Tensor) -> tuple[Tensor, Tensor]:
            value = bound(joint, product)
            return -value, value

        return loss


class Mine(Variational):
    r"""MINE: Donsker–Varadhan whose gradient divides by a moving average of the partition term.

    .. math:: ∇ = E_{joint}[∇T] - E_{product}[∇T\, e^T] / \bar Z,
        \qquad \bar Z_t = (1 - a) \bar Z_{t-1} + a\,E_{product}[e^T]

    with a = ``ema_rate``; ``correct_start`` divides :math:`\bar Z_t` by :math:`1 - (1 - a)^t`, so that the average is
    one of the steps seen and not of its start. Belghazi et al. 2018 (arXiv 1801.04062), section 3.2. Bound, ceiling
    and bias as for :class:`DonskerVaradhan`.
    """

    name: Literal["mine"] = "mine"
    ema_rate: Annotated[Number, Field(gt=0, le=1)] = 0.01
    correct_start: bool = True

    def objective(self) -> Objective:
        """A loss with MINE's gradient, and DV."""
        import torch

        from mi_cli.bounds import log_mean_exp, log_mean_exp_naive

        partition = log_mean_exp if self.partition == "logsumexp" else log_mean_exp_naive
        average: Tensor | None = None  # of exp T, as a logarithm
        count = 0
        keep, take = math.log1p(-self.ema_rate) if self.ema_rate < 1 else -math.inf, math.log(self.ema_rate)

        def loss(joint: Tensor, product: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal average, count
            log_z, mean = partition(product), joint.mean(-1)
            now = log_z.detach()
            count += 1
            if average is None:
                average = now + take if self.correct_start else now
            else:
                # Not logaddexp, whose last bit depends on how many trials there are.
                average = torch.logsumexp(torch.stack([average + keep, now + take], -1), -1)
            correction = math.log1p(-((1 - self.ema_rate) ** count)) if self.correct_start else 0.0
            weight = torch.exp(now - average + correction)
            return weight * log_z - mean, (mean - log_z)

        return loss
