"""One answer from several estimates of one MI: a value with an interval for the true MI, or "cannot tell".

The rules are in :mod:`mi_cli.analysis.answer_rules`, what they are given is in :mod:`mi_cli.analysis.evidence`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from mi_cli.analysis import answer_rules as rules
from mi_cli.analysis.answer_rules import Doubt, Reach
from mi_cli.analysis.evidence import Evidence, combined_p, usable, why_infinite
from mi_cli.analysis.facts import Facts
from mi_cli.analysis.rows import Row, grouped
from mi_cli.display.interval_svg import Drawn
from mi_cli.display.numbers import interval_text, p_text
from mi_cli.display.results import columns_text, html_of
from mi_cli.display.units import SCALES, Units, scaled, text_in
from mi_cli.problems import Estimate

__all__ = ["Answer", "answer", "answers", "settings"]

_FULL = 0.95  # share of H above which the reason says that classes can hold no more

Verdict = Literal["answer", "cannot tell"]


@dataclass(frozen=True)
class Answer:
    """One answer from all estimators; in nats, unless ``units`` says otherwise.

    Attributes:
        verdict: ``answer``, or ``cannot tell``.
        value: the MI; infinite for an exact relation; None if it cannot be told.
        ci_low: the lower end of the 95 % interval for the true MI, at least 0; None if there is no estimate.
        ci_high: its upper end, at most the entropy of classes; it may be infinite.
        lower: the lower confidence bound of a bound on held-out rows, at least 0; None without one.
        p_value: of no dependence, corrected for the number of estimators that have one; None if none was tested.
        source: the estimator that the value is from, ``counting`` or ``exact relation``; empty if it cannot be told.
        reason: why this is the answer, or why there is none; one sentence without a full stop.
        advice: what would help where it cannot be told; empty otherwise.
        entropy_x: H(x) where x is classes; None where it is numbers or not known.
        entropy_y: H(y) where y is classes.
        estimates: the results of the estimators by name; empty in what is read from result rows.
        notes: what was done with the columns and rows, such as which are classes and which were left out; empty in
            what is read from result rows.
        columns: the names of the columns of x, y and z, where they are known.
        units: of all numbers that are an MI or an entropy.
    """

    verdict: Verdict
    value: float | None
    ci_low: float | None
    ci_high: float | None
    lower: float | None
    p_value: float | None
    source: str
    reason: str
    advice: str = ""
    entropy_x: float | None = None
    entropy_y: float | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False, repr=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    units: Units = "nats"

    @property
    def normalised(self) -> float | None:
        """The MI as a share of the smaller entropy of the classes; None without classes or without a value."""
        known = [h for h in (self.entropy_x, self.entropy_y) if h]
        return self.value / min(known) if known and self.value is not None else None

    def as_mapping(self) -> dict[str, Any]:
        """What ``summary.json`` holds of it: its numbers in nats, its words, and ``normalised``."""
        in_nats = self.in_units("nats")
        names = [one.name for one in fields(self) if one.name not in ("estimates", "notes", "columns", "units")]
        return {name: getattr(in_nats, name) for name in names} | {"normalised": self.normalised}

    def in_units(self, units: Units) -> Answer:
        """The same in nats or bits: numbers, words, and the results of the estimators."""
        if units == self.units:
            return self
        scale = SCALES[units] / SCALES[self.units]
        changed: dict[str, Any] = {name: scaled(getattr(self, name), scale) for name in _OF_MI}
        changed |= {name: text_in(units, getattr(self, name)) for name in ("reason", "advice")}
        changed["estimates"] = {name: one.in_units(units) for name, one in self.estimates.items()}
        return replace(self, **changed, units=units)

    @property
    def _subject(self) -> str:
        sides = [columns_text(self.columns[side]) for side in "xyz" if self.columns.get(side)]
        if len(sides) < 2:
            return "MI"
        return f"MI of {sides[0]} and {sides[1]}" + (f" given {sides[2]}" if len(sides) > 2 else "")

    def __str__(self) -> str:
        return f"{self._subject}: {self._said}"

    @property
    def _said(self) -> str:
        ends = interval_text(self.value, self.ci_low, self.ci_high, self.units)
        if self.verdict != "answer":
            known = f". It is {ends}" if self.ci_low is not None else ""
            return f"cannot tell: {self.reason}{known}"
        article = "an " if self.source == "exact relation" else ""
        return ", ".join(
            [ends, *([] if self.p_value is None else [p_text(self.p_value)]), f"from {article}{self.source}"]
        )

    def __repr__(self) -> str:
        return f"<Answer: {self}>"

    def _repr_html_(self) -> str:
        drawn = [] if self.ci_low is None else [Drawn("answer", self.value, self.ci_low, self.ci_high)]
        drawn += [
            Drawn(name, one.value, one.ci_low, one.ci_high)
            for name, one in self.estimates.items()
            if one.value is not None
        ]
        why = f"Why: {self.reason}." if self.verdict == "answer" else ""
        advice = f"What would help: {self.advice}." if self.advice else ""
        return html_of(str(self), drawn, self.units, _LEVEL, [why, advice, *self.notes])


_OF_MI = ("value", "ci_low", "ci_high", "lower", "entropy_x", "entropy_y")  # fields of an answer in its units
_LEVEL = 0.95  # of its interval


def settings(rows: Iterable[Row], axes: Sequence[str]) -> tuple[list[str], list[list[Row]]]:
    """The result rows of each setting and seed, which have one answer.

    Returns:
        The axes that choose a setting, which are those that do not choose an estimator, with ``seed``; and the rows.
    """
    keys = [*(axis for axis in axes if axis.split(".")[0] != "estimator"), "seed"]
    return keys, grouped(rows, keys)


def answers(rows: Iterable[Row], axes: Sequence[str], facts: Callable[[Row], Facts]) -> list[dict[str, Any]]:
    """An answer for each setting and seed, as a mapping: the axes, ``seed``, then what :meth:`Answer.as_mapping` has.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed; those of the estimator are not settings.
        facts: of the data that a row is from; the number of rows is that of the result rows, where they have it.
    """
    keys, groups = settings(rows, axes)
    result = []
    for setting in groups:
        known = facts(setting[0])
        one = answer(setting, replace(known, rows=_rows(setting, known)))
        result.append({key: setting[0][key] for key in keys} | one.as_mapping())
    return result


def _rows(setting: Sequence[Row], facts: Facts) -> int:
    return max((row.get("rows") or 0 for row in setting), default=0) or facts.rows


def answer(rows: Sequence[Row], facts: Facts) -> Answer:
    """The answer that the estimates of one setting and seed give together.

    Args:
        rows: result rows of one setting and seed, one for each estimator. A row that failed, or has no number for its
            value or its standard error, is not used.
        facts: of the data.
    """
    return replace(_of_rows(rows, facts), entropy_x=facts.entropy_x, entropy_y=facts.entropy_y)


def _of_rows(rows: Sequence[Row], facts: Facts) -> Answer:
    p_value = combined_p(rows)
    estimates = tuple(one for one in map(usable, rows) if one is not None)
    bound = next((one.lower for one in estimates if one.is_bound and one.lower is not None), None)
    lower = None if bound is None else min(max(0.0, bound), facts.most)
    if (reason := why_infinite(rows, facts)) is not None:
        low = max([0.0, *(one.bottom for one in estimates if one.is_bound)])
        return Answer("answer", math.inf, low, math.inf, lower, p_value, "exact relation", reason)
    if not estimates:
        return _undecided(_without_estimate(rows), None, None, None, p_value)
    if rules.has_copies(facts):
        reason = "many rows repeat others, and copies look like dependence to every estimator"
        doubt = Doubt(reason, "remove the copies, or keep them together by dataset.groups")
        return _undecided(doubt, 0.0, facts.most, None, None)
    source, because = rules.choose_source(estimates, facts)
    return _from_evidence(Evidence(facts, estimates, source, because), lower, p_value)


def _undecided(
    doubt: Doubt, low: float | None, high: float | None, lower: float | None, p_value: float | None
) -> Answer:
    return Answer("cannot tell", None, low, high, lower, p_value, "", doubt.reason, doubt.advice)


def _without_estimate(rows: Sequence[Row]) -> Doubt:
    names = [str(row.get("method") or row.get("estimator") or "") for row in rows]
    methods = ", ".join(filter(None, names))
    reason = f"no estimator has a value with a standard error{f' (tried: {methods})' if methods else ''}"
    why = {re.sub(r"^fold \d+ of \d+: ", "", str(row.get("reason") or "")) for row in rows}
    if len(why) == 1 and (same := why.pop()):
        return Doubt(f"{reason}: {same}", "other columns or rows, without what is said here")
    return Doubt(reason, "see why each estimator failed; more rows may help")


def _from_evidence(evidence: Evidence, lower: float | None, p_value: float | None) -> Answer:
    """The answer, or the first doubt; the ends of the interval are those of the rules that reach farthest."""
    most = evidence.facts.most
    highest = max(_reaches(rules.UP, evidence), key=lambda reach: reach.end)
    lowest = min(_reaches(rules.DOWN, evidence), key=lambda reach: reach.end)
    value = min(max(0.0, evidence.source.best), most)
    low = min(max(0.0, lowest.end, evidence.certain), value)
    high = max(min(highest.end, evidence.facts.most_in_truth), value)
    doubt = next((doubt for rule in rules.DOUBTS if (doubt := rule(evidence)) is not None), None)
    if doubt is None and rules.is_wide(low, high, value):
        widest = highest if high - value >= value - low else lowest
        doubt = Doubt(f"the interval is too wide: {widest.cause}", widest.advice)
    if doubt is not None:
        return _undecided(doubt, low, high, lower, p_value)
    source, reason = "counting" if evidence.is_counted else evidence.source.name, evidence.because
    if p_value is not None and p_value >= rules.ALPHA and not lower:
        reason = "no dependence is seen"
    elif math.isfinite(most) and value > _FULL * most:
        reason += "; this is about all that the classes can hold"
    return Answer("answer", value, low, high, lower, p_value, source, reason)


def _reaches(functions: Iterable[rules.ReachRule], evidence: Evidence) -> list[Reach]:
    return [reach for rule in functions if (reach := rule(evidence)) is not None]
