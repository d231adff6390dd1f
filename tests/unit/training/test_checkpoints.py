"""Stacks that are interrupted anywhere and go on from their checkpoints."""

from __future__ import annotations

import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import COMPARE, CPU, MAXIMISE, SMALL, members, merged, trials
from stacked_trials import BASES, agree

from mi_cli.cli.main import main
from mi_cli.execution import checkpoint_folders, forkserver, workers
from mi_cli.execution.checkpoint_folders import checkpoint_folder
from mi_cli.procedures.base import Part
from mi_cli.procedures.estimate import Estimate
from mi_cli.training import checkpoints
from mi_cli.training.checkpoints import Checkpoints
from mi_cli.training.context import Context, Stopped

FIXED = SMALL | {"dataset": {"name": "gaussian", "rho": 0.5, "n_samples": 300}, "split": {"val": 60, "test": 101}}
SHORT: dict[str, Any] = {"steps": 20, "batch": 64, "validate_every": 10}
CASES: dict[str, Any] = {
    **BASES,
    "patience": merged(SMALL, {"training": {"steps": 200, "patience": 1, "validate_every": 5, "lr": 0.1}}),
    "carried": merged(SMALL, {"sweep": {"dataset": {"rho": [0.2, 0.6]}}, "training": {"carry": "dataset.rho"}}),
    "folds": FIXED
    | {"training": SHORT, "split": {"val": 0.2, "test": 0.2, "train": 0.6}, "fit": "crossfit", "folds": 3},
    "auto": FIXED | {"training": SHORT, "estimator": {"name": "auto", "separable": [8], "concat": [8]}},
    "club": FIXED | {"training": SHORT, "estimator": {"name": "club", "hidden": [8]}},
    "entropies": FIXED | {"training": SHORT, "estimator": {"name": "doe", "hidden": [8]}},
    "independent critic": merged(MAXIMISE, {"representation": {"critic": "independent", "noise": 0.1}}),
    "comparison": merged(COMPARE, {"training": {"batch": 90}}),
}


class Killed(BaseException):
    """As a process is: nothing is written after it."""


class Ending:
    """A request to stop that is made at the n-th look at it, or a kill at that moment."""

    def __init__(self, at: int, *, kill: bool = False) -> None:
        self.at, self.kill, self.looks = at, kill, 0

    def set(self) -> None:
        self.at = 0

    def is_set(self) -> bool:
        self.looks += 1
        if self.kill and self.looks >= self.at:
            raise Killed
        return self.looks >= self.at


def run(folder: Path | None, found: Any, stop: Ending) -> Any:
    return workers.run_stack(found, Context(CPU, stop), folder=folder)


def of(name: str) -> Any:
    base = dict(CASES[name])
    return trials(base, merged(base.pop("sweep", {}), {"seed": [0, 1, 2]}), checkpoint_every=1e-9)


@cache
def whole(name: str) -> tuple[Any, int]:
    """What comes out without an interruption, and how often a request to stop is looked for."""
    never = Ending(10**9)
    return run(None, of(name), never).outcomes, never.looks


@pytest.mark.parametrize("name", CASES)
def test_stack_that_is_interrupted_anywhere_gives_the_same(name, tmp_path, monkeypatch):
    """Stopped at a random moment, then killed at others; each time it goes on."""
    monkeypatch.setattr(checkpoints, "_SHARE", 0)
    expected, looks = whole(name)
    source, found, total = random.Random(name), of(name), 0
    for kill in (False, True, True):
        stop = Ending(source.randint(2, max(2, looks // 3)), kill=kill)
        with pytest.raises(Killed if kill else Stopped):
            run(tmp_path, found, stop)
        total += stop.looks
    last = Ending(10**9)
    done = run(tmp_path, found, last)
    assert all(map(agree, done.outcomes, expected))
    assert total + last.looks < looks + 40  # of which few are taken twice
    assert done.seconds > 0


def test_what_had_ended_is_not_trained_again(tmp_path):
    name = "folds"
    _, looks = whole(name)
    found = of(name)
    with pytest.raises(Stopped):
        run(tmp_path, found, Ending(looks - 1))
    rest = Ending(10**9)
    run(tmp_path, found, rest)
    assert rest.looks < looks // 2


def test_part_of_a_stack_is_kept_until_the_others_are_done(tmp_path):
    found = of("folds")
    never = Ending(10**9)
    workers.run_stack(found, Context(CPU, never), Part(0, 2), tmp_path)
    earlier = Checkpoints(checkpoint_folder(tmp_path, found, Part(0, 2)), 1).before
    again = Ending(10**9)
    second = workers.run_stack(found, Context(CPU, again), Part(0, 2), tmp_path)
    assert again.looks < never.looks // 2
    other = workers.run_stack(found, Context(CPU), Part(1, 2), tmp_path)
    expected, _ = whole("folds")
    assert all(map(agree, Estimate().join(found, [second.partial, other.partial]), expected))
    assert 0 < earlier < second.seconds


def test_short_stack_leaves_no_file(tmp_path):
    found = trials(SMALL, {"seed": [0, 1]})
    run(tmp_path, found, Ending(10**9))
    assert list(tmp_path.iterdir()) == []


def test_seconds_of_earlier_attempts_count(tmp_path):
    folder = tmp_path / "here"
    kept = Checkpoints(folder, 1e-9)
    kept.begun -= 100
    kept.end(kept.begin()[0], {"index": np.array(3)})
    assert 100 <= Checkpoints(folder, 1).before < 101


@pytest.mark.parametrize("content", [b"", b"PK cut short", b"\x80\x04\x95pickled"])
def test_broken_checkpoint_is_told_of_and_training_begins_anew(tmp_path, caplog, content):
    found, (expected, looks) = of("estimate"), whole("estimate")
    with pytest.raises(Stopped):
        run(tmp_path, found, Ending(looks // 2))
    folder = checkpoint_folder(tmp_path, found, workers.WHOLE)
    assert [path.name for path in folder.iterdir()] == ["going_on.npz"]
    (folder / "going_on.npz").write_bytes(content)
    done = run(tmp_path, found, Ending(10**9))
    assert all(map(agree, done.outcomes, expected))
    assert "training begins anew" in caplog.text


def test_checkpoints_of_other_trials_are_not_taken(tmp_path, caplog):
    found, (expected, looks) = of("estimate"), whole("estimate")
    with pytest.raises(Stopped):
        run(tmp_path, found, Ending(looks // 2))
    other = found[:2]
    checkpoint_folder(tmp_path, found, workers.WHOLE).rename(checkpoint_folder(tmp_path, other, workers.WHOLE))
    assert all(map(agree, run(tmp_path, other, Ending(10**9)).outcomes, expected[:2]))
    assert "belongs to other trials" in caplog.text


def test_nothing_is_unpickled(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    np.savez(folder / "going_on.npz", **{"0/flat": np.array([Path()], dtype=object)})
    assert Checkpoints(folder, 1).begin() == ("0", None)


def test_training_goes_on_where_checkpoints_cannot_be_written(tmp_path, caplog):
    (tmp_path / checkpoint_folders.FOLDER).write_text("no folder")
    found, (expected, _) = of("estimate"), whole("estimate")
    done = run(tmp_path, found, Ending(10**9))
    assert all(map(agree, done.outcomes, expected))
    assert "a checkpoint cannot be written" in caplog.text


# Whole runs


LONG = [
    "experiment=gaussian_sweep", "sweep.dataset.rho=[.3,.6]", "sweep.seed=[0,1]", "training.steps=800", "threads=2",
    "split.test=500", "plots=[]", "checkpoint_every=.1", "reuse=false",
]  # fmt: skip


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def wait_for_checkpoints(folder: Path, going_on: Callable[[], bool]) -> None:
    """Wait until both stacks of a run into a folder have written checkpoints, or until the run has ended."""
    begun, deadline = time.time_ns(), time.monotonic() + 60
    while time.monotonic() < deadline and going_on():
        written = [path.stat().st_mtime_ns for path in folder.glob("checkpoints/*/going_on.npz")]
        if len([at for at in written if at > begun]) == 2:
            break
        time.sleep(0.01)


@contextlib.contextmanager
def training_on(folder: Path, *given: str) -> Iterator[subprocess.Popen[str]]:
    """``mi-run`` that runs into a folder, from when both of its stacks have written checkpoints."""
    command = [Path(sys.executable).with_name("mi-run"), *given]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            wait_for_checkpoints(folder, lambda: process.poll() is None)
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def asked_to_end(folder: Path) -> Iterator[None]:
    """Send this process SIGTERM when both stacks of the run that goes on in the block have written checkpoints."""
    ended = threading.Event()

    def ask() -> None:
        wait_for_checkpoints(folder, lambda: not ended.is_set())
        if not ended.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # in case the run ends first
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()
        signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(not forkserver.AVAILABLE, reason="processes of a session are found in /proc")
def test_run_that_ends_inside_a_training_goes_on_there(tmp_path, capsys):
    """Killed first, with workers that end by themselves, and then asked to end."""
    plain, folder = tmp_path / "plain", tmp_path / "ended"
    assert main([*LONG, f"hydra.run.dir={plain}"]) == 0
    with training_on(folder, *LONG, f"hydra.run.dir={folder}") as process:
        assert len(members(process.pid)) >= 4  # itself, the server, two workers
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        deadline = time.monotonic() + 20
        while members(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not members(process.pid)
    assert process.returncode == -signal.SIGKILL
    assert len(list(folder.glob("checkpoints/*/going_on.npz"))) == 2
    capsys.readouterr()
    with asked_to_end(folder):
        assert main([f"resume={folder}"]) == 143
    assert "2 of 2 stacks of trials go on from checkpoints" in capsys.readouterr().err
    assert len(list(folder.glob("checkpoints/*/going_on.npz"))) == 2
    assert main([f"resume={folder}"]) == 0
    assert "2 of 2 stacks of trials go on from checkpoints" in capsys.readouterr().err
    assert rows(folder) == rows(plain)
    assert not (folder / "checkpoints").exists()


def test_trial_that_took_too_long_goes_on_with_more_time(tmp_path, capsys):
    plain, folder = tmp_path / "plain", tmp_path / "ended"
    given = [*LONG, "sweep.dataset.rho=[.5]", "sweep.seed=[0]", "threads=1", "checkpoint_every=100"]
    assert main([*given, f"hydra.run.dir={plain}"]) == 0
    assert main([*given, f"hydra.run.dir={folder}", "trial_timeout=.1"]) == 1
    assert rows(folder)[0]["reason"] == "took longer than trial_timeout=0.1 seconds"
    capsys.readouterr()
    assert main([f"resume={folder}", "trial_timeout=600"]) == 0
    assert "1 of 1 stacks of trials go on from checkpoints" in capsys.readouterr().err
    assert rows(folder) == rows(plain)
    assert not (folder / "checkpoints").exists()
