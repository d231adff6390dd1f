"""The axes of a config: values that replace them, sections in place of names, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import ValidationError

from mi_cli.compose.composition_errors import NO_GROUPS
from mi_cli.compose.draft import Draft
from mi_cli.errors import ConfigError, Fault, closest, listed, shown
from mi_cli.registry.lookup import classes, procedure_class, section_class
from mi_cli.registry.plugins import REGISTRIES, find
from mi_cli.schema.sweep import GROUPS, left_out_note

__all__ = [
    "drop_replaced_axes",
    "leave_out_settings_of_others",
    "leave_out_unfit_estimators",
    "replace_option_names",
    "replace_pair_all",
    "share_rows_of_table",
]


_PARTS = ("train", "val", "labelled", "test", "fresh")  # of the split


class Composes(Protocol):
    """What composes configs."""

    def compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The composed config."""

    def options(self, group: str) -> list[str]:
        """The options of a group."""


def drop_replaced_axes(draft: Draft) -> Draft:
    """Drop each axis whose value was typed instead: the axis would overrule that value without a word."""
    notices: list[str] = []
    values = draft.copied()

    def kept(node: Mapping[str, Any], parents: str) -> dict[str, Any]:
        axes: dict[str, Any] = {}
        for key, axis in node.items():
            path = parents + str(key)
            if axis is None:  # null takes an axis away
                continue
            if isinstance(axis, Mapping) and (axis or isinstance(draft.get(path), Mapping)):
                axes |= {key: inner} if (inner := kept(axis, f"{path}.")) else {}
            elif path in draft.typed and f"sweep.{path}" not in draft.typed:
                notices.append(f"{path}={shown(draft.typed[path])} replaces the axis sweep.{path}={shown(axis)}")
                if "training.carry" not in draft.typed and path == draft.get("training.carry"):
                    values["training"]["carry"] = None
                    notices.append(f"training.carry=null: there is no axis {path} to carry a model along")
            else:
                axes[key] = axis
        return axes

    if isinstance(values.get("sweep"), Mapping):
        values["sweep"] = kept(values["sweep"], "")
    return draft.changed(values, notices)


def replace_option_names(draft: Draft, source: Composes, overrides: Sequence[str]) -> Draft:
    """Put the section of each option in place of its name, in the axes of groups.

    The section is the one that a run with that option has: defaults of the option, what the experiment and the variant
    say of the group, what was typed for it, interpolations resolved. What these come to may depend on the choice
    itself, since defaults lists and values may refer to it (as ``${variant}_${experiment}`` does). So each option is
    composed as a whole config; a config without names in axes is composed once.
    """
    values = draft.copied()
    for group in GROUPS:
        axis = draft.get(f"sweep.{group}")
        if not isinstance(axis, list) or not any(isinstance(option, str) for option in axis):
            continue
        _check_names(group, axis, source.options(group))
        values["sweep"][group] = [
            {"option": option, **source.compose([*overrides, f"{group}={option}"])[group]}
            if isinstance(option, str)
            else option
            for option in axis
        ]
    return draft.changed(values)


def _check_names(group: str, axis: Sequence[Any], accepted: Sequence[str]) -> None:
    """Refuse names that are no options of the group."""
    key = f"sweep.{group}"
    if not accepted:
        raise ConfigError(Fault(key, axis, NO_GROUPS, "sections, such as the saved config has"))
    unknown = [option for option in axis if isinstance(option, str) and option not in accepted]
    for option in unknown if group in REGISTRIES else ():
        find(group, option)  # raises the reason, if a package adds an option that cannot be used
    if unknown:
        meant = [closest(option, accepted) if option in unknown else option for option in axis]
        command = "" if None in meant else f"{key}={shown(meant)}"
        raise ConfigError(Fault(key, axis, f"no such {group}: {listed(unknown)}", ", ".join(accepted), command))


def leave_out_settings_of_others(draft: Draft) -> Draft:
    """Take settings from options that do not have them: the experiment sets them for the options that it chooses."""
    notices: list[str] = []
    values = draft.copied()
    for group in REGISTRIES:
        axis = (values.get("sweep") or {}).get(group) if isinstance(draft.get("sweep"), Mapping) else None
        is_chosen = isinstance(draft.typed.get(group), str) or f"{group}.name" in draft.typed
        sections = [values.get(group)] if is_chosen else []
        for section in sections + (axis if isinstance(axis, list) else []):
            name = section.get("name") if isinstance(section, dict) else None
            own = section_class(group, name)
            if not isinstance(section, dict) or own is None:
                continue
            strange = [key for key in section if key not in own.model_fields and f"{group}.{key}" not in draft.typed]
            for key in [key for key in strange if _is_setting(group, key)]:
                setting = f"{group}.{key}={shown(section.pop(key))}"
                notices.append(f"{setting} of the experiment is left out: {name} has no {key}")
    return draft.changed(values, dict.fromkeys(notices))


def _is_setting(group: str, key: str) -> bool:
    """Whether some dataset or estimator has the key; ours are asked first, so that others are seldom imported."""
    return any(key in section.model_fields for section in classes(group))


def share_rows_of_table(draft: Draft) -> Draft:
    """Split the rows of a table by shares where the config has numbers of rows that are drawn besides.

    A table has no rows beside those that are split. What was typed is kept.
    """
    dataset = section_class("dataset", draft.get("dataset.name"))
    split, axes = draft.get("split"), draft.get("sweep.split")
    if not getattr(dataset, "finite", False) or not isinstance(split, Mapping):
        return draft
    untyped = [part for part in _PARTS if f"split.{part}" not in draft.typed and part in split]
    axes = {part: axis for part, axis in (axes if isinstance(axes, Mapping) else {}).items() if part in untyped}
    axes = {part: axis for part, axis in axes.items() if isinstance(axis, list) and any(map(_is_many, axis))}
    if not any(_is_many(split[part]) for part in untyped) and not axes:
        return draft
    values, name = draft.copied(), str(draft.get("procedure"))
    shares = {**procedure_class(name).shares, "fresh": 0}
    values["split"] |= {part: shares[part] for part in untyped}
    for part in axes:
        del values["sweep"]["split"][part]
    if axes and not values["sweep"]["split"]:
        del values["sweep"]["split"]
    typed = {part: value for part, value in values["split"].items() if part in _PARTS}
    notices = [f"split={shown(typed)}: a table has no rows beside those that are split into these shares"]
    notices += [f"sweep.split.{part}={shown(axis)} of the experiment is left out" for part, axis in axes.items()]
    return draft.changed(values, notices)


def _is_many(part: Any) -> bool:
    """Whether a part of the split is a number of rows, and not a share."""
    return isinstance(part, int | float) and part > 1


def replace_pair_all(draft: Draft) -> Draft:
    """Put the pairs of a table's columns in place of ``sweep.dataset.pair=all``."""
    if draft.get("sweep.dataset.pair") != "all":
        return draft
    dataset = draft.values["dataset"]
    if dataset.get("name") != "table":
        problem = f"pairs the columns of a table, and dataset.name={shown(dataset.get('name'))}"
        raise ConfigError(Fault("sweep.dataset.pair", "all", problem, "dataset=table"))
    from mi_cli.tabular.column_pairs import pairs_and_notes  # imports polars, which no other config needs

    values = draft.copied()
    values["sweep"]["dataset"]["pair"], notes = pairs_and_notes(dataset)
    values["dataset"] |= {"x": None, "y": None}  # the pairs are of these
    return draft.changed(values, notes)


def leave_out_unfit_estimators(draft: Draft) -> Draft:
    """Take from the experiment's axis of estimators those that cannot take the columns of the dataset, or its z.

    Where datasets are an axis that was typed, each of their trials leaves out its own (``leave_out_unfit``). Estimators
    that were typed are refused.
    """
    axis = draft.get("sweep.estimator")
    if not isinstance(axis, list) or "sweep.estimator" in draft.typed or "leave_out_unfit" in draft.typed:
        return draft
    if any(path.split(".")[:2] == ["sweep", "dataset"] for path in draft.typed):
        return draft.changed({**draft.values, "leave_out_unfit": True})
    try:
        dataset = _section("dataset", draft.values["dataset"])
        if dataset is None:
            return draft
        table = dataset.opened()
        estimators = [_section("estimator", option) for option in axis]
    except (ValidationError, ConfigError):
        return draft  # every trial reports it
    unfit = [[] if estimator is None else estimator.refusals(table) for estimator in estimators]
    kept = [option for option, faults in zip(axis, unfit, strict=True) if not faults]
    if not kept:
        return draft
    values = draft.copied()
    values["sweep"]["estimator"] = kept
    return draft.changed(values, [left_out_note(fault) for faults in unfit for fault in faults])


def _section(group: str, section: Mapping[str, Any]) -> Any:
    """The dataset or estimator that a section describes; None where its name is unknown."""
    described = section_class(group, section.get("name"))
    return None if described is None else described.model_validate({k: v for k, v in section.items() if k != "option"})
