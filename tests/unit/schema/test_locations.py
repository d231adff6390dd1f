"""The folders that configs are read from."""

from __future__ import annotations

import os

import pytest

from mi_cli.errors import ConfigError
from mi_cli.schema import locations


def test_configs_are_beside_the_module_in_a_wheel_and_beside_the_package_in_a_checkout(tmp_path, monkeypatch):
    package = tmp_path / "mi_cli"
    for folder in (tmp_path / "configs", package / "configs"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(locations, "PACKAGE", package)
    (tmp_path / "configs" / "config.yaml").touch()
    assert locations.config_folder() == tmp_path / "configs"
    (package / "configs" / "config.yaml").touch()
    assert locations.config_folder() == package / "configs"


def test_own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv(locations.OWN_CONFIGS, os.pathsep.join([str(tmp_path), "", str(tmp_path / "a"), "b"]))
    with pytest.raises(ConfigError) as caught:
        locations.own_config_folders()
    assert len(caught.value.lines) == 2
    monkeypatch.setenv(locations.OWN_CONFIGS, str(tmp_path))
    assert locations.own_config_folders() == [tmp_path]
    monkeypatch.delenv(locations.OWN_CONFIGS)
    assert locations.own_config_folders() == []
