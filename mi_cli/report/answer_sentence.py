"""The answer about columns of one's own in a sentence that can be quoted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.records.results import SCALES

__all__ = ["answer_sentence"]

_CERTAIN, _FOUND = 1e-4, 0.05  # p-values
_LARGE = 0.1  # nats or bits from which on two digits behind the point are enough
_NAMED = 3  # columns of a side, of which more are counted


def answer_sentence(answer: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """The answer in a sentence; empty where the columns have no names, or it has no finite interval.

    Args:
        answer: of a setting.
        summary: of the run.

    >>> data = {"x": [{"column": "bmi"}], "y": [{"column": "target"}]}
    >>> answer = {"verdict": "answer", "value": 0.2512, "ci_low": 0.192, "ci_high": 0.314, "p_value": 3e-12}
    >>> answer_sentence(answer, {"data": data, "shown_in": "nats"})
    'bmi shares 0.25 nats with target (95 %: 0.19 to 0.31). They depend on each other (p < 1e-4).'
    """
    data, units = summary.get("data") or {}, summary["shown_in"]
    sides = {side: [column["column"] for column in data.get(side) or ()] for side in "xyz"}
    if answer["verdict"] != "answer" or not (sides["x"] and sides["y"]):
        return ""
    if math.isinf(answer["value"]):
        given = f" given {_columns(sides['z'])}" if sides["z"] else ""
        both = f"{_columns(sides['x'])} and {_columns(sides['y'])} determine each other{given}"
        return f"{both}: their MI is infinite, or more than the rows can show."
    if math.isinf(answer["ci_high"]):
        return ""
    scale = SCALES[units]
    digits = 2 if answer["ci_high"] * scale >= _LARGE else 3
    value, low, high = (f"{max(answer[name], 0.0) * scale:.{digits}f}" for name in ("value", "ci_low", "ci_high"))
    verb = "shares" if len(sides["x"]) == 1 else "share"
    given = f" beside what {_columns(sides['z'])} {_tells(sides['z'])}" if sides["z"] else ""
    shared = f"{_columns(sides['x'])} {verb} {value} {units} with {_columns(sides['y'])}{given}"
    interval = f"(95 %: {low} to {high}{_share(answer, sides)})"
    return " ".join(filter(None, [f"{shared} {interval}.", _dependence(answer, scale, units)]))


def _columns(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more columns"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _tells(names: Sequence[str]) -> str:
    return "tells" if len(names) == 1 else "tell"


def _share(answer: Mapping[str, Any], sides: Mapping[str, Sequence[str]]) -> str:
    """The value as a share of the entropy of y, or of x, where that is known."""
    for side in "yx":
        entropy = answer.get(f"entropy_{side}")
        if entropy and not sides["z"]:
            return f"; {100 * min(answer['value'] / entropy, 1):.0f} % of the entropy of {_columns(sides[side])}"
    return ""


def _dependence(answer: Mapping[str, Any], scale: float, units: str) -> str:
    p, lower = answer.get("p_value"), answer.get("lower")
    if p is None:
        return f"It is at least {lower * scale:.2f} {units} with 95 % confidence." if lower and lower > 0 else ""
    if p <= _FOUND:
        return f"They depend on each other (p {'< 1e-4' if p < _CERTAIN else f'= {p:.2g}'})."
    return f"No dependence was found (p = {p:.2g})."
