"""A config on its way from what Hydra composes to what can be run."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.override_parser.types import Override

from mi_cli.schema import sweep

__all__ = ["Draft", "typed_values"]


@dataclass(frozen=True)
class Draft:
    """A config as one step leaves it. The next step makes a new one, and changes nothing in this one.

    Args:
        values: the config as plain values.
        typed: what the command line says itself, by dotted path.
        notices: lines that the user should read.
    """

    values: Mapping[str, Any]
    typed: Mapping[str, Any]
    notices: tuple[str, ...] = ()

    def get(self, path: str) -> Any:
        """The value at a dotted path; None where there is none."""
        try:
            return sweep.get(self.values, path)
        except KeyError:
            return None

    def copied(self) -> dict[str, Any]:
        """The values for a step to change."""
        return copy.deepcopy(dict(self.values))

    def changed(self, values: Mapping[str, Any], notices: Iterable[str] = ()) -> Draft:
        """The draft with other values and more notices."""
        return replace(self, values=values, notices=(*self.notices, *notices))


def typed_values(parsed: Sequence[Override]) -> dict[str, Any]:
    """What overrides say themselves, by dotted path; mappings are taken apart."""
    typed: dict[str, Any] = {}
    for override in parsed:
        if not override.is_delete() and not override.is_hydra_override() and not override.is_sweep_override():
            typed |= _leaves(override.key_or_group, override.value())
    return typed


def _leaves(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {path: value}
    return {key: leaf for part, child in value.items() for key, leaf in _leaves(f"{path}.{part}", child).items()}
