"""The loop of a search: it takes points from optuna in batches, trains each batch as one stack and records the values.

The objective is never computed from the rows whose numbers are reported. The study on disk has the result rows of
every point, so a search that was interrupted can be resumed. With a pruner, the points of a batch are first trained
for a share of their steps (a rung), with the whole learning-rate schedule in it. Points behind the median of earlier
points are not trained further.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mi_cli.errors import ConfigError
from mi_cli.lazy import optuna
from mi_cli.records.results import Row
from mi_cli.schema.sweep import Trial
from mi_cli.search import storage
from mi_cli.search.objective import Objective
from mi_cli.search.outcome import Outcome
from mi_cli.search.space import Point, Space

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as OptunaTrial

__all__ = ["search"]

log = logging.getLogger("mi_cli")

_JOURNAL = "search.journal"


class Run(Protocol):
    """The state of the run, which a search fills."""

    folder: Path
    trials: list[Trial]
    rows: dict[int, list[Row]]
    histories: dict[int, Mapping[str, Any]]

    def write(self) -> None:
        """Update the files of the run."""


def search(space: Space, run: Run, train: Callable[[Sequence[Trial]], None], show: Callable[[str], None]) -> list[str]:
    """Evaluate points until the study has as many as the config asks for; write ``search.json`` and the best config.

    Args:
        space: what is chosen from.
        run: gets the trials of all points, and their rows.
        train: trains trials as stacks and gives their rows to ``run``.
        show: shows a line of progress to the user.

    Returns:
        The outcome, in lines.

    Raises:
        ConfigError: the storage cannot be used, or no point could be run.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        loop = _Search(space, run, train, show)
        loop.restore()
        loop.evaluate_batches()
        return loop.outcome().write(run)


@dataclass
class _Candidate:
    """A new point of a batch: its optuna trial, its choices, and the trials of the run that evaluate it."""

    optuna_trial: OptunaTrial
    point: Point
    trials: list[Trial]


@dataclass
class _Search:
    """A search that goes on.

    Args:
        space: what is chosen from.
        run: gets the trials of all points.
        train: trains trials as stacks.
        show: shows a line to the user.
        steps: training steps that this run has taken.
        steps_without_pruning: training steps that it would have taken without a pruner.
        evaluated: numbers of the points that the study has rows of, by their choices.
    """

    space: Space
    run: Run
    train: Callable[[Sequence[Trial]], None]
    show: Callable[[str], None]
    steps: int = 0
    steps_without_pruning: int = 0
    evaluated: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = self.space.trials(self.space.first, every=False)[0].config
        section = self.space.search
        self.objective = Objective.from_config(section, first)
        self.level = first.evaluation.level
        self.storage = section.storage or str(self.run.folder / _JOURNAL)
        self.seed = first.seed
        self.study = self._open()

    def _open(self) -> Study:
        """Open the study; its name has a digest, so that another space, objective or data set is another study."""
        section = self.space.search
        identity = {
            "config": self.space.trials(self.space.first, every=False)[0].science,
            "lists": {path: self._choices(path) for path in self.space.lists},
            "ranges": {path: choices.model_dump() for path, choices in self.space.ranges.items()},
            "repeated": dict(self.space.repeated),
            "objective": [self.objective.name, self.objective.direction, list(section.rungs), section.pruner],
        }
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
        name = f"{self.space.values['name']}-{digest}"
        return storage.open_study(self.storage, name, maximise=self.objective.maximise)

    def restore(self) -> None:
        """Restore the points that the study has; those that were interrupted are queued to be evaluated again."""
        states, points = optuna.trial.TrialState, self.study.get_trials(deepcopy=False)
        # With the same seed at each start, the sampler would choose the same points again.
        storage.set_sampler_and_pruner(self.study, self.space.search, self.seed + len(points))
        self.run.trials = []
        for point in points:
            if point.state == states.RUNNING:
                self.study.tell(point.number, state=states.FAIL)
                self.study.enqueue_trial(point.params)
            elif storage.is_recorded(point):
                self._restore_point(point)
        self.run.trials.sort(key=lambda trial: trial.index)
        self.run.write()
        size = "" if self.space.size is None else f"; the space has {self.space.size} in all"
        self.show(
            f"search for the {'highest' if self.objective.maximise else 'lowest'} {self.objective.name}: "
            f"{self._n_finished()} of {self.space.search.trials} points are done in {self.storage}{size}"
        )

    def _restore_point(self, point: FrozenTrial) -> None:
        """Give the run the rows and traces that the study has of a point."""
        trials = self.space.trials(self._point(point.params), point.number)
        self.run.trials += trials
        for trial in trials:
            self.run.rows[trial.index], self.run.histories[trial.index] = storage.recorded(point, trial.index)
        self.evaluated[_key(point.params)] = point.number

    def _n_finished(self) -> int:
        return len(storage.finished_points(self.study))

    def evaluate_batches(self) -> None:
        """Evaluate batches until the study has as many points as the config asks for."""
        wanted = self.space.search.trials
        while (finished := self._n_finished()) < wanted:
            batch = self._next_batch(min(self.space.search.batch, wanted - finished))
            if self.space.search.pruner != "none":
                batch = self._prune(batch)
            self._evaluate(batch)
            self.run.write()
            self.show(self._progress())

    def _next_batch(self, size: int) -> list[_Candidate]:
        """Ask optuna for points, and return those to evaluate: new ones that can be run."""
        batch: list[_Candidate] = []
        keys: dict[str, int] = {}
        repeats: list[OptunaTrial] = []
        for _ in range(size):
            asked = self._ask()
            key = _key(asked.params)
            if key in self.evaluated:
                self._repeat(asked, self.evaluated[key])
                continue
            if key in keys:
                repeats.append(asked)
                continue
            point = self._point(asked.params)
            try:
                trials = self.space.trials(point, asked.number)
            except ConfigError as error:
                self._fail(asked, error.lines[0])
                continue
            keys[key] = asked.number
            batch.append(_Candidate(asked, point, trials))
        for asked in repeats:  # the point that each repeats has no value yet
            asked.set_user_attr(storage.SAME, keys[_key(asked.params)])
            self.study.tell(asked, state=optuna.trial.TrialState.FAIL)
        trials = [trial for candidate in batch for trial in candidate.trials]
        self.run.trials += trials
        self.steps_without_pruning += sum(trial.config.training.steps for trial in trials)
        return batch

    def _ask(self) -> OptunaTrial:
        asked = self.study.ask()
        for path in self.space.lists:
            asked.suggest_categorical(path, self._choices(path))
        for path, choices in self.space.ranges.items():
            low, high = choices.ends
            suggest: Any = asked.suggest_int if choices.int else asked.suggest_float
            suggest(path, low, high, log=choices.log)
        return asked

    def _repeat(self, asked: OptunaTrial, number: int) -> None:
        """Give a point the value of an earlier one with the same choices."""
        earlier = self.study.get_trials(deepcopy=False)[number]
        asked.set_user_attr(storage.SAME, number)
        if earlier.state == optuna.trial.TrialState.COMPLETE:
            self.study.tell(asked, earlier.value)
        else:
            for step, value in earlier.intermediate_values.items():
                asked.report(value, step)
            self.study.tell(asked, state=earlier.state)

    def _prune(self, batch: list[_Candidate]) -> list[_Candidate]:
        """Train each rung's share of the steps; return the candidates to train in full."""
        for rung, share in enumerate(self.space.search.rungs):
            self._train([_shortened(trial, share) for candidate in batch for trial in candidate.trials])
            values = [(candidate, *self._value(candidate.trials)) for candidate in batch]
            for candidate, value, _ in values:
                if value is not None:
                    candidate.optuna_trial.report(value, rung)
            batch = []
            for candidate, value, reason in values:
                if value is None:
                    self._fail(candidate.optuna_trial, reason, candidate.trials)
                elif candidate.optuna_trial.should_prune():
                    self._stop(candidate, value, share)
                else:
                    batch.append(candidate)
            for candidate in batch:  # their rows and traces will be those of the full training
                for trial in candidate.trials:
                    self.run.rows.pop(trial.index, None)
                    self.run.histories.pop(trial.index, None)
        return batch

    def _stop(self, candidate: _Candidate, value: float, share: float) -> None:
        """Record a candidate as pruned."""
        for row in (row for trial in candidate.trials for row in self.run.rows[trial.index]):
            if row["status"] == "ok":
                row["status"] = "pruned"
                row["reason"] = f"{self.objective.name} {value:.4g} after {share:g} of the steps is behind the median"
        self._record(candidate.optuna_trial, candidate.trials)
        self.study.tell(candidate.optuna_trial, state=optuna.trial.TrialState.PRUNED)

    def _evaluate(self, batch: Sequence[_Candidate]) -> None:
        self._train([trial for candidate in batch for trial in candidate.trials])
        for candidate in batch:
            value, reason = self._value(candidate.trials)
            if value is None:
                self._fail(candidate.optuna_trial, reason, candidate.trials)
                continue
            self._record(candidate.optuna_trial, candidate.trials)
            self.study.tell(candidate.optuna_trial, value)

    def _train(self, trials: Sequence[Trial]) -> None:
        if trials:
            self.steps += sum(trial.config.training.steps for trial in trials)
            self.train(trials)

    def _fail(self, asked: OptunaTrial, reason: str, trials: Sequence[Trial] = ()) -> None:
        """Record a point that could not be evaluated; without ``trials``, one whose choices do not go together."""
        log.warning("point %d has no %s: %s", asked.number, self.objective.name, reason)
        asked.set_user_attr(storage.REASON, reason)
        if trials:
            self._record(asked, trials)
        self.study.tell(asked, state=optuna.trial.TrialState.FAIL)

    def _record(self, asked: OptunaTrial, trials: Sequence[Trial]) -> None:
        storage.record(asked, trials, self.run.rows, self.run.histories)
        self.evaluated[_key(asked.params)] = asked.number

    def _value(self, trials: Sequence[Trial]) -> tuple[float | None, str]:
        return self.objective.value(trials, self.run.rows, self.run.histories)

    def _choices(self, path: str) -> list[Any]:
        """The values of a list as optuna stores them: as JSON where some are lists or sections."""
        axis = self.space.lists[path]
        plain = all(value is None or isinstance(value, bool | int | float | str) for value in axis)
        return axis if plain else [json.dumps(value, sort_keys=True) for value in axis]

    def _point(self, params: Mapping[str, Any]) -> Point:
        lists = {p: axis[self._choices(p).index(params[p])] for p, axis in self.space.lists.items()}
        return lists | {path: params[path] for path in self.space.ranges}

    def _best(self) -> FrozenTrial | None:
        return storage.best_point(storage.finished_points(self.study), maximise=self.objective.maximise)

    def _progress(self) -> str:
        finished, best = storage.finished_points(self.study), self._best()
        counts = ", ".join(f"{n} {state}" for state, n in storage.counts(finished).items() if n)
        line = f"search: {len(finished)} of {self.space.search.trials} points ({counts})"
        return line if best is None else f"{line}; best {self.objective.name} {best.value:.4g}, of point {best.number}"

    def outcome(self) -> Outcome:
        """Return the outcome of the search."""
        best = self._best()
        return Outcome(
            space=self.space,
            objective=self.objective,
            level=self.level,
            study=self.study.study_name,
            storage=self.storage,
            finished=storage.finished_points(self.study),
            steps={"trained": self.steps, "without_pruning": self.steps_without_pruning},
            best=best,
            point=None if best is None else self._point(best.params),
        )


def _shortened(trial: Trial, share: float) -> Trial:
    """The same trial with a share of its steps."""
    training = trial.config.training
    steps = max(1, round(share * training.steps))
    shorter = trial.config.model_copy(update={"training": training.model_copy(update={"steps": steps})})
    return replace(trial, config=shorter)


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)
