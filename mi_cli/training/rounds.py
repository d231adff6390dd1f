"""Training in rounds: critics whose bound on validation rows still rises are trained longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mi_cli.problems import Problem
from mi_cli.training.context import Context
from mi_cli.training.critic_fit import CriticEstimator, CriticStack
from mi_cli.training.settings import Training
from mi_cli.training.stack import Trained

__all__ = ["TrainedInRounds", "round_steps", "train_in_rounds"]

# A round counts as a rise if it adds this much to the bound on validation rows, in nats or as a share of it.
_RISE, _RELATIVE_RISE = 0.03, 0.05
_COUNTED = 2  # rounds that every critic is trained for, which progress counts


@dataclass(frozen=True)
class TrainedInRounds:
    """The outcome of training K critics in rounds.

    Attributes:
        critics: the stack that the parameters belong to.
        best: parameters at the step that is best on validation rows, ``(K, P)``.
        steps: the number of steps that each critic took.
        traces: for each critic and metric, its steps ``(T,)`` and values ``(T,)``.
        rises: what the last round of each critic added to the bound on validation rows, in nats; None after one round.
            A bound below 0, which says less than no critic does, counts as 0.
    """

    critics: CriticStack
    best: Tensor
    steps: list[int]
    traces: list[dict[str, tuple[np.ndarray, np.ndarray]]]
    rises: list[float | None]


def round_steps(training: Training, rounds: int) -> list[int]:
    """The steps of each round, which double from round to round; the third has ``training.steps``.

    >>> round_steps(Training(steps=400), 4)
    [100, 200, 400, 800]
    """
    if rounds == 1 or training.checkpoint != "best":  # nothing says which round was best
        return [training.steps]
    return [max(1, training.steps * 2**index // 4) for index in range(rounds)]


def train_in_rounds(
    estimator: CriticEstimator, problems: Sequence[Problem], training: Training, rounds: int, context: Context
) -> TrainedInRounds:
    """Train a critic for each problem in rounds.

    The learning rate starts anew in each round. All critics are trained for two rounds. Those whose bound on validation
    rows has risen in a round are trained for one more, until ``rounds`` are done. Each critic keeps the parameters that
    are best on validation rows. What a critic does depends on no other critic of the stack.

    Args:
        estimator: the estimator that is fitted.
        problems: problems of equal shapes, prepared by :func:`~mi_cli.training.critic_rows.prepare_for_critic`.
        training: the settings of training; ``steps`` are those of the third round.
        rounds: the largest number of rounds.
        context: device, progress and the request to stop. Progress counts ``training.steps``, whatever is needed.

    Raises:
        Stopped: the run was asked to stop.
        TooLong: the time limit of the trials has passed.

    Reference:
        Loshchilov & Hutter 2017 (arXiv 1608.03983), warm restarts.
    """
    k = len(problems)
    everyone = CriticStack(estimator, problems, training, context)
    running, state = list(range(k)), None
    best: list[Tensor] = [torch.empty(0)] * k
    value, steps = [-np.inf] * k, [0] * k
    traces: list[dict[str, tuple[np.ndarray, np.ndarray]]] = [{} for _ in range(k)]
    rises: list[float | None] = [None] * k
    for number, count in enumerate(round_steps(training, rounds)):
        if not running:
            break
        shared = context if number < _COUNTED else replace(context, advance=lambda steps: None)
        own = training.model_copy(update={"steps": count})
        stack = CriticStack(estimator, [problems[index] for index in running], own, shared)
        trained = stack.train(state)
        risen = []
        for position, index in enumerate(running):
            reached = _reached(trained, position)
            if number == 0 or reached > value[index] + max(_RISE, _RELATIVE_RISE * value[index]):
                risen.append(position)
            if number and np.isfinite(reached - value[index]):
                rises[index] = max(0.0, reached - max(0.0, value[index]))
            if number == 0 or reached > value[index]:
                value[index], best[index] = reached, trained.best[position]
            traces[index] = _continued(traces[index], trained.traces(position), steps[index])
            steps[index] += trained.steps[position]
        running, state = [running[position] for position in risen], trained.state.select(risen)
    context.advance(k * max(0, training.steps - sum(round_steps(training, rounds)[:_COUNTED])))
    return TrainedInRounds(everyone, torch.stack(best), steps, traces, rises)


def _reached(trained: Trained, position: int) -> float:
    """The bound on validation rows at the chosen step; −∞ where it was never finite."""
    reached = trained.chosen("val_mi", position)
    return -np.inf if reached is None or trained.diverged[position] else reached


def _continued(
    before: dict[str, tuple[np.ndarray, np.ndarray]], after: dict[str, tuple[np.ndarray, np.ndarray]], offset: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The traces of two rounds, one after the other."""
    if not before:
        return after
    return {
        name: (np.concatenate([steps, after[name][0] + offset]), np.concatenate([values, after[name][1]]))
        for name, (steps, values) in before.items()
    }
