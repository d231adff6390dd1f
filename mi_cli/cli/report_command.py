"""The command ``mi-report``: any set of runs as one table and one HTML page."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mi_cli import report
from mi_cli._version import __version__
from mi_cli.console import printing
from mi_cli.errors import OutputError, counted

if TYPE_CHECKING:
    from mi_cli.report.collect import Collection

__all__ = ["main"]

_FINE, _SOME_BROKEN, _BAD_INPUT, _INTERRUPTED = 0, 1, 2, 130
_PAGE = "report.html"
_FORMATS = (".csv", ".parquet")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (``sys.argv`` unless given) and return its exit code.

    The code is 0 where all is fine, 1 where some folders are broken, 2 where the input is bad or nothing is readable,
    and 130 where the command was interrupted before a page was written.
    """
    args = _arguments(argv)
    page = args.output or (args.paths[0] / _PAGE if len(args.paths) == 1 and args.paths[0].is_dir() else Path(_PAGE))
    printed: set[str] = set()
    try:
        try:
            if not args.watch:
                return _write(args.paths, page, args.table, printed)
            while _write(args.paths, page, args.table, printed, args.every) != _BAD_INPUT or all(
                path.exists()
                for path in args.paths  # a run may not have written anything yet
            ):
                time.sleep(args.every)
            return _BAD_INPUT
        except KeyboardInterrupt:
            # The last page does not refresh itself.
            return _write(args.paths, page, args.table, printed) if printed else _INTERRUPTED
    except OSError as error:
        print(f"mi-report: {error.filename or page}: cannot be written ({error.strerror})", file=sys.stderr)
        return _BAD_INPUT
    except OutputError as error:
        print(f"mi-report: {error}", file=sys.stderr)
        return _SOME_BROKEN


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse a command line in one line."""
        self.exit(_BAD_INPUT, f"mi-report: {message}; see mi-report --help\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser("mi-report", description="Collect runs of mi-run into one table and one self-contained HTML page.")
    parser.add_argument(
        "paths", metavar="PATH", type=Path, nargs="+", help="the folder of a run or multirun, or one that holds several"
    )
    parser.add_argument(
        "--output", metavar="FILE.html", type=_file(".html"), help=f"the page (default: {_PAGE} in the PATH, or here)"
    )
    parser.add_argument(
        "--table", metavar="FILE", type=_file(*_FORMATS), help="write all result rows of all runs, as .csv or .parquet"
    )
    parser.add_argument("--watch", action="store_true", help="write everything again every few seconds, until Ctrl-C")
    parser.add_argument("--every", metavar="SECONDS", type=_seconds, default=5.0, help="how often (default: 5)")
    parser.add_argument("--version", action="version", version=f"mi-report {__version__}")
    return parser.parse_args(argv)


class _file:  # noqa: N801 (a type, as argparse calls it)
    """A file with one of the given suffixes, in a folder that exists."""

    def __init__(self, *ends: str) -> None:
        self.ends = ends

    def __call__(self, text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in self.ends:
            raise argparse.ArgumentTypeError(f"{text}: must end in {' or '.join(self.ends)}")
        if not path.absolute().parent.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: no such folder; accepted: a file in one that is there")
        if path.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: is a folder; accepted: a file")
        if path.name == "results.csv" and (path.absolute().parent / "config.yaml").is_file():
            raise argparse.ArgumentTypeError(f"{text}: is a file of a run, which it would replace; accepted: another")
        return path


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text}: must be a number between 0.1 and 86400")
    return seconds


def _write(
    paths: Sequence[Path], page: Path, table: Path | None, printed: set[str], refresh: float | None = None
) -> int:
    """Collect the runs, write page and table, and print what is not in ``printed`` yet; return the exit code."""
    collect = report.collect
    collected = collect.collect(paths)
    faults = [str(fault) for fault in collected.faults]
    for line in (line for line in faults if line not in printed):
        print(f"mi-report: {line}", file=sys.stderr)
    printed.update(faults)
    if not collected.runs:
        return _BAD_INPUT
    if table:
        collect.write(table, collected.table)
    report.page.write(page, collected, refresh)
    lines = [*_names(collected), _summary(collected, [page, *([table] if table else [])])]
    new = [line for line in lines if line not in printed]
    if new:
        with printing():
            print(*new, sep="\n")
    printed.update(new)
    return _SOME_BROKEN if collected.faults else _FINE


def _names(collected: Collection) -> list[str]:
    """The name of each run, with its folder where the name is another one; nothing for a single run."""
    if len(collected.runs) == 1:
        return []
    width = max(len(run.name) for run in collected.runs)
    return [f"  {run.name}" if run.name == run.path else f"  {run.name:<{width}}  {run.path}" for run in collected.runs]


def _summary(collected: Collection, files: Sequence[Path]) -> str:
    """What was collected, and where it was written, in one line."""
    counts = f"{counted(len(collected.runs), 'run')}, {len(collected.table):,} rows"
    unfinished = sum(run.provenance is None for run in collected.runs)
    counts += f", {unfinished} running or killed" if unfinished else ""
    return f"mi-report: {counts}: {', '.join(map(str, files))}"


if __name__ == "__main__":
    sys.exit(main())
