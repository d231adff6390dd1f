"""Where configs are found, and where runs go."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mi_cli.errors import ConfigError
from mi_cli.records import run_folder
from mi_cli.schema import locations


def test_folders_are_never_shared(tmp_path, monkeypatch):
    stamps = iter(["same", "same", "other"])
    monkeypatch.setattr(run_folder, "stamp", lambda: next(stamps))
    made = [run_folder.new_folder(tmp_path / "root" / "name", "output_root=x").path.name for _ in range(2)]
    assert made == ["same", "other"]


def test_folder_is_discarded_with_what_was_made_for_it(tmp_path):
    (tmp_path / "root").mkdir()
    first = run_folder.new_folder(tmp_path / "root" / "name", "output_root=x")
    second = run_folder.new_folder(tmp_path / "root" / "name", "output_root=x")
    first.discard_if_empty()
    assert not first.path.exists()
    assert second.path.exists()
    second.discard_if_empty()
    assert second.path.parent.exists()  # which the first had made
    third = run_folder.new_folder(tmp_path / "new" / "name", "output_root=x")
    (third.path / "file").touch()
    third.discard_if_empty()
    assert third.path.exists()
    (third.path / "file").unlink()
    third.discard_if_empty()
    assert not (tmp_path / "new").exists()
    given = (
        run_folder.given_folder(tmp_path / "root", "hydra.run.dir=x", "run.log")
        if not second.path.parent.rmdir()
        else None
    )
    assert given is not None
    given.discard_if_empty()
    assert list((tmp_path / "root").iterdir()) == []  # which somebody else had made
    claimed = run_folder.given_folder(tmp_path / "root", "hydra.run.dir=x", "run.log")
    (tmp_path / "root" / "run.log").write_text("a message")
    claimed.discard_if_empty()
    assert (tmp_path / "root" / "run.log").read_text() == "a message"


@pytest.mark.parametrize("exists", [False, True])
def test_one_run_of_many_gets_the_folder_that_all_ask_for(tmp_path, monkeypatch, exists):
    folder, n = tmp_path / "a" / "same", 8
    if exists:
        folder.mkdir(parents=True)
    looked, iterdir = threading.Barrier(n), Path.iterdir

    def look(path):
        found = list(iterdir(path))
        looked.wait(timeout=10)  # all have found it empty before any claims it
        return iter(found)

    def claim(_):
        try:
            return run_folder.given_folder(folder, "hydra.run.dir=same", "run.log")
        except ConfigError as error:
            return str(error)

    monkeypatch.setattr(Path, "iterdir", look)
    with ThreadPoolExecutor(n) as pool:
        claims = list(pool.map(claim, range(n)))
    monkeypatch.undo()
    refused = [claim for claim in claims if isinstance(claim, str)]
    assert refused == ["hydra.run.dir=same: holds files already; accepted: a folder that is new or empty"] * (n - 1)
    assert [path.name for path in folder.iterdir()] == ["run.log"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_folder_that_cannot_be_written_to(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(ConfigError, match="Permission denied"):
        run_folder.new_folder(tmp_path / "x", "output_root=x")
    with pytest.raises(ConfigError, match="Permission denied"):
        run_folder.given_folder(tmp_path, "output_root=x", "run.log")


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
