"""The storage of a study, and the faults of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import run_config
from searches import faults, needs_optuna, prepared

from mi_cli.cli.main import main
from mi_cli.errors import ConfigError, Fault
from mi_cli.registry.extras import how_to_install
from mi_cli.search.storage import check_storage


@needs_optuna
@pytest.mark.parametrize(("storage", "problem"), [("nowhere/a", "its folder does not exist"), (".", "is a folder")])
def test_a_storage_is_a_file_in_a_folder_that_exists(storage, problem, here):
    (fault,) = faults("sweep.training.lr=[1e-3,1e-2]", f"search.storage={storage}")
    assert (fault.key, fault.value, fault.problem) == ("search.storage", Path(storage), problem)
    assert fault.accepted == "a file in a folder that exists, or an address such as sqlite:///search.db"


def test_without_optuna_a_search_is_a_fault_of_the_config(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    with pytest.raises(ConfigError) as caught:
        check_storage(None, plan=False)
    assert caught.value.faults == (Fault("search", "optuna", "needs optuna", command=how_to_install("search")),)


@needs_optuna
def test_a_file_that_is_no_journal_is_a_fault_of_the_config(tmp_path):
    (tmp_path / "study").write_text("this is no journal\n")
    (tmp_path / "run").mkdir()
    with pytest.raises(ConfigError) as caught:
        run_config(prepared(storage=str(tmp_path / "study")), tmp_path / "run")
    (fault,) = caught.value.faults
    assert (fault.key, fault.value) == ("search.storage", tmp_path / "study")
    assert fault.problem.startswith("cannot be opened (")


@needs_optuna
@pytest.mark.parametrize("storage", ["foo://", "postgresql://nobody@localhost:1/x", "table.csv", "sqlite:////no/x.db"])
def test_a_storage_that_cannot_be_used_leaves_nothing(here, capsys, storage):
    Path("table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    overrides = ["experiment=gaussian_sweep", "search=optuna", "sweep.training.lr=[1e-3,1e-2]"]
    assert main([*overrides, f"search.storage={storage}"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"mi-run: search.storage={storage}: cannot be opened (")
    assert [path.name for path in here.iterdir()] == ["table.csv"]
