"""Pydantic's errors as faults: the key as one types it, its value, and what is accepted there."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mi_cli.errors import ConfigError, Fault, closest, listed, shown
from mi_cli.fields import Affects, Rule
from mi_cli.schema.groups import GROUPS

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["Chosen", "validation_faults"]

Chosen = Callable[[str, Any], "type[BaseModel] | None"]

_TYPES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
_COMMANDS = ("resume", "again")  # what is typed as if it were a key, and names a run
_LIMITS = ("ge", "gt", "le", "lt", "max_length", "description", "discriminator")


def validation_faults(error: ValidationError, root: type[BaseModel], values: Any, chosen: Chosen) -> list[Fault]:
    """The faults that pydantic found, each once.

    Args:
        error: what pydantic raised.
        root: the section that was validated.
        values: what it was given.
        chosen: the class of a top-level section, by key and value, where the value's ``name`` decides it.
    """
    faults = (fault for details in error.errors() for fault in _faults(details, root, values, chosen))
    return list({str(fault): fault for fault in faults}.values())


def _faults(details: ErrorDetails, root: type[BaseModel], values: Any, chosen: Chosen) -> list[Fault]:
    is_short = details["type"] == "missing" and isinstance(details["loc"][-1], int)  # a list that lacks an entry
    place = _place(details["loc"][:-1] if is_short else details["loc"], root, values, chosen)
    context, value = details.get("ctx", {}), details["input"]
    if isinstance(context.get("error"), ValueError):
        return _raised(context["error"], place, value)
    match details["type"]:
        case "extra_forbidden":
            return [_unknown(place, value)]
        case "missing" if not is_short:
            return [Fault(place.key, problem="is missing", accepted=place.accepted)]
        case "union_tag_invalid":
            options = listed(tag.strip(" '") for tag in context["expected_tags"].split(","))
            key = f"{place.key}.{context['discriminator'].strip(chr(39))}"
            return [Fault(key, context["tag"], accepted=options)]
        case "finite_number":
            return [Fault(place.key, value, accepted=place.accepted.replace("a number", "a finite number"))]
    if isinstance(value, list) and value and place.sweepable:
        return [_several(place, value)]
    command = f"{place.key}=[{shown(value)}]" if _is_entry(value, place.accepted) else ""
    return [Fault(place.key, value, accepted=place.accepted, command=command)]


def _is_entry(value: Any, accepted: str) -> bool:
    """Whether a value could be an entry of the list that is accepted."""
    is_list, _, entries = accepted.rstrip(")").partition("each ")
    if not is_list.startswith("a list (") or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return "number" in entries
    return isinstance(value, str) and (entries == "text" or value in entries.replace(" or ", ", ").split(", "))


def _unknown(place: _Place, value: Any) -> Fault:
    if place.key in _COMMANDS:
        return Fault(place.key, value, "is no part of a config", command=f"mi-run {place.key}={shown(value)}")
    meant = closest(place.key, place.accepted.split(", "))
    command = "" if meant is None else f"{meant}={shown(value)}"
    return Fault(place.key, value, "unknown key", place.accepted, command)


def _raised(error: ValueError, place: _Place, value: Any) -> list[Fault]:
    """The faults of a validator of ours, or of another package's: with their own keys, or about the value here."""
    if isinstance(error, ConfigError):
        faults: Iterable[Fault] = error.faults
    else:
        faults = [Fault("", problem=line) for line in str(error).splitlines()]
    section = str(place.keys[0]) if place.keys else ""
    return [
        fault if fault.key or fault.problem.startswith(section) else replace(fault, key=place.key, value=value)
        for fault in faults
    ]


def _several(place: _Place, values: list[Any]) -> Fault:
    """A list in place of a single value: most likely an axis, or a run for each of them."""
    if place.one_per_run:
        command = f"mi-run -m {place.key}={','.join(map(shown, values))}"
        return Fault(place.key, values, "is several values", f"{place.accepted}, or a run for each", command)
    command = f"sweep.{place.key}={shown(values)}"
    return Fault(place.key, values, "is several values", f"{place.accepted}, or an axis", command)


@dataclass(frozen=True)
class _Place:
    """Where a value stands in a config.

    Args:
        keys: its path, without the parts that pydantic adds for members of unions.
        accepted: what is accepted there, as prose; the keys, where the last one is unknown.
        sweepable: whether there can be several of it: as an axis, or by a run for each.
        one_per_run: whether it is the same in all trials of a run, so that it cannot be an axis.
    """

    keys: tuple[int | str, ...]
    accepted: str
    sweepable: bool
    one_per_run: bool

    @property
    def key(self) -> str:
        """The dotted path."""
        return ".".join(map(str, self.keys))


def _place(loc: Sequence[int | str], root: type[BaseModel], values: Any, chosen: Chosen) -> _Place:
    keys, accepted = _located(loc, root, values, chosen)
    field = root.model_fields.get(str(keys[0])) if keys else None
    marks = field.metadata if field else []
    fixed = any(mark is Affects.NOTHING or (isinstance(mark, Rule) and Rule.NO_AXIS in mark) for mark in marks)
    single = "list" not in accepted and not accepted.startswith("a section")
    is_setting = bool(keys) and isinstance(keys[-1], str)  # and not an entry of a list
    sweepable = "sweep" in root.model_fields and is_setting and (single or keys[-1] in GROUPS)
    return _Place(tuple(keys), accepted, sweepable, fixed)


def _located(
    loc: Sequence[int | str], root: type[BaseModel], values: Any, chosen: Chosen
) -> tuple[list[int | str], str]:
    """A location without pydantic's own parts, and what is accepted there."""
    keys: list[int | str] = []
    annotation: Any = root
    constraints: list[Any] = [root]
    for part in loc:
        options = [_bare(option) for option in _options(annotation)]
        section = (chosen(str(keys[0]), values) if len(keys) == 1 else None) or _section(options, values)
        if isinstance(part, int):
            sequence = next(option for option in options if typing.get_origin(option) is tuple)
            annotation, constraints = typing.get_args(sequence)[0], []
            values = values[part] if isinstance(values, Sequence) and part < len(values) else None
        elif section and part in section.model_fields:
            annotation, constraints = section.model_fields[part].annotation, [section.model_fields[part]]
            values = values.get(part) if isinstance(values, Mapping) else None
        elif section and (not isinstance(values, Mapping) or part in values):
            fields = [*section.model_fields, *([] if keys else ["experiment"])]  # which is gone from a composed config
            return [*keys, part], ", ".join(sorted(".".join(map(str, [*keys, field])) for field in fields))
        else:  # pydantic's name for a member of a union
            continue
        keys.append(part)
    return keys, _description(annotation, constraints)


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _options(annotation: Any) -> tuple[Any, ...]:
    union = typing.get_origin(_bare(annotation)) in (typing.Union, types.UnionType)
    return typing.get_args(_bare(annotation)) if union else (annotation,)


def _section(options: Iterable[Any], values: Any) -> type[BaseModel] | None:
    """The section among ``options``; of several, the one whose literal (``kind``) has its value."""
    sections: list[type[BaseModel]] = [option for option in options if hasattr(option, "model_fields")]
    for section in sections if isinstance(values, Mapping) else ():
        literals = {key: typing.get_args(field.annotation) for key, field in section.model_fields.items()}
        if any(literals[key] == (value,) for key, value in values.items() if key in literals):
            return section
    return sections[0] if sections else None


def _description(annotation: Any, constraints: Sequence[Any]) -> str:
    """What a field accepts, as prose."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation, *more = typing.get_args(annotation)
        return _description(annotation, [*constraints, *more])
    limits, options = dict(_limits(constraints)), _options(annotation)
    if "description" in limits:
        return str(limits["description"])
    if "discriminator" in limits:
        fields = (_bare(option).model_fields[limits["discriminator"]] for option in options)
        tags = listed(tag for field in fields for tag in typing.get_args(field.annotation))
        return f"a section whose {limits['discriminator']} is {tags}"
    if len(options) > 1:
        return " or ".join(dict.fromkeys(_description(option, constraints) for option in options))
    if typing.get_origin(annotation) is Literal:
        return listed(typing.get_args(annotation))
    if typing.get_origin(annotation) is tuple:
        entries, *others = (_description(entry, []) for entry in typing.get_args(annotation) if entry is not ...)
        if others:
            return f"a list of {1 + len(others)}, each {entries}"
        most = f"at most {limits['max_length']} entries, " if "max_length" in limits else ""
        return f"a list ({most}each {entries})"
    if annotation in _TYPES:
        return _TYPES[annotation] + (_range(limits) if annotation in (int, float) else "")
    keys = getattr(annotation, "model_fields", None)
    return f"a section ({', '.join(keys)})" if keys else "a section"


def _limits(constraints: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for constraint in constraints:
        yield from _limits(getattr(constraint, "metadata", ()))
        for name in _LIMITS:
            if getattr(constraint, name, None) is not None:
                yield name, getattr(constraint, name)


def _range(limits: Mapping[str, Any]) -> str:
    if "ge" in limits and "le" in limits:
        return f" between {limits['ge']} and {limits['le']}"
    words = {"ge": "of at least", "gt": "above", "le": "at most", "lt": "below"}
    ends = [f"{words[name]} {limits[name]}" for name in words if name in limits]
    return f" {' and '.join(ends)}" if ends else ""
