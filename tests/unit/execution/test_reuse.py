"""Runs that go on, and runs that take what others have recorded."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from examples import SMALL, endless_command, failing_at, merged, no_rows, slowdown, trials, values
from runs import run_config

from mi_cli.cli.main import main
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import ConfigError
from mi_cli.execution import forkserver
from mi_cli.procedures.estimate import Estimate
from mi_cli.records.journal import Journal, recorded_entries, recorded_fingerprints
from mi_cli.records.run_folder import locked

SWEEP = {"dataset": {"rho": [0.2, 0.4, 0.6]}, "seed": [0, 1]}
COMMAND = [str(Path(sys.executable).with_name("mi-run"))]


def run(folder, *sections, resume=False, **more):
    folder.mkdir(parents=True, exist_ok=True)
    code = run_config(values(*sections, **({"output_root": str(folder.parents[1])} | more)), folder, resume=resume)
    return code, rows_of(folder)


def rows_of(folder):
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without(rows, *columns):
    return [{key: value for key, value in row.items() if key not in columns} for row in rows]


@pytest.fixture
def place(tmp_path):
    """Where runs of the small config go."""
    return tmp_path / trials(SMALL)[0].config.name


def test_second_run_takes_all_from_the_first(place, capsys):
    _, first = run(place / "a", SMALL, SWEEP)
    _, second = run(place / "b", SMALL, SWEEP)
    assert second == first  # the seconds as well
    assert pl.read_parquet(place / "b" / "history.parquet").equals(pl.read_parquet(place / "a" / "history.parquet"))
    assert f"6 of 6 trials are taken from {place / 'a'}, which recorded them" in capsys.readouterr().err
    assert json.loads((place / "b" / "provenance.json").read_text())["taken"]


def test_enlarged_grid_trains_only_what_is_new(place, capsys):
    _, first = run(place / "a", SMALL, SWEEP)
    _, second = run(place / "b", SMALL, {"dataset": {"rho": [0.2, 0.3, 0.4, 0.6]}, "seed": [0, 1]})
    assert "6 of 8 trials are taken" in capsys.readouterr().err
    taken = [row for row in second if row["dataset.rho"] != "0.3"]
    assert without(taken, "trial") == without(first, "trial")


@pytest.mark.parametrize("more", [{"reuse": False}, {"force": True}])
def test_all_is_trained_where_that_is_asked_for(place, capsys, more):
    _, first = run(place / "a", SMALL, SWEEP)
    _, second = run(place / "b", SMALL, SWEEP, **more)
    assert without(second, "seconds") == without(first, "seconds")
    assert [row["seconds"] for row in second] != [row["seconds"] for row in first]
    assert "taken" not in capsys.readouterr().err


def test_other_settings_data_and_code_are_not_taken(place, tmp_path, monkeypatch):
    run(place / "a", SMALL, SWEEP)
    marks = set(recorded_fingerprints(place / "a"))
    assert not marks & {trial.fingerprint for trial in trials(SMALL, SWEEP, training={"lr": 0.5})}
    monkeypatch.setattr("mi_cli.schema.fingerprints.code_digest", lambda: "other code")
    assert not marks & {trial.fingerprint for trial in trials(SMALL, SWEEP)}


def test_table_that_changed_is_other_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rows.csv"
    source = random.Random(0)
    lines = [f"{source.gauss(0, 1)},{source.gauss(0, 1)}" for _ in range(60)]
    given = [
        "experiment=estimate",
        f"dataset.path={path}",
        "dataset.x=[a]",
        "dataset.y=[b]",
        "sweep.estimator=[copula]",
    ]
    marks = []
    for text in (lines, lines, [*lines[:-1], "5,5"]):
        path.write_text("\n".join(["a,b", *text]), encoding="utf-8")
        assert main([*given, "evaluation.permutations=0"]) == 0
        newest = max((tmp_path / "outputs" / "estimate").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
        marks.append(set(recorded_fingerprints(newest)))
    assert marks[0] == marks[1] != marks[2]


def test_failed_trials_are_run_again_on_resume(place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(Gaussian, "sample", failing_at(0.4, no_rows))
        code, first = run(place / "a", SMALL, SWEEP)
    assert (code, [row["status"] for row in first].count("failed")) == (1, 2)
    code, second = run(place / "a", SMALL, SWEEP, resume=True)
    assert (code, {row["status"] for row in second}) == (0, {"ok"})
    assert [a for a in second if a["dataset.rho"] != "0.4"] == [a for a in first if a["dataset.rho"] != "0.4"]
    assert "4 of 6 trials are recorded" in (err := capsys.readouterr().err)
    assert "2 that failed or diverged are run again" in err


def test_records_come_back_as_they_were(place):
    run(place / "a", SMALL, SWEEP)
    (entry, *_) = recorded_entries(place / "a").values()
    assert entry.ok
    assert isinstance(entry.rows[0]["steps"], int)
    assert isinstance(entry.rows[0]["estimate"], float)
    assert entry.rows[0]["test_mse"] is None
    assert entry.history["train_mi"][0][-1] == entry.rows[0]["steps"]
    assert recorded_entries(place / "a", ["nothing"]) == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.csv", b"trial,fingerprint\nx,1"),
        ("results.csv", b"\xff\xfe\x00"),
        ("history.parquet", b"PAR1 cut short"),
    ],
)
def test_broken_earlier_run_is_passed_over_and_not_resumed(place, name, content, capsys):
    _, first = run(place / "a", SMALL, SWEEP)
    (place / "a" / name).write_bytes(content)
    code, second = run(place / "b", SMALL, SWEEP)
    assert code == 0
    assert without(second, "seconds") == without(first, "seconds")
    assert "taken" not in capsys.readouterr().err
    assert f"{place / 'a'} cannot be read and is left out" in (place / "b" / "run.log").read_text()
    (place / "b" / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=f"resume={place / 'b'}: .* cannot be read"):
        run(place / "b", SMALL, SWEEP, resume=True)


def test_journal_that_its_run_takes_away_is_no_fault(place, monkeypatch):
    _, rows = run(place / "a", SMALL, SWEEP)
    Journal(place / "a").add(recorded_entries(place / "a").values())
    read_text = Path.read_text

    def gone(path, *args, **more):
        if path.parent.name == "trials":
            raise FileNotFoundError(path)
        return read_text(path, *args, **more)

    monkeypatch.setattr(Path, "read_text", gone)
    assert len(recorded_entries(place / "a")) == len(rows)


def test_clock_that_is_set_back_costs_nothing(place, monkeypatch):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    code, rows = run(place / "a", SMALL, SWEEP)
    assert (code, len(rows)) == (0, 6)
    assert json.loads((place / "a" / "provenance.json").read_text())["seconds"] == 0
    assert run(place / "a", SMALL, SWEEP, resume=True) == (0, rows)


def test_carried_model_is_taken_whole_or_not_at_all(place, capsys):
    carried = merged(SMALL, {"training": {"carry": "dataset.rho", "batch": 100}})
    run(place / "a", carried, {"dataset": {"rho": [0.2, 0.4]}})
    _, first = run(place / "b", carried, {"dataset": {"rho": [0.2, 0.4, 0.6]}})
    assert "are taken" not in capsys.readouterr().err
    _, second = run(place / "b", carried, {"dataset": {"rho": [0.2, 0.4, 0.6]}}, resume=True)
    assert "3 of 3 trials are recorded" in capsys.readouterr().err
    assert second == first


# The command


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["resume=nowhere"], "resume=nowhere: is not the folder of a run; accepted: a folder with a config.yaml"),
        (["resume=a", "seed=3"], "seed=3: cannot change a run that goes on; accepted: search.trials, "),
        (["resume=a", "-m"], "resume=a: has a config of its own; accepted: neither --config-path nor --multirun"),
    ],
)
def test_what_cannot_be_resumed(here, capsys, arguments, line):
    Path("a").mkdir()
    Path("a/config.yaml").write_text("seed: 1", encoding="utf-8")
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"mi-run: {line}")


def test_folder_that_a_run_is_at_is_refused(tmp_path):
    with locked(tmp_path):
        code = "from mi_cli.records.run_folder import locked; from pathlib import Path; locked(Path('.')).__enter__()"
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "ConfigError: resume=.: another run is using this folder" in done.stderr
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_interrupted_by_a_scheduler_and_resumed(tmp_path, capsys):
    folder = tmp_path / "here"
    with endless_command(folder, 1) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert f"interrupted; 1 of 2 trials are finished, in {folder}; mi-run resume={folder} goes on" in err
    assert "Traceback" not in err
    assert json.loads((folder / "provenance.json").read_text())["status"] == "interrupted"
    assert [row["status"] for row in rows_of(folder)] == ["ok"]
    assert main([f"resume={folder}", "trial_timeout=.5"]) == 1
    assert "1 of 2 trials are recorded" in capsys.readouterr().err
    assert "experiment=gaussian_sweep" in json.loads((folder / "provenance.json").read_text())["command"]
    first, second = rows_of(folder)
    assert (first["status"], second["status"]) == ("ok", "failed")
    assert second["reason"] == "took longer than trial_timeout=0.5 seconds"


# Faults


def test_trial_that_takes_too_long_costs_no_other(place):
    slow = {"training": {"steps": [20, 10**6]}, "seed": [0, 1]}
    begun = time.monotonic()
    code, rows = run(place / "a", SMALL, slow, trial_timeout=0.5)
    assert (code, [row["status"] for row in rows]) == (1, ["ok", "ok", "failed", "failed"])
    assert {row["reason"] for row in rows[2:]} == {"took longer than trial_timeout=0.5 seconds"}
    assert time.monotonic() - begun < 20 * slowdown()


def test_stack_without_memory_is_run_in_halves(place, monkeypatch):
    sizes, stacked = [], Estimate.run

    def short(self, members, context):
        sizes.append(len(members))
        if len(members) > 1 or members[0].config.dataset.rho == 0.4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return stacked(self, members, context)

    monkeypatch.setattr(Estimate, "run", short)
    code, rows = run(place / "a", SMALL, {"dataset": {"rho": [0.2, 0.4, 0.6, 0.8]}}, threads=1)
    assert sizes[:2] == [4, 2]
    assert sorted(sizes) == [1, 1, 1, 1, 2, 2, 4]
    assert (code, [row["status"] for row in rows]) == (1, ["ok", "failed", "ok", "ok"])


def test_memory_limit_is_a_row_with_its_reason(tmp_path):
    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

    folder = tmp_path / "a"
    given = [
        "experiment=gaussian_sweep", "sweep.dataset.rho=null", "sweep.seed=null", "sweep.split.test=[500,600000000]",
        "training.steps=20", "plots=[]", "threads=1", f"hydra.run.dir={folder}",
    ]  # fmt: skip
    done = subprocess.run(
        [*COMMAND, *given], preexec_fn=limited, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1, done.stderr
    first, second = rows_of(folder)
    assert (first["status"], second["status"]) == ("ok", "failed")
    assert "memory" in second["reason"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 80 kB, and a function that mounts it anew with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
        )

    if not shutil.which("mount") or mount("size=80k").returncode:
        pytest.skip("needs the right to mount a disk")
    yield place, lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", str(place)], check=True)


SMALL_RUNS = [
    "experiment=gaussian_sweep", "sweep.estimator=[gaussian]", "sweep.dataset.rho=[.1,.2,.3,.4,.5]",
    "dataset.n_samples=300", "split.test=100", "split.val=100", "sweep.seed=[0,1,2,3,4,5,6,7]", "plots=[]",
    "threads=1", "reuse=false",
]  # fmt: skip


def test_disk_that_is_full_keeps_what_is_done(small_disk, capsys):
    disk, remount = small_disk
    folder = disk / "run"
    command = [*COMMAND, *SMALL_RUNS, f"hydra.run.dir={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"mi-run: {folder} cannot be written to (No space left on device); ")
    kept = int(line.partition("; ")[2].split()[0])
    assert 0 < kept < 40
    remount("size=8m")
    assert main([f"resume={folder}"]) == 0
    there = int(re.search(r"mi-run: (\d+) of 40 trials are recorded", capsys.readouterr().err)[1])
    assert kept <= there <= kept + 1  # the one that the disk had no more room to say of
    assert len(rows_of(folder)) == 40


def test_folder_gone_read_only_keeps_what_is_done(tmp_path):
    """Modes bind nobody who may override them: as root, the run is one that may not."""
    bound = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("needs setpriv, or another user than root")
        bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    folder = tmp_path / "run"
    given = [*bound, *COMMAND, *SMALL_RUNS, "training.steps=100000", f"hydra.run.dir={folder}"]
    given = [text.replace("[gaussian]", "[gaussian,mine]") for text in given]
    pipe = subprocess.PIPE
    with subprocess.Popen(given, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while len(list(folder.glob("trials/*.json"))) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        modes = [(place, place.stat().st_mode) for place in (folder / "trials", folder)]
        for place, mode in modes:
            place.chmod(mode & ~0o222)
        _, err = process.communicate(timeout=60)
        refused = subprocess.run([*bound, *COMMAND, f"resume={folder}"], capture_output=True, text=True, check=False)
        for place, mode in modes:
            place.chmod(mode)
    assert refused.returncode == 1
    last = refused.stderr.splitlines()[-1]
    there = len(recorded_entries(folder))
    assert last.startswith(f"mi-run: {folder} cannot be written to (Permission denied); {there} of 80 ")
    assert process.returncode == 1
    line = err.splitlines()[-1]
    assert line.startswith(f"mi-run: {folder} cannot be written to (Permission denied); ")
    kept = int(line.partition("; ")[2].split()[0])
    there = recorded_entries(folder)
    assert 10 <= kept <= len(there) + 1
    assert all(entry.ok for entry in there.values())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not forkserver.AVAILABLE, reason="sessions of processes are found in /proc")
def test_sweep_survives_fifty_kills(tmp_path):
    """``kill -9`` at random moments, then ``resume``: all is kept, nothing is trained twice, no file is broken."""
    source = random.Random(0)
    given = [
        "experiment=gaussian_sweep", "sweep.estimator=[gaussian,mine,ksg,copula]", "sweep.seed=[0,1,2,3,4]",
        "sweep.dataset.rho=[0,.1,.2,.3,.4,.5,.6,.7,.8,.9]", "dataset.n_samples=2000", "reuse=false",
        "checkpoint_every=.2",
    ]  # fmt: skip
    whole, killed, kills, finished = tmp_path / "whole", tmp_path / "0", 0, 0
    subprocess.run([*COMMAND, *given, f"hydra.run.dir={whole}"], check=False, capture_output=True)
    while kills < 50 or not finished:
        going_on = (killed / "config.yaml").exists()
        command = [f"resume={killed}"] if going_on else [*given, f"hydra.run.dir={killed}"]
        kept = kept_by(killed) if going_on else {}
        with subprocess.Popen([*COMMAND, *command], stdout=-3, stderr=-3, start_new_session=True) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(source.uniform(1.5, 4.5) if kills < 50 else 600)
            done = process.poll()
            if done is None:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
        assert kept.items() <= kept_by(killed).items()
        if done is not None:
            assert done in (0, 1)
            assert len(rows_of(killed)) == 200
            assert without(rows_of(killed), "seconds") == without(rows_of(whole), "seconds")
            assert not (killed / "trials").exists()
            finished += 1
            killed = tmp_path / str(finished)
    print(f"{kills} kills, {finished} sweeps finished")


def kept_by(folder):
    """The seconds of each trial on disk, which another training would change; every file can be read."""
    for name, read in (("results.csv", pl.read_csv), ("history.parquet", pl.read_parquet)):
        if (folder / name).exists():
            read(folder / name)
    return {mark: entry.rows[0]["seconds"] for mark, entry in recorded_entries(folder).items()}
