"""Estimators that train a neural critic on a variational bound."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mi_cli import bounds, networks
from mi_cli import training as fitting
from mi_cli.estimators.base import Estimator
from mi_cli.fields import Activation, Count, Number, Preprocess, Widths
from mi_cli.lazy import torch
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

__all__ = ["DonskerVaradhan", "Mine", "Objective", "Variational"]

Objective = Callable[["networks.Scores"], tuple["torch.Tensor", "torch.Tensor"]]


class Variational(Estimator):
    """A critic T(x, y), trained by stochastic gradients to make a bound on MI tight.

    Attributes:
        critic: the form of T.
        hidden: widths of the hidden layers.
        activation: of the hidden layers.
        embedding: outputs of each network of a separable critic.
        product: how product samples are made: all pairs of rows, or ``n_product`` derangements or shuffles of y.
        n_product: product samples of each row.
        preprocess: a map of the columns, fitted to training rows.
        norms: whether the squared lengths of x and of y are added as columns. They tell a network how far out a row
            lies.

    ``preprocess`` and ``norms`` apply to columns of data; the code of an encoder is used as it is.
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

    def fit_log_ratio(self, problem: Problem) -> networks.CanonicalVariates | None:
        """The analytic part of a hybrid critic, fitted to training rows; None for other critics.

        Raises:
            SingularScatterError: columns of x or of y are linearly dependent.
            ValueError: a value is not finite.
        """
        if self.critic != "hybrid":
            return None
        sample = problem.sample
        return networks.fit_elliptical(sample.x, sample.y)

    def network(
        self,
        dim_x: int,
        dim_y: int,
        log_ratios: Sequence[networks.CanonicalVariates | None] = (),
        device: torch.device | None = None,
    ) -> networks.Critic:
        """The critics of one stack.

        Args:
            dim_x: columns of x.
            dim_y: columns of y.
            log_ratios: the result of :meth:`fit_log_ratio` for each trial.
            device: where the log-ratios are kept.
        """
        fixed = [part for part in log_ratios if part is not None]
        critic: networks.Critic
        match self.critic:
            case "concat":
                critic = networks.ConcatCritic(dim_x, dim_y, self.hidden, self.activation)
            case "bilinear" | "quadratic":
                critic = networks.QuadraticCritic(dim_x, dim_y, squares=self.critic == "quadratic")
            case _:
                hybrid = self.critic == "hybrid"
                shape = dim_x, dim_y, self.hidden, self.activation, self.embedding
                critic = separable = networks.SeparableCritic(*shape, from_zero=hybrid)
                if fixed:
                    critic = networks.HybridCritic(networks.LogRatio(fixed, device=device), separable)
        return self.extend(critic, dim_x, dim_y)

    def extend(self, critic: networks.Critic, dim_x: int, dim_y: int) -> networks.Critic:
        """The critic with what this estimator adds to it; nothing, unless overridden."""
        del dim_x, dim_y
        return critic

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Train a critic for each problem, all as one stack, and evaluate it once on the test rows."""
        return fitting.fit_critics(self, problems, training, evaluation, context, start)

    def objective(self) -> Objective:
        """A function from scores to the loss and the bound, ``(K,)`` each.

        It may have a state of its own, so that every training needs a new one. For checkpoints it then is
        :class:`~mi_cli.training.checkpoints.Stateful`.
        """

        def loss(scores: networks.Scores) -> tuple[torch.Tensor, torch.Tensor]:
            value = self.bound(scores)
            return -value, value

        return loss

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """Multiply-adds, and bytes of activations, of one step."""
        del training
        multiply_adds, floats = self.network(*dims).cost(rows, None if self.product == "all" else self.n_product)
        # Backward multiplies each layer twice: for its weights and for its inputs.
        return 3 * multiply_adds, 4 * floats

    @abstractmethod
    def bound(self, scores: networks.Scores) -> torch.Tensor:
        """The estimate in nats, ``(K,)``."""

    def criterion(self, scores: networks.Scores) -> torch.Tensor:
        """The lower bound in nats, ``(K,)``, that chooses a checkpoint on validation rows."""
        return self.bound(scores)

    @abstractmethod
    def influence(self, scores: networks.Scores) -> torch.Tensor:
        """The influence of each row on :meth:`bound` up to a constant, ``(n,)`` in nats, for scores of one trial.

        The product scores are of cyclic shifts. The spread of the influences gives the standard error of the bound for
        the critic as it is.
        """

    def error(self, scores: networks.Scores, block: torch.Tensor | None = None) -> torch.Tensor:
        """Standard error in nats of :meth:`bound`, a scalar; rows of one ``block`` may depend on each other."""
        return bounds.influence_error(self.influence(scores), block)

    def ceiling(self, rows: int, partners: int) -> float | None:
        """The largest value in nats that ``rows`` rows with ``partners`` partners each support; None without one."""
        del rows, partners
        return None


class _ReportsDonskerVaradhan(Variational):
    """Donsker–Varadhan's bound, which DV and MINE report; ``partition`` is how its partition term is computed."""

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


class DonskerVaradhan(_ReportsDonskerVaradhan):
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


class Mine(_ReportsDonskerVaradhan):
    r"""MINE: Donsker–Varadhan, whose gradient is divided by a moving average of the partition term.

    .. math:: ∇ = E_{joint}[∇T] - E_{product}[∇T\, e^T] / \bar Z,
        \qquad \bar Z_t = (1 - a) \bar Z_{t-1} + a\,E_{product}[e^T]

    with a = ``ema_rate``. ``correct_start`` divides :math:`\bar Z_t` by :math:`1 - (1 - a)^t`, so that the average
    covers the steps seen and not its start. Bound, ceiling and bias are those of :class:`DonskerVaradhan`.

    Reference:
        Belghazi et al. 2018 (arXiv 1801.04062), section 3.2.
    """

    name: Literal["mine"] = "mine"
    ema_rate: Annotated[Number, Field(gt=0, le=1)] = 0.01
    correct_start: bool = True

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
