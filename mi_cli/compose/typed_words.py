"""Words of a command line that are no overrides: what was meant by them, as the shell may have cut them at spaces."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mi_cli.errors import Fault

__all__ = ["word_faults"]

_KEY = r"[+~]*[A-Za-z_][\w./@-]*"
_OF_TEXT = r"dataset\.\w+|output_root"  # settings whose values may have spaces
_CUT = "is cut at its spaces by the shell"


def word_faults(words: Sequence[str], unread: Sequence[bool], single: Callable[[str], Fault]) -> list[Fault]:
    """The faults of words that cannot be read; those beside each other that are parts of one override have one.

    Args:
        words: all that was typed.
        unread: which of them cannot be read.
        single: the fault of one of them by itself.
    """
    faults: list[Fault] = []
    place = 0
    while place < len(words):
        end = place
        while end < len(words) and unread[end]:
            end += 1
        if end == place:
            place += 1
            continue
        run, before = list(words[place:end]), words[place - 1] if place else ""
        run[0] = run[0].removeprefix("++")  # an axis gets it when arguments are read
        meant = _meant(run, before)
        faults += [meant] if meant is not None else map(single, run)
        place = end
    return faults


def _meant(run: Sequence[str], before: str) -> Fault | None:
    """The fault of words beside each other, where they are parts of one override; ``before`` is the one before them.

    >>> print(_meant(["dataset.x=[a,", "b]"], ""))
    dataset.x=[a, b]: is cut at its spaces by the shell; accepted: the whole in quotes; use 'dataset.x=[a, b]'
    >>> _meant(["use", "(kW)"], "dataset.y=power").command
    '"dataset.y=\\'power use (kW)\\'"'
    >>> print(_meant(["[a,b]"], "dataset.x="))
    dataset.x= [a,b]: must be key=value without spaces; use 'dataset.x=[a,b]'
    >>> print(_meant(["seed", "=", "3"], ""))
    seed = 3: must be key=value without spaces; use seed=3
    """
    joined, several = " ".join(run), len(run) > 1
    if re.fullmatch(rf"{_KEY}=", before) and "=" not in joined:
        return Fault(f"{before} {joined}", accepted="key=value without spaces", command=f"'{before}{joined}'")
    spaced = re.fullmatch(rf"({_KEY}) ?= ?([^\s=]+)", joined)
    if several and spaced:
        return Fault(joined, accepted="key=value without spaces", command=f"{spaced[1]}={spaced[2]}")
    opened = re.fullmatch(rf"({_KEY})=([\[{{'\"].*)", joined)
    if several and opened:
        return Fault(opened[1], opened[2], _CUT, "the whole in quotes", f"'{opened[1]}={opened[2]}'")
    if re.fullmatch(rf"{_KEY} [\w.-]+", joined):
        return Fault(joined, accepted="key=value", command="=".join(run))
    cut = re.fullmatch(rf"({_OF_TEXT})=(.+)", before)
    if cut and "=" not in joined and not re.fullmatch(_KEY, joined):
        value = f"{cut[2]} {joined}"
        return Fault(cut[1], value, _CUT, "the whole in quotes", f"\"{cut[1]}='{value}'\"")
    return None
