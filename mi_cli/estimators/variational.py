"""Estimators that train a neural critic on a variational bound. Nothing here imports torch before it is needed."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from mi_cli.estimators.base import Estimator
from mi_cli.fields import Activation, Count, Number, Widths
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.preprocessing import Preprocess

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mi_cli.networks.critics import Critic, Scores
    from mi_cli.networks.elliptical import Fitted
    from mi_cli.training.context import Context
    from mi_cli.training.settings import Evaluation, Training

__all__ = ["DonskerVaradhan", "Mine", "Objective", "Variational"]

Objective = Callable[["Scores"], tuple["Tensor", "Tensor"]]


class Variational(Estimator):
    """A critic T(x, y) trained by stochastic gradients so that a bound on MI is tight.

    ``preprocess`` and ``norms`` (the length of x and of y as a column more, which tells a network at once how far out
    a row lies) are fitted to training rows, and only to columns: an encoder's code is taken as it is.
    """

    kind: ClassVar[Kind] = "lower bound"
    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True
    maximises: ClassVar[bool] = True

    critic: Literal["separable", "concat", "bilinear", "quadratic", "hybrid"] = "separable"
    hidden: Widths = (128, 128)
    activation: Activation = "gelu"
    embedding: Count = 64
    product: Literal["all", "derangement", "shuffle"] = "all"
    n_product: Annotated[Count, Field(le=1024)] = 1
    preprocess: Preprocess = "rank_gaussianise"
    norms: bool = True

    def known(self, problem: Problem) -> Fitted | None:
        """What is analytic in a trial's critic, fitted to its training rows."""
        if self.critic != "hybrid":
            return None
        from mi_cli.networks.elliptical import fit

        sample = problem.sample
        return fit(sample.x, sample.y)

    def network(
        self, dim_x: int, dim_y: int, known: Sequence[Fitted | None] = (), device: torch.device | None = None
    ) -> Critic:
        """A critic for one stack, with what is :meth:`known` of each trial."""
        from mi_cli.networks import critics

        if self.critic == "concat":
            return critics.ConcatCritic(dim_x, dim_y, self.hidden, self.activation)
        if self.critic in ("bilinear", "quadratic"):
            return critics.QuadraticCritic(dim_x, dim_y, squares=self.critic == "quadratic")
        hybrid = self.critic == "hybrid"
        separable = critics.SeparableCritic(dim_x, dim_y, self.hidden, self.activation, self.embedding, hybrid)
        parts = [part for part in known if part is not None]
        if not parts:
            return separable
        from mi_cli.networks.elliptical import LogRatio

        return critics.HybridCritic(LogRatio(parts, device=device), separable)

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Train a critic for each problem, all as one stack, and evaluate it once on the test rows."""
        from mi_cli.training.critic_fit import fit_critics

        return fit_critics(self, problems, training, evaluation, context, start)

    def objective(self) -> Objective:
        """A function of scores: the loss and the bound, ``(K,)`` each.

        It may remember earlier steps, so every training takes its own; for checkpoints it then is a ``Memory``.
        """

        def loss(scores: Scores) -> tuple[Tensor, Tensor]:
            value = self.bound(scores)
            return -value, value

        return loss

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """Multiply-adds and bytes of activations of one step."""
        del training
        multiply_adds, floats = self.network(*dims).cost(rows, None if self.product == "all" else self.n_product)
        # Backward multiplies each layer twice: for its weights and for its inputs.
        return 3 * multiply_adds, 4 * floats

    @abstractmethod
    def bound(self, scores: Scores) -> Tensor:
        """The estimate in nats, ``(K,)``."""

    def criterion(self, scores: Scores) -> Tensor:
        """The lower bound in nats, ``(K,)``, that chooses a checkpoint on validation rows."""
        return self.bound(scores)

    @abstractmethod
    def influence(self, scores: Scores) -> Tensor:
        """What each row adds to :meth:`bound`, ``(n,)`` in nats but for a constant, for scores of shifts of one trial.

        Their spread is the bound's standard error, given the critic.
        """

    def error(self, scores: Scores, block: Tensor | None = None) -> Tensor:
        """Standard error in nats of :meth:`bound`, a scalar; rows of one ``block`` may depend on each other."""
        from mi_cli.bounds.variational import influence_error

        return influence_error(self.influence(scores), block)

    def ceiling(self, rows: int, partners: int) -> float | None:
        """The largest value that so many rows and partners support; None where there is none."""
        del rows, partners
        return None


class _ReportsDonskerVaradhan(Variational):
    """Donsker–Varadhan's bound, which both DV and MINE report; ``partition`` is how it is computed in training."""

    partition: Literal["logsumexp", "naive"] = "logsumexp"

    def bound(self, scores: Scores) -> Tensor:
        """Donsker–Varadhan."""
        from mi_cli.bounds.variational import donsker_varadhan

        return donsker_varadhan(scores.joint, scores.product)

    def influence(self, scores: Scores) -> Tensor:
        """That on Donsker–Varadhan."""
        from mi_cli.bounds.variational import donsker_varadhan_influence

        return donsker_varadhan_influence(scores.joint[0], scores.by_row[0].T)

    def ceiling(self, rows: int, partners: int) -> float:
        """ln of the number of product samples."""
        return math.log(rows * partners)


class DonskerVaradhan(_ReportsDonskerVaradhan):
    r"""Donsker–Varadhan with a neural critic, trained by its own gradient.

    .. math:: I(X; Y) \ge E_{joint}[T] - \ln E_{product}[e^T]

    A lower bound; with few rows a step its gradient is biased, because the logarithm of a mean is. No lower bound that
    n rows support with confidence exceeds ln n + O(1) (McAllester & Stratos 2020, arXiv 1811.04251).
    """

    name: Literal["dv"] = "dv"

    def objective(self) -> Objective:
        """−DV and DV."""
        from mi_cli.bounds.variational import donsker_varadhan, donsker_varadhan_naive

        bound = donsker_varadhan if self.partition == "logsumexp" else donsker_varadhan_naive

        def loss(scores: Scores) -> tuple[Tensor, Tensor]:
            value = bound(scores.joint, scores.product)
            return -value, value

        return loss


class Mine(_ReportsDonskerVaradhan):
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
        return _MovingAverage(self)


class _MovingAverage:
    """MINE's objective, which remembers the partition terms of earlier steps."""

    def __init__(self, mine: Mine) -> None:
        self.rate, self.correct_start, self.partition = mine.ema_rate, mine.correct_start, mine.partition
        self.average: Tensor | None = None  # of exp T, as a logarithm
        self.count = 0

    def __call__(self, scores: Scores) -> tuple[Tensor, Tensor]:
        """The loss, and DV."""
        import torch

        from mi_cli.bounds.variational import log_mean_exp, log_mean_exp_naive

        partition = log_mean_exp if self.partition == "logsumexp" else log_mean_exp_naive
        log_z, mean = partition(scores.product), scores.joint.mean(-1)
        now = log_z.detach()
        taken = now + math.log(self.rate)
        self.count += 1
        if self.average is None:
            self.average = taken if self.correct_start else now
        else:
            keep = math.log1p(-self.rate) if self.rate < 1 else -math.inf
            # Not logaddexp, whose last bit depends on how many trials there are.
            self.average = torch.logsumexp(torch.stack([self.average.to(now.device) + keep, taken], -1), -1)
        correction = math.log1p(-((1 - self.rate) ** self.count)) if self.correct_start else 0.0
        weight = torch.exp(now - self.average + correction)
        return weight * log_z - mean, (mean - log_z)

    def remembered(self) -> dict[str, Tensor]:
        """The average, and of how many steps it is."""
        import torch

        average = torch.empty(0) if self.average is None else self.average
        return {"average": average, "count": torch.tensor(self.count)}

    def recall(self, kept: Mapping[str, Tensor]) -> None:
        """Have them."""
        self.count = int(kept["count"])
        self.average = kept["average"] if self.count else None
