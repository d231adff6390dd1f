"""The true MI between the values of an axis, where a dataset knows it in closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from mi_cli.datasets.base import Dataset
from mi_cli.errors import ConfigError
from mi_cli.plots.parts.settings import Setting
from mi_cli.records.results import Records
from mi_cli.registry.lookup import section_class

__all__ = ["depends_on_data", "truth_between"]

_STEPS = 100  # of a curve
_AGREES = 1e-6  # relative, with the truth that is recorded
_SECTION, _NOISE = "dataset.", "noise.scale"


def depends_on_data(axis: str) -> bool:
    """Whether an axis changes the data, and with them the true MI."""
    return axis.split(".")[0] in ("dataset", "noise", "shift")


def truth_between(
    records: Records, axis: str, others: Setting, known: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return the true MI along an axis, as the dataset's closed form has it.

    Args:
        records: of the run.
        axis: of numbers, which the true MI depends on.
        others: values of other axes that it depends on.
        known: pairs ``(value, true MI)`` that are recorded, where this is finite; at least two.

    Returns:
        Many pairs ``(value, true MI)`` between the least and the largest value. Empty where no closed form agrees with
        what is recorded: it is by Monte Carlo, the axis has whole numbers only, or other settings matter.
    """
    if not (axis == _NOISE or axis.startswith(_SECTION)):
        return []
    try:
        recorded = [_truth(records.config, axis, others, value) for value, _ in known]
        if any(
            found is None or not math.isclose(found, truth, rel_tol=_AGREES, abs_tol=_AGREES)
            for found, (_, truth) in zip(recorded, known, strict=True)
        ):
            return []
        values = np.linspace(min(known)[0], _last(records, axis), _STEPS + 1).tolist()
        curve = [(value, _truth(records.config, axis, others, value)) for value in values]
    except (ValidationError, ConfigError):  # a value between those of the axis is not one that the dataset takes
        return []
    return [(value, truth) for value, truth in curve if truth is not None and math.isfinite(truth)]


def _last(records: Records, axis: str) -> float:
    """The largest value of an axis, also where the true MI is infinite there."""
    return float(max(cell[axis] for cell in records.summary["cells"] if isinstance(cell.get(axis), int | float)))


def _truth(config: Mapping[str, Any], axis: str, others: Setting, value: float) -> float | None:
    """The true MI at a value of an axis; None where it is not known in closed form."""
    section = dict(config["dataset"])
    noise = config.get("noise") or {}
    scale = float(noise.get("scale") or 0.0)
    for name, own in (*others.pairs, (axis, value)):
        if name == _NOISE and isinstance(own, float):
            scale = own
        elif name.startswith(_SECTION) and name.count(".") == 1:
            section[name.removeprefix(_SECTION)] = own
        else:
            return None
    chosen = section_class("dataset", str(section.get("name")))
    if chosen is None or not issubclass(chosen, Dataset) or chosen.true_mi_stderr is not Dataset.true_mi_stderr:
        return None
    return chosen.model_validate(section).true_mi(scale)
