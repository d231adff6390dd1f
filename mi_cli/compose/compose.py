"""Composing configs with Hydra, and one line for whatever is wrong with them. Nothing here imports torch."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from mi_cli.compose import trust
from mi_cli.compose.search_path import register
from mi_cli.compose.yaml_errors import yaml_fault
from mi_cli.errors import ConfigError, listed, shown
from mi_cli.registry import plugins
from mi_cli.schema.groups import CHOICES
from mi_cli.schema.locations import PRIMARY, config_folder, own_config_folders

__all__ = ["CHOICES", "NO_KEYS", "compose", "composing", "explain", "options", "parse", "setting"]

_EXTRAS = {  # options that come with them
    "hydra/launcher=joblib": "parallel",
    "hydra/launcher=submitit_local": "parallel",
    "hydra/launcher=submitit_slurm": "slurm",
}
NO_KEYS = "must hold keys and values, such as 'seed: 1'"

register()


@contextmanager
def composing(config_path: Path | None = None) -> Iterator[None]:
    """Make Hydra ready to compose from ``config_path`` (ours, if none), unless it is already, as in a job."""
    if GlobalHydra.instance().is_initialized():
        yield
    else:
        folder = str((config_path or config_folder()).absolute())
        with hydra.initialize_config_dir(folder, version_base="1.3", job_name="mi-run"):
            yield


def compose(overrides: Sequence[str], config_name: str = PRIMARY) -> dict[str, Any]:
    """The composed config as plain values, without Hydra's own settings; refused where it is more than data.

    Raises:
        ConfigError: one line that says what is wrong.
    """
    try:
        with trust.harmless(trust.is_trusted(overrides)):
            return _plain(_compose(overrides, config_name))
    except Exception as error:
        raise ConfigError(explain(error, overrides, config_name)) from None


def setting(path: str, overrides: Sequence[str], config_name: str = PRIMARY) -> Any:
    """One of Hydra's own settings, as the overrides leave it.

    Raises:
        ConfigError: one line that says what is wrong.
    """
    try:
        with trust.harmless(trust.is_trusted(overrides)):
            found = OmegaConf.select(_compose(overrides, config_name, with_hydra=True), path)
            return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found
    except Exception as error:
        raise ConfigError(explain(error, overrides, config_name)) from None


def parse(overrides: Sequence[str]) -> list[Override]:
    """The overrides, read by Hydra's grammar, with a choice of one option for each group that is chosen from.

    Raises:
        ConfigError: one line for each that cannot be read.
    """
    loader = GlobalHydra.instance().config_loader()
    parser = OverridesParser.create(config_loader=loader)
    parsed, faults = [], []
    for text in overrides:
        try:
            (override,) = parser.parse_overrides([text])
        except (HydraException, ValueError):
            faults.append(_unreadable(text))
        else:
            parsed.append(override)
            faults += _choice_faults(override) if override.key_or_group else [_unreadable(text)]
    if faults:
        raise ConfigError(*faults)
    return parsed


def options(group: str) -> list[str]:
    """The options of a group; none where there is no such group, as in a saved config."""
    return list(GlobalHydra.instance().config_loader().get_group_options(group))


def explain(error: Exception, overrides: Sequence[str], config_name: str = PRIMARY) -> str:
    """One line for an error that came up while a config was composed: key, value and what is accepted."""
    match error:
        case ConfigError():
            return str(error)
        case yaml.YAMLError():
            return yaml_fault(error)
        case OverrideParseException():
            return _unreadable(error.override)
        case MissingConfigException():
            return _not_found(error, overrides, config_name)
        case OmegaConfBaseException():
            key, value = error.full_key or error.key, error.child_node
            reason = _one_line(error).rpartition("resolving interpolation: ")[2].strip('"')
            if isinstance(error, InterpolationKeyError | InterpolationResolutionError | UnsupportedInterpolationType):
                reason += "; accepted: ${key} of a key in the config, ${oc.env:NAME} of a variable that is set"
            if isinstance(error, MissingMandatoryValue):
                reason = "must be given a value"
            return f"{key}={shown(str(value))}: {reason}" if key else reason
        case UnicodeDecodeError():
            return f"{_own_file(_is_not_text)}: is not UTF-8 text"
        case UserWarning():
            return re.sub(r".*path=(.*) is not available\.", r"hydra.searchpath=\1: no such folder", str(error))
        case OSError() if "Invalid loaded object type" in str(error):
            return f"{_own_file(_is_value)}: {NO_KEYS}"
        case HydraException():
            return _not_composed(error, overrides, config_name)
    return f"the config cannot be composed: {type(error).__name__}: {_one_line(error)}"


def _compose(overrides: Sequence[str], config_name: str, with_hydra: bool = False) -> DictConfig:
    _check_search_path(overrides, config_name)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*is not available")  # a folder of hydra.searchpath
        config = hydra.compose(config_name, list(overrides), return_hydra_config=True)
    trust.check(config, overrides)
    if not with_hydra:
        with open_dict(config):
            del config["hydra"]
    return config


def _check_search_path(overrides: Sequence[str], config_name: str) -> None:
    """Hydra looks into what is to be searched while it composes: checked before, where it takes it from."""
    if trust.is_trusted(overrides):
        return
    trust.check_search_path(
        re.findall(r"[^\s'\",\[\]]*://[^\s'\",\[\]]*", trust.typed(overrides).get("hydra.searchpath", ""))
    )
    primary = GlobalHydra.instance().config_loader().repository.load_config(config_name)  # type: ignore[attr-defined]
    if primary is not None and OmegaConf.is_dict(primary.config):
        trust.check_search_path(OmegaConf.select(primary.config, "hydra.searchpath"))


def _plain(config: DictConfig) -> dict[str, Any]:
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)  # noqa: S101 (for the type checker)
    return {str(key): value for key, value in values.items()}


def _choice_faults(override: Override) -> list[str]:
    group = override.key_or_group
    if group not in CHOICES or override.is_delete() or override.is_sweep_override():
        return []
    value, accepted = override.value(), options(group)
    if not accepted:
        if group == "experiment" or isinstance(value, str):
            return [f"{group}={shown(value)}: a saved config has no options; change its values one by one"]
    elif isinstance(value, str) and (override.is_add() or override.is_force_add()):
        return [f"{override.input_line}: must be {group}={value}, without a +"]
    elif isinstance(value, list) and group != "experiment":
        return [f"{group}={shown(value)}: must be one option; as an axis: sweep.{group}={shown(value)}"]
    elif not isinstance(value, str | dict):
        return [f"{group}={shown(value)}: must be {listed(accepted)}"]
    return []


def _unreadable(text: str) -> str:
    key, equals, value = text.partition("=")
    if equals and key.strip("+~ "):
        quoted = "" if value[:1] in "[{'\"" else f""", as "{key}='{value}'\""""
        return f"{text}: cannot be read; accepted: key=value, with closed brackets, odd characters in quotes{quoted}"
    known, choices = options("experiment"), options(text) if text in CHOICES else []
    example = f"experiment={text}" if text in known else f"{text}={choices[0]}" if choices else "seed=1"
    return f"{text}: must be key=value, such as {example}"


def _own_file(wrong: Callable[[Path], bool]) -> str:
    """Whichever of people's own files is wrong."""
    paths = (path for folder in (*own_config_folders(), *plugins.config_folders()) for path in folder.rglob("*.yaml"))
    return next((str(path) for path in paths if wrong(path)), "a config")


def _is_not_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True
    return False


def _is_value(path: Path) -> bool:
    """Whether it is YAML, but of a single value."""
    try:
        return isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), bool | int | float)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False


def _not_found(error: MissingConfigException, overrides: Sequence[str], config_name: str) -> str:
    missing, text = error.missing_cfg_file, str(error)
    if missing is None:
        folder = re.search(r"'(.*)'", text)
        return f"--config-path={folder[1] if folder else '?'}: no such folder"
    if missing == config_name and text.startswith("Cannot find primary config"):
        return f"--config-name={config_name}: no such config in the folders that are searched"
    group, _, name = missing.rpartition("/")
    if error.options:
        typed = f"{group}={name}" in overrides
        by = "" if typed else ", named in a defaults list"
        extra = _EXTRAS.get(f"{group}={name}")
        more = f" (it comes with pip install 'mi-cli[{extra}]')" if extra else ""
        return f"{group}={name}: no such {group}{by}{more}; accepted: {', '.join(error.options)}"
    parent = re.match(r"In '(.*?)'", text)
    return f"{parent[1] if parent else config_name}.yaml: its defaults name {missing}, which is not there"


def _not_composed(error: HydraException, overrides: Sequence[str], config_name: str) -> str:
    text = str(error)
    quoted = re.search(r"(?:argument|parameters|override|already at|from config\.|value of) '(.+?)'", text)
    override = _named(quoted[1] if quoted else "", overrides)
    if quoted and ("Ambiguous value" in text or "requires --multirun" in text):
        return _several(quoted[1])
    parent = re.match(r"In '(.*?)': ", text)
    if parent and "ConfigTypeError" in text:
        return f"{parent[1]}.yaml: {NO_KEYS}"
    if "No match in the defaults list" in text and parent and quoted:
        return f"{parent[1]}.yaml: override /{quoted[1]}: no such group; accepted: {', '.join(CHOICES)}"
    if override and ("Could not override" in text or "does not exist" in text):
        rest = [text for text in overrides if text != override]
        key = override.lstrip("+~").partition("=")[0]
        return f"{override}: unknown key; accepted: {_accepted(key, rest, config_name)}"
    if override and "already at" in text:
        return f"{override}: is in the config already; accepted: {override.lstrip('+')}"
    reason = _one_line(error.__cause__ or error)
    if "Error merging override " in text:
        override = text.partition("Error merging override ")[2]
        if override.startswith("++sweep") and "DictConfig" in reason:
            return _not_axis(override.lstrip("+"))
        if "DictConfig with ListConfig" in reason:
            return f"{override}: must be a section of keys and values"
    return f"{override}: {reason}" if override and override not in reason else reason


def _named(key: str, overrides: Sequence[str]) -> str:
    """The override of ``key``, as it was typed."""
    return next((text for text in overrides if text.lstrip("+~").partition("=")[0] == key), "")


def _not_axis(text: str) -> str:
    """What does not fit the axes that there are, as it was typed."""
    from mi_cli.schema.sweep import NO_AXES

    key, _, value = text.partition("=")
    if key == "sweep":
        return f"{text}: {NO_AXES}"
    if value.startswith("{"):
        return f"{text}: must be a list of values, such as {key}=[1, 2]"
    return f"{text}: there are axes inside it already; drop them first, with ~{key}"


def _several(text: str) -> str:
    from mi_cli.schema.sweep import NOT_AXES

    key, _, value = text.lstrip("+").partition("=")
    if key.startswith("sweep."):
        return f"{key}={value}: must be a list; accepted: {key}=[{value}]"
    if key.startswith("hydra"):
        return f"{key}={value}: is several values; accepted: one"
    no_axis = "(" in value or key.split(".")[0] in ("experiment", *NOT_AXES)
    axis = "" if no_axis else f", an axis (sweep.{key}=[{value}])"
    return f"{key}={value}: is several values; accepted: one{axis}, or a run for each (mi-run -m)"


def _accepted(key: str, overrides: Sequence[str], config_name: str) -> str:
    if key.startswith("hydra"):
        return "the settings that mi-run --cfg hydra prints"
    try:
        values: Any = OmegaConf.to_container(_compose(overrides, config_name))
    except Exception:
        return "the keys that mi-run --cfg job prints"
    parents: list[str] = []
    for part in key.split(".")[:-1]:
        if not isinstance(values, Mapping) or not isinstance(values.get(part), Mapping):
            break
        values = values[part]
        parents.append(part)
    keys = [".".join([*parents, str(name)]) for name in values]
    return ", ".join(sorted(keys if parents or not options("experiment") else ["experiment", *keys]))


def _one_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].strip() or type(error).__name__
