"""One line for each fault that pydantic finds in a config."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from mi_cli.errors import listed, shown

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["Chosen", "Keys", "validation_lines"]


Chosen = Callable[[str, Any], "type[BaseModel] | None"]


Keys = list[int | str]


def validation_lines(error: ValidationError, root: type[BaseModel], values: Any, chosen: Chosen) -> list[str]:
    """One line for each fault that pydantic found.

    Args:
        error: what pydantic raised.
        root: the section that was validated.
        values: what it was given.
        chosen: the class of a top-level section, by key and value, where the value's ``name`` decides it.
    """
    lines = [line for fault in error.errors() for line in _lines(fault, root, values, chosen)]
    return list(dict.fromkeys(lines))


def _lines(fault: ErrorDetails, root: type[BaseModel], values: Any, chosen: Chosen) -> list[str]:
    location, accepted = _place(fault["loc"], root, values, chosen)
    key, value = ".".join(map(str, location)), shown(fault["input"])
    context = fault.get("ctx", {})
    if isinstance(context.get("error"), ValueError):  # a check of ours: whole lines, or about this value
        text = str(context["error"])
        whole = not location or text.startswith(str(location[0]))
        return text.splitlines() if whole else [f"{key}={value}: {text}"]
    match fault["type"]:
        case "extra_forbidden":
            return [f"{key}={value}: unknown key; accepted: {accepted}"]
        case "missing":
            return [f"{key}: is missing; accepted: {accepted}"]
        case "union_tag_invalid":
            options = listed(tag.strip(" '") for tag in context["expected_tags"].split(","))
            return [f"{key}.{context['discriminator'].strip(chr(39))}={context['tag']}: must be {options}"]
    if fault["type"] == "finite_number":
        accepted = accepted.replace("a number", "a finite number")
    as_axis = isinstance(fault["input"], list) and "list" not in accepted
    return [f"{key}={value}: must be {accepted}" + (f" (as an axis: sweep.{key}={value})" if as_axis else "")]


def _place(loc: Sequence[int | str], root: Any, values: Any, chosen: Chosen) -> tuple[Keys, str]:
    """A location without pydantic's own marks, and what is accepted there (keys, if its last is unknown)."""
    keys: Keys = []
    annotation, constraints = root, [root]
    for part in loc:
        options = [_bare(option) for option in _options(annotation)]
        section = (chosen(str(keys[0]), values) if len(keys) == 1 else None) or _section(options, values)
        if isinstance(part, int):
            sequence = next(option for option in options if typing.get_origin(option) is tuple)
            annotation, constraints = typing.get_args(sequence)[0], []
            values = values[part] if isinstance(values, Sequence) else None
        elif section and part in section.model_fields:
            annotation, constraints = section.model_fields[part].annotation, [section.model_fields[part]]
            values = values.get(part) if isinstance(values, Mapping) else None
        elif section and (not isinstance(values, Mapping) or part in values):
            fields = [*section.model_fields, *([] if keys else ["experiment"])]  # which no config holds in the end
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
        entries = _description(typing.get_args(annotation)[0], [])
        most = f"at most {limits['max_length']} entries, " if "max_length" in limits else ""
        return f"a list ({most}each {entries})"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
    if annotation in words:
        return words[annotation] + (_range(limits) if annotation in (int, float) else "")
    keys = getattr(annotation, "model_fields", None)
    return f"a section ({', '.join(keys)})" if keys else "a section"


def _limits(constraints: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for constraint in constraints:
        yield from _limits(getattr(constraint, "metadata", ()))
        for name in ("ge", "gt", "le", "lt", "max_length", "description", "discriminator"):
            if getattr(constraint, name, None) is not None:
                yield name, getattr(constraint, name)


def _range(limits: Mapping[str, Any]) -> str:
    if "ge" in limits and "le" in limits:
        return f" between {limits['ge']} and {limits['le']}"
    words = {"ge": "of at least", "gt": "above", "le": "at most", "lt": "below"}
    ends = [f"{words[name]} {limits[name]}" for name in words if name in limits]
    return f" {' and '.join(ends)}" if ends else ""
