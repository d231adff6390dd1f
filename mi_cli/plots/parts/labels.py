"""Words and numbers in figures: names and units of axes, values of settings, the true MI."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.analysis.pairwise import AXIS
from mi_cli.plots.parts.looks import look
from mi_cli.plots.parts.settings import Setting, Value, are_numbers

__all__ = [
    "MI",
    "MSE",
    "PAIR",
    "axis_label",
    "measure",
    "number",
    "place",
    "plain",
    "setting_label",
    "short",
    "side",
    "truth_label",
    "value_label",
]

PAIR = " – "  # between the two columns of a pair
MI = "mutual information (nats)"
MSE = "MSE (label units²)"

# Of each axis of a sweep: its name in a setting, its name beside an axis of a figure, and what one unit counts as.
_AXES = {
    "method": ("method", "method", 1),
    AXIS: ("pair", "pair of columns", 1),
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


def measure(summary: Mapping[str, Any], name: str = "mutual information") -> str:
    """What the estimates of a run are of: ``name``, or I(x; y | z) where there is a z."""
    return str(summary.get("measure", name))


def short(name: str, letters: int = 28) -> str:
    """A name of at most so many letters, without its middle where it is longer, as :func:`plain` text.

    >>> short("systolic_blood_pressure_mmHg", 15)
    'systoli…re_mmHg'
    """
    if len(name) > letters:
        head = letters // 2
        name = f"{name[:head]}…{name[len(name) - (letters - head - 1) :]}"
    return plain(name)


def side(summary: Mapping[str, Any], name: str, most: int = 4) -> str:
    """The columns of x, y or z in somebody's own table, as many as ``most``; an empty text where there are none."""
    names = [short(str(column["column"])) for column in (summary.get("data") or {}).get(name) or ()]
    return ", ".join(names[:most]) + f", ... ({len(names):,})" * (len(names) > most)


def axis_label(axis: str, values: Sequence[Value] = ()) -> str:
    """Return the label of an axis of a figure that shows an axis of a sweep."""
    is_share = values and are_numbers(values) and max(map(float, values)) <= 1  # type: ignore[arg-type]
    if axis == "split.labelled" and is_share:
        return "share of rows that are labelled"
    return _AXES[axis][1] if axis in _AXES else plain(axis)


def value_label(axis: str, value: Value, letters: int | None = None) -> str:
    """Return a value of an axis of a sweep as text; a pair of columns as ``a – b``.

    Args:
        axis: of the sweep.
        value: of it.
        letters: of each name, of which more are left out in its middle; None for all.
    """
    if axis == "method":
        return look(str(value)).label
    if axis == AXIS and (columns := _pair(value)):
        return PAIR.join(short(name, letters) if letters else plain(name) for name in columns)
    if isinstance(value, float):
        return f"{place(axis, [value], value):.6g}".replace("e+", "e")
    return "none" if value is None else (short(str(value), 2 * letters) if letters else plain(str(value)))


def _pair(value: Value) -> list[str]:
    """The two columns of a pair, which records have as a JSON list; none where it is something else."""
    with contextlib.suppress(ValueError):
        columns = json.loads(str(value))
        if isinstance(columns, list) and len(columns) == 2:
            return [str(name) for name in columns]
    return []


def setting_label(setting: Setting, letters: int | None = None) -> str:
    """Return a setting in words, such as ``ρ = 0.6, critic = linear``; for ``letters`` see :func:`value_label`."""
    return ", ".join(
        f"{_AXES[axis][0] if axis in _AXES else plain(axis)} = {value_label(axis, value, letters)}"
        for axis, value in setting.pairs
    )


def plain(text: str) -> str:
    """Text without mathematics, which matplotlib takes dollars for."""
    return text.replace("$", r"\$")


def number(value: float) -> str:
    """Return a very small or large number with one digit, such as ``2e−7``."""
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    digits, _, power = f"{value:.0e}".partition("e")
    return f"{digits}e{int(power)}".replace("-", "\N{MINUS SIGN}")


def truth_label(true_mi: float | None) -> str:
    """Return the true MI in words; an empty text where it is unknown."""
    if true_mi is None:
        return ""
    return "true MI = ∞" if math.isinf(true_mi) else f"true MI = {true_mi:.4f} nats"


def place(axis: str, values: Sequence[Value], value: Value) -> float:
    """Return where a value lies on an axis of a figure: its number, or its index if not all ``values`` are numbers."""
    if isinstance(value, float) and are_numbers(values):
        return value * _AXES[axis][2] if axis in _AXES else value
    return float(values.index(value))
