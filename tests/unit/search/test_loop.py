"""A search: what it may choose from, what it is judged by, how it goes on, and what it leaves."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from examples import COMPARE, SMALL, config, failing_at, merged, no_rows, trials, values
from runs import run_config

from mi_cli.cli.arguments import arguments
from mi_cli.cli.main import main
from mi_cli.compose.resolve import resolve
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import ConfigError
from mi_cli.records.journal import recorded_entries
from mi_cli.records.results import Records
from mi_cli.report.collect import read
from mi_cli.runs import runner
from mi_cli.schema.search_space import Search
from mi_cli.search import candidates, loop, objective
from mi_cli.search.candidates import Space
from mi_cli.search.objective import Judge
from mi_cli.search.storage import check_storage

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="needs pip install 'mi-cli[search]'"
)

LR = {"low": 1e-3, "high": 0.1, "log": True}
SWEEP = {"estimator": {"hidden": [[8], [4, 4]]}, "seed": [0, 1]}


def prepared(base: Any = SMALL, sweep: Any = SWEEP, space: Any = None, **section: Any) -> dict[str, Any]:
    """A config that asks for a search, as ``resolve`` leaves it."""
    section = {"name": "optuna", "trials": 4, "batch": 2, "space": space or {}} | section
    found = values(base, sweep) | {"search": section}
    return candidates.prepare(found, {}).values


def run(folder: Path, found: dict[str, Any]) -> tuple[int, list[dict[str, str]], dict[str, Any]]:
    folder.mkdir()
    code = run_config(found, folder)
    return code, rows_of(folder), json.loads((folder / "search.json").read_text(encoding="utf-8"))


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def resolved(*typed: str) -> dict[str, Any]:
    return resolve(arguments(["experiment=gaussian_sweep", "search=optuna", *typed]).overrides).values


def faults(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        resolved("dataset.rho=0.6", *overrides)
    return str(caught.value)


# What there is to choose


def test_axes_of_the_method_are_chosen_and_the_others_repeated():
    space = Space.of(prepared(sweep=SWEEP | {"dataset": {"rho": [0.2, 0.4]}}, space={"training": {"lr": LR}}))
    assert list(space.lists) == ["estimator.hidden"]
    assert list(space.ranges) == ["training.lr"]
    assert space.repeated == {"seed": [0, 1], "dataset.rho": [0.2, 0.4]}
    assert space.size is None
    found = space.trials({"estimator.hidden": [4, 4], "training.lr": 0.02}, number=3)
    assert [trial.index for trial in found] == [12, 13, 14, 15]
    assert found[1].axes == {"estimator.hidden": [4, 4], "training.lr": 0.02, "seed": 0, "dataset.rho": 0.4}
    assert (found[1].config.training.lr, found[1].config.search.name) == (0.02, "none")


def test_what_the_space_lists_is_chosen_whatever_it_is():
    found = prepared(space={"dataset": {"rho": [0.2, 0.4]}})
    assert found["search"]["repeat"] == ["seed"]
    assert found["search"]["space"] == {}
    assert list(Space.of(found).lists) == ["estimator.hidden", "dataset.rho"]
    assert candidates.prepare(found, {}) == candidates.Prepared(found, {}, [])  # what was prepared stays as it is
    assert list(Space.of(found).lists) == ["estimator.hidden", "dataset.rho"]


def test_a_range_takes_the_place_of_an_axis():
    found = prepared(sweep={"training": {"lr": [0.1]}, "seed": [0]}, space={"training": {"lr": LR}})
    assert found["sweep"] == {"seed": [0]}


def test_options_of_a_group_are_chosen_with_their_values():
    options = [{"option": "dv", "name": "dv", "hidden": [8]}, {"name": "mine", "hidden": [4]}]
    space = Space.of(prepared(sweep={"estimator": options}))
    (trial,) = space.trials({"estimator": options[1]})
    assert (trial.axes, trial.config.estimator.name) == ({"estimator": "mine"}, "mine")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ((), "search=optuna: there is nothing to choose; accepted: axes, or"),
        (("search.space.training.lr={low: 2, high: 1}",), "lr={low: 2, high: 1}: low must be below high"),
        (("search.space.training.lr={low: 0, high: 1, log: true}",), "low must be above 0"),
        (("search.space.training.batch={low: 8, high: 9.5, int: true}",), "must be whole numbers where int is true"),
        (("search.space.training.batch={low: 8, high: 64}",), "training.batch=29.392: must be a whole number"),
        (
            ("search.space.training.lr={low: 1, hig: 2}",),
            "training.lr.high: is missing; accepted: a number",
        ),
        (("search.space.training.lr={low: x, high: 2}",), "search.space.training.lr.low=x: must be a number"),
        (("search.space.training.nope=[1,2]",), "search.space.training.nope=[1, 2]: no such value in the config"),
        (("search.space.training.lr=[]",), "search.space.training.lr=[]: is empty; accepted: at least one value"),
        (("search.space.training.lrr={low: 1, high: 2}",), "lrr={low: 1, high: 2}: no such value in the config"),
        (("search.space.training.lr=0.3",), "search.space.training.lr=0.3: must be a list, or a range such as"),
        (("search.space.training.lr={low: -1, high: 1}",), "training.lr=-1.0: must be a number above 0"),
        (("search.space.seed={low: 0, high: 9, int: true}",), "search.space.seed: a seed is no setting"),
        (("sweep.training.lr=[1e-3,1e-2]", "search.trials=0"), "search.trials=0: must be a whole number of at least 1"),
        (("sweep.training.lr=[1e-3,1e-2]", "search.rungs=[0.5,0.2]"), "search.rungs=[0.5, 0.2]: must ascend"),
        (("sweep.training.lr=[1e-3,1e-2]", "search.repeat=[nope]"), "search.repeat=[nope]: nope is no axis; accepted:"),
        (
            ("sweep.training.lr=[1e-3,1e-2]", "search.objective=test_mse"),
            "must be val_mi, val_mse or split_mse or null",
        ),
        (("sweep.training.lr=[1e-3,1e-2]", "search.objective=split_mse"), "procedure=estimate predicts nothing"),
        (("sweep.training.lr=[1e-3,-1e-2]",), "training.lr=-0.01: must be a number above 0"),
        (("sweep.estimator=[smile,dv]",), "search.direction=null: estimator=smile is no lower bound"),
        (
            ("sweep.estimator=[ksg]", "dataset.n_samples=500"),
            "search.objective=val_mi: estimator=ksg has no validation",
        ),
        (
            ("sweep.training.steps=[5,6]", "training.carry=training.steps"),
            "training.carry=training.steps: is for a sweep",
        ),
    ],
)
def test_what_cannot_be_searched(overrides, line, here):
    assert line in faults(*overrides)


@needs_optuna
def test_the_folder_of_a_storage_must_be_there(here):
    line = "search.storage=nowhere/a: accepted: a file in a folder that is there, or an address"
    assert faults("sweep.training.lr=[1e-3,1e-2]", "search.storage=nowhere/a") == line


def test_a_space_without_a_search(here, capsys):
    assert main(["experiment=gaussian_sweep", "search.space.training.lr=[0.1,0.2]"]) == 2
    expected = "mi-run: search.space.training.lr=[0.1, 0.2]: there is no search; accepted: search=optuna\n"
    assert capsys.readouterr().err == expected


@needs_optuna
def test_what_is_typed_goes_before_what_the_experiment_says(here):
    typed = ("search.space.training.lr={low: 1e-3, high: 0.1}", "dataset.rho=0.6", "budget=smoke")
    found = resolved(*typed)
    assert found["search"]["repeat"] == ["seed"]
    assert (found["search"]["trials"], found["claims"]) == (4, [])  # as the budget has it
    assert resolved(*typed, "search.trials=9")["search"]["trials"] == 9


def test_without_optuna_it_is_told_before_anything_is_run(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    with pytest.raises(ConfigError, match=r"^search=optuna: needs optuna; pip install 'mi-cli\[search\]'$"):
        check_storage(None, plan=False)


def test_a_search_is_no_part_of_a_trials_science():
    (plain,), (searched,) = trials(), trials(search={"name": "optuna"})
    assert plain.fingerprint == searched.fingerprint


# What it is judged by


def test_objectives_by_procedure():
    fresh = config(COMPARE)
    assert Judge.of(Search(), config()) == Judge("val_mi", maximise=True)
    assert Judge.of(Search(), fresh) == Judge("split_mse", maximise=False)
    assert Judge.of(Search(), config(merged(COMPARE, {"split": {"fresh": 0}}))) == Judge("val_mi", maximise=True)
    assert Judge.of(Search(direction="minimise"), config()) == Judge("val_mi", maximise=False)


def test_errors_on_the_test_rows_are_no_objective():
    found = prepared(merged(COMPARE, {"split": {"fresh": 0}}), {"training": {"lr": [0.1, 0.2]}}, objective="split_mse")
    with pytest.raises(ConfigError, match=r"search\.objective=split_mse: needs rows to test the best point on"):
        candidates.expand(found)


def test_the_objective_is_the_mean_over_what_is_repeated():
    pair = trials(sweep={"seed": [0, 1]})
    rows = {
        i: [{"status": "ok", "reason": "", "method": "mine", "val_mi": value}] for i, value in enumerate((1.0, 2.0))
    }
    judge = Judge("val_mi", maximise=True)
    assert judge.value(pair, rows, {}) == (1.5, "")
    rows[1][0] |= {"status": "diverged", "reason": "NaN"}
    assert judge.value(pair, rows, {}) == (None, "trial 1 diverged: NaN")
    rows[1][0] |= {"status": "ok", "val_mi": math.nan}
    assert judge.value(pair, rows, {}) == (None, "trial 1 has no val_mi")


def test_the_error_on_validation_rows_is_that_of_the_checkpoint():
    (trial,) = trials(COMPARE)
    steps = np.array([10, 20, 30])
    history = {"val_mi": (steps, np.array([0.1, 0.3, 0.2])), "val_mse": (steps, np.array([3.0, 2.0, 1.0]))}
    rows = {0: [{"status": "ok", "reason": "", "method": "ridge"}, {"status": "ok", "method": "mi_encoder"}]}
    assert Judge("val_mse", maximise=False).value([trial], rows, {0: history}) == (2.0, "")
    (last,) = trials(COMPARE, training={"checkpoint": "last"})
    assert Judge("val_mse", maximise=False).value([last], rows, {0: history}) == (1.0, "")


def test_a_test_value_has_an_interval_over_trials_or_that_of_its_only_one():
    rows = [{"estimate": 1.0, "ci_low": 0.5, "ci_high": 1.5}, {"estimate": 3.0, "ci_low": 2.5, "ci_high": 3.5}]
    alone, both = objective.tested(rows[:1], "estimate", 0.95), objective.tested(rows, "estimate", 0.95)
    assert alone is not None
    assert both is not None
    assert (alone["mean"], alone["ci_low"], alone["ci_high"]) == (1.0, 0.5, 1.5)
    assert both["mean"] == 2.0
    assert both["ci_low"] < 1.0
    assert objective.tested(rows, "test_mse", 0.95) is None


# What it leaves


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
    assert "on test rows, which had no say" in out
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
    """Its batch was trained and not told yet: points and rows are those of a search that was not killed."""
    given = {
        "space": {"training": {"lr": LR}}, "trials": 5, "batch": 5, "sampler": "random", "pruner": pruner,
    }  # fmt: skip
    expected = run(tmp_path / "whole", prepared(**given))
    found = prepared(**given)

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
    code, rows, told = expected
    assert code == 0
    after = rows_of(folder)
    assert seconds & {float(row["seconds"]) for row in after}  # they were not trained again
    told_of = ("status", "training.lr", "estimator.hidden", "seed", "val_mi", "estimate")
    assert sorted([row[key] for key in told_of] for row in after) == sorted(
        [row[key] for key in told_of] for row in rows
    )
    best = json.loads((folder / "search.json").read_text())["best"]
    assert (best["parameters"], best["value"]) == (told["best"]["parameters"], told["best"]["value"])


@needs_optuna
def test_a_search_that_goes_further_says_so_in_its_config_and_its_report(tmp_path):
    """Two choices in all: most points are the same as one before, and have no trials of their own."""
    given = {"sampler": "random", "batch": 4}
    run(tmp_path / "a", prepared(trials=4, **given))
    assert run_config(prepared(trials=6, **given), tmp_path / "a", resume=True) == 0
    assert yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())["search"]["trials"] == 6
    found = read(tmp_path / "a")
    assert (found.state, found.done, found.wanted) == ("finished", 4, 4)
    (tmp_path / "a" / "provenance.json").unlink()
    assert (read(tmp_path / "a").state, read(tmp_path / "a").wanted) == ("running or killed", 12)


@needs_optuna
def test_another_question_is_another_study(tmp_path):
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
def test_points_that_fall_behind_are_left_at_a_share_of_their_steps(tmp_path):
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
def test_a_failed_point_is_recorded_and_costs_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(Gaussian, "sample", failing_at(0.4, no_rows))
    found = prepared(sweep={"seed": [0]}, space={"dataset": {"rho": [0.2, 0.4]}}, trials=6, batch=2)
    code, rows, after = run(tmp_path / "run", found)
    assert code == 1
    assert sorted(row["status"] for row in rows) == ["failed", "ok"]
    assert after["points"]["failed"] >= 1
    assert after["best"]["parameters"] == {"dataset.rho": 0.2}


@needs_optuna
def test_a_comparison_is_searched_by_errors_that_are_not_those_reported(tmp_path):
    found = prepared(COMPARE, {"training": {"lr": [0.001, 0.02]}, "seed": [0]}, trials=2)
    code, rows, after = run(tmp_path / "run", found)
    assert code == 0
    own = [row for row in rows if row["method"] == "mi_encoder"]
    assert after["objective"] == "split_mse"
    assert after["best"]["value"] == pytest.approx(min(float(row["split_mse"]) for row in own))
    assert set(after["test"]) == {"estimate", "test_mse"}


@needs_optuna
def test_a_storage_that_cannot_be_used(tmp_path):
    (tmp_path / "study").write_text("this is no journal\n")
    (tmp_path / "run").mkdir()
    found = prepared(storage=str(tmp_path / "study"))
    with pytest.raises(ConfigError, match=r"search\.storage=.*study: cannot be opened \("):
        run_config(found, tmp_path / "run")


@needs_optuna
@pytest.mark.parametrize("storage", ["foo://", "postgresql://nobody@localhost:1/x", "table.csv", "sqlite:////no/x.db"])
def test_a_storage_that_cannot_be_used_leaves_nothing(here, capsys, storage):
    Path("table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    given = ["experiment=gaussian_sweep", "search=optuna", "sweep.training.lr=[1e-3,1e-2]"]
    assert main([*given, f"search.storage={storage}"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"mi-run: search.storage={storage}: cannot be opened (")
    assert [path.name for path in here.iterdir()] == ["table.csv"]
