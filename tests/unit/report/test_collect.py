"""Runs below folders are read as far as they have come, and put into one table."""

from __future__ import annotations

import math

import polars as pl
import pytest
from runs import leave_run

from mi_cli.report.collect import collect, write


def test_runs_at_and_below_a_path_are_read(tmp_path):
    leave_run(tmp_path / "a" / "1")
    leave_run(tmp_path / "a" / "2")
    leave_run(tmp_path / "b")
    (tmp_path / "notes").mkdir()
    found = collect([tmp_path])
    assert [run.name for run in found.runs] == ["a/1", "a/2", "b"]
    assert found.faults == []
    assert [run.name for run in collect([tmp_path / "b"]).runs] == ["b"]


def test_a_run_that_two_paths_lead_to_is_read_once(tmp_path):
    leave_run(tmp_path / "a")
    leave_run(tmp_path / "b")
    (tmp_path / "again").symlink_to(tmp_path / "a")
    assert [run.name for run in collect([tmp_path, tmp_path / "a", tmp_path / "again"]).runs] == ["a", "b"]


def test_a_folder_with_nothing_but_a_config_is_not_a_run(tmp_path):
    (tmp_path / "config.yaml").write_text("name: a\n")
    found = collect([tmp_path])
    assert not found.runs
    assert [fault.problem for fault in found.faults] == ["holds no run"]


def test_states_and_trials_that_are_done(tmp_path):
    leave_run(tmp_path / "all", lost={2: "an error"})
    leave_run(tmp_path / "begun", done=0, status=None)
    leave_run(tmp_path / "going", done=4, status=None)
    leave_run(tmp_path / "stopped", done=5, status="interrupted")
    found = {run.name: (run.state, run.done, run.n_trials, run.statuses) for run in collect([tmp_path]).runs}
    assert found == {
        "all": ("finished", 6, 6, {"failed": 1, "ok": 5}),
        "begun": ("running or killed", 0, 6, {}),
        "going": ("running or killed", 4, 6, {"ok": 4}),
        "stopped": ("interrupted", 5, 6, {"ok": 5}),
    }


def test_a_finished_run_has_the_trials_that_were_not_left_out(tmp_path):
    leave_run(tmp_path / "all", done=4, leave_out_unfit=True)
    leave_run(tmp_path / "going", done=4, status=None, leave_out_unfit=True)
    assert {run.name: run.n_trials for run in collect([tmp_path]).runs} == {"all": 4, "going": 6}


def test_a_line_that_is_still_being_written_is_left_out(tmp_path):
    results = leave_run(tmp_path / "a", done=4, status=None) / "results.csv"
    results.write_text(results.read_text() + "4,ok,,0,gauss")
    (run,) = collect([tmp_path]).runs
    assert run.done == 4


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("config.yaml", "a: [", "is not YAML (line 2), or is cut off"),
        ("config.yaml", "- a\n", "must be a section"),
        ("config.yaml", "sweep: {seed: 1}\nseed: 0\n", "must be a list of values"),
        ("overrides.yaml", "[", "is not YAML"),
        ("overrides.yaml", "5", "is not what a run leaves"),
        ("results.csv", "", "is empty"),
        ("results.csv", "estimate,name\nmany,a\n", "is not what a run leaves, or is cut off"),
        ("results.csv", "trial,status\n1,ok\n", "lacks the columns"),
        ("summary.json", "{", "is not JSON (line 1), or is cut off"),
        ("summary.json", "[" * 100_000, "is not what a run leaves"),
        ("summary.json", '{"name": "a"}', "lacks procedure"),
        ("summary.json", '{"name": "a", "procedure": 5}', "holds something else at procedure"),
        ("provenance.json", "[]", "is not what a run leaves"),
    ],
)
def test_a_broken_file_is_a_fault_and_other_runs_are_read(tmp_path, file, text, problem):
    leave_run(tmp_path / "broken")
    leave_run(tmp_path / "good")
    (tmp_path / "broken" / file).write_text(text)
    found = collect([tmp_path])
    (fault,) = found.faults
    assert [run.name for run in found.runs] == ["good"]
    assert fault.key == str(tmp_path / "broken" / file)
    assert problem in fault.problem
    assert "\n" not in fault.problem
    assert fault.accepted.endswith("as mi-run writes it")


def test_bytes_that_are_no_text_are_a_fault(tmp_path):
    (leave_run(tmp_path / "a") / "config.yaml").write_bytes(b"\xff\xfe\x00")
    assert [fault.key for fault in collect([tmp_path]).faults] == [str(tmp_path / "a" / "config.yaml")]


@pytest.mark.parametrize(("name", "problem"), [("nothing", "no such folder"), ("file", "is not a folder")])
def test_a_path_that_is_no_folder_is_a_fault(tmp_path, name, problem):
    (tmp_path / "file").touch()
    (fault,) = collect([tmp_path / name]).faults
    assert (fault.key, fault.problem) == (str(tmp_path / name), problem)
    assert fault.accepted.startswith("the folder of a run")


def test_table_has_all_rows_with_their_run_and_axes(tmp_path):
    leave_run(tmp_path / "a")
    leave_run(tmp_path / "b", {"training": {"lr": [0.1, 0.2]}}, dataset={"rho": 0.3})
    leave_run(tmp_path / "c", done=0, status=None)
    table = collect([tmp_path]).table
    assert table.columns[:2] == ["run", "folder"]
    assert table["run"].to_list() == ["dataset.rho=[0.0,0.6,1.0], a"] * 6 + ["dataset.rho=0.3"] * 2
    assert table["folder"].to_list() == ["a"] * 6 + ["b"] * 2
    assert table["dataset.rho"].to_list() == [0.0, 0.0, 0.6, 0.6, 1.0, 1.0, 0.3, 0.3]
    assert table["training.lr"].to_list()[6:] == [0.1, 0.2]
    assert len(set(table["training.lr"][:6])) == 1


def test_a_value_that_was_typed_for_some_runs_is_a_column_for_all(tmp_path):
    for name, lr in (("0", 0.001), ("1", 0.01)):
        typed = [f"training.lr={lr}", "budget=smoke", "output_root=x"]
        leave_run(tmp_path / name, {"seed": [0, 1]}, training={"lr": lr}, overrides=typed)
    found = collect([tmp_path])
    assert [run.name for run in found.runs] == ["training.lr=0.001", "training.lr=0.01"]
    assert found.varied == {"0": {"training.lr": 0.001}, "1": {"training.lr": 0.01}}
    assert found.table["training.lr"].to_list() == [0.001, 0.001, 0.01, 0.01]


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_table_as_a_file(tmp_path, name):
    leave_run(tmp_path / "a", lost={0: 'a "reason", with a comma'})
    table = collect([tmp_path]).table
    write(tmp_path / name, table)
    read = pl.read_csv(tmp_path / name) if name.endswith("csv") else pl.read_parquet(tmp_path / name)
    assert read["reason"][0] == 'a "reason", with a comma'
    assert read["estimate"].to_list() == table["estimate"].to_list()
    assert read["true_mi"][5] == math.inf
