"""The base class of estimators that train a neural critic on a variational bound."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from mi_cli import bounds, networks
from mi_cli import training as fitting
from mi_cli.estimators.base import Estimator
from mi_cli.fields import Activation, Affects, Count, Preprocess, Switch, Widths
from mi_cli.lazy import LazyModule, torch
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

if TYPE_CHECKING:
    from mi_cli.estimators import chain_rule
else:
    chain_rule = LazyModule("mi_cli.estimators.chain_rule")  # which imports NumPy

__all__ = ["Objective", "Variational"]

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
        normalised_by_row: whether the best T is the pointwise MI up to a function of x, and not only up to a constant.
        keep: whether a run of ``procedure: estimate`` on a table keeps its critics, for ``mi-run score``.

    ``preprocess`` and ``norms`` apply to columns of data; the code of an encoder is used as it is.
    """

    kind: ClassVar[Kind] = "lower bound"
    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True
    maximises: ClassVar[bool] = True
    takes_z: ClassVar[bool] = True
    normalised_by_row: ClassVar[bool] = False

    critic: Literal["separable", "concat", "bilinear", "quadratic", "hybrid"] = "separable"
    hidden: Widths = (128, 128)
    activation: Activation = "gelu"
    embedding: Count = 64
    product: Literal["all", "derangement", "shuffle"] = "all"
    n_product: Annotated[Count, Field(le=1024)] = 1
    preprocess: Preprocess = "rank_gaussianise"
    norms: Switch = True
    keep: Annotated[Switch, Affects.NOTHING] = False

    def fit_log_ratio(self, problem: Problem) -> networks.CanonicalVariates | None:
        """The analytic part of a hybrid critic, fitted to training rows; None for other critics.

        Raises:
            SingularScatterError: no column of x varies, or none of y.
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
        """Train a critic for each problem, all as one stack, and evaluate it once on the test rows.

        Given z there are two critics for each problem (:func:`~.chain_rule.by_chain_rule`).
        """

        def fit(problems: Sequence[Problem], start: Any) -> tuple[list[Estimate], Any]:
            return fitting.fit_critics(self, problems, training, evaluation, context, start)

        return chain_rule.by_chain_rule(fit, problems, evaluation.level, start)

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

    def pointwise(self, scores: networks.Scores) -> torch.Tensor:
        """The log-ratio of each row, ``(n,)`` in nats, for scores of one trial; their mean is :meth:`bound`.

        It is the score less a constant, which the bound says: ln E[exp T] for Donsker–Varadhan.
        """
        return scores.joint[0] - scores.joint[0].mean() + self.bound(scores)

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
