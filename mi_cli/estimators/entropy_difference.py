"""Estimates of MI as a difference of entropies of y."""

from __future__ import annotations

import importlib.util
from typing import ClassVar, Literal

from mi_cli import networks
from mi_cli import training as fitting
from mi_cli.errors import Fault
from mi_cli.estimators.conditional_bounds import Likelihood
from mi_cli.fields import Activation, Count
from mi_cli.problems import Kind
from mi_cli.registry.extras import how_to_install
from mi_cli.training.settings import Training

__all__ = ["EntropyDifference", "Flow"]


class EntropyDifference(Likelihood):
    r"""DoE: the difference of two cross-entropies, of mixtures fitted by maximum likelihood.

    .. math:: I(X; Y) = H(Y) - H(Y \mid X) \approx E_{joint}[\ln q(y \mid x)] - E[\ln r(y)]

    Each column of y, given those before it (and x, in q), is a mixture of ``components`` Gaussians or logistics, whose
    weights, locations and scales are learned functions. q and r have the same form, so that what both lack cancels; the
    form is exact for correlated Gaussians.

    The value is a point estimate and no bound. It is too small, and may be negative, where q fits worse than r, as from
    few rows of many columns; it is too large where r fits worse. It has no ceiling, and its error does not grow with
    exp(MI) as that of lower bounds does.

    Reference:
        McAllester & Stratos 2020 (arXiv 1811.04251).
    """

    kind: ClassVar[Kind] = "point estimate"
    name: Literal["doe"] = "doe"
    activation: Activation = "relu"
    components: Count = 5
    family: Literal["gaussian", "logistic"] = "gaussian"

    def fit(self, dim_x: int, dim_y: int) -> fitting.Fit:
        """q and r, both mixtures."""
        mixture = networks.Mixture(dim_x, dim_y, self.hidden, self.activation, self.components, self.family)
        return fitting.EntropyFit(mixture)


class Flow(Likelihood):
    r"""The difference of two cross-entropies, of normalising flows fitted by maximum likelihood.

    .. math:: I(X; Y) = H(Y) - H(Y \mid X) \approx E_{joint}[\ln q(y \mid x)] - E[\ln r(y)]

    q and r are autoregressive neural spline flows of one form. Bias and ceiling are those of
    :class:`EntropyDifference`. It needs the package zuko, which the extra ``flow`` installs.

    Reference:
        Durkan et al. 2019 (arXiv 1906.04032), the flows; McAllester & Stratos 2020 (arXiv 1811.04251), the difference.
    """

    kind: ClassVar[Kind] = "point estimate"
    name: Literal["flow"] = "flow"
    transforms: Count = 2
    bins: Count = 8

    def faults(self, training: Training) -> list[Fault]:
        """The package zuko may be missing."""
        if importlib.util.find_spec("zuko") is None:
            return [Fault("estimator.name", self.name, "needs zuko", command=how_to_install("flow"))]
        return super().faults(training)

    def fit(self, dim_x: int, dim_y: int) -> fitting.Fit:
        """q and r, both flows."""
        return fitting.EntropyFit(networks.SplineFlow(dim_x, dim_y, self.hidden, self.transforms, self.bins))
