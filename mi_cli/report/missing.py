"""Files that are made of a run's records and are missing: each is made again, and no other file is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mi_cli.records.finished import FinishedRun
from mi_cli.records.results import Records, write_json, write_table
from mi_cli.report import page
from mi_cli.report.publish import draw, summary_of
from mi_cli.report.recorded_run import with_infinities

__all__ = ["write_missing"]


def write_missing(folder: Path, absent: Sequence[str], finished: Callable[[], FinishedRun]) -> bool:
    """Make what is missing of a finished run; whether all of it worked.

    Args:
        folder: of the run.
        absent: paths of the files below it (:func:`mi_cli.execution.completed.missing`).
        finished: reads the records of its trials, which only a summary needs.
    """
    if "summary.json" in absent:
        write_json(folder / "summary.json", summary_of(finished()))
    tables = with_infinities(Records(folder).summary["tables"])
    plots: dict[str, list[str]] = {}
    for path in map(Path, absent):
        if path.parent.name == "tables":
            write_table(folder / path, tables[path.stem])
        elif path.parent.name == "plots":
            plots.setdefault(path.stem, []).append(path.suffix)
    drawn = [draw(name, folder, ends) for name, ends in plots.items()]
    return all(drawn) and ("report.html" not in absent or page.write_in_run(folder))
