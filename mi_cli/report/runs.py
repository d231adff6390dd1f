"""Runs as Python has them: what a folder of records says, as tables, figures and a report."""

from __future__ import annotations

import html
import io
import webbrowser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from mi_cli.analysis.answer import Answer
from mi_cli.display.units import Units
from mi_cli.errors import ConfigError, Fault, OutputError, counted, listed
from mi_cli.files import expanded_path
from mi_cli.lazy import LazyModule, pl
from mi_cli.records.finished import FINE
from mi_cli.registry.lookup import plot_function
from mi_cli.report import terminal_tables
from mi_cli.report.collect import Collection, collect
from mi_cli.report.recorded_run import RecordedRun, with_infinities
from mi_cli.report.said_text import said_lines
from mi_cli.report.smoke_text import NOT_JUDGED, is_smoke
from mi_cli.report.tables import mean_table
from mi_cli.terminal import Terminal

if TYPE_CHECKING:
    from matplotlib.backends import backend_agg
    from matplotlib.figure import Figure

    from mi_cli.plots.parts import fonts
else:
    backend_agg = LazyModule("matplotlib.backends.backend_agg")
    fonts = LazyModule("mi_cli.plots.parts.fonts")

__all__ = ["Run", "Runs", "runs"]

_PAGE = "report.html"
_WIDTH = 120  # columns of the text
_MOST_ROWS = 20  # of a table in a notebook


class Run:
    """A run, read from its folder as far as it has come.

    ``results`` and ``summary`` are in nats, as the files are; the answer, text, HTML and figures are in ``units``.

    Args:
        recorded: its records.
    """

    def __init__(self, recorded: RecordedRun) -> None:
        self._recorded = recorded

    @classmethod
    def read(cls, folder: str | Path) -> Run:
        """The run of a folder.

        Raises:
            ConfigError: it is not the folder of a run, or a file in it is broken.
        """
        if not _is_path(folder):
            raise ConfigError(Fault("folder", repr(folder), accepted="the path of a run's folder"))
        (one, *more), faults = _collected([folder])
        if more or faults:
            raise ConfigError(*faults or (Fault("folder", Path(folder), f"holds {counted(1 + len(more), 'run')}"),))
        return one

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._recorded.folder

    @property
    def name(self) -> str:
        """The name of what was run, such as ``gaussian_sweep``."""
        return self._recorded.experiment

    @property
    def state(self) -> str:
        """``finished``, ``interrupted``, or ``running or killed``, which look the same in a folder."""
        return self._recorded.state

    @property
    def units(self) -> Units:
        """``nats`` or ``bits``, in which the answer, text, HTML and figures are."""
        return self._recorded.units

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved config."""
        return self._recorded.config

    @property
    def results(self) -> pl.DataFrame:
        """A row for each trial and method, as ``results.csv`` has them; MI in nats."""
        return self._recorded.results

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds, with infinities as numbers; MI in nats. Empty until the run is finished."""
        return {} if self._recorded.summary is None else with_infinities(self._recorded.records.summary)

    @cached_property
    def answer(self) -> Answer | None:
        """The answer of all estimators, in ``units``; None where the run asks for none, or has several settings.

        ``summary["answer"]`` has the answers of several settings.
        """
        answer = self.summary.get("answer")
        if not isinstance(answer, Mapping):
            return None
        known = {one.name: answer[one.name] for one in fields(Answer) if one.name in answer}
        data = self.summary.get("data") or {}
        columns = {side: tuple(one["column"] for one in data.get(side) or ()) for side in "xyz"}
        return Answer(**known, notes=self.notes, columns=columns).in_units(self.units)

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines on its settings and its rows that were said when it began."""
        provenance = self._recorded.provenance
        return () if provenance is None else tuple(provenance.notes)

    @cached_property
    def failed(self) -> list[dict[str, Any]]:
        """The rows of trials that failed or diverged, each with its ``reason``; none where all is fine."""
        if not len(self.results):
            return []
        return self.results.filter(~pl.col("status").is_in(list(FINE))).to_dicts()

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures that :meth:`plot` draws."""
        names = self.config.get("plots") or ()
        return tuple(dict.fromkeys((*names, *(path.stem for path in self._recorded.plots))))

    def plot(self, name: str | None = None) -> Figure:
        """Draw a figure from the records.

        Args:
            name: one of ``figures``, or another plot that ``mi-run --help`` lists; the first of ``figures`` unless
                given.

        Returns:
            A matplotlib figure, which a notebook shows if it is the last value of a cell.

        Raises:
            ConfigError: the run has no figures, or is not finished.
        """
        if not self.summary:
            raise ConfigError(Fault("plot", name or "", f"the run in {self.folder} is {self.state}", "a finished run"))
        if name is None and not self.figures:
            raise ConfigError(
                Fault("plot", problem=f"the run in {self.folder} asks for none", accepted="plot('forest')")
            )
        with fonts.any_script():
            figure: Figure = plot_function(name or self.figures[0])(self._recorded.records)
        vars(figure)["_repr_png_"] = partial(_png, figure)  # a notebook shows figures of pyplot only
        return figure

    def open(self) -> Path:
        """Open the report in a browser.

        Returns:
            The file of the report.

        Raises:
            ConfigError: the run has no report, as it is not finished.
            OutputError: no browser can be started.
        """
        page = self.folder / _PAGE
        if not page.is_file():
            raise ConfigError(Fault("open", self.folder, f"has no {_PAGE}", "the folder of a finished run"))
        if not webbrowser.open(page.as_uri()):
            raise OutputError(f"no browser can be started; open {page} in one")
        return page

    def __repr__(self) -> str:
        of = counted(self._recorded.n_trials, "trial")
        failed = f", {len(self.failed)} without a result" if self.failed else ""
        return f"<Run {self.name}: {self._recorded.done} of {of}, {self.state}{failed}; {self.folder}>"

    def __str__(self) -> str:
        """What the command prints at the end of the run."""
        if not self.summary:
            return repr(self)
        text = io.StringIO()
        terminal_tables.show(self.summary, Terminal(file=text, width=_WIDTH, force_terminal=False))
        return f"{text.getvalue()}results: {self.folder}"

    def _repr_html_(self) -> str:
        parts = [_paragraph(repr(self)[1:-1])]
        if self.answer is not None:
            parts.append(self.answer._repr_html_())
        elif self.summary:
            parts += [_paragraph(line) for line in said_lines(self.summary)]
            columns, rows = mean_table(self.summary)
            parts.append(_paragraph(f"{self.summary.get('measure', 'MI')} in {self.units}, means over seeds"))
            parts.append(_table(columns, rows[:_MOST_ROWS]))
            if len(rows) > _MOST_ROWS:
                parts.append(_paragraph(f"and {len(rows) - _MOST_ROWS} more rows"))
        if self.answer is None:  # which has the notes
            parts += [_paragraph(note) for note in self.notes]
        judged = not is_smoke(self.summary)
        claims = [
            (claim["verdict"] if judged else NOT_JUDGED, claim["text"]) for claim in self.summary.get("claims", ())
        ]
        return "\n".join([*parts, *(_paragraph(f"{verdict}: {text}") for verdict, text in claims)])


class Runs(Sequence[Run]):
    """Several runs, in the order of their folders.

    Args:
        runs: of them.
        faults: what could not be read, one line each.
    """

    def __init__(self, runs: Iterable[Run], faults: Sequence[str] = ()) -> None:
        self._runs, self.faults = tuple(runs), tuple(faults)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> Run | Runs:
        return Runs(self._runs[index], self.faults) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def of(self, name: str) -> Runs:
        """The runs of an experiment.

        Args:
            name: that the runs have, such as ``gaussian_sweep``.
        """
        return Runs((run for run in self._runs if run.name == name), self.faults)

    @cached_property
    def results(self) -> pl.DataFrame:
        """The rows of all runs, with a column ``run`` and one for each setting that differs; MI in nats."""
        return Collection([run._recorded for run in self._runs]).table if self._runs else pl.DataFrame()

    def __repr__(self) -> str:
        names = listed(dict.fromkeys(run.name for run in self._runs), "and") if self._runs else "nothing"
        return f"<{counted(len(self._runs), 'run')} of {names}>"

    def _repr_html_(self) -> str:
        columns = {"run": False, "of": False, "state": False, "trials": True, "folder": False}
        rows = [
            [str(place), run.name, run.state, f"{run._recorded.done} of {run._recorded.n_trials}", str(run.folder)]
            for place, run in enumerate(self._runs)
        ]
        return "\n".join([_table(columns, rows), *map(_paragraph, self.faults)])


def runs(*folders: str | Path, experiment: str | None = None) -> Runs:
    """Read the runs at and below some folders.

    Args:
        folders: of runs, or of folders that hold such folders; ``outputs`` unless given.
        experiment: the name of those to keep; all unless given.

    Returns:
        The runs, in the order of their folders, as a sequence with one table of their results. What cannot be read is
        in ``faults``.

    Raises:
        ConfigError: there is no run that can be read.
    """
    wrong = [Fault("runs", repr(folder), accepted="paths of folders") for folder in folders if not _is_path(folder)]
    if experiment is not None and not isinstance(experiment, str):
        wrong.append(Fault("experiment", repr(experiment), accepted="the name of an experiment, as text"))
    if wrong:
        raise ConfigError(*wrong)
    read_runs, faults = _collected(folders or ["outputs"])
    every = Runs(read_runs, [str(fault) for fault in faults])
    return every if experiment is None else every.of(experiment)


def _is_path(folder: object) -> bool:
    return isinstance(folder, Path) or (isinstance(folder, str) and bool(folder))


def _collected(folders: Sequence[str | Path]) -> tuple[list[Run], list[Fault]]:
    """The runs below some folders, and the faults of those that cannot be read.

    Raises:
        ConfigError: none can.
    """
    collection = collect(expanded_path(str(folder)) for folder in folders)
    if not collection.runs:
        raise ConfigError(*collection.faults)
    return [Run(recorded) for recorded in collection.runs], collection.faults


def _png(figure: Figure) -> bytes:
    """A figure as a PNG."""
    buffer = io.BytesIO()
    with fonts.any_script():
        backend_agg.FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def _table(columns: Mapping[str, bool], rows: Sequence[Sequence[str]]) -> str:
    """A table in HTML; ``columns`` has for each title whether the column has numbers."""

    def row(cells: Iterable[str], tag: str) -> str:
        aligned = zip(cells, columns.values(), strict=True)
        return "".join(
            f'<{tag} style="text-align: {"right" if is_number else "left"}">{html.escape(cell)}</{tag}>'
            for cell, is_number in aligned
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f"<table><thead><tr>{row(columns, 'th')}</tr></thead><tbody>{body}</tbody></table>"
