"""What the page shows, as plain values for its template."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from mi_cli._version import __version__
from mi_cli.errors import counted
from mi_cli.records.results import SCALES
from mi_cli.records.saved_config import by_path
from mi_cli.report.collect import Collection
from mi_cli.report.page_figures import figure
from mi_cli.report.recorded_run import Provenance, RecordedRun
from mi_cli.report.run_comparison import compare_runs, why_not
from mi_cli.report.run_names import is_compared
from mi_cli.report.said_text import said_lines
from mi_cli.report.shared_figures import shared_figures
from mi_cli.report.smoke_text import NOT_JUDGED, is_smoke
from mi_cli.report.tables import (
    IN_NATS,
    decision,
    has_all_numbers,
    mean_table,
    number,
    remarks,
    setting_table,
    title_of,
)
from mi_cli.report.verdict_text import efficiency_tables

__all__ = ["view"]

_VERDICTS = ("fails", "undecided", "holds")
_FOLDED = 40  # rows; longer tables are folded
_IN_NATS = {
    "critic_mi",
    "critic_stderr",
    "test_mi",
    "train_mi",
    "val_mi",
    "rise",
    "drift",
    *IN_NATS,
}  # columns of results
_EXACT = 2**53  # the largest integer up to which a browser's numbers hold all integers


def view(collection: Collection) -> dict[str, Any]:
    """Return the variables of the template."""
    runs = [_run(run, index) for index, run in enumerate(collection.runs)]
    alone = len(runs) == 1
    experiments = {run.experiment for run in collection.runs} - {""}
    of = f" of {min(experiments)}" if len(experiments) == 1 else ""
    return {
        "title": f"{runs[0]['experiment']} · {runs[0]['name']}" if alone else f"{counted(len(runs), 'run')}{of}",
        "runs": runs,
        "together": None if alone else shared_figures(collection.runs),
        "alone": alone,
        "total": _total(runs),
        "faults": [str(fault) for fault in collection.faults],
        "made": datetime.now().astimezone().isoformat(" ", "seconds"),
        "version": __version__,
        "results": _results(collection),
        "comparison": _comparison(collection.runs),
        "differences": [] if alone else _differences(collection.runs),
    }


def _total(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """States, numbers of trials and verdicts of all runs together."""
    verdicts: Counter[str] = Counter()
    for run in runs:
        verdicts.update(run["verdicts"])
    return {
        "states": Counter(run["state"] for run in runs),
        "done": sum(run["done"] for run in runs),
        "planned": sum(run["planned"] for run in runs),
        "verdicts": {verdict: verdicts[verdict] for verdict in _VERDICTS if verdicts[verdict]},
    }


def _run(run: RecordedRun, index: int) -> dict[str, Any]:
    summary = run.summary
    dumped = summary.model_dump() if summary else {}
    judged = not is_smoke(dumped)
    claims = [_claim(claim, judged=judged) for claim in dumped.get("claims", ())]
    verdicts = Counter(claim["verdict"] for claim in claims)
    return {
        "id": f"run-{index}",
        "name": run.name,
        "experiment": run.experiment,
        "path": run.path,
        "question": str(run.config.get("summary", "")),
        "variant": str(run.config.get("variant", "")),
        "state": run.state,
        "partial": summary is None,
        "done": run.done,
        "planned": run.n_trials,
        "statuses": run.statuses,
        "lost": sum(count for status, count in run.statuses.items() if status != "ok"),
        "changed": run.changed.isoformat(" ", "seconds"),
        "units": run.units,
        "claims": claims,
        "verdicts": {verdict: verdicts[verdict] for verdict in _VERDICTS if verdicts[verdict]},
        "answer": said_lines(dumped) if dumped else [],
        "notes": run.provenance.notes if run.provenance else [],
        "tables": list(_tables(run)),
        "figures": [figure(path) for path in run.plots],
        "overrides": run.overrides,
        "config": (run.folder / "config.yaml").read_text(encoding="utf-8"),
        "started": run.provenance.started.replace("T", " ") if run.provenance else "",
        "seconds": _seconds(run.provenance.seconds) if run.provenance else "",
        "command": run.provenance.command if run.provenance else "",
        "provenance": _provenance(run.provenance) if run.provenance else [],
    }


def _claim(claim: Mapping[str, Any], *, judged: bool) -> dict[str, Any]:
    """A claim with what decides it, and its settings as a table; its text alone where it is not judged."""
    if not judged:
        return {"text": claim["text"], "verdict": NOT_JUDGED, "decision": "", "table": None}
    axes = list(dict.fromkeys(axis for cell in claim["cells"] for axis in cell["where"]))
    columns = {**dict.fromkeys(axes, False), "verdict": False, "value": True, "interval": True, "accepted": True}
    rows = [
        [
            *(_text(cell["where"].get(axis, "")) for axis in axes),
            cell["verdict"],
            number(cell["value"]),
            _interval(cell["ci_low"], cell["ci_high"]),
            _interval(*cell["accepted"]) if cell["accepted"] and len(cell["accepted"]) == 2 else "",
        ]
        for cell in claim["cells"]
    ]
    return {
        "text": claim["text"],
        "verdict": claim["verdict"],
        "decision": decision(claim),
        "table": _table(columns, rows) if len(rows) > 1 else None,
    }


def _interval(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"[{'−∞' if low is None else number(low)}, {'∞' if high is None else number(high)}]"


def _tables(run: RecordedRun) -> Iterable[dict[str, Any]]:
    """The tables of the summary as text, then the means over seeds unless a table has the same numbers."""
    if run.summary is None:
        return
    summary = run.summary.model_dump()
    scores = summary["tables"].get("label_efficiency", ())
    for title, headings, body in efficiency_tables(scores, judged=not is_smoke(summary)):
        yield {"title": title, "table": _table(headings, body), "notes": [], "folded": False}
    for name, rows in summary["tables"].items():
        title = title_of(name, rows, summary)
        if not rows:
            yield {"title": title, "table": None, "notes": [], "folded": False}
            continue
        titles, cells = setting_table(rows, summary)
        columns = {t: not all(isinstance(row.get(key), str) for row in rows) for key, t in titles.items()}
        body = [[cell.get(key, "") for key in titles] for cell in cells]
        yield {"title": title, "table": _table(columns, body), "notes": remarks(rows), "folded": len(rows) > _FOLDED}
    if summary["cells"] and not has_all_numbers(summary):
        columns, body = mean_table(summary)
        title = f"Means over seeds; {summary.get('measure', 'MI')} in {summary['shown_in']}"
        yield {"title": title, "table": _table(columns, body), "notes": [], "folded": len(body) > _FOLDED}


def _table(columns: Mapping[str, bool], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """A table of texts; ``columns`` maps each title to whether the column has numbers."""
    return {"columns": list(columns), "numeric": list(columns.values()), "rows": rows}


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _provenance(provenance: Provenance) -> list[tuple[str, str]]:
    """Terms and their texts, the most interesting first."""
    git = provenance.git or {}
    commit = f"{git.get('commit', '')}{', with changes' if git.get('changed') else ''}"
    added = (" ".join(map(str, plugin.values())) for plugin in provenance.plugins)
    wall = ", ".join(f"{phase} {_seconds(seconds)}" for phase, seconds in provenance.wall_time.items())
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    threads = f", {counted(provenance.threads, 'thread')}" if provenance.threads else ""
    terms = [
        ("Command", provenance.command),
        ("Again", provenance.again),
        ("Started", provenance.started),
        ("Went on", "; ".join(map(_session, provenance.sessions[1:]))),
        ("Wall time", f"{_seconds(provenance.seconds)} ({wall})"),
        ("Device", f"{provenance.device}{threads}"),
        ("Host", ", ".join(f"{key} {value}" for key, value in provenance.host.items())),
        ("Versions", versions),
        ("Commit", commit),
        ("Plugins", "; ".join(added)),
    ]
    return [(term, text) for term, text in terms if text]


def _session(session: Mapping[str, Any]) -> str:
    """One time that a run went on."""
    told = f"mi-cli {session.get('version') or '?'}, {session.get('status')}, {_seconds(session.get('seconds'))}"
    return f"{str(session.get('started')).replace('T', ' ')} by {session.get('command')} ({told})"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _results(collection: Collection) -> dict[str, Any]:
    """All result rows by column, for the table that the page's script shows."""
    frame = collection.table
    units = "bits" if all(run.units == "bits" for run in collection.runs) else "nats"
    frame = frame.drop(["run", "folder"] if len(collection.runs) == 1 else ["folder"], strict=False)
    scale, plain = SCALES[units], {*collection.settings, "rows", "steps"}
    columns = []
    # In the order of the files, but with reasons last, since they are long.
    for name in sorted(frame.columns, key=lambda name: name == "reason"):
        column = frame[name]
        if column.null_count() == len(column):
            continue
        is_number = column.dtype.is_numeric()
        if column.dtype.is_integer() and any(abs(value) > _EXACT for value in column.drop_nulls()):
            is_number = False
        if is_number and name in _IN_NATS and scale != 1:
            column = column * scale
        columns.append(
            {
                "name": name,
                "unit": units if name in _IN_NATS else "",
                "number": is_number,
                "plain": name in plain or (is_number and name not in _IN_NATS and _is_whole(column)),
                "values": _json_numbers(column.to_list()) if is_number else column.cast(pl.String).to_list(),
            }
        )
    return {"rows": len(frame), "columns": columns, "several": len(collection.runs) > 1}


def _is_whole(column: pl.Series) -> bool:
    """Whether all numbers of a column are whole, as ranks and lags are."""
    return bool((column.drop_nulls() % 1 == 0).all())


def _comparison(runs: Sequence[RecordedRun]) -> dict[str, Any] | None:
    """What differs between two runs; None for another number of runs, and where they have nothing in common."""
    if len(runs) != 2 or why_not(*runs):
        return None
    comparison = compare_runs(*runs)
    sides = (("before", comparison.before.name), ("after", comparison.after.name))
    lines = [comparison.sentence, *(f"{word}: {name}" for word, name in sides), *comparison.lines()]
    return {"lines": lines, "noise": comparison.noise, "table": _table(*comparison.table)}


def _json_numbers(values: list[Any]) -> list[Any]:
    """Values as JSON can hold them: infinities as text, NaN as null."""
    return [
        value if not isinstance(value, float) or math.isfinite(value) else None if math.isnan(value) else str(value)
        for value in values
    ]


def _differences(runs: Sequence[RecordedRun]) -> list[dict[str, Any]]:
    """Two tables with runs side by side: values of their configs that differ, and versions and hosts that differ."""
    names = [run.name for run in runs]
    configs = [{path: _json(value) for path, value in by_path(run.config) if is_compared(path)} for run in runs]
    environments = [_environment(run.provenance) if run.provenance else {} for run in runs]
    return [
        {"title": "Configs", "table": _side_by_side(names, configs)},
        {"title": "Versions and hosts", "table": _side_by_side(names, environments)},
    ]


def _json(value: Any) -> str:
    """A value of a config as text: strings as they are, others as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _environment(provenance: Provenance) -> dict[str, str]:
    """Versions, commit, host and device."""
    git = {f"commit {key}": value for key, value in (provenance.git or {}).items()}
    device: dict[str, Any] = {"device": provenance.device, "threads": provenance.threads}
    return {key: str(value) for key, value in (provenance.versions | git | provenance.host | device).items()}


def _side_by_side(names: Sequence[str], values: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """A table of the keys whose values differ between runs, with runs as rows if they are the more; None if none do."""
    keys = list(dict.fromkeys(key for each in values for key in each))
    keys = [key for key in keys if len({each.get(key) for each in values}) > 1]
    if not keys:
        return None
    if len(names) <= len(keys):
        rows = [[key, *(each.get(key, "—") for each in values)] for key in keys]
        return _table(dict.fromkeys(["value", *names], False), rows)
    rows = [[name, *(each.get(key, "—") for key in keys)] for name, each in zip(names, values, strict=True)]
    return _table(dict.fromkeys(["run", *keys], False), rows)
