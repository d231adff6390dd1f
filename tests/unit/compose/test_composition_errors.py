"""What cannot be composed is a fault with key, value and what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from mi_cli.compose.composer import Composer
from mi_cli.errors import ABSENT, ConfigError, Fault

EXPERIMENT = "experiment=gaussian_sweep"


def compose(*overrides: str, folder: Path | None = None) -> None:
    source = Composer.of_folder(folder)
    source.parse(overrides)
    source.compose(overrides)


def fault(*overrides: str, folder: Path | None = None) -> Fault:
    with pytest.raises(ConfigError) as caught:
        compose(*overrides, folder=folder)
    (only,) = caught.value.faults
    return only


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("experiment=foo", ("experiment", "foo", "no such experiment")),
        ("dataset.rhoo=1", ("dataset.rhoo", "1", "unknown key")),
        ("+dataset.rho=1", ("+dataset.rho", "1", "is in the config already")),
        ("seed=1,2", ("seed", "1,2", "is several values")),
        ("dataset.rho=[0", ("dataset.rho", "[0", "cannot be read")),
        ("estimator=[dv,mine]", ("estimator", ["dv", "mine"], "is several values")),
        ("name=${nothing}", ("name", "${nothing}", "Interpolation key 'nothing' not found")),
        ("hydra.searchpath=[file:///nowhere]", ("hydra.searchpath", "/nowhere", "no such folder")),
        ("++hydra.callbacks.a._target_=os.mkdir", ("hydra.callbacks.a._target_", "os.mkdir", "names code to run")),
        ("sweep.seed=range(0,3)", ("sweep.seed", "range(0,3)", "")),
        ("++sweep.seed=[1", ("sweep.seed", "[1", "cannot be read")),
        ("experiment={a: 1}", ("experiment", {"a": 1}, "")),
        ("nonsense", ("nonsense", ABSENT, "must be key=value, such as seed=1")),
    ],
)
def test_fields(override, expected):
    found = fault(EXPERIMENT, override) if not override.startswith("experiment") else fault(override)
    assert (found.key, found.value, found.problem) == expected


def test_what_is_accepted():
    assert "gaussian_sweep" in fault("experiment=foo").accepted.split(", ")
    assert "dataset.rho" in fault(EXPERIMENT, "dataset.rhoo=1").accepted.split(", ")
    assert fault(EXPERIMENT, "dataset.rhoo=1").command == "dataset.rho=1"
    assert fault(EXPERIMENT, "dataset.foo=1").command == ""
    assert fault("experiment=gausian_sweep").command == EXPERIMENT
    assert fault(EXPERIMENT, "estimator=student").command == "dataset=student"
    assert fault(EXPERIMENT, "estimator=[dv,mine]").command == "sweep.estimator=[dv, mine]"
    assert fault(EXPERIMENT, "sweep.seed=range(0,3)").command == ""
    assert fault("experiment=/etc/passwd").problem == "no such experiment"
    axis, runs = "'sweep.seed=[1,2]' (an axis)", f"mi-run -m {EXPERIMENT} seed=1,2 (a run for each)"
    assert fault(EXPERIMENT, "seed=1,2").command == f"{axis} or {runs}"
    assert fault(EXPERIMENT, "variant=a,b").command == f"mi-run -m {EXPERIMENT} variant=a,b (a run for each)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("null: 3", "Incompatible key type 'NoneType'"),
        ("seed: '${'", "has an interpolation that cannot be read (no viable alternative at input '${')"),
    ],
)
def test_file_that_no_config_can_be_is_the_key(tmp_path, monkeypatch, text, problem):
    (tmp_path / "experiment").mkdir()
    path = tmp_path / "experiment" / "own.yaml"
    path.write_text(f"# @package _global_\n{text}\n")
    monkeypatch.setenv("MI_CONFIG_PATH", str(tmp_path))
    assert (fault("experiment=own").key, fault("experiment=own").problem) == (str(path), problem)


def test_file_that_is_wrong_is_the_key(tmp_path):
    (tmp_path / "config.yaml").write_text("a: [1\n")
    found = fault(folder=tmp_path)
    assert found.key == f"{tmp_path / 'config.yaml'}:2"
    assert found.problem.startswith("is not YAML (")
    assert fault(folder=tmp_path / "nowhere").key == "--config-path"
