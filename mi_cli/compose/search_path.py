"""The search path of Hydra: our configs, those of the user, those of other packages, and those of a saved run."""

from __future__ import annotations

from pathlib import Path

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from mi_cli.compose.hydra_state import is_own_hydra
from mi_cli.errors import ConfigError, Fault
from mi_cli.registry import plugins
from mi_cli.registry.plugins import REGISTRIES
from mi_cli.schema.locations import OWN_CONFIGS, config_folder, own_config_folders

__all__ = ["ConfigPath", "OwnConfigs", "PluginDefaults", "register"]

_MOST_VALUES = 100_000  # of a config


class OwnConfigs(SearchPathPlugin):
    """Puts the folders of ``MI_CONFIG_PATH`` on Hydra's search path, after our configs, and then those of packages.

    Where our configs are not on it, the primary config is a saved one or the user's own, and :class:`ConfigPath` reads
    it; packages add nothing then. Other applications of Hydra in the same process keep the search path that they have.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders."""
        if not is_own_hydra():
            return
        for folder in own_config_folders():
            search_path.append(OWN_CONFIGS, f"{ConfigPath.scheme()}://{folder}")
        folders = [Path(element.path.rpartition("://")[2]) for element in search_path.get_path() if element.path]
        if config_folder() not in folders:
            for element in search_path.get_path():
                if element.provider == "main" and element.path:
                    element.path = f"{ConfigPath.scheme()}://{element.path.rpartition('://')[2]}"
            return
        for folder in plugins.config_folders():
            search_path.append("mi_cli.configs", f"file://{folder}")
        search_path.append("mi_cli.registry.plugins", f"{PluginDefaults.scheme()}://")


class ConfigPath(FileConfigSource):
    """A folder of the user's. A folder in it is a group if it has configs; a config has a limited number of values.

    A run's folder has folders that are no groups, though keys have the same names: plots, tables, shards.
    """

    @staticmethod
    def scheme() -> str:
        """The prefix of its entries on the search path."""
        return "mi-config"

    def is_group(self, config_path: str) -> bool:
        """Whether there is such a group. For the root, whether the folder is there."""
        folder = Path(self.path, config_path)
        return folder.is_dir() and (config_path.strip("/") in ("", "hydra") or any(folder.glob("*.yaml")))

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a config. Each of its aliases is copied, so the number of values is checked first.

        Raises:
            ConfigError: it has too many values, or is nested too deeply.
        """
        file = Path(self.path, self._normalize_file_name(config_path))
        accepted = f"a config of at most {_MOST_VALUES:,} values, and none within itself"
        try:
            if file.is_file() and (count := _weight(file)) > _MOST_VALUES:
                raise ConfigError(Fault(str(file), problem=f"its aliases come to {count:,} values", accepted=accepted))
            return super().load_config(config_path)
        except RecursionError:
            problem = "is nested too deeply, or within itself"
            raise ConfigError(Fault(str(file), problem=problem, accepted=accepted)) from None


def _weight(file: Path) -> int:
    """How many values a config with aliases has, once they are copied."""
    try:
        text = file.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader) if "*" in text else None
    except (yaml.YAMLError, UnicodeDecodeError):  # reported where it is loaded
        return 0
    return 0 if root is None else _values(root, {})


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node has, with each alias counted as a copy."""
    if id(node) not in known:
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        known[id(node)] = 1 + sum(_values(part, known) for part in inner)
    return known[id(node)]


class PluginDefaults(ConfigSource):
    """An option for each dataset and estimator of other packages.

    Its values are the defaults of the class; a field without a default is ``???``. A yaml of the same name is used
    instead. The class is imported when its option is composed, not when it is listed.
    """

    @staticmethod
    def scheme() -> str:
        """The prefix of its entries on the search path."""
        return "mi-plugins"

    def available(self) -> bool:
        """Always true."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Whether packages may add options to it."""
        return config_path.strip("/") in REGISTRIES

    def is_config(self, config_path: str) -> bool:
        """Whether a package adds it. If the option cannot be used, composing it says why."""
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        return group in REGISTRIES and name not in REGISTRIES[group] and plugins.is_known(group, name)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """The groups, or the options of one that can be used."""
        group = config_path.strip("/")
        if not group:
            return [] if results_filter == ObjectType.CONFIG else sorted(REGISTRIES)
        return [] if results_filter == ObjectType.GROUP or group not in REGISTRIES else plugins.names(group)

    def load_config(self, config_path: str) -> ConfigResult:
        """Load the defaults of a class.

        Raises:
            ConfigError: the class cannot be imported or used.
        """
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        plugin = plugins.find(group, name)
        assert plugin is not None  # noqa: S101 (for the type checker)
        section = plugins.load(plugin)
        defaults = section.model_construct(name=name).model_dump(mode="json", include=set(section.model_fields))
        values = {"name": name} | {key: defaults.get(key, "???") for key in section.model_fields}
        return ConfigResult(plugin.source, self.full_path(), OmegaConf.create(values), {"package": None})


def register() -> None:
    """Register these classes with Hydra."""
    for plugin in (OwnConfigs, ConfigPath, PluginDefaults):
        Plugins.instance().register(plugin)
