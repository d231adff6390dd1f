"""What trackers get of a run, read back by their own readers."""

from __future__ import annotations

import importlib.util
import logging
import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from examples import COMPARE, SMALL, failing_at, no_rows, trials, values
from runs import run_config

from mi_cli.cli.main import main
from mi_cli.compose.resolve import resolve
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.records.results import Records
from mi_cli.registry.extras import TRACKERS, check_tracker, how_to_install
from mi_cli.trackers import mlflow_store, tensorboard_store
from mi_cli.trackers.tracked_run import TrackedRun


def missing(tracker: str) -> bool:
    return any(importlib.util.find_spec(module) is None for module in TRACKERS[tracker])


needs_mlflow = pytest.mark.skipif(missing("mlflow"), reason="needs pip install '.[mlflow]'")
needs_tensorboard = pytest.mark.skipif(missing("tensorboard"), reason="needs pip install '.[tensorboard]'")
theirs = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SWEEP = {"dataset": {"rho": [0.4, 0.6]}, "seed": [0, 1]}
PLOTS = ["estimate_against_axis"]


def run(tmp_path: Path, tracker: str | None, base: Any = SMALL, sweep: Any = SWEEP, **more: Any) -> tuple[int, Path]:
    folder = tmp_path / "run"
    folder.mkdir()
    config = values(base, sweep, tracker=tracker, output_root=str(tmp_path), name="tracked", **more)
    return run_config(config, folder), folder


def tracked(folder: Path) -> TrackedRun:
    return TrackedRun(folder, trials(sweep=SWEEP, name="tracked"))


# What a tracker gets


def test_a_run_is_tracked_from_its_records(tmp_path):
    _, folder = run(tmp_path, None, plots=PLOTS)
    found = tracked(folder)
    assert found.experiment == "tracked"
    assert set(found.tags) == {"experiment", "variant", "budget", "folder", "command", "version", "commit"}
    assert found.tags["folder"] == str(folder)
    assert (found.metrics["trials"], found.metrics["trials_ok"]) == (4, 4)
    assert [path.name for path in found.figures] == ["estimate_against_axis.png"]
    assert [path.name for path in found.files] == ["config.yaml", "results.csv", "summary.json"]
    rows = Records(folder).results
    for index, trial in enumerate(found.trials):
        assert (trial.name, trial.ok, trial.steps) == (f"trial {index}", True, 60)
        assert trial.tags == {"status": "ok", "reason": "", "fingerprint": found.configs[index].fingerprint}
        assert (trial.parameters["seed"], trial.parameters["estimator.hidden"]) == (index % 2, "[8, 8]")
        assert trial.parameters["dataset.rho"] == (0.4, 0.6)[index // 2]
        assert trial.metrics["estimate"] == rows["estimate"][index]
        assert {"stderr", "ci_low", "ci_high", "true_mi", "val_mi"} <= set(trial.metrics)
        assert trial.history["step"].to_list()[-1] == 60


def test_methods_beside_the_trained_one_have_their_name_before_their_numbers(tmp_path):
    _, folder = run(tmp_path, None, COMPARE, {"seed": [0]})
    (trial,) = TrackedRun(folder, trials(COMPARE, {"seed": [0]})).trials
    assert {"estimate", "test_mse", "split_mse", "ridge/test_mse", "pca/split_mse"} <= set(trial.metrics)
    assert trial.tags["true_mi"] == "inf"
    assert all(math.isfinite(value) for value in trial.metrics.values())


def test_a_failed_trial_is_tracked_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(Gaussian, "sample", failing_at(0.4, no_rows))
    code, folder = run(tmp_path, None)
    assert code == 1
    first, *_, last = tracked(folder).trials
    assert (first.ok, first.tags["status"], first.steps) == (False, "failed", 0)
    assert "no such rows" in first.tags["reason"]
    assert first.history.is_empty()
    assert last.ok


# What can go wrong


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_missing_library_is_a_fault_of_the_config(tracker, here, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    with pytest.raises(ConfigError) as caught:
        resolve(["experiment=gaussian_sweep", f"tracker={tracker}"])
    needs = f"needs {listed(TRACKERS[tracker], 'and')}"
    assert caught.value.faults == (Fault("tracker", tracker, needs, command=how_to_install(tracker)),)
    monkeypatch.undo()
    assert check_tracker(None) is None


def test_no_such_tracker(here, capsys):
    assert main(["experiment=gaussian_sweep", "tracker=wandb"]) == 2
    assert capsys.readouterr().err == "mi-run: tracker=wandb: must be mlflow or tensorboard or null\n"


def test_a_tracker_that_fails_leaves_the_run(tmp_path, monkeypatch, capsys):
    def fail(run: TrackedRun) -> None:
        raise OSError("the store is full")

    monkeypatch.setattr(tensorboard_store, "write", fail)
    code, folder = run(tmp_path, "tensorboard")
    assert code == 1
    out, err = capsys.readouterr()
    assert f"mi-run: tracker tensorboard failed; see {folder / 'run.log'}" in err
    assert f"results: {folder}" in out
    assert "the store is full" in (folder / "run.log").read_text(encoding="utf-8")
    assert len(Records(folder).results) == 4


def test_the_tracker_does_not_change_a_trials_fingerprint():
    (plain,), (tracked,) = trials(), trials(tracker="mlflow")
    assert plain.fingerprint == tracked.fingerprint


def test_the_local_store_has_a_write_ahead_log(tmp_path):
    assert mlflow_store.local_store(tmp_path / "new") == f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
    with sqlite3.connect(tmp_path / "new" / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# MLflow


@needs_mlflow
@theirs
def test_mlflow_has_a_run_with_a_child_for_each_trial(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.delenv(mlflow_store.URI, raising=False)
    code, folder = run(tmp_path, "mlflow", plots=PLOTS)
    assert code == 0
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tracked")
    (parent,) = client.search_runs([experiment.experiment_id], "tags.variant = 'corrected'")
    assert parent.data.tags["folder"] == str(folder)
    assert (parent.info.status, parent.data.metrics["trials"]) == ("FINISHED", 4)
    kept = Path(client.download_artifacts(parent.info.run_id, ""))
    assert {path.name for path in kept.rglob("*") if path.is_file()} == {
        *("config.yaml", "results.csv", "summary.json", "estimate_against_axis.png")
    }
    assert yaml.safe_load((kept / "config.yaml").read_text(encoding="utf-8"))["name"] == "tracked"
    query = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    children = client.search_runs([experiment.experiment_id], query, order_by=["attributes.run_name"])
    for child, trial in zip(children, tracked(folder).trials, strict=True):
        assert (child.info.run_name, child.info.status) == (trial.name, "FINISHED")
        assert child.data.tags["fingerprint"] == trial.tags["fingerprint"]
        assert child.data.params == {key: str(value) for key, value in trial.parameters.items()}
        assert trial.metrics.items() <= child.data.metrics.items()
        trace = client.get_metric_history(child.info.run_id, "history/val_mi")
        expected = trial.history.select("step", "val_mi").drop_nulls()
        assert [(point.step, point.value) for point in trace] == expected.rows()


@needs_mlflow
@theirs
def test_mlflow_goes_where_the_user_says(tmp_path, monkeypatch):
    import mlflow

    uri = mlflow_store.local_store(tmp_path / "own")
    monkeypatch.setenv(mlflow_store.URI, uri)
    monkeypatch.chdir(tmp_path)  # where mlflow puts files that have no other place
    code, _ = run(tmp_path, "mlflow")
    assert code == 0
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
    assert mlflow.MlflowClient(tracking_uri=uri).get_experiment_by_name("tracked") is not None


# TensorBoard


@needs_tensorboard
@theirs
def test_tensorboard_has_a_file_for_the_run_and_for_each_trial(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    code, folder = run(tmp_path, "tensorboard", plots=PLOTS)
    assert code == 0
    of_run = EventAccumulator(str(folder / "tensorboard" / "run")).Reload()
    assert of_run.Scalars("trials")[0].value == 4
    assert of_run.Tags()["images"] == ["plots/estimate_against_axis"]
    assert {"run/text_summary", "config.yaml/text_summary"} <= set(of_run.Tags()["tensors"])
    for index, trial in enumerate(tracked(folder).trials):
        events = EventAccumulator(str(folder / "tensorboard" / f"trial_{index}")).Reload()
        assert events.Scalars("estimate")[0].value == pytest.approx(trial.metrics["estimate"])
        assert events.Scalars("estimate")[0].step == 60
        trace = [(point.step, point.value) for point in events.Scalars("history/val_mi")]
        assert trace == [
            (step, pytest.approx(value)) for step, value in trial.history.select("step", "val_mi").drop_nulls().rows()
        ]
        content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        parameters = HParamsPluginData.FromString(content).session_start_info.hparams
        assert parameters["dataset.rho"].number_value == (0.4, 0.6)[index // 2]
        assert parameters["estimator.name"].string_value == "mine"
