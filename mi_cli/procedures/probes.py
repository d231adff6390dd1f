"""Regressions from columns or codes to labels, by scikit-learn.

Columns are not standardised here. In these studies they share a unit and a noise level, so that a column with a small
spread carries little information, and scaling it up would scale up its noise. Those of a table are standardised before
(:func:`mi_cli.procedures.splits.encoder_rows`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.decomposition import PCA
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import KFold

__all__ = ["kernel_ridge", "linear_regression", "mse", "pca", "r2", "ridge"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Predictor = Callable[[Array], Array]

_PENALTIES, _WIDTHS = np.logspace(-3, 1, 5), np.logspace(-2.5, -0.5, 5)  # of kernel ridge regression


def linear_regression(x: Array, y: Array) -> Predictor:
    """Least squares with intercept, of minimal norm where it is underdetermined; x ``(n, p)``, y ``(n, q)``."""
    return _predictor(LinearRegression().fit(x, y))


def ridge(x: Array, y: Array) -> Predictor:
    """Ridge regression, its penalty chosen by leave-one-out cross-validation."""
    return _predictor(RidgeCV(np.logspace(-6, 3, 28)).fit(x, y))


def kernel_ridge(x: Array, y: Array) -> Predictor:
    """Ridge regression with a Gaussian kernel, its penalty and width chosen by 5-fold cross-validation."""
    centre = y.mean(0)  # the model has no intercept
    errors = _errors_of_kernels(x, y - centre)
    penalty, width = np.unravel_index(errors.argmin(), errors.shape)
    model = KernelRidge(kernel="rbf", alpha=_PENALTIES[penalty], gamma=_WIDTHS[width])
    predict = _predictor(model.fit(x, y - centre))
    return lambda new: centre + predict(new)


def _errors_of_kernels(x: Array, y: Array) -> Array:
    """The mean over folds of the squared error, for each penalty and width.

    The grid search of scikit-learn gives the same numbers in twenty times the time: it fits a model for each of them,
    and computes all distances for each width and penalty again.
    """
    folds = KFold(min(5, len(x)), shuffle=True, random_state=0)
    errors = np.empty((folds.n_splits, len(_PENALTIES), len(_WIDTHS)))
    for fold, (fit, held_out) in enumerate(folds.split(x)):
        within = euclidean_distances(x[fit], squared=True)
        between = euclidean_distances(x[held_out], x[fit], squared=True)
        for j, width in enumerate(_WIDTHS):
            kernel, others = np.exp(-width * within), np.exp(-width * between)
            for i, penalty in enumerate(_PENALTIES):
                penalised = kernel + penalty * np.eye(len(fit))
                weights = linalg.solve(penalised, y[fit], assume_a="pos", overwrite_a=True)
                errors[fold, i, j] = ((others @ weights - y[held_out]) ** 2).mean()
    return np.asarray(errors.mean(0))


def pca(unlabelled: Array, components: int) -> Predictor:
    """Codes by principal components of unlabelled rows ``(n, p)``: x ↦ ``(n, components)``."""
    fitted = PCA(components, svd_solver="full").fit(unlabelled)
    return lambda new: np.asarray(fitted.transform(new))


def mse(predict: Predictor, x: Array, y: Array) -> float:
    """Mean squared error over rows and label columns."""
    return float(((predict(x) - y) ** 2).mean())


def r2(error: float, y: Array) -> float | None:
    """R² of a mean squared error: 1 − error / variance, over all label columns; None where the labels do not vary."""
    variance = float(y.var(0).mean())
    return 1 - error / variance if variance else None


def _predictor(fitted: Any) -> Predictor:
    return lambda new: np.asarray(fitted.predict(new)).reshape(len(new), -1)
