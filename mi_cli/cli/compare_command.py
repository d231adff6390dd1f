"""``mi-run compare RUN RUN``: what differs between two runs, and which numbers moved beyond the noise."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mi_cli import report
from mi_cli.cli.exits import FINE
from mi_cli.console import printing, shown_from_here
from mi_cli.errors import ConfigError, Fault, OutputError
from mi_cli.files import expanded_path
from mi_cli.terminal import standard_output

if TYPE_CHECKING:
    from mi_cli.report.recorded_run import RecordedRun

__all__ = ["compare", "help_text"]

_USAGE = "mi-run compare RUN_FOLDER RUN_FOLDER [table=FILE.csv] [page=FILE.html]"
_HELP = f"""{_USAGE}

Says how the second run differs from the first: in its settings, and in which numbers, answers and verdicts beyond the
noise. Settings that change no number, such as reuse and checkpoint_every, are not listed.

  table=FILE    write all comparisons, as .csv or .parquet
  page=FILE     write the report of both runs with their comparison, as .html"""
_FILES = {"table": (".csv", ".parquet"), "page": (".html",)}


def help_text() -> str:
    """What ``mi-run compare --help`` prints."""
    return _HELP


def compare(words: Sequence[str]) -> int:
    """Print how the second run differs from the first; return the exit code.

    Args:
        words: what was typed after ``compare``: the folders of two runs; ``table=FILE`` writes all comparisons as CSV
            or Parquet, ``page=FILE.html`` writes the report of both runs with their comparison.

    Raises:
        ConfigError: a folder is not that of one run, or the runs have nothing in common.
        OutputError: a file cannot be written.
    """
    folders, files = _parsed(words)
    collected = report.collect.collect([_folder(text) for text in folders])
    if collected.faults:
        raise ConfigError(*collected.faults)
    if len(collected.runs) != 2:
        problem = "are one run" if len(collected.runs) == 1 else f"hold {len(collected.runs)} runs"
        raise ConfigError(Fault("mi-run compare", problem=f"{' and '.join(folders)} {problem}", accepted="two runs"))
    before, after = collected.runs
    if reason := report.run_comparison.why_not(before, after):
        if unfinished := [run for run in collected.runs if run.summary is None]:
            raise ConfigError(*map(_unfinished, unfinished))
        problem = f"{before.path} and {after.path} have nothing in common: {reason}"
        raise ConfigError(Fault("mi-run compare", problem=problem))
    comparison = report.run_comparison.compare_runs(before, after)
    console = standard_output()
    with printing():
        report.comparison_text.show(comparison, console)
    try:
        if "table" in files:
            report.collect.write(files["table"], comparison.frame)
        if "page" in files:
            report.page.write(files["page"], collected)
    except OSError as error:
        raise OutputError(f"{error.filename} cannot be written ({error.strerror})") from None
    with printing():
        for path in files.values():
            console.print(f"written: {shown_from_here(path.absolute())}", highlight=False, soft_wrap=True)
    return FINE


def _parsed(words: Sequence[str]) -> tuple[list[str], dict[str, Path]]:
    """The two folders, and the files to write."""
    folders: list[str] = []
    files: dict[str, Path] = {}
    for word in words:
        key, equals, _ = word.partition("=")
        if key in files:
            raise ConfigError(Fault(key, problem="is typed twice", accepted=f"{key}= once", command=_USAGE))
        if key in _FILES:
            files |= [_file(word)]
        elif equals and not expanded_path(word).exists():
            raise ConfigError(Fault(word, problem="is no option of mi-run compare", command=_USAGE))
        else:
            folders.append(word)
    if len(folders) != 2:
        raise ConfigError(Fault("mi-run compare", problem=f"takes two folders, not {len(folders)}", command=_USAGE))
    return folders, files


def _unfinished(run: RecordedRun) -> Fault:
    """The fault of a run that has not ended, whose numbers may still change."""
    folder = shown_from_here(run.folder)
    problem = f"the run is {run.state}, and has no number to compare yet"
    return Fault("compare", folder, problem, command=f"mi-run resume={shlex.quote(str(folder))}")


def _file(word: str) -> tuple[str, Path]:
    key, equals, text = word.partition("=")
    if not text:
        raise ConfigError(Fault(f"{key}{equals}", accepted=f"a file that ends in {' or '.join(_FILES[key])}"))
    path, ends = expanded_path(text), _FILES[key]
    if path.suffix.lower() not in ends:
        raise ConfigError(Fault(key, Path(text), accepted=f"a file that ends in {' or '.join(ends)}"))
    if not path.absolute().parent.is_dir() or path.is_dir():
        problem = "is a folder" if path.is_dir() else "its folder is not there"
        raise ConfigError(Fault(key, Path(text), problem, "a file in a folder that is there"))
    if path.is_file() and (path.absolute().parent / "config.yaml").is_file():
        raise ConfigError(Fault(key, Path(text), "is a file of a run, which it would replace", "another file"))
    return key, path


def _folder(text: str) -> Path:
    folder = expanded_path(text)
    if not folder.is_dir():
        problem = "is no folder" if folder.exists() else "no such folder"
        raise ConfigError(Fault("compare", Path(text), problem, "the folder of a run"))
    return folder
