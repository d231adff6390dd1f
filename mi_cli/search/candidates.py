"""Points of a search's space: what a config lets it choose from, and the trials that a choice comes to.

Axes of the sweep below ``estimator``, ``representation`` and ``training`` are chosen from, and what ``search.space``
names; every point is run over all other axes (seeds, data), and its objective averaged over them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from mi_cli.errors import ConfigError, listed, shown
from mi_cli.schema import sweep
from mi_cli.schema.config import Config, validate
from mi_cli.schema.search_space import Range, Search, searches
from mi_cli.schema.sweep import Trial, put
from mi_cli.schema.validation_errors import validation_lines

__all__ = ["Expansion", "Point", "Prepared", "Space", "expand", "prepare", "settle"]

_METHOD = ("estimator", "representation", "training")  # what the data are is no choice

Point = Mapping[str, Any]


@dataclass(frozen=True)
class Expansion:
    """The trials of a config, expanded and validated once; of a search, those of its first point.

    Args:
        trials: in order.
        axes: dotted paths of what tells trials apart.
        space: what a search chooses from; None without a search.
    """

    trials: list[Trial]
    axes: list[str]
    space: Space | None = None

    def changed(self, **settings: Any) -> Expansion:
        """The same trials with other top-level settings that their numbers do not depend on, such as ``threads``."""
        trials = [replace(trial, config=trial.config.model_copy(update=settings)) for trial in self.trials]
        space = None if self.space is None else replace(self.space, values={**self.space.values, **settings})
        return Expansion(trials, self.axes, space)


@dataclass(frozen=True)
class Prepared:
    """A config whose search is in the form that is kept, what was given for it, and what its user should know."""

    values: dict[str, Any]
    given: dict[str, Any]
    notices: list[str]


def prepare(composed: Mapping[str, Any], typed: Mapping[str, Any]) -> Prepared:
    """Bring a search into the form that is kept: lists of its space are axes, and those to repeat have their names.

    What was ``typed`` for a list of the space counts as typed for the axis then. The arguments stay as they are.

    Raises:
        ConfigError: ``search.space`` is given and there is no search.
    """
    values, given = copy.deepcopy(dict(composed)), dict(typed)
    notices: list[str] = []
    if not searches(values):
        if ranges := [key for key in given if key.startswith("search.space")]:
            raise ConfigError(f"{ranges[0]}={shown(given[ranges[0]])}: there is no search; accepted: search=optuna")
        return Prepared(values, given, notices)
    section = values["search"]
    space = dict(_leaves(section.get("space") or {}, ()))
    values["sweep"] = axes = values.get("sweep") or {}
    section["space"], listed_there = {}, set()
    for path, choices in space.items():
        is_typed = any(f"{key}.".startswith(f"search.space.{path}.") for key in given)
        if path in given and not is_typed:
            notices.append(f"{path}={shown(given[path])} replaces search.space.{path}={shown(choices)}")
            continue
        if isinstance(choices, list):
            _check_list(values, path, choices)
            listed_there.add(path)
            if is_typed:
                given[f"sweep.{path}"] = choices
            put(axes, path, choices)
        elif choices is not None:  # which takes a range away
            _drop(axes, path)
            put(section["space"], path, choices)
    if values.get("claims"):
        values["claims"] = []
        notices.append("claims of the experiment are not judged: a search chooses its settings by their results")
    # A study keeps no rows of data, which a search that goes on could draw.
    values["plots"] = [plot for plot in values.get("plots") or () if plot != "gaussian_samples"]
    if section.get("repeat") is None:
        section["repeat"] = [
            path for path in sweep.axes(values) if path.split(".")[0] not in _METHOD and path not in listed_there
        ]
    return Prepared(values, given, notices)


def settle(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The config without axes to repeat that are no longer there, unless ``search.repeat`` was given."""
    if not searches(values) or "search.repeat" in given or not isinstance(values["search"]["repeat"], list):
        return dict(values)
    axes = sweep.axes(values)
    repeat = [path for path in values["search"]["repeat"] if path in axes]
    return {**values, "search": {**values["search"], "repeat": repeat}}


def expand(values: Mapping[str, Any]) -> Expansion:
    """The trials of a config; of a search those of its first point, after every choice was tried beside the first ones.

    Raises:
        ConfigError: one line for each fault, of any trial or choice.
    """
    if not searches(values):
        trials = sweep.expand(values)
        return Expansion(trials, list(trials[0].axes))
    space = Space.of(values)
    faults: dict[str, None] = {}
    first: list[Trial] = []
    whole = {key: value for key, value in values.items() if key != "sweep"}
    for index, point in enumerate(space.corners()):
        try:
            trials = space.trials(point, every=index == 0)
            for trial in trials:
                faults |= dict.fromkeys(_objective_faults(space.search, trial.config))
            if not index:
                first = trials
                validate(whole)
        except ConfigError as error:
            faults |= dict.fromkeys(error.lines)
    if faults:
        raise ConfigError(*faults)
    return Expansion(first, space.paths, space)


@dataclass(frozen=True)
class Space:
    """What is chosen from and what is repeated, of a config that was prepared.

    Args:
        values: the config.
        search: its section.
        lists: axes to choose a value from, by dotted path.
        ranges: the same, of numbers.
        repeated: axes that every point is run over.
    """

    values: Mapping[str, Any]
    search: Search
    lists: Mapping[str, list[Any]]
    ranges: Mapping[str, Range]
    repeated: Mapping[str, list[Any]]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Space:
        """The space of a config.

        Raises:
            ConfigError: there is nothing to choose, or something that cannot be chosen from.
        """
        search = _search(values)
        ranges = {path: _range(values, path, written) for path, written in _leaves(search.space, ())}
        axes = sweep.axes(values)
        repeat = search.repeat or ()
        if strange := [path for path in repeat if path not in axes]:
            raise ConfigError(f"search.repeat={shown(repeat)}: {listed(strange)} is no axis; accepted: {listed(axes)}")
        carry = sweep.get(values, "training").get("carry")
        if carry is not None:
            raise ConfigError(f"training.carry={shown(carry)}: is for a sweep; accepted with a search: null")
        chosen = {path: axis for path, axis in axes.items() if path not in repeat}
        if "seed" in chosen or "seed" in ranges:
            raise ConfigError(
                "search.space.seed: a seed is no setting, but luck; accepted: sweep.seed, in search.repeat"
            )
        if not chosen and not ranges:
            example = "'search.space.training.lr={low: 1e-4, high: 0.1, log: true}'"
            raise ConfigError(f"search={search.name}: there is nothing to choose; accepted: axes, or {example}")
        return cls(values, search, chosen, ranges, {path: axes[path] for path in repeat})

    @property
    def paths(self) -> list[str]:
        """All that tells trials apart: what is chosen, then what is repeated."""
        return [*self.lists, *self.ranges, *self.repeated]

    @property
    def first(self) -> Point:
        """The first of each list, the lowest of each range."""
        return {path: axis[0] for path, axis in self.lists.items()} | {p: r.ends[0] for p, r in self.ranges.items()}

    @property
    def size(self) -> int | None:
        """How many points there are; None where ranges make them too many to count."""
        found = 1
        for axis in self.lists.values():
            found *= len(axis)
        return None if self.ranges else found

    def corners(self) -> Iterator[Point]:
        """The first point, and those that differ from it in one choice."""
        yield self.first
        for path, axis in self.lists.items():
            yield from (self.first | {path: value} for value in axis[1:])  # type: ignore[operator]
        for path, choices in self.ranges.items():
            low, high = choices.ends
            inner = [] if choices.int else [low + 0.382 * (high - low)]  # which is no whole number
            yield from (self.first | {path: value} for value in (high, *inner))  # type: ignore[operator]

    def shown(self, point: Point) -> dict[str, Any]:
        """Its choices as results show them: options by their names."""
        labels = {path: sweep.labels(path, axis) for path, axis in self.lists.items()}
        told = {path: labels[path][axis.index(point[path])] for path, axis in self.lists.items()}
        return told | {path: point[path] for path in self.ranges}

    def config(self, point: Point) -> dict[str, Any]:
        """The config of a point, which sweeps over what is repeated."""
        found = {key: value for key, value in self.values.items() if key not in ("sweep", "search")}
        found = copy.deepcopy(found) | {"sweep": {}}
        for path in sorted(point, key=lambda path: path.count(".")):  # an option first, then what is set in it
            value = point[path]
            is_option = path in sweep.GROUPS and isinstance(value, Mapping)
            put(found, path, {k: v for k, v in value.items() if k != "option"} if is_option else value)
        for path, axis in self.repeated.items():
            put(found["sweep"], path, axis)
        return found

    def trials(self, point: Point, number: int = 0, *, every: bool = True) -> list[Trial]:
        """The trials of the point ``number``, or only the first of them.

        Raises:
            ConfigError: the choices do not go together.
        """
        config = self.config(point)
        if not every:
            for path, axis in self.repeated.items():
                put(config["sweep"], path, axis[:1])
        found, told = sweep.expand(config), self.shown(point)
        return [
            replace(trial, index=number * len(found) + trial.index, axes=told | trial.axes) for trial in found
        ]  # every point has as many


def _search(values: Mapping[str, Any]) -> Search:
    try:
        return Search.model_validate(values["search"])
    except ValidationError as error:
        lines = validation_lines(error, Search, values["search"], lambda key, value: None)
        raise ConfigError(*(line if line.startswith("search.") else f"search.{line}" for line in lines)) from None


def _check_list(values: Mapping[str, Any], path: str, choices: list[Any]) -> None:
    """Refuse, by the name it has there, a list that would be no axis."""
    key = f"search.space.{path}={shown(choices)}"
    try:
        sweep.get(values, path)
    except KeyError:
        raise ConfigError(f"{key}: no such value in the config; accepted: the path of one, such as lr") from None
    if not choices:
        raise ConfigError(f"{key}: is empty; accepted: at least one value")


def _range(values: Mapping[str, Any], path: str, written: Any) -> Range:
    key = f"search.space.{path}={shown(written)}"
    try:
        current = sweep.get(values, path)
    except KeyError:
        raise ConfigError(f"{key}: no such value in the config") from None
    if path.split(".")[0] in sweep.NOT_AXES or isinstance(current, Mapping):
        raise ConfigError(f"{key}: cannot be chosen")
    if not isinstance(written, Mapping):
        raise ConfigError(f"{key}: must be a list, or a range such as {{low: 1e-4, high: 0.1, log: true, int: false}}")
    try:
        return Range.model_validate(written)
    except ValidationError as error:
        lines = validation_lines(error, Range, written, lambda key, value: None)
        about_all = error.errors()[0]["type"] == "value_error"
        raise ConfigError(
            *(f"{key}: {line}" if about_all else f"search.space.{path}.{line}" for line in lines)
        ) from None


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Lists and ranges of a space by dotted path; no section of a config has both ``low`` and ``high``."""
    if isinstance(node, Mapping) and not ({"low", "high"} & node.keys()) and (node or not path):
        for key, child in node.items():
            yield from _leaves(child, (*path, str(key)))
    else:
        yield ".".join(path), node


def _drop(axes: dict[str, Any], path: str) -> None:
    """Remove an axis, and sections of axes that are empty then."""
    first, _, rest = path.partition(".")
    if not rest:
        axes.pop(first, None)
    elif isinstance(axes.get(first), dict):
        _drop(axes[first], rest)
        if not axes[first]:
            del axes[first]


def _objective_faults(search: Search, config: Config) -> list[str]:
    """What keeps the objective from being known and held out."""
    estimator, name = config.estimator, search.objective
    if name in ("val_mse", "split_mse") and config.procedure == "estimate":
        return [f"search.objective={name}: procedure=estimate predicts nothing; accepted: val_mi"]
    if name == "split_mse" and (config.procedure != "compare" or not config.split.fresh):
        return [
            "search.objective=split_mse: needs rows to test the best point on; accepted: procedure=compare with "
            "split.fresh above 0, or search.objective=val_mse"
        ]
    if name in (None, "val_mi") and config.procedure == "estimate" and not estimator.holds_out:
        return [f"search.objective=val_mi: estimator={estimator.name} has no validation value; accepted: another one"]
    mi = name == "val_mi" or (name is None and config.procedure != "compare")
    if mi and search.direction is None and estimator.kind != "lower bound":
        return [
            f"search.direction=null: estimator={estimator.name} is no lower bound (it is: {estimator.kind}), of which "
            "more is better; accepted: maximise or minimise"
        ]
    return []
