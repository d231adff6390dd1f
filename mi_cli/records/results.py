"""The files of a run: result rows, traces, samples and summary, written and read back.

Every file is written to a temporary name and renamed, so it is complete wherever it exists.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from mi_cli.display.units import SCALES
from mi_cli.files import write_bytes
from mi_cli.lazy import np, pl
from mi_cli.procedures.base import ESTIMATE_FIELDS, Outcome, Trace, procedure
from mi_cli.records.saved_config import literal
from mi_cli.schema.sweep import Trial

__all__ = [
    "POINTWISE",
    "RESULTS",
    "SCALES",
    "Records",
    "Row",
    "failed_row",
    "history_frame",
    "recorded_rows",
    "result_rows",
    "samples_frame",
    "trained_row",
    "trial_statuses",
    "write_frame",
    "write_json",
    "write_results",
    "write_table",
    "write_text",
]

_BEFORE_AXES = ("trial", "status", "reason", "seed", "dataset", "estimator", "method")
_SCORES = ("test_r2", "test_accuracy", "test_balanced_accuracy", "test_log_loss", "val_loss", "labels")
_OF_SELECTION = ("rank", "gain", "frequency")
_OF_TIME = ("source", "target", "lag", "source_history", "target_history", "null_mean", "p_corrected")
_AFTER_AXES = (
    *("rows", "true_mi", "estimate", *ESTIMATE_FIELDS, "test_mse", "split_mse", *_SCORES, *_OF_TIME),
    *_OF_SELECTION,
    *("steps", "seconds"),
)
_TEXT = frozenset({"kind", "source", "target"})

POINTWISE = "pointwise.parquet"  # the pointwise MI of the rows of all trials

_LAST = "fingerprint"
RESULTS = ("status", "reason", "method", *_AFTER_AXES)  # columns of results; the others say which trial a row is of


# libyaml, where it is installed, reads ten times faster.
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

Row = dict[str, Any]


def result_rows(outcome: Outcome, seconds: float) -> list[Row]:
    """Return a row for each method of a trial; ``seconds`` is its time where the method has none of its own."""
    return [_row(outcome.trial, method, {"seconds": seconds} | fields) for method, fields in outcome.methods.items()]


def recorded_rows(trial: Trial, rows: Iterable[Row]) -> list[Row]:
    """Return rows that an earlier run recorded, as rows of this run's ``trial``."""
    return [_row(trial, row["method"], {key: row[key] for key in RESULTS if key in row}) for row in rows]


def failed_row(trial: Trial, reason: str, seconds: float) -> Row:
    """Return the row of a trial that raised an error."""
    return _row(trial, "", {"status": "failed", "reason": reason, "seconds": seconds})


def trial_statuses(rows: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the status of each trial by its index: ``ok``, or that of its first row that is not.

    >>> trial_statuses([{"trial": 0, "status": "ok"}, {"trial": 0, "status": "diverged"}, {"trial": 1, "status": "ok"}])
    {0: 'diverged', 1: 'ok'}
    """
    statuses: dict[int, str] = {}
    for row in rows:
        if statuses.get(row["trial"], "ok") == "ok":
            statuses[row["trial"]] = str(row["status"])
    return statuses


def trained_row(trial: Trial, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the row of the method that ``trial`` trains; its other rows are of baselines."""
    method = procedure(trial.config).trained_method(trial.config)
    return next((row for row in rows if row["method"] == method), rows[0])


def _row(trial: Trial, method: str, fields: Mapping[str, Any]) -> Row:
    config = trial.config
    head = {
        "trial": trial.index,
        "seed": config.seed,
        "dataset": config.dataset.name,
        "estimator": config.estimator.name,
        "method": method,
        "fingerprint": trial.fingerprint,
    }
    return head | {path: _flat(value) for path, value in trial.axes.items()} | dict(fields)


def _flat(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def write_results(path: Path, rows: Iterable[Row], axes: Sequence[str]) -> None:
    """Write ``results.csv``: a row for each trial and method, with empty cells where a column does not apply."""
    columns = [*_BEFORE_AXES, *(axis for axis in axes if axis not in _BEFORE_AXES), *_AFTER_AXES, _LAST]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="raise", lineterminator="\n")
    writer.writeheader()
    for row in sorted(rows, key=lambda row: row["trial"]):
        writer.writerow({key: _cell(value) for key, value in row.items()})
    write_text(path, text.getvalue())


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write a table as CSV; a table without rows has no columns either."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    path.parent.mkdir(exist_ok=True)
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else value


def history_frame(histories: Mapping[int, Mapping[str, Trace]]) -> pl.DataFrame:
    """Return traces as a table: a row for each trial and step, with null where a metric was not measured."""
    frames = []
    for trial, traces in sorted(histories.items()):
        steps = np.unique(np.concatenate([steps for steps, _ in traces.values()])) if traces else np.empty(0, int)
        columns: dict[str, Any] = {"trial": np.full(len(steps), trial), "step": steps.astype(np.int64)}
        for metric, (at, values) in traces.items():
            column = np.full(len(steps), np.nan)
            column[np.searchsorted(steps, at)] = values
            columns[metric] = column
        frames.append(pl.DataFrame(columns))
    if not frames:
        return pl.DataFrame({"trial": pl.Series([], dtype=pl.Int64), "step": pl.Series([], dtype=pl.Int64)})
    return pl.concat(frames, how="diagonal").with_columns(pl.col(pl.Float64).fill_nan(None))


def samples_frame(samples: Mapping[int, Trace]) -> pl.DataFrame:
    """Return the samples of trials as a table of the first components of x and y."""
    frames = [
        pl.DataFrame({"trial": [trial] * len(x), "x": x, "y": y}, schema_overrides={"x": pl.Float32, "y": pl.Float32})
        for trial, (x, y) in sorted(samples.items())
    ]
    return pl.concat(frames)


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a table as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    write_bytes(path, buffer.getvalue())


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file. Infinities, which JSON lacks, become the strings "inf" and "-inf"; NaN is an error."""
    write_text(path, json.dumps(_infinities_as_text(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _infinities_as_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _infinities_as_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_infinities_as_text(item) for item in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8."""
    write_bytes(path, text.encode())


@dataclass(frozen=True)
class Records:
    """The files in a run's folder, each read when it is first asked for."""

    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved config."""
        text = (self.folder / "config.yaml").read_text(encoding="utf-8")
        config: dict[str, Any] = yaml.load(text, _LOADER)  # noqa: S506 (either loader is a safe one)
        return literal(config) if "${" in text else config

    @cached_property
    def results(self) -> pl.DataFrame:
        """``results.csv``."""
        data = (self.folder / "results.csv").read_bytes()
        complete = data[: data.rfind(b"\n") + 1]  # a file that is still being copied may end inside a line
        header = complete[: complete.find(b"\n")].decode().split(",")
        text = {name: pl.String for name in _TEXT if name in header}  # names of columns may look like numbers
        frame = pl.read_csv(complete, infer_schema_length=None, schema_overrides=text)
        numbers = [
            name for name in _AFTER_AXES if name not in _TEXT and name in frame.columns
        ]  # earlier runs lack some
        return frame.with_columns(pl.col(name).cast(pl.Float64) for name in numbers)

    @cached_property
    def history(self) -> pl.DataFrame:
        """``history.parquet``."""
        return pl.read_parquet(self.folder / "history.parquet")

    @cached_property
    def samples(self) -> pl.DataFrame:
        """``samples.parquet``, which only some runs have."""
        return pl.read_parquet(self.folder / "samples.parquet")

    @cached_property
    def pointwise(self) -> pl.DataFrame:
        """``pointwise.parquet``, which only runs with ``evaluation.pointwise`` have."""
        return pl.read_parquet(self.folder / POINTWISE)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """``summary.json``."""
        summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        return summary

    @cached_property
    def axes(self) -> list[str]:
        """The axes other than the seed, by dotted path."""
        columns = self.results.columns
        return [name for name in columns[columns.index("method") + 1 : columns.index("rows")] if name != "seed"] + [
            name
            for name in ("dataset", "estimator")
            if name in (self.config.get("sweep") or {}) and isinstance(self.config["sweep"][name], list)
        ]
