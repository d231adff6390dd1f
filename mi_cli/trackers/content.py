"""What a tracker is told: a run with its tags, counts and files; a trial with its parameters, numbers and traces."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mi_cli.records.results import Records
from mi_cli.schema.sweep import Trial

__all__ = ["Told", "TrialTold", "flattened"]

_FILES = ("config.yaml", "results.csv", "summary.json", "search.json")
_WORDS = ("trial", "status", "reason", "seed", "dataset", "estimator", "method", "kind")


@dataclass(frozen=True)
class TrialTold:
    """A trial.

    Args:
        name: that it is shown by.
        ok: whether all of its methods gave numbers.
        tags: status, reason and fingerprint; values that are infinite.
        parameters: the resolved config, by dotted path.
        metrics: what it came to: those of other methods than the trained one as ``method/metric``.
        steps: that it was trained for.
        history: metrics by step.
    """

    name: str
    ok: bool
    tags: dict[str, str]
    parameters: dict[str, Any]
    metrics: dict[str, float]
    steps: int
    history: pl.DataFrame


@dataclass(frozen=True)
class Told:
    """A finished run, read from its folder; configs are those of its trials."""

    folder: Path
    configs: Sequence[Trial]

    @cached_property
    def records(self) -> Records:
        """What the run left."""
        return Records(self.folder)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """``provenance.json``."""
        found: dict[str, Any] = json.loads((self.folder / "provenance.json").read_text(encoding="utf-8"))
        return found

    @property
    def experiment(self) -> str:
        """The name of the config."""
        return str(self.records.config["name"])

    @property
    def tags(self) -> dict[str, str]:
        """Which run it was."""
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
        """How many trials there are, and of which status."""
        counts = {f"trials_{status}": float(count) for status, count in self.records.summary["trials"].items()}
        return {"trials": sum(counts.values()), **counts, "seconds": float(self.provenance["seconds"])}

    @property
    def figures(self) -> list[Path]:
        """The plots."""
        return sorted((self.folder / "plots").glob("*.png"))

    @property
    def files(self) -> list[Path]:
        """The files to keep beside the plots."""
        return [path for name in _FILES if (path := self.folder / name).exists()]

    @property
    def trials(self) -> Iterator[TrialTold]:
        """All trials that have a row, in order."""
        rows: dict[int, list[dict[str, Any]]] = {}
        for row in self.records.results.iter_rows(named=True):
            rows.setdefault(row["trial"], []).append(row)
        histories = {key[0]: frame for key, frame in self.records.history.partition_by("trial", as_dict=True).items()}
        none = self.records.history.clear()
        for trial in self.configs:
            if trial.index in rows:
                history = histories.get(trial.index, none).drop("trial").sort("step")
                yield _told(trial, rows[trial.index], history)


def _told(trial: Trial, rows: Sequence[Mapping[str, Any]], history: pl.DataFrame) -> TrialTold:
    fault = next((row for row in rows if row["status"] != "ok"), rows[0])
    own = next((row for row in rows if row["method"] in (trial.config.estimator.name, "mi_encoder")), rows[0])
    tags = {"status": str(fault["status"]), "reason": str(fault["reason"] or ""), "fingerprint": trial.fingerprint}
    metrics: dict[str, float] = {}
    for row in rows:
        prefix = "" if row is own else f"{row['method']}/"
        for column, value in row.items():
            if column in _WORDS or column in trial.axes or not isinstance(value, float) or math.isnan(value):
                continue
            if math.isfinite(value):
                metrics[prefix + column] = value
            else:  # which not every store can hold
                tags[prefix + column] = str(value)
    parameters = flattened(trial.science) | flattened(trial.axes)
    steps = int(own["steps"] or 0)
    return TrialTold(f"trial {trial.index}", fault["status"] == "ok", tags, parameters, metrics, steps, history)


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Plain values by dotted path; lists as JSON.

    >>> flattened({"a": {"b": 1, "c": [1, 2]}, "d": None})
    {'a.b': 1, 'a.c': '[1, 2]', 'd': None}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flattened(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list | tuple) else value
    return found
