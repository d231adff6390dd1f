"""The config of a search in the form that is saved: it names all axes that the search chooses from or repeats."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.registry.lookup import needs_rows
from mi_cli.schema import sweep
from mi_cli.schema.search_space import searches
from mi_cli.schema.sweep import put
from mi_cli.search.space import choices_by_path

__all__ = ["Prepared", "prepare", "without_replaced_axes"]

_METHOD = ("estimator", "representation", "training")  # axes below these are chosen from; the others are repeated


@dataclass(frozen=True)
class Prepared:
    """A prepared config.

    Args:
        values: the config.
        given: what the command line says, by dotted path.
        notices: lines for the user.
    """

    values: dict[str, Any]
    given: dict[str, Any]
    notices: list[str]


def prepare(composed: Mapping[str, Any], typed: Mapping[str, Any]) -> Prepared:
    """Turn lists of ``search.space`` into axes of the sweep, and name the axes to repeat in ``search.repeat``.

    A list that was ``typed`` for the space counts as typed for its axis. The arguments are not changed, and a config
    without a search is returned as it is.

    Raises:
        ConfigError: ``search.space`` is given without a search, or a list of it cannot be an axis.
    """
    values, given = copy.deepcopy(dict(composed)), dict(typed)
    notices: list[str] = []
    if not searches(values):
        if keys := [key for key in given if key.startswith("search.space")]:
            raise ConfigError(Fault(keys[0], given[keys[0]], "there is no search", "search=optuna"))
        return Prepared(values, given, notices)
    section = values["search"]
    space = dict(choices_by_path(section.get("space") or {}))
    values["sweep"] = axes = values.get("sweep") or {}
    section["space"], from_space = {}, set()
    for path, choices in space.items():
        is_typed = any(f"{key}.".startswith(f"search.space.{path}.") for key in given)
        if path in given and not is_typed:
            notices.append(f"{path}={shown(given[path])} replaces search.space.{path}={shown(choices)}")
            continue
        if isinstance(choices, list):
            _check_list(values, path, choices)
            from_space.add(path)
            if is_typed:
                given[f"sweep.{path}"] = choices
            put(axes, path, choices)
        elif choices is not None:  # null removes a range
            _drop(axes, path)
            put(section["space"], path, choices)
    if values.get("claims"):
        values["claims"] = []
        notices.append("claims of the experiment are not judged: a search chooses its settings by their results")
    # The study keeps no rows of data, so a search that is resumed could not plot them.
    values["plots"] = [plot for plot in values.get("plots") or () if not needs_rows(str(plot))]
    if section.get("repeat") is None:
        section["repeat"] = [
            path for path in sweep.axes(values) if path.split(".")[0] not in _METHOD and path not in from_space
        ]
    return Prepared(values, given, notices)


def without_replaced_axes(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with ``search.repeat`` limited to the axes of the sweep, unless it was ``given``.

    An axis to repeat is no longer there where a single value has replaced it.
    """
    if not searches(values) or "search.repeat" in given or not isinstance(values["search"]["repeat"], list):
        return dict(values)
    axes = sweep.axes(values)
    repeat = [path for path in values["search"]["repeat"] if path in axes]
    return {**values, "search": {**values["search"], "repeat": repeat}}


def _check_list(values: Mapping[str, Any], path: str, choices: list[Any]) -> None:
    """Refuse a list that cannot become an axis, with the key that it was written at."""
    key = f"search.space.{path}"
    try:
        sweep.get(values, path)
    except KeyError:
        accepted = "the path of one, such as training.lr"
        raise ConfigError(Fault(key, choices, "no such value in the config", accepted)) from None
    if not choices:
        raise ConfigError(Fault(key, choices, "is empty", "at least one value"))


def _drop(axes: dict[str, Any], path: str) -> None:
    """Remove an axis, and the sections that are empty after that."""
    first, _, rest = path.partition(".")
    if not rest:
        axes.pop(first, None)
    elif isinstance(axes.get(first), dict):
        _drop(axes[first], rest)
        if not axes[first]:
            del axes[first]
