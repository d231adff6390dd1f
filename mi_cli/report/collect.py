"""Runs below folders, each read as far as it has come, and their results as one tidy table."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, Field, ValidationError

from mi_cli.errors import ConfigError
from mi_cli.records.results import Records, write_frame, write_text
from mi_cli.schema.search_space import searches
from mi_cli.schema.sweep import GROUPS, NOT_AXES, axes, get

__all__ = ["Collection", "Provenance", "Run", "Summary", "collect", "flat", "read", "write"]

_MARKS = ("results.csv", "provenance.json", "overrides.yaml")  # beside config.yaml, any of them makes a folder a run
_NEEDED = ("trial", "status", "reason", "seed", "dataset", "estimator", "method")
_LONGEST = 300  # characters of a fault


class Judged(BaseModel):
    """The verdict on a claim in one setting."""

    where: dict[str, Any]
    n: int | None = None
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    accepted: list[float | None] | None = None
    verdict: Literal["holds", "fails", "undecided"]


class Claim(BaseModel):
    """A claim and its verdict."""

    text: str
    unit: str = ""
    verdict: Literal["holds", "fails", "undecided"]
    cells: list[Judged] = Field(default_factory=list)


class Summary(BaseModel):
    """What is read of ``summary.json``."""

    name: str
    summary: str = ""
    procedure: str
    variant: str = ""
    budget: str = ""
    axes: list[str]
    level: float
    shown_in: Literal["nats", "bits"] = "nats"
    data: dict[str, Any] = Field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    advice: list[str] = Field(default_factory=list)
    claims: list[Claim] = Field(default_factory=list)
    cells: list[dict[str, Any]] = Field(default_factory=list)


class Provenance(BaseModel):
    """What is read of ``provenance.json``."""

    status: str
    command: str = ""
    again: str = ""
    started: str = ""
    seconds: float | None = None
    wall_time: dict[str, float] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    plugins: list[dict[str, Any]] = Field(default_factory=list)
    git: dict[str, Any] | None = None
    host: dict[str, Any] = Field(default_factory=dict)
    device: str = ""
    threads: int | None = None


class _UnreadableError(Exception):
    """A file of a run that cannot be made sense of; its text is the line that says so."""


@dataclass(frozen=True)
class Run:
    """A run's records, read; ``summary`` and ``provenance`` are missing as long as it goes on."""

    name: str
    records: Records
    config: Mapping[str, Any]
    overrides: Sequence[str]
    results: pl.DataFrame
    summary: Summary | None
    provenance: Provenance | None
    planned: int
    changed: datetime

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.records.folder

    @property
    def experiment(self) -> str:
        """The name that its config gives it."""
        return str(self.config.get("name", ""))

    @property
    def units(self) -> str:
        """What it asks MI to be shown in."""
        return "bits" if (self.summary.shown_in if self.summary else self.config.get("units")) == "bits" else "nats"

    @property
    def state(self) -> str:
        """``finished``, ``interrupted``, or ``running or killed``, which folders do not tell apart."""
        status = self.provenance.status if self.provenance else "running"
        return "running or killed" if status == "running" else status

    @cached_property
    def statuses(self) -> dict[str, int]:
        """How many trials came to which end; a trial is ok if all of its methods are."""
        found: dict[Any, str] = {}
        for trial, status in self.results.select("trial", "status").iter_rows() if len(self.results) else ():
            if found.get(trial, "ok") == "ok":
                found[trial] = str(status)
        return dict(sorted(Counter(found.values()).items()))

    @property
    def done(self) -> int:
        """How many trials have results."""
        return sum(self.statuses.values())

    @property
    def wanted(self) -> int:
        """How many trials there are to be; of a search that is over, as there are: points may have come twice."""
        return self.done if searches(self.config) and self.state == "finished" else self.planned

    @cached_property
    def axes(self) -> list[str]:
        """The sweep's axes, by dotted path."""
        return list(axes(self.config))

    @cached_property
    def plots(self) -> list[Path]:
        """Its figures."""
        return sorted(path for path in (self.folder / "plots").glob("*.png") if not path.name.startswith("."))


@dataclass
class Collection:
    """Runs, and a line for each folder that could not be read."""

    runs: list[Run] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @cached_property
    def table(self) -> pl.DataFrame:
        """All result rows of all runs: ``run``, the columns of ``results.csv``, and what sets the runs apart.

        A value that is an axis of one run or was typed for some is a column for all of them.
        """
        frames = []
        for run in self.runs:
            frame = run.results.with_columns(
                pl.lit(run.name).alias("run"),
                *(pl.lit(value).alias(path) for path, value in self.varied[run.name].items()),
            )
            frames.append(frame if len(run.results) else frame.clear())
        whole = pl.concat(frames, how="diagonal_relaxed")
        first = ["run", *(name for name in _NEEDED if name in whole.columns)]
        first += [path for path in self.settings if path in whole.columns and path not in first]
        return whole.select(*first, *(name for name in whole.columns if name not in first))

    @property
    def settings(self) -> list[str]:
        """Columns of the table that say what was tried: axes, and what sets the runs apart."""
        apart = (path for values in self.varied.values() for path in values)
        return list(dict.fromkeys([*(axis for run in self.runs for axis in run.axes), *apart]))

    @cached_property
    def varied(self) -> dict[str, dict[str, Any]]:
        """Of each run, the values of its config that are an axis of another or differ from what another typed."""
        paths = _typed(self.runs)
        values = {run.name: {path: _scalar(run.config, path) for path in paths} for run in self.runs}
        swept = {axis for run in self.runs for axis in run.axes}
        paths = [path for path in paths if path in swept or len({repr(own[path]) for own in values.values()}) > 1]
        return {
            run.name: {p: values[run.name][p] for p in paths if p not in run.axes and values[run.name][p] is not None}
            for run in self.runs
        }


def _typed(runs: Iterable[Run]) -> list[str]:
    """Paths that are an axis of some run or were typed for one, and say something of its science."""
    found: dict[str, None] = {}
    for run in runs:
        keys = (text.lstrip("+~").partition("=")[0].removeprefix("sweep.") for text in run.overrides)
        found |= dict.fromkeys([*run.axes, *keys])
    left_out = {*NOT_AXES, "hydra", "units", "experiment"}
    return [path for path in found if path not in _NEEDED and path.split(".")[0] not in left_out]


def _scalar(config: Mapping[str, Any], path: str) -> Any:
    """The value at a path; of a group its name, of a list its text, and None where there is nothing."""
    try:
        value = get(config, path)
    except KeyError:
        return None
    if path in GROUPS and isinstance(value, Mapping):
        return value.get("name")
    return json.dumps(value, default=str) if isinstance(value, list | dict) else value


def collect(paths: Iterable[Path]) -> Collection:
    """Read the runs at and below ``paths``; what cannot be read is a line of its faults and costs no other."""
    found = Collection()
    folders: dict[Path, None] = {}
    for path in paths:
        below = list(_below(path, found.faults))
        folders |= dict.fromkeys(folder.resolve() for folder in below)
    names = _names(list(folders))
    for folder in folders:
        try:
            found.runs.append(read(folder, names[folder]))
        except _UnreadableError as error:
            found.faults.append(str(error))
    return found


def _below(path: Path, faults: list[str]) -> Iterator[Path]:
    """Folders of runs at and below a path, in order."""
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "no such folder"
        faults.append(
            f"{_text(path)}: {what}; accepted: the folder of a run or of a sweep, or one that holds such folders"
        )
        return
    before, any_run = len(faults), False

    def unreadable(error: OSError) -> None:
        faults.append(_line(Path(error.filename), error.strerror or type(error).__name__))

    for folder, inside, files in os.walk(path, onerror=unreadable):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        if "config.yaml" in files and any(mark in files for mark in _MARKS):
            inside.clear()
            any_run = True
            yield Path(folder)
    if not any_run and len(faults) == before:
        faults.append(
            f"{_text(path)}: holds no run; accepted: folders with config.yaml and results.csv or provenance.json"
        )


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """What to call each: its path from the folder that all are in."""
    if len(folders) == 1:
        return {folders[0]: _text(Path(folders[0].name))}
    above = Path(os.path.commonpath(folders)) if folders else Path()
    return {folder: _text(folder.relative_to(above)) for folder in folders}


def _text(path: Path) -> str:
    """A path as text that any file can hold, whatever bytes it has."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def read(folder: Path, name: str | None = None) -> Run:
    """Read a run's folder.

    Raises:
        _UnreadableError: a file of it is broken; the text is a line that names it.
    """
    records = Records(folder)
    with _reading(folder / "config.yaml"):
        config = records.config
        if not isinstance(config, dict):
            raise ValueError("must be a section")
        planned = _planned(config)
    overrides: list[str] = []
    if (folder / "overrides.yaml").exists():
        with _reading(folder / "overrides.yaml"):
            overrides = [str(text) for text in yaml.safe_load((folder / "overrides.yaml").read_text("utf-8")) or ()]
    results = pl.DataFrame()
    if (folder / "results.csv").exists():
        with _reading(folder / "results.csv"):
            results = records.results
            if lacks := [column for column in _NEEDED if column not in results.columns]:
                raise ValueError(f"lacks the columns {', '.join(lacks)}")
    summary, provenance = None, None
    if (folder / "summary.json").exists():
        with _reading(folder / "summary.json"):
            summary = Summary.model_validate(_numbers(records.summary))
    if (folder / "provenance.json").exists():
        with _reading(folder / "provenance.json"):
            provenance = Provenance.model_validate_json((folder / "provenance.json").read_bytes())
    with _reading(folder):
        present = (folder / file for file in ("config.yaml", "run.log", *_MARKS))
        changed = datetime.fromtimestamp(max(file.stat().st_mtime for file in present if file.exists()))
    return Run(
        name or _text(Path(folder.name)),
        records,
        config,
        overrides,
        results,
        summary,
        provenance,
        planned,
        changed.astimezone(),
    )


def _planned(config: Mapping[str, Any]) -> int:
    """Trials that a config asks for; of a search, those of all of its points."""
    found = axes(config)
    if not searches(config):
        return math.prod(len(axis) for axis in found.values())
    section = config["search"]
    repeated = section.get("repeat") or ()
    return int(section["trials"]) * math.prod(len(found[path]) for path in repeated if path in found)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say of whatever is wrong with a file in one line that it is wrong with that."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        raise _UnreadableError(_line(path, ": ".join([*map(str, first["loc"]), first["msg"]]))) from None
    except OSError as error:
        raise _UnreadableError(_line(path, error.strerror or type(error).__name__)) from None
    except (ValueError, yaml.YAMLError, pl.exceptions.PolarsError, ConfigError) as error:
        raise _UnreadableError(_line(path, str(error).partition("\n\n")[0])) from None  # what comes then is advice


def _line(path: Path, reason: str) -> str:
    text = " ".join(reason.split())
    return f"{_text(path)}: {text if len(text) <= _LONGEST else text[:_LONGEST] + ' ...'}"


def _numbers(value: Any) -> Any:
    """JSON as it was meant: infinities were written as text."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return float(value) if isinstance(value, str) and value in ("inf", "-inf") else value


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """A config's values as text, by dotted path; a list is one value."""
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{path}.")
        else:
            yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def write(path: Path, frame: pl.DataFrame) -> None:
    """The table as CSV, or as Parquet where the name says so."""
    if path.suffix.lower() == ".parquet":
        write_frame(path, frame)
    else:
        write_text(path, frame.write_csv())
