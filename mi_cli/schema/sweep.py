"""Sweeps: the axes of a config, and the trials they span. Nothing here imports Hydra or torch."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mi_cli.errors import ConfigError, listed, shown
from mi_cli.fields import Affects, Rule
from mi_cli.registry import plugins
from mi_cli.schema.config import Config, validate
from mi_cli.schema.effects import affecting, excluding, ruled
from mi_cli.schema.fingerprints import code

__all__ = ["GROUPS", "NOT_AXES", "NO_AXES", "Trial", "axes", "expand", "get", "labels", "put"]

GROUPS = ("estimator", "dataset", "noise", "shift", "representation", "training")
NO_AXES = "must be a section of axes, such as sweep.seed=[0, 1, 2]; sweep=null drops them all"
NOT_AXES = (*affecting(Affects.NOTHING), *ruled(Rule.NO_AXIS))


@dataclass(frozen=True)
class Trial:
    """One resolved config: a point of the sweep, with the value of each axis as results show it."""

    index: int
    axes: dict[str, Any]
    config: Config

    @property
    def science(self) -> dict[str, Any]:
        """The config without what its numbers do not depend on."""
        return self.config.model_dump(mode="json", exclude=excluding(Affects.NOTHING))

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that trials share exactly if they compute the same thing.

        That is: of the same settings, on the same data, by the same code and packages.
        """
        values = self.science
        if (data := self.config.dataset.digest()) is not None:
            values["dataset"]["path"] = data
        added = plugins.used((section, getattr(self.config, section).name) for section in plugins.REGISTRIES)
        told = json.dumps([values, code(), added], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def axes(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The axes of ``values["sweep"]`` by dotted path, in the order in which they are written.

    Raises:
        ConfigError: an axis is empty, is not a list, or its path is not in the config.
    """
    written = values.get("sweep") or {}
    if not isinstance(written, Mapping):
        raise ConfigError(f"sweep={shown(written)}: {NO_AXES}")
    found = dict(_walk(written, ()))
    faults = [line for path, axis in found.items() for line in _faults(values, path, axis)]
    if faults:
        raise ConfigError(*faults)
    return found


def expand(values: Mapping[str, Any]) -> list[Trial]:
    """All trials of a resolved config, each validated; options of a group are mappings by now.

    Raises:
        ConfigError: one line for each fault, whichever trials have it.
    """
    found = axes(values)
    carry = (values.get("training") or {}).get("carry")
    if carry is not None and carry not in found:
        raise ConfigError(
            f"training.carry={shown(carry)}: is not an axis of the sweep; accepted: {listed([*found, None])}"
        )
    base = {key: value for key, value in values.items() if key != "sweep"}
    trials: list[Trial] = []
    faults: dict[str, None] = {}
    told = {path: labels(path, axis) for path, axis in found.items()}
    numbered = [list(enumerate(axis)) for axis in found.values()]
    for index, point in enumerate(itertools.product(*numbered)):
        resolved, labelled = _sections(base), {}
        # A group's option first, so that an axis inside the group applies to every option.
        for path, (number, value) in sorted(zip(found, point, strict=True), key=lambda item: item[0].count(".")):
            labelled[path] = told[path][number]
            put(resolved, path, {k: v for k, v in value.items() if k != "option"} if path in GROUPS else value)
        try:
            trials.append(Trial(index, {path: labelled[path] for path in found}, validate(resolved)))
        except ConfigError as error:
            faults |= dict.fromkeys(_of_axis(line, found) for line in error.lines)
    if faults:
        raise ConfigError(*faults)
    return trials


def _sections(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose sections can be changed; their values are shared, and never are."""
    return {key: _sections(value) if isinstance(value, dict) else value for key, value in values.items()}


def get(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; KeyError where there is none."""
    for part in path.split("."):
        if not isinstance(values, Mapping):
            raise KeyError(path)
        values = values[part]
    return values


def put(values: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path."""
    *parents, last = path.split(".")
    for part in parents:
        values = values.setdefault(part, {})
    values[last] = value


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and (node or not path):
        for key, child in node.items():
            yield from _walk(child, (*path, str(key)))
    elif node is not None:  # null takes an axis away, from one that inherits it
        yield ".".join(path), node


def _faults(values: Mapping[str, Any], path: str, axis: Any) -> list[str]:
    key = f"sweep.{path}"
    if path.split(".")[0] in NOT_AXES:
        return [f"{key}={shown(axis)}: cannot be an axis; sweep it from the shell instead (mi-run -m {path}=...)"]
    try:
        current = get(values, path)
    except KeyError:
        if single := _single_above(values, path):
            section = shown(get(values["sweep"], single))
            return [f"sweep.{single}={section}: {_list_of(single, get(values, single))}"]
        accepted = f"{_beside(values, path)} (~{key} drops the axis)"
        return [f"{key}={shown(axis)}: no such value in the config; accepted: {accepted}"]
    if not isinstance(axis, list):
        return [f"{key}={shown(axis)}: {_list_of(path, axis)}"]
    if not axis:
        return [f"{key}=[]: is empty; accepted: at least one value"]
    repeated = [value for index, value in enumerate(axis) if value in axis[:index]]
    if repeated:
        labels = [_label(path, value) for value in axis]
        return [f"{key}={shown(labels)}: repeats {shown(_label(path, repeated[0]))}; accepted: different values"]
    section, _, last = path.rpartition(".")
    if last == "name" and section in GROUPS:
        return [f"{key}={shown(axis)}: cannot be an axis; accepted: sweep.{section}={shown(axis)}"]
    if path not in GROUPS:
        if isinstance(current, Mapping):
            return [f"{key}={shown(axis)}: is a section; accepted: one of its values, {listed(map(str, current))}"]
        return []
    if not all(isinstance(option, Mapping | str) for option in axis):
        return [f"{key}={shown(axis)}: must name options of {path}"]
    return []


def _label(path: str, value: Any) -> Any:
    """The value of an axis as results show it: an option by its name."""
    return value.get("option", value.get("name")) if path in GROUPS and isinstance(value, Mapping) else value


def labels(path: str, axis: list[Any]) -> list[Any]:
    """Labels of an axis; options of one name tell by which of their values they differ."""
    plain = [_label(path, value) for value in axis]
    found = []
    for value, label in zip(axis, plain, strict=True):
        alike = [other for other, its in zip(axis, plain, strict=True) if its == label]
        if path in GROUPS and isinstance(value, Mapping) and len(alike) > 1:
            keys = sorted({key for other in alike for key in other if other[key] != value.get(key)})
            label = f"{label}({', '.join(f'{key}={shown(value.get(key))}' for key in keys)})"
        found.append(label)
    return found


def _list_of(path: str, value: Any) -> str:
    return f"must be a list of values, such as sweep.{path}=[{shown(value)}]"


def _single_above(values: Mapping[str, Any], path: str) -> str | None:
    """What lies above ``path`` in the config and is no section, but a value."""
    parts = path.split(".")
    for end in range(1, len(parts)):
        above = ".".join(parts[:end])
        try:
            if not isinstance(get(values, above), Mapping):
                return above
        except KeyError:
            return None
    return None


def _of_axis(line: str, found: Mapping[str, list[Any]]) -> str:
    """A trial's fault, with the axis that the value comes from."""
    key = line.partition("=")[0]
    for path, axis in found.items():
        if path not in GROUPS and (key == path or key.startswith(f"{path}.")):
            return f"sweep.{path}={shown(axis)}: {line}"
    return line


def _beside(values: Mapping[str, Any], path: str) -> str:
    """The paths that could have been meant: those of the deepest section that ``path`` reaches."""
    parents: list[str] = []
    for part in path.split(".")[:-1]:
        if not isinstance(values.get(part), Mapping):
            break
        values = values[part]
        parents.append(part)
    return ", ".join(".".join([*parents, str(key)]) for key in values if parents or key not in NOT_AXES)
