"""Estimators, datasets, procedures, plots and configs that other installed packages add, as entry points of Python.

A package's ``pyproject.toml`` says what it adds::

    [project.entry-points."mi_cli.estimators"]
    theirs = "their_package.estimators:Theirs"

    [project.entry-points."mi_cli.datasets"]
    rings = "their_package.datasets:Rings"

    [project.entry-points."mi_cli.procedures"]
    denoise = "their_package.procedures:Denoise"

    [project.entry-points."mi_cli.plots"]
    violins = "their_package.plots:violins"

    [project.entry-points."mi_cli.configs"]
    theirs = "their_package.configs"

An estimator, a dataset or a procedure is a class that extends ours. A plot is a function that takes the records of a
run and returns a figure of matplotlib; where it shows rows of the data, it has an attribute ``needs_rows = True``.
Configs are a folder of yaml files that is laid out like our ``configs/``; its name in the group does not matter.

Names are read from the metadata of installed packages, without importing these; an object is imported when a config
names it. A name that is one of ours keeps its meaning, and one that two packages add has none, so that installing a
package never changes what a config says.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from mi_cli.errors import ABSENT, ConfigError, Fault, listed
from mi_cli.registry.builtin import DATASETS, ESTIMATORS, PLOTS, PROCEDURES

__all__ = [
    "BUILTIN",
    "KEYS",
    "REGISTRIES",
    "Plugin",
    "as_choice",
    "config_folders",
    "find",
    "installed",
    "load",
    "named",
    "names",
    "used",
]

# The sections of a config whose class is chosen by their name.
REGISTRIES: Mapping[str, Mapping[str, str]] = {"dataset": DATASETS, "estimator": ESTIMATORS}
# What comes with mi-run, by kind and name.
BUILTIN: Mapping[str, Mapping[str, str]] = {**REGISTRIES, "procedure": PROCEDURES, "plot": PLOTS}
# Where a config says the names.
KEYS = {"dataset": "dataset.name", "estimator": "estimator.name", "procedure": "procedure", "plot": "plots"}

_GROUPS = {
    "estimator": "mi_cli.estimators",
    "dataset": "mi_cli.datasets",
    "procedure": "mi_cli.procedures",
    "plot": "mi_cli.plots",
    "configs": "mi_cli.configs",
}
_BASES = {
    "estimator": "mi_cli.estimators.base:Estimator",
    "dataset": "mi_cli.datasets.base:Dataset",
    "procedure": "mi_cli.procedures.base:Procedure",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_DRAWS = "a function that takes the records of a run and returns a figure"


@dataclass(frozen=True)
class Plugin:
    """One thing that a package adds.

    Attributes:
        kind: ``estimator``, ``dataset``, ``procedure``, ``plot`` or ``configs``.
        name: what a config calls it.
        path: ``module:attribute``, or the package that holds the configs.
        package: the installed package.
        version: the version of that.
        fault: why it cannot be used, as far as this is known without importing it; None where it can be used.
    """

    kind: str
    name: str
    path: str
    package: str
    version: str
    fault: Fault | None = None

    @property
    def source(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}"

    @property
    def folder(self) -> Path | None:
        """The folder of ``configs``; None for other kinds, and where it does not exist."""
        return _folder(self.path) if self.kind == "configs" else None

    @property
    def reason(self) -> str:
        """Why it cannot be used, without its name; empty where it can be used."""
        return "" if self.fault is None else str(replace(self.fault, key="", value=ABSENT))


@cache
def installed() -> tuple[Plugin, ...]:
    """All that packages add, usable or not, by package, then in the order of the kinds."""
    from importlib import metadata  # it takes longer to import than the rest of the help page

    entries = [(kind, entry) for kind, group in _GROUPS.items() for entry in metadata.entry_points(group=group)]
    found = [
        Plugin(kind, entry.name, entry.value, entry.dist.name, entry.dist.version)
        for kind, entry in entries
        if entry.dist is not None
    ]
    judged = [replace(plugin, fault=_fault(plugin, found)) for plugin in found]
    return tuple(sorted(judged, key=lambda plugin: (plugin.package, list(_GROUPS).index(plugin.kind), plugin.name)))


def _fault(plugin: Plugin, others: Iterable[Plugin]) -> Fault | None:
    """What is wrong with a plugin, as far as this can be seen without importing it."""
    if plugin.kind == "configs":
        return None if _folder(plugin.path) else Fault("", problem=f"{plugin.path} is no folder")
    key, name = KEYS[plugin.kind], plugin.name
    if not _NAME.fullmatch(name):
        return Fault(key, name, "is no name", "a name of a letter, then letters, digits, _ and -")
    if name in BUILTIN[plugin.kind]:
        return Fault(key, name, "mi-run has its own, which is used")
    same = [other for other in others if (other.kind, other.name) == (plugin.kind, name)]
    if len(same) > 1:
        problem = f"is added by {listed((other.source for other in same), 'and')}"
        return Fault(key, name, problem, "one of them installed")
    return None


def names(kind: str) -> list[str]:
    """The names of other packages that can be used."""
    return [plugin.name for plugin in installed() if plugin.kind == kind and plugin.fault is None]


def named(kind: str, name: str) -> bool:
    """Whether ``name`` is one of ours or of another package, usable or not."""
    return name in BUILTIN[kind] or any((plugin.kind, plugin.name) == (kind, name) for plugin in installed())


def as_choice(override: str) -> str:
    """``estimator.name=…`` as ``estimator=…``, the choice of an option with its values, if there is such a name."""
    section, _, name = override.partition(".name=")
    chooses = section in REGISTRIES and all(named(section, part) for part in name.split(","))
    return f"{section}={name}" if chooses else override


def find(kind: str, name: str) -> Plugin | None:
    """What adds ``name``; None where it is one of ours, and where nothing adds it.

    Raises:
        ConfigError: two packages add it.
    """
    if name in BUILTIN[kind]:
        return None
    for plugin in installed():
        if (plugin.kind, plugin.name) == (kind, name):
            if plugin.fault is not None:
                raise ConfigError(plugin.fault)
            return plugin
    return None


def load(plugin: Plugin) -> Any:
    """The class or function of a plugin.

    Raises:
        ConfigError: it cannot be imported, or is not what its kind has to be.
    """
    found, fault = _loaded(plugin)
    if fault is not None:
        raise ConfigError(fault)
    return found


@cache
def _loaded(plugin: Plugin) -> tuple[Any, Fault | None]:
    """A plugin's object, or what is wrong with it. It is cached, so that a broken package is imported once only."""
    module, _, attributes = plugin.path.partition(":")
    key, source = KEYS[plugin.kind], f"{plugin.path} of {plugin.source}"
    try:
        found: Any = importlib.import_module(module)
        for attribute in filter(None, attributes.split(".")):
            found = getattr(found, attribute)
    except (Exception, SystemExit) as error:  # another package may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        problem = f"{source} cannot be imported ({reason})"
        return None, Fault(key, plugin.name, problem, command=f"python -c 'import {module}' to see where")
    problem, accepted = _mismatch(plugin, found)
    return (None, Fault(key, plugin.name, f"{source} {problem}", accepted)) if problem else (found, None)


def _mismatch(plugin: Plugin, found: Any) -> tuple[str, str]:
    """Why an object is not what its kind has to be, and what is accepted; empty where it is."""
    if plugin.kind not in _BASES:
        return ("", "") if callable(found) else (f"is no {plugin.kind}", _DRAWS)
    base_module, base_name = _BASES[plugin.kind].split(":")
    base = getattr(importlib.import_module(base_module), base_name)
    accepted = f"a class that extends {base_module}.{base_name}"
    if not isinstance(found, type) or not issubclass(found, base):
        return f"is no {plugin.kind}", accepted
    if inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        return f"lacks {missing}", f"{accepted} and defines it"
    if plugin.kind == "procedure":
        own = getattr(found, "name", None)
        return ("", "") if own == plugin.name else (f"calls itself {own}", f'name = "{plugin.name}"')
    annotation = typing.cast(Any, found).model_fields["name"].annotation
    if typing.get_origin(annotation) is typing.Literal and plugin.name not in typing.get_args(annotation):
        return f"calls itself {listed(typing.get_args(annotation))}", f'name: Literal["{plugin.name}"]'
    return "", ""


def config_folders() -> list[Path]:
    """The folders of yaml files that packages add."""
    return [plugin.folder for plugin in installed() if plugin.folder is not None]


def _folder(path: str) -> Path | None:
    """The folder of the package ``path``, found without importing it; None where it does not exist."""
    top, *below = path.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    places = (spec.submodule_search_locations if spec else None) or []
    return next((folder for place in places if (folder := Path(place, *below).absolute()).is_dir()), None)


def used(chosen: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Which of the chosen ``(kind, name)`` are of other packages, with the packages and their versions."""
    found = {plugin for kind, name in chosen if (plugin := find(kind, name)) is not None}
    return [
        {plugin.kind: plugin.name, "package": plugin.package, "version": plugin.version, "class": plugin.path}
        for plugin in sorted(found, key=lambda plugin: (plugin.kind, plugin.name))
    ]
