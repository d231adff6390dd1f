"""The answer of a summary as lines of text, for the terminal and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mi_cli.records.results import SCALES
from mi_cli.report.answer_sentence import answer_sentence
from mi_cli.report.smoke_text import NO_VERDICT, is_smoke
from mi_cli.report.tables import SMALLEST_P, information

__all__ = ["answer_lines", "p_text"]

_MOST_TESTS = 10  # estimators by whose number a p-value at its floor may be multiplied
_FIELDS = {
    *("verdict", "value", "ci_low", "ci_high", "lower", "p_value", "source", "reason", "advice"),
    *("entropy_x", "entropy_y", "normalised"),
}


def answer_lines(summary: Mapping[str, Any]) -> list[str]:
    """The answer in one to four lines for each setting; no lines for a run without the table ``estimates``.

    The answer about columns of one's own begins with a sentence that can be quoted.

    Args:
        summary: of a run, with infinities as numbers.
    """
    if "estimates" not in summary["tables"]:
        return []
    if is_smoke(summary):
        return [NO_VERDICT]
    answer = summary.get("answer")
    if isinstance(answer, Mapping):
        return [*filter(None, [answer_sentence(answer, summary)]), *_lines(answer, summary)]
    lines = []
    for one in answer or ():
        setting = ", ".join(f"{key}={value}" for key, value in one.items() if key not in _FIELDS)
        first, *rest = _lines(one, summary)
        lines += [f"{setting}: {first}", *rest]
    return lines


def _lines(answer: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    units, measure = summary["shown_in"], summary.get("measure", "MI")
    scale = SCALES[units]
    if answer["verdict"] == "answer":
        ends = f"95 % interval for the true {measure} {_interval(answer, scale)}"
        parts = [f"{measure} = {information(answer['value'], scale)} {units}", ends, *_bound_and_p(answer, scale)]
        article = "an " if answer["source"] == "exact relation" else ""
        lines = [", ".join(parts), f"From {article}{answer['source']}: {answer['reason']}."]
    else:
        lines = [f"Cannot tell: {answer['reason']}. What would help: {answer['advice']}."]
        known = [] if answer["ci_low"] is None else [f"The true {measure} is in {_interval(answer, scale)} {units}"]
        known += _bound_and_p(answer, scale)
        lines += [", ".join(known)] if known else []
    return lines + _entropies(answer, scale, units)


def _interval(answer: Mapping[str, Any], scale: float) -> str:
    return f"[{information(answer['ci_low'], scale)}, {information(answer['ci_high'], scale)}]"


def _bound_and_p(answer: Mapping[str, Any], scale: float) -> list[str]:
    lower, p = answer["lower"], answer["p_value"]
    bound = [f"at least {information(lower, scale)}"] if lower is not None else []
    return bound + ([f"p {p_text(p)}"] if p is not None else [])


def p_text(p: float) -> str:
    """A p-value with its sign, such as ``= 0.02``; at its floor, an upper limit.

    >>> p_text(0.0234), p_text(3e-12)
    ('= 0.023', '< 3e-12')
    """
    if p <= _MOST_TESTS * SMALLEST_P:
        return f"< {max(1, math.ceil(p / SMALLEST_P - 1e-6)):g}e-12"
    return f"= {p:.2g}"


def _entropies(answer: Mapping[str, Any], scale: float, units: str) -> list[str]:
    known = {side: answer.get(f"entropy_{side}") for side in "xy"}
    known = {side: h for side, h in known.items() if h is not None}
    if not known:
        return []
    parts = [f"H({side}) = {information(h, scale)} {units}" for side, h in known.items()]
    if answer.get("normalised") is not None:
        of = "min(H(x), H(y))" if len(known) == 2 else f"H({next(iter(known))})"
        parts.append(f"normalised MI, I / {of}, = {answer['normalised']:.3g}")
    return [", ".join(parts)]
