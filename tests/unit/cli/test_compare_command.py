"""``mi-run compare``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import shutil

import polars as pl
import pytest
from runs import leave_run

from mi_cli.cli.main import main

SWEEP = {"dataset": {"rho": [0.0, 0.6]}, "seed": [0, 1, 2]}


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Two runs that differ in a learning rate, one of another correlation, and a file."""
    folder = tmp_path_factory.mktemp("runs")
    leave_run(folder / "first", SWEEP)
    leave_run(folder / "second", SWEEP, training={"lr": 0.5})
    leave_run(folder / "begun", SWEEP, done=0, status=None)
    leave_run(folder / "other", {"dataset": {"rho": [0.3]}, "seed": [0]})
    path = folder / "second" / "results.csv"
    frame = pl.read_csv(path)
    moved = frame["estimate"] + 1 + pl.Series([0.001 * (3 * trial % 5) for trial in frame["trial"]])
    path.write_text(frame.with_columns(moved.alias("estimate")).write_csv())
    (folder / "file").touch()
    return folder


@pytest.fixture
def runs(left, tmp_path, monkeypatch):
    folder = shutil.copytree(left, tmp_path / "runs")
    monkeypatch.chdir(folder)
    return folder


def test_the_sentence_comes_first_and_the_first_run_is_before(runs, capsys):
    assert main(["compare", "second", "first"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "before: training.lr=0.5  (second)",
        "after:  training.lr=0.01  (first)",
        "2 numbers compared: 2 moved beyond the noise (5 % chance of any false alarm: Holm's correction for 2)",
        "settings that differ: training.lr: 0.5 → 0.01",
    ]
    assert lines[-1] == (
        "noise: paired differences over 3 seeds that both have (Student's t); "
        "3 seeds cannot show less than a very large change; sweep.seed takes more"
    )


def test_table_and_page_are_written(runs, capsys):
    assert main(["compare", "first", "second", "table=c.csv", "page=c.html"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["written: c.csv", "written: c.html"]
    table = pl.read_csv("c.csv")
    assert table["outcome"].to_list() == ["moved", "moved"]
    assert table["difference"].to_list() == pytest.approx([1.002, 1.002], abs=0.002)
    assert 'id="comparison"' in (runs / "c.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "mi-run compare: takes two folders, not 0; use mi-run compare RUN_FOLDER RUN_FOLDER "),
        (["first"], "mi-run compare: takes two folders, not 1"),
        (["first", "first"], "mi-run compare: first and first are one run; accepted: two runs"),
        (["first", "."], "mi-run compare: first and . hold 4 runs; accepted: two runs"),
        (["first", "nothing"], "compare=nothing: no such folder; accepted: the folder of a run"),
        (["first", "file"], "compare=file: is no folder; accepted: the folder of a run"),
        (["first", "second", "table=a.xlsx"], "table=a.xlsx: must be a file that ends in .csv or .parquet"),
        (["first", "second", "page=no/a.html"], "page=no/a.html: its folder is not there"),
        (["first", "second", "table=first/results.csv"], "table=first/results.csv: is a file of a run, which it would"),
        (["first", "second", "table="], "table=: must be a file that ends in .csv or .parquet"),
        (["first", "second", "table=a.csv", "table=b.csv"], "table: is typed twice; accepted: table= once"),
        (["first", "second", "foo=bar"], "foo=bar: is no option of mi-run compare; use mi-run compare RUN_FOLDER"),
        (["first", "begun"], "compare=begun: the run is running or killed, and has no number to compare yet; use "),
        (["first", "other"], "mi-run compare: first and other have nothing in common: they have no setting with"),
    ],
)
def test_what_cannot_be_compared_is_one_line(runs, capsys, words, message):
    before = sorted(runs.rglob("*"))
    assert main(["compare", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"mi-run: {message}")
    assert len(printed.err.splitlines()) == 1
    assert sorted(runs.rglob("*")) == before


@pytest.mark.parametrize("typed", [["--help"], ["first", "-h"]])
def test_the_command_has_a_help_of_its_own(capsys, typed):
    assert main(["compare", *typed]) == 0
    assert capsys.readouterr().out.startswith("mi-run compare RUN_FOLDER RUN_FOLDER [table=FILE.csv]")


def test_a_file_of_a_run_that_is_broken_is_named(runs, capsys):
    (runs / "second" / "summary.json").write_text("{")
    assert main(["compare", "first", "second"]) == 2
    assert "second/summary.json: " in capsys.readouterr().err
