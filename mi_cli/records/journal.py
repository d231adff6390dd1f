"""What became of trials, kept as soon as it is known, and found again by fingerprint.

While a run goes on, each stack that is done is a file of its own in ``trials/``; ``results.csv`` and its neighbours are
brought up to date every few seconds, and once they are complete, ``trials/`` is taken away.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mi_cli.procedures.base import Trace
from mi_cli.records.results import RESULTS, write_text

__all__ = ["FOLDER", "Entry", "Journal", "known", "recorded"]

FOLDER = "trials"
_TEXTS = ("status", "reason", "method", "kind")
_WHOLE = ("rows", "steps")


@dataclass(frozen=True)
class Entry:
    """What became of one trial: a row for each method, its traces, and the rows that plots show, if any."""

    fingerprint: str
    rows: list[dict[str, Any]]
    history: Mapping[str, Trace]
    samples: Trace | None = None

    @property
    def ok(self) -> bool:
        """Whether all of it came to a number."""
        return all(row["status"] == "ok" for row in self.rows)


class Journal:
    """The files of a run in ``trials/``; each holds what became of some trials."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        self.count = max((int(path.stem) for path in self.folder.glob("[0-9]*.json")), default=-1) + 1

    def add(self, entries: Iterable[Entry]) -> None:
        """Keep entries, whatever happens next."""
        self.folder.mkdir(exist_ok=True)
        lines = [
            {
                "fingerprint": entry.fingerprint,
                "rows": [{key: row[key] for key in RESULTS if key in row} for row in entry.rows],
                "history": {name: [side.tolist() for side in trace] for name, trace in entry.history.items()},
                "samples": None if entry.samples is None else [side.tolist() for side in entry.samples],
            }
            for entry in entries
        ]
        write_text(self.folder / f"{self.count:06}.json", json.dumps(lines, default=lambda value: value.item()))
        self.count += 1

    def close(self) -> None:
        """Take it away: the run's other files have all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def known(folder: Path) -> dict[str, bool]:
    """The fingerprints that a run's folder has something of, and whether all of it came to numbers."""
    noted = {entry.fingerprint: entry.ok for entry in _journalled(folder)}
    found: dict[str, bool] = {}
    results = folder / "results.csv"
    if results.exists():
        with results.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if mark := row.get("fingerprint"):
                    found[mark] = found.get(mark, True) and row["status"] == "ok"
    return found | noted


def recorded(folder: Path, wanted: Iterable[str] | None = None) -> dict[str, Entry]:
    """What a run's folder has of trials, all or the ``wanted`` ones, by fingerprint."""
    asked = None if wanted is None else set(wanted)
    noted = {entry.fingerprint: entry for entry in _journalled(folder)}
    found = _finished(folder, asked) | noted
    return found if asked is None else {mark: entry for mark, entry in found.items() if mark in asked}


def _journalled(folder: Path) -> list[Entry]:
    """What ``trials/`` has. It is read first: once a run that goes on takes it away, its tables are complete."""
    found = []
    for path in sorted((folder / FOLDER).glob("[0-9]*.json")):
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        for line in json.loads(text):
            history = {
                name: (np.array(steps, np.int64), np.array(values)) for name, (steps, values) in line["history"].items()
            }
            samples = line["samples"]
            shown = None if samples is None else (np.array(samples[0], np.float32), np.array(samples[1], np.float32))
            found.append(Entry(line["fingerprint"], line["rows"], history, shown))
    return found


def _finished(folder: Path, asked: set[str] | None) -> dict[str, Entry]:
    """What ``results.csv`` and its neighbours have."""
    results = folder / "results.csv"
    if not results.exists():
        return {}
    rows: dict[str, list[dict[str, Any]]] = {}
    numbers: dict[str, int] = {}
    with results.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            mark = row.get("fingerprint")
            if mark and (asked is None or mark in asked):
                rows.setdefault(mark, []).append(_typed(row))
                numbers[mark] = int(row["trial"])
    histories, samples = _frames(folder / "history.parquet"), _frames(folder / "samples.parquet")
    found = {}
    for mark, members in rows.items():
        history = histories.get(numbers[mark])
        shown = samples.get(numbers[mark])
        traces = {} if history is None else _traces(history)
        both = None if shown is None else (shown["x"].to_numpy(), shown["y"].to_numpy())
        found[mark] = Entry(mark, members, traces, both)
    return found


def _frames(path: Path) -> dict[int, pl.DataFrame]:
    if not path.exists():
        return {}
    parts = pl.read_parquet(path).partition_by("trial", as_dict=True, include_key=False)
    return {int(key[0]): frame for key, frame in parts.items()}


def _traces(frame: pl.DataFrame) -> dict[str, Trace]:
    steps = frame["step"]
    found = {}
    for name in frame.columns:
        there = frame[name].is_not_null()
        if name != "step" and there.any():
            found[name] = (steps.filter(there).to_numpy(), frame[name].filter(there).to_numpy())
    return found


def _typed(row: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a row of ``results.csv`` that a trial does not know itself, as they were."""
    found: dict[str, Any] = {}
    for name in filter(row.__contains__, RESULTS):
        text = row[name]
        if name in _TEXTS:
            found[name] = text
        else:
            found[name] = None if text == "" else int(text) if name in _WHOLE else float(text)
    return found
