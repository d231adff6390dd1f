"""A run's folder, read as far as the run has come. A file that is broken is a fault that names it."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, Field, ValidationError

from mi_cli.display.units import Units
from mi_cli.errors import ConfigError, Fault
from mi_cli.records.results import Records, trial_statuses
from mi_cli.schema.search_space import searches
from mi_cli.schema.sweep import axes

__all__ = [
    "MARKS",
    "REQUIRED_COLUMNS",
    "Provenance",
    "RecordedRun",
    "Summary",
    "UnreadableError",
    "broken",
    "file_fault",
    "path_text",
    "read",
    "with_infinities",
]

MARKS = ("results.csv", "provenance.json", "overrides.yaml")  # a folder with config.yaml and one of these is a run's
REQUIRED_COLUMNS = ("trial", "status", "reason", "seed", "dataset", "estimator", "method")
_LONGEST = 300  # characters of a fault

Verdict = Literal["holds", "fails", "undecided"]


class ClaimCell(BaseModel):
    """The verdict on a claim in one setting of the axes."""

    where: dict[str, Any]
    n: int | None = None
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    accepted: list[float | None] | None = None
    verdict: Verdict


class Claim(BaseModel):
    """A claim and its verdict."""

    text: str
    unit: str = ""
    verdict: Verdict
    cells: list[ClaimCell] = Field(default_factory=list)


class Summary(BaseModel):
    """The part of ``summary.json`` that reports show."""

    name: str
    summary: str = ""
    procedure: str
    variant: str = ""
    budget: str = ""
    axes: list[str]
    level: float
    shown_in: Literal["nats", "bits"] = "nats"
    measure: str = "MI"
    data: dict[str, Any] = Field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    answer: dict[str, Any] | list[dict[str, Any]] | None = None
    verdicts: list[dict[str, Any]] = Field(default_factory=list)
    claims: list[Claim] = Field(default_factory=list)
    cells: list[dict[str, Any]] = Field(default_factory=list)


class Provenance(BaseModel):
    """The part of ``provenance.json`` that reports show."""

    status: str
    command: str = ""
    again: str = ""
    started: str = ""
    seconds: float | None = None
    wall_time: dict[str, float] = Field(default_factory=dict)
    sessions: list[dict[str, Any]] = Field(default_factory=list)
    versions: dict[str, str] = Field(default_factory=dict)
    plugins: list[dict[str, Any]] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    git: dict[str, Any] | None = None
    host: dict[str, Any] = Field(default_factory=dict)
    device: str = ""
    threads: int | None = None


class _ContentError(ValueError):
    """What a file holds is not what reports need; in plain words."""


_UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    *(yaml.YAMLError, pl.exceptions.PolarsError),
)
_EXPECTED = {
    "config.yaml": "the config of a run",
    "overrides.yaml": "a list of overrides",
    "results.csv": "a table of results",
    "summary.json": "the summary of a run",
    "provenance.json": "the provenance of a run",
}


class UnreadableError(Exception):
    """A file of a run cannot be read; ``fault`` has its path as key, and the reason."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


@dataclass(frozen=True)
class RecordedRun:
    """The records of a run.

    Args:
        name: what tells it apart from the other runs of a report; the name of its folder, where it is the only one.
        path: of its folder, below the folder that all runs of a report are in.
        records: its files.
        config: the resolved config.
        overrides: of the command line.
        results: result rows so far.
        summary: None while the run goes on.
        provenance: None where the run was killed before it wrote any.
        planned: number of trials that the config asks for.
        changed: when its files were last written.
    """

    name: str
    path: str
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
        """The run's folder."""
        return self.records.folder

    @property
    def experiment(self) -> str:
        """The ``name`` of the config."""
        return str(self.config.get("name", ""))

    @property
    def units(self) -> Units:
        """The unit that MI is shown in, ``nats`` or ``bits``."""
        return "bits" if (self.summary.shown_in if self.summary else self.config.get("units")) == "bits" else "nats"

    @property
    def state(self) -> str:
        """``finished``, ``interrupted``, or ``running or killed``, which look the same in a folder."""
        status = self.provenance.status if self.provenance else "running"
        return "running or killed" if status == "running" else status

    @cached_property
    def statuses(self) -> dict[str, int]:
        """Number of trials of each status."""
        if not len(self.results):
            return {}
        rows = self.results.select("trial", "status").iter_rows(named=True)
        return dict(sorted(Counter(trial_statuses(rows).values()).items()))

    @property
    def done(self) -> int:
        """Number of trials that have results."""
        return sum(self.statuses.values())

    @property
    def n_trials(self) -> int:
        """The number of trials that the run has when it is finished.

        A finished run may have fewer than planned: a point of a search that repeats another one has no trials of its
        own, and ``leave_out_unfit`` leaves out trials.
        """
        may_have_fewer = searches(self.config) or self.config.get("leave_out_unfit")
        return self.done if may_have_fewer and self.state == "finished" else self.planned

    @cached_property
    def axes(self) -> list[str]:
        """Dotted paths of the sweep's axes."""
        return list(axes(self.config))

    @cached_property
    def plots(self) -> list[Path]:
        """Files of its figures, in the order in which the config names them; others come last."""
        files = [path for path in (self.folder / "plots").glob("*.png") if not path.name.startswith(".")]
        named = self.config.get("plots")
        order = {name: place for place, name in enumerate(named if isinstance(named, list) else [])}
        return sorted(files, key=lambda path: (order.get(path.stem, len(order)), path.name))


def read(folder: Path, path: str | None = None) -> RecordedRun:
    """Read a run's folder.

    Args:
        folder: of the run.
        path: of the folder, as reports show it; the folder's name unless given. It is the run's name as well.

    Raises:
        UnreadableError: a file of it is broken.
    """
    records = Records(folder)
    with _faults_of(folder / "config.yaml"):
        config = records.config
        if not isinstance(config, dict):
            raise _ContentError("must be a section")
        planned = _planned(config)
    overrides: list[str] = []
    if (folder / "overrides.yaml").exists():
        with _faults_of(folder / "overrides.yaml"):
            overrides = [str(text) for text in yaml.safe_load((folder / "overrides.yaml").read_text("utf-8")) or ()]
    results = pl.DataFrame()
    if (folder / "results.csv").exists():
        with _faults_of(folder / "results.csv"):
            results = records.results
            if missing := [column for column in REQUIRED_COLUMNS if column not in results.columns]:
                raise _ContentError(f"lacks the columns {', '.join(missing)}")
    summary, provenance = None, None
    if (folder / "summary.json").exists():
        with _faults_of(folder / "summary.json"):
            summary = Summary.model_validate(with_infinities(records.summary))
    if (folder / "provenance.json").exists():
        with _faults_of(folder / "provenance.json"):
            provenance = Provenance.model_validate_json((folder / "provenance.json").read_bytes())
    with _faults_of(folder):
        present = (folder / file for file in ("config.yaml", "run.log", *MARKS))
        changed = datetime.fromtimestamp(max(file.stat().st_mtime for file in present if file.exists()))
    return RecordedRun(
        name=path or path_text(Path(folder.name)),
        path=path or path_text(Path(folder.name)),
        records=records,
        config=config,
        overrides=overrides,
        results=results,
        summary=summary,
        provenance=provenance,
        planned=planned,
        changed=changed.astimezone(),
    )


def path_text(path: Path) -> str:
    """Return a path as text in UTF-8; bytes that are no UTF-8 are replaced."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def _planned(config: Mapping[str, Any]) -> int:
    """The number of trials that a config asks for; of a search, those of all of its points."""
    lists = axes(config)
    if not searches(config):
        return math.prod(len(axis) for axis in lists.values())
    section = config["search"]
    repeated = section.get("repeat") or ()
    return int(section["trials"]) * math.prod(len(lists[path]) for path in repeated if path in lists)


@contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    """Turn whatever is wrong with a file into a fault of that file, which says what is expected."""
    try:
        yield
    except _UNREADABLE as error:
        expected = _EXPECTED.get(path.name, "the folder of a run")
        raise UnreadableError(file_fault(path, broken(error), f"{expected}, as mi-run writes it")) from None


def broken(error: Exception) -> str:
    """Why a file of a run cannot be read, in plain words.

    >>> try:
    ...     json.loads("{")
    ... except ValueError as error:
    ...     print(broken(error))
    is not JSON (line 1), or is cut off
    """
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or type(error).__name__})"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            return f"lacks {place}"
        return f"holds something else at {place}" if place else "is not what a run leaves"
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON (line {error.lineno}), or is cut off"
    if isinstance(error, UnicodeDecodeError):
        return "is not text in UTF-8"
    if isinstance(error, yaml.YAMLError):
        mark = getattr(error, "problem_mark", None)
        return f"is not YAML{f' (line {mark.line + 1})' if mark else ''}, or is cut off"
    if isinstance(error, pl.exceptions.NoDataError):
        return "is empty"
    if isinstance(error, ConfigError | _ContentError):
        return str(error)
    return "is not what a run leaves, or is cut off"


def file_fault(path: Path, reason: str, accepted: str = "") -> Fault:
    """Return the fault of a file that cannot be read, with a reason in one line that is not too long."""
    text = " ".join(reason.split())
    return Fault(
        path_text(path), problem=text if len(text) <= _LONGEST else text[:_LONGEST] + " ...", accepted=accepted
    )


def with_infinities(value: Any) -> Any:
    """JSON with infinities as numbers; they are written as text."""
    if isinstance(value, dict):
        return {key: with_infinities(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_infinities(item) for item in value]
    return float(value) if isinstance(value, str) and value in ("inf", "-inf") else value
