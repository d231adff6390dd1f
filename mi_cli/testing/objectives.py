"""The contracts of objectives: losses that differ from trial to trial, and from which the whole encoder learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.shape import EncoderShape
from mi_cli.representations.training import EncodingTask, TrainedEncoder, fit_encoders
from mi_cli.testing.checks import Check, checks, described, expect, run_all, section_contracts
from mi_cli.training.context import Context
from mi_cli.training.settings import Training
from mi_cli.training.threads import one_thread

__all__ = ["check_objective", "objective_checks"]

SEEDS = (0, 1, 2)
NAMES = ("a", "b", "c", "d")
GROUPS = (0, 1, 2, 2, 3)  # the third column of the table is two encoded columns
SHAPE = EncoderShape(dim=3, hidden=(8,))
SETTINGS = Training(steps=12, batch=32, validate_every=4, log_every=4)


def check_objective(cls: type[Objective], fields: Mapping[str, Any] | None = None) -> None:
    """Check that an objective keeps the contracts of :class:`~mi_cli.representations.objectives.base.Objective`.

    Three encoders of five encoded columns, which are those of the columns ``a``, ``b``, ``c`` and ``d`` of a table, are
    trained for 12 steps: together, alone, and twice. Their codes must be the same to 1e-5, and every weight of the
    encoder must have changed, unless ``trains`` is False. Checking takes about a second.

    Args:
        cls: the class.
        fields: of the objective, where its defaults are not what is to be checked.

    Raises:
        AssertionError: a contract is broken. The message names it.
    """
    run_all(objective_checks(cls, fields))


def objective_checks(cls: type[Objective], fields: Mapping[str, Any] | None = None) -> list[Check]:
    """The checks of :func:`check_objective` one by one, for ``pytest.mark.parametrize``."""
    return checks(_Case(cls, dict(fields or {})), (*section_contracts, *CONTRACTS))


@dataclass(frozen=True)
class _Case:
    """An objective's class and its fields."""

    cls: type[Objective]
    fields: dict[str, Any]

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.cls.__name__ + described(self.fields)

    @cached_property
    def made(self) -> Objective:
        """The objective as a config has it."""
        return self.cls(**self.fields)

    @cached_property
    def stack(self) -> list[TrainedEncoder]:
        """Encoders of all tasks, trained as one stack."""
        return self.trained([task(seed) for seed in SEEDS], 0)

    def trained(self, tasks: Sequence[EncodingTask], seed: int, steps: int = SETTINGS.steps) -> list[TrainedEncoder]:
        """Encoders of tasks, with ``seed`` for the global generators."""
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (which an objective must not use)
        training = SETTINGS.model_copy(update={"steps": steps, "checkpoint": "last"})
        with one_thread():
            return fit_encoders(self.made, SHAPE, tasks, training, Context(torch.device("cpu")))


def task(seed: int) -> EncodingTask:
    """Rows with dependent columns, and a label that is a function of them."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(120, len(GROUPS))).astype(np.float32)
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    y = x[:, 0] + x[:, 1] ** 2
    return EncodingTask(x[:80], GROUPS, x[80:], y=y[:80], y_val=y[80:], seed=seed, lr=0.01, names=NAMES)


def scores_are_finite(case: _Case) -> None:
    """A trial that diverges has no encoder."""
    for encoder in case.stack:
        expect(encoder.status == "ok", f"training is {encoder.status}: {encoder.reason}")
        for name, (_, values) in encoder.history.items():
            expect(np.isfinite(values).all(), f"{name} has values that are not finite")


def every_weight_is_trained(case: _Case) -> None:
    """The loss depends on the whole encoder."""
    if not case.made.trains:
        return
    one = task(SEEDS[0])
    (before,) = case.trained([one], 0, steps=1)
    for name, weights in case.stack[0].weights.items():
        expect(not torch.equal(weights, before.weights[name]), f"{name} does not change")


def encoders_are_the_same_alone_and_in_a_stack(case: _Case) -> None:
    """No operation mixes trials."""
    for seed, stacked in zip(SEEDS, case.stack, strict=True):
        (alone,) = case.trained([task(seed)], 0)
        _expect_same(f"seed {seed} alone", alone, stacked)


def same_seed_gives_the_same_encoder(case: _Case) -> None:
    """All that is drawn comes from the step's own generators."""
    for one, other in zip(case.trained([task(seed) for seed in SEEDS], 1), case.stack, strict=True):
        _expect_same("with other global seeds", one, other)


def groups_of_columns_are_flags(case: _Case) -> None:
    """A row is encoded by groups of its columns."""
    for part in case.stack[0].parts:
        expect(len(part) == len(GROUPS) and any(part), f"a group is {part}; expected: {len(GROUPS)} flags, one set")


CONTRACTS = (
    scores_are_finite,
    every_weight_is_trained,
    same_seed_gives_the_same_encoder,
    encoders_are_the_same_alone_and_in_a_stack,
    groups_of_columns_are_flags,
)


def _expect_same(what: str, one: TrainedEncoder, other: TrainedEncoder) -> None:
    x = task(len(SEEDS)).x
    difference = float(np.abs(one.codes(x) - other.codes(x)).max())
    expect(difference <= 1e-5, f"{what}, codes differ by up to {difference:.2g}")
