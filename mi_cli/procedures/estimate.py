"""Estimate the MI of x and y."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mi_cli import procedures
from mi_cli.datasets.table import Table
from mi_cli.errors import Fault
from mi_cli.estimators.training_free import TrainingFree
from mi_cli.estimators.variational import Variational
from mi_cli.fields import Affects
from mi_cli.lazy import np
from mi_cli.problems import Array, Problem
from mi_cli.problems import Estimate as MiEstimate
from mi_cli.procedures.base import Cost, Outcome, Part, Procedure, estimate_fields, group
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.sweep import Trial, put
from mi_cli.tabular.frozen_columns import frozen
from mi_cli.training.context import Context

if TYPE_CHECKING:
    from mi_cli.procedures.estimation import FoldEstimates

__all__ = ["Estimate"]

_SHOWN_ROWS = 500
_INFINITE = {
    True: "the true MI is infinite: the estimate is bounded by the critic, and, like any lower bound that can be "
    "trusted, by ln of the number of product samples",
    False: "the true MI is infinite, which no estimate from finitely many rows can be",
}


class Estimate(Procedure):
    """Estimate the MI of x and y from rows of a dataset, and report it beside the true MI where that is known.

    With ``fit=crossfit``, a part of a trial is some of its folds. With ``training.carry``, the trials along that axis
    are one training, which goes on from each value to the next.
    """

    name = "estimate"
    ignores: ClassVar[tuple[str, ...]] = ("time", "selection", "representation")
    draws_fresh_rows: ClassVar[bool] = True
    crossfits: ClassVar[bool] = True
    takes_z: ClassVar[bool] = True
    keeps_critics: ClassVar[bool] = True
    keeps_pointwise: ClassVar[bool] = True
    carries: ClassVar[bool] = True
    reports_last_steps: ClassVar[bool] = True
    shows_truth: ClassVar[bool] = True

    def keeps_files(self, config: Config) -> bool:
        """Whether critics are kept, or the pointwise MI of rows."""
        return _keeps_critics(config) or config.evaluation.pointwise

    def faults(self, config: Config) -> list[Fault]:
        """Critics to be kept of rows that nobody could bring again, or of a form that is not kept, and pointwise MI of
        rows that are made of several."""
        dataset, faults = config.dataset, []
        if config.evaluation.pointwise and isinstance(dataset, Table) and dataset.transform != "none":
            problem = f"a table's own rows have a pointwise MI, and dataset.transform={dataset.transform} makes others"
            faults.append(Fault("evaluation.pointwise", True, problem, command="dataset.transform=none"))
        return [*faults, *self._faults_of_critics(config)]

    def _faults_of_critics(self, config: Config) -> list[Fault]:
        if not _keeps_critics(config):
            return []
        dataset = config.dataset
        wrong = {
            "dataset=table without transform": not isinstance(dataset, Table) or dataset.transform != "none",
            "noise=none": bool(config.noise.scale),
            "another critic than hybrid": getattr(config.estimator, "critic", "") == "hybrid",
            "training.carry=null": config.training.carry is not None,
            "no z": bool(dataset.dim_z),
        }
        needed = [accepted for accepted, is_wrong in wrong.items() if is_wrong]
        problem = "critics are kept of a table's own rows"
        return [Fault("estimator.keep", True, problem, ", ".join(needed))] if needed else []

    def training_key(self, config: Config) -> str:
        """Equal for the trials along a carried axis; otherwise each trial has its own."""
        values: dict[str, Any] = json.loads(config.model_dump_json(exclude=excluding(Affects.NOTHING)))
        if config.training.carry:
            put(values, config.training.carry, None)
        return json.dumps(values, sort_keys=True)

    def cost(self, config: Config) -> Cost:
        """The cost of all trainings of a trial; an estimate without training counts as one step."""
        training, dims = config.training, (config.dataset.dim_x, config.dataset.dim_y)
        if isinstance(config.estimator, TrainingFree):
            n = sum(config.rows[part] for part in ("train", "val", "test"))
            # With so much memory each trial is a stack of its own: larger ones gain nothing, and each is recorded
            # when it is done.
            return Cost(1, config.estimator.multiply_adds(n, *dims), sys.maxsize)
        terms = 1
        if config.dataset.dim_z:  # the MI of (x, z) and y, and that of z and y
            dims, terms = (dims[0] + config.dataset.dim_z, dims[1]), 2
        rows = training.batch if config.dataset.n_samples is None else training.batch_of(config.rows["train"])
        assert rows != "full"  # noqa: S101 (the schema refuses it for fresh rows)
        work, memory = config.estimator.cost(dims, training, rows)
        folds = config.folds if procedures.estimation.is_crossfitted(config) else 1
        return Cost(terms * training.steps * config.estimator.trainings() * folds, work, memory * folds)

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials as one stack; with ``training.carry``, as one stack after another along that axis."""
        carry, state = trials[0].config.training.carry, None
        outcomes: dict[int, Outcome] = {}
        for link in group(trials, lambda config: json.dumps(_value(config, carry))):
            with context.clock("data"):
                problems = [procedures.estimation.trial_problem(trial.config) for trial in link]
            estimates, state = procedures.estimation.estimate_problems(
                link[0].config, problems, context, state if carry else None
            )
            for trial, problem, estimate in zip(link, problems, estimates, strict=True):
                outcomes[trial.index] = _outcome(trial, estimate, _Shown.of(problem))
        return [outcomes[trial.index] for trial in trials]

    def max_parts(self, config: Config) -> int:
        """The number of folds; 1 without folds, and where a model is carried along an axis."""
        return config.folds if procedures.estimation.is_crossfitted(config) and not config.training.carry else 1

    def run_part(self, trials: Sequence[Trial], context: Context, part: Part) -> list[_Folds]:
        """For each trial, every ``part.count``-th fold from ``part.index`` on."""
        config = trials[0].config
        with context.clock("data"):
            problems = [procedures.estimation.trial_problem(trial.config) for trial in trials]
        folds = range(part.index, config.folds, part.count)
        estimates = procedures.estimation.estimate_folds(config, problems, folds, context)
        return [_Folds(own, _Shown.of(problem)) for own, problem in zip(estimates, problems, strict=True)]

    def join(self, trials: Sequence[Trial], parts: Sequence[Sequence[_Folds]]) -> list[Outcome]:
        """Outcomes of trials, pooled from the estimates of all their folds."""
        outcomes = []
        for trial, *folds in zip(trials, *parts, strict=True):
            pooled = procedures.estimation.pool_folds(trial.config, [part.estimates for part in folds])
            outcomes.append(_outcome(trial, pooled, folds[0].shown))
        return outcomes


def _value(config: Config, path: str | None) -> Any:
    """The value of a config at a dotted path, as JSON has it; None without a path."""
    if path is None:
        return None
    value: Any = config
    for part in path.split("."):
        value = getattr(value, part)
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


@dataclass(frozen=True)
class _Shown:
    """What is recorded of the rows of a trial.

    Attributes:
        rows: their number; None where rows are drawn at every step.
        x: of some test rows, the first column, ``(n,)``.
        y: likewise.
    """

    rows: int | None
    x: Array
    y: Array

    @classmethod
    def of(cls, problem: Problem) -> _Shown:
        rows = None if problem.train is None else len(problem.rows)
        x, y = (side[:_SHOWN_ROWS, 0].numpy() for side in (problem.test.x, problem.test.y))
        return cls(rows, x, y)


@dataclass(frozen=True)
class _Folds:
    """Some folds of a trial."""

    estimates: FoldEstimates
    shown: _Shown


def _outcome(trial: Trial, estimate: MiEstimate, shown: _Shown) -> Outcome:
    config = trial.config
    truth = config.dataset.true_mi(config.noise.scale)
    fields = estimate_fields(estimate) | {"rows": shown.rows, "true_mi": truth}
    is_finite = estimate.value is not None and math.isfinite(estimate.value)
    if truth is not None and math.isinf(truth) and estimate.status == "ok" and is_finite:
        fields["reason"] = "; ".join(filter(None, (estimate.reason, _INFINITE[estimate.kind == "lower bound"])))
    methods = {config.estimator.name: fields}
    if config.evaluation.last_steps and estimate.status == "ok" and estimate.steps:
        methods[f"{config.estimator.name}_training"] = _last_steps(estimate, config) | {"true_mi": truth}
    files = _critics(trial, estimate)
    if estimate.pointwise is not None:
        files |= procedures.pointwise.pointwise_file(trial, config.estimator.name, estimate.pointwise)
    return Outcome(trial, methods, estimate.history, (shown.x, shown.y), files)


def _keeps_critics(config: Config) -> bool:
    return isinstance(config.estimator, Variational) and config.estimator.keep


def _critics(trial: Trial, estimate: MiEstimate) -> dict[str, bytes]:
    """The files of the critics that are kept: of the first trial in ``critic/``, of others in a folder there."""
    dataset, estimator = trial.config.dataset, trial.config.estimator
    if not estimate.kept or not isinstance(dataset, Table) or not isinstance(estimator, Variational):
        return {}
    rows = dataset.encoded.rows()
    name = f"trial_{trial.index}" if trial.index else ""
    sides = frozen(rows.x), frozen(rows.y)
    return procedures.kept_critics.critic_files(estimator, sides, estimate.kept, trial.fingerprint, name)


def _last_steps(estimate: MiEstimate, config: Config) -> dict[str, Any]:
    """The mean of the training value over the last steps, which the study's first version reported as its result."""
    steps, values = estimate.history["train_mi"]
    tail = values[steps > (estimate.steps or 0) - config.evaluation.last_steps]
    return {
        "status": "ok",
        "reason": f"mean of the training value over the last {config.evaluation.last_steps} steps, not held out",
        "estimate": float(np.mean(tail)),
        "kind": "point estimate",
        "train_mi": float(np.mean(tail)),
        "steps": estimate.steps,
    }
