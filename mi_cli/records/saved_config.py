"""The config that a run saves: the header of the file, and its values by dotted path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["SAVED_HEADER", "by_path"]


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
