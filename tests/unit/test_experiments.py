"""``mi_cli.run``."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import polars as pl
import pytest

import mi_cli
from mi_cli import ConfigError

pytestmark = pytest.mark.usefixtures("here")
SMALL = {
    "estimator": {"name": "mine", "hidden": [8]},
    "training": {"steps": 40, "batch": 100, "validate_every": 20},
    "split": {"val": 100, "test": 200},
    "sweep": {"dataset": {"rho": [0.0, 0.6]}, "seed": [0, 1]},
    "claims": [],
    "threads": 1,
}


def test_a_run_is_that_of_the_command(here, capfd):
    run = mi_cli.run("gaussian_sweep", SMALL, plots=["forest"], units="bits")
    out, err = capfd.readouterr()
    assert out == ""
    first, *more = err.splitlines()
    assert first == f"mi-run: folder: {run.folder.relative_to(here)}"
    assert all(line.startswith("mi-run: training for ") for line in more)  # on a busy machine
    assert run.folder.parent == here / "outputs" / "gaussian_sweep"
    assert (run.name, run.state, run.units, run.failed) == ("gaussian_sweep", "finished", "bits", [])
    assert run.results["dataset.rho"].to_list() == [0.0, 0.0, 0.6, 0.6]
    assert run.config["estimator"]["hidden"] == [8]
    written = (run.folder / "overrides.yaml").read_text()
    assert "estimator.hidden=[8]" in written
    assert "progress" not in written
    again = mi_cli.run("gaussian_sweep", SMALL, folder="it's here", progress="none")
    assert "".join(capfd.readouterr()) == ""
    assert again.folder == here / "it's here"
    assert again.results.drop("seconds").equals(run.results.drop("seconds"))  # taken from the first run


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ({}, "experiment=null: is nothing to run; accepted: a name that mi-run lists"),
        ({"experiment": None, "folder": "a"}, "experiment=null: is nothing to run"),
        ({"experiment": 5}, "experiment=5: must be the name of an experiment, as text"),
        ({"experiment": ["gaussian_sweep"]}, "experiment=['gaussian_sweep']: must be the name"),
        ({"experiment": "estimate", "settings": ["seed=1"]}, "settings=['seed=1']: must be a mapping"),
        ({"experiment": "estimate", "settings": {5: 1}}, "settings=5: is no key; accepted: text"),
        ({"experiment": "estimate", "folder": 5}, "folder=5: must be a path"),
        ({"resume": 5}, "resume=5: must be the folder of a run"),
        ({"experiment": "estimate", "progress": None}, "progress=None: must be auto, bar, lines or none"),
    ],
)
def test_arguments_of_another_type_and_nothing_to_run_are_refused(here, typed, line):
    with pytest.raises(ConfigError) as refused:
        mi_cli.run(**typed)
    assert str(refused.value).startswith(line)
    assert not any(here.iterdir())


@pytest.mark.parametrize(
    ("experiment", "settings", "line"),
    [
        ("nope", {}, "experiment=nope: no such experiment; accepted: "),
        ("gaussian_sweep", {"dataset": {"rho": 2}}, "dataset.rho=2: must be a number between -1 and 1"),
        ("gaussian_sweep", {"dataset.roh": 0.2}, "dataset.roh=0.2: unknown key"),
        ("gaussian_sweep", {"progress": "loud"}, "progress=loud: must be auto, bar, lines or none"),
        ("gaussian_sweep", {"plan": True}, "plan=true: is for the command, which prints what would run"),
        ("gaussian_sweep", {"shards": 2}, "shards=2: is for the command, which starts jobs of a launcher"),
        ("gaussian_sweep", {"hydra.run.dir": "a"}, "hydra.run.dir=a: is for the command"),
        ("gaussian_sweep", {"hydra": {"run": {"dir": "a"}}}, "hydra={run: {dir: a}}: is for the command"),
        ("gaussian_sweep", {"resume": "a"}, "resume=a: has an experiment and a folder of its own"),
        (None, {"resume": "a"}, "resume=a: is not the folder of a run; accepted: "),
        ("estimate", {"dataset.path": "none.csv"}, "dataset.path=none.csv: "),
        ("gaussian_sweep", {"dataset.rho": "${seed}"}, "dataset.rho="),
    ],
)
def test_bad_settings_are_one_line_and_leave_nothing(experiment, settings, line, here, capfd):
    named = {key: settings.pop(key) for key in ("progress", "resume") if key in settings}
    with pytest.raises(ConfigError) as caught:
        mi_cli.run(experiment, settings, **named)
    assert str(caught.value).startswith(line)
    assert len(str(caught.value).splitlines()) == 1
    assert list(here.iterdir()) == []
    assert "".join(capfd.readouterr()) == ""


def interrupt_when_a_trial_is_recorded(folder: Path) -> threading.Thread:
    def wait() -> None:
        while not any(folder.glob("trials/*")) and not (folder / "results.csv").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_an_interrupted_run_goes_on(here, capfd):
    sweep = {"estimator": ["mine", "dv", "infonce", "nwj"], "seed": [0, 1]}  # a stack for each
    settings = {"sweep": sweep, "training.steps": 200, "threads": 1, "sweep.dataset.rho": None}
    handler = signal.getsignal(signal.SIGINT)
    waiting = interrupt_when_a_trial_is_recorded(here / "run")
    with pytest.raises(KeyboardInterrupt):
        mi_cli.run("gaussian_sweep", settings, folder="run", plots=[])
    waiting.join()
    assert signal.getsignal(signal.SIGINT) is handler
    assert "interrupted" in capfd.readouterr().err
    (left,) = mi_cli.runs("run")
    assert left.state == "interrupted"
    assert len(left.results) in (2, 4, 6)
    run = mi_cli.run(resume="run", progress="none")
    assert (run.state, len(run.results), run.folder) == ("finished", 8, here / "run")
    before = left.results.select("trial", "estimate")
    assert run.results.join(before, on=["trial", "estimate"]).height == before.height


def test_trials_that_fail_are_listed(here):
    run = mi_cli.run("gaussian_sweep", SMALL | {"training": {"steps": 40, "lr": 1e30}}, progress="none", plots=[])
    assert [row["status"] for row in run.failed] == ["diverged"] * len(run.results)
    assert all(row["reason"] for row in run.failed)
    assert isinstance(run.results, pl.DataFrame)
