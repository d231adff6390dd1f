"""Classes by the name that a config gives them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from mi_cli.errors import ConfigError
from mi_cli.registry import plugins
from mi_cli.registry.plugins import REGISTRIES

__all__ = ["classes", "load", "section_class"]


def section_class(section: str, name: Any) -> type[BaseModel] | None:
    """The class of the dataset or estimator ``name``, ours or another package's; None where there is none.

    Raises:
        ConfigError: another package's cannot be had.
    """
    path = REGISTRIES[section].get(str(name))
    found: type[BaseModel] | None = None
    if path is not None:
        found = load(path)
    elif (plugin := plugins.find(section, str(name))) is not None:
        found = plugins.load(plugin)
    return found


def classes(section: str) -> Iterator[type[BaseModel]]:
    """All classes of a section: ours, then those of other packages that can be had."""
    yield from map(load, REGISTRIES[section].values())
    for name in plugins.names(section):
        with contextlib.suppress(ConfigError):  # which is told to whoever asks for the name
            found = section_class(section, name)
            assert found is not None  # noqa: S101 (for the type checker)
            yield found


def load(path: str) -> Any:
    """The object that a registry's ``"module:attribute"`` names."""
    module, attribute = path.split(":")
    return getattr(importlib.import_module(module), attribute)
