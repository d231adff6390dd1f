"""What is fitted to labelled rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, KFold

from mi_cli.procedures import probes

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(40, 3)), RNG.normal(size=(15, 3))
WEIGHTS = np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]])
Y = X @ WEIGHTS + np.array([4.0, -1.0])
NOISY = Y + RNG.normal(scale=0.5, size=Y.shape)


@pytest.mark.parametrize("fit", [probes.linear_regression, probes.ridge, probes.kernel_ridge])
@pytest.mark.parametrize("columns", [1, 2])
def test_predictions_have_a_row_for_each_and_a_column_for_each_label(fit, columns):
    assert fit(X, NOISY[:, :columns])(NEW).shape == (15, columns)


def test_linear_regression_is_least_squares_with_intercept():
    predict = probes.linear_regression(X, NOISY)
    weights, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(40)]), NOISY, rcond=None)
    np.testing.assert_allclose(predict(NEW), np.column_stack([NEW, np.ones(15)]) @ weights)
    assert probes.mse(probes.linear_regression(X, Y), NEW, NEW @ WEIGHTS + [4, -1]) < 1e-25


def test_linear_regression_has_minimal_norm_where_it_is_underdetermined():
    predict = probes.linear_regression(X[:2], Y[:2])
    centred = X[:2] - X[:2].mean(0)
    expected = Y[:2].mean(0) + (NEW - X[:2].mean(0)) @ np.linalg.pinv(centred) @ (Y[:2] - Y[:2].mean(0))
    np.testing.assert_allclose(predict(NEW), expected)


def test_ridge_is_that_of_the_penalty_which_predicts_each_row_best_from_the_others():
    def fitted(x, y, penalty):
        mean_x, mean_y = x.mean(0), y.mean(0)
        gram = (x - mean_x).T @ (x - mean_x) + penalty * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, (x - mean_x).T @ (y - mean_y))
        return lambda new: mean_y + (new - mean_x) @ weights

    y = NOISY[:, :1]
    rows = np.arange(len(X))
    errors = {
        penalty: np.mean([(fitted(X[rows != i], y[rows != i], penalty)(X[[i]]) - y[i]) ** 2 for i in rows])
        for penalty in np.logspace(-6, 3, 28)
    }
    best = min(errors, key=errors.__getitem__)
    np.testing.assert_allclose(probes.ridge(X, y)(NEW), fitted(X, y, best)(NEW), rtol=1e-6)


def test_ridge_beats_least_squares_where_columns_are_as_many_as_rows():
    x, y = RNG.normal(size=(20, 19)), RNG.normal(size=(20, 1))
    new, nothing = RNG.normal(size=(50, 19)), np.zeros((50, 1))
    assert probes.mse(probes.ridge(x, y), new, nothing) < 0.5 * probes.mse(probes.linear_regression(x, y), new, nothing)


def test_kernel_ridge_bends():
    x = RNG.uniform(-3, 3, size=(80, 1))
    y = np.sin(2 * x) + 5
    new = np.linspace(-2.5, 2.5, 50)[:, None]
    assert probes.mse(probes.kernel_ridge(x, y), new, np.sin(2 * new) + 5) < 0.05
    assert probes.mse(probes.linear_regression(x, y), new, np.sin(2 * new) + 5) > 0.3


@pytest.mark.parametrize("columns", [1, 2])
def test_kernel_ridge_is_that_of_a_grid_search(columns):
    y = NOISY[:, :columns]
    grid = {"alpha": np.logspace(-3, 1, 5), "gamma": np.logspace(-2.5, -0.5, 5)}
    folds = KFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(KernelRidge(kernel="rbf"), grid, cv=folds, scoring="neg_mean_squared_error")
    expected = search.fit(X, y - y.mean(0)).predict(NEW) + y.mean(0)
    np.testing.assert_array_equal(probes.kernel_ridge(X, y)(NEW), expected)


def test_kernel_ridge_works_about_the_mean_and_is_the_same_every_time():
    far = probes.kernel_ridge(X, NOISY + 1000)(NEW) - 1000
    np.testing.assert_allclose(far, probes.kernel_ridge(X, NOISY)(NEW), rtol=1e-6, atol=1e-8)
    model = KernelRidge(kernel="rbf", alpha=1e-3, gamma=10**-2.5)
    assert np.isfinite(model.fit(X, NOISY).predict(NEW)).all()


def test_kernel_ridge_takes_fewer_rows_than_folds():
    assert np.isfinite(probes.kernel_ridge(X[:3], Y[:3])(NEW)).all()


def test_principal_components_are_those_of_the_unlabelled_rows():
    unlabelled = RNG.normal(size=(100, 3)) * [3, 1, 0.1]
    project = probes.pca(unlabelled, 2)
    mean = unlabelled.mean(0)
    _, _, directions = np.linalg.svd(unlabelled - mean, full_matrices=False)
    np.testing.assert_allclose(np.abs(project(NEW)), np.abs((NEW - mean) @ directions[:2].T))
    np.testing.assert_allclose(project(unlabelled).mean(0), 0, atol=1e-12)


def test_mean_squared_error_is_over_rows_and_labels():
    assert probes.mse(lambda x: x, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 4.0]])) == 13 / 4
