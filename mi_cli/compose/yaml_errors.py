"""Syntax errors of YAML in one line."""

from __future__ import annotations

import yaml

__all__ = ["yaml_fault"]


def yaml_fault(error: yaml.YAMLError, path: str | None = None) -> str:
    """A syntax error as ``file:line: what is wrong``."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None:
        return f"{path or 'a config'}: is not YAML ({' '.join(str(error).split())})"
    return f"{path or mark.name}:{mark.line + 1}: is not YAML ({problem}, in column {mark.column + 1})"
