"""Whether a run is complete but for files that are made of its records, so that ``resume=`` trains nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mi_cli.execution.progress import RunProgress
from mi_cli.execution.reuse import UNREADABLE, entries_of_run, restore_entries
from mi_cli.records.finished import FINE, FinishedRun
from mi_cli.records.journal import FOLDER, recorded_fingerprints
from mi_cli.records.results import Records
from mi_cli.records.run_folder import is_locked
from mi_cli.registry.builtin import POINTWISE_PLOTS
from mi_cli.schema.search_space import searches
from mi_cli.search.expansion import Expansion
from mi_cli.training.context import Clock

__all__ = ["finished_run", "missing"]

log = logging.getLogger("mi_cli")

_RECORDS = ("results.csv", "history.parquet", "provenance.json", "config.yaml")
_SUMMARY, _PAGE = "summary.json", "report.html"


def missing(folder: Path, values: Mapping[str, Any], expansion: Expansion) -> list[str] | None:
    """The files that a finished run lacks and that can be made of its records, each by its path in the folder.

    Nothing is written to the folder.

    Args:
        folder: of the run.
        values: the resolved config of the run that would go on.
        expansion: its trials, or what is searched.

    Returns:
        None where there is more to do: the run has not ended, another process is at it, or a trial has no numbers.
    """
    if is_locked(folder) or (folder / FOLDER).exists() or not all((folder / name).is_file() for name in _RECORDS):
        return None
    try:
        status = json.loads((folder / "provenance.json").read_text(encoding="utf-8")).get("status")
        if (folder / _SUMMARY).is_file():
            tables = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))["tables"]
            if set(values.get("tables") or ()) - set(tables):
                return None
        elif expansion.space is not None:  # the trials of a search are known once it has run
            return None
        if status != "finished" or not _has_all_numbers(folder, values, expansion):
            return None
    except (*UNREADABLE, AttributeError, yaml.YAMLError) as error:  # what is broken is written anew
        log.info("%s cannot be read: %r", folder, error)
        return None
    return [name for name in (_SUMMARY, *_figures_and_tables(values), _PAGE) if not (folder / name).is_file()]


def finished_run(folder: Path, expansion: Expansion) -> FinishedRun:
    """A finished run as its records have it."""
    progress = RunProgress(folder, expansion.trials, expansion.axes)
    restore_entries(progress, entries_of_run(folder))
    return FinishedRun(folder, progress.trials, progress.axes, progress.all_rows, progress.histories, Clock())


def _figures_and_tables(values: Mapping[str, Any]) -> list[str]:
    pointwise = POINTWISE_PLOTS if values.get("evaluation", {}).get("pointwise") else ()
    plots = dict.fromkeys((*(values.get("plots") or ()), *pointwise))
    figures = [f"plots/{name}.{end}" for name in plots for end in ("png", "svg")]
    return [*(f"tables/{name}.csv" for name in values.get("tables") or ()), *figures]


def _has_all_numbers(folder: Path, values: Mapping[str, Any], expansion: Expansion) -> bool:
    if expansion.space is None:
        recorded = recorded_fingerprints(folder)
        return all(recorded.get(trial.fingerprint, False) for trial in expansion.trials)
    before = Records(folder).config
    same = searches(before) and before["search"]["trials"] == values["search"]["trials"]
    statuses = set(Records(folder).results["status"].to_list())
    return bool(same and (folder / "search.json").is_file() and statuses <= FINE)
