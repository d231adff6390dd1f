"""What the user of a table should know of it: what was read, and what may mislead an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mi_cli.errors import counted, listed, shown
from mi_cli.tabular.encoding import SECOND, Chosen, Data, Label
from mi_cli.tabular.files import listing

__all__ = ["coarse", "described"]

_MANY_TIES = 0.01  # share of repeated values from which on they are told


@lru_cache(maxsize=64)
def described(chosen: Chosen, n_samples: int) -> dict[str, Any]:
    """The facts of a table and, in ``notes``, those that its user must see.

    ``duplicates`` are rows that are equal to an earlier one in x and y, where a column of many values makes that more
    than chance; ``ties`` the share of values of a column of
    numbers that are equal to an earlier one, where there are any.
    """
    request, facts, data = chosen.request, chosen.facts, chosen.data()
    found = {
        "file": str(request.source.file),
        "format": request.source.suffix.lstrip("."),
        "bytes": request.source.size,
        "rows_in_file": facts.in_file,
        "rows_used": n_samples,
        "x": _columns(facts.x),
        "y": _columns(facts.y),
        "missing": facts.missing,
        "duplicates": _duplicates(data) if _has_continuous(chosen) else 0,
        "ties": _ties(data),
        "groups": None,
        "time": request.time,
        "transform": request.transform,
    }
    if data.groups is not None:
        found["groups"] = {"column": request.groups, "number": int(data.groups.max()) + 1}
    return found | {"notes": _notes(chosen, data, found)}


def _columns(labels: Sequence[Label]) -> list[dict[str, Any]]:
    return [{"column": label.name, "kind": label.kind, "width": label.width} for label in labels]


def _has_continuous(chosen: Chosen) -> bool:
    """Whether a column has many values: rows of classes and codes repeat each other without being copies."""
    few = coarse(chosen)
    return any(label.kind == "number" and label.name not in few for label in (*chosen.facts.x, *chosen.facts.y))


def _duplicates(data: Data) -> int:
    """Rows that repeat an earlier one, by a sum of their bits that differs for others but once in 2⁶⁴ pairs."""
    import numpy as np

    total = np.zeros(data.rows, np.uint64)
    factor = np.uint64(0x9E3779B97F4A7C15)
    for part in (*data.x, *data.y):
        total = (total ^ part.values.astype(np.float64).view(np.uint64)) * factor
        total ^= total >> np.uint64(29)
    return data.rows - len(np.unique(total))


def _ties(data: Data) -> dict[str, float]:
    import numpy as np

    shares = {
        part.label.name: 1 - len(np.unique(part.values)) / data.rows
        for part in (*data.x, *data.y)
        if part.label.kind == "number"
    }
    return {name: round(share, 4) for name, share in shares.items() if share > 0}


@lru_cache(maxsize=64)
def coarse(chosen: Chosen) -> tuple[str, ...]:
    """Columns that are taken for numbers, but have few values, each many times."""
    from mi_cli.problems import is_discrete

    data, copies = chosen.data(), chosen.request.transform == "two_copies"
    found = (p.label.name for p in (*data.x, *data.y) if p.label.kind == "number" and is_discrete(p.values))
    return tuple(dict.fromkeys(name.removesuffix(SECOND) if copies else name for name in found))


def _notes(chosen: Chosen, data: Data, found: dict[str, Any]) -> list[str]:
    request, facts, notes = chosen.request, chosen.facts, []
    if facts.read < facts.in_file:
        notes.append(
            f"{facts.read:,} of the {facts.in_file:,} rows of the file are used, drawn at random (dataset.max_rows)"
        )
    if facts.missing and request.missing == "drop":
        notes.append(f"{counted(facts.dropped, 'row')} with missing values are left out (dataset.missing=drop)")
    elif facts.missing:
        told = listed([f"{shown(name)} ({n:,})" for name, n in list(facts.missing.items())[:6]], "and")
        more = ", among others," if len(facts.missing) > 6 else ""
        notes.append(f"missing values of {told}{more} are filled with the median or the most frequent class")
    if facts.guessed:
        verb = "is taken for classes" if len(facts.guessed) == 1 else "are taken for classes"
        notes.append(
            f"{listing(facts.guessed)} {verb}, being whole numbers with few values; dataset.classes=[] takes them for "
            "numbers"
        )
    if few := coarse(chosen):
        notes.append(
            f"{listing(few)} {'takes' if len(few) == 1 else 'take'} few values, taken for numbers; where they "
            f"are codes, dataset.classes=[{', '.join(few[:3])}{', ...' * (len(few) > 3)}] takes them for classes"
        )
    if found["duplicates"]:
        notes.append(
            f"{found['duplicates']:,} of {data.rows:,} rows are duplicates: nearest neighbours take them for dependence"
        )
    tied = {name: share for name, share in found["ties"].items() if share >= _MANY_TIES}
    if tied:
        worst = sorted(tied, key=lambda name: -tied[name])
        told = listing([f"{name} ({tied[name]:.0%})" for name in worst])
        notes.append(f"repeated values, which estimators for continuous columns do not expect: {told}")
    if request.transform != "none":
        notes.append(f"this is the table after dataset.transform={request.transform}, not the table itself")
    return notes
