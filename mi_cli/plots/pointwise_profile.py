"""The profile of pointwise MI: a histogram over rows with its quantiles, and the truth where it is known."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.plots.parts import figures, labels, looks
from mi_cli.plots.parts.pointwise import NOTHING, Profile, profiles
from mi_cli.plots.parts.settings import panel_places
from mi_cli.plots.parts.values import Value, exact, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Profile of pointwise mutual information over rows"
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 60
_SHOWN = 0.001  # share of rows at either end that may lie outside the panel


def plot(records: Records) -> Figure:
    """Draw a histogram for the first trial of each setting, with quantiles and the mean."""
    shown = profiles(records)
    if not shown:
        return figures.empty_figure(records, _WHAT, NOTHING)
    places = panel_places([profile.setting for profile in shown])
    side = 5.2 if len(shown) == 1 else 3.4
    grid = figures.Grid.with_panels(places, (side, 0.62 * side))
    units = records.config.get("units", "nats")
    for ax, profile in zip(grid.panels.values(), shown, strict=True):
        _panel(ax, profile, f"pointwise MI ({units})")
    grid.label(f"pointwise MI ({units})", f"density of rows (1/{units.removesuffix('s')})")
    figures.add_title(grid.figure, records, _WHAT)
    figures.add_legend(grid.figure)
    return grid.figure


def _panel(ax: Axes, profile: Profile, quantity: str) -> None:
    values, truth = profile.values, profile.truth
    every = values if truth is None else np.concatenate([values, truth])
    low, high = np.quantile(every, [_SHOWN, 1 - _SHOWN])
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1).tolist()
    ax.hist(values, edges, density=True, color=looks.SKY, alpha=0.7, label="rows")
    if truth is not None:
        ax.hist(truth, edges, density=True, histtype="step", color=looks.BLACK, linewidth=1.0, label="truth")
    ax.axvline(values.mean(), color=looks.VERMILLION, linewidth=1.6, label="mean")
    for quantile, at in zip(_QUANTILES, np.quantile(values, _QUANTILES), strict=True):
        middle = quantile == 0.5
        label = "quantiles 5, 25, 50, 75 and 95 %" if middle else None
        ax.axvline(at, color=looks.BLUE, linewidth=1.2 if middle else 0.8, linestyle=looks.DASHES[0], label=label)
    marks = {"mean": values.mean()} | {f"{q:.0%} quantile": np.quantile(values, q) for q in _QUANTILES}
    for number, (name, at) in enumerate(marks.items()):
        said = Value(quantity, name.replace("%", " %"), labels.setting_label(profile.setting), exact(float(at)))
        tell(ax, float(at), 0.9 - 0.1 * number, said, transform=ax.get_xaxis_transform())
    below = f"{100 * float((values < 0).mean()):.0f} % of rows below 0"
    known = "" if profile.correlation is None else f"correlation with the truth {profile.correlation:.3f}"
    figures.panel_title(ax, profile.setting, f"mean {values.mean():.3g}, {below}", known)
