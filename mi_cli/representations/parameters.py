"""The parameters of :class:`InfoMaxEncoder`, checked. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Literal, cast

from pydantic import ValidationError

from mi_cli.errors import ConfigError, Fault
from mi_cli.fields import Activation, Count, Fraction, Positive, Section, Widths
from mi_cli.registry.lookup import objective_class
from mi_cli.representations.objectives.base import Objective
from mi_cli.tabular.source import name_list

__all__ = ["Parameters", "checked_parameters", "chosen_objective", "refuse_absent"]

_ACCEPTED = {
    "dim": "a whole number from 1",
    "hidden": "at most 16 whole numbers from 1",
    "activation": "relu, gelu, tanh or elu",
    "steps": "a whole number from 1",
    "batch": "a whole number from 1, or full",
    "lr": "a finite number above 0",
    "validation": "a number from 0 to below 1",
}


class Parameters(Section):
    """The shape of the network and its training, as :class:`InfoMaxEncoder` describes them."""

    dim: Count
    hidden: Widths
    activation: Activation
    steps: Count
    batch: Count | Literal["full"]
    lr: Positive
    validation: Fraction


def checked_parameters(values: Mapping[str, Any]) -> Parameters:
    """Parameters with their values; ``values`` may have others besides.

    Raises:
        ConfigError: one is not what is accepted; a fault for each.
    """
    given = {name: _plain(values[name]) for name in _ACCEPTED}
    try:
        return Parameters.model_validate(given)
    except ValidationError as error:
        wrong = dict.fromkeys(str(details["loc"][0]) for details in error.errors())
        raise ConfigError(*(Fault(name, given[name], accepted=_ACCEPTED[name]) for name in wrong)) from None


def chosen_objective(objective: Any) -> Objective:
    """An objective: as it is, by its name, or by a mapping with its name and its settings.

    Raises:
        ConfigError: there is no such objective, or it has no such settings.
    """
    if isinstance(objective, Objective):
        return objective
    settings = dict(objective) if isinstance(objective, Mapping) else {"name": objective}
    try:
        cls = objective_class(str(settings.get("name")))
    except ConfigError as error:
        raise ConfigError(*(replace(fault, key="objective") for fault in error.faults)) from None
    try:
        return cast("Objective", cls.model_validate(settings))
    except ValidationError as error:
        raise ConfigError(*(_fault_of_setting(cls, details) for details in error.errors())) from None


def refuse_absent(classes: Any, names: Collection[str]) -> None:
    """Refuse columns of classes that are not there.

    Args:
        classes: ``auto``, or names of columns.
        names: of the columns.

    Raises:
        ConfigError: one is absent, or they are neither.
    """
    if isinstance(classes, str) and classes == "auto":
        return
    if isinstance(classes, str) or not isinstance(classes, Collection):
        raise ConfigError(Fault("classes", classes, accepted="auto, or a list of columns"))
    if absent := [name for name in classes if name not in names]:
        raise ConfigError(Fault("classes", list(classes), f"no column {absent[0]}", name_list(tuple(names))))


def _plain(value: Any) -> Any:
    """A number or array of NumPy as numbers of Python."""
    return value.tolist() if hasattr(value, "tolist") else value


def _fault_of_setting(cls: type[Objective], details: Any) -> Fault:
    """What is wrong with a setting of an objective, in pydantic's words."""
    key = ".".join(("objective", *map(str, details["loc"])))
    if details["type"] == "extra_forbidden":
        return Fault(key, details["input"], "unknown setting", ", ".join(cls.model_fields))
    return Fault(key, details["input"], " ".join(str(details["msg"]).split()))
