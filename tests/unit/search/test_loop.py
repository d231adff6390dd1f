"""Searches that run: what they leave, how they are resumed, and what they prune."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from examples import COMPARE, failing_at, no_rows
from runs import run_config
from searches import LR, needs_optuna, prepared

from mi_cli.cli.main import main
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.execution import runner
from mi_cli.records.journal import recorded_entries
from mi_cli.records.results import Records
from mi_cli.report.recorded_run import read
from mi_cli.search import loop


def run(folder: Path, found: dict[str, Any]) -> tuple[int, list[dict[str, str]], dict[str, Any]]:
    folder.mkdir()
    code = run_config(found, folder)
    return code, rows_of(folder), json.loads((folder / "search.json").read_text(encoding="utf-8"))


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@needs_optuna
def test_a_search_leaves_results_of_all_points_and_the_best(tmp_path, capsys):
    code, rows, found = run(tmp_path / "run", prepared(space={"training": {"lr": LR}}))
    assert code == 0
    assert [int(row["trial"]) for row in rows] == list(range(8))
    assert found["points"] == {"complete": 4, "pruned": 0, "failed": 0, "repeated": 0}
    assert found["steps"] == {"trained": 8 * 60, "without_pruning": 8 * 60}
    means = [(float(rows[i]["val_mi"]) + float(rows[i + 1]["val_mi"])) / 2 for i in range(0, 8, 2)]
    assert found["best"]["value"] == pytest.approx(max(means))
    best = found["best"]["point"]
    assert best == means.index(max(means))
    assert found["best"]["parameters"]["training.lr"] == float(rows[2 * best]["training.lr"])
    estimates = [float(row["estimate"]) for row in rows[2 * best : 2 * best + 2]]
    assert found["test"]["estimate"]["values"] == pytest.approx(estimates)
    out, err = capsys.readouterr()
    assert out.rstrip().endswith(f"run it again: {found['command']}")
    assert "on test rows (not used by the search)" in out
    assert "mi-run: search: 4 of 4 points (4 complete); best val_mi" in err


@needs_optuna
def test_the_best_point_runs_again(tmp_path, here):
    _, _, found = run(tmp_path / "run", prepared(space={"training": {"lr": LR}}))
    assert main([f"--config-path={tmp_path / 'run' / 'best'}", f"hydra.run.dir={tmp_path / 'again'}"]) == 0
    with (tmp_path / "again" / "results.csv").open(encoding="utf-8", newline="") as file:
        again = [float(row["estimate"]) for row in csv.DictReader(file)]
    assert again == pytest.approx(found["test"]["estimate"]["values"], abs=1e-4)


@needs_optuna
def test_a_search_goes_on_where_another_ended(tmp_path):
    storage = str(tmp_path / "study")
    _, first, _ = run(tmp_path / "a", prepared(space={"training": {"lr": LR}}, storage=storage))
    more = prepared(space={"training": {"lr": LR}}, storage=storage, trials=6)
    code, rows, found = run(tmp_path / "b", more)
    assert code == 0
    assert len(rows) == 12
    assert rows[:8] == first
    assert len({row["training.lr"] for row in rows}) == 6
    assert (found["points"]["complete"], found["steps"]["trained"]) == (6, 4 * 60)


@needs_optuna
def test_a_search_that_is_done_says_so_and_trains_nothing(tmp_path):
    storage = str(tmp_path / "study")
    found = prepared(space={"training": {"lr": LR}}, storage=storage, trials=2)
    found["plots"] = ["estimate_against_step"]
    first, again = run(tmp_path / "a", found), run(tmp_path / "b", found)
    assert again[:2] == first[:2]
    one, other = (Records(tmp_path / name).history for name in ("a", "b"))
    assert one.equals(other)
    assert again[2]["best"] == first[2]["best"]
    assert again[2]["steps"]["trained"] == 0


@needs_optuna
def test_an_interrupted_point_is_asked_for_again(tmp_path, monkeypatch, capsys):
    storage, train = str(tmp_path / "study"), runner.train
    found = prepared(space={"training": {"lr": LR}}, storage=storage)
    calls: list[int] = []

    def interrupted(*args: Any) -> None:
        calls.append(len(args[1]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        train(*args)

    monkeypatch.setattr(runner, "train", interrupted)
    (tmp_path / "a").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run_config(found, tmp_path / "a")
    assert f"mi-run resume={tmp_path / 'a'} goes on" in capsys.readouterr().err
    code, rows, after = run(tmp_path / "b", found)
    assert code == 0
    assert after["points"]["complete"] == 4
    assert calls == [4, 4, 4]
    assert [int(row["trial"]) // 2 for row in rows[::2]] == [0, 1, 4, 5]


@needs_optuna
@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_search_that_was_killed_is_resumed(tmp_path, pruner):
    """A batch is trained and the study does not know yet: points and rows are those of a search that was not killed."""
    options = {
        "space": {"training": {"lr": LR}}, "trials": 5, "batch": 5, "sampler": "random", "pruner": pruner,
    }  # fmt: skip
    expected = run(tmp_path / "whole", prepared(**options))
    found = prepared(**options)

    class Killed(BaseException):
        pass

    def killed(self: Any, batch: Any) -> None:
        self._train([trial for candidate in batch for trial in candidate.trials])
        raise Killed

    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._Search, "_evaluate", killed)
        with pytest.raises(Killed):
            run_config(found, folder)
    seconds = {entry.rows[0]["seconds"] for entry in recorded_entries(folder).values()}
    assert run_config(found, folder, resume=True) == 0
    code, rows, summary = expected
    assert code == 0
    after = rows_of(folder)
    assert seconds & {float(row["seconds"]) for row in after}  # they were not trained again
    columns = ("status", "training.lr", "estimator.hidden", "seed", "val_mi", "estimate")
    assert sorted([row[key] for key in columns] for row in after) == sorted(
        [row[key] for key in columns] for row in rows
    )
    best = json.loads((folder / "search.json").read_text())["best"]
    assert (best["parameters"], best["value"]) == (summary["best"]["parameters"], summary["best"]["value"])


@needs_optuna
def test_a_search_that_is_resumed_with_more_trials_records_their_number(tmp_path):
    """Two choices in all: most points are the same as one before, and have no trials of their own."""
    options = {"sampler": "random", "batch": 4}
    run(tmp_path / "a", prepared(trials=4, **options))
    assert run_config(prepared(trials=6, **options), tmp_path / "a", resume=True) == 0
    assert yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())["search"]["trials"] == 6
    found = read(tmp_path / "a")
    assert (found.state, found.done, found.n_trials) == ("finished", 4, 4)
    (tmp_path / "a" / "provenance.json").unlink()
    assert (read(tmp_path / "a").state, read(tmp_path / "a").n_trials) == ("running or killed", 12)


@needs_optuna
def test_another_direction_is_another_study(tmp_path):
    storage = str(tmp_path / "study")
    one = run(tmp_path / "a", prepared(storage=storage, trials=2))[2]
    other = run(tmp_path / "b", prepared(storage=storage, trials=2, direction="minimise"))[2]
    assert one["study"] != other["study"]
    assert other["points"]["complete"] == 2


@needs_optuna
def test_points_that_are_the_same_are_trained_once(tmp_path):
    code, rows, found = run(tmp_path / "run", prepared(trials=6, batch=3))
    assert code == 0
    assert len(rows) == 4  # the space has two points of two seeds
    assert (found["points"]["complete"], found["points"]["repeated"]) == (2, 4)


@needs_optuna
def test_points_that_fall_behind_are_pruned_after_a_share_of_their_steps(tmp_path):
    found = prepared(
        sweep={"seed": [0]}, space={"training": {"lr": LR | {"low": 1e-6}}}, pruner="median", trials=12, batch=4
    )
    code, rows, after = run(tmp_path / "run", found)
    assert code == 0
    pruned = [row for row in rows if row["status"] == "pruned"]
    assert len(pruned) == after["points"]["pruned"] > 0
    assert {row["steps"] for row in pruned} == {"15"}
    assert {row["steps"] for row in rows if row["status"] == "ok"} == {"60"}
    assert pruned[0]["reason"].endswith("after 0.25 of the steps is behind the median")
    assert after["steps"] == {"trained": 12 * 15 + (12 - len(pruned)) * 60, "without_pruning": 12 * 60}


@needs_optuna
def test_a_failed_point_is_recorded_and_the_others_are_run(tmp_path, monkeypatch):
    monkeypatch.setattr(Gaussian, "sample", failing_at(0.4, no_rows))
    found = prepared(sweep={"seed": [0]}, space={"dataset": {"rho": [0.2, 0.4]}}, trials=6, batch=2)
    code, rows, after = run(tmp_path / "run", found)
    assert code == 1
    assert sorted(row["status"] for row in rows) == ["failed", "ok"]
    assert after["points"]["failed"] >= 1
    assert after["best"]["parameters"] == {"dataset.rho": 0.2}


@needs_optuna
def test_the_objective_of_a_comparison_is_not_a_reported_error(tmp_path):
    found = prepared(COMPARE, {"training": {"lr": [0.001, 0.02]}, "seed": [0]}, trials=2)
    code, rows, after = run(tmp_path / "run", found)
    assert code == 0
    own = [row for row in rows if row["method"] == "mi_encoder"]
    assert after["objective"] == "split_mse"
    assert after["best"]["value"] == pytest.approx(min(float(row["split_mse"]) for row in own))
    assert set(after["test"]) == {"estimate", "test_mse"}
