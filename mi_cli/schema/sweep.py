"""Sweeps: the axes of a config, and the trials they span. Nothing here imports Hydra or torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from mi_cli.errors import ConfigError, Fault, closest, listed, shown
from mi_cli.fields import Affects, Rule
from mi_cli.schema import groups
from mi_cli.schema.config import Config, UnfitError, fitting, parse
from mi_cli.schema.effects import affecting, ruled
from mi_cli.schema.fingerprints import fingerprint, numeric_settings

__all__ = [
    "GROUPS",
    "NOT_AXES",
    "Trial",
    "axes",
    "expand",
    "expand_fitting",
    "get",
    "labels",
    "left_out_note",
    "not_axes",
    "put",
]

NOT_AXES = (*affecting(Affects.NOTHING), *ruled(Rule.NO_AXIS))  # what is the same in all trials of a run
GROUPS = tuple(group for group in groups.GROUPS if group not in NOT_AXES)  # whose options can be the values of an axis


@dataclass(frozen=True)
class Trial:
    """One resolved config: a point of the sweep, with the value of each axis as results show it."""

    index: int
    axes: dict[str, Any]
    config: Config

    @property
    def science(self) -> dict[str, Any]:
        """The settings that the trial's numbers depend on."""
        return numeric_settings(self.config)

    @cached_property
    def fingerprint(self) -> str:
        """See :func:`mi_cli.schema.fingerprints.fingerprint`."""
        return fingerprint(self.config)


def axes(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The axes of ``values["sweep"]`` by dotted path, in the order in which they are written.

    Raises:
        ConfigError: an axis is empty, is not a list, or its path is not in the config.
    """
    written = values.get("sweep") or {}
    if not isinstance(written, Mapping):
        raise ConfigError(not_axes(written))
    by_path = dict(_walk(written, ()))
    if faults := [fault for path, axis in by_path.items() if (fault := _fault(values, path, axis)) is not None]:
        raise ConfigError(*faults)
    return by_path


def not_axes(value: Any) -> Fault:
    """The fault of a ``sweep`` that is not a section."""
    accepted, command = "a section of axes, such as sweep.seed=[0, 1, 2]", "sweep=null to drop all axes"
    return Fault("sweep", value, accepted=accepted, command=command)


def expand(values: Mapping[str, Any]) -> list[Trial]:
    """All trials of a resolved config, each validated; options of a group are mappings by now.

    Raises:
        ConfigError: the faults of all trials, each once.
    """
    return expand_fitting(values)[0]


def expand_fitting(values: Mapping[str, Any]) -> tuple[list[Trial], dict[str, int]]:
    """All trials of a resolved config, and what is left out where ``leave_out_unfit`` is true.

    Returns:
        The trials, numbered without a gap; and for each reason why an estimator cannot take a dataset
        (:func:`left_out_note`), how many trials are left out.

    Raises:
        ConfigError: the faults of all trials, each once; or those of the trials left out, if no trial remains.
    """
    by_path = axes(values)
    carry = _carry(values)
    if carry is not None and carry not in by_path:
        raise ConfigError(Fault("training.carry", carry, "is not an axis of the sweep", listed([*by_path, None])))
    points = _Points({key: value for key, value in values.items() if key != "sweep"}, by_path)
    trials: list[Trial] = []
    faults: dict[str, Fault] = {}
    unfit: dict[str, list[Fault]] = {}
    labels_of = {path: labels(path, axis) for path, axis in by_path.items()}
    for point in itertools.product(*(range(len(axis)) for axis in by_path.values())):
        labelled = {path: labels_of[path][number] for path, number in zip(by_path, point, strict=True)}
        try:
            trials.append(Trial(len(trials), labelled, fitting(points.config(point))))
        except UnfitError as error:
            for fault in error.faults:
                unfit.setdefault(left_out_note(fault), []).append(fault)
        except ConfigError as error:
            faults |= {str(fault): fault for fault in (_of_axis(fault, by_path) for fault in error.faults)}
    if not trials:
        faults |= {str(alike[0]): alike[0] for alike in unfit.values()}
    if faults:
        raise ConfigError(*faults.values())
    return trials, {text: len(alike) for text, alike in unfit.items()}


def left_out_note(fault: Fault) -> str:
    """What is said of an estimator that is left out, by the fault that it would be.

    >>> left_out_note(Fault("estimator.name", "copula", "takes continuous columns, and age takes few values"))
    'copula is left out: it takes continuous columns, and age takes few values'
    """
    if fault.key == "estimator.name":
        return f"{shown(fault.value)} is left out: it {fault.problem}"
    return f"left out: {replace(fault, accepted='', command='')}"


@dataclass
class _Points:
    """The configs of a sweep's points. Each section is parsed once for each combination of its own axes' values.

    Sections are immutable, so points share those in which they agree.

    Args:
        base: the config without its sweep.
        axes: by dotted path.
    """

    base: Mapping[str, Any]
    axes: Mapping[str, list[Any]]
    _first: Config | None = None
    _parsed: dict[tuple[str, tuple[int, ...]], Any] = field(default_factory=dict)

    def config(self, point: Sequence[int]) -> Config:
        """The parsed config of the point that has these of the axes' values, by their numbers.

        Raises:
            ConfigError: as for :func:`mi_cli.schema.config.parse`.
        """
        keys = {head: (head, tuple(point[number] for number in numbers)) for head, numbers in self._axes_of.items()}
        if self._first is not None and all(key in self._parsed for key in keys.values()):
            return self._first.model_copy(update={head: self._parsed[key] for head, key in keys.items()})
        config = parse(self._values(point))
        self._first = self._first or config
        self._parsed |= {key: getattr(config, head) for head, key in keys.items()}
        return config

    @cached_property
    def _axes_of(self) -> dict[str, list[int]]:
        """The numbers of the axes that lie in each section, or are it."""
        heads = [path.partition(".")[0] for path in self.axes]
        return {head: [number for number, other in enumerate(heads) if other == head] for head in heads}

    def _values(self, point: Sequence[int]) -> dict[str, Any]:
        values = _sections(self.base)
        chosen = {path: axis[number] for (path, axis), number in zip(self.axes.items(), point, strict=True)}
        # A group's option first, so that an axis inside the group applies to every option.
        for path, value in sorted(chosen.items(), key=lambda item: item[0].count(".")):
            put(values, path, {k: v for k, v in value.items() if k != "option"} if path in GROUPS else value)
        return values


def _carry(values: Mapping[str, Any]) -> Any:
    """The axis that models are carried along; None where there is none, or where ``training`` is no section."""
    try:
        return get(values, "training.carry")
    except KeyError:
        return None


def _sections(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose sections can be changed; the values in them are shared, and must not be changed."""
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


def _fault(values: Mapping[str, Any], path: str, axis: Any) -> Fault | None:
    """What is wrong with an axis, if something is."""
    key = f"sweep.{path}"
    if path in NOT_AXES or path.split(".")[0] in NOT_AXES:
        return Fault(key, axis, "cannot be an axis, as all trials of a run share it", command=_shell(path, axis))
    try:
        current = get(values, path)
    except KeyError:
        return _no_such_value(values, path, axis)
    if not isinstance(axis, list):
        return _no_list(path, axis, _label(path, current) if isinstance(axis, Mapping) else axis)
    if not axis:
        return Fault(key, axis, "is empty", "at least one value", f"~{key} to drop the axis")
    shown_values = [_label(path, value) for value in axis]
    repeated = [label for index, label in enumerate(shown_values) if axis[index] in axis[:index]]
    if repeated:
        return Fault(key, shown_values, f"repeats {shown(repeated[0])}", "different values")
    section, _, last = path.rpartition(".")
    if last == "name" and section in GROUPS:
        return Fault(key, axis, "cannot be an axis", command=f"sweep.{section}={shown(axis)}")
    if path not in GROUPS and isinstance(current, Mapping):
        return Fault(key, axis, "is a section", f"one of its values, {listed(map(str, current))}")
    if path in GROUPS and not all(isinstance(option, Mapping | str) for option in axis):
        return Fault(key, axis, accepted=f"names of options of {path}")
    return None


def _shell(path: str, axis: Any) -> str:
    """The command that makes a run for each value of what is no axis."""
    values = ",".join(map(shown, axis)) if isinstance(axis, list) and axis else "..."
    return f"mi-run -m {path}={values}"


def _no_such_value(values: Mapping[str, Any], path: str, axis: Any) -> Fault:
    """The fault of an axis of something that the config does not have."""
    if single := _single_above(values, path):
        return _no_list(single, get(values["sweep"], single), get(values, single))
    accepted = _beside(values, path)
    meant = closest(path, accepted)
    command = f"~sweep.{path} to drop the axis" if meant is None else f"sweep.{meant}={shown(axis)}"
    return Fault(f"sweep.{path}", axis, "no such value in the config", ", ".join(accepted), command)


def _no_list(path: str, axis: Any, value: Any) -> Fault:
    return Fault(f"sweep.{path}", axis, accepted="a list of values", command=f"sweep.{path}=[{shown(value)}]")


def _label(path: str, value: Any) -> Any:
    """The value of an axis as results show it: an option by its name."""
    return value.get("option", value.get("name")) if path in GROUPS and isinstance(value, Mapping) else value


def labels(path: str, axis: list[Any]) -> list[Any]:
    """The values of an axis as results show them.

    An option is shown by its name; options of the same name, with the values in which they differ.
    """
    plain = [_label(path, value) for value in axis]
    distinct = []
    for value, label in zip(axis, plain, strict=True):
        alike = [other for other, its in zip(axis, plain, strict=True) if its == label]
        if path in GROUPS and isinstance(value, Mapping) and len(alike) > 1:
            keys = sorted({key for other in alike for key in other if other[key] != value.get(key)})
            label = f"{label}({', '.join(f'{key}={shown(value.get(key))}' for key in keys)})"
        distinct.append(label)
    return distinct


def _single_above(values: Mapping[str, Any], path: str) -> str | None:
    """The part of ``path`` that is a value of the config, and so cannot have the rest of ``path`` inside it."""
    parts = path.split(".")
    for end in range(1, len(parts)):
        above = ".".join(parts[:end])
        try:
            if not isinstance(get(values, above), Mapping):
                return above
        except KeyError:
            return None
    return None


def _of_axis(fault: Fault, by_path: Mapping[str, list[Any]]) -> Fault:
    """A trial's fault, with the axis that the value comes from."""
    key = fault.key or fault.problem.partition("=")[0]
    for path, axis in by_path.items():
        if path not in GROUPS and (key == path or key.startswith(f"{path}.")):
            command = fault.command
            if command == f"{path}=[{shown(fault.value)}]":  # each value of the axis must be a list
                command = f"sweep.{path}={shown([value if isinstance(value, list) else [value] for value in axis])}"
            return replace(fault, command=command, origin=f"sweep.{path}={shown(axis)}")
    return fault


def _beside(values: Mapping[str, Any], path: str) -> list[str]:
    """The paths that could have been meant: those of the deepest section of the config that ``path`` leads to."""
    parents: list[str] = []
    for part in path.split(".")[:-1]:
        if not isinstance(values.get(part), Mapping):
            break
        values = values[part]
        parents.append(part)
    return [".".join([*parents, str(key)]) for key in values if parents or key not in NOT_AXES]
