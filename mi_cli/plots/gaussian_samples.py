"""Samples of x and y, a panel for each data set, with the true MI."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.plots.parts import figures, labels, looks
from mi_cli.plots.parts.settings import Setting, Trial, axes, grouped, panel_places, trials
from mi_cli.plots.parts.values import Value, exact, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Samples of x and y"
_SECTIONS = ("dataset", "noise")


def plot(records: Records) -> Figure:
    """Draw the recorded samples, a panel for each setting of the axes that change the data."""
    if not (records.folder / "samples.parquet").exists():
        return figures.empty_figure(records, _WHAT, "no samples were recorded")
    drawn = set(records.samples["trial"].to_list())
    recorded = [trial for trial in trials(records) if trial.index in drawn]
    # One trial for each data set, since other axes do not change its samples.
    shown = [same[0] for same in grouped(recorded, lambda trial: _data(trial, records)).values()]
    places = panel_places([_data(trial, records) for trial in shown])
    # Panels are nearly square. With a fixed aspect, constrained layouts get the margins wrong.
    side = max(2.2, 4.2 / (max(column for _, column in places) + 1))
    grid = figures.Grid.with_panels(places, (side, side + 0.25), least_width=0.0, sharex=True, sharey=True)
    limit = 1.05 * float(np.abs(records.samples.select("x", "y").to_numpy()).max())
    for ax, trial in zip(grid.panels.values(), shown, strict=True):
        _panel(ax, trial, records, limit)
    several = records.config["dataset"].get("dim", 1) != 1 or "dataset.dim" in axes(records)
    grid.label(*("x₁", "y₁") if several else ("x", "y"))
    figures.add_title(grid.figure, records, _WHAT)
    return grid.figure


def _panel(ax: Axes, trial: Trial, records: Records, limit: float) -> None:
    rows = records.samples.filter(records.samples["trial"] == trial.index)
    ax.scatter(rows["x"], rows["y"], s=6, color=looks.BLUE, alpha=0.45, linewidths=0)
    ax.set_xlim(-limit, limit)
    ax.set_ylim(-limit, limit)
    setting, truth = labels.setting_label(_data(trial, records)), trial.first("true_mi")
    tell(ax, 0.5, 0.5, Value("rows drawn", "", setting, f"{len(rows):,}"), transform=ax.transAxes)
    if truth is not None:
        tell(ax, 0.5, 1.03, Value("true MI (nats)", "", setting, exact(truth)), transform=ax.transAxes)
    figures.panel_title(ax, _data(trial, records), labels.truth_label(trial.first("true_mi")))


def _data(trial: Trial, records: Records) -> Setting:
    """The axes of a trial's setting that change its data, with ρ or the true MI if no axis varies them."""
    setting = trial.setting.only(axis for axis in trial.setting.axes if axis.split(".")[0] in _SECTIONS)
    dataset = records.config["dataset"]
    key = "rho" if dataset.get("mi") is None else "mi"
    if dataset.get(key) is None or {"dataset", "dataset.rho", "dataset.mi"} & set(setting.axes):
        return setting
    return Setting(((f"dataset.{key}", float(dataset[key])), *setting.pairs))
