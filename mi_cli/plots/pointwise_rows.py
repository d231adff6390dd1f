"""The rows that contribute most to an estimate: on x against y where these are single columns, otherwise by rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.analysis.pairwise import AXIS
from mi_cli.plots.parts import figures, labels, looks
from mi_cli.plots.parts.pointwise import NOTHING, Profile, profiles
from mi_cli.plots.parts.settings import panel_places
from mi_cli.plots.parts.values import Value, exact, tell
from mi_cli.problems import Array
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Rows by their pointwise mutual information"
_NAMED = 8  # rows whose number is shown
_DOTS = 4000  # of a panel; of more rows, a sample beside those that are named
_JITTER = 0.25  # of classes, on either side


def plot(records: Records) -> Figure:
    """Draw the rows of the first trial of each setting; the numbers of those that contribute most are in the title."""
    shown = profiles(records)
    if not shown:
        return figures.empty_figure(records, _WHAT, NOTHING)
    places = panel_places([profile.setting for profile in shown])
    side = 4.6 if len(shown) == 1 else 3.2
    grid = figures.Grid.with_panels(places, (side + 0.6, side))
    units = records.config.get("units", "nats")
    single = [_is_single(profile) for profile in shown]
    for ax, profile, is_single in zip(grid.panels.values(), shown, single, strict=True):
        dots, largest = _scatter(ax, profile) if is_single else _ranked(ax, profile)
        setting = labels.setting_label(profile.setting)
        for (x, y), row in zip(largest, _most(profile).iter_rows(named=True), strict=True):
            at = ", ".join(filter(None, (setting, f"row {row['row']}")))
            value = exact(row["pmi"], profile.scale)
            tell(ax, x, y, Value(f"pointwise MI ({units})", "", at, value))
        bar = grid.figure.colorbar(dots, ax=ax, shrink=0.8)
        bar.ax.tick_params(labelsize=7)
        bar.set_label(f"pointwise MI ({units})", fontsize=8)
        most = [str(row) for row in _most(profile)["row"]]
        lines = [f"largest in rows {', '.join(most[:4])},", ", ".join(most[4:])]
        figures.panel_title(ax, profile.setting, *lines)
    grid.label(*_sides(records) if all(single) else ("rank of the row", f"pointwise MI ({units})"))
    remark = f"ringed: the {_NAMED} rows that contribute most, which are numbered from 0"
    figures.add_title(grid.figure, records, _WHAT, remark)
    return grid.figure


def _sides(records: Records) -> tuple[str, str]:
    """The names of the columns of a table, where each side has one in all trials; otherwise x and y."""
    data = {} if AXIS in records.axes else records.summary.get("data", {})
    columns = [data.get(side) or [] for side in "xy"]
    x, y = (
        side if len(of_side) != 1 else str(of_side[0]["column"]) for side, of_side in zip("xy", columns, strict=True)
    )
    return x, y


def _is_single(profile: Profile) -> bool:
    return not any(profile.rows[side].null_count() for side in "xy")


def _most(profile: Profile) -> pl.DataFrame:
    return profile.rows.sort("rank").head(_NAMED)


def _scatter(ax: Axes, profile: Profile) -> tuple[Any, list[tuple[float, float]]]:
    """The dots, and the places of those that contribute most, the largest first."""
    rows = profile.rows.with_row_index("at")
    if len(rows) > _DOTS:
        others = rows.filter(pl.col("rank") > _NAMED).sample(_DOTS - _NAMED, seed=0)
        rows = pl.concat([others, rows.sort("rank").head(_NAMED)])
    rows = rows.sort("rank", descending=True)  # the largest are drawn last
    values = rows["pmi"].to_numpy() * profile.scale
    limit = float(np.quantile(np.abs(values), 0.98)) or 1.0
    x, y = (_places(ax, side, rows[side], rows["at"].to_numpy()) for side in "xy")
    dots = ax.scatter(x, y, s=7, c=values, cmap="RdBu_r", vmin=-limit, vmax=limit, linewidths=0.2, edgecolors="0.6")
    largest = slice(len(rows) - min(_NAMED, len(rows)), None)
    ax.scatter(x[largest], y[largest], s=45, facecolors="none", edgecolors=looks.BLACK, linewidths=1.0)
    return dots, [*zip(x[largest].tolist(), y[largest].tolist(), strict=True)][::-1]


def _places(ax: Axes, side: str, column: pl.Series, at: Array) -> Array:
    """Where values lie on an axis: numbers as they are, and classes side by side, each spread a little."""
    numbers = column.cast(pl.Float64, strict=False)
    if not numbers.null_count():
        return np.array(numbers.to_list())
    names = sorted(column.unique().to_list())
    ticks = ax.xaxis if side == "x" else ax.yaxis
    few = len(names) <= 20
    ticks.set_ticks(range(len(names)) if few else [], names if few else [], fontsize=7)
    spread = _JITTER * (2 * np.random.default_rng(0).random(int(at.max()) + 1)[at] - 1)
    return np.asarray(np.array([names.index(name) for name in column]) + spread)


def _ranked(ax: Axes, profile: Profile) -> tuple[Any, list[tuple[float, float]]]:
    """The dots, and the places of those that contribute most, the largest first."""
    rows = profile.rows.sort("rank")
    values = rows["pmi"].to_numpy() * profile.scale
    limit = float(np.quantile(np.abs(values), 0.98)) or 1.0
    ax.axhline(0, color="0.6", linewidth=0.8)
    dots = ax.scatter(rows["rank"], values, s=6, c=values, cmap="RdBu_r", vmin=-limit, vmax=limit, linewidths=0)
    ax.scatter(
        rows["rank"].head(_NAMED), values[:_NAMED], s=45, facecolors="none", edgecolors=looks.BLACK, linewidths=1.0
    )
    return dots, [*zip(rows["rank"].head(_NAMED).to_list(), values[:_NAMED].tolist(), strict=True)]
