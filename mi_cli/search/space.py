"""The space of a search: what it chooses from, what it repeats, and the trials of each point.

A search chooses from the sweep's axes below ``estimator``, ``representation`` and ``training``, and from what
``search.space`` names. A point is one choice of all of these. Its trials cover the other axes, such as seeds and data,
and its objective is the mean over them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.schema import sweep
from mi_cli.schema.search_space import Range, Search
from mi_cli.schema.sweep import Trial, put
from mi_cli.schema.validation_errors import validation_faults

__all__ = ["Point", "Space", "choices_by_path"]

Point = Mapping[str, Any]  # the chosen values by dotted path

# What trials of a point do not have. None is left out, as every point has the same number of trials.
_NOT_OF_POINTS = ("sweep", "search", "leave_out_unfit")
_GOLDEN = 0.382  # share of a range at which an inner value is tried: no whole number for most ends


@dataclass(frozen=True)
class Space:
    """What a search chooses from and what it repeats.

    Args:
        values: the prepared config.
        search: its section ``search``.
        lists: axes to choose a value from, by dotted path.
        ranges: ranges to choose a number from, by dotted path.
        repeated: axes that every point is run over.
    """

    values: Mapping[str, Any]
    search: Search
    lists: Mapping[str, list[Any]]
    ranges: Mapping[str, Range]
    repeated: Mapping[str, list[Any]]

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> Space:
        """Return the space of a prepared config.

        Raises:
            ConfigError: there is nothing to choose, or something that cannot be chosen.
        """
        search = _search(values)
        ranges = {path: _range(values, path, written) for path, written in choices_by_path(search.space)}
        axes = sweep.axes(values)
        repeat = search.repeat or ()
        if unknown := [path for path in repeat if path not in axes]:
            problem = f"{listed(unknown, 'and')}: not among the axes of the sweep"
            raise ConfigError(Fault("search.repeat", repeat, problem, listed(axes)))
        carry = sweep.get(values, "training").get("carry")
        if carry is not None:
            raise ConfigError(Fault("training.carry", carry, "cannot be used in a search", "null"))
        lists = {path: axis for path, axis in axes.items() if path not in repeat}
        if "seed" in lists or "seed" in ranges:
            problem = "a seed cannot be searched, since its effect is chance"
            raise ConfigError(Fault("search.space.seed", problem=problem, accepted="sweep.seed, in search.repeat"))
        if not lists and not ranges:
            example = "'search.space.training.lr={low: 1e-4, high: 0.1, log: true}'"
            accepted = f"axes of the sweep, or {example}"
            raise ConfigError(Fault("search", search.name, "there is nothing to choose", accepted))
        return cls(values, search, lists, ranges, {path: axes[path] for path in repeat})

    @property
    def paths(self) -> list[str]:
        """Dotted paths of all values in which trials differ: the chosen ones, then the repeated ones."""
        return [*self.lists, *self.ranges, *self.repeated]

    @property
    def first(self) -> Point:
        """The first value of each list and the low end of each range."""
        return {path: axis[0] for path, axis in self.lists.items()} | {p: r.ends[0] for p, r in self.ranges.items()}

    @property
    def size(self) -> int | None:
        """The number of points; None for a space with ranges."""
        size = 1
        for axis in self.lists.values():
            size *= len(axis)
        return None if self.ranges else size

    def variations(self) -> Iterator[Point]:
        """Yield the first point, then points that differ from it in one choice, until each choice was tried once."""
        yield self.first
        for path, axis in self.lists.items():
            yield from (self.first | {path: value} for value in axis[1:])  # type: ignore[operator]
        for path, choices in self.ranges.items():
            low, high = choices.ends
            inner = [] if choices.int else [low + _GOLDEN * (high - low)]
            yield from (self.first | {path: value} for value in (high, *inner))  # type: ignore[operator]

    def shown(self, point: Point) -> dict[str, Any]:
        """Return the choices of a point as results show them: options by their names."""
        labels = {path: sweep.labels(path, axis) for path, axis in self.lists.items()}
        chosen = {path: labels[path][axis.index(point[path])] for path, axis in self.lists.items()}
        return chosen | {path: point[path] for path in self.ranges}

    def config(self, point: Point) -> dict[str, Any]:
        """Return the config of a point, whose sweep has the repeated axes."""
        config = {key: value for key, value in self.values.items() if key not in _NOT_OF_POINTS}
        config = copy.deepcopy(config) | {"sweep": {}}
        for path in sorted(point, key=lambda path: path.count(".")):  # an option first, then values in it
            value = point[path]
            is_option = path in sweep.GROUPS and isinstance(value, Mapping)
            put(config, path, {k: v for k, v in value.items() if k != "option"} if is_option else value)
        for path, axis in self.repeated.items():
            put(config["sweep"], path, axis)
        return config

    def trials(self, point: Point, number: int = 0, *, every: bool = True) -> list[Trial]:
        """Return the trials of a point.

        Args:
            point: its choices.
            number: of the point in the study. Every point has the same number of trials, so it gives their indices.
            every: return all trials; otherwise the first value of each repeated axis only.

        Raises:
            ConfigError: the choices do not go together.
        """
        config = self.config(point)
        if not every:
            for path, axis in self.repeated.items():
                put(config["sweep"], path, axis[:1])
        trials, chosen = sweep.expand(config), self.shown(point)
        return [replace(trial, index=number * len(trials) + trial.index, axes=chosen | trial.axes) for trial in trials]


def choices_by_path(space: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the lists and ranges of ``search.space`` with their dotted paths."""
    yield from _leaves(space, ())


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    is_range = isinstance(node, Mapping) and {"low", "high"} & node.keys()  # no section of a config has such keys
    if isinstance(node, Mapping) and not is_range and (node or not path):
        for key, child in node.items():
            yield from _leaves(child, (*path, str(key)))
    else:
        yield ".".join(path), node


def _search(values: Mapping[str, Any]) -> Search:
    try:
        return Search.model_validate(values["search"])
    except ValidationError as error:
        faults = validation_faults(error, Search, values["search"], lambda key, value: None)
        raise ConfigError(*(_inside("search", fault) for fault in faults)) from None


def _range(values: Mapping[str, Any], path: str, written: Any) -> Range:
    key = f"search.space.{path}"
    try:
        current = sweep.get(values, path)
    except KeyError:
        raise ConfigError(Fault(key, written, "no such value in the config")) from None
    if path.split(".")[0] in sweep.NOT_AXES or isinstance(current, Mapping):
        raise ConfigError(Fault(key, written, "cannot be chosen by a search"))
    if not isinstance(written, Mapping):
        accepted = "a list, or a range such as {low: 1e-4, high: 0.1, log: true, int: false}"
        raise ConfigError(Fault(key, written, accepted=accepted))
    try:
        return Range.model_validate(written)
    except ValidationError as error:
        faults = validation_faults(error, Range, written, lambda key, value: None)
        raise ConfigError(*(_inside(key, fault) for fault in faults)) from None


def _inside(section: str, fault: Fault) -> Fault:
    """Return a fault of a section that was validated alone, with the whole path of its key."""
    return fault if fault.key.startswith(f"{section}.") else replace(fault, key=f"{section}.{fault.key}")
