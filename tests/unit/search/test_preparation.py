"""The composed config of a search is prepared: lists become axes, and repeated axes are named."""

from __future__ import annotations

from searches import LR, needs_optuna, prepared, resolved

from mi_cli.cli.main import main
from mi_cli.search.preparation import Prepared, prepare
from mi_cli.search.space import Space


def test_a_list_in_the_space_is_an_axis_to_choose_from():
    found = prepared(space={"dataset": {"rho": [0.2, 0.4]}})
    assert found["search"]["repeat"] == ["seed"]
    assert found["search"]["space"] == {}
    assert list(Space.from_config(found).lists) == ["estimator.hidden", "dataset.rho"]
    assert prepare(found, {}) == Prepared(found, {}, [])  # a prepared config stays as it is
    assert list(Space.from_config(found).lists) == ["estimator.hidden", "dataset.rho"]


def test_a_range_replaces_an_axis():
    found = prepared(sweep={"training": {"lr": [0.1]}, "seed": [0]}, space={"training": {"lr": LR}})
    assert found["sweep"] == {"seed": [0]}


def test_a_space_without_a_search_is_refused(here, capsys):
    assert main(["experiment=gaussian_sweep", "search.space.training.lr=[0.1,0.2]"]) == 2
    expected = "mi-run: search.space.training.lr=[0.1, 0.2]: there is no search; accepted: search=optuna\n"
    assert capsys.readouterr().err == expected


@needs_optuna
def test_the_command_line_overrules_the_experiment(here):
    typed = ("search.space.training.lr={low: 1e-3, high: 0.1}", "dataset.rho=0.6", "budget=smoke")
    found = resolved(*typed)
    assert found["search"]["repeat"] == ["seed"]
    assert (found["search"]["trials"], found["claims"]) == (4, [])  # as the budget has it
    assert resolved(*typed, "search.trials=9")["search"]["trials"] == 9
