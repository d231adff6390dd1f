"""MI as it would be if all were Gaussian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mi_cli.estimators.base import Estimator
from mi_cli.fields import Fraction
from mi_cli.problems import Estimate, Kind, Problem

if TYPE_CHECKING:
    from mi_cli.training.context import Context
    from mi_cli.training.settings import Evaluation, Training

__all__ = ["GaussianFit"]


class GaussianFit(Estimator):
    r"""Plug the canonical correlations ρ of all rows into the MI of Gaussians, shrunk towards 0.

    .. math:: -\tfrac12 \sum_i \ln(1 - (1 - s)^2 ρ_i^2)
    """

    kind: ClassVar[Kind] = "point estimate"

    name: Literal["gaussian_fit"] = "gaussian_fit"
    shrinkage: Fraction = 0.0

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Estimate each problem by itself."""
        del training, context, start
        return [self._fit(problem, evaluation.level) for problem in problems], None

    def _fit(self, problem: Problem, level: float) -> Estimate:
        import torch

        rows = problem.rows
        n = len(rows)
        whitened = [torch.linalg.qr(part.double() - part.double().mean(0)).Q for part in (rows.x, rows.y)]
        rho = (1 - self.shrinkage) * torch.linalg.svdvals(whitened[0].T @ whitened[1]).clamp(max=1 - 1e-12)
        value = -0.5 * float(torch.log1p(-(rho**2)).sum())
        stderr = math.sqrt(float((rho**2).sum()) / n)  # by the delta method, for Gaussians
        half = NormalDist().inv_cdf(0.5 + level / 2) * stderr
        return Estimate(self.kind, value=value, stderr=stderr, ci_low=value - half, ci_high=value + half, steps=0)
