"""Upper bounds from a conditional density of y given x. Nothing here imports torch before it is needed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mi_cli.estimators.base import Estimator
from mi_cli.fields import Activation, Widths
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.preprocessing import Preprocess

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.datasets.base import Dataset
    from mi_cli.networks.densities import ConditionalGaussian
    from mi_cli.training.context import Context
    from mi_cli.training.density_fit import Fit
    from mi_cli.training.settings import Evaluation, Training

__all__ = ["Club", "LeaveOneOut", "Likelihood"]

_CANDIDATES = 2048  # rows among which every row of a group is explained: their pairs fit the cache
_TRACED_CANDIDATES = 128


class Likelihood(Estimator):
    """Densities of y given x, fitted by maximum likelihood in preprocessed columns; y must be continuous."""

    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True

    hidden: Widths = (64, 64)
    preprocess: Preprocess = "standardise"

    @abstractmethod
    def fit(self, dim_x: int, dim_y: int) -> Fit:
        """What is fitted for one stack."""

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Fit the densities of every problem, all as one stack, and evaluate them once on the test rows."""
        from mi_cli.training.density_fit import fit_densities

        fit = self.fit(problems[0].dim_x, problems[0].dim_y)
        return fit_densities(fit, self.preprocess, problems, training, evaluation, context, start)

    def unfit(self, dataset: Dataset) -> list[str]:
        """A y of few values has no density."""
        if "y" not in dataset.discrete:
            return []
        return [
            f"dataset.name={dataset.name}: its y takes few values, so that it has no density for "
            f"estimator={self.name}; accepted: a dataset whose y is continuous"
        ]

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """Of the densities that are fitted: three products a layer, one forward and two backward."""
        del training
        fit = self.fit(*dims)
        work, floats = fit.density.cost
        return 3 * fit.members * work * rows, 4 * fit.members * floats * rows


class _GaussianBound(Likelihood):
    """A bound with q(y | x) a Gaussian whose mean and diagonal variance are learned functions of x."""

    kind: ClassVar[Kind] = "upper bound"

    activation: Activation = "relu"

    def gaussian(self, dim_x: int, dim_y: int) -> ConditionalGaussian:
        """The densities of one stack."""
        from mi_cli.networks.densities import ConditionalGaussian

        return ConditionalGaussian(dim_x, dim_y, self.hidden, self.activation)


class Club(_GaussianBound):
    r"""CLUB: the contrastive log-ratio upper bound, over all pairs of test rows.

    .. math:: I(X; Y) \le E_{joint}[\ln q(y \mid x)] - E_{product}[\ln q(y' \mid x)]

    q is a Gaussian with a learned mean and a diagonal covariance, fitted by maximum likelihood to training rows. It is
    an upper bound where q is p(y | x), or close to it: on other data, or from too few rows, it can lie below the MI.
    It is loose: with q = p it exceeds the MI by KL(p(x) p(y) ‖ p(x, y)), and for Gaussians it is ρ² / (1 − ρ²). It has
    no ceiling. A bound that is found below 0 is raised to 0, and ``reason`` says so.

    Cheng et al. 2020 (arXiv 2006.12013).
    """

    name: Literal["club"] = "club"

    def fit(self, dim_x: int, dim_y: int) -> Fit:
        """q, and the bound over all pairs in closed form."""
        from mi_cli.bounds import conditional
        from mi_cli.training.density_fit import GaussianFit

        def bound(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
            joint = conditional.gaussian_log_density(y, mean, log_var)
            return conditional.club(joint, conditional.gaussian_pair_means(y, mean, log_var)[0])

        def error(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
            joint = conditional.gaussian_log_density(y, mean, log_var)
            return conditional.club_error(joint, *conditional.gaussian_pair_means(y, mean, log_var))

        return GaussianFit(self.gaussian(dim_x, dim_y), bound, error)


class LeaveOneOut(_GaussianBound):
    r"""The leave-one-out upper bound: p(y) is taken for the mean of q(y | x) over the other rows' x.

    .. math:: I(X; Y) \le E\Bigl[\ln q(y_i \mid x_i) - \ln \frac1{n-1} \sum_{j \ne i} q(y_i \mid x_j)\Bigr]

    q is as for :class:`Club`, and so is what makes the bound one; with the same q and rows it is never above that one.
    With q = p it is too large by the divergence of that mean from p(y), which vanishes as n grows; n is the number of
    test rows, and at most 2,048: of more, groups are averaged. While training it is recorded with 128 candidates, and
    so larger. It has no ceiling. Where it is found below 0 it is raised to 0, and ``reason`` says so.

    Poole et al. 2019 (arXiv 1905.06922), section 2.2.
    """

    name: Literal["l1out"] = "l1out"

    def fit(self, dim_x: int, dim_y: int) -> Fit:
        """q, and the bound over all pairs of each group of rows."""
        import torch

        from mi_cli.bounds import conditional
        from mi_cli.training.density_fit import GaussianFit

        def groups(*rows: Tensor) -> Iterator[tuple[float, Tensor]]:
            n = rows[0].shape[-1]
            parts = zip(*(part.tensor_split(-(-n // _CANDIDATES), -1) for part in rows), strict=True)
            return ((part[0].shape[-1] / n, conditional.gaussian_pairs(*part)) for part in parts)

        def bound(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
            of = [share * conditional.leave_one_out(pairs) for share, pairs in groups(y, mean, log_var)]
            return torch.stack(of).sum(0)

        def error(y: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
            of = [share * conditional.leave_one_out_error(pairs) for share, pairs in groups(y, mean, log_var)]
            return torch.stack(of).square().sum(0).sqrt()

        return GaussianFit(self.gaussian(dim_x, dim_y), bound, error, traced=_TRACED_CANDIDATES)
