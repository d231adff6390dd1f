"""Settings that are lists, whatever the config is."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from mi_cli.registry.lookup import classes
from mi_cli.registry.plugins import REGISTRIES
from mi_cli.schema.config import Config

__all__ = ["takes_list"]


@cache
def takes_list(key: str) -> bool:
    """Whether the setting at a dotted path is a list; of a dataset or estimator, whether it is one in some of them.

    >>> takes_list("dataset.x"), takes_list("time.lags"), takes_list("seed"), takes_list("nothing")
    (True, True, False, False)
    """
    first, *rest = key.split(".")
    if first in REGISTRIES:
        return any(_has_list(section, rest) for section in classes(first))
    return _has_list(Config, [first, *rest])


def _has_list(section: Any, keys: Sequence[str]) -> bool:
    """Whether a section has a list at the end of a path."""
    if not keys or not (isinstance(section, type) and issubclass(section, BaseModel)):
        return False
    field = section.model_fields.get(keys[0])
    if field is None:
        return False
    return _is_list(field.annotation) if len(keys) == 1 else _has_list(field.annotation, keys[1:])


def _is_list(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _is_list(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return any(map(_is_list, typing.get_args(annotation)))
    return origin in (tuple, list)
