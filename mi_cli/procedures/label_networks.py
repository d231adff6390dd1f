"""Networks that are trained on the labels that are shown, from the start or from an encoder, for a stack of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli.procedures.label_arms import FINAL, Arm, network_arm
from mi_cli.procedures.label_probes import Target
from mi_cli.procedures.label_split import folds
from mi_cli.procedures.represented import EncodedTable, encoder_shape
from mi_cli.representations import EncodingTask, TrainedEncoder, fit_encoders
from mi_cli.representations.objectives.supervised import Supervised
from mi_cli.training.context import Context
from mi_cli.training.settings import Training

__all__ = ["RATES", "Labelled", "network_arms"]

Array = np.ndarray[Any, Any]

RATES = (3e-4, 1e-3, 3e-3)  # learning rates among which validation labels choose
_STEPS, _BATCH, _CHECKS = 300, 128, 15  # at most so many steps and rows; validations of a training
_HELD_OUT = 5  # one row in so many chooses the checkpoint


@dataclass(frozen=True, eq=False)
class Labelled:
    """A label of a table, the rows that show it, and the encoder that networks start from; none for initial weights."""

    table: EncodedTable
    target: Target
    shown: Array
    start: TrainedEncoder | None = None

    @property
    def fits(self) -> list[tuple[int, Array]]:
        """The rows that networks are fitted to, as places among those shown, by the number of their fold."""
        parts = [(number, fit) for number, (fit, _) in enumerate(folds(self.target.select(self.shown)))]
        return [*parts, (FINAL, np.arange(len(self.shown)))]

    @property
    def steps(self) -> int:
        """Training steps of all of its networks."""
        return len(self.fits) * len(RATES) * _settings(self.table.config.training).steps


def network_arms(cases: Sequence[Labelled], context: Context) -> list[Arm]:
    """Supervised networks of the encoder's size, for each case an arm.

    There is a network for each fold and learning rate. A fifth of the rows that it is fitted to choose its checkpoint.
    """
    tasks: list[EncodingTask] = []
    places: list[tuple[int, int, float]] = []
    for index, case in enumerate(cases):
        own = case.target.select(case.shown)
        for fold, fit in case.fits:
            for rate in RATES:
                tasks.append(_task(case, own, fit, rate))
                places.append((index, fold, rate))
    config = cases[0].table.config
    encoders = fit_encoders(Supervised(), encoder_shape(config), tasks, _settings(config.training), context)
    networks: list[dict[tuple[int, float], TrainedEncoder]] = [{} for _ in cases]
    for (index, fold, rate), encoder in zip(places, encoders, strict=True):
        networks[index][fold, rate] = encoder
    return [network_arm(own, case.table.x, RATES) for own, case in zip(networks, cases, strict=True)]


def _settings(training: Training) -> Training:
    n = min(_STEPS, training.steps)
    batch = _BATCH if training.batch == "full" else min(_BATCH, training.batch)
    return training.model_copy(
        update={"steps": n, "batch": batch, "checkpoint": "best", "validate_every": max(1, n // _CHECKS)}
    )


def _task(case: Labelled, own: Target, fit: Array, rate: float) -> EncodingTask:
    n_val = len(fit) // _HELD_OUT
    train, val = fit[n_val:], fit[:n_val]
    table = case.table
    return EncodingTask(
        x=table.x[case.shown[train]],
        groups=table.encoder.groups,
        x_val=table.x[case.shown[val]],
        y=own.values[train],
        y_val=own.values[val],
        classes=own.classes or None,
        seed=table.config.seed,
        lr=rate,
        names=table.encoder.names,
        start=case.start,
    )
