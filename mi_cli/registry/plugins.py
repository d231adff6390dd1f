"""Estimators, datasets and configs that other installed packages add, through Python's entry points.

A package's ``pyproject.toml`` says what it adds::

    [project.entry-points."mi_cli.estimators"]
    theirs = "their_package.estimators:Theirs"

    [project.entry-points."mi_cli.datasets"]
    rings = "their_package.datasets:Rings"

    [project.entry-points."mi_cli.configs"]
    theirs = "their_package.configs"

The last is a folder of yaml files laid out like our ``configs/``, by whatever name. Names are read from what is
installed, without importing it; a class is imported when its name is asked for. A name that is one of ours keeps its
meaning, and one that two packages add has none: what is installed does not change what a config says.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mi_cli.errors import ConfigError, listed
from mi_cli.registry.builtin import DATASETS, ESTIMATORS

__all__ = ["REGISTRIES", "Plugin", "as_choice", "config_folders", "find", "installed", "load", "named", "names", "used"]

REGISTRIES: Mapping[str, Mapping[str, str]] = {"dataset": DATASETS, "estimator": ESTIMATORS}

_GROUPS = {"estimator": "mi_cli.estimators", "dataset": "mi_cli.datasets", "configs": "mi_cli.configs"}
_BASES = {"estimator": "mi_cli.estimators.base:Estimator", "dataset": "mi_cli.datasets.base:Dataset"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Plugin:
    """One thing that a package adds.

    Args:
        section: ``estimator``, ``dataset`` or ``configs``.
        name: by which a config asks for it.
        path: ``module:Class``, or the package that holds the configs.
        package: what was installed, with its ``version``.
        fault: why it cannot be used; empty where it can.
    """

    section: str
    name: str
    path: str
    package: str
    version: str
    fault: str = ""

    @property
    def source(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}"

    @property
    def folder(self) -> Path | None:
        """Of ``configs``, where they lie."""
        return _folder(self.path) if self.section == "configs" else None


@cache
def installed() -> tuple[Plugin, ...]:
    """All that packages add, usable or not, by package and in the order of their sections."""
    from importlib import metadata  # which takes longer to import than the rest of the help page

    entries = [(section, entry) for section, group in _GROUPS.items() for entry in metadata.entry_points(group=group)]
    found = [
        Plugin(section, entry.name, entry.value, entry.dist.name, entry.dist.version)
        for section, entry in entries
        if entry.dist is not None
    ]
    judged = [Plugin(**{**vars(plugin), "fault": _fault(plugin, found)}) for plugin in found]
    return tuple(sorted(judged, key=lambda plugin: (plugin.package, list(_GROUPS).index(plugin.section), plugin.name)))


def _fault(plugin: Plugin, found: Iterable[Plugin]) -> str:
    """What can be seen without importing anything."""
    if plugin.section == "configs":
        return "" if _folder(plugin.path) else f"{plugin.path} is no folder"
    if not _NAME.fullmatch(plugin.name):
        return "accepted: a name of a letter, then letters, digits, _ and -"
    if plugin.name in REGISTRIES[plugin.section]:
        return "mi-run has its own, which is used"
    same = [other for other in found if (other.section, other.name) == (plugin.section, plugin.name)]
    if len(same) > 1:
        return f"is added by {listed((other.source for other in same), 'and')}; accepted: one of them installed"
    return ""


def names(section: str) -> list[str]:
    """The names that can be used."""
    return [plugin.name for plugin in installed() if plugin.section == section and not plugin.fault]


def named(section: str, name: str) -> bool:
    """Whether ``name`` is one of ours or of another package, usable or not."""
    return name in REGISTRIES[section] or any((p.section, p.name) == (section, name) for p in installed())


def as_choice(override: str) -> str:
    """``estimator.name=…`` as the choice of an option, with the values that belong to it, if there is such a name."""
    section, _, name = override.partition(".name=")
    chooses = section in REGISTRIES and all(named(section, part) for part in name.split(","))
    return f"{section}={name}" if chooses else override


def find(section: str, name: str) -> Plugin | None:
    """What adds ``name``; None where it is ours or nobody's.

    Raises:
        ConfigError: it cannot be told which package is meant.
    """
    if name in REGISTRIES[section]:
        return None
    for plugin in installed():
        if (plugin.section, plugin.name) == (section, name):
            if plugin.fault:
                raise ConfigError(f"{section}.name={name}: {plugin.fault}")
            return plugin
    return None


def load(plugin: Plugin) -> Any:
    """The class of a plugin, a section of the config.

    Raises:
        ConfigError: it cannot be imported, or is not such a class.
    """
    found, fault = _loaded(plugin)
    if fault:
        raise ConfigError(f"{plugin.section}.name={plugin.name}: {plugin.path} of {plugin.source} {fault}")
    return found


@cache
def _loaded(plugin: Plugin) -> tuple[Any, str]:
    """A plugin's class, or what is wrong with it; the whole package of a fault is imported once only."""
    module, _, attributes = plugin.path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for attribute in filter(None, attributes.split(".")):
            found = getattr(found, attribute)
    except (Exception, SystemExit) as error:  # whatever it is, it is theirs
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return None, f"cannot be imported ({reason}); python -c 'import {module}' says where"
    base_module, base_name = _BASES[plugin.section].split(":")
    base = getattr(importlib.import_module(base_module), base_name)
    accepted = f"accepted: a class that extends {base_module}.{base_name}"
    if not isinstance(found, type) or not issubclass(found, base):
        return None, f"is no {plugin.section}; {accepted}"
    if inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        return None, f"lacks {missing}; {accepted} and defines it"
    own = typing.cast(Any, found).model_fields["name"].annotation
    if typing.get_origin(own) is typing.Literal and plugin.name not in typing.get_args(own):
        return None, f'calls itself {listed(typing.get_args(own))}; accepted: name: Literal["{plugin.name}"]'
    return found, ""


def config_folders() -> list[Path]:
    """The folders of yaml files that packages add."""
    return [plugin.folder for plugin in installed() if plugin.folder is not None]


def _folder(path: str) -> Path | None:
    """Where the package ``path`` lies, found without importing it; None where it is not there."""
    top, *below = path.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    places = (spec.submodule_search_locations if spec else None) or []
    return next((folder for place in places if (folder := Path(place, *below).absolute()).is_dir()), None)


def used(chosen: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Which of the chosen ``(section, name)`` come from other packages, with these and their versions."""
    found = {plugin for section, name in chosen if (plugin := find(section, name)) is not None}
    return [
        {plugin.section: plugin.name, "package": plugin.package, "version": plugin.version, "class": plugin.path}
        for plugin in sorted(found, key=lambda plugin: (plugin.section, plugin.name))
    ]
