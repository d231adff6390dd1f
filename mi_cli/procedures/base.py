"""What procedures share: their outcomes, their costs, and what makes two trials fit one stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mi_cli.fields import Affects
from mi_cli.registry.builtin import PROCEDURES
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

if TYPE_CHECKING:
    from mi_cli.problems import Estimate

__all__ = [
    "ESTIMATE_FIELDS",
    "WHOLE",
    "Cost",
    "Outcome",
    "Part",
    "Partial",
    "Procedure",
    "estimate_fields",
    "procedure",
    "stack_key",
]

Trace = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
Part = tuple[int, int]  # the how manieth of how many
Partial = Mapping[int, "Estimate"]  # of a trial: estimates by fold

WHOLE: Part = (0, 1)
ESTIMATE_FIELDS = (  # beside its value
    "stderr",
    "ci_low",
    "ci_high",
    "lower",
    "p_value",
    "kind",
    "ceiling",
    "effective",
    "critic_mi",
    "critic_stderr",
    "train_mi",
    "val_mi",
)


@dataclass(frozen=True)
class Outcome:
    """What a trial left: result fields for each method, traces ``(steps, values)`` by metric, x and y of a few rows."""

    trial: Trial
    methods: dict[str, dict[str, Any]]
    history: dict[str, Trace] = field(default_factory=dict)
    samples: Trace | None = None


@dataclass(frozen=True)
class Cost:
    """What training a trial takes: optimiser steps, and multiply-adds and bytes of activations a step."""

    steps: int
    multiply_adds: int
    bytes: int


class Procedure(Protocol):
    """A module of this package."""

    def signature(self, config: Config) -> str:
        """Equal for trials that can be trained as one stack."""

    def training_key(self, config: Config) -> str:
        """Equal for trials that share their training and must stay together."""

    def cost(self, config: Config) -> Cost:
        """Of one training."""

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials of one signature, as one stack."""


def procedure(config: Config) -> Procedure:
    """The procedure that a config names."""
    import importlib

    module: Any = importlib.import_module(PROCEDURES[config.procedure])
    return module  # type: ignore[no-any-return]


def stack_key(config: Config, *free_parts: str) -> str:
    """What trials must agree on to be one stack: shapes and settings, not data, seeds or learning rates.

    ``free_parts`` are parts of the split whose sizes do not matter.
    """
    values = config.model_dump(mode="json", exclude=excluding(Affects.NOTHING, Affects.NUMBERS))
    rows = {part: count for part, count in config.rows.items() if part not in free_parts}
    values |= {
        "dims": [config.dataset.dim_x, config.dataset.dim_y],
        "fresh": config.dataset.n_samples is None,
        "rows": rows,
    }
    return json.dumps(values, sort_keys=True)


def estimate_fields(estimate: Estimate) -> dict[str, Any]:
    """An estimate as result fields."""
    names = ("status", "reason", *ESTIMATE_FIELDS, "steps")
    return {"estimate": estimate.value} | {name: getattr(estimate, name) for name in names}


def group(trials: Sequence[Trial], key: Callable[[Config], str]) -> list[list[Trial]]:
    """Trials by key, in order of first appearance."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(key(trial.config), []).append(trial)
    return list(groups.values())
