"""``mi-run show RUN`` and ``mi-run open RUN``: the answer of a finished run again, and its report in a browser."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mi_cli import report
from mi_cli.cli.exits import FAILED, FINE, print_error
from mi_cli.console import printing, shown_from_here
from mi_cli.errors import ConfigError, Fault, OutputError
from mi_cli.files import expanded_path
from mi_cli.terminal import standard_output

__all__ = ["open_report", "show"]

_OUTPUTS = "outputs"  # where runs are, unless output_root says otherwise
_RUNS = ("*/*", "multirun/*/*")  # in it; the latter are the jobs of one multirun each
_VERBOSE = "verbose=true"
_SUMMARY, _PAGE = "summary.json", "report.html"
_SHOWN = ("name", "variant", "budget", "axes", "level", "shown_in", "answer", "cells", "tables", "claims")


def show(words: Sequence[str]) -> int:
    """Print what a run printed at its end; return the exit code.

    Args:
        words: what was typed after ``show``: the folder of a run; without one, the newest run in ``outputs``. With
            ``verbose=true``, diagnostics are printed as well.

    Raises:
        ConfigError: there is no such run, or it is not finished.
    """
    folder = _folder("show", [word for word in words if word != _VERBOSE], _SUMMARY)
    console = standard_output()
    with printing():
        report.terminal_tables.show(_read(folder / _SUMMARY), console, verbose=_VERBOSE in words)
        console.print(f"results: {shown_from_here(folder)}", markup=False, highlight=False, soft_wrap=True)
    return FINE


def open_report(words: Sequence[str]) -> int:
    """Open the report of a run in a browser and print where it is; return the exit code.

    Args:
        words: what was typed after ``open``: the folder of a run; without one, the newest run in ``outputs``.

    Raises:
        ConfigError: there is no such run, or it has no report.
    """
    page = _folder("open", words, _PAGE) / _PAGE
    with printing():
        print(shown_from_here(page))
    if webbrowser.open(page.as_uri()):
        return FINE
    return print_error(OutputError(f"no browser can be started; open {page} in one"), FAILED)


def _read(path: Path) -> dict[str, Any]:
    try:
        summary: dict[str, Any] = report.recorded_run.with_infinities(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        problem = report.recorded_run.broken(error)
        raise ConfigError(Fault(str(path), problem=problem, accepted="the summary of a run")) from None
    if not isinstance(summary, dict):
        raise ConfigError(Fault(str(path), problem="is not what a run leaves", accepted="the summary of a run"))
    if missing := [key for key in _SHOWN if key not in summary]:
        problem = f"lacks {', '.join(missing)}; another version wrote it"
        raise ConfigError(Fault(str(path), problem=problem, accepted="the file of a run of this version"))
    return summary


def _folder(command: str, words: Sequence[str], needed: str) -> Path:
    """The folder of the run that was typed, which has the file ``needed``."""
    usage = f"mi-run {command} outputs/<name>/<date>_<time>_<id>"
    if len(words) > 1:
        raise ConfigError(Fault(f"mi-run {command}", problem=f"takes one folder, not {len(words)}", command=usage))
    if not words:
        found = [path for runs in _RUNS for path in Path(_OUTPUTS).glob(f"{runs}/{needed}")]
        runs = sorted(found, key=lambda path: path.stat().st_mtime)
        if not runs:
            problem = f"finds no finished run in {Path(_OUTPUTS).absolute()}"
            raise ConfigError(Fault(f"mi-run {command}", problem=problem, command=usage))
        return runs[-1].parent.absolute()
    folder = expanded_path(words[0]).absolute()
    if not folder.is_dir():
        problem = "is no folder" if folder.exists() else "no such folder"
        raise ConfigError(Fault(command, Path(words[0]), problem, "the folder of a run"))
    if not (folder / needed).is_file():
        problem = f"has no {needed}" if (folder / "config.yaml").is_file() else "is not the folder of a run"
        raise ConfigError(Fault(command, Path(words[0]), problem, "the folder of a finished run"))
    return folder
