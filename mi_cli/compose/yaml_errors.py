"""Syntax errors of YAML in one line."""

from __future__ import annotations

import yaml

from mi_cli.errors import Fault

__all__ = ["yaml_fault"]


def yaml_fault(error: yaml.YAMLError, path: str | None = None) -> Fault:
    """A syntax error, whose key is ``file:line``."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None:
        return Fault(path or "a config", problem=f"is not YAML ({' '.join(str(error).split())})")
    place = f"{path or mark.name}:{mark.line + 1}"
    return Fault(place, problem=f"is not YAML ({problem}, in column {mark.column + 1})")
