"""What is fitted to labelled rows: regressions on columns or on codes, all by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["kernel_ridge", "linear_regression", "mse", "pca", "ridge"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Predictor = Callable[[Array], Array]


def linear_regression(x: Array, y: Array) -> Predictor:
    """Least squares with intercept, of minimal norm where it is underdetermined; x ``(n, p)``, y ``(n, q)``."""
    return _predictor(LinearRegression().fit(x, y))


def ridge(x: Array, y: Array) -> Predictor:
    """Ridge regression on standardised columns, its penalty chosen by leave-one-out cross-validation."""
    return _predictor(make_pipeline(StandardScaler(), RidgeCV(np.logspace(-6, 3, 28))).fit(x, y))


def kernel_ridge(x: Array, y: Array) -> Predictor:
    """Ridge regression with a Gaussian kernel on standardised columns, penalty and width by 5-fold cross-validation."""
    grid = {"kernelridge__alpha": np.logspace(-6, 0, 4), "kernelridge__gamma": np.logspace(-2, 0.5, 4) / x.shape[1]}
    model = make_pipeline(StandardScaler(), KernelRidge(kernel="rbf"))
    folds = KFold(min(5, len(x)), shuffle=True, random_state=0)
    search = GridSearchCV(model, grid, cv=folds, scoring="neg_mean_squared_error")
    centre = y.mean(0)  # the model has no intercept
    return lambda new, fitted=search.fit(x, y - centre): centre + np.asarray(fitted.predict(new)).reshape(len(new), -1)  # type: ignore[misc]


def pca(unlabelled: Array, components: int) -> Predictor:
    """Codes by principal components of unlabelled rows ``(n, p)``: x ↦ ``(n, components)``."""
    fitted = PCA(components, svd_solver="full").fit(unlabelled)
    return lambda new: np.asarray(fitted.transform(new))


def mse(predict: Predictor, x: Array, y: Array) -> float:
    """Mean squared error over rows and label columns."""
    return float(((predict(x) - y) ** 2).mean())


def _predictor(fitted: Any) -> Predictor:
    return lambda new: np.asarray(fitted.predict(new)).reshape(len(new), -1)
