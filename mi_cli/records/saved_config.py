"""The config that a run saves: the text of the file, and its values by dotted path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

__all__ = ["SAVED_HEADER", "by_path", "config_text", "literal"]


SAVED_HEADER = """\
# Runs again with: mi-run --config-path=<this folder>
defaults:
  - _self_
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none

hydra:
  output_subdir: null
  job: {name: mi-run, chdir: false}

"""


def config_text(values: Mapping[str, Any]) -> str:
    """A resolved config as a file that Hydra composes to the same values: ``${`` in text is escaped.

    >>> print(config_text({"path": "a${b}.csv"}).splitlines()[-1])
    path: a\\${b}.csv
    """
    escaped = _with_text(dict(values), lambda text: re.sub(r"(\\*)\$\{", r"\1\1\\${", text))
    return SAVED_HEADER + yaml.safe_dump(escaped, sort_keys=False, allow_unicode=True)


def literal(values: Any) -> Any:
    """The values of a saved config, as YAML has them, without the escapes of :func:`config_text`.

    >>> literal({"paths": [r"a\\${b}.csv"]})
    {'paths': ['a${b}.csv']}
    """
    return _with_text(values, lambda text: re.sub(r"(\\*)\1\\\$\{", r"\1${", text))


def _with_text(value: Any, change: Callable[[str], str]) -> Any:
    """Values with a change in each text that has ``${``."""
    if isinstance(value, Mapping):
        return {key: _with_text(child, change) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text(child, change) for child in value]
    return change(value) if isinstance(value, str) and "${" in value else value


def by_path(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings with their dotted paths; a list or an empty mapping is one value.

    >>> dict(by_path({"a": {"b": 1, "c": [1, 2]}, "d": {}}))
    {'a.b': 1, 'a.c': [1, 2], 'd': {}}
    """
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            yield from by_path(value, f"{path}.")
        else:
            yield path, value
