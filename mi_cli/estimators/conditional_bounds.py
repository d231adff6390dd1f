"""Upper bounds from a conditional density of y given x."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from mi_cli import bounds, networks
from mi_cli import training as fitting
from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import Fault
from mi_cli.estimators.base import Estimator
from mi_cli.fields import Activation, Preprocess, Widths
from mi_cli.lazy import torch
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

__all__ = ["Club", "LeaveOneOut", "Likelihood"]

_CANDIDATES = 2048  # rows of a group, all pairs of which fit the cache
_TRACED_CANDIDATES = 128


class Likelihood(Estimator):
    """An estimator that fits densities of y given x by maximum likelihood, in preprocessed columns.

    y must be continuous.
    """

    continuous_sides: ClassVar[tuple[Side, ...]] = ("y",)
    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True

    hidden: Widths = (64, 64)
    preprocess: Preprocess = "standardise"

    @abstractmethod
    def fit(self, dim_x: int, dim_y: int) -> fitting.Fit:
        """The densities of one stack, and how MI is computed from them."""

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Fit the densities of every problem, all as one stack, and evaluate them once on the test rows."""
        fit = self.fit(problems[0].dim_x, problems[0].dim_y)
        return fitting.fit_densities(fit, self.preprocess, problems, training, evaluation, context, start)

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """A y of few values has no density."""
        if "y" not in dataset.discrete:
            return []
        problem = f"its y takes few values, so that it has no density for estimator={self.name}"
        return [Fault("dataset.name", dataset.name, problem, "a dataset whose y is continuous")]

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """Cost of all densities: one product a layer forward, and two backward."""
        del training
        fit = self.fit(*dims)
        work, floats = fit.density.cost
        return 3 * fit.members * work * rows, 4 * fit.members * floats * rows


class _GaussianBound(Likelihood):
    """A bound with q(y | x) a Gaussian whose mean and diagonal variance are learned functions of x."""

    kind: ClassVar[Kind] = "upper bound"

    activation: Activation = "relu"

    def gaussian(self, dim_x: int, dim_y: int) -> networks.ConditionalGaussian:
        """The densities q of one stack."""
        return networks.ConditionalGaussian(dim_x, dim_y, self.hidden, self.activation)


class Club(_GaussianBound):
    r"""CLUB: the contrastive log-ratio upper bound, over all pairs of test rows.

    .. math:: I(X; Y) \le E_{joint}[\ln q(y \mid x)] - E_{product}[\ln q(y' \mid x)]

    q is a Gaussian with a learned mean and a diagonal covariance, fitted by maximum likelihood to training rows. The
    value is an upper bound where q is p(y | x), or close to it; on other data, or from too few rows, it can lie below
    the MI. The bound is loose: with q = p it exceeds the MI by KL(p(x) p(y) ‖ p(x, y)), and for Gaussians it is
    ρ² / (1 − ρ²). It has no ceiling. A value below 0 is raised to 0, and ``reason`` says so.

    Reference:
        Cheng et al. 2020 (arXiv 2006.12013).
    """

    name: Literal["club"] = "club"

    def fit(self, dim_x: int, dim_y: int) -> fitting.Fit:
        """q, and the bound over all pairs in closed form."""

        def bound(y: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
            joint = bounds.gaussian_log_density(y, mean, log_var)
            return bounds.club(joint, bounds.gaussian_pair_means(y, mean, log_var)[0])

        def measure(y: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            joint = bounds.gaussian_log_density(y, mean, log_var)
            of_x, of_y = bounds.gaussian_pair_means(y, mean, log_var)
            return bounds.club(joint, of_x), bounds.club_error(joint, of_x, of_y)

        return fitting.GaussianFit(self.gaussian(dim_x, dim_y), bound, measure)


class LeaveOneOut(_GaussianBound):
    r"""The leave-one-out upper bound, in which the mean of q(y | x) over the other rows' x stands for p(y).

    .. math:: I(X; Y) \le E\Bigl[\ln q(y_i \mid x_i) - \ln \frac1{n-1} \sum_{j \ne i} q(y_i \mid x_j)\Bigr]

    q is that of :class:`Club`, and the value is an upper bound under the same condition. With the same q and rows it is
    never above that of :class:`Club`. With q = p it is too large by the divergence of the mean from p(y), which
    vanishes as n grows; n is the number of test rows, at most 2,048. The values of several groups of rows are
    averaged. During training the bound is recorded with 128 candidates, which makes it larger. It has no ceiling. A
    value below 0 is raised to 0, and ``reason`` says so.

    Reference:
        Poole et al. 2019 (arXiv 1905.06922), section 2.2.
    """

    name: Literal["l1out"] = "l1out"

    def fit(self, dim_x: int, dim_y: int) -> fitting.Fit:
        """q, and the bound over all pairs of each group of rows."""

        def groups(*rows: torch.Tensor) -> Iterator[tuple[float, torch.Tensor]]:
            n = rows[0].shape[-1]
            parts = zip(*(part.tensor_split(-(-n // _CANDIDATES), -1) for part in rows), strict=True)
            return ((part[0].shape[-1] / n, bounds.gaussian_pairs(*part)) for part in parts)

        def bound(y: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
            values = [share * bounds.leave_one_out(pairs) for share, pairs in groups(y, mean, log_var)]
            return torch.stack(values).sum(0)

        def measure(y: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            values, errors = [], []
            for share, pairs in groups(y, mean, log_var):
                value, error = bounds.leave_one_out_with_error(pairs)
                values.append(share * value)
                errors.append(share * error)
            return torch.stack(values).sum(0), torch.stack(errors).square().sum(0).sqrt()

        return fitting.GaussianFit(self.gaussian(dim_x, dim_y), bound, measure, traced=_TRACED_CANDIDATES)
