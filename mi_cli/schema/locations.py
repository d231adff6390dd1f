"""Where configs are found."""

from __future__ import annotations

import os
from pathlib import Path

from mi_cli.errors import ConfigError, Fault
from mi_cli.files import PACKAGE

__all__ = ["OWN_CONFIGS", "OWN_LAYOUT", "PRIMARY", "config_folder", "own_config_folders"]

PRIMARY = "config"  # the name of the config that the others are merged into
OWN_CONFIGS = "MI_CONFIG_PATH"  # the variable that names folders of people's own configs
OWN_LAYOUT = "a folder with experiment/<name>.yaml or other groups in it"


def config_folder() -> Path:
    """The configs that come with the package: inside it in a wheel, beside it in a checkout."""
    inside = PACKAGE / "configs"
    return inside if (inside / "config.yaml").is_file() else PACKAGE.parent / "configs"


def own_config_folders() -> list[Path]:
    """The folders that people add with ``MI_CONFIG_PATH`` (and, through it, with ``--config-dir``).

    Raises:
        ConfigError: one of them does not exist.
    """
    folders = [Path(part).absolute() for part in os.environ.get(OWN_CONFIGS, "").split(os.pathsep) if part]
    faults = [Fault(OWN_CONFIGS, folder, "no such folder", OWN_LAYOUT) for folder in folders if not folder.is_dir()]
    if faults:
        raise ConfigError(*faults)
    return folders
