"""Hydra's loader of configs, without what it does over and over.

A command composes several configs: one for each option of an axis, one more for the run that Hydra starts. For each of
them Hydra parses the same files, copies the schemas of all its settings and merges the same options. Here, a file is
parsed once for as long as it says the same, options are merged once for as long as they do, and every composition gets
a copy of its own.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from hydra._internal import defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import InputDefault, ResultDefault
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, base, grammar_parser

from mi_cli.compose.search_path import ConfigPath

__all__ = ["Loader", "Repository", "interpolations_parsed_once"]

_MOST_KEPT = 1000  # of each kind; a composition takes some twenty files, and is one merged config


class _Kept:
    """What this process has made already. It is pickled in memory: reading that is the fastest way to copy a config."""

    def __init__(self) -> None:
        self._pickles: dict[Hashable, bytes] = {}

    def __reduce__(self) -> tuple[type[_Kept], tuple[()]]:
        """Other processes get nothing of it."""
        return _Kept, ()

    def keep(self, key: Hashable, made: Any) -> bytes:
        """Keep what has been made, and forget all else when there is too much; return its pickle."""
        if len(self._pickles) >= _MOST_KEPT:
            self._pickles.clear()
        self._pickles[key] = pickle.dumps(made, pickle.HIGHEST_PROTOCOL)
        return self._pickles[key]

    def pickled(self, key: Hashable) -> bytes | None:
        """The pickle of what is kept; None where nothing is."""
        return self._pickles.get(key)

    def copied(self, key: Hashable) -> Any:
        """A copy of what is kept."""
        return pickle.loads(self._pickles[key])  # noqa: S301 (pickled above)


_parsed, _merged, _schemas = _Kept(), _Kept(), _Kept()
_parse_once = lru_cache(maxsize=_MOST_KEPT)(grammar_parser.parse)


class Repository(ConfigRepository):
    """Hydra's repository of the configs on a search path, which parses a file again only if its text has changed.

    Args:
        config_search_path: where the configs are.
    """

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.loaded: dict[str, bytes] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Repository:
        """A repository that may be given another search path. The sources are shared: nothing changes them."""
        copied = copy.copy(self)
        copied.loaded = {}
        return copied

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Load a config; its pickle is kept in ``loaded``."""
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        text = None if source is None else _text(source, config_path)
        if source is None or text is None:
            return self._load(config_path) if source is None else self._schema(source, config_path)
        key = (source.scheme(), source.path, source.provider, config_path, text)
        pickled = _parsed.pickled(key)
        if pickled is None:
            result = self._load(config_path)
            if _text(source, config_path) != text:  # somebody writes to it just now
                return result
            pickled = _parsed.keep(key, result)
        self.loaded[config_path] = pickled
        result = _parsed.copied(key)
        assert isinstance(result, ConfigResult)  # noqa: S101 (for the type checker)
        return result

    def _load(self, config_path: str) -> ConfigResult | None:
        """Have Hydra load a config."""
        return super().load_config(config_path)

    def _schema(self, source: ConfigSource, config_path: str) -> ConfigResult | None:
        """Load what is no file: a schema. Only those of Hydra itself are kept, for as long as they are registered."""
        schema = _registered(source, config_path)
        key = (source.provider, source.path, config_path, schema)
        pickled = None if schema is None else _schemas.pickled(key)
        if pickled is None:
            result = self._load(config_path)
            if schema is not None and result is not None and result.is_schema_source and result.provider == "hydra":
                # A job in another process is sent schemas whose classes are not those that bear their names there.
                with suppress(pickle.PicklingError):
                    self.loaded[config_path] = _schemas.keep(key, result)
            return result
        self.loaded[config_path] = pickled
        result = _schemas.copied(key)
        assert isinstance(result, ConfigResult)  # noqa: S101 (for the type checker)
        return result


class _Schema:
    """A schema that a program has registered with Hydra; equal to itself only, whatever it says."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Schema) and self.node is other.node

    def __hash__(self) -> int:
        return id(self.node)


def _registered(source: ConfigSource, config_path: str) -> _Schema | None:
    """The schema that a source has for a config; None where the source is of another kind."""
    if source.scheme() != "structured":
        return None
    return _Schema(ConfigStore.instance()._load(source._normalize_file_name(config_path)).node)


def _text(source: ConfigSource, config_path: str) -> bytes | None:
    """What the file of a config says; None where a config is no file, or cannot be read."""
    name = source._normalize_file_name(config_path)
    try:
        if source.scheme() == "pkg":
            return _packaged(source.path, name)
        return Path(source.path, name).read_bytes() if source.scheme() in ("file", ConfigPath.scheme()) else None
    except OSError:  # Hydra reads it again, and its error says why it cannot be read
        return None


@contextmanager
def interpolations_parsed_once() -> Iterator[None]:
    """Have OmegaConf parse the text of an interpolation once: parsing takes longer than all else that resolves it."""
    parse = vars(base)["parse"]
    vars(base)["parse"] = _parse_once
    try:
        yield
    finally:
        vars(base)["parse"] = parse


@lru_cache(maxsize=_MOST_KEPT)  # what is installed does not change while a command runs
def _packaged(package: str, name: str) -> bytes:
    """A file of an installed package."""
    return resources.files(package).joinpath(name).read_bytes()


class Loader(ConfigLoaderImpl):
    """Hydra's loader, which merges the same options once, and composes the same config once.

    Args:
        config_search_path: where the configs are.
    """

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository = Repository(config_search_path)
        self._composed = _Kept()  # of one command: what it was given does not change on the way
        self._is_of_files = False  # the config that was merged last, as far as it is not Hydra's own

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Compose a config, as it is before anything is resolved."""
        key = (config_name, tuple(overrides), run_mode, from_shell, validate_sweep_overrides, Path.cwd())
        if self._composed.pickled(key) is None:
            with _interpolations_where_there_are_any():
                made = super().load_configuration(
                    config_name, overrides, run_mode, from_shell, validate_sweep_overrides
                )
            if self._is_of_files:
                self._composed.keep(key, made)
            return made
        config = self._composed.copied(key)
        assert isinstance(config, DictConfig)  # noqa: S101 (for the type checker)
        return config

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merge the configs of a defaults list; Hydra applies what was typed to the copy that it gets."""
        key = _key(defaults, repo)
        self._is_of_files = key is not None
        if key is None:
            return super()._compose_config_from_defaults_list(defaults, repo)
        if _merged.pickled(key) is None:
            made = super()._compose_config_from_defaults_list(defaults, repo)
            _merged.keep(key, made)
            return made
        config = _merged.copied(key)
        assert isinstance(config, DictConfig)  # noqa: S101 (for the type checker)
        return config


@contextmanager
def _interpolations_where_there_are_any() -> Iterator[None]:
    """Have Hydra make what interpolations may refer to for lists that have some, and not for every defaults list."""
    make, name, nothing = defaults_list._create_interpolation_map, "_create_interpolation_map", OmegaConf.create()

    def made(overrides: Any, defaults: list[InputDefault], self_added: bool) -> DictConfig:
        used = any(not each.is_self() and not each.is_override() and each.is_interpolation() for each in defaults)
        return make(overrides, defaults, self_added) if used else nothing

    vars(defaults_list)[name] = made
    try:
        yield
    finally:
        vars(defaults_list)[name] = make


def _key(defaults: list[ResultDefault], repo: IConfigRepository) -> Hashable:
    """What a merged config depends on; None where a part of it is not in a file, or has a schema of the same name."""
    assert isinstance(repo, CachingConfigRepository)  # noqa: S101 (for the type checker)
    assert isinstance(repo.delegate, Repository)  # noqa: S101 (for the type checker)
    schemas = repo.get_schema_source()
    parts = []
    for default in defaults:
        path = str(default.config_path)
        loaded, pickled = repo.load_config(path), repo.delegate.loaded.get(path)
        if loaded is None or pickled is None or (schemas.is_config(path) and not loaded.is_schema_source):
            return None
        parts.append((path, default.package, default.primary, pickled))
    return tuple(parts)
