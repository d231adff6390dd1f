"""A search by optuna: points are asked for in batches, trained as one stack, and judged by what validation rows say.

The objective never sees test rows. The study is kept on disk, with the result rows of every point, so that a search
goes on where another one ended. With a pruner, the points of a batch are first trained for a share of their steps (a
rung), with the whole schedule in it, and those behind the median of the points before them are left at that.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import yaml

from mi_cli.errors import ConfigError, shown
from mi_cli.schema.sweep import Trial
from mi_cli.search import storage
from mi_cli.search.candidates import Point, Space
from mi_cli.search.objective import TESTED, Judge, tested
from mi_cli.search.storage import HISTORY, REASON, ROWS, SAME

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as Asked

__all__ = ["search"]

log = logging.getLogger("mi_cli")

_JOURNAL = "search.journal"

Row = dict[str, Any]


class Run(Protocol):
    """What a search needs of the run that it is."""

    folder: Path
    trials: list[Trial]
    rows: dict[int, list[Row]]
    histories: dict[int, Mapping[str, Any]]

    def write(self) -> None:
        """Bring the files up to date."""


def search(space: Space, run: Run, train: Callable[[Sequence[Trial]], None], say: Callable[[str], None]) -> list[str]:
    """Search, and write ``search.json`` and ``best/config.yaml``.

    Args:
        space: what is chosen from.
        run: takes the trials of all points with their rows.
        train: runs trials as stacks and gives their rows to ``run``.
        say: tells the user how it goes.

    Returns:
        The outcome in lines.

    Raises:
        ConfigError: the storage cannot be used.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        found = _Search(space, run, train, say)
        found.restore()
        found.go()
        return found.finish()


@dataclass
class _Candidate:
    """A point that was asked for."""

    asked: Asked
    point: Point
    trials: list[Trial]


@dataclass
class _Search:
    space: Space
    run: Run
    train: Callable[[Sequence[Trial]], None]
    say: Callable[[str], None]
    steps: int = 0  # that trials of this run were trained for
    full: int = 0  # that they would have been without pruning
    known: dict[str, int] = field(default_factory=dict)  # numbers of the points that were evaluated, by their choices

    def __post_init__(self) -> None:
        first = self.space.trials(self.space.first, every=False)[0].config
        section = self.space.search
        self.judge = Judge.of(section, first)
        self.level = first.evaluation.level
        self.storage = section.storage or str(self.run.folder / _JOURNAL)
        self.seed = first.seed
        self.study = self._open()

    def _open(self) -> Study:
        """The study, by what it asks: another space, objective or data is another study in the same storage."""
        asks = {
            "config": self.space.trials(self.space.first, every=False)[0].science,
            "lists": {path: self._choices(path) for path in self.space.lists},
            "ranges": {path: choices.model_dump() for path, choices in self.space.ranges.items()},
            "repeated": dict(self.space.repeated),
            "objective": [
                self.judge.name,
                self.judge.direction,
                list(self.space.search.rungs),
                self.space.search.pruner,
            ],
        }
        name = f"{self.space.values['name']}-{_digest(asks)}"
        return storage.opened(self.storage, name, maximise=self.judge.maximise)

    def restore(self) -> None:
        """Take up what the study holds; points that somebody was interrupted at are asked for again."""
        import optuna

        states, trials = optuna.trial.TrialState, self.study.get_trials(deepcopy=False)
        # A sampler that began anew at each start would choose the same points again.
        storage.guide(self.study, self.space.search, self.seed + len(trials))
        self.run.trials = []
        for frozen in trials:
            if frozen.state == states.RUNNING:
                self.study.tell(frozen.number, state=states.FAIL)
                self.study.enqueue_trial(frozen.params)
            elif ROWS in frozen.user_attrs:
                self._remember(frozen)
        self.run.trials.sort(key=lambda trial: trial.index)
        self.run.write()
        done = self._done()
        of = "" if self.space.size is None else f"; the space has {self.space.size} in all"
        self.say(
            f"search for the {'highest' if self.judge.maximise else 'lowest'} {self.judge.name}: {done} of "
            f"{self.space.search.trials} points are done in {self.storage}{of}"
        )

    def _remember(self, frozen: FrozenTrial) -> None:
        """Take up the rows and traces of a point."""
        trials, kept = self.space.trials(self._point(frozen.params), frozen.number), frozen.user_attrs
        self.run.trials += trials
        for trial in trials:
            self.run.rows[trial.index] = [row for row in kept[ROWS] if row["trial"] == trial.index]
            traces = kept.get(f"{HISTORY}{trial.index}", {})
            self.run.histories[trial.index] = {name: tuple(map(np.array, trace)) for name, trace in traces.items()}
        self.known[_key(frozen.params)] = frozen.number

    def _done(self) -> int:
        return len(storage.finished(self.study))

    def go(self) -> None:
        """Ask for batches until there are as many points as were wanted."""
        most = self.space.search.trials
        while (done := self._done()) < most:
            batch = self._ask(min(self.space.search.batch, most - done))
            if self.space.search.pruner != "none":
                batch = self._climb(batch)
            self._evaluate(batch)
            self.run.write()
            self.say(self._progress())

    def _ask(self, size: int) -> list[_Candidate]:
        """New points: one that is known already, or that cannot be run, is answered at once."""
        import optuna

        batch: list[_Candidate] = []
        keys: dict[str, int] = {}
        twice: list[tuple[Asked, int]] = []
        for _ in range(size):
            asked = self.study.ask()
            for path in self.space.lists:
                asked.suggest_categorical(path, self._choices(path))
            for path, choices in self.space.ranges.items():
                low, high = choices.ends
                suggest: Any = asked.suggest_int if choices.int else asked.suggest_float
                suggest(path, low, high, log=choices.log)
            key = _key(asked.params)
            if key in self.known:
                self._repeat(asked, self.known[key])
                continue
            if key in keys:
                twice.append((asked, keys[key]))
                continue
            point = self._point(asked.params)
            try:
                trials = self.space.trials(point, asked.number)
            except ConfigError as error:
                self._fail(asked, error.lines[0])
                continue
            keys[key] = asked.number
            batch.append(_Candidate(asked, point, trials))
        for asked, _ in twice:  # whose twin has no value yet
            asked.set_user_attr(SAME, keys[_key(asked.params)])
            self.study.tell(asked, state=optuna.trial.TrialState.FAIL)
        trials = [trial for candidate in batch for trial in candidate.trials]
        self.run.trials += trials
        self.full += sum(trial.config.training.steps for trial in trials)
        return batch

    def _repeat(self, asked: Asked, number: int) -> None:
        """Answer with what a point of the same choices came to."""
        import optuna

        before = self.study.get_trials(deepcopy=False)[number]
        asked.set_user_attr(SAME, number)
        if before.state == optuna.trial.TrialState.COMPLETE:
            self.study.tell(asked, before.value)
        else:
            for step, value in before.intermediate_values.items():
                asked.report(value, step)
            self.study.tell(asked, state=before.state)

    def _climb(self, batch: list[_Candidate]) -> list[_Candidate]:
        """Train a share of the steps; those that are worth training in full."""
        for rung, share in enumerate(self.space.search.rungs):
            short = {trial.index: _shortened(trial, share) for candidate in batch for trial in candidate.trials}
            self._train(list(short.values()))
            judged = [(candidate, *self._value(candidate.trials)) for candidate in batch]
            for candidate, value, _ in judged:
                if value is not None:
                    candidate.asked.report(value, rung)
            batch = []
            for candidate, value, reason in judged:
                if value is None:
                    self._fail(candidate.asked, reason, candidate.trials)
                elif candidate.asked.should_prune():
                    self._prune(candidate, value, share)
                else:
                    batch.append(candidate)
            for candidate in batch:  # of which only what they are in full is kept
                for trial in candidate.trials:
                    self.run.rows.pop(trial.index, None)
                    self.run.histories.pop(trial.index, None)
        return batch

    def _evaluate(self, batch: Sequence[_Candidate]) -> None:
        self._train([trial for candidate in batch for trial in candidate.trials])
        for candidate in batch:
            value, reason = self._value(candidate.trials)
            if value is None:
                self._fail(candidate.asked, reason, candidate.trials)
                continue
            self._keep(candidate.asked, candidate.trials)
            self.study.tell(candidate.asked, value)

    def _train(self, trials: Sequence[Trial]) -> None:
        if trials:
            self.steps += sum(trial.config.training.steps for trial in trials)
            self.train(trials)

    def _prune(self, candidate: _Candidate, value: float, share: float) -> None:
        import optuna

        for row in (row for trial in candidate.trials for row in self.run.rows[trial.index]):
            if row["status"] == "ok":
                row["status"] = "pruned"
                row["reason"] = f"{self.judge.name} {value:.4g} after {share:g} of the steps is behind the median"
        self._keep(candidate.asked, candidate.trials)
        self.study.tell(candidate.asked, state=optuna.trial.TrialState.PRUNED)

    def _fail(self, asked: Asked, reason: str, trials: Sequence[Trial] = ()) -> None:
        import optuna

        log.warning("point %d has no %s: %s", asked.number, self.judge.name, reason)
        asked.set_user_attr(REASON, reason)
        if trials:
            self._keep(asked, trials)
        self.study.tell(asked, state=optuna.trial.TrialState.FAIL)

    def _keep(self, asked: Asked, trials: Sequence[Trial]) -> None:
        rows = [{key: _plain(value) for key, value in row.items()} for t in trials for row in self.run.rows[t.index]]
        for trial in trials:
            traces = self.run.histories.get(trial.index, {})
            kept = {name: [values.tolist() for values in trace] for name, trace in traces.items()}
            asked.set_user_attr(f"{HISTORY}{trial.index}", kept)
        asked.set_user_attr(ROWS, rows)
        self.known[_key(asked.params)] = asked.number

    def _value(self, trials: Sequence[Trial]) -> tuple[float | None, str]:
        return self.judge.value(trials, self.run.rows, self.run.histories)

    def _choices(self, path: str) -> list[Any]:
        """The values of a list as optuna keeps them: what is no plain value, as text."""
        axis = self.space.lists[path]
        plain = all(value is None or isinstance(value, bool | int | float | str) for value in axis)
        return axis if plain else [json.dumps(value, sort_keys=True) for value in axis]

    def _point(self, params: Mapping[str, Any]) -> Point:
        lists = {p: axis[self._choices(p).index(params[p])] for p, axis in self.space.lists.items()}
        return lists | {path: params[path] for path in self.space.ranges}

    def _best(self) -> FrozenTrial | None:
        return storage.best(storage.finished(self.study), maximise=self.judge.maximise)

    def _progress(self) -> str:
        best, told = (
            self._best(),
            ", ".join(f"{n} {what}" for what, n in storage.counts(storage.finished(self.study)).items() if n),
        )
        of = f"search: {self._done()} of {self.space.search.trials} points ({told})"
        return of if best is None else f"{of}; best {self.judge.name} {best.value:.4g}, of point {best.number}"

    def finish(self) -> list[str]:
        """Write what came of it."""
        from mi_cli.records.results import write_json, write_text
        from mi_cli.records.saved_config import SAVED_HEADER

        if not self.run.trials:
            last = storage.finished(self.study)[-1]
            raise ConfigError(f"search: no point could be run; the last: {last.user_attrs[REASON]}")
        best, folder = self._best(), self.run.folder
        found: dict[str, Any] = {
            "study": self.study.study_name,
            "storage": self.storage,
            "objective": self.judge.name,
            "direction": self.judge.direction,
            "points": storage.counts(storage.finished(self.study)),
            "steps": {"trained": self.steps, "without_pruning": self.full},
            "best": None,
            "test": None,
            "command": None,
        }
        if best is None:
            write_json(folder / "search.json", found)
            return [f"search: no point has a {self.judge.name}"]
        point = self._point(best.params)
        trials = self.space.trials(point, best.number)
        rows = [self.judge.own(trial, self.run.rows[trial.index]) for trial in trials]
        (folder / "best").mkdir(exist_ok=True)
        config = yaml.safe_dump(self.space.config(point), sort_keys=False, allow_unicode=True)
        write_text(folder / "best" / "config.yaml", SAVED_HEADER + config)
        command = shlex.join(["mi-run", f"--config-path={folder.absolute() / 'best'}"])
        found |= {
            "best": {"point": best.number, "parameters": dict(point), "value": best.value, "trials": len(trials)},
            "test": {column: value for column in TESTED if (value := tested(rows, column, self.level))},
            "command": command,
        }
        write_json(folder / "search.json", found)
        choices = ", ".join(f"{path}={shown(value)}" for path, value in self.space.shown(point).items())
        of = "" if len(rows) == 1 else f", mean of {len(rows)} trials"
        lines = [
            f"best of {self._done()} points: {choices}",
            f"{self.judge.name} {best.value:.4g} on the rows that chose it{of}",
        ]
        for column, value in found["test"].items():
            ends = "" if value["ci_low"] is None else f" [{value['ci_low']:.4g}, {value['ci_high']:.4g}]"
            lines.append(f"{column} {value['mean']:.4g}{ends} on test rows, which had no say")
        return [*lines, f"run it again: {command}"]


def _shortened(trial: Trial, share: float) -> Trial:
    """The same trial with a share of its steps."""
    training = trial.config.training
    steps = max(1, round(share * training.steps))
    shorter = trial.config.model_copy(update={"training": training.model_copy(update={"steps": steps})})
    return replace(trial, config=shorter)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)


def _digest(asks: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asks, sort_keys=True).encode()).hexdigest()[:8]
