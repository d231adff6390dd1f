"""How figures look: one palette, one look for each method, names and units of what is on an axis, grids of panels."""

from __future__ import annotations

import math
import textwrap
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from mi_cli.plots.settings import Setting, Value, numeric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

    from mi_cli.analysis.intervals import Interval
    from mi_cli.records.results import Records

__all__ = [
    "BLACK",
    "DASHES",
    "FEW",
    "GREY",
    "MI",
    "MSE",
    "PALETTE",
    "TRUTH",
    "Grid",
    "Look",
    "axis_label",
    "empty_figure",
    "interval_marks",
    "legend",
    "look",
    "note",
    "number",
    "palette_look",
    "panel_title",
    "place",
    "rank",
    "seed_marks",
    "setting_label",
    "tidy",
    "title",
    "truth_label",
    "value_label",
]

# Okabe and Ito (2008), without the yellow that white swallows.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

FEW = 4  # fewer points than that need markers to be seen as a line

_LEAST_WIDTH = 6.4  # inches of a figure
_LINE = 0.17  # inches of height for a line of the title or the legend
_COLUMNS = 12  # characters an inch, in titles
_LABEL_COLUMNS = 30  # characters, in the label of an axis
_MANY = 4  # panels side by side; more are drawn narrower

MI = "mutual information (nats)"
MSE = "MSE (label units²)"
DASHES = ((0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 3)))
TRUTH: dict[str, Any] = {"color": BLACK, "linestyle": DASHES[0], "linewidth": 1.1, "zorder": 4}


@dataclass(frozen=True)
class Look:
    """Name, colour and marker of a series."""

    label: str
    colour: str
    marker: str
    filled: bool = True

    def among(self, setting: str, index: int) -> Look:
        """This look for one of several settings: its own colour, a marker for the setting."""
        return replace(self, label=f"{self.label}, {setting}", marker=MARKERS[index % len(MARKERS)])


_METHODS = {
    "mine": Look("MINE", BLUE, "o"),
    "dv": Look("DV", ORANGE, "s"),
    "linear": Look("discriminator", GREEN, "D"),
    "auto": Look("auto", BLUE, "o"),
    "nearest": Look("nearest", VERMILLION, "D"),
    "copula": Look("copula", GREEN, "^"),
    "linear_regression": Look("linear regression", BLACK, "o"),
    "ridge": Look("ridge regression", SKY, "s"),
    "kernel_ridge": Look("kernel ridge", BLUE, "D"),
    "supervised_network": Look("supervised network", ORANGE, "P"),
    "pca": Look("PCA code", GREEN, "^"),
    "random_encoder": Look("untrained encoder", PURPLE, "v"),
    "mi_encoder": Look("MI encoder", VERMILLION, "X"),
}
_TRAINING = "_training"

# Short name in a setting, long name beside an axis, and what one unit of the value stands for.
_AXES = {
    "method": ("method", "method", 1),
    "dataset": ("data", "data set", 1),
    "dataset.rho": ("ρ", "correlation ρ of x and y", 1),
    "dataset.mi": ("MI", "true MI (nats)", 1),
    "dataset.dim": ("dimension", "dimension of x and of y", 1),
    "dataset.terms": ("terms", "polynomial terms (columns of x)", 1),
    "dataset.powers": ("columns", "columns of x (7 for each power)", 7),
    "dataset.n_samples": ("rows", "rows of the data set", 1),
    "noise.scale": ("noise", "noise on the columns of x (standard deviation)", 1),
    "representation.dim": ("code dimension", "dimension of the code z", 1),
    "representation.noise": ("code noise", "noise on the code z (standard deviation)", 1),
    "split.labelled": ("labelled", "labelled rows", 1),
    "estimator.critic": ("critic", "critic", 1),
    "estimator.hidden": ("critic widths", "widths of the critic", 1),
    "estimator.bias": ("bias", "bias", 1),
    "training.lr": ("learning rate", "learning rate", 1),
    "training.steps": ("steps", "training steps", 1),
    "training.batch": ("batch", "rows in a training step", 1),
}  # fmt: skip


def look(method: str) -> Look:
    """The look of a method, the same in every figure; one that is not listed gets one by its name."""
    if method.endswith(_TRAINING):
        base = look(method.removesuffix(_TRAINING))
        return replace(base, label=f"{base.label}, training value", filled=False)
    if method in _METHODS:
        return _METHODS[method]
    code = zlib.crc32(method.encode())
    return Look(method.replace("_", " "), PALETTE[code % len(PALETTE)], MARKERS[code // len(PALETTE) % len(MARKERS)])


def rank(method: str) -> int:
    """Where a method stands in a list of methods."""
    return list(_METHODS).index(method) if method in _METHODS else len(_METHODS)


def palette_look(label: str, index: int) -> Look:
    """The look of the ``index``-th of some series that are not methods."""
    return Look(label, PALETTE[index % len(PALETTE)], MARKERS[index % len(MARKERS)], index < len(PALETTE))


def axis_label(axis: str, values: Sequence[Value] = ()) -> str:
    """What stands beside an axis of a figure for an axis of a sweep."""
    if axis == "split.labelled" and values and numeric(values) and max(map(float, values)) <= 1:  # type: ignore[arg-type]
        return "share of rows that are labelled"
    return _AXES[axis][1] if axis in _AXES else _plain(axis)


def value_label(axis: str, value: Value) -> str:
    """A value of an axis of a sweep, as text."""
    if axis == "method":
        return look(str(value)).label
    if isinstance(value, float):
        return f"{place(axis, [value], value):.6g}".replace("e+", "e")
    return "none" if value is None else _plain(str(value))


def setting_label(setting: Setting) -> str:
    """A setting in words, such as ``ρ = 0.6, critic = linear``."""
    return ", ".join(
        f"{_AXES[axis][0] if axis in _AXES else _plain(axis)} = {value_label(axis, value)}"
        for axis, value in setting.pairs
    )


def _plain(text: str) -> str:
    return text.replace("$", r"\$")


@dataclass(frozen=True)
class Grid:
    """A white figure with panels at some places of a grid, and room for all labels.

    Args:
        figure: with a constrained layout.
        panels: by their place ``(row, column)``.
    """

    figure: Figure
    panels: dict[tuple[int, int], Axes]

    @classmethod
    def at(
        cls,
        places: Sequence[tuple[int, int]],
        size: tuple[float, float],
        *,
        least_width: float = _LEAST_WIDTH,
        **subplots: Any,
    ) -> Grid:
        """Panels of about ``size`` inches at ``places`` (row, column)."""
        n_rows, n_cols = (max(place[i] for place in places) + 1 for i in (0, 1))
        width = max(size[0] * (n_cols if n_cols <= _MANY else 0.85 * n_cols) + 0.3, least_width)
        fig = Figure((width, size[1] * n_rows + 0.4), layout="constrained", facecolor="white")
        drawn = fig.subplots(n_rows, n_cols, squeeze=False, **subplots)
        for place in np.ndindex(n_rows, n_cols):
            if place not in places:
                drawn[place].remove()
        panels = {place: drawn[place] for place in places}
        for ax in panels.values():
            tidy(ax)
        return cls(fig, panels)

    def label(self, x: str, y: str | Mapping[int, str]) -> None:
        """Label x below the lowest panel of each column, and y (of all rows, or by row) beside the first of each."""
        for (row, column), ax in self.panels.items():
            if row == max(r for r, c in self.panels if c == column):
                ax.set_xlabel(x, fontsize=9)
                ax.tick_params(labelbottom=True)
            if column == min(c for r, c in self.panels if r == row):
                text = y if isinstance(y, str) else y[row]
                ax.set_ylabel("\n".join(textwrap.wrap(text, _LABEL_COLUMNS)), fontsize=9)
        self.figure.align_ylabels()


def tidy(ax: Axes) -> None:
    """A panel without a box, with a light grid behind the data and small tick labels."""
    ax.set_facecolor("white")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8)
    ax.yaxis.get_offset_text().set_fontsize(8)


def empty_figure(records: Records, what: str, reason: str) -> Figure:
    """A figure that says why it shows nothing."""
    grid = Grid.at([(0, 0)], (5.0, 1.5))
    ax = grid.panels[0, 0]
    ax.set_axis_off()
    ax.text(0.5, 0.5, reason, ha="center", va="center", fontsize=10, color=GREY, transform=ax.transAxes)
    title(grid.figure, records, what)
    return grid.figure


def title(fig: Figure, records: Records, what: str, *remarks: str) -> None:
    """What the figure shows; then experiment, variant, seeds, budget and trials lost; then remarks."""
    summary = records.summary
    seeds = records.results["seed"].n_unique()
    run = [f"{summary['name']}", f"{summary['variant']} variant", f"{seeds} seed{'s' * (seeds != 1)}"]
    if summary["budget"] != "full":
        run.append(f"budget {summary['budget']}")
    total = sum(summary["trials"].values())
    run += [f"{n} of {total} trials {status}" for status, n in summary["trials"].items() if status != "ok"]
    columns = int(fig.get_figwidth() * _COLUMNS)
    text = [line for parts, by in (([what], ""), (run, ", "), (remarks, "; ")) for line in _packed(parts, by, columns)]
    fig.set_figheight(fig.get_figheight() + 0.15 + _LINE * len(text))
    fig.suptitle("\n".join(text), fontsize=9.5, linespacing=1.3)


def _packed(parts: Sequence[str], separator: str, columns: int) -> list[str]:
    """Parts on as few lines as hold them, broken between parts where that can be."""
    lines: list[str] = []
    for part in filter(None, parts):
        if lines and len(lines[-1]) + len(separator) + len(part) <= columns:
            lines[-1] += separator + part
            continue
        if lines:
            lines[-1] += separator.rstrip()
        lines += textwrap.wrap(part, columns)
    return lines


def legend(fig: Figure) -> None:
    """A legend below the panels of all that is labelled in them, in as many columns as fit."""
    found: dict[str, Any] = {}
    for ax in fig.axes:
        for item, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, item)
    if not found:
        return
    fit = int((fig.get_figwidth() - 0.3) / (0.55 + 0.06 * max(map(len, found))))
    rows = math.ceil(len(found) / max(1, fit))
    fig.set_figheight(fig.get_figheight() + 0.15 + _LINE * rows)
    fig.legend(
        list(found.values()),
        list(found),
        loc="outside lower center",
        ncols=math.ceil(len(found) / rows),
        frameon=False,
        fontsize=8,
    )


def panel_title(ax: Axes, setting: Setting, *lines: str) -> None:
    """A panel's title: its setting, wrapped to the panel's width, and further lines; empty ones are left out."""
    spec = ax.get_subplotspec()
    root = ax.get_figure(root=True)
    assert spec is not None and root is not None  # noqa: S101, PT018 (for the type checker: panels are in a grid)
    columns = int(_COLUMNS * root.get_figwidth() / spec.get_gridspec().ncols)
    parts = [*_packed([setting_label(Setting((pair,))) for pair in setting.pairs], ", ", columns), *filter(None, lines)]
    ax.set_title("\n".join(parts), fontsize=8.5)


def number(value: float) -> str:
    """A very small or large number, short."""
    digits, _, power = f"{value:.0e}".partition("e")
    return f"{digits}e{int(power)}".replace("-", "\N{MINUS SIGN}")


def truth_label(true_mi: float | None) -> str:
    """The true MI in words; nothing where it is not known."""
    if true_mi is None:
        return ""
    return "true MI = ∞" if math.isinf(true_mi) else f"true MI = {true_mi:.4f} nats"


def _marks(shown: Look) -> dict[str, Any]:
    return {
        "color": shown.colour,
        "marker": shown.marker,
        "markersize": 5,
        "markerfacecolor": shown.colour if shown.filled else "white",
        "markeredgewidth": 0.0 if shown.filled else 1.0,
    }


def interval_marks(
    ax: Axes,
    points: Sequence[tuple[float, Interval]],
    shown: Look,
    *,
    horizontal: bool = False,
    line: bool = False,
    dodge: float = 0.0,
) -> None:
    """Means with their intervals, where they have one, at places along the other axis.

    Args:
        ax: panel.
        points: ``(place, interval)``.
        shown: look of the series.
        horizontal: the values run from left to right.
        line: connect the means.
        dodge: points of 1/72 inch by which the marks are moved aside, to be seen beside those of other series.
    """
    if not points:
        return
    at = np.array([place for place, _ in points])
    means = np.array([value.mean for _, value in points])
    ends = np.array([[math.nan if end is None else end for end in (value.low, value.high)] for _, value in points])
    style = _marks(shown) | {"linestyle": "-" if line else "none", "linewidth": 1.1, "elinewidth": 1.1}
    x, y = (means, at) if horizontal else (at, means)
    errors = {"xerr" if horizontal else "yerr": np.abs(ends.T - means)}
    place = _aside(ax, dodge, horizontal=horizontal)
    ax.errorbar(x, y, **errors, **style, ecolor=(shown.colour, 0.6), label=shown.label, transform=place, zorder=3)
    ax.update_datalim(np.column_stack([x, y]))  # which a transform of one's own leaves undone
    ax.autoscale_view()


def seed_marks(
    ax: Axes, points: Sequence[tuple[float, float]], shown: Look, *, horizontal: bool = False, dodge: float = 0.0
) -> None:
    """Small points for single seeds, ``(place, value)``, placed as :func:`interval_marks` places their mean."""
    if not points:
        return
    at, values = zip(*points, strict=True)
    ax.scatter(*((values, at) if horizontal else (at, values)), s=8, alpha=0.5, linewidths=0, color=shown.colour,
               transform=_aside(ax, dodge, horizontal=horizontal), zorder=3.5)  # fmt: skip


def _aside(ax: Axes, dodge: float, *, horizontal: bool) -> Transform:
    root = ax.get_figure(root=True)
    assert root is not None  # noqa: S101 (for the type checker: panels have a figure)
    move = (0.0, dodge / 72) if horizontal else (dodge / 72, 0.0)
    return ax.transData + ScaledTranslation(*move, root.dpi_scale_trans)


def note(ax: Axes, text: str, *, where: str = "upper left", colour: str = GREY) -> None:
    """Small text in a corner of a panel, or in its centre (``centre centre``)."""
    if not text:
        return
    vertical, horizontal = where.split()
    ax.text(
        {"left": 0.03, "centre": 0.5, "right": 0.97}[horizontal],
        {"upper": 0.96, "centre": 0.5, "lower": 0.04}[vertical],
        text,
        ha={"centre": "center"}.get(horizontal, horizontal),
        va={"upper": "top", "centre": "center", "lower": "bottom"}[vertical],
        fontsize=7.5,
        color=colour,
        transform=ax.transAxes,
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
    )


def place(axis: str, values: Sequence[Value], value: Value) -> float:
    """Where one of an axis's ``values`` lies in a figure: by its number, or by its turn where not all are numbers."""
    if isinstance(value, float) and numeric(values):
        return value * _AXES[axis][2] if axis in _AXES else value
    return float(values.index(value))
