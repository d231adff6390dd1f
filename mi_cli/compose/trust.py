"""Configs are data: what one may not say unless its user trusts it (``trust=true``, typed).

Hydra runs what a config names: classes of callbacks, launchers, sweepers and logging, packages to search, variables of
the environment to set. So a composed config is checked here, Hydra's own section with it, before Hydra acts on it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, Node, OmegaConf, open_dict, read_write
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import InterpolationToMissingValueError, MissingMandatoryValue, OmegaConfBaseException
from omegaconf.resolvers import oc

from mi_cli.errors import ConfigError, listed, shown

__all__ = ["DEFAULT_ROOT", "check", "check_root", "check_search_path", "harmless", "is_trusted", "typed"]

DEFAULT_ROOT = "outputs"

_OR_TRUST = "or trust=true, typed, which lets configs run code with your rights"
_CODE = frozenset({"_target_", "_partial_", "_recursive_", "_args_", "_convert_"})  # what Hydra's instantiate obeys
_PLUGINS = {
    "hydra.launcher": (
        "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
        "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
    ),
    "hydra.sweeper": ("hydra._internal.core_plugins.basic_sweeper.BasicSweeper",),
}
_SHELL = ("setup", "python", "srun_args", "additional_parameters")  # of the submitit launchers: commands and options
_RESOLVERS = frozenset(
    {"oc.create", "oc.decode", "oc.deprecated", "oc.dict.keys", "oc.dict.values", "oc.env", "oc.select"}
    | {"hydra", "now", "python_version"}
)
_INDEX = r"(\.\d+|\[\d+\])"
_PATHS = re.compile(
    rf"output_root|hydra\.(run|sweep)\.dir|hydra\.searchpath{_INDEX}|hydra\.launcher\.submitit_folder"
    rf"|(sweep\.)?dataset{_INDEX}?\.path{_INDEX}?"
)
_PLACES = ("output_root", "hydra.run.dir", "hydra.sweep.dir")  # where things are made
_ENVIRONMENT = (
    "reads the environment, and runs keep what their configs say; accepted: in dataset.path and hydra.searchpath, "
    f"in {listed(_PLACES, 'and')} if typed, {_OR_TRUST}"
)
# What Hydra itself sets, or keeps of what was typed without ever resolving it.
_HYDRAS = frozenset({"hydra.overrides", "hydra.runtime", "hydra.job.override_dirname", "hydra.job.config_name"})
_ACTED_ON = (
    *("callbacks", "job.env_set", "job.env_copy", "launcher", "sweeper", "job_logging", "hydra_logging"),
    *("output_subdir", "run.dir", "sweep.dir", "sweep.subdir"),
)
_LOGGING = {
    "formatters": frozenset({"format", "datefmt", "validate"}),
    "handlers": frozenset({"class", "level", "formatter", "stream", "filename", "mode", "encoding", "delay"}),
    "loggers": frozenset({"level", "handlers", "propagate"}),
}
_LOGGING_VALUES = frozenset({"version", "disable_existing_loggers", "incremental"})
_HANDLERS = ("logging.StreamHandler", "logging.FileHandler", "logging.NullHandler")
_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
_DEEPEST = 60


def _by_key(key: str) -> bool:
    """Whether the value of a key may come from the environment."""
    return _PATHS.fullmatch(key) is not None


def _by_none(key: str) -> bool:
    return False


_may_read: ContextVar[Callable[[str], bool]] = ContextVar("may_read", default=_by_key)


def typed(overrides: Iterable[str]) -> dict[str, str]:
    """What the command line says itself, as it was typed, by key."""
    pairs = (text.lstrip("+").partition("=") for text in overrides)
    return {key.strip(): value.strip() for key, _, value in pairs}


def is_trusted(overrides: Iterable[str]) -> bool:
    """Whether ``trust=true`` was typed; that a config says it of itself does not count."""
    return typed(overrides).get("trust", "").lower() == "true"


@contextmanager
def harmless(trusted: bool) -> Iterator[None]:
    """Only the resolvers that do no more than read the config, and the environment for paths; all, if ``trusted``."""
    every = BaseContainer._resolvers
    if not trusted:
        BaseContainer._resolvers = {name: every[name] for name in every if name in _RESOLVERS}
        OmegaConf.register_new_resolver("oc.env", _env, replace=True)
    try:
        yield
    finally:
        BaseContainer._resolvers = every


def _env(key: str, *default: Any, _node_: Node) -> str | None:
    """``oc.env`` for paths."""
    found: str | None = oc.env(key, *default)  # which complains first of a variable that is not there
    if not _may_read.get()(str(_node_._get_full_key(None) if _node_ is not None else "")):
        raise ConfigError(_ENVIRONMENT)
    return found


def check_search_path(folders: Any) -> None:
    """Refuse places of ``hydra.searchpath`` that are no folders: Hydra imports packages to look into them.

    Raises:
        ConfigError: one of them is something else.
    """
    for place in folders if isinstance(folders, Sequence) and not isinstance(folders, str) else ():
        scheme, marked, _ = str(place).partition("://")
        if marked and scheme != "file":
            raise _refusal("hydra.searchpath", place, "names a package, which is imported", "folders (file:///...)")


def check(config: DictConfig, overrides: Sequence[str]) -> None:
    """Refuse a composed config, ``hydra`` included, that names code or places outside the run's folder.

    Args:
        config: as composed, nothing resolved.
        overrides: what it was composed with.

    Raises:
        ConfigError: a line about the first fault found.
    """
    if is_trusted(overrides):
        return
    if config.get("trust", False) is not False and "trust" not in typed(overrides):
        raise ConfigError(f"trust={shown(config.trust)}: no config vouches for itself; accepted: trust=true, typed")
    given = typed(overrides)
    _check_overrides(config.hydra, overrides)
    with _as_in_a_job(config.hydra) as folder:
        _walk(config, "", 0, given)
        _check_hydra(config.hydra, folder, given)


@contextmanager
def _as_in_a_job(own: DictConfig) -> Iterator[Path]:
    """Something in place of what Hydra sets when a job begins, such as the folder that is yielded."""
    folder = Path("/", secrets.token_hex(8))
    values = {"runtime.output_dir": str(folder), "job.num": 0, "job.id": "0"}
    missing = [key for key in values if OmegaConf.is_missing(own[key.split(".")[0]], key.split(".")[1])]
    with read_write(own), open_dict(own):
        for key in missing:
            OmegaConf.update(own, key, values[key])
        try:
            yield folder
        finally:
            for key in missing:
                OmegaConf.update(own, key, "???")


def check_root(root: str, name: str, saved: Path | None) -> None:
    """Refuse an ``output_root`` that nobody typed, and that leads out of the current folder and its ``outputs``.

    Args:
        root: as the config says.
        name: of the folder in it.
        saved: the folder of the primary config, if it is not ours; a run's own may go on where that run lies.

    Raises:
        ConfigError: it leads elsewhere.
    """
    place = Path(root).expanduser()
    if saved is not None and place.is_absolute() and place.resolve() == _root_of(saved.resolve()):
        return
    if not _is_here(place / name):
        raise _refusal(
            "output_root", root, "a config says so, and it is outside the current folder", "one in it, or typed"
        )


def _root_of(run: Path) -> Path | None:
    """Of a run's folder, ``<root>/<name>/<stamp>`` or ``<root>/multirun/<stamp>/<job>``, the root."""
    folder, *above = [*run.parents[1:3]]
    return above[0] if above and folder.name == "multirun" else folder


def _is_here(path: Path) -> bool:
    """Whether a path, its links followed, is in the current folder, or in the ``outputs`` that it may link to."""
    found = path.expanduser().absolute().resolve()
    return any(found.is_relative_to(place.resolve()) for place in (Path.cwd(), Path.cwd() / DEFAULT_ROOT))


def _refusal(key: str, value: Any, what: str, accepted: str) -> ConfigError:
    return ConfigError(f"{key}={shown(value)}: {what}; accepted: {accepted}, {_OR_TRUST}")


def _children(node: Any, path: str, given: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Keys and values of a container, resolved one by one; what is missing is left out."""
    keys = range(len(node)) if isinstance(node, ListConfig) else node.keys()
    for key in keys:
        name = f"{path}.{key}" if path else str(key)
        if name in _HYDRAS:
            continue
        if str(key) in _CODE and name.removesuffix("._target_") not in _PLUGINS:
            raise _refusal(name, _raw(node, key), "names code to run", "values only")
        token = _may_read.set(_by_key if _by_key(name) and (name not in _PLACES or name in given) else _by_none)
        try:
            value = node[key]
        except (MissingMandatoryValue, InterpolationToMissingValueError):
            continue
        except OmegaConfBaseException as error:
            if _ENVIRONMENT in str(error):
                raise ConfigError(f"{name}={_raw(node, key)}: {_ENVIRONMENT}") from None
            if name.startswith("hydra."):  # as it stands, Hydra could make anything of it later
                reason = str(error).partition("\n")[0].rpartition("resolving interpolation: ")[2]
                raise _refusal(name, _raw(node, key), reason, "${key} of a key in the config") from None
            continue  # it is told where the config is resolved
        finally:
            _may_read.reset(token)
        yield name, value


def _raw(node: Any, key: Any) -> str:
    values: Any = OmegaConf.to_container(node, resolve=False)
    return shown(values[key])


def _walk(value: Any, path: str, depth: int, given: Mapping[str, str]) -> None:
    if not isinstance(value, DictConfig | ListConfig):
        return
    if depth > _DEEPEST:
        raise ConfigError(f"{path}: refers to itself; accepted: values that end")
    for key, child in _children(value, path, given):
        _walk(child, key, depth + 1, given)


def _check_overrides(own: DictConfig, overrides: Sequence[str]) -> None:
    """Jobs of a multirun are told what was typed by these lists, to which Hydra adds what the config has in them."""
    for part in ("task", "hydra"):
        for text in OmegaConf.to_container(own.overrides[part], resolve=False) or ():
            if text not in overrides:
                raise _refusal(f"hydra.overrides.{part}", text, "was not typed", "nothing in a config")


def _check_hydra(own: DictConfig, anywhere: Path, given: Mapping[str, str]) -> None:
    values = {part: _resolved(own, part) for part in _ACTED_ON}
    if values["callbacks"]:
        raise _refusal("hydra.callbacks", values["callbacks"], "names code to run", "none")
    if str(own.mode).endswith("MULTIRUN") and "hydra.mode" not in given:
        raise _refusal("hydra.mode", "MULTIRUN", "must be typed", "-m")
    for key in ("job.env_copy", "job.env_set"):
        if values[key]:
            raise _refusal(f"hydra.{key}", values[key], "changes the environment of jobs", "none")
    for part in ("launcher", "sweeper"):
        _check_plugin(f"hydra.{part}", values[part] or {})
    _check_launcher(values["launcher"] or {}, values["sweep.dir"])
    for key in values["sweeper"].get("params") or {}:
        if key.strip("+~ ").startswith(("hydra", "trust", "output_root")):
            raise _refusal(
                f"hydra.sweeper.params.{key}", values["sweeper"]["params"][key], "must be typed", "no such key"
            )
    for part in ("job_logging", "hydra_logging"):
        _check_logging(f"hydra.{part}", values[part] or {}, anywhere)
    for key in ("output_subdir", "sweep.subdir"):
        if values[key] is not None and not _is_below(str(values[key])):
            raise _refusal(f"hydra.{key}", values[key], "leads out of the run's folder", "a folder in it")
    for key in ("run.dir", "sweep.dir"):
        place = values[key]
        if place is not None and f"hydra.{key}" not in given and not _is_here(Path(str(place))):
            fault = "a config says so, and it is outside the current folder"
            raise _refusal(f"hydra.{key}", place, fault, "one in it, or typed")


def _resolved(own: DictConfig, part: str) -> Any:
    found = OmegaConf.select(own, part, throw_on_missing=False)
    return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found


def _check_plugin(key: str, section: Mapping[str, Any]) -> None:
    if section.get("_target_") not in _PLUGINS[key]:
        names = listed(path.rpartition(".")[2] for path in _PLUGINS[key])
        raise _refusal(f"{key}._target_", section.get("_target_"), "names code to run", names)


def _check_launcher(section: Mapping[str, Any], sweep_dir: str) -> None:
    for name, value in section.items():
        key = f"hydra.launcher.{name}"
        if name in _SHELL and value:
            raise _refusal(key, value, "goes into a script that is run", "null")
        if isinstance(value, str) and not value.isprintable():  # a second line of a script is a command
            raise _refusal(key, value, "has more than one line", "printable characters")
        outside = name == "submitit_folder" and not _is_below(value, Path(sweep_dir))
        if (name == "temp_folder" and value is not None) or outside:
            raise _refusal(key, value, "leads out of the multirun's folder", "a folder in it")


def _is_below(text: str, folder: Path | None = None) -> bool:
    """Whether a path, if it is a relative one or in ``folder``, stays there."""
    path = Path(text)
    if folder is not None:
        if not path.is_relative_to(folder):
            return False
        path = path.relative_to(folder)
    return bool(text.strip()) and not path.is_absolute() and ".." not in path.parts


def _check_logging(key: str, conf: Mapping[str, Any], anywhere: Path) -> None:
    """Refuse what ``logging.config`` would import or call, and log files outside the run's folder."""
    for place, value in _leaves(conf, key):
        if isinstance(value, str) and value.startswith(("ext://", "cfg://")) and value not in _STREAMS:
            raise _refusal(place, value, "names code to run", listed(_STREAMS))
    for part, section in conf.items():
        if part in _LOGGING_VALUES or section is None:
            continue
        place = f"{key}.{part}"
        if part not in (*_LOGGING, "root"):
            raise _refusal(place, section, "may name code to run", listed([*_LOGGING, *_LOGGING_VALUES, "root"]))
        keys = _LOGGING["loggers" if part == "root" else part]
        entries = {place: section}
        if part != "root":
            entries = {f"{place}.{name}": entry for name, entry in _section(section, place).items()}
        for name, entry in entries.items():
            for field, value in _section(entry, name).items():
                _check_field(f"{name}.{field}", field, value, keys, anywhere)


def _check_field(place: str, field: str, value: Any, keys: Iterable[str], anywhere: Path) -> None:
    if field not in keys:
        raise _refusal(place, value, "may name code to run", listed(sorted(keys)))
    if field == "class" and value not in _HANDLERS:
        raise _refusal(place, value, "names code to run", listed(_HANDLERS))
    if field == "stream" and value not in _STREAMS:
        raise _refusal(place, value, "names code to run", listed(_STREAMS))
    if field == "filename" and not _is_below(str(value), anywhere):
        raise _refusal(place, value, "is outside the run's folder", "a file in ${hydra.runtime.output_dir}")


def _section(value: Any, place: str) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigError(f"{place}={shown(value)}: must be a section of keys and values")
    return value or {}


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping | list):
        for key, child in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _leaves(child, f"{place}.{key}")
    else:
        yield place, value
