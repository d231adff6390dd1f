"""How a command ends: exit codes, interruptions, and what is printed of errors."""

from __future__ import annotations

import sys

from mi_cli.errors import ConfigError, OutputError

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "FINE",
    "INTERRUPTED",
    "TERMINATED",
    "TOO_EARLY",
    "ReportedInterrupt",
    "Terminated",
    "print_error",
]

FINE, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
TOO_EARLY = "mi-run: interrupted before anything was run\n"


class ReportedInterrupt(KeyboardInterrupt):
    """An interruption after a line has said what is recorded and how to go on."""


class Terminated(ReportedInterrupt):
    """SIGTERM, which schedulers send some time before they kill. Finished trials are recorded, and no job begins."""


def print_error(error: ConfigError | OutputError, code: int = BAD_INPUT) -> int:
    """Print an error's lines; return the exit code."""
    for line in str(error).splitlines():
        print(f"mi-run: {line}", file=sys.stderr)
    return code
