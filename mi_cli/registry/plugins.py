"""What other installed packages add, as entry points of Python: estimators, datasets, procedures, plots and so on.

A package's ``pyproject.toml`` says what it adds::

    [project.entry-points."mi_cli.estimators"]
    theirs = "their_package.estimators:Theirs"

    [project.entry-points."mi_cli.datasets"]
    rings = "their_package.datasets:Rings"

    [project.entry-points."mi_cli.procedures"]
    denoise = "their_package.procedures:Denoise"

    [project.entry-points."mi_cli.plots"]
    violins = "their_package.plots:violins"

    [project.entry-points."mi_cli.objectives"]
    rotation = "their_package.objectives:Rotation"

    [project.entry-points."mi_cli.encoders"]
    gated = "their_package.encoders:Gated"

    [project.entry-points."mi_cli.configs"]
    theirs = "their_package.configs"

An estimator, a dataset, a procedure or an objective is a class that extends ours. A plot is a function that takes the
records of a run and returns a figure of matplotlib; where it shows rows of the data, it has an attribute
``needs_rows = True``. An encoder is a torch.nn.Module that is made of the columns of a row and of a code. Configs are a
folder of yaml files that is laid out like our ``configs/``; its name in the group does not matter.

Names are read from the metadata of installed packages, without importing these. An object is imported when a config
names it. If a package adds a name that mi-run has itself, mi-run's is used. If two packages add the same name, neither
can be used. So installing a package never changes what a config means.
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
from mi_cli.registry.builtin import DATASETS, ENCODERS, ESTIMATORS, OBJECTIVES, PLOTS, PROCEDURES

__all__ = [
    "BUILTIN",
    "KEYS",
    "REGISTRIES",
    "Plugin",
    "as_choice",
    "config_folders",
    "find",
    "installed",
    "is_known",
    "load",
    "names",
    "used_plugins",
]

# The sections of a config whose class is chosen by their name.
REGISTRIES: Mapping[str, Mapping[str, str]] = {"dataset": DATASETS, "estimator": ESTIMATORS}
# What comes with mi-run, by kind and name.
BUILTIN: Mapping[str, Mapping[str, str]] = {
    **REGISTRIES,
    "procedure": PROCEDURES,
    "plot": PLOTS,
    "objective": OBJECTIVES,
    "encoder": ENCODERS,
}
# Where a config says the names.
KEYS = {
    "dataset": "dataset.name",
    "estimator": "estimator.name",
    "procedure": "procedure",
    "plot": "plots",
    "objective": "representation.objective",
    "encoder": "representation.name",
}

_GROUPS = {
    "estimator": "mi_cli.estimators",
    "dataset": "mi_cli.datasets",
    "procedure": "mi_cli.procedures",
    "plot": "mi_cli.plots",
    "objective": "mi_cli.objectives",
    "encoder": "mi_cli.encoders",
    "configs": "mi_cli.configs",
}
_BASES = {
    "estimator": "mi_cli.estimators.base:Estimator",
    "dataset": "mi_cli.datasets.base:Dataset",
    "procedure": "mi_cli.procedures.base:Procedure",
    "objective": "mi_cli.representations.objectives.base:Objective",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_CALLABLES = {
    "plot": "a function that takes the records of a run and returns a figure",
    "encoder": "a torch.nn.Module, or a function of the columns of a row and of a code that returns one",
}


@dataclass(frozen=True)
class Plugin:
    """An estimator, dataset, procedure or plot of another package, or its folder of configs.

    Attributes:
        kind: ``estimator``, ``dataset``, ``procedure``, ``plot``, ``objective``, ``encoder`` or ``configs``.
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
    """All plugins of installed packages, usable or not, by package, then by kind and name."""
    from importlib import metadata  # it takes longer to import than the rest of the help page

    entries = [(kind, entry) for kind, group in _GROUPS.items() for entry in metadata.entry_points(group=group)]
    plugins = [
        Plugin(kind, entry.name, entry.value, entry.dist.name, entry.dist.version)
        for kind, entry in entries
        if entry.dist is not None
    ]
    checked = [replace(plugin, fault=_fault(plugin, plugins)) for plugin in plugins]
    return tuple(sorted(checked, key=lambda plugin: (plugin.package, list(_GROUPS).index(plugin.kind), plugin.name)))


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


def is_known(kind: str, name: str) -> bool:
    """Whether mi-run or another package has a thing of this name, usable or not."""
    return name in BUILTIN[kind] or any((plugin.kind, plugin.name) == (kind, name) for plugin in installed())


def as_choice(override: str) -> str:
    """``estimator.name=…`` as ``estimator=…``, the choice of an option with its values, if there is such a name."""
    section, _, name = override.partition(".name=")
    chooses = section in REGISTRIES and all(is_known(section, part) for part in name.split(","))
    return f"{section}={name}" if chooses else override


def find(kind: str, name: str) -> Plugin | None:
    """The plugin of a name; None if mi-run has the name itself, or no package adds it.

    Raises:
        ConfigError: the plugin cannot be used, for example because two packages add the name.
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
    loaded, fault = _loaded(plugin)
    if fault is not None:
        raise ConfigError(fault)
    return loaded


@cache
def _loaded(plugin: Plugin) -> tuple[Any, Fault | None]:
    """A plugin's object, or what is wrong with it. It is cached, so that a broken package is imported once only."""
    module, _, attributes = plugin.path.partition(":")
    key, source = KEYS[plugin.kind], f"{plugin.path} of {plugin.source}"
    try:
        loaded: Any = importlib.import_module(module)
        for attribute in filter(None, attributes.split(".")):
            loaded = getattr(loaded, attribute)
    except (Exception, SystemExit) as error:  # another package may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        problem = f"{source} cannot be imported ({reason})"
        return None, Fault(key, plugin.name, problem, command=f"python -c 'import {module}' to see where")
    problem, accepted = _mismatch(plugin, loaded)
    return (None, Fault(key, plugin.name, f"{source} {problem}", accepted)) if problem else (loaded, None)


def _mismatch(plugin: Plugin, loaded: Any) -> tuple[str, str]:
    """Why an object is not what its kind has to be, and what is accepted; empty where it is."""
    if plugin.kind not in _BASES:
        return ("", "") if callable(loaded) else (f"is no {plugin.kind}", _CALLABLES[plugin.kind])
    base_module, base_name = _BASES[plugin.kind].split(":")
    base = getattr(importlib.import_module(base_module), base_name)
    accepted = f"a class that extends {base_module}.{base_name}"
    if not isinstance(loaded, type) or not issubclass(loaded, base):
        return f"is no {plugin.kind}", accepted
    if inspect.isabstract(loaded):
        missing = ", ".join(sorted(getattr(loaded, "__abstractmethods__", ())))
        return f"lacks {missing}", f"{accepted} and defines it"
    if plugin.kind == "procedure":
        name = getattr(loaded, "name", None)
        return ("", "") if name == plugin.name else (f"calls itself {name}", f'name = "{plugin.name}"')
    annotation = typing.cast(Any, loaded).model_fields["name"].annotation
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


def used_plugins(chosen: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The plugins among the chosen ``(kind, name)``: for each its kind and name, package, version and class."""
    plugins = {plugin for kind, name in chosen if (plugin := find(kind, name)) is not None}
    return [
        {plugin.kind: plugin.name, "package": plugin.package, "version": plugin.version, "class": plugin.path}
        for plugin in sorted(plugins, key=lambda plugin: (plugin.kind, plugin.name))
    ]
