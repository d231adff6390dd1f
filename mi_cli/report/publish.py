"""What finishes a run: its summary, tables, plots, page and trackers, all made from records."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mi_cli import trackers
from mi_cli.console import printing
from mi_cli.records import results
from mi_cli.records.finished import FINE, FinishedRun
from mi_cli.report import page, tables
from mi_cli.report.summary import summarise
from mi_cli.schema.config import Config
from mi_cli.terminal import Terminal, standard_output

__all__ = ["Publisher"]

log = logging.getLogger("mi_cli")


class Publisher:
    """Makes what a run leaves beside its numbers; a runner calls its methods in this order.

    A shard has a summary only: the run that collects it draws and publishes the whole.
    """

    def __init__(self) -> None:
        self.summary: dict[str, Any] = {}

    def prepare(self, config: Config) -> None:
        """Import what draws the plots, in one thread: two threads that import matplotlib at once see halves of it."""
        for name in config.plots:
            importlib.import_module(f"mi_cli.plots.{name}")

    def draw(self, run: FinishedRun) -> bool:
        """Write ``summary.json``, ``tables/`` and ``plots/``; False if a plot failed."""
        axes = [axis for axis in run.axes if axis != "seed"]
        self.summary = summarise(run.config, run.rows, axes, _traces(run))
        results.write_json(run.folder / "summary.json", self.summary)
        for name, rows in self.summary["tables"].items():
            results.write_table(run.folder / "tables" / f"{name}.csv", rows)
        with run.clock("plots"):
            return run.is_shard or not _failed_plots(run.config, run.folder)

    def publish(self, run: FinishedRun) -> bool:
        """Write the page and the trackers, and print the summary; False if one of them failed."""
        left = run.is_shard or page.leave(run.folder)
        tracked = run.is_shard or trackers.track(run.config.tracker, run.folder, run.trials)
        console = standard_output()
        with printing():
            if not run.is_shard:  # what a part of the trials says, the whole may not
                tables.show(self.summary, console)
            for row in run.rows:
                if row["status"] not in FINE:
                    what = f"trial {row['trial']} {row['method']}".rstrip()  # a trial that raised has no method
                    text = f"{what} {row['status']}: {row['reason']}"
                    console.print(text, style="yellow", markup=False, soft_wrap=True)
            console.print(f"results: {run.folder}", markup=False, highlight=False, soft_wrap=True)
        return left and tracked


def _traces(run: FinishedRun) -> dict[int, dict[str, list[float]]]:
    """Traces of each trial at the steps where all of its metrics were measured."""
    traces = {}
    for index, history in run.histories.items():
        frame = results.history_frame({index: history}).drop_nulls()
        traces[index] = {name: frame[name].to_list() for name in frame.columns if name not in ("trial", "step")}
    return {index: metrics for index, metrics in traces.items() if len(next(iter(metrics.values()), [])) > 2}


def _failed_plots(config: Config, folder: Path) -> Sequence[str]:
    """Draw the plots from the records; a plot that fails is logged, and the others are drawn."""
    failed = []
    for name in config.plots:
        try:
            figure = importlib.import_module(f"mi_cli.plots.{name}").plot(results.Records(folder))
            (folder / "plots").mkdir(exist_ok=True)
            temporary = folder / "plots" / f".{name}.png"
            figure.savefig(temporary, dpi=150, format="png")
            temporary.replace(folder / "plots" / f"{name}.png")
        except Exception:
            log.exception("plot %s failed", name)
            text = f"mi-run: plot {name} failed; see {folder / 'run.log'}"
            Terminal(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)
            failed.append(name)
    return failed
