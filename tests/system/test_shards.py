"""Trials cut into jobs, by each launcher there is."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from examples import SMALL, members, trials
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher

from mi_cli.cli import sharded
from mi_cli.cli.main import main
from mi_cli.compose.resolve import resolve
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import ConfigError
from mi_cli.execution import forkserver, hardware
from mi_cli.records import results
from mi_cli.records.run_folder import is_locked, locked

GIVEN = [
    "experiment=gaussian_sweep", "sweep.dataset.rho=[0.2,0.4,0.6]", "sweep.seed=[0]", "training.steps=20",
    "dataset.n_samples=200", "split.test=200", "split.val=100", "plots=[]",
]  # fmt: skip


def rows_of(folder):
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return [{key: row[key] for key in row if key not in ("seconds", "reason")} for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    "launcher",
    [
        "basic",
        pytest.param("joblib", marks=pytest.mark.slow),
        pytest.param("submitit_local", marks=pytest.mark.slow),
    ],
)
def test_jobs_make_what_one_run_makes(here, launcher):
    if launcher != "basic":
        pytest.importorskip(
            f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher", reason="needs mi-cli[parallel]"
        )
    given = [*GIVEN, "threads=1", "reuse=false"]
    assert main([*given, "hydra.run.dir=one"]) == 0
    given = [*given, "plots=[estimate_against_axis]", f"hydra/launcher={launcher}"]
    assert main([*given, "hydra.run.dir=many", "shards=2"]) == 0
    one, many = rows_of(here / "one"), rows_of(here / "many")
    assert [row["trial"] for row in many] == ["0", "1", "2"]
    for a, b in zip(one, many, strict=True):
        assert a["fingerprint"] == b["fingerprint"]
        assert float(a["estimate"]) == pytest.approx(float(b["estimate"]), abs=1e-4)
    assert (here / "many" / "plots" / "estimate_against_axis.png").exists()
    assert not (here / "many" / "shards" / "0" / "plots").exists()
    assert [len(rows_of(here / "many" / "shards" / str(shard))) for shard in (0, 1)] == [2, 1]


def test_more_shards_than_trials_and_a_plan(here, capsys):
    assert main([*GIVEN, "shards=2", "plan=true"]) == 0
    assert "in 2 jobs, of 1 to 2 trials each" in capsys.readouterr().out
    assert sharded.shard_count(resolve([*GIVEN, "shards=9"])) == 3
    with pytest.raises(ConfigError, match="shard=1: is set for each of the jobs"):
        sharded.shard_count(resolve([*GIVEN, "shards=2", "shard=1"]))


def test_what_failed_jobs_have_is_collected(here, monkeypatch, capsys):
    sample, write = Gaussian.sample, results.write_frame

    def failing(dataset, n, generator, dtype=None):
        if dataset.rho == 0.4:
            raise ValueError("no such rows")
        return sample(dataset, n, generator, dtype)

    def full(path, frame):
        if path.parent.name == "0":  # the first shard's
            raise OSError(28, "No space left on device")
        write(path, frame)

    with monkeypatch.context() as patch:
        patch.setattr(Gaussian, "sample", failing)
        patch.setattr(results, "write_frame", full)
        assert main([*GIVEN, "hydra.run.dir=many", "shards=3", "reuse=false", "threads=1"]) == 1
    statuses = {row["dataset.rho"]: row["status"] for row in rows_of(here / "many")}
    assert statuses == {"0.2": "ok", "0.4": "failed", "0.6": "ok"}  # kept by the journal
    assert "No space left on device" in capsys.readouterr().err
    assert main(["resume=many", "threads=1"]) == 0
    assert "2 of 3 trials are recorded" in capsys.readouterr().err
    assert {row["status"] for row in rows_of(here / "many")} == {"ok"}


def test_job_that_left_nothing_is_a_row(here, monkeypatch, capsys):
    from mi_cli.execution import runner

    run = runner.run

    def dying(values, expansion, folder, publisher, **more):
        if values["shard"] == 1:
            raise RuntimeError("the node is gone")
        return run(values, expansion, folder, publisher, **more)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "run", dying)
        assert main([*GIVEN, "hydra.run.dir=many", "shards=3", "reuse=false", "threads=1"]) == 1
    with (here / "many" / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["ok", "failed", "ok"]
    assert rows[1]["reason"].startswith("its job ended without recording a result; mi-run resume=")
    assert json.loads((here / "many" / "provenance.json").read_text())["status"] == "finished"
    capsys.readouterr()


def make_unfinished(folder: Path) -> None:
    """Have the provenance of a run say that it was interrupted."""
    provenance = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps(provenance | {"status": "interrupted"}))


def test_jobs_go_on_as_jobs(here, monkeypatch, capsys):
    """Where they were if there are as many, and else in folders of their own, which take what the others recorded."""
    from mi_cli.execution import runner

    run, begun = runner.run, []

    def dying(values, expansion, folder, publisher, **more):
        if values["shard"] == 1:
            raise RuntimeError("the node is gone")
        return run(values, expansion, folder, publisher, **more)

    def telling(values, expansion, folder, publisher, **more):
        begun.append((folder.name, more["resume"]))
        return run(values, expansion, folder, publisher, **more)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "run", dying)
        assert main([*GIVEN, "hydra.run.dir=many", "shards=2", "reuse=false", "threads=1"]) == 1
    typed = json.loads((here / "many" / "provenance.json").read_text())["command"]
    first = {row["trial"]: row for row in rows_of(here / "many") if row["status"] == "ok"}
    assert list(first) == ["0", "2"]
    monkeypatch.setattr(runner, "run", telling)
    capsys.readouterr()
    assert main(["resume=many", "shards=3", "hydra/launcher=basic"]) == 0
    assert begun == [("of_3_0", False), ("of_3_1", False), ("of_3_2", False), ("many", False)]
    assert capsys.readouterr().err.count("1 of 1 trials are recorded in") == 2
    rows = {row["trial"]: row for row in rows_of(here / "many")}
    assert {row["status"] for row in rows.values()} == {"ok"}
    assert first.items() <= rows.items()
    begun.clear()
    assert main(["resume=many", "shards=2"]) == 0
    assert begun == []  # nothing was left to do
    make_unfinished(here / "many")
    assert main(["resume=many", "shards=2"]) == 0
    assert begun == [("0", True), ("1", False), ("many", False)]
    assert {row["trial"]: row for row in rows_of(here / "many")} == rows
    assert json.loads((here / "many" / "provenance.json").read_text())["command"] == typed


LONG = [
    "experiment=gaussian_sweep", "sweep.dataset.rho=[.2,.5,.8]", "sweep.seed=[0]", "training.steps=1000000", "plots=[]",
    "split.test=500", "reuse=false", "checkpoint_every=.2",
]  # fmt: skip


@contextlib.contextmanager
def jobs_at_work(launcher, *more):
    """``mi-run`` in a folder ``many``, from when two of its jobs train on."""
    given = [Path(sys.executable).with_name("mi-run"), *LONG, *more, f"hydra/launcher={launcher}", "hydra.run.dir=many"]
    pipe = subprocess.PIPE
    with subprocess.Popen(given, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            deadline = time.monotonic() + 60
            while len(list(Path("many").glob("shards/*/checkpoints/*/*.npz"))) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(not forkserver.AVAILABLE, reason="processes are found in /proc")
@pytest.mark.parametrize(
    ("launcher", "number", "whole", "code"),
    [
        ("basic", signal.SIGINT, True, 130),  # as Ctrl-C does
        pytest.param("joblib", signal.SIGINT, True, 130, marks=pytest.mark.slow),
        pytest.param("joblib", signal.SIGTERM, False, 143, marks=pytest.mark.slow),
        pytest.param("submitit_local", signal.SIGINT, False, 130, marks=pytest.mark.slow),
        pytest.param("basic", signal.SIGTERM, False, 143, marks=pytest.mark.slow),
    ],
)
def test_jobs_end_with_the_run(here, launcher, number, whole, code):
    if launcher != "basic":
        pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher", reason="needs an extra")
    with jobs_at_work(launcher, "shards=2") as process:
        assert len(members(process.pid)) > (1 if launcher == "basic" else 2)
        (os.killpg if whole else os.kill)(process.pid, number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == code
        assert "mi-run resume=many goes on" in err
        assert "before anything" not in err
        assert "Traceback" not in err
        deadline = time.monotonic() + 10
        while (left := members(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left
    assert sorted(path.name for path in Path("many/shards").iterdir()) in (["0"], ["0", "1"])
    states = [json.loads(path.read_text())["status"] for path in Path("many").glob("shards/*/provenance.json")]
    assert set(states) == {"interrupted"}
    assert list(Path("many").glob("shards/*/checkpoints/*/going_on.npz"))


@pytest.mark.slow
def test_job_that_is_killed_costs_no_other(here):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="needs mi-cli[parallel]")
    with jobs_at_work("submitit_local", "shards=3", "training.steps=8000") as process:
        jobs = [
            pid for pid in members(process.pid) if "submitit.core._submit" in Path(f"/proc/{pid}/cmdline").read_text()
        ]
        os.kill(jobs[0], signal.SIGKILL)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "mi-run: the launcher lost jobs (UncompletedJobError: " in err
    assert sorted(row["status"] for row in rows_of(here / "many")) == ["failed", "ok", "ok"]


def test_jobs_that_never_begin_are_a_fault_of_the_launcher(here, monkeypatch, capsys):
    """Also where there are folders of jobs already."""
    assert main([*GIVEN, "hydra.run.dir=many", "shards=2", "reuse=false", "threads=1"]) == 0
    table = (here / "many" / "results.csv").read_bytes()
    make_unfinished(here / "many")  # a run that is complete starts no jobs
    capsys.readouterr()

    def launch(*given, **more):
        raise RuntimeError("no sbatch")

    basic = next(found for found in Plugins.instance().discover(Launcher) if found.__name__ == "BasicLauncher")
    monkeypatch.setattr(basic, "launch", launch)
    assert main(["resume=many", "shards=2"]) == 2
    fault = "hydra/launcher: BasicLauncher cannot start jobs (RuntimeError: no sbatch); accepted: one that can"
    assert capsys.readouterr().err == f"mi-run: {fault}\n"
    assert (here / "many" / "results.csv").read_bytes() == table


def test_lock_that_a_killed_job_left_keeps_nobody_waiting(tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / ".lock").touch()
    assert not is_locked(tmp_path / "0")
    with locked(tmp_path / "0"):
        assert is_locked(tmp_path / "0")


def test_reasons_of_failures_are_collected(here, monkeypatch, capsys):
    def failing(dataset, n, generator, dtype=None):
        raise ValueError("no such rows")

    monkeypatch.setattr(Gaussian, "sample", failing)
    given = ["plots=[gaussian_samples]", "hydra.run.dir=many", "shards=2", "reuse=false", "threads=1"]
    assert main([*GIVEN, *given]) == 1
    with (here / "many" / "results.csv").open(encoding="utf-8", newline="") as file:
        assert {row["reason"] for row in csv.DictReader(file)} == {"ValueError: no such rows"}


def test_sharded_run_is_run_again_as_one(here, capsys):
    assert main([*GIVEN, "hydra.run.dir=many", "shards=2", "reuse=false", "threads=1"]) == 0
    assert main(["again=many", "threads=1"]) == 0
    assert "again: holds: identical, bit for bit" in capsys.readouterr().out


def test_no_room_is_one_line(here, monkeypatch, capsys):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mi_cli.records.provenance.write_text", full)
    assert main([*GIVEN, "hydra.run.dir=many", "shards=2"]) == 1
    assert capsys.readouterr().err.endswith("many cannot be written to (No space left on device)\n")


@pytest.mark.parametrize(
    ("target", "settings", "share"),
    [
        ("x.BasicLauncher", {}, None),
        ("x.JoblibLauncher", {"n_jobs": -1}, 1),
        ("x.JoblibLauncher", {"n_jobs": 2}, 4),
        ("x.LocalLauncher", {"cpus_per_task": None}, 1),
        ("x.SlurmLauncher", {"cpus_per_task": 3}, 3),
    ],
)
def test_jobs_share_the_cores(monkeypatch, target, settings, share):
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    given = SimpleNamespace(launcher={"_target_": target} | settings, sweeper={})
    assert hardware.share_of_cores("auto", given) == share
    assert hardware.share_of_cores(2, given) is None


def test_shard_is_among_the_shards():
    with pytest.raises(ConfigError, match="shard=2: there are 2 shards, numbered from 0"):
        trials(SMALL, shards=2, shard=2)
