"""Settings as Python has them, written as overrides of a command line. Nothing here imports Hydra."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel

from mi_cli.errors import ConfigError, Fault
from mi_cli.schema.groups import CHOICES
from mi_cli.tabular.selection import quoted

__all__ = ["as_overrides", "as_text"]

_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z./][\w./+-]*", re.ASCII)  # text that needs no quotes
_WORDS_OF_YAML = {"true", "false", "null", "nan", "inf"}
_ACCEPTED = "a number, text, a truth value, None, a path, or lists and mappings of these"


def as_text(text: str) -> str:
    """Text as Hydra's grammar takes it, whatever characters it has.

    >>> print(as_text("mine"), as_text("null"), as_text("[a, b]"), as_text(""))
    mine 'null' '[a, b]' ''
    """
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML else quoted(text, "'")


def as_overrides(settings: Mapping[str, Any]) -> list[str]:
    """Overrides that give settings their values. Text is text: it is never read as a list, a number or a reference.

    Args:
        settings: values by dotted path, or sections as nested mappings. A section of a group of options that has a
            ``name`` chooses the option of this name; the other values are set in it.

    Raises:
        ConfigError: a key is none, or a value is of no type that configs have; one fault for each.

    >>> as_overrides({"training": {"steps": 10}, "dataset.rho": 0.5, "sweep.seed": [0, 1], "tracker": None})
    ['training.steps=10', 'dataset.rho=0.5', 'sweep.seed=[0,1]', 'tracker=null']
    >>> as_overrides({"estimator": {"name": "mine", "hidden": (8, 8)}})
    ['estimator=mine', 'estimator.hidden=[8,8]']
    """
    overrides, faults = [], []
    for key, value in _leaves(settings):
        if not _KEY.fullmatch(key):
            faults.append(Fault(key, problem="is no key", accepted="a dotted path, such as training.steps"))
            continue
        try:
            overrides.append(f"{key}={_value(value)}")
        except TypeError:
            faults.append(Fault(key, type(value).__name__, accepted=_ACCEPTED))
    if faults:
        raise ConfigError(*faults)
    return overrides


def _leaves(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested sections by dotted path."""
    for name, value in settings.items():
        key = f"{above}{name}"
        section = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        if not isinstance(section, Mapping) or not section:
            yield key, section
            continue
        if key in CHOICES and "name" in section:
            yield key, section["name"]
            section = {inner: child for inner, child in section.items() if inner != "name"}
        yield from _leaves(section, f"{key}.")


def _value(value: Any) -> str:
    """A value in Hydra's grammar.

    Raises:
        TypeError: configs have no values of this type.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif hasattr(value, "tolist"):  # of NumPy and torch
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | PurePath):
        return as_text(str(value))
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and re.fullmatch(r"[A-Za-z_][\w.]*", key, re.ASCII) for key in value):
            raise TypeError
        return "{" + ",".join(f"{key}:{_value(child)}" for key, child in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(map(_value, value)) + "]"
    raise TypeError
