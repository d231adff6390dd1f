"""Whether a run is complete, so that ``resume=`` has nothing to do and changes no file."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mi_cli.execution.reuse import UNREADABLE
from mi_cli.records.finished import FINE
from mi_cli.records.journal import FOLDER, recorded_fingerprints
from mi_cli.records.results import Records
from mi_cli.records.run_folder import is_locked
from mi_cli.schema.search_space import searches
from mi_cli.search.expansion import Expansion

__all__ = ["is_complete"]

log = logging.getLogger("mi_cli")

_FILES = ("results.csv", "history.parquet", "summary.json", "report.html", "provenance.json", "config.yaml")


def is_complete(folder: Path, values: Mapping[str, Any], expansion: Expansion) -> bool:
    """Whether a run has ended, every trial has its numbers, and all that is made of them is there.

    Nothing is written to the folder. A run that another process is at is not complete.

    Args:
        folder: of the run.
        values: the resolved config of the run that would go on.
        expansion: its trials, or what is searched.
    """
    if is_locked(folder) or (folder / FOLDER).exists() or not all((folder / name).is_file() for name in _FILES):
        return False
    try:
        status = json.loads((folder / "provenance.json").read_text(encoding="utf-8")).get("status")
        made = _has_figures_and_tables(folder, values)
        return status == "finished" and made and _has_all_numbers(folder, values, expansion)
    except (*UNREADABLE, AttributeError, yaml.YAMLError) as error:  # what is broken is written anew
        log.info("%s cannot be read: %r", folder, error)
        return False


def _has_figures_and_tables(folder: Path, values: Mapping[str, Any]) -> bool:
    files = [
        *(folder / "plots" / f"{name}.png" for name in values.get("plots") or ()),
        *(folder / "tables" / f"{name}.csv" for name in values.get("tables") or ()),
    ]
    return all(file.is_file() for file in files)


def _has_all_numbers(folder: Path, values: Mapping[str, Any], expansion: Expansion) -> bool:
    if expansion.space is None:
        recorded = recorded_fingerprints(folder)
        return all(recorded.get(trial.fingerprint, False) for trial in expansion.trials)
    before = Records(folder).config
    same = searches(before) and before["search"]["trials"] == values["search"]["trials"]
    statuses = set(Records(folder).results["status"].to_list())
    return bool(same and (folder / "search.json").is_file() and statuses <= FINE)
