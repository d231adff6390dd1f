"""The commands of the pages that a reader meets first, executed when the site is built.

Each line of a block that runs ``mi-run`` is given to a shell as it stands, in a folder with tables that have the named
columns. A run gets ``budget=smoke``. Of other pages, those commands are executed that train nothing. The rest would
take minutes: all but those of tutorials are composed, and not run, by ``tests/contracts/test_docs.py``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

__all__ = ["EXECUTED", "commands", "execute"]

EXECUTED = ("README.md", "docs/index.md")
BLOCK = re.compile(r"^(`{3,})(?:bash|)\n(.*?)^\1 *$|((?:^ {4}.*\n)+)", re.MULTILINE | re.DOTALL)
TRAINS_NOTHING = re.compile(r" (plan=true|--cfg job|--info|--help|schema)\b")
RUN = re.compile(r"\b(experiment=|estimate|pairs|select|represent|lags|transfer|interaction)\b")
ROWS = 400


def commands(text: str) -> Iterator[str]:
    """The lines of the blocks of a page that run ``mi-run``, without their comments."""
    for block in BLOCK.finditer(text):
        for line in (block[2] or block[3]).replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                if part.strip().startswith("mi-run "):
                    yield " ".join(part.partition(" # ")[0].split())


def execute(root: Path) -> None:
    """Execute the commands of the pages below ``root``, two at a time.

    Raises:
        RuntimeError: a command failed.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in [root / "README.md", *(root / "docs").glob("*.md")]}
    first = {root / page for page in EXECUTED}
    found = {
        line for path, text in pages.items() for line in commands(text) if path in first or TRAINS_NOTHING.search(line)
    }
    lines = sorted(found)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        _write_tables(Path(folder))
        failed = [fault for fault in pool.map(lambda line: _fault(line, folder), lines) if fault]
    if failed:
        raise RuntimeError("\n".join(failed))


def _fault(line: str, folder: str) -> str:
    """Execute a line; return what it printed if it failed, and otherwise nothing."""
    typed = f"{line} budget=smoke" if RUN.search(line) and not TRAINS_NOTHING.search(line) else line
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603 (what the pages say)
        ["/bin/bash", "-c", typed], cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else f"{typed}: exit code {done.returncode}\n{done.stdout}{done.stderr}"


def _write_tables(folder: Path) -> None:
    """Write the tables that the pages name, with columns of numbers that depend on each other."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=ROWS)
    columns = (
        "age",
        "dose",
        "effect",
        "target",
        "outcome",
        "gene_1",
        "gene_2",
        "whole_weight",
        "shell_weight",
        "rings",
    )
    table = pl.DataFrame({name: common + rng.normal(size=ROWS) for name in columns})
    for name in ("data.csv", "abalone.csv"):
        table.write_csv(folder / name)
