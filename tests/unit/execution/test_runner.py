"""Runs: what they leave, and how they end."""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from examples import (
    COMPARE,
    MAXIMISE,
    SMALL,
    begin_with_fault,
    endless_command,
    failing_at,
    merged,
    no_rows,
    slowdown,
    trials,
    values,
)
from runs import run_config

from mi_cli.cli.main import main
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import OutputError
from mi_cli.execution import forkserver, scheduler, stacks, workers
from mi_cli.execution.plan import plan
from mi_cli.plots import estimate_against_axis
from mi_cli.procedures.base import Part
from mi_cli.procedures.estimate import Estimate
from mi_cli.records import results, run_folder
from mi_cli.records.journal import Journal
from mi_cli.records.results import Records
from mi_cli.report import publish
from mi_cli.search.expansion import expand
from mi_cli.training import critic_fit

FILES = {
    "config.yaml", "overrides.yaml", "results.csv", "history.parquet", "summary.json", "run.log", "provenance.json",
    "report.html"
}  # fmt: skip
COLUMNS = (
    "trial,status,reason,seed,dataset,estimator,method,dataset.rho,rows,true_mi,estimate,stderr,ci_low,ci_high,lower,p_value,"
    "kind,ceiling,effective,critic_mi,critic_stderr,test_mi,train_mi,val_mi,rise,drift,misfit,test_mse,split_mse,"
    "test_r2,test_accuracy,test_balanced_accuracy,test_log_loss,val_loss,labels,source,target,lag,"
    "source_history,target_history,null_mean,p_corrected,rank,gain,frequency,steps,seconds,fingerprint"
)
SWEEP = {"dataset": {"rho": [0.2, 0.4, 0.6]}, "seed": [0, 1]}
NUMBERS = ("estimate", "stderr", "ci_low", "ci_high", "lower", "train_mi", "val_mi")


@pytest.fixture(autouse=True)
def one_thread():
    yield
    torch.set_num_threads(1)


def run(folder, base=SMALL, sweep=None, **more):
    """Run into a new folder; the exit code and the rows of the results."""
    folder.mkdir(exist_ok=True)
    code = run_config(values(base, sweep, **more), folder)
    return code, rows_of(folder)


def rows_of(folder):
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def science(rows):
    """Rows without the time they took."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def strict_json(path):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def all_files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# What a run leaves


def test_files_and_their_columns(tmp_path, capsys):
    plots = ["estimate_against_step", "estimate_against_axis", "gaussian_samples"]
    code, rows = run(tmp_path, SMALL, SWEEP, plots=plots)
    assert code == 0
    assert all_files(tmp_path) == FILES | {"samples.parquet"} | {
        f"plots/{name}.{end}" for name in plots for end in ("png", "svg")
    }
    assert (tmp_path / "results.csv").read_text(encoding="utf-8").split("\n", 1)[0] == COLUMNS
    assert [row["trial"] for row in rows] == [str(i) for i in range(6)]
    for row in rows:
        assert (row["status"], row["dataset"], row["estimator"], row["method"]) == ("ok", "gaussian", "mine", "mine")
        assert float(row["ci_low"]) < float(row["estimate"]) < float(row["ci_high"])
        assert float(row["true_mi"]) == pytest.approx(-0.5 * math.log(1 - float(row["dataset.rho"]) ** 2))
        assert float(row["ceiling"]) == pytest.approx(math.log(4000))
        assert (row["kind"], row["steps"], row["test_mse"], row["split_mse"]) == ("lower bound", "60", "", "")
        assert float(row["seconds"]) > 0
    out, err = capsys.readouterr()
    assert f"results: {tmp_path}" in out
    assert "dataset.rho" in out
    assert "Traceback" not in out + err


def test_tables_are_written_as_the_summary_has_them(tmp_path):
    code, _ = run(tmp_path, SMALL, SWEEP, tables=["solved"])
    assert code == 0
    assert all_files(tmp_path) == FILES | {"tables/solved.csv"}
    with (tmp_path / "tables" / "solved.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    (expected,) = strict_json(tmp_path / "summary.json")["tables"]["solved"]
    assert list(row) == list(expected)
    assert (row["method"], row["tasks"], float(row["error"])) == ("mine", "3", expected["error"])


def test_history_has_the_traces_of_every_trial(tmp_path):
    run(tmp_path, SMALL, SWEEP)
    history = Records(tmp_path).history
    assert history.schema == {"trial": pl.Int64, "step": pl.Int64, "train_mi": pl.Float64, "val_mi": pl.Float64}
    assert history["trial"].unique().sort().to_list() == list(range(6))
    of_one = history.filter(trial=3)
    assert of_one["step"].to_list() == [10, 20, 30, 40, 50, 60]
    assert of_one["train_mi"].null_count() == 0
    assert of_one.drop_nulls()["step"].to_list() == [20, 40, 60]


def test_samples_are_those_of_the_first_seed(tmp_path):
    run(tmp_path, SMALL, SWEEP, plots=["gaussian_samples"])
    samples = Records(tmp_path).samples
    assert samples.columns == ["trial", "x", "y"]
    assert samples["trial"].unique().sort().to_list() == [0, 2, 4]
    correlations = [np.corrcoef(samples.filter(trial=t)["x"], samples.filter(trial=t)["y"])[0, 1] for t in (0, 2, 4)]
    assert correlations == sorted(correlations)


def test_summary_aggregates_over_seeds_and_judges(tmp_path):
    claims = [{"kind": "within", "text": "small", "low": -1, "high": 5}]
    run(tmp_path, SMALL, SWEEP, claims=claims)
    summary = strict_json(tmp_path / "summary.json")
    assert summary["axes"] == ["dataset.rho"]
    assert summary["trials"] == {"ok": 6}
    assert [cell["n"] for cell in summary["cells"]] == [2, 2, 2]
    of_first = [float(row["estimate"]) for row in rows_of(tmp_path)[:2]]
    assert summary["cells"][0]["estimate"]["mean"] == pytest.approx(np.mean(of_first))
    assert summary["claims"][0]["verdict"] == "holds"


def test_provenance_counts_where_the_time_went(tmp_path):
    begun = time.time()
    run(tmp_path, SMALL, SWEEP)
    found = strict_json(tmp_path / "provenance.json")
    assert found["status"] == "finished"
    assert (found["device"], found["threads"]) == ("cpu", 1)
    assert found["wall_time"]["training"] > 0
    assert sum(found["wall_time"].values()) <= found["seconds"] + 0.1 <= time.time() - begun + 0.2


def test_config_and_overrides_are_kept(tmp_path):
    found = values(SMALL, SWEEP)
    run_config(found, tmp_path, overrides=["dataset.rho=0.3"], notices=["something to know"])
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    assert {key: saved[key] for key in found} == found
    assert yaml.safe_load((tmp_path / "overrides.yaml").read_text()) == ["dataset.rho=0.3"]
    assert "something to know" in (tmp_path / "run.log").read_text()
    assert strict_json(tmp_path / "provenance.json")["notes"] == ["something to know"]


@pytest.mark.parametrize(
    ("base", "methods"),
    [
        (MAXIMISE, ["mi_encoder", "random_encoder", "linear_regression", "pca"]),
        (
            COMPARE,
            ["linear_regression", "mi_encoder", "pca", "random_encoder", "ridge", "kernel_ridge", "supervised_network"],
        ),
    ],
    ids=["maximise", "compare"],
)
def test_every_method_has_a_row(tmp_path, base, methods):
    code, rows = run(tmp_path, base, {"noise": {"scale": [0.0, 0.1]}, "seed": [0, 1]})
    assert code == 0
    assert [row["method"] for row in rows[: len(methods)]] == methods
    assert len(rows) == 4 * len(methods)
    for row in rows:
        assert float(row["test_mse"]) > 0
        assert (row["estimate"] != "") == (row["method"] == "mi_encoder")
        assert (row["split_mse"] != "") == (base is COMPARE)
    assert {row["true_mi"] for row in rows if row["method"] == "mi_encoder"} == {"inf"}
    cell = next(cell for cell in strict_json(tmp_path / "summary.json")["cells"] if cell["method"] == "pca")
    assert cell["difference"]["from"] == "linear_regression"
    assert Records(tmp_path).history.columns == ["trial", "step", "train_mi", "train_mse", "val_mse", "val_mi"]


@pytest.mark.parametrize("rho", [1.0, -1.0])
def test_full_correlation_runs_with_an_infinite_truth(tmp_path, rho):
    code, (row,) = run(tmp_path, SMALL, dataset={"rho": rho})
    assert code == 0
    assert (row["true_mi"], row["status"]) == ("inf", "ok")
    assert "infinite" in row["reason"]
    assert float(row["estimate"]) < float(row["ceiling"]) == pytest.approx(math.log(4000))
    assert strict_json(tmp_path / "summary.json")["cells"][0]["true_mi"] == "inf"


# The same again


def test_saved_config_gives_the_same_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed = [
        "experiment=gaussian_sweep", "budget=smoke", "sweep.dataset.rho=[0.4,1.0]", "split.test=400", "plots=[]",
        "training.steps=40", "threads=1",
    ]  # fmt: skip
    assert main(typed) == 0
    (first,) = Path("outputs/gaussian_sweep").iterdir()
    assert main([f"--config-path={first}"]) == 0
    (second,) = set(Path("outputs/gaussian_sweep").iterdir()) - {first}
    assert len(rows_of(first)) == 4
    assert science(rows_of(first)) == science(rows_of(second))
    assert Records(first).history.equals(Records(second).history)
    assert Records(first).config == Records(second).config


def test_runs_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_folder.time, "strftime", lambda *form: "2026-01-01_00-00-00")
    typed = [
        "experiment=linear_discriminator", "budget=smoke", "sweep.dataset.rho=[0.4]", "split.test=100", "plots=[]",
        "training.steps=20", "threads=1",
    ]  # fmt: skip
    assert [main(typed), main([*typed, "force=true"])] == [0, 0]
    found = list(Path("outputs/linear_discriminator").iterdir())
    assert len(found) == 2
    assert all(path.name.startswith("2026-01-01_00-00-00_") and len(rows_of(path)) == 6 for path in found)


@pytest.mark.parametrize(
    ("base", "more", "sweep"),
    [
        (SMALL, {}, SWEEP),
        (SMALL, {"training": {"batch": 20_000, "steps": 12}, "estimator": {"hidden": [16]}}, None),
        (SMALL, {"training": {"carry": "dataset.rho"}}, SWEEP),
        (MAXIMISE, {}, {"seed": [0, 1, 2]}),
        (COMPARE, {}, {"split": {"labelled": [20, 40]}, "seed": [0, 1]}),
    ],
    ids=["sweep", "one large trial", "carried", "maximise", "compare"],
)
def test_results_do_not_depend_on_the_number_of_threads(tmp_path, base, more, sweep):
    # A single large trial is trained by threads that share its sums, whose last bits then differ.
    one, two = (science(run(tmp_path / str(n), merged(base, more), sweep, threads=n)[1]) for n in (1, 2))
    assert [row.keys() for row in one] == [row.keys() for row in two]
    for row, other in zip(one, two, strict=True):
        for key, value in row.items():
            if sweep is None and key in NUMBERS and value:
                assert float(value) == pytest.approx(float(other[key]), abs=1e-4), key
            elif sweep is None and key == "effective":
                assert float(value) == pytest.approx(float(other[key]), rel=1e-4)
            else:
                assert value == other[key], key


CROSSFIT = {
    "fit": "crossfit",
    "folds": 3,
    "dataset": {"n_samples": 301},
    "split": {"train": 0.7, "val": 0.1, "test": 0.2},
}


def test_folds_of_a_lone_trial_are_shared_among_workers_and_make_the_same_numbers(tmp_path):
    one, two = (science(run(tmp_path / str(n), merged(SMALL, CROSSFIT), threads=n)[1]) for n in (1, 2))
    assert one == two
    (stack,) = stacks.stacks(trials(merged(SMALL, CROSSFIT)), 2)
    parts = stacks.split_stacks([stack], 2)
    assert [part.part for part in parts] == [Part(0, 2), Part(1, 2)]
    assert sum(part.steps for part in parts) == stack.steps
    assert stacks.split_stacks([stack, stack], 2) == [stack, stack]  # where each worker has one anyway
    assert stacks.split_stacks([stack], 1) == [stack]


@pytest.mark.parametrize("broken", [{0}, {1}, {0, 1}])
def test_fault_in_a_part_has_the_trial_run_whole(tmp_path, monkeypatch, broken):
    run_part = Estimate.run_part

    def failing(self, trials, context, part):
        if part.index in broken:
            raise MemoryError("no room")
        return run_part(self, trials, context, part)

    monkeypatch.setattr(forkserver, "AVAILABLE", False)  # threads, which see what is patched
    monkeypatch.setattr(Estimate, "run_part", failing)
    code, rows = run(tmp_path / "broken", merged(SMALL, CROSSFIT), threads=2)
    assert code == 0
    monkeypatch.undo()
    assert science(rows) == science(run(tmp_path / "whole", merged(SMALL, CROSSFIT), threads=1)[1])
    assert "MemoryError" in (tmp_path / "broken" / "run.log").read_text(encoding="utf-8")


# Trials that end badly


@pytest.fixture
def fault(monkeypatch):
    """Make rows at a correlation of 0.4 impossible to draw."""
    monkeypatch.setattr(Gaussian, "sample", failing_at(0.4, no_rows))
    monkeypatch.setattr(workers, "_begin", begin_with_fault)


@pytest.mark.parametrize("threads", [1, 2])
def test_trial_that_raises_is_a_row_and_costs_no_other(tmp_path, capsys, monkeypatch, fault, threads):
    code, rows = run(tmp_path / "a", SMALL, SWEEP, threads=threads)
    monkeypatch.undo()
    _, fine = run(tmp_path / "b", SMALL, SWEEP)
    assert code == 1
    assert [row["status"] for row in rows] == ["ok", "ok", "failed", "failed", "ok", "ok"]
    for row in rows[2:4]:
        assert row["reason"] == "ValueError: no such rows"
        assert (row["estimate"], row["method"], row["dataset.rho"]) == ("", "", "0.4")
    assert science(rows[:2] + rows[4:]) == science(fine[:2] + fine[4:])
    log = (tmp_path / "a" / "run.log").read_text()
    assert "Traceback" in log
    assert "trial 2 failed: ValueError: no such rows" in log
    assert strict_json(tmp_path / "a" / "summary.json")["trials"] == {"failed": 2, "ok": 4}
    out, err = capsys.readouterr()
    assert "trial 2 failed: ValueError: no such rows" in out
    assert "Traceback" not in out + err


def test_run_of_which_all_trials_fail_still_reports(tmp_path, fault):
    code, (row,) = run(tmp_path, SMALL, dataset={"rho": 0.4}, claims=[{"kind": "within", "text": "x", "high": 1}])
    assert (code, row["status"]) == (1, "failed")
    summary = strict_json(tmp_path / "summary.json")
    assert (summary["cells"], summary["claims"][0]["verdict"]) == ([], "undecided")
    assert len(Records(tmp_path).history) == 0
    assert len(Records(tmp_path).results) == 1


def test_fault_in_the_estimator_is_met_trial_by_trial(tmp_path, monkeypatch):
    held_out = critic_fit.held_out

    def broken(estimator, critic, flat, rows, *more):
        if rows[1].mean(2).max() > 0:  # which the test rows of some trials have
            raise RuntimeError("out of luck")
        return held_out(estimator, critic, flat, rows, *more)

    monkeypatch.setattr(critic_fit, "held_out", broken)
    code, rows = run(tmp_path, SMALL, {"seed": list(range(6))})
    statuses = {row["status"] for row in rows}
    assert code == 1
    assert statuses == {"ok", "failed"}
    assert {row["reason"] for row in rows if row["status"] == "failed"} == {"RuntimeError: out of luck"}


def test_trial_that_diverges_is_a_row_and_costs_no_other(tmp_path, capsys):
    sweep = {"training": {"lr": [0.01, 1e30, 0.02]}}
    code, rows = run(tmp_path / "a", SMALL, sweep)
    _, calm = run(tmp_path / "b", SMALL, {"training": {"lr": [0.01, 0.02]}})
    assert code == 1
    assert [row["status"] for row in rows] == ["ok", "diverged", "ok"]
    assert rows[1]["reason"] == f"loss or gradient became non-finite at step {rows[1]['steps']}"
    assert (rows[1]["estimate"], rows[1]["stderr"]) == ("", "")
    for one, other in zip(science([rows[0], rows[2]]), science(calm), strict=True):
        assert one | {"trial": ""} == other | {"trial": ""}
    assert "trial 1 mine diverged: loss or gradient" in capsys.readouterr().out
    strict_json(tmp_path / "a" / "summary.json")


def test_comparison_that_diverges_leaves_strict_files(tmp_path):
    code, rows = run(tmp_path, COMPARE, training={"lr": 1e30})
    assert code == 1
    assert {row["method"] for row in rows if row["status"] == "diverged"} == {"mi_encoder", "supervised_network"}
    strict_json(tmp_path / "summary.json")


def test_plot_that_fails_costs_no_other(tmp_path, monkeypatch, capsys):
    def broken(found):
        raise RuntimeError("no ink")

    monkeypatch.setattr(estimate_against_axis, "plot", broken)
    code, _ = run(tmp_path, SMALL, SWEEP, plots=["estimate_against_axis", "estimate_against_step"])
    assert code == 1
    assert all_files(tmp_path) == FILES | {"plots/estimate_against_step.png", "plots/estimate_against_step.svg"}
    assert "no ink" in (tmp_path / "run.log").read_text()
    assert "plot estimate_against_axis failed" in capsys.readouterr().err


def test_report_that_fails_costs_nothing_else(tmp_path, monkeypatch, capsys):
    def broken(found):
        raise RuntimeError("no page")

    monkeypatch.setattr("mi_cli.report.page.view", broken)
    code, rows = run(tmp_path, SMALL)
    assert (code, rows[0]["status"]) == (1, "ok")
    assert all_files(tmp_path) == FILES - {"report.html"}
    assert "RuntimeError: no page" in (tmp_path / "run.log").read_text()
    assert f"report.html failed; see {tmp_path / 'run.log'}" in capsys.readouterr().err


def test_plots_are_imported_one_after_another_before_they_are_drawn(tmp_path, monkeypatch):
    imported, threads = [], []
    real = publish.plot_function

    def alone(name):
        imported.append(name)
        threads.append(threading.current_thread())
        return real(name)

    monkeypatch.setattr(publish, "plot_function", alone)
    plots = ["estimate_against_axis", "estimate_against_step", "estimate_heat_map"]
    code, _ = run(tmp_path, SMALL, SWEEP, plots=plots)
    assert code == 0
    assert imported[: len(plots)] == plots
    assert len(set(threads[: len(plots)])) == 1  # two threads that import matplotlib at once see halves of it
    assert set(imported) == set(imported[: len(plots)])


def test_disk_that_is_full_ends_the_run_at_once(tmp_path, monkeypatch):
    added = Journal.add

    def full(journal, entries):
        added(journal, entries)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "add", full)
    begun = time.perf_counter()
    line = f"{tmp_path} cannot be written to (No space left on device); 0 of 2 trials are kept there, and "
    with pytest.raises(OutputError, match=re.escape(f"{line}mi-run resume={tmp_path} goes on from them")):
        run(tmp_path, SMALL, {"training": {"steps": [20, 10**6]}})
    assert time.perf_counter() - begun < 10 * slowdown()  # of the second stack's many minutes


def test_loggers_are_left_as_they_were(tmp_path):
    before = [list(logging.getLogger(name).handlers) for name in ("mi_cli", "py.warnings")]
    run(tmp_path)
    assert [list(logging.getLogger(name).handlers) for name in ("mi_cli", "py.warnings")] == before


def test_warnings_of_workers_go_to_the_log_and_reasons_are_short(tmp_path):
    code, rows = run(tmp_path, COMPARE, {"noise": {"scale": [1e200]}, "seed": [0, 1]}, threads=2)
    assert code == 1
    assert [row["status"] for row in rows] == ["failed", "failed"]
    for row in rows:
        assert row["reason"].startswith("ValueError: Input X contains NaN.")
        assert len(row["reason"]) <= 200
    assert "RuntimeWarning" in (tmp_path / "run.log").read_text()


def test_notice_is_one_line(tmp_path, capsys):
    notice = "something that takes more than eighty columns to be said, which a pipe has no need to wrap at all"
    run_config(values(), tmp_path, notices=[notice])
    assert capsys.readouterr().err.splitlines() == [f"mi-run: {notice}", f"mi-run: folder: {tmp_path}"]


# Interruption


@pytest.mark.parametrize(
    ("threads", "steps"),
    [(1, [20, 10**6]), (2, [20, 10**6]), (1, [20, 10**6, 2 * 10**6])],
    ids=["1", "2", "1, waiting"],
)
def test_interruption_keeps_finished_trials(tmp_path, monkeypatch, capsys, threads, steps):
    """It ends the stack that trains, and waits for none that has not begun."""
    waited, submit, pools, begun = scheduler.wait, workers.Workers.submit, [], []

    def submitted(pool, *given, **more):
        pools.append(pool)
        return submit(pool, *given, **more)

    def interrupted(pending, **more):
        done = waited(pending, **more)
        if len(pending) == len(steps) - 1 and not begun:  # the first stack is recorded
            before = pools[0].steps
            while pools[0].steps == before:  # until the second trains
                time.sleep(0.01)
            begun.append(time.perf_counter())
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(workers.Workers, "submit", submitted)
    monkeypatch.setattr(scheduler, "wait", interrupted)
    monkeypatch.setattr(scheduler, "_STOP_SECONDS", 60)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SMALL, {"training": {"steps": steps}}, threads=threads)
    assert time.perf_counter() - begun[0] < 2 * slowdown()
    rows = rows_of(tmp_path)
    assert [f"{row['trial']} {row['status']} {row['training.steps']}" for row in rows] == ["0 ok 20"]
    files = {name for name in all_files(tmp_path) if not name.startswith("checkpoints/")}
    assert files == FILES - {"summary.json", "report.html"}
    assert len(list(tmp_path.glob("checkpoints/*/going_on.npz"))) == 1
    assert strict_json(tmp_path / "provenance.json")["status"] == "interrupted"
    assert Records(tmp_path).history["trial"].unique().to_list() == [0]
    assert f"interrupted; 1 of {len(steps)} trials are finished, in {tmp_path}" in capsys.readouterr().err


def test_interruption_waits_until_the_tables_are_written(tmp_path, monkeypatch, capsys):
    """Polars panics where Python code that it calls raises."""
    write_frame, written = results.write_frame, []

    def interrupted(path, frame):
        if not written:
            os.kill(os.getpid(), signal.SIGINT)
        write_frame(path, frame)
        written.append(path.name)

    monkeypatch.setattr(results, "write_frame", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SMALL, {"training": {"steps": [20, 10**6]}})
    assert written == ["history.parquet", "history.parquet"]  # in full, and once more at the end
    assert Records(tmp_path).history["trial"].unique().to_list() == [0]
    assert f"interrupted; 1 of 2 trials are finished, in {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("threads", [1, 2])
def test_interrupted_command_ends_within_two_seconds(tmp_path, threads):
    started = time.monotonic()
    with endless_command(tmp_path / "here", threads) as process:
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, err = process.communicate(timeout=60)
        seconds = time.monotonic() - begun
    assert process.returncode == 130
    assert seconds < max(2, begun - started)  # to start takes three times longer than to end, however busy it is
    assert f"interrupted; 1 of 2 trials are finished, in {tmp_path / 'here'}" in err
    assert "Traceback" not in err
    (row,) = rows_of(tmp_path / "here")
    assert (row["status"], row["training.steps"]) == ("ok", "20")
    assert not [name for name in all_files(tmp_path / "here") if name.startswith(".")]


# Stacks


def test_trials_of_one_shape_are_one_stack():
    found = stacks.stacks(trials(SMALL, {"estimator": {"hidden": [[8], [9]]}, **SWEEP}), workers=1)
    assert [[trial.index for trial in stack.trials] for stack in found] == [list(range(6)), list(range(6, 12))]
    assert [stack.steps for stack in found] == [360, 360]


def test_every_worker_gets_a_stack():
    found = stacks.stacks(trials(SMALL, SWEEP), workers=2)
    assert [len(stack.trials) for stack in found] == [3, 3]


def test_trials_that_share_their_training_stay_together():
    carried = stacks.stacks(trials(SMALL, SWEEP, training={"carry": "dataset.rho"}), workers=2)
    assert [[trial.config.seed for trial in stack.trials] for stack in carried] == [[0] * 3, [1] * 3]
    assert [stack.steps for stack in carried] == [180, 180]
    shared = stacks.stacks(trials(COMPARE, {"split": {"labelled": [20, 40]}, "seed": [0, 1]}), workers=2)
    assert [len(stack.trials) for stack in shared] == [2, 2]
    assert [stack.steps for stack in shared] == [40, 40]  # one encoder for both numbers of labels


def test_plan_trains_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plan(expand(values(SMALL, SWEEP, threads=2)))
    out = capsys.readouterr().out
    assert "6 trials" in out
    assert "2 stacks on 2 threads" in out
    assert "evaluation, probes and plots come on top" in out
    assert "dataset.rho" in out
    assert list(tmp_path.iterdir()) == []
