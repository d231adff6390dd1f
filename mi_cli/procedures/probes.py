"""Regressions from columns or codes to labels, by scikit-learn.

Columns are not standardised here. In these studies they share a unit and a noise level, so that a column with a small
spread carries little information, and scaling it up would scale up its noise. Those of a table are standardised before
(:func:`mi_cli.procedures.splits.encoder_rows`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold

__all__ = ["kernel_ridge", "linear_regression", "mse", "pca", "r2", "ridge"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Predictor = Callable[[Array], Array]


def linear_regression(x: Array, y: Array) -> Predictor:
    """Least squares with intercept, of minimal norm where it is underdetermined; x ``(n, p)``, y ``(n, q)``."""
    return _predictor(LinearRegression().fit(x, y))


def ridge(x: Array, y: Array) -> Predictor:
    """Ridge regression, its penalty chosen by leave-one-out cross-validation."""
    return _predictor(RidgeCV(np.logspace(-6, 3, 28)).fit(x, y))


def kernel_ridge(x: Array, y: Array) -> Predictor:
    """Ridge regression with a Gaussian kernel, its penalty and width chosen by 5-fold cross-validation."""
    grid = {"alpha": np.logspace(-3, 1, 5), "gamma": np.logspace(-2.5, -0.5, 5)}
    folds = KFold(min(5, len(x)), shuffle=True, random_state=0)
    search = GridSearchCV(KernelRidge(kernel="rbf"), grid, cv=folds, scoring="neg_mean_squared_error")
    centre = y.mean(0)  # the model has no intercept
    predict = _predictor(search.fit(x, y - centre))
    return lambda new: centre + predict(new)


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
