"""The settings of a config by what they affect, as their fields say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mi_cli.fields import Affects, Rule
from mi_cli.schema.config import Config

__all__ = ["affecting", "changeable", "excluding", "ruled"]

_Mark = TypeVar("_Mark", Affects, Rule)
_DEFAULT = Affects.SHAPES  # of a setting for which nothing is said


@cache
def affecting(effect: Affects) -> tuple[str, ...]:
    """The dotted paths of the settings with an effect, in the order of their fields.

    A section stands for all its settings that have its effect.

    >>> affecting(Affects.NUMBERS)
    ('seed', 'dataset', 'noise', 'shift', 'training.lr', 'split', 'variant')
    """
    return tuple(
        setting.path for setting in _settings(Config) if setting.affects is effect and setting.section is not effect
    )


@cache
def ruled(rule: Rule) -> tuple[str, ...]:
    """The dotted paths of the settings for which a rule holds, in the order of their fields.

    >>> ruled(Rule.NO_AXIS)
    ('procedure', 'variant')
    """
    return tuple(setting.path for setting in _settings(Config) if rule in setting.rules)


def changeable(option: Literal["resume", "again"]) -> tuple[str, ...]:
    """The dotted paths of the settings that may be typed beside ``resume=`` or ``again=``.

    >>> changeable("again")
    ('search.storage', 'verbose', 'progress', 'device', 'threads', 'output_root', 'trust')
    """
    return ruled({"resume": Rule.RESUME, "again": Rule.AGAIN}[option])


@cache
def excluding(*effects: Affects) -> dict[str, Any]:
    """What ``Config.model_dump(exclude=...)`` takes to leave out the settings with one of these effects.

    >>> excluding(Affects.NUMBERS)["training"]
    {'lr': True}
    """
    return _excluded(Config, effects, _DEFAULT)


class _Setting(NamedTuple):
    path: str
    affects: Affects
    section: Affects | None  # the effect of the section that it is in; None where it is in none
    rules: Rule


def _settings(section: type[BaseModel], prefix: str = "", effect: Affects | None = None) -> Iterator[_Setting]:
    """All settings of a section and of the sections inside it, as their fields describe them."""
    for name, field in section.model_fields.items():
        affects, rules = _effect(field, effect or _DEFAULT), _mark(field, Rule) or Rule(0)
        yield _Setting(f"{prefix}{name}", affects, effect, rules)
        if (inside := _section(field)) is not None:
            yield from _settings(inside, f"{prefix}{name}.", affects)


def _excluded(section: type[BaseModel], effects: tuple[Affects, ...], effect: Affects) -> dict[str, Any]:
    excluded: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        affects, inside = _effect(field, effect), _section(field)
        within = {} if inside is None else _excluded(inside, effects, affects)
        whole = inside is None or all(within.get(key) is True for key in inside.model_fields)
        if whole and affects in effects:
            excluded[name] = True
        elif within:
            excluded[name] = within
    return excluded


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _effect(field: FieldInfo, section: Affects) -> Affects:
    """What a field says it affects, or else what its section does."""
    return _mark(field, Affects) or section


def _mark(field: FieldInfo, kind: type[_Mark]) -> _Mark | None:
    return next((mark for mark in field.metadata if isinstance(mark, kind)), None)
