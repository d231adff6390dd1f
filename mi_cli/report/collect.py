"""All runs below some folders, and their result rows as one tidy table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from mi_cli.errors import Fault
from mi_cli.records.results import write_frame, write_text
from mi_cli.report.recorded_run import (
    MARKS,
    REQUIRED_COLUMNS,
    RecordedRun,
    UnreadableError,
    file_fault,
    path_text,
    read,
)
from mi_cli.report.run_names import named
from mi_cli.schema.sweep import GROUPS, NOT_AXES, get

__all__ = ["Collection", "collect", "write"]


@dataclass
class Collection:
    """Runs, and a fault for each folder or file that could not be read."""

    runs: list[RecordedRun] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @cached_property
    def table(self) -> pl.DataFrame:
        """All result rows of all runs: ``run`` (its name), ``folder``, the columns of ``results.csv``, and the settings
        that differ.

        A value that is an axis of one run, or was typed for one, is a column for all of them.
        """
        frames = []
        for run in self.runs:
            frame = run.results.with_columns(
                pl.lit(run.name).alias("run"),
                pl.lit(run.path).alias("folder"),
                *(pl.lit(value).alias(path) for path, value in self.varied[run.path].items()),
            )
            frames.append(frame if len(run.results) else frame.clear())
        table = pl.concat(frames, how="diagonal_relaxed")
        first = ["run", "folder", *(name for name in REQUIRED_COLUMNS if name in table.columns)]
        first += [path for path in self.settings if path in table.columns and path not in first]
        return table.select(*first, *(name for name in table.columns if name not in first))

    @property
    def settings(self) -> list[str]:
        """Columns of the table that are settings: the axes of runs, and values that differ between runs."""
        differing = (path for values in self.varied.values() for path in values)
        return list(dict.fromkeys([*(axis for run in self.runs for axis in run.axes), *differing]))

    @cached_property
    def varied(self) -> dict[str, dict[str, Any]]:
        """Values of each run's config, by its path, that are an axis of another run or differ between runs."""
        paths = _setting_paths(self.runs)
        values = {run.path: {path: _scalar(run.config, path) for path in paths} for run in self.runs}
        swept = {axis for run in self.runs for axis in run.axes}
        paths = [path for path in paths if path in swept or len({repr(own[path]) for own in values.values()}) > 1]
        return {
            run.path: {p: values[run.path][p] for p in paths if p not in run.axes and values[run.path][p] is not None}
            for run in self.runs
        }


def collect(paths: Iterable[Path]) -> Collection:
    """Read the runs at and below ``paths``. A run that cannot be read is a fault; the others are read all the same."""
    collection = Collection()
    folders: dict[Path, None] = {}
    for path in paths:
        below = list(_run_folders(path, collection.faults))
        folders |= dict.fromkeys(folder.resolve() for folder in below)
    texts = _paths(list(folders))
    runs = []
    for folder in folders:
        try:
            runs.append(read(folder, texts[folder]))
        except UnreadableError as error:
            collection.faults.append(error.fault)
    names = named(runs) if len(runs) > 1 else [run.name for run in runs]
    collection.runs = [replace(run, name=name) for run, name in zip(runs, names, strict=True)]
    return collection


def write(path: Path, frame: pl.DataFrame) -> None:
    """Write a table as CSV, or as Parquet if the path ends in ``.parquet``."""
    if path.suffix.lower() == ".parquet":
        write_frame(path, frame)
    else:
        write_text(path, frame.write_csv())


def _run_folders(path: Path, faults: list[Fault]) -> Iterator[Path]:
    """Yield the folders of runs at and below a path, in order; add what cannot be read to ``faults``."""
    if not path.is_dir():
        problem = "is not a folder" if path.exists() else "no such folder"
        accepted = "the folder of a run or of a sweep, or one that holds such folders"
        faults.append(Fault(path_text(path), problem=problem, accepted=accepted))
        return
    before, any_run = len(faults), False

    def add_fault(error: OSError) -> None:
        faults.append(file_fault(Path(error.filename), error.strerror or type(error).__name__))

    for folder, inside, files in os.walk(path, onerror=add_fault):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        if "config.yaml" in files and any(mark in files for mark in MARKS):
            inside.clear()
            any_run = True
            yield Path(folder)
    if not any_run and len(faults) == before:
        accepted = "folders with config.yaml and results.csv or provenance.json"
        faults.append(Fault(path_text(path), problem="holds no run", accepted=accepted))


def _paths(folders: Sequence[Path]) -> dict[Path, str]:
    """The path of each run as reports show it: that below the folder that all runs are in."""
    if len(folders) == 1:
        return {folders[0]: path_text(Path(folders[0].name))}
    common = Path(os.path.commonpath(folders)) if folders else Path()
    return {folder: path_text(folder.relative_to(common)) for folder in folders}


def _setting_paths(runs: Iterable[RecordedRun]) -> list[str]:
    """Dotted paths of values that are an axis of some run or were typed for one, and that its numbers depend on."""
    paths: dict[str, None] = {}
    for run in runs:
        keys = (text.lstrip("+~").partition("=")[0].removeprefix("sweep.") for text in run.overrides)
        paths |= dict.fromkeys([*run.axes, *keys])
    left_out = {*NOT_AXES, "hydra", "experiment"}
    return [path for path in paths if path not in REQUIRED_COLUMNS and path.split(".")[0] not in left_out]


def _scalar(config: Mapping[str, Any], path: str) -> Any:
    """The value at a path: of a group its name, of a list its JSON, and None where there is nothing."""
    try:
        value = get(config, path)
    except KeyError:
        return None
    if path in GROUPS and isinstance(value, Mapping):
        return value.get("name")
    return json.dumps(value, default=str) if isinstance(value, list | dict) else value
