"""Estimates of MI as a difference of entropies of y. Nothing here imports torch before it is needed."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, ClassVar, Literal

from mi_cli.estimators.conditional_bounds import Likelihood
from mi_cli.fields import Activation, Count
from mi_cli.problems import Kind

if TYPE_CHECKING:
    from mi_cli.training.density_fit import Fit
    from mi_cli.training.settings import Training

__all__ = ["EntropyDifference", "Flow"]


class EntropyDifference(Likelihood):
    r"""DoE: the difference of two cross-entropies, of mixtures fitted by maximum likelihood.

    .. math:: I(X; Y) = H(Y) - H(Y \mid X) \approx E_{joint}[\ln q(y \mid x)] - E[\ln r(y)]

    Each column of y, given those before it (and x, in q), is a mixture of ``components`` Gaussians or logistics whose
    weights, places and scales are learned functions; q and r are of one form, which is exact for correlated Gaussians,
    and so what they lack in common cancels. A point estimate and no bound: where q fits worse than r, as from few rows
    of many columns, it is too small and may be negative; where r fits worse it is too large. It has no ceiling, and its
    error does not grow with exp(MI) as that of lower bounds does.

    McAllester & Stratos 2020 (arXiv 1811.04251).
    """

    kind: ClassVar[Kind] = "point estimate"
    name: Literal["doe"] = "doe"
    activation: Activation = "relu"
    components: Count = 5
    family: Literal["gaussian", "logistic"] = "gaussian"

    def fit(self, dim_x: int, dim_y: int) -> Fit:
        """q and r, mixtures both."""
        from mi_cli.networks.densities import Mixture
        from mi_cli.training.density_fit import EntropyFit

        return EntropyFit(Mixture(dim_x, dim_y, self.hidden, self.activation, self.components, self.family))


class Flow(Likelihood):
    r"""The difference of two cross-entropies, of normalising flows fitted by maximum likelihood.

    .. math:: I(X; Y) = H(Y) - H(Y \mid X) \approx E_{joint}[\ln q(y \mid x)] - E[\ln r(y)]

    q and r are autoregressive neural spline flows of one form. What is said of :class:`EntropyDifference` holds here
    too: a point estimate without a ceiling, too small where q fits worse than r. Needs
    zuko, the extra ``flow``.

    Durkan et al. 2019 (arXiv 1906.04032), the flows; McAllester & Stratos 2020 (arXiv 1811.04251), the difference.
    """

    kind: ClassVar[Kind] = "point estimate"
    name: Literal["flow"] = "flow"
    transforms: Count = 2
    bins: Count = 8

    def faults(self, training: Training) -> list[str]:
        """It needs a package that is not always there."""
        if importlib.util.find_spec("zuko") is None:
            return ["estimator=flow needs zuko; accepted: pip install 'mi-cli[flow]'"]
        return super().faults(training)

    def fit(self, dim_x: int, dim_y: int) -> Fit:
        """q and r, flows both."""
        from mi_cli.networks.densities import SplineFlow
        from mi_cli.training.density_fit import EntropyFit

        return EntropyFit(SplineFlow(dim_x, dim_y, self.hidden, self.transforms, self.bins))
