"""The class or function that a name in a config stands for."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.registry import plugins
from mi_cli.registry.builtin import PLOTS_OF_ROWS
from mi_cli.registry.plugins import BUILTIN, KEYS, REGISTRIES

__all__ = [
    "check_name",
    "classes",
    "encoder_factory",
    "load",
    "names",
    "needs_rows",
    "objective_class",
    "plot_function",
    "procedure_class",
    "section_class",
    "svg_function",
]


def section_class(section: str, name: Any) -> type[BaseModel] | None:
    """The class of the dataset or estimator ``name``; None if there is none.

    Raises:
        ConfigError: another package adds it, and it cannot be used.
    """
    chosen: type[BaseModel] | None = _find(section, str(name))
    return chosen


def procedure_class(name: str) -> Any:
    """The class of the procedure ``name``, which extends ``mi_cli.procedures.base.Procedure``.

    Raises:
        ConfigError: there is no such procedure, or it is another package's and cannot be used.
    """
    return _existing("procedure", name)


def objective_class(name: str) -> Any:
    """The class of the objective ``name``, which extends ``mi_cli.representations.objectives.base.Objective``.

    Raises:
        ConfigError: there is no such objective, or it is another package's and cannot be used.
    """
    return _existing("objective", name)


def plot_function(name: str) -> Any:
    """The function that draws the plot ``name``: it takes the records of a run and returns a figure.

    Raises:
        ConfigError: there is no such plot, or it is another package's and cannot be used.
    """
    return _existing("plot", name)


def svg_function() -> Any:
    """The function that takes a figure of a plot and returns the text of an SVG document."""
    return load("mi_cli.plots.parts.vector:svg")


def encoder_factory(name: str) -> Any:
    """What makes the modules of an encoder of another package: a function of its columns and the columns of a code.

    Raises:
        ConfigError: there is no such encoder, or it cannot be used.
    """
    return _existing("encoder", name)


def needs_rows(plot: str) -> bool:
    """Whether a plot shows rows of the data, so that a run with the plot records some; False if there is no such plot.

    Raises:
        ConfigError: the plot is another package's, and cannot be used.
    """
    if plot in BUILTIN["plot"]:
        return plot in PLOTS_OF_ROWS
    return bool(getattr(_find("plot", plot), "needs_rows", False))


def check_name(kind: str, name: str) -> None:
    """Raise ConfigError unless ``name`` can be used. Only a plugin is imported for this."""
    if name not in BUILTIN[kind]:
        _existing(kind, name)


def names(kind: str) -> list[str]:
    """The names that can be used: those of mi-run, then those of other packages."""
    return [*BUILTIN[kind], *plugins.names(kind)]


def classes(section: str) -> Iterator[type[BaseModel]]:
    """All classes of a section: those of mi-run, then those of other packages that can be used."""
    yield from map(load, REGISTRIES[section].values())
    for name in plugins.names(section):
        with contextlib.suppress(ConfigError):  # it is raised for a config that names the class
            chosen = section_class(section, name)
            assert chosen is not None  # noqa: S101 (for the type checker)
            yield chosen


def load(path: str) -> Any:
    """The object that a registry's ``"module:attribute"`` stands for."""
    name, attribute = path.split(":")
    # Faster than import_module alone, and this is called for each trial.
    module = sys.modules.get(name) or importlib.import_module(name)
    return getattr(module, attribute)


def _find(kind: str, name: str) -> Any:
    path = BUILTIN[kind].get(name)
    if path is not None:
        return load(path)
    plugin = plugins.find(kind, name)
    return None if plugin is None else plugins.load(plugin)


def _existing(kind: str, name: str) -> Any:
    chosen = _find(kind, name)
    if chosen is None:
        raise ConfigError(Fault(KEYS[kind], name, accepted=listed(names(kind))))
    return chosen
