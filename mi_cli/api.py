"""``mi_cli.estimate``: the MI of arrays and frames in memory, as ``mi-run experiment=estimate`` has it for a file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, overload

import yaml
from pydantic import ValidationError

from mi_cli import execution, procedures
from mi_cli.analysis.answer import Answer, answer
from mi_cli.analysis.facts import Facts
from mi_cli.datasets.table import Table
from mi_cli.display.units import Units, check_units
from mi_cli.errors import ConfigError, Fault
from mi_cli.estimators.base import Estimator
from mi_cli.execution.hardware import threads
from mi_cli.lazy import torch
from mi_cli.problems import Estimate
from mi_cli.procedures.base import estimate_fields, procedure
from mi_cli.registry import plugins
from mi_cli.registry.lookup import section_class
from mi_cli.schema.config import Config, validate
from mi_cli.schema.locations import config_folder
from mi_cli.training.context import Context
from mi_cli.training.threads import one_thread

__all__ = ["estimate"]

_SETTINGS = ("dataset", "estimator", "evaluation", "fit", "folds", "noise", "split", "threads", "training")
_TABLE = ("classes", "exclude", "max_rows", "missing", "n_samples", "share", "transform")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@overload
def estimate(
    x: Any,
    y: Any,
    estimator: None = None,
    *,
    z: Any = None,
    seed: int = 0,
    groups: Any = None,
    time: Any = None,
    missing: str | None = None,
    exclude: Sequence[str] | None = None,
    pointwise: bool = False,
    settings: Mapping[str, Any] | None = None,
    units: Units = "nats",
    progress: Literal["auto", "bar", "lines", "none"] = "none",
) -> Answer: ...
@overload
def estimate(
    x: Any,
    y: Any,
    estimator: str | Estimator,
    *,
    z: Any = None,
    seed: int = 0,
    groups: Any = None,
    time: Any = None,
    missing: str | None = None,
    exclude: Sequence[str] | None = None,
    pointwise: bool = False,
    settings: Mapping[str, Any] | None = None,
    units: Units = "nats",
    progress: Literal["auto", "bar", "lines", "none"] = "none",
) -> Estimate: ...
def estimate(
    x: Any,
    y: Any,
    estimator: str | Estimator | None = None,
    *,
    z: Any = None,
    seed: int = 0,
    groups: Any = None,
    time: Any = None,
    missing: str | None = None,
    exclude: Sequence[str] | None = None,
    pointwise: bool = False,
    settings: Mapping[str, Any] | None = None,
    units: Units = "nats",
    progress: Literal["auto", "bar", "lines", "none"] = "none",
) -> Answer | Estimate:
    """Estimate the MI of x and y, with the settings and the numbers of ``mi-run experiment=estimate``.

    The command trains folds in parts where it has several threads, and differs by rounding in float32.

    Args:
        x: rows of numbers, booleans or text, ``(n,)`` or ``(n, dim_x)``: a NumPy array, a tensor, a frame or series of
            Polars or pandas, or a list. Text, booleans and whole numbers with few values are classes. None, NaN and the
            masked values of a masked array are missing. Of several columns, those that are constant or hold dates or
            free text are left out, and of a frame those that only number its rows, with a warning (UserWarning).
        y: as many rows, ``(n,)`` or ``(n, dim_y)``.
        z: as many rows, ``(n,)`` or ``(n, dim_z)``, that the MI is conditional on: I(x; y | z). None for I(x; y).
        estimator: a name that ``mi-run --help`` lists, an estimator such as ``Mine(hidden=(64, 64))``, or None for all.
        seed: of folds, weights and batches. The same seed gives the same estimate.
        groups: a label for each row, ``(n,)``; rows of one group are never on both sides of a split.
        time: a number or date for each row, ``(n,)``, to sort by. Neighbours in time are treated as groups are.
        missing: ``"error"``, ``"drop"`` (rows) or ``"impute"`` (medians, frequent classes); None: as the settings say.
        exclude: names of columns that are not used, or globs such as ``"*_note"``.
        pointwise: whether critics also give the pointwise MI of each row (``Estimate.pointwise``).
        settings: what differs from ``configs/experiment/estimate.yaml``, such as ``{"training": {"steps": 800}}``.
        units: ``nats`` or ``bits``, of every number and text of the result.
        progress: ``auto`` or ``bar`` (on a terminal or in a notebook), ``lines`` (every ten seconds) or ``none``.

    Returns:
        Without an estimator, an :class:`~mi_cli.analysis.answer.Answer`: one answer from all that can take the columns.
        With one, an :class:`~mi_cli.problems.Estimate`; ``status`` is ``ok``, or ``diverged`` or ``failed`` with a
        ``reason`` and no value. Without training, its p-value is computed when it is first read.

    Raises:
        ConfigError: rows or settings that cannot be used. It is a ValueError, with one line for each fault.

    >>> import numpy as np
    >>> x, noise = np.random.default_rng(0).normal(size=(2, 500))
    >>> estimate(x, x + noise, "copula")
    <Estimate: 0.39 nats (95 %: 0.33 to 0.46), point estimate>
    """
    check_units(units)
    chosen = [estimator] if estimator is not None else _estimators(settings)
    more = _of_arguments(missing, exclude, pointwise)
    trials = [_merged(_values(one, settings) | {"seed": seed}, more) for one in chosen]
    table = _table(x, y, z, groups, time, trials[0])
    fit = trials if estimator is not None else [one for one in trials if not _is_unfit(one, table)] or trials
    made = _estimated(fit, table, progress, units)
    return (made[0] if estimator is not None else _answer(fit, made, table)).in_units(units)


def _of_arguments(missing: str | None, exclude: Sequence[str] | None, pointwise: bool) -> dict[str, Any]:
    """The settings that arguments stand for."""
    given = {key: value for key, value in {"missing": missing, "exclude": exclude}.items() if value is not None}
    return ({"dataset": given} if given else {}) | ({"evaluation": {"pointwise": True}} if pointwise else {})


def _estimated(trials: Sequence[Mapping[str, Any]], table: Table, progress: str, units: str) -> list[Estimate]:
    """An estimate for each trial, in nats."""
    configs = [validate({**values, "dataset": table, "progress": progress}) for values in trials]
    with one_thread():
        if progress == "none":
            return [_estimate(config) for config in configs]
        total = sum(procedure(config).cost(config).steps for config in configs)
        with execution.progress_display.watching(progress, total, len(configs), units, "estimator") as watch:
            return [watch.finished(_estimate(config, advance=watch.advance, watch=watch.watch)) for config in configs]


def _estimate(config: Config, **watched: Any) -> Estimate:
    context = Context(torch.device("cpu"), threads=threads(config), defers_p_values=True, **watched)
    return procedures.estimation.estimate_trial(config, context).changed(level=config.evaluation.level)


def _estimators(settings: Mapping[str, Any] | None) -> list[str]:
    """Names of the estimators of ``experiment=estimate``.

    Raises:
        ConfigError: the settings have those of one estimator.
    """
    if isinstance(settings, Mapping) and "estimator" in settings:
        problem = "is for one estimator, and without estimator= there are several"
        command = 'estimate(x, y, "auto", settings=...)'
        raise ConfigError(Fault("settings.estimator", settings["estimator"], problem, "beside estimator=", command))
    return [option if isinstance(option, str) else option["name"] for option in _estimate_yaml()["sweep"]["estimator"]]


def _answer(trials: Sequence[Mapping[str, Any]], made: Sequence[Estimate], table: Table) -> Answer:
    """The answer of the estimators that can take the columns, with their estimates."""
    estimates = {values["estimator"]["name"]: one for values, one in zip(trials, made, strict=True)}
    rows = [{"method": name} | estimate_fields(one) for name, one in estimates.items()]
    described = table.describe()
    facts = Facts.of(described, (table.dim_x, table.dim_y), table.discrete, table.dim_z)
    of_estimators = (note for one in map(_chosen, trials) if one is not None for note in one.notes(table))
    columns = {side: tuple(one["column"] for one in described.get(side) or ()) for side in "xyz"}
    notes = (*described["notes"], *of_estimators)
    return replace(answer(rows, facts), estimates=estimates, notes=notes, columns=columns)


def _chosen(values: Mapping[str, Any]) -> Estimator | None:
    """The estimator of some settings; None where its name is unknown."""
    chosen: Any = section_class("estimator", values["estimator"]["name"])
    return None if chosen is None else chosen.model_validate(values["estimator"])


def _is_unfit(values: Mapping[str, Any], table: Table) -> bool:
    """Whether the experiment leaves an estimator out, as it cannot take the columns."""
    chosen = _chosen(values)
    return chosen is not None and bool(chosen.refusals(table))


def _values(estimator: str | Estimator, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of one estimate, by section.

    Raises:
        ConfigError: a section is not among those that an estimate has.
    """
    given = {} if settings is None else settings
    if not isinstance(given, Mapping):
        raise ConfigError(Fault("settings", given, accepted='sections, such as {"training": {"steps": 800}}'))
    _refuse_unknown(given, _SETTINGS, "is no setting of an estimate")
    if isinstance(estimator, Estimator) and "estimator" in given:
        problem = "is beside estimator=, which says all fields"
        raise ConfigError(Fault("settings.estimator", given["estimator"], problem, "one of the two"))
    if not isinstance(estimator, Estimator | str):
        raise ConfigError(Fault("estimator", estimator, accepted="a name, or an object of a class of estimators"))
    section = estimator if isinstance(estimator, Estimator) else _section(estimator)
    return _merged(_experiment() | {"estimator": section}, given)


def _table(x: Any, y: Any, z: Any, groups: Any, time: Any, values: Mapping[str, Any]) -> Table:
    """The rows as a dataset, with the settings of section ``dataset``."""
    fields = values["dataset"]
    if not isinstance(fields, Mapping):
        raise ConfigError(Fault("dataset", fields, accepted='a section, such as {"missing": "drop"}'))
    _refuse_unknown(fields, _TABLE, "is no setting of rows in memory", "dataset.")
    try:
        table = Table.from_memory(x, y, groups, time, z, **fields)
    except ValidationError:
        validate(
            {**values, "dataset": {"name": "table", "path": "memory", **fields}}
        )  # raises it in the schema's words
        raise
    for note in table.left_out:
        warnings.warn(note, stacklevel=3)
    return table


def _refuse_unknown(values: Mapping[str, Any], known: Sequence[str], problem: str, section: str = "") -> None:
    """Raise ConfigError if ``values`` has a key that is not known, with one fault for each."""
    accepted = ", ".join(section + key for key in known)
    unknown = {f"{section}{key}": value for key, value in values.items() if key not in known}
    if unknown:
        raise ConfigError(*(Fault(key, value, problem, accepted) for key, value in unknown.items()))


@cache
def _experiment() -> dict[str, Any]:
    """The settings of configs/experiment/estimate.yaml, in place of those of the options and files that it names."""
    primary, experiment = _yaml(config_folder() / "config.yaml"), _estimate_yaml()
    options: dict[str, str] = {}
    for entry in (*primary["defaults"], *experiment["defaults"]):
        if isinstance(entry, Mapping):
            options |= {key.removeprefix("override ").removeprefix("/"): option for key, option in entry.items()}
    groups = {
        group: _yaml(config_folder() / group / f"{option}.yaml")
        for group, option in options.items()
        if group in _SETTINGS
    }
    values = _merged(_merged(primary, groups), experiment)
    values["dataset"] = {key: values["dataset"][key] for key in _TABLE}
    return {key: value for key, value in values.items() if key in _SETTINGS}


@cache
def _section(name: str) -> dict[str, Any]:
    """What the experiment says of an estimator, or else its file; by default its class decides, if there is one."""
    for option in _estimate_yaml()["sweep"]["estimator"]:
        if isinstance(option, Mapping) and option["name"] == name:
            return dict(option)
    if _NAME.fullmatch(name):
        for folder in (config_folder(), *plugins.config_folders()):
            if (path := folder / "estimator" / f"{name}.yaml").is_file():
                return _yaml(path)
    return {"name": name}


def _estimate_yaml() -> dict[str, Any]:
    return _yaml(config_folder() / "experiment" / "estimate.yaml")


@cache
def _yaml(path: Path) -> dict[str, Any]:
    """A file of a config as plain values. Nobody changes them."""
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``more``, key by key in sections that both have."""
    values = dict(base)
    for key, value in more.items():
        old = values.get(key)
        values[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return values
