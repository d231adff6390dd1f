"""``mi-run schema``: the JSON Schema of an experiment file."""

from __future__ import annotations

import json

from mi_cli.cli.exits import FINE
from mi_cli.console import printing
from mi_cli.schema.json_schema import experiment_schema

__all__ = ["print_schema"]


def print_schema() -> int:
    """Print the schema; return the exit code."""
    with printing():
        print(json.dumps(experiment_schema(), indent=1, ensure_ascii=False))
    return FINE
