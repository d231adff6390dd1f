"""Methods that predict labels: each has candidates, of which validation labels choose one, which is then tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli.procedures import label_probes
from mi_cli.procedures.label_probes import CANDIDATES, Target
from mi_cli.procedures.label_split import folds
from mi_cli.representations import TrainedEncoder
from mi_cli.tabular.columns import Column

__all__ = ["FINAL", "Arm", "Chosen", "choose", "constant_arm", "feature_arm", "network_arm", "pls_arm", "trees_arm"]

Array = np.ndarray[Any, Any]

FINAL = -1  # in place of a fold: all rows whose labels are shown
# What predicts from the network of each learning rate: its own output, linear regressions on its code, and neighbours.
_ON_CODES: tuple[tuple[str, float], ...] = (("output", 0.0), ("linear", 1e-3), ("linear", 1e-1), ("neighbours", 10))


@dataclass(frozen=True, eq=False)
class Arm:
    """A method.

    Attributes:
        predict: ``predict(fold, fit, target, new, chosen)`` are the predictions ``(len(chosen), len(new), 1 or c)`` of
            the rows ``new`` by the chosen candidates, fitted to the rows ``fit``, which have the labels ``target``.
            ``fold`` is their number, or ``FINAL``.
        names: of the candidates.
    """

    predict: Callable[[int, Array, Target, Array, Sequence[int]], Array]
    names: Sequence[str]


@dataclass(frozen=True, eq=False)
class Chosen:
    """Predictions ``(n, 1 or c)`` of test rows by the chosen candidate, its name, and its loss on validation labels."""

    predicted: Array
    name: str
    val_loss: float


def choose(arm: Arm, target: Target, shown: Array, test: Array) -> Chosen:
    """Choose the candidate with the lowest loss on folds of the labels that are shown, and predict the test rows.

    Args:
        arm: the method.
        target: the labels of all rows.
        shown: the rows whose labels may be used.
        test: the rows to predict.
    """
    own = target.select(shown)
    losses, rows = np.zeros(CANDIDATES), 0
    for number, (fit, held_out) in enumerate(folds(own)):
        predicted = arm.predict(number, shown[fit], own.select(fit), shown[held_out], range(CANDIDATES))
        truth = own.select(held_out)
        losses += [len(held_out) * label_probes.loss(truth, one) for one in predicted]
        rows += len(held_out)
    best = int(losses.argmin())
    (predicted,) = arm.predict(FINAL, shown, own, test, [best])
    return Chosen(predicted, arm.names[best], float(losses[best] / rows))


def feature_arm(features: Array, train: Array) -> Arm:
    """Linear regressions on features ``(n, d)`` of all rows, standardised by the rows ``train``, and neighbours."""
    x = label_probes.standardised(features, train)

    def predict(fold: int, fit: Array, target: Target, new: Array, chosen: Sequence[int]) -> Array:
        del fold
        return label_probes.probes(x[fit], target, x[new], chosen)

    penalties = [f"linear, penalty {penalty:.1g}" for penalty in label_probes.PENALTIES]
    return Arm(predict, [*penalties, *(f"{k} neighbours" for k in label_probes.NEIGHBOURS)])


def pls_arm(features: Array, train: Array) -> Arm:
    """Partial least squares of features; for the arguments see :func:`feature_arm`."""
    x = label_probes.standardised(features, train)

    def predict(fold: int, fit: Array, target: Target, new: Array, chosen: Sequence[int]) -> Array:
        del fold
        return label_probes.partial_least_squares(x[fit], target, x[new], chosen)

    settings = [(n, penalty) for n in label_probes.COMPONENTS for penalty in label_probes.FEW_PENALTIES]
    return Arm(predict, [f"{n} components, penalty {penalty:.1g}" for n, penalty in settings])


def trees_arm(columns: Mapping[str, Column]) -> Arm:
    """Gradient-boosted trees on columns as they are in the table."""
    x = np.column_stack([column.values for column in columns.values()])
    classes = [column.kind == "text" and len(column.labels) <= label_probes.MOST_CLASSES for column in columns.values()]

    def predict(fold: int, fit: Array, target: Target, new: Array, chosen: Sequence[int]) -> Array:
        del fold
        return label_probes.trees(x[fit], target, x[new], classes, chosen)

    settings = [
        f"rate {rate:g}, {leaves} leaves, {rounds} rounds"
        for rate in label_probes.RATES
        for leaves in label_probes.LEAVES
        for rounds in label_probes.ROUNDS
    ]
    return Arm(predict, settings)


def constant_arm() -> Arm:
    """The mean, or the shares of the classes, whatever the row."""

    def predict(fold: int, fit: Array, target: Target, new: Array, chosen: Sequence[int]) -> Array:
        del fold, fit
        return np.repeat(np.repeat(label_probes.constant(target), len(new), 0)[None], len(chosen), 0)

    return Arm(predict, ["no columns"] * CANDIDATES)


def network_arm(networks: Mapping[tuple[int, float], TrainedEncoder], x: Array, rates: Sequence[float]) -> Arm:
    """Networks that were trained on labels, one for each fold and learning rate.

    Args:
        networks: by fold and learning rate.
        x: encoded columns ``(n, d)`` of all rows.
        rates: the learning rates.
    """
    settings = [(rate, *setting) for rate in rates for setting in _ON_CODES]

    def predict(fold: int, fit: Array, target: Target, new: Array, chosen: Sequence[int]) -> Array:
        predicted = []
        for index in chosen:
            rate, kind, value = settings[index]
            network = networks[fold, rate]
            predicted.append(_on_network(network, (kind, value), x[fit], target, x[new]))
        return np.stack(predicted)

    return Arm(predict, [f"rate {rate:g}, {kind}{f' {value:g}' if value else ''}" for rate, kind, value in settings])


def _on_network(network: TrainedEncoder, setting: tuple[str, float], fit: Array, target: Target, new: Array) -> Array:
    """Predictions ``(n, 1 or c)`` from a network: its own outputs, or those of a probe on its codes."""
    kind, value = setting
    if kind == "output":
        return label_probes.of_outputs(network.outputs(new), target)
    codes = np.concatenate([network.codes(fit), network.codes(new)])
    codes = label_probes.standardised(codes, np.arange(len(fit)))
    own, others = codes[: len(fit)], codes[len(fit) :]
    if kind == "linear":
        return np.asarray(label_probes.linear(own, target, others, [value])[0])
    return np.asarray(label_probes.nearest(own, target, others, [int(value)])[0])
