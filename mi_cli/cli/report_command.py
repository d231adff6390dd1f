"""The command ``mi-report``: any set of runs as one table and one HTML page."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mi_cli._version import __version__
from mi_cli.console import printing
from mi_cli.errors import OutputError

if TYPE_CHECKING:
    from mi_cli.report.collect import Collection

__all__ = ["main"]

_FINE, _SOME_BROKEN, _BAD_INPUT, _INTERRUPTED = 0, 1, 2, 130
_PAGE = "report.html"
_FORMATS = (".csv", ".parquet")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (``sys.argv`` unless given) and return its exit code.

    0: fine; 1: some folders are broken; 2: bad input, or nothing readable; 130: interrupted before a page was written.
    """
    args = _arguments(argv)
    page = args.output or (args.paths[0] / _PAGE if len(args.paths) == 1 and args.paths[0].is_dir() else Path(_PAGE))
    said: set[str] = set()
    try:
        try:
            if not args.watch:
                return _write(args.paths, page, args.table, said)
            while _write(args.paths, page, args.table, said, args.every) != _BAD_INPUT or all(
                path.exists()
                for path in args.paths  # of which there is nothing to be read yet
            ):
                time.sleep(args.every)
            return _BAD_INPUT
        except KeyboardInterrupt:
            # The last word: a page that no longer refreshes itself.
            return _write(args.paths, page, args.table, said) if said else _INTERRUPTED
    except OSError as error:
        print(f"mi-report: {error.filename or page}: cannot be written ({error.strerror})", file=sys.stderr)
        return _BAD_INPUT
    except OutputError as error:
        print(f"mi-report: {error}", file=sys.stderr)
        return _SOME_BROKEN


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Complain in one line."""
        self.exit(_BAD_INPUT, f"mi-report: {message}; see mi-report --help\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        "mi-report", description="Any set of runs of mi-run as one table and one self-contained HTML page."
    )
    parser.add_argument(
        "paths", metavar="PATH", type=Path, nargs="+", help="a run, a sweep (multirun), or a folder that holds such"
    )
    parser.add_argument(
        "--output", metavar="FILE.html", type=_file(".html"), help=f"the page (default: {_PAGE} in the PATH, or here)"
    )
    parser.add_argument(
        "--table", metavar="FILE", type=_file(*_FORMATS), help="all result rows of all runs, as .csv or .parquet"
    )
    parser.add_argument("--watch", action="store_true", help="write it all again every few seconds, until Ctrl-C")
    parser.add_argument("--every", metavar="SECONDS", type=_seconds, default=5.0, help="how often (default: 5)")
    parser.add_argument("--version", action="version", version=f"mi-report {__version__}")
    return parser.parse_args(argv)


class _file:  # noqa: N801 (a type, as argparse calls it)
    """A path whose name ends in one of the given ways, in a folder that is there."""

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
        return path


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text}: must be a number between 0.1 and 86400")
    return seconds


def _write(paths: Sequence[Path], page: Path, table: Path | None, said: set[str], refresh: float | None = None) -> int:
    """Collect, write and say what was written, unless it was ``said``; the exit code."""
    from mi_cli.report import collect
    from mi_cli.report.page import write

    found = collect.collect(paths)
    faults = [str(fault) for fault in found.faults]
    for line in (line for line in faults if line not in said):
        print(f"mi-report: {line}", file=sys.stderr)
    said.update(faults)
    if not found.runs:
        return _BAD_INPUT
    if table:
        collect.write(table, found.table)
    write(page, found, refresh)
    line = _told(found, [page, *([table] if table else [])])
    if line not in said:
        with printing():
            print(line)
    said.add(line)
    return _SOME_BROKEN if found.faults else _FINE


def _told(found: Collection, files: Sequence[Path]) -> str:
    counts = f"{len(found.runs)} run{'' if len(found.runs) == 1 else 's'}, {len(found.table):,} rows"
    going_on = sum(run.provenance is None for run in found.runs)
    counts += f", {going_on} running or killed" if going_on else ""
    return f"mi-report: {counts}: {', '.join(map(str, files))}"


if __name__ == "__main__":
    sys.exit(main())
