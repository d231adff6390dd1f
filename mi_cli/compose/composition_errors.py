"""What is wrong where Hydra cannot compose a config: key, value and what is accepted."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import yaml
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    GrammarParseError,
    InterpolationKeyError,
    InterpolationResolutionError,
    KeyValidationError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from mi_cli import schema
from mi_cli.compose.defaults_errors import ENTRY, is_about_defaults, list_fault, meant_group
from mi_cli.compose.yaml_errors import yaml_fault
from mi_cli.errors import ABSENT, ConfigError, Fault, closest, listed, shown
from mi_cli.registry import plugins
from mi_cli.registry.extras import how_to_install
from mi_cli.schema.groups import CHOICES
from mi_cli.schema.locations import own_config_folders

__all__ = ["NO_GROUPS", "NO_KEYS", "explain", "option_faults", "unreadable"]

NO_KEYS = "must hold keys and values, such as 'seed: 1'"
NO_GROUPS = "a saved config has no groups to choose from"

_EXTRAS = {  # options that come with an extra
    "hydra/launcher=joblib": "parallel",
    "hydra/launcher=submitit_local": "parallel",
    "hydra/launcher=submitit_slurm": "slurm",
}

_SIMILAR = 0.85  # share of letters that two dotted keys have in common, from which on one may be meant by the other
_FEW = 5  # datasets or estimators that are named
_PLAIN = re.compile(r"[\w.*?:-]+", re.ASCII)  # what needs no quotes in an override

Options = Callable[[str], list[str]]


class Source(Protocol):
    """What composes configs."""

    @property
    def config_name(self) -> str:
        """The primary config."""

    def options(self, group: str) -> list[str]:
        """The options of a group."""

    def load(self, overrides: Sequence[str]) -> DictConfig:
        """The composed config."""


def explain(error: Exception, overrides: Sequence[str], source: Source) -> tuple[Fault, ...]:
    """The faults behind an error that was raised while ``source`` composed a config with ``overrides``."""
    if isinstance(error, ConfigError):
        return error.faults
    return (_fault(error, overrides, source),)


def _fault(error: Exception, overrides: Sequence[str], source: Source) -> Fault:
    match error:
        case yaml.YAMLError():
            return yaml_fault(error)
        case OverrideParseException():
            return unreadable(error.override, source.options)
        case MissingConfigException():
            return _missing(error, overrides, source)
        case OmegaConfBaseException():
            return _unresolved(error)
        case UnicodeDecodeError():
            return Fault(_own_file(_is_not_text), problem="is not UTF-8 text")
        case UserWarning():
            folder = re.search(r"path=(.*) is not available\.", str(error))
            return Fault("hydra.searchpath", folder[1] if folder else ABSENT, "no such folder")
        case OSError() if "Invalid loaded object type" in str(error):
            return Fault(_own_file(_is_single_value), problem=NO_KEYS)
        case HydraException():
            return _not_composed(error, overrides, source)
        case ValueError() if is_about_defaults(error):
            return list_fault(error, overrides, [*own_config_folders(), *plugins.config_folders()])
    return Fault("", problem=f"the config cannot be composed: {type(error).__name__}: {_one_line(error)}")


def unreadable(text: str, options: Options) -> Fault:
    """The fault of an override that Hydra's grammar does not read."""
    key, equals, value = text.partition("=")
    if equals and key.strip("+~ "):
        key = key.removeprefix("++") if key.startswith("++sweep") else key  # an axis gets it when arguments are read
        quoted = _quoted(value)
        example = f', as "{key}={quoted}"' if quoted else ""
        return Fault(
            key, value, "cannot be read", f"key=value, with closed brackets, odd characters in quotes{example}"
        )
    if text in options("experiment"):
        example = f"experiment={text}"
    elif text in CHOICES and (choices := options(text)):
        example = f"{text}={choices[0]}"
    else:
        example = "seed=1"
    return Fault(text, problem=f"must be key=value, such as {example}")


def _quoted(value: str) -> str:
    """A value, or the entries of a list, in quotes; empty where that is not all that is wrong."""
    if not value or any(mark in value for mark in "{}'\""):
        return ""
    if value[0] != "[":
        return f"'{value}'"
    entries = value[1:-1].split(",")
    if value[-1] != "]" or not all(entry.strip() for entry in entries) or any(mark in value[1:-1] for mark in "[]"):
        return ""
    quoted = [one if _PLAIN.fullmatch(one) else f"'{one}'" for one in map(str.strip, entries)]
    return f"[{','.join(quoted)}]"


def option_faults(override: Override, options: Options) -> list[Fault]:
    """What is wrong with an override that chooses an option of a group; nothing for other overrides."""
    group = override.key_or_group
    if group not in CHOICES or override.is_delete() or override.is_sweep_override():
        return []
    value, accepted = override.value(), options(group)
    if not accepted:
        if group == "experiment" or isinstance(value, str):
            single = "single values, such as estimator.critic=concat"
            return [Fault(group, value, NO_GROUPS, single)]
    elif isinstance(value, str) and (override.is_add() or override.is_force_add()):
        return [_typed_fault(override.input_line or "", accepted=f"{group}={value}, without a +")]
    elif isinstance(value, list) and group != "experiment":
        return [Fault(group, value, "is several values", "one option, or an axis", f"sweep.{group}={shown(value)}")]
    elif not isinstance(value, str) and (group == "experiment" or not isinstance(value, dict)):
        return [Fault(group, value, accepted=listed(accepted))]
    return []


def _typed_fault(text: str, problem: str = "", accepted: str = "") -> Fault:
    """The fault of an override, with its key as it was typed."""
    key, equals, value = text.partition("=")
    return Fault(key, value if equals else ABSENT, problem, accepted)


def _unresolved(error: OmegaConfBaseException) -> Fault:
    """The fault of a value that cannot be resolved."""
    key, value = error.full_key or error.key, error.child_node
    problem, accepted = _one_line(error).rpartition("resolving interpolation: ")[2].strip('"'), ""
    if isinstance(error, InterpolationKeyError | InterpolationResolutionError | UnsupportedInterpolationType):
        accepted = "${key} of a key in the config, ${oc.env:NAME} of a variable that is set"
    if isinstance(error, MissingMandatoryValue):
        problem = "must be given a value"
    return Fault(str(key), str(value), problem, accepted) if key else Fault("", ABSENT, problem, accepted)


def _not_loaded(error: BaseException) -> Fault:
    """The fault of a file with keys or interpolations that no config can have; otherwise what the error says."""
    reason = _one_line(error)
    if isinstance(error, KeyValidationError):
        return Fault(_own_file(_is_no_config), problem=reason, accepted="keys that are text or numbers")
    if isinstance(error, GrammarParseError):
        problem = f"has an interpolation that cannot be read ({reason})"
        return Fault(_own_file(_is_no_config), problem=problem, accepted="${key} of a key in the config")
    return Fault("", problem=reason)


def _own_file(is_wrong: Callable[[Path], bool]) -> str:
    """The first file that is wrong, among configs that are not ours."""
    paths = (path for folder in (*own_config_folders(), *plugins.config_folders()) for path in folder.rglob("*.yaml"))
    return next((str(path) for path in paths if is_wrong(path)), "a config")


def _is_no_config(path: Path) -> bool:
    """Whether a file is YAML with keys or interpolations that no config can have."""
    try:
        OmegaConf.load(path)
    except OmegaConfBaseException:
        return True
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return False


def _is_not_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True
    return False


def _is_single_value(path: Path) -> bool:
    """Whether a file is YAML of a single value."""
    try:
        return isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), bool | int | float)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False


def _missing(error: MissingConfigException, overrides: Sequence[str], source: Source) -> Fault:
    """The fault of a config that is not on the search path."""
    missing, text = error.missing_cfg_file, str(error)
    if missing is None:
        folder = re.search(r"'(.*)'", text)
        return Fault("--config-path", folder[1] if folder else "?", "no such folder")
    if missing == source.config_name and text.startswith("Cannot find primary config"):
        return Fault("--config-name", missing, "no such config in the folders that are searched")
    group, _, name = missing.partition("/") if "//" in missing else missing.rpartition("/")  # an option like /a/b
    if error.options:
        by = "" if f"{group}={name}" in overrides else ", named in a defaults list"
        extra = _EXTRAS.get(f"{group}={name}")
        more = f" (it comes with {how_to_install(extra)})" if extra else ""
        command = _meant(group, name, source) if not by else ""  # a defaults list is not typed
        return Fault(group, name, f"no such {group}{by}{more}", ", ".join(error.options), command)
    parent = re.match(r"In '(.*?)'", text)
    file = f"{parent[1] if parent else source.config_name}.yaml"
    problem = f"its defaults name {missing}, which is not there"
    return Fault(file, problem=problem, accepted=f"entries such as {ENTRY}", command=meant_group(missing))


def _meant(group: str, name: str, source: Source) -> str:
    """What to type in place of an option that the group does not have: a similar one, or the group that has it."""
    meant = closest(name, source.options(group))
    if meant is not None:
        return f"{group}={meant}"
    others = [other for other in CHOICES if name in source.options(other)]
    return f"{others[0]}={name}" if len(others) == 1 else ""


def _not_composed(error: HydraException, overrides: Sequence[str], source: Source) -> Fault:
    """The fault that Hydra describes in words of its own."""
    text = str(error)
    quoted = re.search(r"(?:argument|parameters|override|already at|from config\.|value of) '(.+?)'", text)
    override = _named(quoted[1] if quoted else "", overrides)
    if quoted and ("Ambiguous value" in text or "requires --multirun" in text):
        return _several_values(quoted[1], overrides)
    parent = re.match(r"In '(.*?)': ", text)
    if parent and "ConfigTypeError" in text:
        return Fault(f"{parent[1]}.yaml", problem=NO_KEYS)
    if "No match in the defaults list" in text and parent and quoted:
        meant = meant_group(quoted[1])
        problem = f"override {'' if meant else '/'}{quoted[1].partition('@')[0]}: no such group"
        return Fault(f"{parent[1]}.yaml", problem=problem, accepted=", ".join(CHOICES), command=meant)
    if override and ("Could not override" in text or "does not exist" in text):
        return _unknown_key(override, [text for text in overrides if text != override], source)
    if override and "already at" in text:
        return _typed_fault(override, "is in the config already", override.lstrip("+"))
    reason = _one_line(error.__cause__ or error)
    if "Error merging override " in text:
        override = text.partition("Error merging override ")[2]
        if override.startswith("++sweep") and "DictConfig" in reason:
            return _not_an_axis(override.lstrip("+"))
        if "DictConfig with ListConfig" in reason:
            return _typed_fault(override, accepted="a section of keys and values")
    if override and override not in reason:
        return _typed_fault(override, reason)
    return _not_loaded(error.__cause__ or error)


def _named(key: str, overrides: Sequence[str]) -> str:
    """The override of ``key``, as it was typed."""
    return next((text for text in overrides if text.lstrip("+~").partition("=")[0] == key), "")


def _not_an_axis(text: str) -> Fault:
    """The fault of an override that does not fit the axes that are there."""
    key, _, value = text.partition("=")
    if key == "sweep":
        return schema.sweep.not_axes(value)
    if value.startswith("{"):
        return Fault(key, value, accepted=f"a list of values, such as {key}=[1, 2]")
    return Fault(key, value, "there are axes inside it already", command=f"~{key} to drop them first")


def _several_values(text: str, overrides: Sequence[str]) -> Fault:
    """The fault of several values where one is expected."""
    key, _, value = text.lstrip("+").partition("=")
    if key.startswith("sweep."):
        if "(" in value:  # a function of Hydra's sweeps
            return Fault(key, value, accepted=f"a list of values, such as {key}=[1, 2]")
        return Fault(key, value, accepted="a list of values", command=f"{key}=[{value}]")
    if key.startswith("hydra"):
        return Fault(key, value, "is several values", "one")
    from mi_cli.schema.list_settings import takes_list  # imports pydantic, as in _unknown_key

    if "(" not in value and takes_list(key):
        return Fault(key, value, "is several values", "a list in brackets", f"{key}=[{value}]")
    is_no_axis = "(" in value or key.split(".")[0] in ("experiment", *schema.sweep.NOT_AXES)
    axis = "" if is_no_axis else f"{shlex.quote(f'sweep.{key}=[{value}]')} (an axis) or "
    runs = shlex.join(["mi-run", "-m", *(each.removeprefix("++") for each in overrides)])
    return Fault(key, value, "is several values", "one", f"{axis}{runs} (a run for each)")


def _unknown_key(override: str, others: Sequence[str], source: Source) -> Fault:
    """The fault of an override whose key is not in the config that the other overrides compose."""
    text, _, value = override.partition("=")
    key = text.lstrip("+~")
    if key.startswith("hydra"):
        return _typed_fault(override, "unknown key", "the settings that mi-run --cfg hydra prints")
    if key == "estimator.keep":
        from mi_cli.registry.lookup import classes  # imports pydantic, which completion in a shell does without

        keepers = [cls.model_fields["name"].default for cls in classes("estimator") if "keep" in cls.model_fields]
        return _typed_fault(override, "is a setting of estimators that keep critics", f"estimator={listed(keepers)}")
    try:
        values = OmegaConf.to_container(source.load(others))
        accepted = _keys_beside(key, values, source)
    except Exception:  # the other overrides are wrong as well; the fault of this one is reported all the same
        return _typed_fault(override, "unknown key", "the keys that mi-run --cfg job prints")
    meant = closest(key, accepted) or _key_elsewhere(key, values)
    command = "" if meant is None or not value else f"{meant}={value}"
    return replace(_typed_fault(override, f"unknown key{_of_others(key)}", ", ".join(accepted)), command=command)


def _of_others(key: str) -> str:
    """Which datasets or estimators have a setting that the chosen one does not have, as the rest of a sentence."""
    group, _, name = key.partition(".")
    if group not in plugins.REGISTRIES:
        return ""
    from mi_cli.registry.lookup import classes  # imports pydantic, as above

    others = [cls.model_fields["name"].default for cls in classes(group) if name in cls.model_fields]
    if len(others) > _FEW:
        return f" here, though other {group}s have it"
    return f" here, though {group}={listed(sorted(others))} has it" if others else ""


def _key_elsewhere(key: str, values: Any) -> str | None:
    """A key that may be meant by one in a misspelt section, or in no section; None where none is or several are."""
    keys = list(_dotted(values, ""))
    same = [each for each in keys if each.rpartition(".")[2] == key]
    is_lost = "." in key and not isinstance(values.get(key.partition(".")[0]), Mapping)
    near = difflib.get_close_matches(key, keys, 1, _SIMILAR) if is_lost else []
    return same[0] if len(same) == 1 else near[0] if near else None


def _dotted(values: Any, prefix: str) -> Iterator[str]:
    """The dotted paths of all settings."""
    for name, value in values.items():
        if isinstance(value, Mapping) and name not in ("sweep", "search"):
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _keys_beside(key: str, values: Any, source: Source) -> list[str]:
    """The keys of the deepest section that ``key`` reaches."""
    parents: list[str] = []
    for part in key.split(".")[:-1]:
        if not isinstance(values, Mapping) or not isinstance(values.get(part), Mapping):
            break
        values = values[part]
        parents.append(part)
    keys = [".".join([*parents, str(name)]) for name in values]
    return sorted(keys if parents or not source.options("experiment") else ["experiment", *keys])


def _one_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].strip() or type(error).__name__
