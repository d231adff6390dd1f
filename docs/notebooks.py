"""The tutorials: text notebooks, which are executed when the site is built, and may be downloaded with their outputs.

A tutorial is a Markdown file. Its blocks of ``python`` and ``bash`` are cells, and blocks of other languages are text.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

__all__ = ["execute"]

SECONDS = 600  # that a cell may take
HEADER = """---
jupyter:
  kernelspec: {name: python3, language: python, display_name: Python 3}
---
"""  # or the language would be that of most cells
DOWNLOAD = "\n\n{{download}}`Download this page as a notebook, with its outputs <{name}>`"


def execute(folder: Path) -> None:
    """Execute the text notebooks of a folder, two at a time, and write each as ``.ipynb`` beside its text.

    Raises:
        CellExecutionError: a cell raised an error, or a command of it failed.
    """
    asyncio.run(_execute(sorted(folder.glob("*.md"))))


async def _execute(paths: list[Path]) -> None:
    free = asyncio.Semaphore(2)

    async def executed(path: Path) -> None:
        async with free:
            await _write(path)

    await asyncio.gather(*map(executed, paths))


async def _write(path: Path) -> None:
    """Execute one notebook in a folder of its own, which is empty at first."""
    notebook = jupytext.reads(HEADER + path.read_text(encoding="utf-8"), fmt="md")
    title = notebook.cells[0]
    first, _, rest = title.source.partition("\n\n")
    title.source = first + DOWNLOAD.format(name=path.with_suffix(".ipynb").name) + "\n\n" + rest
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # where mi-run is
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1")  # two run at a time
    environment = os.environ | threads | {"PATH": scripts, "COLUMNS": "120", "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            startup_timeout=SECONDS,
            timeout=SECONDS,
            coalesce_streams=True,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # it warns of sockets that are not encrypted
            resources={"metadata": {"path": folder}},
        )
        await client.async_execute(env=environment)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _as_printed(cell.outputs)
    nbformat.write(notebook, path.with_suffix(".ipynb"))


def _as_printed(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """The outputs of a cell, with what it printed as one text, as on a terminal: notes come before results."""
    streams = [output for output in outputs if output.output_type == "stream"]
    text = "".join(output.text for name in ("stderr", "stdout") for output in streams if output.name == name)
    printed = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
    return printed + [output for output in outputs if output.output_type != "stream"]
