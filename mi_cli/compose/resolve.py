"""From what was typed to a resolved config: plain values, options for their names, the budget applied.

A resolved config says everything itself, so running it again, from the ``config.yaml`` that a run leaves,
changes nothing. Nothing here imports torch, but for the check that a device is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mi_cli.compose.compose import NO_KEYS, compose, composing, options, parse
from mi_cli.errors import ConfigError, listed, shown
from mi_cli.registry.extras import check_tracker
from mi_cli.registry.lookup import classes, section_class
from mi_cli.registry.plugins import REGISTRIES, find
from mi_cli.schema.config import Budget
from mi_cli.schema.locations import PRIMARY
from mi_cli.schema.search_space import searches
from mi_cli.schema.sweep import GROUPS, get, put
from mi_cli.search.expansion import Expansion, expand
from mi_cli.search.preparation import prepare, without_replaced_axes
from mi_cli.search.storage import check_storage

__all__ = ["Resolved", "resolve"]


_LEAST_STEPS = 20
_LEAST_POINTS = 4
_LEAST_ROWS = {
    "dataset.n_samples": 50,
    "dataset.max_rows": 500,
    "training.batch": 50,
    "split.train": 50,
    "split.val": 50,
    "split.labelled": 10,
    "split.test": 50,
    "split.fresh": 50,
}


@dataclass(frozen=True)
class Resolved:
    """A config that can be run as it stands.

    Args:
        values: the config as plain values.
        expansion: its trials, which are expanded and validated once.
        overrides: what was typed, without Hydra's own settings.
        notices: lines that its user should read.
    """

    values: dict[str, Any]
    expansion: Expansion
    overrides: tuple[str, ...]
    notices: tuple[str, ...] = ()

    def changed(self, **settings: Any) -> Resolved:
        """The same with other top-level settings that no trial's numbers depend on, such as ``threads``."""
        return replace(self, values=self.values | settings, expansion=self.expansion.changed(**settings))


def resolve(overrides: Sequence[str], config_path: Path | None = None, config_name: str = PRIMARY) -> Resolved:
    """Compose, replace the names of options, apply the budget, and check every trial.

    Args:
        overrides: as on the command line; those of Hydra itself (``hydra.…``) may be among them.
        config_path: folder of the primary config; ours unless given. Within a Hydra job, the job's.
        config_name: the primary config.

    Raises:
        ConfigError: one line for each fault.
    """
    with composing(config_path):
        parsed = parse(overrides)
        given = _given(parsed)
        values = compose(overrides, config_name)
        if "experiment" in values:
            name = shown(given.get("experiment"))
            fault = "must begin with the line '# @package _global_'"
            if not isinstance(values["experiment"], Mapping):
                fault = NO_KEYS
            raise ConfigError(f"experiment={name}: its yaml {fault}")
        notices = _without_experiment(values, given)
        prepared = prepare(values, given)
        values, given = prepared.values, prepared.given
        notices += prepared.notices + _replace_axes(values, given)
        values = without_replaced_axes(values, given)
        _replace_names(values, overrides, config_name)
        if values.get("trust") is True:
            values["trust"] = False  # what comes of this is data, and runs again without it
    notices += _leave_out(values, given)
    _apply_budget(values, given)
    _pair_columns(values)
    notices += _leave_unfit(values, given)
    expansion = expand(values)
    if searches(values):
        check_storage(values["search"]["storage"], plan=values.get("plan") is True)
    check_tracker(values.get("tracker"))
    kept = [override.input_line or "" for override in parsed if not override.is_hydra_override()]
    return Resolved(values, expansion, tuple(kept), tuple(notices))


def _given(parsed: Sequence[Any]) -> dict[str, Any]:
    """What the command line says itself, by dotted path; mappings are taken apart."""
    given: dict[str, Any] = {}
    for override in parsed:
        if not override.is_delete() and not override.is_hydra_override() and not override.is_sweep_override():
            given |= _leaves(override.key_or_group, override.value())
    return given


def _leaves(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {path: value}
    return {key: leaf for part, child in value.items() for key, leaf in _leaves(f"{path}.{part}", child).items()}


def _without_experiment(values: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Say what is run where nobody chose it; a saved config has no experiments to choose from."""
    if given.get("experiment") or values.get("name") != "custom" or not options("experiment"):
        return []
    keys = ("procedure", "dataset.name", "estimator.name")
    what = ", ".join(f"{key.removesuffix('.name')}={shown(_at(values, key))}" for key in keys)
    return [f"no experiment is chosen, so this runs {what} (mi-run lists the experiments)"]


def _replace_axes(values: dict[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Drop each axis whose value was given instead: it would overrule that value, and nobody would notice."""
    notices: list[str] = []

    def kept(node: Mapping[str, Any], parents: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, axis in node.items():
            path = parents + str(key)
            if axis is None:  # which takes an axis away
                continue
            if isinstance(axis, Mapping) and (axis or _is_section(values, path)):
                found |= {key: inner} if (inner := kept(axis, f"{path}.")) else {}
            elif path in given and f"sweep.{path}" not in given:
                notices.append(f"{path}={shown(given[path])} replaces the axis sweep.{path}={shown(axis)}")
                if "training.carry" not in given and path == _at(values, "training.carry"):
                    values["training"]["carry"] = None
                    notices.append(f"training.carry=null: there is no axis {path} to carry a model along")
            else:
                found[key] = axis
        return found

    if isinstance(values.get("sweep"), Mapping):
        values["sweep"] = kept(values["sweep"], "")
    return notices


def _replace_names(values: dict[str, Any], overrides: Sequence[str], config_name: str) -> None:
    """Put what each option says in place of its name, in the axes of groups."""
    for group in GROUPS:
        axis = _at(values, f"sweep.{group}")
        if not isinstance(axis, list) or not any(isinstance(option, str) for option in axis):
            continue
        accepted, label = options(group), f"sweep.{group}={shown(axis)}"
        if not accepted:
            raise ConfigError(f"{label}: a saved config has no options; accepted: sections, such as it holds")
        unknown = [option for option in axis if isinstance(option, str) and option not in accepted]
        for option in unknown if group in REGISTRIES else ():
            find(group, option)  # which says more of one that a package adds
        if unknown:
            raise ConfigError(f"{label}: no such {group}: {listed(unknown)}; accepted: {', '.join(accepted)}")
        values["sweep"][group] = [
            {"option": option, **compose([*overrides, f"{group}={option}"], config_name)[group]}
            if isinstance(option, str)
            else option
            for option in axis
        ]


def _leave_out(values: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Take from options that the experiment did not choose what it says of those that it did."""
    notices: list[str] = []
    for group in REGISTRIES:
        axis = _at(values, f"sweep.{group}")
        chosen = isinstance(given.get(group), str) or f"{group}.name" in given
        sections = [values.get(group)] if chosen else []
        for section in sections + (axis if isinstance(axis, list) else []):
            name = section.get("name") if isinstance(section, dict) else None
            own = section_class(group, name)
            if not isinstance(section, dict) or own is None:
                continue
            strange = [key for key in section if key not in own.model_fields and f"{group}.{key}" not in given]
            for key in [key for key in strange if _is_setting(group, key)]:
                setting = f"{group}.{key}={shown(section.pop(key))}"
                notices.append(f"{setting} of the experiment is left out: {name} has no {key}")
    return list(dict.fromkeys(notices))


def _pair_columns(values: dict[str, Any]) -> None:
    """Put the pairs of a table's columns in place of ``sweep.dataset.pair=all``."""
    if _at(values, "sweep.dataset.pair") != "all":
        return
    dataset = values["dataset"]
    if dataset.get("name") != "table":
        raise ConfigError(
            f"sweep.dataset.pair=all: pairs the columns of a table, and dataset.name={shown(dataset.get('name'))}; "
            "accepted: dataset=table"
        )
    from mi_cli.tabular.column_pairs import column_pairs

    values["sweep"]["dataset"]["pair"] = column_pairs(dataset)
    dataset |= {"x": None, "y": None}  # which the pairs are of


def _leave_unfit(values: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Take from the experiment's axis of estimators those that cannot take the columns of a table."""
    axis = _at(values, "sweep.estimator")
    if not isinstance(axis, list) or "sweep.estimator" in given or _at(values, "dataset.name") != "table":
        return []
    try:
        table = _made("dataset", values["dataset"]).opened()
        made = [_made("estimator", option) for option in axis]
    except (ValidationError, ConfigError):
        return []  # every trial will report it
    unfit = [[] if estimator is None else estimator.unfit(table) for estimator in made]
    kept = [option for option, lines in zip(axis, unfit, strict=True) if not lines]
    if not kept:
        return []
    axis[:] = kept
    return [f"left out: {line}" for lines in unfit for line in lines]


def _made(group: str, section: Mapping[str, Any]) -> Any:
    found = section_class(group, section.get("name"))
    return None if found is None else found.model_validate({k: v for k, v in section.items() if k != "option"})


def _is_setting(group: str, key: str) -> bool:
    """Whether some dataset or estimator has the key; ours are asked first, so that others are seldom imported."""
    return any(key in found.model_fields for found in classes(group))


def _apply_budget(values: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Scale steps, rows and seeds by the budget, except for what the command line says itself."""
    try:
        budget = Budget.model_validate(values.get("budget") or {})
    except ValidationError:
        return  # every trial will report it
    _scale(values, "training.steps", partial(_scaled, factor=budget.steps, least=_LEAST_STEPS), given)
    for path, least in _LEAST_ROWS.items():
        _scale(values, path, partial(_scaled, factor=budget.samples, least=least), given)
    _scale(values, "search.trials", partial(_scaled, factor=budget.steps, least=_LEAST_POINTS), given)
    seeds = _at(values, "sweep.seed")
    if isinstance(seeds, list) and "sweep.seed" not in given:
        values["sweep"]["seed"] = seeds[: budget.seeds]
    values["budget"] = {"name": budget.name, "steps": 1.0, "samples": 1.0, "seeds": None}


def _scale(values: dict[str, Any], path: str, scaled: Callable[[Any], Any], given: Mapping[str, Any]) -> None:
    """Scale the value at ``path``, the axis of it, and the value in each option of its group's axis."""
    group, _, key = path.partition(".")
    if path not in given:
        sections = _at(values, f"sweep.{group}")
        for section in [values.get(group), *(sections if isinstance(sections, list) else [])]:
            if isinstance(section, dict) and key in section:
                section[key] = scaled(section[key])
    axis = _at(values, f"sweep.{path}")
    if isinstance(axis, list) and f"sweep.{path}" not in given:
        distinct: list[Any] = []
        for value in map(scaled, axis):
            if value not in distinct:
                distinct.append(value)
        put(values, f"sweep.{path}", distinct)


def _scaled(value: Any, factor: float, least: int) -> Any:
    """``value`` times ``factor``, at least ``least``, never more than it was; shares (up to 1) stay."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 < value < math.inf or factor == 1:
        return value
    return int(min(value, max(least, round(value * factor))))


def _at(values: Mapping[str, Any], path: str) -> Any:
    try:
        return get(values, path)
    except KeyError:
        return None


def _is_section(values: Mapping[str, Any], path: str) -> bool:
    return isinstance(_at(values, path), Mapping)
