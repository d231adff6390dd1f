"""What is wrong with a config: the key, its value and what is expected instead, worded in one place.

No other module of the package is imported here.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

__all__ = ["ABSENT", "ConfigError", "Fault", "OutputError", "closest", "counted", "listed", "plain", "shown"]

_SIMILAR = 0.75  # the share of letters that two names have in common, from which on one may be meant by the other


class _Absent(Enum):
    """The value of a fault that has none to show: an enumeration, so that copies of it are it."""

    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT


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
        origin: where the value comes from, if it was not typed at ``key``: an axis (``sweep.dataset.rho=[0, 2]``).

    >>> print(Fault("dataset.rho", 2, accepted="a number between -1 and 1"))
    dataset.rho=2: must be a number between -1 and 1
    >>> print(Fault("device", "cuda", "is not on this machine", "auto or cpu"))
    device=cuda: is not on this machine; accepted: auto or cpu
    >>> print(Fault("sweep.seed", 3, accepted="a list of values", command="sweep.seed=[3]"))
    sweep.seed=3: must be a list of values; use 'sweep.seed=[3]'
    """

    key: str
    value: Any = ABSENT
    problem: str = ""
    accepted: str = ""
    command: str = ""
    origin: str = ""

    def __str__(self) -> str:
        """The fault in one line."""
        text = self.problem
        if self.accepted:
            text = f"{text}; accepted: {self.accepted}" if text else f"must be {self.accepted}"
        if self.command:
            text = f"{text}; use {_as_typed(self.command)}"
        return ": ".join(part for part in (self.origin, self._place(), text) if part)

    def _place(self) -> str:
        if not self.key or self.value is ABSENT:
            return self.key
        value = str(self.value) if isinstance(self.value, Path) else shown(self.value)  # a path is never cut
        return f"{self.key}={value}"


def _as_typed(command: str) -> str:
    """A command as one types it: an override with brackets is quoted, since shells have a meaning for them.

    >>> _as_typed("sweep.dataset.rho=[0, 0.5]"), _as_typed("sweep.seed=null to drop the axis")
    ("'sweep.dataset.rho=[0, 0.5]'", 'sweep.seed=null to drop the axis')
    """
    return shlex.quote(command) if re.fullmatch(r"[\w.+~/@]+=[\[{].*[\]}]", command) else command


class ConfigError(ValueError):
    """A config that cannot be run.

    It is a ValueError, so that pydantic's validators can raise it.

    Args:
        faults: why it cannot; a string is a fault that belongs to no single key.

    Attributes:
        faults: the same, all of them ``Fault``.
        lines: the faults in words, one line each.
    """

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(Fault("", problem=fault) if isinstance(fault, str) else fault for fault in faults)
        self.lines = tuple(map(str, self.faults))
        super().__init__("\n".join(self.lines))


def shown(value: Any) -> str:
    """A value as one would type it, in one line; after 57 characters it ends in dots.

    >>> shown([None, True, 0.5])
    '[null, true, 0.5]'
    """
    text = " ".join(_typed(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def plain(number: float) -> int | float:
    """A finite number as one would type it: without a decimal point if it is whole, and to six digits otherwise.

    >>> plain(20_000_000.0), plain(1 / 3)
    (20000000, 0.333333)
    """
    return int(number) if float(number).is_integer() else float(f"{number:g}")


def _typed(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_typed(child)}' for key, child in value.items())}}}"
    if isinstance(value, list | tuple):
        entries = [_typed(child) or "''" for child in value]
        return f"[{', '.join(entries)}]"
    return str(value)


def listed(options: Iterable[Any], last: str = "or") -> str:
    """Options as prose; there must be one.

    >>> listed(["a", "b", "c"]), listed(["x", "y"], last="and")
    ('a, b or c', 'x and y')
    """
    *most, final = [shown(option) for option in options]
    return f"{', '.join(most)} {last} {final}" if most else final


class OutputError(Exception):
    """Standard output cannot be written to. What goes to files has been written."""


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name that was most likely meant by a misspelt one: the most similar in the same section, or None.

    >>> closest("dataset.roh", ["dataset.rho", "dataset.dim"])
    'dataset.rho'
    >>> closest("dataset.foo", ["dataset.rho", "dataset.dim"])
    """
    section, _, last = name.rpartition(".")
    others = {other.rpartition(".")[2]: other for other in names if other.rpartition(".")[0] == section}
    if last in others:
        return None
    swapped = [other for other in others if sorted(other) == sorted(last)]
    similar = swapped or difflib.get_close_matches(last, others, n=1, cutoff=_SIMILAR)
    return others[similar[0]] if similar else None


def counted(n: int, noun: str) -> str:
    """A number of things as prose.

    >>> counted(1, "trial"), counted(2000, "trial")
    ('1 trial', '2,000 trials')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
