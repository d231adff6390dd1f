"""What the page shows: runs as plain values, ready for the template."""

from __future__ import annotations

import ast
import base64
import importlib.util
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from mi_cli._version import __version__
from mi_cli.errors import counted
from mi_cli.fields import Rule
from mi_cli.registry.builtin import PLOTS
from mi_cli.report.collect import Collection, Provenance, Run, flat
from mi_cli.report.tables import INFORMATION, SCALES, decision, heading, means, number, overall
from mi_cli.schema.effects import ruled

__all__ = ["view"]

_VERDICTS = ("fails", "undecided", "holds")
_MANY = 40  # rows; a longer table is folded
_IN_NATS = {"critic_mi", "critic_stderr", "train_mi", "val_mi", *INFORMATION}
_EXACT = 2**53  # beyond, the browser's numbers skip integers
_PNG = b"\x89PNG\r\n\x1a\n"


def view(found: Collection) -> dict[str, Any]:
    """All that the template is given."""
    runs = [_run(run, index, found.varied[run.name]) for index, run in enumerate(found.runs)]
    alone = len(runs) == 1
    return {
        "title": f"{found.runs[0].experiment} · {found.runs[0].name}" if alone else counted(len(runs), "run"),
        "runs": runs,
        "alone": alone,
        "total": _total(runs),
        "faults": found.faults,
        "made": datetime.now().astimezone().isoformat(" ", "seconds"),
        "version": __version__,
        "results": _results(found),
        "differences": [] if alone else _differences(found.runs),
    }


def _total(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """States, trials and verdicts of all runs together."""
    verdicts: Counter[str] = Counter()
    for run in runs:
        verdicts.update(run["verdicts"])
    return {
        "states": Counter(run["state"] for run in runs),
        "done": sum(run["done"] for run in runs),
        "planned": sum(run["planned"] for run in runs),
        "verdicts": {verdict: verdicts[verdict] for verdict in _VERDICTS if verdicts[verdict]},
    }


def _run(run: Run, index: int, apart: Mapping[str, Any]) -> dict[str, Any]:
    summary = run.summary
    claims = [_claim(claim.model_dump()) for claim in summary.claims] if summary else []
    verdicts = Counter(claim["verdict"] for claim in claims)
    return {
        "id": f"run-{index}",
        "name": run.name,
        "experiment": run.experiment,
        "about": " · ".join([run.experiment, *(f"{path}={_text(value)}" for path, value in apart.items())]),
        "question": str(run.config.get("summary", "")),
        "variant": str(run.config.get("variant", "")),
        "state": run.state,
        "partial": summary is None,
        "done": run.done,
        "planned": run.wanted,
        "statuses": run.statuses,
        "lost": sum(count for status, count in run.statuses.items() if status != "ok"),
        "changed": run.changed.isoformat(" ", "seconds"),
        "units": run.units,
        "claims": claims,
        "verdicts": {verdict: verdicts[verdict] for verdict in _VERDICTS if verdicts[verdict]},
        "advice": summary.advice if summary else [],
        "tables": list(_tables(run)),
        "figures": [_figure(path) for path in run.plots],
        "overrides": run.overrides,
        "config": (run.folder / "config.yaml").read_text(encoding="utf-8"),
        "started": run.provenance.started.replace("T", " ") if run.provenance else "",
        "seconds": _seconds(run.provenance.seconds) if run.provenance else "",
        "command": run.provenance.command if run.provenance else "",
        "provenance": _provenance(run.provenance) if run.provenance else [],
    }


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A claim with what decided it, and its settings as a table."""
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


def _tables(run: Run) -> Iterable[dict[str, Any]]:
    """The tables of the summary as text, then the means over seeds unless they say the same."""
    if run.summary is None:
        return
    summary = run.summary.model_dump()
    for name, rows in summary["tables"].items():
        title = heading(name, rows, summary)
        if not rows:
            yield {"title": title, "table": None, "notes": [], "folded": False}
            continue
        titles, cells = overall(rows, summary)
        columns = {t: not all(isinstance(row.get(key), str) for row in rows) for key, t in titles.items()}
        notes = [f"{row.get('method')}: {row['reason']}" for row in rows if row.get("reason")]
        body = [[cell.get(key, "") for key in titles] for cell in cells]
        yield {"title": title, "table": _table(columns, body), "notes": notes, "folded": len(rows) > _MANY}
    if summary["cells"] and "estimates" not in summary["tables"]:
        columns, body = means(summary)
        title = f"Means over seeds; MI in {summary['shown_in']}"
        yield {"title": title, "table": _table(columns, body), "notes": [], "folded": len(body) > _MANY}


def _table(columns: Mapping[str, bool], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """A table of texts; ``columns`` says which are numbers."""
    return {"columns": list(columns), "numeric": list(columns.values()), "rows": rows}


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _figure(path: Path) -> dict[str, Any]:
    """An image with its size and what it shows; of a file that is none, nothing is taken."""
    data, size = path.read_bytes(), None
    if data.startswith(_PNG):
        size = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
    inside = base64.b64encode(data).decode() if size else ""
    return {"name": path.stem, "about": _about(path.stem), "size": size, "data": inside}


@cache
def _about(plot: str) -> str:
    """What a plot shows, by its module's own words, which are read and not imported: that would import matplotlib."""
    spec = importlib.util.find_spec(f"mi_cli.plots.{plot}") if plot in PLOTS else None
    if spec is None or spec.origin is None:
        return plot.replace("_", " ")
    told = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or plot
    return " ".join(told.partition("\n\n")[0].split())


def _provenance(found: Provenance) -> list[tuple[str, str]]:
    """Terms and what they are, in the order of interest."""
    git = found.git or {}
    commit = f"{git.get('commit', '')}{', with changes' if git.get('changed') else ''}"
    added = (" ".join(map(str, plugin.values())) for plugin in found.plugins)
    wall = ", ".join(f"{phase} {_seconds(seconds)}" for phase, seconds in found.wall_time.items())
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    terms = [
        ("Command", found.command),
        ("Again", found.again),
        ("Started", found.started),
        ("Wall time", f"{_seconds(found.seconds)} ({wall})"),
        ("Device", f"{found.device}, {counted(found.threads, 'thread')}" if found.threads else found.device),
        ("Host", ", ".join(f"{key} {value}" for key, value in found.host.items())),
        ("Versions", versions),
        ("Commit", commit),
        ("Plugins", "; ".join(added)),
    ]
    return [(term, text) for term, text in terms if text]


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _results(found: Collection) -> dict[str, Any]:
    """All result rows by column, for the page's own table."""
    frame = found.table
    units = "bits" if all(run.units == "bits" for run in found.runs) else "nats"
    if len(found.runs) == 1 and "run" in frame.columns:
        frame = frame.drop("run")
    scale, plain = SCALES[units], {*found.settings, "rows", "steps"}
    columns = []
    # As they are in the files, but reasons are long and come last.
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
                "plain": name in plain or column.dtype.is_integer(),
                "values": _finite(column.to_list()) if is_number else column.cast(pl.String).to_list(),
            }
        )
    return {"rows": len(frame), "columns": columns, "several": len(found.runs) > 1}


def _finite(values: list[Any]) -> list[Any]:
    """Numbers that JSON has; infinities as text, what is not a number as nothing."""
    return [
        value if not isinstance(value, float) or math.isfinite(value) else None if math.isnan(value) else str(value)
        for value in values
    ]


def _differences(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What is not the same in all runs, of their configs and of where they ran: a table each, runs side by side."""
    configs = [{k: v for k, v in flat(run.config) if k.split(".")[0] not in ruled(Rule.NOT_COMPARED)} for run in runs]
    places = [_place(run.provenance) if run.provenance else {} for run in runs]
    names = [run.name for run in runs]
    titles = ("Configs", "Versions and hosts")
    return [{"title": t, "table": _aside(names, side)} for t, side in zip(titles, (configs, places), strict=True)]


def _place(found: Provenance) -> dict[str, str]:
    """Versions, commit and host."""
    git = {f"commit {key}": value for key, value in (found.git or {}).items()}
    more: dict[str, Any] = {"device": found.device, "threads": found.threads}
    return {key: str(value) for key, value in (found.versions | git | found.host | more).items()}


def _aside(names: Sequence[str], values: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """Keys whose values differ, the longer side downwards."""
    keys = list(dict.fromkeys(key for each in values for key in each))
    keys = [key for key in keys if len({each.get(key) for each in values}) > 1]
    if not keys:
        return None
    if len(names) <= len(keys):
        rows = [[key, *(each.get(key, "—") for each in values)] for key in keys]
        return _table(dict.fromkeys(["value", *names], False), rows)
    rows = [[name, *(each.get(key, "—") for key in keys)] for name, each in zip(names, values, strict=True)]
    return _table(dict.fromkeys(["run", *keys], False), rows)
