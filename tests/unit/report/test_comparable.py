"""Runs that measure the same quantity over the same axis are laid over each other, and no others."""

from __future__ import annotations

import pytest
from runs import leave_run

from mi_cli.report.collect import collect
from mi_cli.report.comparable import METHOD, comparable

SWEEP = {"dataset": {"rho": [0.0, 0.6]}, "seed": [0, 1]}


def groups(folder):
    together, alone = comparable(collect([folder]).runs)
    return [(group.axis, [run.path for run in group.runs]) for group in together], [run.path for run in alone]


def leave(folder, sweep=SWEEP, **config):
    return leave_run(folder, sweep, plots=(), **config)


def test_runs_that_differ_in_how_they_estimate_are_together(tmp_path):
    leave(tmp_path / "a")
    leave(tmp_path / "b", estimator={"name": "dv"})
    leave(tmp_path / "c", {"dataset": {"rho": [0.3, 0.5, 0.7]}, "seed": [5]}, training={"lr": 0.3})
    leave(tmp_path / "d", {"estimator": [{"name": "dv"}, {"name": "mine"}], **SWEEP})
    assert groups(tmp_path) == ([("dataset.rho", ["a", "b", "c", "d"])], [])


@pytest.mark.parametrize(
    "other",
    [
        {"name": "another"},
        {"dataset": {"dim": 3}},
        {"noise": {"scale": 0.5}},
        {"sweep": {"noise": {"scale": [0.0, 0.5]}, "seed": [0]}},
        {"sweep": {"seed": [0]}},
    ],
)
def test_runs_that_measure_something_else_are_not_forced_together(tmp_path, other):
    leave(tmp_path / "a")
    leave(tmp_path / "b")
    leave(tmp_path / "c", **other)
    assert groups(tmp_path) == ([("dataset.rho", ["a", "b"])], ["c"])


def test_runs_of_a_single_setting_share_their_methods(tmp_path):
    for name in ("a", "b"):
        leave(tmp_path / name, {"seed": [0]}, training={"lr": 0.1 if name == "a" else 0.2})
    assert groups(tmp_path) == ([(METHOD, ["a", "b"])], [])


def test_unfinished_runs_are_left_out(tmp_path):
    leave(tmp_path / "a")
    leave(tmp_path / "b", done=2, status=None)
    assert groups(tmp_path) == ([], ["a"])
