"""Executes the commands and the Python code of the README and of the pages, when the site is built.

``python docs/commands.py`` does it alone. Each page has a folder with the tables that it names. Its blocks of Python
run first, one after another, and then its commands. What trains gets ``budget=smoke`` and no figures. What is large
even so gets ``plan=true``. A command without a file is executed for the first page that has it. Each has a process of
its own, forked from one that has imported ``mi_cli``: the imports would take longer than most commands.
``notebooks.py`` executes the tutorials.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path

import example_tables
import numpy as np
import polars as pl

from mi_cli.cli import report_command
from mi_cli.cli.main import main
from mi_cli.cli.short_commands import SHORT
from mi_cli.compose.composer import Composer
from mi_cli.compose.resolve import resolve

__all__ = ["commands", "execute", "python_blocks", "typed"]

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 2
FORK = get_context("fork")
PRELOADED = (  # with which one process starts, and the others do not have to
    "torch",
    "scipy.stats",
    "sklearn.ensemble",
    "matplotlib.figure",
    "mi_cli.execution.runner",
    "mi_cli.report.publish",
    "mi_cli.estimators.auto",
    "mi_cli.training.critic_fit",
    "mi_cli.cli.single_run",
)
COMPOSED = ("estimate", "lags", "represent")  # by one process as well, which keeps the configs that it has read
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
FENCE = re.compile(r"^(`{3,})(\w*)[^\n]*\n(.*?)^\1 *$|((?:^ {4}[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\.(csv|parquet|db)\b|[A-Z]{3,}|<")  # a file, or a placeholder of one
# What takes long even so, and is planned only: suites of distributions, five seeds, eight jobs, several objectives.
LARGE = re.compile(r"experiment=(coverage|\w*benchmark)$|sweep\.seed=\[(\d+,){4}|shards=8$|representation\.objectives=")

SMALL = ("budget=smoke", "plots=[]", "threads=1")  # tests draw the figures of every experiment
SHOWS = {"--help", "--info", "--cfg"}  # which run nothing
SIZES = ("training.steps=", "search.trials=")  # which a small budget chooses

MADE = {  # the folders of runs that commands name, and what makes them
    "made/sweep": "experiment=gaussian_sweep",
    "made/other": "experiment=gaussian_sweep training.lr=0.01",
    "made/critic": "estimate new.csv --y dose sweep.estimator=null estimator=dv estimator.keep=true",
    "outputs/gaussian_sweep": "experiment=gaussian_sweep",
    "folder": "experiment=represent dataset.path=new.csv dataset.label=target",
}
PLACEHOLDERS = {
    "compare RUN_FOLDER RUN_FOLDER": "compare made/sweep made/other",
    "run=RUN_FOLDER": "run=made/critic",
    "run=FOLDER": "run=folder",
    "outputs/gaussian_sweep/<date>_<time>_<id>": "made/sweep",
}
ELSEWHERE = {  # what cannot be executed here, and why. tests/contracts/test_docs.py composes most of it
    "hydra/launcher=submitit_slurm": "needs a cluster",
    "hydra/sweeper=<theirs>": "needs another package",
    "--config-dir <folder>": "needs a config of the reader's",
    "outputs/multirun/": "needs runs of the reader's",
    "output_root=": "writes outside the folder",
    "their_package": "needs another package",
}
EXTRAS = {  # what needs an extra, and the module that it brings. Without the module the command is not executed
    "hydra/launcher=joblib": "joblib",
    "hydra/launcher=submitit_local": "submitit",
    "search=optuna": "optuna",
    "tracker=mlflow": "mlflow",
    "tracker=tensorboard": "tensorboard",
    "duckdb:": "duckdb",
    "as_frame=True": "pandas",
}


def commands(text: str) -> Iterator[str]:
    """The commands of a page's blocks, without what is said of them after ``#`` or two spaces.

    Blocks of text count too: they show what is printed, such as the commands to go on with.
    """
    for fence in FENCE.finditer(text):
        if fence[2] not in (None, "", "bash", "text"):
            continue
        for line in re.sub(r" *\\\n *", " ", fence[3] or fence[4]).splitlines():
            for part in line.split("&&"):
                if part.strip().startswith(("mi-run ", "mi-report ")):
                    yield re.split(r" # | {2,}(?=[a-z])", part.strip())[0].strip()


def python_blocks(text: str) -> list[str]:
    """The blocks of Python of a page."""
    return [fence[3] for fence in FENCE.finditer(text) if fence[2] == "python"]


def typed(command: str) -> list[str]:
    """The words of a command as it is executed: with folders for placeholders, and a small budget."""
    for placeholder, folder in PLACEHOLDERS.items():
        command = command.replace(placeholder, folder)
    words = [word for word in shlex.split(command) if not word.startswith(SIZES)]
    runs = any(word in SHORT or word.startswith(("experiment=", "dataset=")) for word in words)
    if not runs or SHOWS & set(words):
        return words
    added = ("plan=true",) if any(map(LARGE.match, words)) else SMALL
    return [*words, *(word for word in added if word not in words)]


def execute() -> None:
    """Execute all pages in a process that has no threads, so that it can be forked.

    Raises:
        CalledProcessError: something failed. What it was is printed.
    """
    subprocess.run([sys.executable, __file__], check=True, env=os.environ | THREADS)  # noqa: S603


def _main() -> int:
    """Execute the pages, two at a time; return how many failed."""
    for module in PRELOADED:
        importlib.import_module(module)
    for experiment in COMPOSED:
        Composer.of_folder().compose([f"experiment={experiment}"])
    resolve(["experiment=gaussian_sweep"])
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"), key=lambda path: -path.stat().st_size)]
    seen: set[str] = set()
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        for path in pages:
            lines = [line for line in dict.fromkeys(commands(path.read_text(encoding="utf-8"))) if line not in seen]
            seen |= {line for line in lines if not FILE.search(line)}
            parts.append(lambda path=path, lines=lines: _page(path, lines, Path(folder) / path.stem))
        return _failed(parts, AT_ONCE)


def _page(path: Path, lines: Sequence[str], folder: Path) -> int:
    """Execute lines and the Python code of a page in a new folder, and return how many of its parts failed.

    Polars starts threads at its first use, so this process does not use it: it could not be forked any more.
    """
    text = path.read_text(encoding="utf-8")
    lines = [line for line in lines if _is_possible(line)]
    words = " ".join(line for line in (*map(" ".join, map(typed, lines)), *python_blocks(text)))
    made = [
        f"mi-run {what} hydra.run.dir={name}" for name, what in MADE.items() if re.search(rf"[=\" ]{name}\b", words)
    ]
    (folder / "made").mkdir(parents=True)
    os.chdir(folder)
    blocks = [block for block in python_blocks(text) if _is_possible(block)]
    first = [
        lambda: example_tables.write(folder, path.name, text),
        *(lambda line=line: _command(line) for line in made),
    ]
    return _failed([*first, lambda: _python(blocks), *(lambda line=line: _command(line) for line in lines)], 1)


def _is_possible(code: str) -> bool:
    """Whether it can be executed here."""
    missing = [text for text, module in EXTRAS.items() if importlib.util.find_spec(module) is None]
    return not any(text in code for text in [*ELSEWHERE, *missing])


def _command(line: str) -> int:
    """Execute a command; return its exit code."""
    program, *words = typed(line)
    print(program, shlex.join(words), flush=True)
    return report_command.main(words) if program == "mi-report" else main(words)


def _python(blocks: list[str]) -> None:
    """Execute the blocks of Python of a page, with variables of the kinds that pages speak of."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 12))
    target = x[:, 0] + rng.normal(size=100)
    classes = np.where(x > 0, "high", "low")
    frame = pl.DataFrame({f"column_{number}": x[:, 0] + rng.normal(size=100) for number in range(5)})
    variables = {"x": x, "y": target, "frame": frame, "target": target, "colour": classes[:, 0], "kind": classes[:, 1]}
    for block in blocks:
        print(block, flush=True)
        exec(block, variables)  # noqa: S102 (what the pages say)


def _failed(parts: Sequence[Callable[[], int | None]], at_once: int) -> int:
    """Execute the parts in processes of their own, some at once. Print the output of those that fail; count them."""
    waiting, running, failed = [*parts], {}, 0
    while waiting or running:
        while waiting and len(running) < at_once:
            output = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
            process = FORK.Process(target=_part, args=(waiting.pop(0), output.fileno()))
            process.start()
            running[process.sentinel] = process, output
        for sentinel in wait(list(running)):
            process, output = running.pop(sentinel)
            process.join()
            with output:
                if process.exitcode:
                    failed += 1
                    output.seek(0)
                    print(output.read().decode(), f"exit code {process.exitcode}", flush=True)
    return failed


def _part(part: Callable[[], int | None], output: int) -> None:
    """Do a part in a new process, whose output goes to a file."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = part()
    sys.stdout.flush()
    sys.exit(code)


if __name__ == "__main__":
    sys.exit(_main())
