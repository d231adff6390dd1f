"""What is wrong with a config, in one line a fault: ``key=value: what is accepted``.

Nothing here is imported from elsewhere in the package, and pydantic only when there is a fault to explain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

__all__ = ["ConfigError", "OutputError", "counted", "listed", "shown"]


class ConfigError(Exception):
    """A config that cannot be run; each of its lines names a key, its value and what is accepted."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def shown(value: Any) -> str:
    """A value as one would type it, cut where it is long."""
    text = " ".join(_typed(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _typed(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_typed(child)}' for key, child in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_typed, value))}]"
    return str(value)


def listed(options: Iterable[Any], last: str = "or") -> str:
    """Options as prose: ``a, b or c``."""
    *most, final = [shown(option) for option in options]
    return f"{', '.join(most)} {last} {final}" if most else final


class OutputError(Exception):
    """Standard output cannot be written to; whatever goes to files is there."""


def counted(n: int, noun: str) -> str:
    """A number of things as prose."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
