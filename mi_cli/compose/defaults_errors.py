"""What is wrong with the defaults list of a config, where Hydra says it in words of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from mi_cli.errors import Fault
from mi_cli.schema.groups import CHOICES

__all__ = ["ENTRY", "is_about_defaults", "list_fault", "meant_group"]

ENTRY = "'override /estimator: dv'"

_WORDS = (
    *("Invalid defaults list", "Unsupported type in defaults", "Unsupported item value in defaults"),
    "Too many keys in default item",
)


def is_about_defaults(error: Exception) -> bool:
    """Whether Hydra refuses the form of a defaults list."""
    return isinstance(error, ValueError) and any(words in str(error) for words in _WORDS)


def list_fault(error: Exception, overrides: Iterable[str], folders: Iterable[Path]) -> Fault:
    """The fault of a ``defaults`` that is no list, or has an entry that is neither a name nor one key with a value.

    Args:
        error: what Hydra raised. It names the config, or says nothing of it.
        overrides: with which it was composed; they choose configs.
        folders: where configs are that may be wrong.
    """
    words = {*re.findall(r"[\w/.-]+", str(error)), *(text.replace("=", "/") for text in overrides)}
    paths = sorted(path for folder in folders for path in folder.rglob("*.yaml"))
    for path in sorted(paths, key=lambda path: f"{path.parent.name}/{path.stem}" not in words):
        if (found := _fault_in(path)) is not None:
            return found
    return Fault("defaults", problem=str(error).partition("\n")[0], accepted=f"a list of entries such as {ENTRY}")


def _fault_in(path: Path) -> Fault | None:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    if not isinstance(values, dict) or "defaults" not in values:
        return None
    entries: Any = values["defaults"]
    if not isinstance(entries, list):
        return Fault(f"{path}: defaults", entries, accepted=f"a list of entries such as {ENTRY}")
    for number, entry in enumerate(entries):
        if not _is_entry(entry):
            return Fault(f"{path}: defaults.{number}", entry, accepted=f"an entry such as {ENTRY}")
    return None


def _is_entry(entry: Any) -> bool:
    """Whether an entry names a config, or is a group with an option, several, or none."""
    if not isinstance(entry, dict) or len(entry) != 1:
        return isinstance(entry, str)
    (value,) = entry.values()
    options = value if isinstance(value, list) else [] if value is None else [value]
    return all(isinstance(option, str) for option in options)


def meant_group(name: str) -> str:
    """What a defaults list would say in place of a group that is looked for beside the config; empty if none is meant.

    >>> meant_group("experiment/estimator@estimator"), meant_group("experiment/estimator/dv"), meant_group("foo")
    ('override /estimator', 'override /estimator: dv', '')
    """
    parts = name.partition("@")[0].split("/")
    for place, part in enumerate(parts):
        if part in CHOICES and place:
            option = "/".join(parts[place + 1 :])
            return f"override /{part}: {option}" if option else f"override /{part}"
    return ""
