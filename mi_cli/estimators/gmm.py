"""MI of a mixture of Gaussians that is fitted to training rows."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar, Literal

import numpy as np

from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import Fault
from mi_cli.estimators.training_free import (
    Index,
    Measurement,
    Statistic,
    TrainingFree,
    Unmeasurable,
    block_numbers,
    continuous_only,
    mean_error,
    preprocessed,
    refuse_discrete,
)
from mi_cli.fields import Count, Preprocess
from mi_cli.lazy import linalg, mixture, sklearn_exceptions, special, threadpoolctl, torch
from mi_cli.problems import Array, Problem
from mi_cli.training.context import Context

__all__ = ["Gmm", "log_ratio"]

_ITERATIONS = 500  # most iterations of EM
_PERMUTED = 2000  # rows, one permutation of which takes a few milliseconds
_RIDGE = 1e-6  # added to the variances of the components; columns have a variance of about 1


class Gmm(TrainingFree):
    r"""The log-ratio of a Gaussian mixture's density to the product of its marginals, averaged over the test rows.

    .. math:: \hat I = \frac1n \sum_i \ln \frac{p(x_i, y_i)}{p(x_i)\,p(y_i)}

    p is a mixture with full covariances, fitted to (x, y) of the training rows by EM. Its marginals are mixtures too,
    in closed form. The number of components is ``components``, or is chosen from 1 … ``most`` by ``choose``: the least
    BIC on the training rows, or the greatest likelihood on the validation rows. Larger numbers are tried until two in a
    row are no better.

    The bias is :math:`-D(p_{xy}) + D(p_x) + D(p_y)`, where D are divergences of the fitted from the true densities. It
    is usually negative, and larger where there are fewer rows for each parameter. A mixture with more parameters than
    rows is refused. The standard error is that of the mean over the test rows, for the mixture as it is fitted. There
    is no ceiling.

    Reference:
        McLachlan & Peel 2000, *Finite Mixture Models*; Schwarz 1978 (Annals of Statistics 6, 461–464) for BIC.
    """

    continuous_sides: ClassVar[tuple[Side, ...]] = ("x", "y")
    name: Literal["gmm"] = "gmm"
    components: Count | Literal["auto"] = "auto"
    most: Count = 16
    choose: Literal["bic", "held_out"] = "bic"
    preprocess: Preprocess = "rank_gaussianise"

    def unfit(self, dataset: Dataset) -> list[Fault]:
        """A discrete x or y has no density."""
        return continuous_only(self.name, dataset)

    def multiply_adds(self, rows: int, dim_x: int, dim_y: int) -> int:
        """About forty iterations of EM, for each number of components that is likely to be tried."""
        components = sum(range(1, 5)) if self.components == "auto" else self.components
        return 40 * components * rows * (dim_x + dim_y) ** 2

    def measure(self, problem: Problem, context: Context) -> Measurement:
        """Fit the mixture to the training rows, and evaluate it once on the test rows."""
        if problem.train is None:
            raise ValueError("estimator=gmm needs fixed training rows")
        held_out = self.choose == "held_out" and self.components == "auto"
        if held_out and len(problem.val) < 2:
            raise Unmeasurable(f"{len(problem.val)} validation rows; choose=held_out needs at least 2 (split.val)")
        has_val = len(problem.val) >= 2
        parts = preprocessed(self.preprocess, problem.train, problem.test, *([problem.val] if has_val else []))
        refuse_discrete(self.name, x=parts[0][0], y=parts[0][1])
        train, test, *val = (np.concatenate(part, 1) for part in parts)
        model = self._fitted(train, val[0] if held_out else None, problem, context)
        ratios, dim_x = log_ratio(model, test, problem.dim_x), problem.dim_x

        def paired(of_x: Index, of_y: Index) -> float:
            rows = np.concatenate([test[of_x, :dim_x], test[of_y, dim_x:]], 1)
            return float(log_ratio(model, rows, dim_x).mean())

        return Measurement(
            float(ratios.mean()),
            *mean_error(ratios, block_numbers(problem.test)),
            train_mi=float(log_ratio(model, train, problem.dim_x).mean()),
            val_mi=float(log_ratio(model, val[0], problem.dim_x).mean()) if val else None,
            remark="" if model.converged_ else f"EM had not converged after {model.max_iter} iterations",
            statistic=Statistic(paired, len(test), _PERMUTED),
        )

    def _fitted(self, train: Array, val: Array | None, problem: Problem, context: Context) -> Any:
        """scikit-learn's mixture with the best number of components."""
        seed = int(torch.randint(2**31, (), generator=problem.init))
        sizes = range(1, self.most + 1) if self.components == "auto" else [self.components]
        if (needed := _parameters(sizes[0], train.shape[1])) >= len(train):
            raise Unmeasurable(
                f"{len(train)} training rows; {sizes[0]} components of {train.shape[1]} columns have {needed} "
                "parameters and need more rows than that"
            )
        best, least, since = None, math.inf, 0
        for size in sizes:
            context.check()
            model = _mixture(train, size, seed)
            if model is not None:
                score = model.bic(train) if val is None else -model.score(val)
                if score < least:
                    best, least, since = model, score, -1
            since += 1
            if since == 2:
                break
        if best is None:
            raise Unmeasurable(
                f"the mixture of {sizes[0]} components collapsed onto fewer than {train.shape[1]} dimensions, where "
                "its MI is infinite; use more rows, fewer components or columns, or add noise"
            )
        return best


def _mixture(train: Array, components: int, seed: int) -> Any:
    """A fitted mixture; None where a component has collapsed onto fewer dimensions, or parameters outnumber rows."""
    if len(train) <= _parameters(components, train.shape[1]):
        return None
    model = mixture.GaussianMixture(components, reg_covar=_RIDGE, max_iter=_ITERATIONS, random_state=seed)
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
        # The reason of the estimate says that EM has not converged.
        warnings.simplefilter("ignore", sklearn_exceptions.ConvergenceWarning)
        model.fit(train)
    smallest = min(np.linalg.eigvalsh(covariance)[0] for covariance in model.covariances_)
    return model if smallest > 10 * _RIDGE else None


def _parameters(components: int, columns: int) -> int:
    """Free parameters of a mixture."""
    return components * (1 + columns + columns * (columns + 1) // 2) - 1


def log_ratio(model: Any, rows: Array, dim_x: int) -> Array:
    """ln p(x, y) − ln p(x) − ln p(y) under a mixture.

    Args:
        model: a fitted ``sklearn.mixture.GaussianMixture``.
        rows: x and y side by side, ``(n, dim_x + dim_y)``.
        dim_x: columns of x.

    Returns:
        ``(n,)`` in nats.
    """
    n = rows.shape[1]
    joint, x, y = (_log_density(model, rows, part) for part in (slice(n), slice(dim_x), slice(dim_x, n)))
    return joint - x - y


def _log_density(model: Any, rows: Array, part: slice) -> Array:
    """ln p of some columns, ``(n,)``. Their marginal is a mixture of the components' marginals."""
    rows, terms = rows[:, part], []
    for weight, mean, covariance in zip(model.weights_, model.means_[:, part], model.covariances_, strict=True):
        root = np.linalg.cholesky(covariance[part, part])
        distances = (linalg.solve_triangular(root, (rows - mean).T, lower=True) ** 2).sum(0)
        determinant = 2 * np.log(np.diag(root)).sum() + len(mean) * math.log(2 * math.pi)
        terms.append(np.log(weight) - 0.5 * (distances + determinant))
    return np.asarray(special.logsumexp(np.stack(terms), axis=0))
