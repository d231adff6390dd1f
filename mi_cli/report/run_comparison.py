"""Two runs beside each other: which settings differ, and which numbers, answers and verdicts moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from mi_cli.analysis.run_comparison import Compared, Side, compared_answers, compared_rows, corrected
from mi_cli.errors import counted, listed
from mi_cli.records.results import SCALES
from mi_cli.report.recorded_run import RecordedRun
from mi_cli.report.run_names import is_compared, settings_of, text_of
from mi_cli.report.tables import information, number
from mi_cli.schema.groups import GROUPS

__all__ = ["Change", "RunComparison", "compare_runs", "why_not"]

_IN_NATS = ("estimate", "answer")
_NOT_SHOWN = {"name", "sweep", "claims", "plots", "tables"}
_SMALLEST_P = 1e-4
_WORDS = {"cannot tell": "without a known noise", "within the noise": "within it", "the same": "the same"}
_MOST_ALONE = 3  # settings or methods of one run only that are listed
_FEW = 3  # seeds, with which only very large differences are beyond the noise
_ORDER = ("moved", "cannot tell", "within the noise", "the same")


@dataclass(frozen=True)
class Change:
    """A setting, version or verdict that is not the same in both runs; texts, empty where a run lacks it."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        """The change in a few words."""
        return f"{self.what}: {self.before or '(none)'} → {self.after or '(none)'}"


@dataclass(frozen=True)
class RunComparison:
    """What differs between two runs.

    Attributes:
        before: the first run.
        after: the second.
        settings: of the configs that differ. Options of a group whose choice differs are left out.
        versions: of packages and code that differ.
        alone: what has results in one run only, a line for each run; it is not compared.
        compared: numbers of settings and methods that both have, and answers; corrected for their number.
        verdicts: on claims, and of answers, that changed.
        kept: the number of verdicts that are the same.
        level: of the intervals; the chance of any false alarm is at most 1 - level.
    """

    before: RecordedRun
    after: RecordedRun
    settings: list[Change]
    versions: list[Change]
    alone: list[str]
    compared: list[Compared]
    verdicts: list[Change]
    kept: int
    level: float

    @property
    def sentence(self) -> str:
        """How many numbers moved."""
        counts: Counter[str] = Counter(one.outcome for one in self.compared)
        moved, n = counts["moved"], len(self.compared)
        if counts["the same"] == n:
            return f"{counted(n, 'number')} compared: the same in both runs"
        if counts["cannot tell"] == n:
            return f"{counted(n, 'number')} compared: the noise of none is known, which takes two seeds or more"
        tested = sum(one.p_value is not None for one in self.compared)
        rest = ", ".join(f"{counts[key]} {_WORDS[key]}" for key in _ORDER[1:] if counts[key])
        told = f"{counted(n, 'number')} compared: {moved or 'none'} moved beyond the noise; {rest}".removesuffix("; ")
        return f"{told} ({100 * (1 - self.level):.3g} % chance of any false alarm: Holm's correction for {tested})"

    @property
    def table(self) -> tuple[dict[str, bool], list[list[str]]]:
        """The comparisons as text, those that moved first: titles, each with whether it has numbers; and rows."""
        compared = sorted(self.compared, key=lambda one: _ORDER.index(one.outcome))
        axes = list(dict.fromkeys(axis for one in compared for axis in one.where))
        axes = [axis for axis in axes if len({one.where.get(axis) for one in compared}) > 1]
        several = len({one.what for one in compared}) > 1
        methods = len({one.methods for one in compared}) > 1
        percent = f"{100 * self.level:g} %"
        titles = {**dict.fromkeys(axes, False)} | ({"of": False} if several else {})
        titles |= {"method": False} if methods else {}
        what = compared[0].what if compared and not several else ""
        units = f" ({self.before.units})" if what in _IN_NATS else ""
        titles |= {f"{what or 'number'} before{units}": True, "after": True, f"difference ± {percent}": True}
        titles |= {"p (Holm)": True, "outcome": False}
        rows = []
        for one in compared:
            scale = SCALES[self.before.units]
            shown = partial(information, scale=scale) if one.what in _IN_NATS else number
            row = [_value(one.where.get(axis, "")) for axis in axes] + ([one.what] if several else [])
            row += [" → ".join(dict.fromkeys(filter(None, one.methods)))] if methods else []
            row += [_number(one.before, shown), _number(one.after, shown), _difference(one, shown)]
            rows.append([*row, _p(one.p_holm), one.outcome])
        return titles, rows

    @property
    def noise(self) -> str:
        """What the noise is estimated from."""
        counts = Counter((one.how, one.n) for one in self.compared if one.how)
        told = [_how(how, n) for (how, n), _ in counts.most_common()]
        few = [n for (how, n) in counts if how in ("paired over seeds", "two sets of seeds") and n <= _FEW]
        if few:
            told.append(f"{counted(min(few), 'seed')} cannot show less than a very large change; sweep.seed takes more")
        return f"noise: {'; '.join(told)}" if told else ""

    def lines(self, most: int = 12) -> list[str]:
        """Settings, versions and verdicts that differ, as lines; at most ``most`` settings."""
        settings = [str(change) for change in self.settings[:most]]
        if len(self.settings) > most:
            settings.append(f"and {len(self.settings) - most} more")
        lines = [f"settings that differ: {'; '.join(settings) or 'none'}"]
        if self.versions:
            lines.append(f"versions that differ: {'; '.join(map(str, self.versions))}")
        lines += self.alone
        if self.unjudged:
            lines.append(f"verdicts are not compared: {listed(self.unjudged, 'and')} tried out with budget=smoke")
        return [*lines, *(f"verdict changed: {change}" for change in self.verdicts)]

    @property
    def unjudged(self) -> list[str]:
        """Names of the runs at ``budget=smoke``, which give no verdict."""
        return [run.name for run in (self.before, self.after) if _gives_none(run)]

    @property
    def frame(self) -> pl.DataFrame:
        """A row for each comparison, then one for each verdict that changed; MI in nats."""
        rows: list[dict[str, Any]] = []
        for one in self.compared:
            row = {"what": one.what} | dict(one.where)
            row |= {"method_before": one.methods[0], "method_after": one.methods[1]}
            for name, side in (("before", one.before), ("after", one.after)):
                row |= {name: side.value, f"{name}_low": side.low, f"{name}_high": side.high, f"{name}_seeds": side.n}
            row |= {"difference": one.difference, "ci_low": one.low, "ci_high": one.high}
            rows.append(row | {"p_value": one.p_value, "p_holm": one.p_holm, "noise": one.how, "outcome": one.outcome})
        rows += [
            {"what": "verdict", "claim": change.what, "verdict_before": change.before, "verdict_after": change.after}
            for change in self.verdicts
        ]
        frame = pl.DataFrame(rows, infer_schema_length=None)
        runs = (pl.lit(self.before.name).alias("run_before"), pl.lit(self.after.name).alias("run_after"))
        return frame.select(*runs, pl.all())


def compare_runs(before: RecordedRun, after: RecordedRun) -> RunComparison:
    """Compare two runs that have something in common (:func:`why_not`)."""
    return RunComparison(
        before,
        after,
        _settings(before, after),
        _versions(before, after),
        _alone(before, after),
        corrected(_compared(before, after), _level(before)),
        *_verdicts(before, after),
        _level(before),
    )


def why_not(before: RecordedRun, after: RecordedRun) -> str:
    """Why two runs have no number in common, as the rest of a sentence on both; an empty text where they have."""
    for run in (before, after):
        if not len(run.results):
            return f"{run.path} has no results yet"
    first, second = (_data(run) for run in (before, after))
    if first != second:
        told = [f"{data} of {_file(run)}" if _file(run) else data for data, run in ((first, before), (second, after))]
        return f"they measure different data ({told[0]}; {told[1]})"
    if not _compared(before, after):
        return "they have no setting with a number of the same method and kind in common"
    return ""


def _data(run: RecordedRun) -> str:
    """What is measured: the dataset; of a table the columns of y, since others may be what is changed."""
    settings = settings_of(run.config)
    if "dataset" in run.axes:
        return "several datasets"
    told = f"dataset={text_of(settings.get('dataset', ''))}"
    data = (run.summary.data if run.summary else None) or {}
    if data.get("file") and not any(axis.startswith("dataset.") for axis in run.axes):
        told += f", y = {', '.join(str(one['column']) for one in data.get('y') or ())}"
    return told


def _file(run: RecordedRun) -> str:
    return str(((run.summary.data if run.summary else None) or {}).get("file") or "")


def _level(run: RecordedRun) -> float:
    return run.summary.level if run.summary else float(run.config.get("evaluation", {}).get("level", 0.95))


def _compared(before: RecordedRun, after: RecordedRun) -> list[Compared]:
    level = _level(before)
    answers = compared_answers(_answers(before), _answers(after), level)
    return [*answers, *compared_rows(*_both(before, after), level)]


def _both(before: RecordedRun, after: RecordedRun) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """The result rows of both runs, and the axes that tell their settings apart."""
    runs = (before, after)
    axes = [axis for axis in dict.fromkeys([*before.axes, *after.axes]) if axis != "seed"]
    named = [axis for axis in axes if axis != "estimator"]  # methods tell estimators apart, unless several share one
    first, second = (_rows(run, axes) for run in runs)
    if _is_unique(first, named) and _is_unique(second, named):
        axes = named
    return first, second, axes


def _alone(before: RecordedRun, after: RecordedRun) -> list[str]:
    """A line for each run that has settings or methods which the other lacks."""
    first, second, axes = _both(before, after)
    settings = [dict.fromkeys(_setting(row, axes) for row in rows) for rows in (first, second)]
    methods = [dict.fromkeys(str(row["method"]) for row in rows) for rows in (first, second)]
    lines = []
    for word, this, other in (("before", 0, 1), ("after", 1, 0)):
        lacking = [key for key in settings[this] if key not in settings[other]]
        unmatched = [[name for name in methods[a] if name not in methods[b]] for a, b in ((this, other), (other, this))]
        told = [f"{counted(len(lacking), 'setting')} ({_some(lacking)})"] if lacking else []
        if unmatched[0] and list(map(len, unmatched)) != [1, 1]:  # two that are alone are compared with each other
            told.append(f"{'method' if len(unmatched[0]) == 1 else 'methods'} {_some(unmatched[0])}")
        if told:
            lines.append(f"only in {word}, and not compared: {'; '.join(told)}")
    return lines


def _setting(row: Mapping[str, Any], axes: Sequence[str]) -> str:
    return ", ".join(f"{axis}={_value(row[axis])}" for axis in axes)


def _some(texts: Sequence[str]) -> str:
    """The first few of many texts."""
    more = [f"and {len(texts) - _MOST_ALONE} more"] if len(texts) > _MOST_ALONE else []
    return "; ".join([*texts[:_MOST_ALONE], *more])


def _rows(run: RecordedRun, axes: Sequence[str]) -> list[dict[str, Any]]:
    """The result rows, with a value for each of the axes: that of the config where the run does not sweep it."""
    settings = settings_of(run.config)
    fixed = {axis: _plain(settings.get(axis)) for axis in axes if axis not in run.results.columns}
    rows = run.results.iter_rows(named=True)
    return [row | {axis: _plain(row[axis]) for axis in axes if axis in row} | fixed for row in rows]


def _plain(value: Any) -> Any:
    """One form for what CSV and YAML write differently."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _is_unique(rows: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> bool:
    keys = Counter(tuple(str(row[axis]) for axis in (*axes, "method", "seed")) for row in rows)
    return max(keys.values(), default=0) <= 1


def _answers(run: RecordedRun) -> list[dict[str, Any]]:
    answer = run.summary.answer if run.summary else None
    return [] if answer is None else [answer] if isinstance(answer, dict) else list(answer)


def _settings(before: RecordedRun, after: RecordedRun) -> list[Change]:
    first, second = ({key: text_of(value) for key, value in settings_of(run.config).items()} for run in (before, after))
    changes = []
    for key in dict.fromkeys([*first, *second]):
        group = key.split(".")[0]
        if first.get(key) == second.get(key) or group in _NOT_SHOWN or not is_compared(key):
            continue
        if key != group and group in GROUPS and first.get(group) != second.get(group):
            continue
        changes.append(Change(key, first.get(key, ""), second.get(key, "")))
    return changes


def _versions(before: RecordedRun, after: RecordedRun) -> list[Change]:
    first, second = (
        {}
        if run.provenance is None
        else run.provenance.versions | {"commit": str((run.provenance.git or {}).get("commit", ""))[:10]}
        for run in (before, after)
    )
    return [
        Change(key, first.get(key, ""), second.get(key, ""))
        for key in dict.fromkeys([*first, *second])
        if first.get(key, "") != second.get(key, "")
    ]


def _verdicts(before: RecordedRun, after: RecordedRun) -> tuple[list[Change], int]:
    """Verdicts that changed, and how many are the same."""
    changes: list[Change] = []
    kept = 0
    if _gives_none(before) or _gives_none(after):
        return changes, kept
    first, second = ({**_claims(run), **_answer_verdicts(run)} for run in (before, after))
    for text in first:
        if text in second:
            if first[text] == second[text]:
                kept += 1
            else:
                changes.append(Change(text, first[text], second[text]))
    return changes, kept


def _gives_none(run: RecordedRun) -> bool:
    """Whether a run gives no verdicts, since it is at ``budget=smoke``."""
    return run.summary is not None and run.summary.budget == "smoke"


def _claims(run: RecordedRun) -> dict[str, str]:
    return {claim.text: claim.verdict for claim in run.summary.claims} if run.summary else {}


def _answer_verdicts(run: RecordedRun) -> dict[str, str]:
    answers = _answers(run)
    found = {}
    for one in answers:
        names = [name for name in list(one)[: list(one).index("verdict")] if len(answers) > 1]
        found["answer" + "".join(f", {name}={one[name]}" for name in names)] = str(one["verdict"])
    return found


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else text_of(value)


def _number(side: Side, shown: Callable[[float], str]) -> str:
    return "cannot tell" if side.value is None else shown(side.value)


def _difference(one: Compared, shown: Callable[[float], str]) -> str:
    if one.difference is None:
        return ""
    told = "0" if one.difference == 0 else f"{'+' if one.difference > 0 else ''}{shown(one.difference)}"
    if one.low is None or one.high is None:
        return told
    if one.how != "two intervals":
        return f"{told} ± {shown((one.high - one.low) / 2)}"
    return f"{told} [{shown(one.low)}, {shown(one.high)}]"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return f"< {_SMALLEST_P:.0e}" if value < _SMALLEST_P else f"{value:.2g}"


def _how(how: str, n: int) -> str:
    return {
        "paired over seeds": f"paired differences over {counted(n, 'seed')} that both have (Student's t)",
        "two sets of seeds": "the spread over the seeds of each run, which have none in common (Welch's t)",
        "two standard errors": "the two standard errors over held-out rows, which leave out the noise of training",
        "two intervals": "the two intervals of the answers",
    }[how]
