"""What is wrong with a config: its key, its value and what is expected, worded in one place.

Nothing here imports from elsewhere in the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["ABSENT", "ConfigError", "Fault", "OutputError", "counted", "listed", "shown"]


class _Absent:
    """The value of a fault that has none to show."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Fault:
    """What is wrong with one value of a config.

    Args:
        key: what is wrong, as one types it: a dotted path (``dataset.rho``), an option (``--config-dir``) or a file.
            Empty where the fault belongs to no single key.
        value: what it was given; ``ABSENT`` where there is nothing to show.
        problem: what is wrong with it, as the rest of a sentence: ``is not on this machine``. Empty where the value is
            simply not what is accepted.
        accepted: what is expected instead.
        command: what one would type to get what was meant, where there is such a command.

    >>> print(Fault("dataset.rho", 2, accepted="a number between -1 and 1"))
    dataset.rho=2: must be a number between -1 and 1
    >>> print(Fault("device", "cuda", "is not on this machine", "auto or cpu"))
    device=cuda: is not on this machine; accepted: auto or cpu
    """

    key: str
    value: Any = ABSENT
    problem: str = ""
    accepted: str = ""
    command: str = ""

    def __str__(self) -> str:
        """The fault in one line."""
        text = self.problem
        if self.accepted:
            text = f"{text}; accepted: {self.accepted}" if text else f"must be {self.accepted}"
        if self.command:
            text = f"{text}; use {self.command}"
        if not self.key:
            return text
        shown_value = str(self.value) if isinstance(self.value, Path) else shown(self.value)  # a path is never cut
        return f"{self.key}: {text}" if self.value is ABSENT else f"{self.key}={shown_value}: {text}"


class ConfigError(ValueError):
    """A config that cannot be run. ``faults`` say why, and ``lines`` are the faults in words, one line each."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(Fault("", problem=fault) if isinstance(fault, str) else fault for fault in faults)
        self.lines = tuple(map(str, self.faults))
        super().__init__("\n".join(self.lines))


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
