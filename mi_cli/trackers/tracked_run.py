"""What a tracker shows: a run with its tags, counts and files, and each trial with parameters, metrics and traces."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mi_cli.records.results import Records, Row, trained_row
from mi_cli.records.saved_config import by_path
from mi_cli.schema.sweep import Trial

__all__ = ["TrackedRun", "TrackedTrial"]

_FILES = ("config.yaml", "results.csv", "summary.json", "search.json")
_NOT_METRICS = ("trial", "status", "reason", "seed", "dataset", "estimator", "method", "kind")


@dataclass(frozen=True)
class TrackedTrial:
    """A trial as trackers show it.

    Args:
        name: of the trial.
        ok: whether every method gave a number.
        tags: status, reason and fingerprint, and metrics that are infinite.
        parameters: values of the resolved config by dotted path.
        metrics: numbers of the trained method by column, and of other methods as ``method/column``.
        steps: that it was trained for.
        history: metrics by step: a column ``step``, and one for each metric.
    """

    name: str
    ok: bool
    tags: dict[str, str]
    parameters: dict[str, Any]
    metrics: dict[str, float]
    steps: int
    history: pl.DataFrame


@dataclass(frozen=True)
class TrackedRun:
    """A finished run as trackers show it.

    Args:
        folder: of the run, from which its records are read.
        configs: its trials.
    """

    folder: Path
    configs: Sequence[Trial]

    @cached_property
    def records(self) -> Records:
        """The files in the run's folder."""
        return Records(self.folder)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """``provenance.json``."""
        provenance: dict[str, Any] = json.loads((self.folder / "provenance.json").read_text(encoding="utf-8"))
        return provenance

    @property
    def experiment(self) -> str:
        """The ``name`` of the config."""
        return str(self.records.config["name"])

    @property
    def tags(self) -> dict[str, str]:
        """Texts that identify the run."""
        config, git = self.records.config, self.provenance["git"]
        return {
            "experiment": self.experiment,
            "variant": str(config["variant"]),
            "budget": str(config["budget"]["name"]),
            "folder": str(self.folder.absolute()),
            "command": str(self.provenance["command"]),
            "version": str(self.provenance["versions"]["mi-cli"]),
            "commit": str(git["commit"]) if git else "",
        }

    @property
    def metrics(self) -> dict[str, float]:
        """The number of trials, in all and of each status, and the run's seconds."""
        counts = {f"trials_{status}": float(count) for status, count in self.records.summary["trials"].items()}
        return {"trials": sum(counts.values()), **counts, "seconds": float(self.provenance["seconds"])}

    @property
    def figures(self) -> list[Path]:
        """The plots."""
        return sorted((self.folder / "plots").glob("*.png"))

    @property
    def files(self) -> list[Path]:
        """The files to store beside the plots."""
        return [path for name in _FILES if (path := self.folder / name).exists()]

    @property
    def trials(self) -> Iterator[TrackedTrial]:
        """All trials that have result rows, in order."""
        rows: dict[int, list[Row]] = {}
        for row in self.records.results.iter_rows(named=True):
            rows.setdefault(row["trial"], []).append(row)
        histories = {key[0]: frame for key, frame in self.records.history.partition_by("trial", as_dict=True).items()}
        empty = self.records.history.clear()
        for trial in self.configs:
            if trial.index in rows:
                history = histories.get(trial.index, empty).drop("trial").sort("step")
                yield _tracked_trial(trial, rows[trial.index], history)


def _tracked_trial(trial: Trial, rows: Sequence[Row], history: pl.DataFrame) -> TrackedTrial:
    status_row = next((row for row in rows if row["status"] != "ok"), rows[0])
    trained = trained_row(trial, rows)
    tags = {
        "status": str(status_row["status"]),
        "reason": str(status_row["reason"] or ""),
        "fingerprint": trial.fingerprint,
    }
    metrics: dict[str, float] = {}
    for row in rows:
        prefix = "" if row is trained else f"{row['method']}/"
        for column, value in row.items():
            if column in _NOT_METRICS or column in trial.axes or not isinstance(value, float) or math.isnan(value):
                continue
            if math.isfinite(value):
                metrics[prefix + column] = value
            else:  # not every store can hold an infinite metric
                tags[prefix + column] = str(value)
    parameters = _parameters(trial.science) | _parameters(trial.axes)
    steps = int(trained["steps"] or 0)
    return TrackedTrial(f"trial {trial.index}", status_row["status"] == "ok", tags, parameters, metrics, steps, history)


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted path, with lists as JSON and without empty sections."""
    return {
        path: json.dumps(value) if isinstance(value, list | tuple) else value
        for path, value in by_path(values)
        if not isinstance(value, Mapping)
    }
