"""What a run leaves on disk."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from examples import COMPARE, SMALL, trials

from mi_cli.procedures.base import Outcome
from mi_cli.records import results
from mi_cli.records.results import Records

COLUMNS = (
    "trial status reason seed dataset estimator method {axes}rows true_mi estimate stderr ci_low ci_high lower p_value "
    "kind ceiling effective critic_mi critic_stderr test_mi train_mi val_mi rise drift misfit test_mse split_mse "
    "test_r2 test_accuracy test_balanced_accuracy test_log_loss val_loss labels source target lag "
    "source_history target_history null_mean p_corrected rank gain frequency steps seconds fingerprint"
)


def columns(*axes):
    return COLUMNS.format(axes="".join(f"{axis} " for axis in axes)).split(" ")


def outcome(trial, method="mine", history=None, **fields):
    return Outcome(trial, {method: {"status": "ok", "reason": "", **fields}}, history or {})


def written(path, outcomes, axes):
    rows = [row for found in outcomes for row in results.result_rows(found, 1.5)]
    results.write_results(path, rows, axes)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_of_the_results(tmp_path):
    sweep = {"dataset": {"rho": [0.2, 1.0]}, "seed": [0, 7]}
    found = trials(SMALL, sweep)
    outcomes = [outcome(trial, estimate=0.1, true_mi=math.inf) for trial in found]
    rows = written(tmp_path / "results.csv", outcomes, ["dataset.rho", "seed"])
    assert list(rows[0]) == columns("dataset.rho")  # the seed has its column already
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3"]
    assert [f"{row['dataset.rho']} {row['seed']}" for row in rows] == ["0.2 0", "0.2 7", "1.0 0", "1.0 7"]
    assert rows[0] | {"stderr": "", "seconds": "1.5", "true_mi": "inf", "estimate": "0.1"} == rows[0]
    assert (rows[0]["dataset"], rows[0]["estimator"], rows[0]["method"]) == ("gaussian", "mine", "mine")


def test_axes_that_are_groups_or_lists_fit_a_cell(tmp_path):
    options = [{"option": "wide", "name": "mine", "hidden": [9]}, {"option": "dv", "name": "dv", "hidden": [9]}]
    found = trials(SMALL, {"estimator": options, "representation": {"hidden": [[5, 5], [7]]}})
    rows = written(tmp_path / "results.csv", map(outcome, found), ["estimator", "representation.hidden"])
    assert list(rows[0]) == columns("representation.hidden")
    assert [row["estimator"] for row in rows] == ["wide", "wide", "dv", "dv"]
    assert [json.loads(row["representation.hidden"]) for row in rows[:2]] == [[5, 5], [7]]


def test_floats_survive_and_what_does_not_apply_is_empty(tmp_path):
    (trial,) = trials()
    values = {"estimate": 0.1 + 0.2, "stderr": 1e-300, "ci_low": -math.inf, "ci_high": math.nan}
    (row,) = written(tmp_path / "results.csv", [outcome(trial, ceiling=None, steps=3, **values)], [])
    assert float(row["estimate"]) == 0.1 + 0.2
    assert float(row["stderr"]) == 1e-300
    assert row["ci_low"] == "-inf"
    assert (row["ci_high"], row["ceiling"], row["steps"]) == ("", "", "3")


def test_reason_may_be_any_text(tmp_path):
    (trial,) = trials()
    text = 'a "quoted", long\nreason − ρ'
    (row,) = written(tmp_path / "results.csv", [outcome(trial, reason=text)], [])
    assert row["reason"] == text


def test_unknown_field_is_an_error(tmp_path):
    (trial,) = trials()
    with pytest.raises(ValueError, match="nonsense"):
        written(tmp_path / "results.csv", [outcome(trial, nonsense=1)], [])


def test_methods_that_time_themselves_keep_their_seconds():
    (trial,) = trials()
    rows = results.result_rows(Outcome(trial, {"a": {"status": "ok"}, "b": {"status": "ok", "seconds": 0.5}}), 2.0)
    assert [row["seconds"] for row in rows] == [2.0, 0.5]


def test_failed_trial_has_a_row():
    (trial,) = trials(COMPARE)
    row = results.failed_row(trial, "KeyError: 'x'", 3.0)
    assert (row["status"], row["reason"], row["method"], row["seconds"]) == ("failed", "KeyError: 'x'", "", 3.0)


def trace(steps, values):
    return np.array(steps), np.array(values, dtype=np.float32)


def test_history_has_a_row_for_each_step_at_which_something_was_measured():
    frame = results.history_frame({
        4: {"train_mi": trace([10, 20], [1, 2]), "val_mi": trace([20], [5])},
        1: {"train_mi": trace([10, 20], [0.5, np.nan])},
        2: {},
    })  # fmt: skip
    assert frame.schema == {"trial": pl.Int64, "step": pl.Int64, "train_mi": pl.Float64, "val_mi": pl.Float64}
    assert frame.rows() == [(1, 10, 0.5, None), (1, 20, None, None), (4, 10, 1.0, None), (4, 20, 2.0, 5.0)]


def test_table_is_a_csv(tmp_path):
    path = tmp_path / "tables" / "one.csv"
    results.write_table(path, [{"method": "mine", "error": 0.1, "bias": None}])
    assert path.read_text(encoding="utf-8") == "method,error,bias\nmine,0.1,\n"
    results.write_table(path, [])
    assert path.read_text(encoding="utf-8") == "\n"


def test_history_of_nothing_is_empty():
    for nothing in ({}, {0: {}}):
        frame = results.history_frame(nothing)
        assert (frame.columns, len(frame)) == (["trial", "step"], 0)


def test_samples_are_first_components():
    frame = results.samples_frame({3: (np.ones(2), np.zeros(2)), 1: (np.ones(1), np.ones(1))})
    assert frame.schema == {"trial": pl.Int64, "x": pl.Float32, "y": pl.Float32}
    assert frame.rows() == [(1, 1, 1), (3, 1, 0), (3, 1, 0)]


def test_json_is_strict(tmp_path):
    path = tmp_path / "a.json"
    results.write_json(path, {"a": [math.inf, -math.inf, 1.5], "b": {"c": (None, "ρ")}, 1: True})

    def refuse(name):
        raise AssertionError(name)

    assert json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse) == {
        "a": ["inf", "-inf", 1.5], "b": {"c": [None, "ρ"]}, "1": True,
    }  # fmt: skip
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.write_json(path, {"a": math.nan})


def break_fsync(monkeypatch):
    def broken(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)


def break_replace(monkeypatch):
    def broken(path, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", broken)


@pytest.mark.parametrize(("fault", "error"), [(break_fsync, OSError), (break_replace, KeyboardInterrupt)])
@pytest.mark.parametrize("before", [None, "old\n"])
def test_file_is_whole_or_as_it_was(tmp_path, monkeypatch, fault, error, before):
    path = tmp_path / "results.csv"
    if before is not None:
        path.write_text(before)
    with monkeypatch.context() as patch:
        fault(patch)
        with pytest.raises(error):
            results.write_text(path, "new, and half wri")
    assert [file.name for file in tmp_path.iterdir()] == ([] if before is None else ["results.csv"])
    assert before is None or path.read_text() == before
    results.write_text(path, "new\n")
    assert path.read_text() == "new\n"
    assert [file.name for file in tmp_path.iterdir()] == ["results.csv"]


def test_records_are_read_as_they_were_written(tmp_path):
    found = trials(SMALL, {"dataset": {"rho": [0.2, 1.0]}, "seed": [0, 1]})
    outcomes = [outcome(t, estimate=0.25, true_mi=math.inf, kind="lower bound", steps=60) for t in found]
    written(tmp_path / "results.csv", outcomes, ["dataset.rho", "seed"])
    results.write_frame(tmp_path / "history.parquet", results.history_frame({0: {"train_mi": trace([10], [1])}}))
    samples = results.samples_frame({0: (np.ones(2), np.ones(2))})
    results.write_frame(tmp_path / "samples.parquet", samples)
    results.write_json(tmp_path / "summary.json", {"axes": ["dataset.rho"]})
    results.write_text(tmp_path / "config.yaml", "name: small\nsweep: {dataset: {rho: [0.2, 1.0]}, seed: [0, 1]}\n")
    read = Records(tmp_path)
    assert read.config["name"] == "small"
    assert read.summary["axes"] == ["dataset.rho"]
    assert read.results["true_mi"].to_list() == [math.inf] * 4
    assert read.results["estimate"].to_list() == [0.25] * 4
    assert read.results["test_mse"].to_list() == [None] * 4
    assert read.results["kind"].to_list() == ["lower bound"] * 4
    assert read.history.rows() == [(0, 10, 1.0)]
    assert len(read.samples) == 2
