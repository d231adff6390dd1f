"""Runs are named by the fewest settings that tell them apart, then by date or folder."""

from __future__ import annotations

import pytest
from runs import leave_run

from mi_cli.report.collect import collect
from mi_cli.report.run_names import settings_of

ONE_TRIAL = {"seed": [0]}


def names(folder):
    return [run.name for run in collect([folder]).runs]


def leave(folder, **config):
    return leave_run(folder, ONE_TRIAL, plots=(), **config)


def test_the_setting_that_differs_is_the_name(tmp_path):
    leave(tmp_path / "a", training={"lr": 0.001})
    leave(tmp_path / "b", training={"lr": 0.01})
    assert names(tmp_path) == ["training.lr=0.001", "training.lr=0.01"]


def test_a_run_has_no_more_settings_in_its_name_than_tell_it_apart(tmp_path):
    for index, (lr, steps) in enumerate([(0.01, 30), (0.02, 30), (0.03, 30), (0.01, 40)]):
        leave(tmp_path / str(index), training={"lr": lr, "steps": steps, "batch": 10 + index})
    # Any of them has a batch of its own, but it needs that setting alone.
    assert names(tmp_path) == [f"training.batch={10 + index}" for index in range(4)]
    leave(tmp_path / "4", training={"lr": 0.01, "steps": 50, "batch": 10})
    assert names(tmp_path)[0] == "training.steps=30, training.lr=0.01"
    assert names(tmp_path)[4] == "training.steps=50"


def test_the_estimator_and_the_budget_come_before_what_follows_from_them(tmp_path):
    for index, (name, rate) in enumerate([("mine", 0.1), ("dv", 0.2)]):
        leave(tmp_path / str(index), training={"lr": rate}, estimator={"name": name})
    assert names(tmp_path) == ["estimator=mine", "estimator=dv"]
    leave(tmp_path / "2", training={"lr": 0.2}, estimator={"name": "dv"}, budget={"name": "quick"})
    assert names(tmp_path) == ["estimator=mine", "estimator=dv, budget=full", "budget=quick"]


def test_what_was_typed_comes_before_what_was_not(tmp_path):
    for index in range(2):
        setting = {"lr": 0.1 + index, "ema": 0.1 * index}
        leave(tmp_path / str(index), training=setting, overrides=[f"++training.ema={0.1 * index}"])
    assert names(tmp_path) == ["training.ema=0.0", "training.ema=0.1"]


def test_swept_seeds_are_written_as_a_range(tmp_path):
    for index, seeds in enumerate([[0, 1], list(range(5)), [7]]):
        leave_run(tmp_path / str(index), {"seed": seeds}, plots=())
    assert names(tmp_path) == ["seed=[0,1]", "seed=[0..4]", "seed=7"]


def test_of_several_experiments_the_name_comes_first(tmp_path):
    leave(tmp_path / "a", name="one")
    leave(tmp_path / "b", name="two", training={"lr": 0.1})
    leave(tmp_path / "c", name="two", training={"lr": 0.2})
    assert names(tmp_path) == ["one", "two, training.lr=0.1", "two, training.lr=0.2"]


def test_runs_in_which_nothing_differs_have_their_date(tmp_path):
    for folder in ("2026-01-01_10-00-00_aaaaaa", "2026-01-01_10-00-01_bbbbbb"):
        leave(tmp_path / folder)
    assert names(tmp_path) == ["2026-01-01 10:00:00", "2026-01-01 10:00:01"]
    leave(tmp_path / "2026-01-01_10-00-01_cccccc")
    assert names(tmp_path)[1:] == ["2026-01-01_10-00-01_bbbbbb", "2026-01-01_10-00-01_cccccc"]
    leave(tmp_path / "mine", training={"lr": 0.3})
    assert names(tmp_path)[0] == "training.lr=0.01, 2026-01-01 10:00:00"
    assert names(tmp_path)[3] == "training.lr=0.3"


def test_folders_that_somebody_named_keep_their_names(tmp_path):
    leave(tmp_path / "before")
    leave(tmp_path / "after")
    assert names(tmp_path) == ["after", "before"]


def test_what_changes_no_number_is_named_last_and_where_results_go_never(tmp_path):
    leave(tmp_path / "a", threads=1, output_root="x", training={"lr": 0.1})
    leave(tmp_path / "b", threads=2, output_root="y", training={"lr": 0.2})
    assert names(tmp_path) == ["training.lr=0.1", "training.lr=0.2"]


def test_every_name_is_there_once(tmp_path):
    for index in range(12):
        leave(tmp_path / str(index), training={"lr": 0.1 * (1 + index % 3), "steps": 10 + index % 2})
    assert len(set(names(tmp_path))) == 12


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ({"seed": 3, "sweep": {"dataset": {"rho": [0, 1]}}, "dataset": {"name": "gaussian", "rho": 0.5}},
         {"seed": 3, "dataset": "gaussian", "dataset.rho": [0, 1]}),
        ({"sweep": {"estimator": [{"name": "dv", "norms": True}, {"name": "mine", "norms": True}]},
          "estimator": {"name": "dv", "norms": False}},
         {"estimator": ["dv", "mine"], "estimator.norms": True}),
    ],
)  # fmt: skip
def test_settings_of_a_sweep_are_the_values_of_its_axes(config, settings):
    assert settings_of(config) == settings
