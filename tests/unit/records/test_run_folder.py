"""The folders that runs get: each its own, claimed, and removed if it stays empty."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mi_cli.errors import ConfigError, Fault
from mi_cli.records import run_folder


def test_folders_are_never_shared(tmp_path, monkeypatch):
    stamps = iter(["same", "same", "other"])
    monkeypatch.setattr(run_folder, "stamp", lambda: next(stamps))
    made = [run_folder.new_folder(tmp_path / "root" / "name", "output_root", "x").path.name for _ in range(2)]
    assert made == ["same", "other"]


def test_folder_is_discarded_with_what_was_made_for_it(tmp_path):
    (tmp_path / "root").mkdir()
    first = run_folder.new_folder(tmp_path / "root" / "name", "output_root", "x")
    second = run_folder.new_folder(tmp_path / "root" / "name", "output_root", "x")
    first.discard_if_empty()
    assert not first.path.exists()
    assert second.path.exists()
    second.discard_if_empty()
    assert second.path.parent.exists()  # the first had made it
    third = run_folder.new_folder(tmp_path / "new" / "name", "output_root", "x")
    (third.path / "file").touch()
    third.discard_if_empty()
    assert third.path.exists()
    (third.path / "file").unlink()
    third.discard_if_empty()
    assert not (tmp_path / "new").exists()
    second.path.parent.rmdir()
    empty = run_folder.claim_folder(tmp_path / "root", "hydra.run.dir", "x", "run.log")
    empty.discard_if_empty()
    assert list((tmp_path / "root").iterdir()) == []  # it was there before, so it stays
    claimed = run_folder.claim_folder(tmp_path / "root", "hydra.run.dir", "x", "run.log")
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
        children = list(iterdir(path))
        looked.wait(timeout=10)  # all see it empty before any claims it
        return iter(children)

    def claim(_):
        try:
            return run_folder.claim_folder(folder, "hydra.run.dir", "same", "run.log")
        except ConfigError as error:
            return error.faults

    monkeypatch.setattr(Path, "iterdir", look)
    with ThreadPoolExecutor(n) as pool:
        claims = list(pool.map(claim, range(n)))
    monkeypatch.undo()
    refused = [claim for claim in claims if isinstance(claim, tuple)]
    fault = Fault("hydra.run.dir", Path("same"), "holds files already", "a folder that is new or empty")
    assert refused == [(fault,)] * (n - 1)
    assert [path.name for path in folder.iterdir()] == ["run.log"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_folder_that_cannot_be_written_to(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(ConfigError, match="Permission denied"):
        run_folder.new_folder(tmp_path / "x", "output_root", "x")
    with pytest.raises(ConfigError, match="Permission denied"):
        run_folder.claim_folder(tmp_path, "output_root", "x", "run.log")
