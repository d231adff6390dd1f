"""The journal of a run: each stack of trials is on disk as soon as it is done, and is read back by fingerprint.

While a run goes on, the results of each stack are a file in ``trials/``. The run updates ``results.csv``,
``history.parquet`` and ``samples.parquet`` every few seconds. Once these are complete it removes ``trials/``.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mi_cli.procedures.base import Trace
from mi_cli.records.results import RESULTS, Row, write_text

__all__ = ["FOLDER", "Entry", "Journal", "recorded_entries", "recorded_fingerprints"]

FOLDER = "trials"
_TEXT_COLUMNS = ("status", "reason", "method", "kind")
_INTEGER_COLUMNS = ("rows", "labels", "steps")


@dataclass(frozen=True)
class Entry:
    """What a run records of one trial.

    Args:
        fingerprint: of the trial.
        rows: result rows, one for each method.
        history: traces ``(steps, values)`` by metric.
        samples: x and y of a few rows of data, if the run plots them.
    """

    fingerprint: str
    rows: list[Row]
    history: Mapping[str, Trace]
    samples: Trace | None = None

    @property
    def ok(self) -> bool:
        """Whether every method gave a number."""
        return all(row["status"] == "ok" for row in self.rows)


class Journal:
    """Writes the files in ``trials/`` of a run's folder; each file holds the entries of some trials."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        self.count = max((int(path.stem) for path in self.folder.glob("[0-9]*.json")), default=-1) + 1

    def add(self, entries: Iterable[Entry]) -> None:
        """Write entries to a new file."""
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
        """Remove ``trials/``. The tables of the run must be complete by now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def recorded_fingerprints(folder: Path) -> dict[str, bool]:
    """Return the fingerprints that a run's folder has recorded, each with whether every method gave a number."""
    from_journal = {entry.fingerprint: entry.ok for entry in _journal_entries(folder)}
    ok: dict[str, bool] = {}
    for row in _result_rows(folder):
        fingerprint = row["fingerprint"]
        ok[fingerprint] = ok.get(fingerprint, True) and row["status"] == "ok"
    return ok | from_journal


def recorded_entries(folder: Path, wanted: Iterable[str] | None = None) -> dict[str, Entry]:
    """Return what a run's folder has recorded of trials, by fingerprint.

    Args:
        folder: of the run.
        wanted: fingerprints of the trials to read; all of them unless given.
    """
    only = None if wanted is None else set(wanted)
    from_journal = {entry.fingerprint: entry for entry in _journal_entries(folder)}
    entries = _table_entries(folder, only) | from_journal
    return entries if only is None else {key: entry for key, entry in entries.items() if key in only}


def _journal_entries(folder: Path) -> list[Entry]:
    """The entries in ``trials/``.

    Read these before the tables: where a run that goes on removes ``trials/``, its tables are complete.
    """
    entries = []
    for path in sorted((folder / FOLDER).glob("[0-9]*.json")):
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        for line in json.loads(text):
            history = {
                name: (np.array(steps, np.int64), np.array(values)) for name, (steps, values) in line["history"].items()
            }
            xy = line["samples"]
            samples = None if xy is None else (np.array(xy[0], np.float32), np.array(xy[1], np.float32))
            entries.append(Entry(line["fingerprint"], line["rows"], history, samples))
    return entries


def _table_entries(folder: Path, only: set[str] | None) -> dict[str, Entry]:
    """The entries in ``results.csv``, ``history.parquet`` and ``samples.parquet``."""
    rows: dict[str, list[Row]] = {}
    numbers: dict[str, int] = {}
    for row in _result_rows(folder):
        fingerprint = row["fingerprint"]
        if only is None or fingerprint in only:
            rows.setdefault(fingerprint, []).append(_parsed(row))
            numbers[fingerprint] = int(row["trial"])
    if not rows:
        return {}
    histories, samples = _by_trial(folder / "history.parquet"), _by_trial(folder / "samples.parquet")
    entries = {}
    for fingerprint, members in rows.items():
        history = histories.get(numbers[fingerprint])
        sample = samples.get(numbers[fingerprint])
        traces = {} if history is None else _traces(history)
        xy = None if sample is None else (sample["x"].to_numpy(), sample["y"].to_numpy())
        entries[fingerprint] = Entry(fingerprint, members, traces, xy)
    return entries


def _result_rows(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of ``results.csv`` that have a fingerprint, as text; none where there is no such file."""
    path = folder / "results.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row for row in csv.DictReader(file) if row.get("fingerprint"))


def _by_trial(path: Path) -> dict[int, pl.DataFrame]:
    if not path.exists():
        return {}
    parts = pl.read_parquet(path).partition_by("trial", as_dict=True, include_key=False)
    return {int(key[0]): frame for key, frame in parts.items()}


def _traces(frame: pl.DataFrame) -> dict[str, Trace]:
    steps = frame["step"]
    traces = {}
    for name in frame.columns:
        measured = frame[name].is_not_null()
        if name != "step" and measured.any():
            traces[name] = (steps.filter(measured).to_numpy(), frame[name].filter(measured).to_numpy())
    return traces


def _parsed(row: Mapping[str, str]) -> Row:
    """The columns of a row that are results, as numbers and text."""
    values: Row = {}
    for name in filter(row.__contains__, RESULTS):
        text = row[name]
        if name in _TEXT_COLUMNS:
            values[name] = text
        else:
            values[name] = None if text == "" else int(text) if name in _INTEGER_COLUMNS else float(text)
    return values
