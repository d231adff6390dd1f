"""What is made of a finished run: summary, tables, plots, page and trackers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli import trackers
from mi_cli.console import printing
from mi_cli.lazy import LazyModule
from mi_cli.records import results
from mi_cli.records.finished import FINE, FinishedRun, attempt
from mi_cli.registry.lookup import plot_function, svg_function
from mi_cli.report import page, terminal_tables
from mi_cli.report.summary import summarise
from mi_cli.schema.config import Config
from mi_cli.terminal import standard_output

if TYPE_CHECKING:
    from matplotlib.backends import backend_agg

    from mi_cli.plots.parts import fonts
else:
    backend_agg = LazyModule("matplotlib.backends.backend_agg")
    fonts = LazyModule("mi_cli.plots.parts.fonts")

__all__ = ["Publisher", "draw", "summary_of"]

_MOST_METHODS = 3  # of a trial that failed for one reason, which are named


class Publisher:
    """Makes summary, plots, page and trackers of a run. A runner calls the methods in the order below.

    Of a shard it makes the summary only. The run that collects the shards makes the rest.

    Args:
        prints: whether the summary is printed when the run ends.
    """

    def __init__(self, *, prints: bool = True) -> None:
        self.prints = prints
        self.summary: dict[str, Any] = {}

    def prepare(self, config: Config) -> None:
        """Import the plots, before other threads do: importing matplotlib in two threads at once fails."""
        for name in config.figures:
            plot_function(name)

    def draw(self, run: FinishedRun) -> bool:
        """Write ``summary.json``, ``tables/`` and ``plots/``; whether every plot worked."""
        self.summary = summary_of(run)
        results.write_json(run.folder / "summary.json", self.summary)
        for name, rows in self.summary["tables"].items():
            results.write_table(run.folder / "tables" / f"{name}.csv", rows)
        with run.clock("plots"):
            drawn = [] if run.is_shard else [draw(name, run.folder) for name in run.config.figures]
        return all(drawn)

    def publish(self, run: FinishedRun) -> bool:
        """Write the page and the trackers, and print the summary; whether all of that worked."""
        written = run.is_shard or page.write_in_run(run.folder)
        tracked = run.is_shard or trackers.track(run.config.tracker, run.folder, run.trials)
        if self.prints:
            self._print(run)
        return written and tracked

    def say(self, lines: Sequence[str]) -> None:
        """Print what there is to say beside the summary."""
        if self.prints:
            with printing():
                print("\n".join(lines), end="\n" * bool(lines))

    def _print(self, run: FinishedRun) -> None:
        console = standard_output()
        with printing():
            if not run.is_shard:  # claims may hold for some of the trials and not for all
                terminal_tables.show(self.summary, console, verbose=run.config.verbose)
            for line in _failures(run.rows):
                console.print(line, style="yellow", markup=False, soft_wrap=True)
            console.print(f"results: {run.folder}", markup=False, highlight=False, soft_wrap=True)


def _failures(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each trial and reason why it has no estimate, with the methods that have it."""
    methods: dict[tuple[Any, str, str], list[str]] = {}
    for row in rows:
        if row["status"] not in FINE:
            methods.setdefault((row["trial"], row["status"], row["reason"]), []).append(row["method"] or "")
    lines = []
    for (trial, status, reason), names in methods.items():
        more = f" and {len(names) - _MOST_METHODS} more" if len(names) > _MOST_METHODS else ""
        of = ", ".join(filter(None, names[:_MOST_METHODS])) + more  # a trial that raised has no method
        lines.append(f"trial {trial} {of}".rstrip() + f" {status}: {reason}")
    return lines


def summary_of(run: FinishedRun) -> dict[str, Any]:
    """What ``summary.json`` of a run holds (:func:`~mi_cli.report.summary.summarise`)."""
    axes = [axis for axis in run.axes if axis != "seed"]
    datasets = {trial.index: trial.config.dataset for trial in run.trials}
    return summarise(run.config, run.rows, axes, _traces(run), datasets)


def _traces(run: FinishedRun) -> dict[int, dict[str, list[float]]]:
    """Return the traces of each trial at the steps where all of its metrics were measured."""
    traces = {}
    for index, history in run.histories.items():
        frame = results.history_frame({index: history}).drop_nulls()
        traces[index] = {name: frame[name].to_list() for name in frame.columns if name not in ("trial", "step")}
    return {index: metrics for index, metrics in traces.items() if len(next(iter(metrics.values()), [])) > 2}


def draw(name: str, folder: Path, ends: Sequence[str] = (".png", ".svg")) -> bool:
    """Draw a plot from the records of a run, as PNG and as SVG; whether that worked.

    Args:
        name: of the plot.
        folder: of the run.
        ends: which of the two files are written.
    """

    def write() -> None:
        figure = plot_function(name)(results.Records(folder))
        plots = folder / "plots"
        plots.mkdir(exist_ok=True)
        temporary = plots / f".{name}.png"
        figure.set_dpi(150)
        backend_agg.FigureCanvasAgg(figure).print_png(temporary)  # the bytes of savefig, which draws it once more
        drawing = plots / f"{name}.svg"
        if ".svg" in ends:
            drawing.unlink(missing_ok=True)  # an earlier one, which reports would show in place of the pixels
        if ".png" in ends:
            temporary.replace(plots / f"{name}.png")
        temporary.unlink(missing_ok=True)
        if ".svg" in ends:
            figure.set_layout_engine("none")  # the places stay as they are
            results.write_text(drawing, svg_function()(figure))

    def write_in_any_script() -> None:
        with fonts.any_script():
            write()

    return attempt(f"plot {name}", folder, write_in_any_script)
