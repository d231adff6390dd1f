"""The base class of procedures, and what they share: outcomes, costs, and what makes trials fit one stack."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from mi_cli.errors import ConfigError, Fault
from mi_cli.fields import Affects
from mi_cli.lazy import np
from mi_cli.problems import Estimate
from mi_cli.registry.lookup import procedure_class
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.search_space import Objective
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

__all__ = [
    "ESTIMATE_FIELDS",
    "KEPT_FOLDERS",
    "WHOLE",
    "Cost",
    "KeepsEncoder",
    "Outcome",
    "Part",
    "Procedure",
    "Trace",
    "estimate_fields",
    "group",
    "procedure",
    "recorded_procedure",
    "stack_key",
]

Trace: TypeAlias = "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]"


@dataclass(frozen=True)
class Part:
    """A part of a trial, which a worker runs: part ``index``, from 0 on, of ``count``."""

    index: int
    count: int


WHOLE = Part(0, 1)
KEPT_FOLDERS = ("encoder", "critic", "pointwise")  # of files that trials leave in the folder of a run
ESTIMATE_FIELDS = (  # the result fields of an estimate beside its value
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
    "test_mi",
    "train_mi",
    "val_mi",
    "rise",
    "drift",
    "misfit",
)


@dataclass(frozen=True)
class Outcome:
    """The results of a trial.

    Attributes:
        trial: the trial.
        methods: result fields by method, such as ``{"mine": {"status": "ok", "estimate": 0.2}}``. The fields are
            columns of ``results.csv``. Without ``seconds``, a method has taken those of the trial.
        history: traces ``(steps, values)`` by metric.
        samples: the first column of x and of y for a few rows, each ``(n,)``, for plots that show rows.
        files: what the trial leaves in the run's folder beside its results, such as an encoder: contents by path. The
            paths begin with one of :data:`KEPT_FOLDERS`, and the procedure says so by ``keeps_files``.
    """

    trial: Trial
    methods: dict[str, dict[str, Any]]
    history: dict[str, Trace] = field(default_factory=dict)
    samples: Trace | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """The cost of training one trial: the number of optimiser steps, and multiply-adds and bytes of memory per step."""

    steps: int
    multiply_adds: int
    bytes: int


class Procedure(ABC):
    """What a trial does, from its data to its outcome. A config chooses it by its name (``procedure: estimate``).

    A procedure is one class in one file, and a line in a registry: ``mi_cli.registry.builtin``, or, in another package,
    an entry point of the group ``mi_cli.procedures``. A subclass sets ``name``, defines ``cost`` and ``run``, and sets
    the attributes below that differ. It has no state: an instance is made without arguments wherever one is needed, in
    any process, and every method depends on its arguments alone.

    The class is imported when a config is validated. Its module therefore imports torch and the like from
    ``mi_cli.lazy``, or inside other modules that it imports when a trial is run.

    Attributes:
        name: what a config calls it.
        least_rows: the least number of rows in each part of the data that it uses.
        shares: how the rows of a table are split where the config has numbers of rows that are drawn besides.
        draws_fresh_rows: whether it can train on rows that are drawn anew at each step (``dataset.n_samples=null``).
        crossfits: whether it supports ``fit=crossfit``.
        keeps_critics: whether it supports ``estimator.keep``.
        keeps_pointwise: whether it supports ``evaluation.pointwise``.
        carries: whether it supports ``training.carry``. Trials along the carried axis then have one training key.
        shifts: whether it has unlabelled rows, which ``shift`` moves.
        reports_last_steps: whether it supports ``evaluation.last_steps``.
        takes_z: whether it estimates the MI given z where the dataset has a z.
        hides_labels: whether it learns from some of the labels only, as ``split.labels`` says.
        objectives: what a search can judge its trials by; the first is the default. ``split_mse`` is left out where
            ``split.fresh`` is 0, since no other rows remain to test the best point on.
        ignores: sections and settings that it does not read, such as ``time``; typing one of them is refused.
        shows_truth: whether tables show the true MI beside its estimates.
    """

    name: ClassVar[str]
    least_rows: ClassVar[Mapping[str, int]] = {"train": 2, "test": 2}
    shares: ClassVar[Mapping[str, float]] = {"train": 0.7, "val": 0.1, "labelled": 0.0, "test": 0.2}
    draws_fresh_rows: ClassVar[bool] = False
    crossfits: ClassVar[bool] = False
    keeps_critics: ClassVar[bool] = False
    keeps_pointwise: ClassVar[bool] = False
    carries: ClassVar[bool] = False
    shifts: ClassVar[bool] = False
    reports_last_steps: ClassVar[bool] = False
    takes_z: ClassVar[bool] = False
    hides_labels: ClassVar[bool] = False
    objectives: ClassVar[tuple[Objective, ...]] = ("val_mi",)
    ignores: ClassVar[tuple[str, ...]] = ()
    shows_truth: ClassVar[bool] = False

    @abstractmethod
    def cost(self, config: Config) -> Cost:
        """The cost of one training; trials of equal signature have equal costs."""

    @abstractmethod
    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials as one stack.

        Args:
            trials: trials of equal signature, all those of each training key.
            context: device, progress and the request to stop.

        Returns:
            An outcome for each trial, in the order of ``trials``. It depends on the trial alone, and not on the others
            in its stack.

        Raises:
            Stopped: the run was asked to stop.
            TooLong: the time limit of the trials has passed.
        """

    def keeps_files(self, config: Config) -> bool:
        """Whether trials leave files in the run's folder. They are run then, even where others have recorded them."""
        del config
        return False

    def faults(self, config: Config) -> list[Fault]:
        """The faults of a config that this procedure cannot run, beside those that follow from its attributes."""
        del config
        return []

    def signature(self, config: Config) -> str:
        """A text that is equal for trials that can be trained as one stack."""
        return stack_key(config)

    def training_key(self, config: Config) -> str:
        """A text that is equal for trials that share one training, and so are always run together."""
        return config.model_dump_json(exclude=excluding(Affects.NOTHING))

    def trained_method(self, config: Config) -> str:
        """The method, among those of an outcome, that is trained. A search judges a trial by it."""
        return config.estimator.name

    def max_parts(self, config: Config) -> int:
        """The largest number of parts that a trial can be split into. Different workers can run them."""
        del config
        return 1

    def run_part(self, trials: Sequence[Trial], context: Context, part: Part) -> list[Any]:
        """Run one part of each trial, as one stack.

        Args:
            trials: as for ``run``.
            context: as for ``run``.
            part: the index of the part and the number of parts, which is at most ``max_parts(config)``.

        Returns:
            The partial result of each trial, which ``join`` takes. It can be pickled.
        """
        del part
        return list(self.run(trials, context))

    def join(self, trials: Sequence[Trial], parts: Sequence[Sequence[Any]]) -> list[Outcome]:
        """Make outcomes from the partial results of all parts, in any order. They are equal to those of ``run``."""
        del trials
        (outcomes,) = parts
        return list(outcomes)


class KeepsEncoder(Procedure):
    """A procedure whose finished runs keep an encoder in their folder."""

    @abstractmethod
    def keep(self, trial: Trial, method: str, folder: Path, context: Context) -> str:
        """Keep an encoder in the folder of a finished run.

        Args:
            trial: whose settings and data it is trained with.
            method: the method of results that it belongs to.
            folder: of the run.
            context: device and the request to stop.

        Returns:
            What it was trained on, in words.
        """


def procedure(config: Config) -> Procedure:
    """The procedure of a config."""
    instance: Procedure = procedure_class(config.procedure)()
    return instance


def recorded_procedure(name: str) -> Procedure | None:
    """The procedure of a recorded run; None where the package that adds it is not installed."""
    try:
        instance: Procedure = procedure_class(name)()
    except ConfigError:
        return None
    return instance


def stack_key(config: Config, *free_parts: str) -> str:
    """A text that is equal for trials that can be one stack.

    It has their shapes and settings, but no data, seeds or learning rates. ``free_parts`` are parts of the split whose
    sizes may differ.
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
