"""Limits, scales and ticks of axes, also where some values are far from the others."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from mi_cli.analysis.intervals import Interval
from mi_cli.plots.parts.labels import number, place, value_label
from mi_cli.plots.parts.settings import Value, are_numbers

__all__ = ["log_limits", "log_scale", "signed_scale", "sweep_ticks", "trace_limits", "value_limits"]

_ROUNDING = 1e-12  # share of the largest value; smaller values are rounding errors of zero
_DWARFS = 10.0  # times the median; with values above that, a linear scale hides the others
_SIDE_TICKS = 3  # on either side of zero
_TICK_COLUMNS = 14  # characters, in the label of a tick
_LETTERS = 16  # of a name in the label of a tick
_LINE_COLUMNS = 14  # characters of an inch of ticks
_LETTER = 0.065  # inches that a letter of an upright label takes
_UPRIGHT = 7  # upright labels of an inch
_TICKS = 8  # values of an axis that get a tick each


def value_limits(points: Iterable[Interval], others: Iterable[float], least: float) -> tuple[tuple[float, float], bool]:
    """Return limits for means and other values; intervals may take up to twice their room, and are cut beyond.

    Args:
        points: means with intervals.
        others: values that must be visible, such as the true MI.
        least: the smallest span.

    Returns:
        The limits, and whether they cut an interval.
    """
    points = list(points)
    needed = [*(point.mean for point in points), *others]
    low, high = min(needed), max(needed)
    reach = 2 * max(high - low, least)
    ends = [end for point in points for end in (point.low, point.high) if end is not None]
    bottom = max(min([low, *ends]), low - reach)
    top = min(max([high, *ends]), high + reach)
    margin = max(0.06 * (top - bottom), (least - top + bottom) / 2)
    cut = any(not bottom <= end <= top for end in ends)
    return (bottom - margin, top + margin), cut


def trace_limits(
    values: Iterable[float], others: Iterable[float], least: float, reach: float = 1.0
) -> tuple[float, float]:
    """Return limits for traces that do not follow a few values far from the rest.

    Args:
        values: of the traces.
        others: values that must be visible, such as the true MI.
        least: the smallest span.
        reach: the outer 2 % of ``values`` at each end are visible as far as ``reach`` times the span of the rest.
    """
    finite = np.array([value for value in values if math.isfinite(value)])
    ends = list(others)
    if len(finite):
        first, last = np.quantile(finite, (0.02, 0.98))
        room = reach * max(last - first, least)
        ends += [max(finite.min(), first - room), min(finite.max(), last + room)]
    if not ends:
        return 0.0, 1.0
    half = 0.55 * max(max(ends) - min(ends), least)
    middle = (min(ends) + max(ends)) / 2
    return float(middle - half), float(middle + half)


def log_limits(values: Iterable[float]) -> tuple[float, float]:
    """Return limits of a log axis for the positive values, without rounding errors of zero."""
    positive = np.array([value for value in values if value > 0 and math.isfinite(value)])
    if not len(positive):
        return 1e-3, 1.0
    positive = positive[positive > _ROUNDING * positive.max()]
    margin = max((positive.max() / positive.min()) ** 0.06, 1.15)
    return float(positive.min() / margin), float(positive.max() * margin)


def log_scale(axis: XAxis | YAxis, values: Iterable[float]) -> None:
    """Set a log scale for ``values``, with ticks that can be read for any number of decades."""
    low, high = log_limits(values)
    _set(axis, "log", low, high)
    decades = math.log10(high / low)
    subs = (1.0,) if decades > 3 else (1.0, 2.0, 5.0) if decades > 0.8 else tuple(map(float, range(1, 10)))
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(_tick))


def signed_scale(axis: XAxis | YAxis, points: Sequence[Interval]) -> None:
    """Set a scale for values of both signs: linear, or logarithmic beyond the first tick if some are far larger."""
    sizes = sorted(abs(point.mean) for point in points if abs(point.mean) > _ROUNDING)
    ends = [end for point in points for end in (point.mean, point.low, point.high, 0.0) if end is not None]
    if not sizes or max(map(abs, ends)) < _DWARFS * sizes[len(sizes) // 2]:
        low, high = (min(ends, default=0.0), max(ends, default=0.0)) if sizes else (-1.0, 1.0)
        margin = 0.06 * (high - low)
        _set(axis, "linear", low - margin, high + margin)
        return
    bend = 10.0 ** math.floor(math.log10(sizes[len(sizes) // 2]))
    _set(axis, "symlog", min(*ends, -bend) * 1.3, max(*ends, bend) * 1.3, linthresh=bend, linscale=1.5)
    decades = range(round(math.log10(bend)), math.ceil(math.log10(max(map(abs, ends)))) + 1)
    ticks = [10.0**decade for decade in decades[:: math.ceil(len(decades) / _SIDE_TICKS)]]
    axis.set_major_locator(FixedLocator([*(-tick for tick in ticks), 0.0, *ticks]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(_tick))


def _set(axis: XAxis | YAxis, scale: str, low: float, high: float, **options: float) -> None:
    ax = axis.axes
    if axis.axis_name == "x":
        ax.set_xscale(scale, **options)
        ax.set_xlim(low, high)
    else:
        ax.set_yscale(scale, **options)
        ax.set_ylim(low, high)


def _tick(value: float, _: object) -> str:
    return number(value) if 0 < abs(value) < 1e-4 else f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def sweep_ticks(ax: Axes, axis: str, values: Sequence[Value]) -> None:
    """Set ticks at ``values`` of an axis of the sweep, on a log scale where numbers span more than a decade.

    Long names are shortened. Where they would meet, they are written upright, and of very many every second or third.
    """
    at = [place(axis, values, value) for value in values]
    names = [value_label(axis, value, _LETTERS) for value in values]
    labels = ["\n".join(textwrap.wrap(name, _TICK_COLUMNS)) for name in names]
    if not are_numbers(values):
        widest = max((len(line) for label in labels for line in label.splitlines()), default=0)
        if widest * len(at) > _LINE_COLUMNS * _width(ax):
            step = math.ceil(len(at) / (_UPRIGHT * _width(ax)))
            ax.set_xticks(at[::step], names[::step], rotation=90)
            _make_room(ax, max(map(len, names[::step])))
        else:
            ax.set_xticks(at, labels)
        ax.set_xlim(-0.5, len(at) - 0.5)
    else:
        if min(at) > 0 and max(at) > 10 * min(at):
            ax.set_xscale("log")
            ax.xaxis.minorticks_off()
        if len(at) <= _TICKS:
            ax.set_xticks(at, labels)


def _make_room(ax: Axes, letters: int) -> None:
    """Make a figure higher by upright labels, once for all its panels."""
    spec, root = ax.get_subplotspec(), ax.get_figure(root=True)
    if spec is not None and root is not None and spec.is_first_col() and spec.is_last_row():
        root.set_figheight(root.get_figheight() + _LETTER * letters)


def _width(ax: Axes) -> float:
    """About the width of a panel, in inches."""
    spec, root = ax.get_subplotspec(), ax.get_figure(root=True)
    assert spec is not None and root is not None  # noqa: S101, PT018 (for the type checker: panels are in a grid)
    return float(0.85 * root.get_figwidth() / spec.get_gridspec().ncols)
