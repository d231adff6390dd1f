"""Predictions of one label from features: the candidates that each method is chosen from, and how they are scored.

Every method has as many candidates (``CANDIDATES``). A number is predicted by its mean, ``(n, 1)``; a class by the
probabilities of all classes, ``(n, c)``. Where m rows were fitted, the share 1 / (m + 1) of these is a uniform
distribution, so that no class has probability 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli.lazy import ensemble, optimize, spatial, special

__all__ = [
    "CANDIDATES",
    "Target",
    "constant",
    "linear",
    "loss",
    "nearest",
    "of_outputs",
    "partial_least_squares",
    "probes",
    "scores",
    "standardised",
    "trees",
]

Array = np.ndarray[Any, Any]
Predict = Callable[[Array, Array, Array, Sequence[int]], Array]

CANDIDATES = 12
PENALTIES = tuple(np.logspace(-4, 1.5, 8).tolist())  # of linear probes, on the mean loss of a row
NEIGHBOURS = (3, 10, 30, 100)
COMPONENTS = (1, 2, 3, 4, 6, 8)  # of partial least squares
FEW_PENALTIES = (1e-3, 1e-1)  # of the linear probe on these components
RATES, LEAVES, ROUNDS = (0.06, 0.2), (5, 31), (15, 40, 100)  # of trees

_LINEAR_STEPS = 60  # of L-BFGS for a penalty; the next penalty goes on from there
_LEAST_LEAF, _MOST_LEAF = 2, 20  # rows of a leaf
MOST_CLASSES = 255  # of a column of text that trees take for classes


@dataclass(frozen=True)
class Target:
    """A label: its values ``(n,)``, and the number of its classes, which are numbered from 0; 0 for a number."""

    name: str
    values: Array
    classes: int

    def select(self, rows: Array) -> Target:
        """The label of some rows."""
        return Target(self.name, self.values[rows], self.classes)

    @property
    def indicators(self) -> Array:
        """The label as columns ``(n, 1)`` or ``(n, c)``: the number, or 0 and 1 for each class."""
        return np.eye(self.classes)[self.values.astype(np.int64)] if self.classes else self.values[:, None]


def loss(target: Target, predicted: Array) -> float:
    """What candidates are chosen by: the mean squared error, or for classes the log-loss in nats."""
    if not target.classes:
        return float(((predicted[:, 0] - target.values) ** 2).mean())
    own = np.take_along_axis(predicted, target.values.astype(np.int64)[:, None], 1)
    return float(-np.log(own).mean())


def scores(target: Target, predicted: Array, shown: Target) -> dict[str, float]:
    """Result fields of predictions of test rows: R² and MSE of a number; accuracies and log-loss of classes.

    The accuracy is that of the most probable class. The balanced accuracy, the mean share of each class that is
    recognised, is that of the class whose probability is the largest multiple of its share among the labels that were
    ``shown``: the best decision for it, where probabilities are right.
    """
    if not target.classes:
        mse, variance = loss(target, predicted), float(target.values.var())
        return {"test_mse": mse} | ({"test_r2": 1 - mse / variance} if variance else {})
    shares = shown.indicators.mean(0)
    balanced = np.where(shares > 0, predicted / np.where(shares > 0, shares, 1.0), 0.0).argmax(1) == target.values
    recalls = [balanced[target.values == one].mean() for one in np.unique(target.values)]
    return {
        "test_accuracy": float((predicted.argmax(1) == target.values).mean()),
        "test_balanced_accuracy": float(np.mean(recalls)),
        "test_log_loss": loss(target, predicted),
    }


def standardised(features: Array, train: Array) -> Array:
    """Features ``(n, d)`` with mean 0 and variance 1 in the rows ``train``; a constant one is 0."""
    centred = features.astype(np.float64) - features[train].mean(0, dtype=np.float64)
    spread = centred[train].std(0)
    return np.asarray(centred / np.where(spread > 1e-9, spread, np.inf))


def _smoothed(probabilities: Array, rows: int) -> Array:
    """Probabilities with the share of one row spread over all classes."""
    share = 1 / (rows + 1)
    return np.asarray((1 - share) * probabilities + share / probabilities.shape[-1])


def constant(target: Target) -> Array:
    """The prediction without any feature, ``(1, 1)`` or ``(1, c)``: the mean, or the share of each class."""
    mean = target.indicators.mean(0, keepdims=True)
    return _smoothed(mean, len(target.values)) if target.classes else mean


def of_outputs(outputs: Array, target: Target) -> Array:
    """Predictions from the outputs ``(n, 1 or c)`` of a network that was trained on ``target``: of classes, logits."""
    return _smoothed(special.softmax(outputs, axis=1), len(target.values)) if target.classes else outputs


def probes(x: Array, target: Target, new: Array, chosen: Sequence[int] = range(CANDIDATES)) -> Array:
    """Predictions by linear regressions (the first candidates) and by nearest neighbours (the others).

    Args:
        x: standardised features ``(m, d)`` of the rows that are fitted.
        target: their labels.
        new: features ``(n, d)``.
        chosen: the candidates.

    Returns:
        ``(len(chosen), n, 1)``, or ``(len(chosen), n, c)`` for classes.
    """
    lines = [PENALTIES[index] for index in chosen if index < len(PENALTIES)]
    near = [NEIGHBOURS[index - len(PENALTIES)] for index in chosen if index >= len(PENALTIES)]
    parts = [linear(x, target, new, lines)] if lines else []
    parts += [nearest(x, target, new, near)] if near else []
    return np.concatenate(parts)


def linear(x: Array, target: Target, new: Array, penalties: Sequence[float]) -> Array:
    """Predictions by ridge regression, or for classes by logistic regression, one for each penalty, in ascending order.

    The penalty is that on the squared weights, beside the mean over rows of half the squared error or of the log-loss.
    """
    if target.classes:
        return _logistic(x, target, new, penalties)
    centre, mean = x.mean(0), target.values.mean()
    u, s, vt = np.linalg.svd(x - centre, full_matrices=False)
    inner = u.T @ (target.values - mean)
    shrunk = np.stack([s / (s**2 + penalty * len(x)) * inner for penalty in penalties])
    return np.asarray(((new - centre) @ (shrunk @ vt).T + mean).T[:, :, None])


def _logistic(x: Array, target: Target, new: Array, penalties: Sequence[float]) -> Array:
    """Multinomial logistic regression; each penalty goes on from the weights of the next larger one."""
    m, d = x.shape
    labels, c = target.values.astype(np.int64), target.classes
    inputs, rows = np.column_stack([x, np.ones(m)]), np.arange(m)
    wanted = target.indicators
    weights = np.zeros((d + 1, c))
    weights[-1] = np.log(constant(target)[0])

    def objective(flat: Array, penalty: float) -> tuple[float, Array]:
        current = flat.reshape(d + 1, c)
        logarithms = special.log_softmax(inputs @ current, axis=1)
        gradient = inputs.T @ (np.exp(logarithms) - wanted) / m
        gradient[:-1] += penalty * current[:-1]
        value = -logarithms[rows, labels].mean() + penalty / 2 * (current[:-1] ** 2).sum()
        return float(value), gradient.ravel()

    predicted = []
    for penalty in sorted(penalties, reverse=True):
        options = {"maxiter": _LINEAR_STEPS, "gtol": 1e-4}
        fitted = optimize.minimize(objective, weights.ravel(), (penalty,), "L-BFGS-B", jac=True, options=options)
        weights = fitted.x.reshape(d + 1, c)
        predicted.append(_smoothed(special.softmax(new @ weights[:-1] + weights[-1], axis=1), m))
    return np.stack(predicted[::-1])


def nearest(x: Array, target: Target, new: Array, neighbours: Sequence[int]) -> Array:
    """The mean of the labels of the nearest rows, one for each number of neighbours."""
    m, most = len(x), min(max(neighbours), len(x))
    _, places = spatial.cKDTree(x).query(new, most)
    labels = target.indicators[places.reshape(len(new), most)]
    sums = labels.cumsum(1)
    means = [sums[:, min(k, m) - 1] / min(k, m) for k in neighbours]
    return np.stack([_smoothed(mean, m) if target.classes else mean for mean in means])


def partial_least_squares(x: Array, target: Target, new: Array, chosen: Sequence[int] = range(CANDIDATES)) -> Array:
    """Predictions by linear regressions on the components of x with the largest covariance with the label.

    For the arguments see :func:`probes`.

    Reference:
        Wold, Sjöström & Eriksson 2001 (doi 10.1016/S0169-7439(01)00155-1).
    """
    rotation, centre = _components(x, target.indicators, max(COMPONENTS))
    fitted, others = (x - centre) @ rotation, (new - centre) @ rotation
    spread = np.where(fitted.std(0) > 1e-12, fitted.std(0), 1.0)
    fitted, others = fitted / spread, others / spread
    predicted = []
    for index in chosen:
        n, penalty = COMPONENTS[index // len(FEW_PENALTIES)], FEW_PENALTIES[index % len(FEW_PENALTIES)]
        predicted.append(linear(fitted[:, :n], target, others[:, :n], [penalty])[0])
    return np.stack(predicted)


def _components(x: Array, y: Array, most: int) -> tuple[Array, Array]:
    """The rotation ``(d, k)`` to the first components, of which there may be fewer than ``most``, and the mean of x."""
    centre = x.mean(0)
    left, right = x - centre, y - y.mean(0)
    weights, loadings = [], []
    for _ in range(min(most, x.shape[1], len(x) - 1)):
        u, s, _ = np.linalg.svd(left.T @ right, full_matrices=False)
        component = left @ u[:, 0]
        size = component @ component
        if s[0] <= 1e-9 * len(x) or size <= 1e-9:
            break
        loading = left.T @ component / size
        left = left - np.outer(component, loading)
        right = right - np.outer(component, component @ right / size)
        weights.append(u[:, 0])
        loadings.append(loading)
    if not weights:
        return np.zeros((x.shape[1], 1)), centre
    w, p = np.stack(weights, 1), np.stack(loadings, 1)
    return np.asarray(w @ np.linalg.pinv(p.T @ w)), centre


def trees(
    x: Array, target: Target, new: Array, classes: Sequence[bool], chosen: Sequence[int] = range(CANDIDATES)
) -> Array:
    """Predictions by gradient-boosted trees; NaN is a missing value.

    Args:
        x: columns ``(m, d)`` as they are in the table.
        target: labels of the rows.
        new: columns ``(n, d)``.
        classes: which columns are classes, numbered from 0.
        chosen: the candidates.

    Returns:
        See :func:`probes`.

    Reference:
        Ke et al. 2017 (LightGBM), as implemented by scikit-learn.
    """
    predicted: dict[int, Array] = {}
    settings = [(rate, leaves, rounds) for rate in RATES for leaves in LEAVES for rounds in ROUNDS]
    of_fit: dict[tuple[float, int], list[int]] = {}
    for index in chosen:
        of_fit.setdefault(settings[index][:2], []).append(index)
    for (rate, leaves), indices in of_fit.items():
        wanted = {settings[index][2]: index for index in indices}
        staged = _boosted(x, target, new, classes, {"rate": rate, "leaves": leaves, "rounds": max(wanted)})
        predicted |= {wanted[rounds]: values for rounds, values in staged.items() if rounds in wanted}
    return np.stack([predicted[index] for index in chosen])


def _boosted(
    x: Array, target: Target, new: Array, classes: Sequence[bool], setting: Mapping[str, Any]
) -> dict[int, Array]:
    """Predictions after each of ``ROUNDS``, up to the rounds of the setting."""
    options: dict[str, Any] = {
        "learning_rate": setting["rate"],
        "max_leaf_nodes": setting["leaves"],
        "max_iter": setting["rounds"],
        "min_samples_leaf": max(_LEAST_LEAF, min(_MOST_LEAF, len(x) // 20)),
        "early_stopping": False,
        "categorical_features": [i for i, is_class in enumerate(classes) if is_class] or None,
        "random_state": 0,
    }
    if not target.classes:
        model = ensemble.HistGradientBoostingRegressor(**options).fit(x, target.values)
        staged = (values[:, None] for values in model.staged_predict(new))
    else:
        present = np.unique(target.values)
        if len(present) == 1:
            return {rounds: np.repeat(constant(target), len(new), 0) for rounds in ROUNDS}
        model = ensemble.HistGradientBoostingClassifier(**options).fit(x, target.values)
        places = present.astype(np.int64)
        staged = (
            _smoothed(_spread(values, places, target.classes), len(x)) for values in model.staged_predict_proba(new)
        )
    return {number: values for number, values in enumerate(staged, 1) if number in ROUNDS}


def _spread(probabilities: Array, places: Array, classes: int) -> Array:
    """Probabilities of the classes that were there, among those of all classes."""
    spread = np.zeros((len(probabilities), classes))
    spread[:, places] = probabilities
    return spread
