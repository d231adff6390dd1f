"""``mi-run compare RUN RUN``: what differs between two runs, and which numbers moved beyond the noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mi_cli import report
from mi_cli.cli.exits import FINE
from mi_cli.console import printing, shown_from_here
from mi_cli.errors import ConfigError, Fault, OutputError
from mi_cli.files import expanded_path
from mi_cli.terminal import standard_output

__all__ = ["compare"]

_USAGE = "mi-run compare RUN_FOLDER RUN_FOLDER [table=FILE.csv] [page=FILE.html]"
_FILES = {"table": (".csv", ".parquet"), "page": (".html",)}


def compare(words: Sequence[str]) -> int:
    """Print how the second run differs from the first; return the exit code.

    Args:
        words: what was typed after ``compare``: the folders of two runs; ``table=FILE`` writes all comparisons as CSV
            or Parquet, ``page=FILE.html`` writes the report of both runs with their comparison.

    Raises:
        ConfigError: a folder is not that of one run, or the runs have nothing in common.
        OutputError: a file cannot be written.
    """
    files = dict(_file(word) for word in words if word.partition("=")[0] in _FILES)
    folders = [word for word in words if word.partition("=")[0] not in _FILES]
    if len(folders) != 2:
        raise ConfigError(Fault("mi-run compare", problem=f"takes two folders, not {len(folders)}", command=_USAGE))
    collected = report.collect.collect([_folder(text) for text in folders])
    if collected.faults:
        raise ConfigError(*collected.faults)
    if len(collected.runs) != 2:
        problem = "are one run" if len(collected.runs) == 1 else f"hold {len(collected.runs)} runs"
        raise ConfigError(Fault("mi-run compare", problem=f"{' and '.join(folders)} {problem}", accepted="two runs"))
    before, after = collected.runs
    if reason := report.run_comparison.why_not(before, after):
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


def _file(word: str) -> tuple[str, Path]:
    key, _, text = word.partition("=")
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
