"""What is needed to repeat a run: config, overrides, versions, commit, processor."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from datetime import datetime

import pytest
import yaml
from examples import values

from mi_cli import __version__
from mi_cli.compose.composer import Composer
from mi_cli.compose.resolve import resolve
from mi_cli.records import provenance
from mi_cli.records.provenance import Provenance
from mi_cli.records.results import Records


def written(folder, seconds=None, status="finished"):
    Provenance(folder, time.time() - 5, "cpu", 2, 1.25).write(seconds or {}, status)
    return json.loads((folder / "provenance.json").read_text(encoding="utf-8"))


def test_all_fields_are_written(tmp_path):
    found = written(tmp_path, {"data": 0.5, "training": 2.0, "evaluation": 0.25, "plots": 1.0})
    assert found["wall_time"] == {"import": 1.25, "data": 0.5, "training": 2.0, "evaluation": 0.25, "plots": 1.0}
    assert (found["status"], found["device"], found["threads"]) == ("finished", "cpu", 2)
    assert found["versions"]["mi-cli"] == __version__
    assert {"python", "torch", "numpy", "scikit-learn", "hydra-core"} <= found["versions"].keys()
    assert {"name", "system", "processor", "cores"} == found["host"].keys()
    assert 5 <= found["seconds"] < 60
    assert datetime.fromisoformat(found["started"]).tzinfo is not None
    assert shlex.split(found["again"]) == ["mi-run", f"--config-path={tmp_path}"]


def test_phases_that_did_not_happen_have_no_time(tmp_path):
    assert written(tmp_path, status="interrupted")["wall_time"] == {
        "import": 1.25, "data": 0, "training": 0, "evaluation": 0, "plots": 0
    }  # fmt: skip


def went_on(folder, started, status="finished", typed=(), seconds=None):
    before = provenance.recorded(folder)
    Provenance(folder, started, "cpu", 2, 1.0, ["a=1"], taken=["3 trials"], before=before, resumed_by=typed).write(
        seconds or {}, status
    )
    return provenance.recorded(folder)


def test_each_time_that_a_run_went_on_is_kept(tmp_path):
    now = time.time()
    first = went_on(tmp_path, now - 50, "interrupted", seconds={"training": 2.0})
    assert [session["command"] for session in first["sessions"]] == ["mi-run a=1"]
    went_on(tmp_path, now - 30, "running")
    last = went_on(tmp_path, now - 10, typed=["threads=2"], seconds={"training": 3.0})
    resumed = f"mi-run resume={tmp_path}"
    assert [session["command"] for session in last["sessions"]] == ["mi-run a=1", resumed, f"{resumed} threads=2"]
    assert [session["status"] for session in last["sessions"]] == ["interrupted", "killed", "finished"]
    assert {session["version"] for session in last["sessions"]} == {__version__}
    assert (last["command"], last["started"], last["status"]) == ("mi-run a=1", first["started"], "finished")
    assert len({session["started"] for session in last["sessions"]}) == 3
    assert last["wall_time"]["training"] == 5.0
    assert last["seconds"] == pytest.approx(sum(session["seconds"] for session in last["sessions"]), abs=0.01)
    assert 90 <= last["seconds"] < 150
    assert last["taken"] == ["3 trials"]


def test_the_first_time_of_a_run_of_an_earlier_version_is_kept(tmp_path):
    old = {"status": "interrupted", "command": "mi-run b=2", "started": "2026-01-01T00:00:00+00:00", "seconds": 7.0}
    (tmp_path / "provenance.json").write_text(json.dumps(old | {"versions": {"mi-cli": "0.0.1"}, "git": None}))
    first, second = went_on(tmp_path, time.time())["sessions"]
    assert (first["command"], first["version"], first["commit"], first["seconds"]) == ("mi-run b=2", "0.0.1", None, 7.0)
    assert second["version"] == __version__


def test_a_history_that_cannot_be_read_is_lost_and_logged(tmp_path, caplog):
    (tmp_path / "provenance.json").write_text("{")
    assert len(went_on(tmp_path, time.time())["sessions"]) == 1
    assert "so its history is lost" in caplog.text


def git(folder, *command):
    somebody = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", folder, *somebody, *command], check=True, capture_output=True)


def test_the_commit_is_recorded_with_whether_files_were_changed(tmp_path):
    assert provenance._git(tmp_path) is None
    git(tmp_path, "init")
    assert provenance._git(tmp_path) is None  # no commit yet
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    found = provenance._git(tmp_path)
    assert len(found["commit"]) == 40
    assert found["changed"] is False
    (tmp_path / "file").write_text("b")
    assert provenance._git(tmp_path) == {"commit": found["commit"], "changed": True}


def test_commit_is_that_of_the_beginning_of_the_run(tmp_path, monkeypatch):
    states = iter([{"commit": "a", "changed": False}, {"commit": "b", "changed": True}])
    monkeypatch.setattr(provenance, "_git", lambda checkout: next(states))
    record = Provenance(tmp_path, time.time(), "cpu", 2, 1.25)
    for status in ("running", "finished"):
        record.write({}, status)
        content = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
        assert (content["status"], content["git"]) == (status, {"commit": "a", "changed": False})


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert provenance._git(tmp_path) is None


def test_saved_config_resolves_to_itself(tmp_path, monkeypatch):
    found = values(sweep={"dataset": {"rho": [0.0, 0.5]}, "seed": [1, 2]})
    provenance.write_config(tmp_path, found, ["a=b", "ρ=1"])
    assert yaml.safe_load((tmp_path / "overrides.yaml").read_text(encoding="utf-8")) == ["a=b", "ρ=1"]
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert text.startswith("# Runs again with:")
    monkeypatch.chdir(tmp_path)
    again = resolve([], Composer.of_folder(tmp_path)).values
    assert {key: again[key] for key in found} == found


def test_text_that_looks_like_a_reference_is_saved_and_read_as_it_is(tmp_path, monkeypatch):
    texts = ["a${seed}.csv", r"b\${x}", r"c\\${oc.env:HOME}\d", "duckdb://?query=SELECT '${' AS e", "$f {g}"]
    found = values(sweep={"seed": [1, 2]}) | {"summary": " ".join(texts)}
    provenance.write_config(tmp_path, found, [])
    assert Records(tmp_path).config["summary"] == found["summary"]
    monkeypatch.chdir(tmp_path)
    assert resolve([], Composer.of_folder(tmp_path)).values["summary"] == found["summary"]


@pytest.mark.parametrize("text", [None, "processor : 0\nmodel name\t: Fast One\n", "nothing\n"])
def test_the_processor_is_recorded(tmp_path, monkeypatch, text):
    class Elsewhere(type(tmp_path)):
        def __new__(cls, *parts):
            return tmp_path / "cpuinfo"

    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(provenance, "Path", Elsewhere)
    monkeypatch.setattr(provenance.platform, "processor", lambda: "other")
    assert provenance._processor() == ("Fast One" if text and "model" in text else "other")
