"""A run once more: what is refused, what is compared, and what is said of it."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mi_cli.cli import comparison, reproduce
from mi_cli.cli.main import main
from mi_cli.records import provenance

pytestmark = pytest.mark.usefixtures("here")

SMOKE = [
    "experiment=gaussian_sweep", "budget=smoke", "sweep.dataset.rho=[0,0.5]", "sweep.seed=[3]", "split.test=200",
    "split.val=100", "training.steps=20", "plots=[]", "threads=1",
]  # fmt: skip
FINISHED = ("config.yaml", "results.csv", "provenance.json")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("again") / "run"
    assert main([*SMOKE, f"hydra.run.dir={folder}"]) == 0
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy, which a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def rewrite(run, change):
    with (run / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = change(rows) or rows
    with (run / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def move(run, amount, column="estimate"):
    def change(rows):
        rows[1][column] = repr(float(rows[1][column]) + amount)

    rewrite(run, change)


def elsewhere(run, **host):
    found = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    found["host"] |= host
    (run / "provenance.json").write_text(json.dumps(found), encoding="utf-8")


def test_run_comes_out_again(run, capsys, here):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert main([f"again={run}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (new,) = (here / "outputs" / "gaussian_sweep").iterdir()
    start = lines.index("column       largest difference in 2 rows")
    assert [line.split() for line in lines[start + 1 : -1] if line.split()[0] in ("estimate", "dataset.rho")] == [
        ["dataset.rho", "identical"],
        ["estimate", "identical"],
    ]
    assert not any(line.startswith("seconds") for line in lines)
    assert lines[-1] == "again: holds: identical, bit for bit; same machine, versions, threads and device"
    said = json.loads((new / "comparison.json").read_text(encoding="utf-8"))
    assert said["holds"] is True
    assert (said["run"], said["rows"], said["expected"], said["differs"]) == (str(run), 2, "identical", {})
    assert {column["largest_difference"] for column in said["columns"].values()} == {0}
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.parametrize("holds", [True, False])
def test_reader_that_has_seen_enough_changes_no_verdict(run, monkeypatch, holds):
    def closed(text):
        raise BrokenPipeError

    seen = SimpleNamespace(record=dict, lines=lambda: ["a line"], holds=holds)
    monkeypatch.setattr(reproduce, "compare", lambda *runs: seen)
    monkeypatch.setattr("mi_cli.console.silence", lambda descriptor: None)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=closed, flush=lambda: None))
    assert reproduce.report(run, run) is holds


def test_nothing_is_taken_from_earlier_runs(here, capsys):
    assert main(SMOKE) == 0
    (run,) = (here / "outputs" / "gaussian_sweep").iterdir()
    assert main([f"again={run}"]) == 0
    assert "are taken from" not in capsys.readouterr().err
    (new,) = {*(here / "outputs" / "gaussian_sweep").iterdir()} - {run}
    assert json.loads((new / "provenance.json").read_text(encoding="utf-8"))["wall_time"]["training"] > 0


def test_the_least_difference_is_told_on_the_same_machine(run, capsys, here):
    move(run, 1e-9)
    assert main([f"again={run}", "output_root=other"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "again: does not hold: estimate is not identical (1e-09); same machine, versions, threads and device"
    )
    (new,) = (here / "other" / "gaussian_sweep").iterdir()
    said = json.loads((new / "comparison.json").read_text(encoding="utf-8"))
    assert said["holds"] is False
    assert said["columns"]["estimate"] | {"largest_difference": None} == {
        "identical": False, "rows_differing": 1, "largest_difference": None, "within_tolerance": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "code", "verdict"),
    [
        (1e-4, 0, "holds: within 0.001 + 1% of the value (largest difference: 0.0001, estimate)"),
        (0.5, 1, "does not hold: estimate differs by more than 0.001 + 1% of the value (0.5)"),
    ],
)
def test_elsewhere_a_tolerance_counts(run, capsys, monkeypatch, amount, code, verdict):
    move(run, amount)
    elsewhere(run, name="another")
    monkeypatch.setattr(provenance.platform, "node", lambda: "here")
    assert main([f"again={run}", "threads=2", "hydra.run.dir=new"]) == code
    line = capsys.readouterr().out.splitlines()[-1]
    assert (
        line == f"again: {verdict}; what else differs: host.name (another before, here now), threads (1 before, 2 now)"
    )
    assert Path("new/comparison.json").exists()


def test_commit_and_versions_are_named(run):
    found = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    other = shutil.copytree(run, run.with_name("other"))
    found["versions"]["torch"], found["git"] = "1.0", {"commit": "a" * 40, "changed": True}
    (run / "provenance.json").write_text(json.dumps(found), encoding="utf-8")
    found["git"]["commit"], found["versions"]["torch"] = "b" * 40, "2.0"
    (other / "provenance.json").write_text(json.dumps(found), encoding="utf-8")
    told = comparison.compare(run, other)
    assert told.holds
    assert told.verdict == (
        "holds: identical, bit for bit; what else differs: git.commit (aaaaaaaaaa before, bbbbbbbbbb now), "
        "versions.torch (1.0 before, 2.0 now)"
    )


def test_rows_columns_and_words_must_be_there_again(run):
    other = shutil.copytree(run, run.with_name("other"))
    rewrite(run, lambda rows: [*rows, rows[1] | {"trial": "7"}])
    told = comparison.compare(run, other)
    assert (told.holds, told.missing) == (False, ("trial 7 mine",))
    assert told.verdict.startswith("does not hold: trial 7 mine is in one of the results only; ")
    rewrite(run, lambda rows: [row | {"former": "1"} for row in rows[:2]])
    assert comparison.compare(run, other).missing == ("former",)
    assert comparison.compare(other, run).holds  # a column that is new contradicts nothing
    rewrite(run, lambda rows: [{k: v for k, v in row.items() if k != "former"} | {"status": "failed"} for row in rows])
    elsewhere(run, name="another")
    told = comparison.compare(run, other)
    assert not told.holds
    assert list(told.lines())[2].split(maxsplit=1) == ["status", "differs in 2 rows"]
    assert told.verdict.startswith(
        "does not hold: status differs by more than 0.001 + 1% of the value (differs in 2 rows)"
    )


ACCEPTED = "accepted: search.storage=..., verbose=..., progress=..., device=..., threads=..., output_root="


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["budget=smoke"], f"budget beside it may change the results; {ACCEPTED}"),
        (["seed=1", "sweep=null"], f"seed and sweep beside it may change the results; {ACCEPTED}"),
        (["~sweep"], "~sweep beside it may change the results"),
        (["plan=true"], "plan beside it may change the results"),
        (["-m"], "--multirun beside it may change the results"),
        (["--cfg", "job"], "hydra's options beside it may change the results"),
        (["--config-path=."], "--config-path beside it may change the results"),
    ],
)
def test_what_would_change_the_results_is_refused(run, here, capsys, more, line):
    (here / "config.yaml").touch()
    assert main([f"again={run}", *more]) == 2
    (err,) = capsys.readouterr().err.splitlines()
    assert err.startswith(f"mi-run: again={run}: {line}")
    assert [path.name for path in here.iterdir()] == ["config.yaml"]


def finish(run, status):
    (run / "provenance.json").write_text(json.dumps({"status": status}))


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (shutil.rmtree, "no such folder; accepted: the folder of a finished run, such as outputs/"),
        (lambda run: (run / "config.yaml").unlink(), "is no run (it has no config.yaml); accepted: the folder of a"),
        (lambda run: (run / "provenance.json").unlink(), "is unfinished (it has no provenance.json); accepted: the"),
        (lambda run: (run / "results.csv").unlink(), "is unfinished (it has no results.csv); accepted: the folder of"),
        (lambda run: finish(run, "interrupted"), "is unfinished (provenance.json says interrupted); accepted: the"),
        (lambda run: (run / "provenance.json").write_text("{"), "is no run (its config.yaml, results.csv, provenance"),
        (lambda run: (run / "results.csv").write_bytes(b"\xff"), "is no run (its config.yaml, results.csv, provenance"),
        (lambda run: (run / "results.csv").write_text("a,b\n1,2\n"), "is no run (its config.yaml, results.csv, proven"),
        (lambda run: (run / "config.yaml").write_text("a: [1"), "is no run (its config.yaml, results.csv, provenance."),
        (
            lambda run: (run / "config.yaml").rename(run / "multirun.yaml"),
            "is a multirun; accepted: the folder of one of",
        ),
    ],
)
def test_folder_that_is_no_finished_run_is_refused(run, here, capsys, spoil, line):
    spoil(run)
    assert main([f"again={run}"]) == 2
    (err,) = capsys.readouterr().err.splitlines()
    assert err.startswith(f"mi-run: again={run}: {line}")
    assert list(here.iterdir()) == []


def test_one_run_at_a_time(capsys, run):
    assert main([f"again={run}", "again=other"]) == 2
    assert capsys.readouterr().err == f"mi-run: again={run} again=other: several runs; accepted: one\n"
