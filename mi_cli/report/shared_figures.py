"""Figures of several runs together, as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mi_cli.errors import counted, listed
from mi_cli.lazy import LazyModule
from mi_cli.registry.lookup import svg_function
from mi_cli.report.comparable import METHOD, Together, comparable
from mi_cli.report.page_figures import vector
from mi_cli.report.recorded_run import RecordedRun

if TYPE_CHECKING:
    from mi_cli.plots import runs_together
    from mi_cli.plots.parts import fonts
else:
    fonts = LazyModule("mi_cli.plots.parts.fonts")
    runs_together = LazyModule("mi_cli.plots.runs_together")

__all__ = ["shared_figures"]


def shared_figures(runs: Sequence[RecordedRun]) -> dict[str, Any]:
    """Draw the runs that measure the same quantity over each other.

    Returns:
        ``figures``, one for each group of runs, as :func:`mi_cli.report.page_figures.figure` returns them; and
        ``left_out``, a sentence on runs that are in none of them. It is empty where all are, or no two can be laid over
        each other.
    """
    together, alone = comparable(runs)
    left_out = ""
    if together and alone:
        names = listed([run.name for run in alone], "and")
        left_out = f"In no such figure, since no other run measures the same quantity over the same axis: {names}."
    return {"figures": [_figure(group) for group in together], "left_out": left_out}


def _figure(group: Together) -> dict[str, Any]:
    names = [run.name.removeprefix(f"{group.experiment}, ") for run in group.runs]
    units = "bits" if all(run.units == "bits" for run in group.runs) else "nats"
    records = [run.records for run in group.runs]
    with fonts.any_script():
        drawn = runs_together.plot(group.experiment, list(zip(names, records, strict=True)), group.axis, units)
        drawn.set_dpi(100)
        drawn.draw_without_rendering()  # for the places, which then stay as they are
    drawn.set_layout_engine("none")
    over = "methods" if group.axis == METHOD else group.axis
    about = f"Estimates of {counted(len(names), 'run')} over {over}, with intervals, and the true MI where it is known."
    return {"name": f"{group.experiment} over {over}", "about": about} | (vector(svg_function()(drawn)) or {})
