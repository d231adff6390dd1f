"""Configs are data: what a config may not say, unless its user types ``trust=true``.

Hydra runs code that a config names: classes of callbacks, launchers, sweepers and log handlers. It imports packages to
search, and sets variables of the environment. So a composed config is checked here, with Hydra's own section, before
Hydra acts on it.
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

from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.files import expanded_path

__all__ = ["DEFAULT_ROOT", "check", "check_root", "check_search_path", "harmless", "is_trusted", "typed"]

DEFAULT_ROOT = "outputs"

_OR_TRUST = "or trust=true, typed, which lets configs run code with your rights"  # ends what is accepted
_CODE = frozenset({"_target_", "_partial_", "_recursive_", "_args_", "_convert_"})  # keys of Hydra's instantiate
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
_PLACES = ("output_root", "hydra.run.dir", "hydra.sweep.dir")  # folders that are made
_STORAGE = "search.storage"
_ENVIRONMENT = "reads the environment, and runs keep what their configs say"
_FROM_ENVIRONMENT = f"in dataset.path and hydra.searchpath, in {listed(_PLACES, 'and')} if typed, {_OR_TRUST}"
_A_FILE = "a file in the current folder"
_ELSEWHERE = "a config says so, and it is outside the current folder"
# Hydra sets these itself, or keeps in them what was typed, and resolves none of it.
_HYDRAS = frozenset({"hydra.overrides", "hydra.runtime", "hydra.job.override_dirname", "hydra.job.config_name"})
_ACTED_ON = (  # settings that Hydra acts on
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
    """Whether the value of a key is a path, which may come from the environment."""
    return _PATHS.fullmatch(key) is not None


def _by_none(key: str) -> bool:
    """No value may come from the environment."""
    return False


_may_read: ContextVar[Callable[[str], bool]] = ContextVar("may_read", default=_by_key)


def typed(overrides: Iterable[str]) -> dict[str, str]:
    """The values on the command line as they were typed, by key."""
    pairs = (text.lstrip("+").partition("=") for text in overrides)
    return {key.strip(): value.strip() for key, _, value in pairs}


def is_trusted(overrides: Iterable[str]) -> bool:
    """Whether ``trust=true`` was typed. A config cannot say it of itself."""
    return typed(overrides).get("trust", "").lower() == "true"


@contextmanager
def harmless(trusted: bool) -> Iterator[None]:
    """Allow only resolvers that read the config and, for paths, the environment. If ``trusted``, allow all."""
    every = BaseContainer._resolvers
    if not trusted:
        BaseContainer._resolvers = {name: every[name] for name in every if name in _RESOLVERS}
        OmegaConf.register_new_resolver("oc.env", _env, replace=True)
    try:
        yield
    finally:
        BaseContainer._resolvers = every


def _env(key: str, *default: Any, _node_: Node) -> str | None:
    """Resolve ``oc.env``, for paths only."""
    value: str | None = oc.env(key, *default)  # comes first: it raises where the variable is not set
    if not _may_read.get()(str(_node_._get_full_key(None) if _node_ is not None else "")):
        raise ConfigError(Fault("", problem=_ENVIRONMENT, accepted=_FROM_ENVIRONMENT))
    return value


def check_search_path(folders: Any) -> None:
    """Refuse entries of ``hydra.searchpath`` that are no folders. Hydra imports a package to look into it.

    Raises:
        ConfigError: an entry is no folder.
    """
    for place in folders if isinstance(folders, Sequence) and not isinstance(folders, str) else ():
        scheme, marked, _ = str(place).partition("://")
        if marked and scheme != "file":
            raise _refusal("hydra.searchpath", place, "names a package, which is imported", "folders (file:///...)")


def check(config: DictConfig, overrides: Sequence[str]) -> None:
    """Refuse a composed config that names code, or places outside the run's folder.

    Args:
        config: as composed, with its section ``hydra``, nothing resolved.
        overrides: what it was composed with.

    Raises:
        ConfigError: the first fault.
    """
    if is_trusted(overrides):
        return
    if (said := typed(overrides).get("trust", "false")).lower() != "false":
        raise ConfigError(Fault("trust", said, accepted="true or false"))
    if config.get("trust", False) is not False and "trust" not in typed(overrides):
        raise ConfigError(Fault("trust", config.trust, "no config can trust itself", "trust=true, typed"))
    given = typed(overrides)
    _check_overrides(config.hydra, overrides)
    with _as_in_a_job(config.hydra) as folder:
        _walk(config, "", 0, given)
        _check_storage(config, given)
        _check_hydra(config.hydra, folder, given)


@contextmanager
def _as_in_a_job(own: DictConfig) -> Iterator[Path]:
    """Set what Hydra sets when a job begins, to look at values that refer to it. The job's folder is yielded."""
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
    """Refuse an ``output_root`` that was not typed and leads out of the current folder.

    Args:
        root: the value in the config.
        name: of the folder in it.
        saved: the folder of the primary config, if it is not ours. A saved run may use the root that it is in.

    Raises:
        ConfigError: it leads elsewhere.
    """
    place = expanded_path(root)
    if saved is not None and place.is_absolute() and place.resolve() == _root_of(saved.resolve()):
        return
    if not _is_here(place / name):
        raise _refusal("output_root", root, _ELSEWHERE, "one in it, or typed")


def _check_storage(config: DictConfig, given: Mapping[str, str]) -> None:
    """Refuse a ``search.storage`` that was not typed and is a database, or a file outside the current folder."""
    try:
        storage = OmegaConf.select(config, _STORAGE, throw_on_missing=False)
    except OmegaConfBaseException:
        return  # the fault is reported where the config is resolved
    if _STORAGE in given or not isinstance(storage, str):
        return
    if "://" in storage:
        raise _refusal(_STORAGE, storage, "a config says so, and it is a database", f"{_A_FILE}, or typed")
    if not _is_here(Path(storage)):
        raise _refusal(_STORAGE, Path(storage), _ELSEWHERE, f"{_A_FILE}, or typed")


def _root_of(run: Path) -> Path | None:
    """The root of a run's folder, which is ``<root>/<name>/<stamp>`` or ``<root>/multirun/<stamp>/<job>``."""
    folder, *above = [*run.parents[1:3]]
    return above[0] if above and folder.name == "multirun" else folder


def _is_here(path: Path) -> bool:
    """Whether a path, with links followed, is in the current folder or in its ``outputs``, which may be a link."""
    resolved = expanded_path(path).absolute().resolve()
    return any(resolved.is_relative_to(place.resolve()) for place in (Path.cwd(), Path.cwd() / DEFAULT_ROOT))


def _refusal(key: str, value: Any, problem: str, accepted: str) -> ConfigError:
    """The refusal of a value that is accepted with ``trust=true``."""
    return ConfigError(Fault(key, value, problem, f"{accepted}, {_OR_TRUST}"))


def _children(node: Any, path: str, given: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Keys and values of a container, resolved one by one, without those that are missing or as they are written."""
    keys = range(len(node)) if isinstance(node, ListConfig) else node.keys()
    for key in keys:
        name = f"{path}.{key}" if path else str(key)
        if name in _HYDRAS:
            continue
        if str(key) in _CODE and name.removesuffix("._target_") not in _PLUGINS:
            raise _refusal(name, _raw(node, key), "names code to run", "values only")
        child = node._get_node(key, validate_access=False)
        if child is None or not child._is_interpolation():
            if isinstance(child, DictConfig | ListConfig) and not (child._is_missing() or child._is_none()):
                yield name, child
            continue  # or a value as it is written
        token = _may_read.set(_by_key if _by_key(name) and (name not in _PLACES or name in given) else _by_none)
        try:
            value = node[key]
        except (MissingMandatoryValue, InterpolationToMissingValueError):
            continue
        except OmegaConfBaseException as error:
            if _ENVIRONMENT in str(error):
                raise ConfigError(Fault(name, _raw(node, key), _ENVIRONMENT, _FROM_ENVIRONMENT)) from None
            if name.startswith("hydra."):  # Hydra resolves it later, and it may be anything then
                reason = str(error).partition("\n")[0].rpartition("resolving interpolation: ")[2]
                raise _refusal(name, _raw(node, key), reason, "${key} of a key in the config") from None
            continue  # the fault is reported where the config is resolved
        finally:
            _may_read.reset(token)
        yield name, value


def _raw(node: Any, key: Any) -> Any:
    """A value as it is written, not resolved."""
    values: Any = OmegaConf.to_container(node, resolve=False)
    return values[key]


def _walk(value: Any, path: str, depth: int, given: Mapping[str, str]) -> None:
    """Check all keys and values below a path."""
    if not isinstance(value, DictConfig | ListConfig):
        return
    if depth > _DEEPEST:
        raise ConfigError(Fault(path, problem="refers to itself", accepted="values that end"))
    for key, child in _children(value, path, given):
        _walk(child, key, depth + 1, given)


def _check_overrides(own: DictConfig, overrides: Sequence[str]) -> None:
    """Refuse additions to the lists of what was typed: Hydra passes these lists to the jobs of a multirun."""
    for part in ("task", "hydra"):
        for text in OmegaConf.to_container(own.overrides[part], resolve=False) or ():
            if text not in overrides:
                raise _refusal(f"hydra.overrides.{part}", text, "was not typed", "nothing in a config")


def _check_hydra(own: DictConfig, folder: Path, given: Mapping[str, str]) -> None:
    """Refuse settings of Hydra that run code or lead elsewhere; ``folder`` is the job's."""
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
        if key.strip("+~ ").startswith(("hydra", "trust", "output_root", _STORAGE)):
            raise _refusal(
                f"hydra.sweeper.params.{key}", values["sweeper"]["params"][key], "must be typed", "no such key"
            )
    for part in ("job_logging", "hydra_logging"):
        _check_logging(f"hydra.{part}", values[part] or {}, folder)
    for key in ("output_subdir", "sweep.subdir"):
        if values[key] is not None and not _is_below(str(values[key])):
            raise _refusal(f"hydra.{key}", values[key], "leads out of the run's folder", "a folder in it")
    for key in ("run.dir", "sweep.dir"):
        place = values[key]
        if place is not None and f"hydra.{key}" not in given and not _is_here(Path(str(place))):
            raise _refusal(f"hydra.{key}", place, _ELSEWHERE, "one in it, or typed")


def _resolved(own: DictConfig, part: str) -> Any:
    node = OmegaConf.select(own, part, throw_on_missing=False)
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


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
    """Whether a path is relative, or in ``folder`` where that is given, and does not lead out again."""
    path = Path(text)
    if folder is not None:
        if not path.is_relative_to(folder):
            return False
        path = path.relative_to(folder)
    return bool(text.strip()) and not path.is_absolute() and ".." not in path.parts


def _check_logging(key: str, conf: Mapping[str, Any], folder: Path) -> None:
    """Refuse what ``logging.config`` would import or call, and log files outside the job's folder."""
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
                _check_field(f"{name}.{field}", field, value, keys, folder)


def _check_field(place: str, field: str, value: Any, keys: Iterable[str], folder: Path) -> None:
    if field not in keys:
        raise _refusal(place, value, "may name code to run", listed(sorted(keys)))
    if field == "class" and value not in _HANDLERS:
        raise _refusal(place, value, "names code to run", listed(_HANDLERS))
    if field == "stream" and value not in _STREAMS:
        raise _refusal(place, value, "names code to run", listed(_STREAMS))
    if field == "filename" and not _is_below(str(value), folder):
        raise _refusal(place, value, "is outside the run's folder", "a file in ${hydra.runtime.output_dir}")


def _section(value: Any, place: str) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigError(Fault(place, value, accepted="a section of keys and values"))
    return value or {}


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping | list):
        for key, child in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _leaves(child, f"{place}.{key}")
    else:
        yield place, value
