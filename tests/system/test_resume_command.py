"""``mi-run resume=`` on a run that is complete changes nothing; on another one it adds to the run's history."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from mi_cli.cli.main import main

GIVEN = ["dataset=gaussian", "dataset.n_samples=200", "estimator=gaussian", "plots=[forest]", "tables=[estimates]"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of an estimator without training."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    code = main([*GIVEN, "sweep.seed=[0,1]", f"hydra.run.dir={folder}", "threads=1", "reuse=false"])
    assert code == 0
    return folder


@pytest.fixture
def run(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(finished, tmp_path / "run")


def state(folder):
    """The times and contents of a folder and of everything in it."""
    paths = [folder, *sorted(folder.rglob("*"))]
    return {
        path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in paths
    }


@pytest.mark.parametrize("typed", [[], ["threads=2"], ["shards=2"]])
def test_a_complete_run_is_not_changed_and_its_answer_is_printed(run, capsys, typed):
    before = state(run)
    assert main(["resume=run", *typed]) == 0
    printed = capsys.readouterr()
    assert printed.err == "mi-run: run is complete: nothing is run, and no file is changed\n"
    assert printed.out.splitlines()[-1] == "results: run"
    assert "estimates: 2 rows" in printed.out
    assert state(run) == before


@pytest.mark.parametrize(
    "lost", ["report.html", "plots/forest.png", "plots/forest.svg", "tables/estimates.csv", "summary.json"]
)
def test_what_is_missing_is_made_again_and_nothing_else(run, capsys, lost):
    before = {path: kept for path, kept in state(run).items() if path.is_file() and path != run / lost}
    content = (run / lost).read_bytes()
    (run / lost).unlink()
    assert main(["resume=run", "threads=1"]) == 0
    assert (
        f"nothing is run, and {lost}, which was missing, is made; no other file is changed" in capsys.readouterr().err
    )
    assert lost == "report.html" or (run / lost).read_bytes() == content  # a page says when it was made
    assert {path: kept for path, kept in state(run).items() if path.is_file() and path != run / lost} == before


def test_a_trial_that_failed_is_run_again_and_the_history_says_so(run, capsys):
    results = run / "results.csv"
    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join([*lines[:-1], lines[-1].replace(",ok,", ",failed,", 1)]))
    assert main(["resume=run", "threads=1"]) == 0
    assert "1 of 2 trials are recorded in run" in capsys.readouterr().err
    assert ",failed," not in results.read_text()
    sessions = json.loads((run / "provenance.json").read_text())["sessions"]
    assert [session["status"] for session in sessions] == ["finished", "finished"]
    assert sessions[1]["command"] == f"mi-run resume={run} threads=1"
    assert "Went on" in (run / "report.html").read_text()


def test_a_run_that_was_interrupted_goes_on(run):
    path = run / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "interrupted"}))
    assert main(["resume=run", "threads=1"]) == 0
    assert json.loads(path.read_text())["status"] == "finished"
