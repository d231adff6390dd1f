"""From overrides to a resolved config."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import hydra
import pytest
import yaml
from examples import ROWS
from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobRuntime
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.compose.axes import drop_replaced_axes, replace_option_names
from mi_cli.compose.budget import apply_budget, scaled
from mi_cli.compose.composer import Composer
from mi_cli.compose.draft import Draft, typed_values
from mi_cli.compose.resolve import Resolved, resolve
from mi_cli.errors import ConfigError
from mi_cli.execution.hardware import check_device
from mi_cli.records.saved_config import SAVED_HEADER
from mi_cli.schema import sweep

EXPERIMENT = "experiment=gaussian_sweep"
TABLE = ("dataset=polynomial_differences", "procedure=maximise", "estimator=dv")


def values(*overrides: str) -> dict[str, Any]:
    return resolve([EXPERIMENT, *overrides]).values


def faults(*overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolve(overrides)
    return list(caught.value.lines)


def save(resolved: Resolved, folder: Path) -> None:
    (folder / "config.yaml").write_text(SAVED_HEADER + yaml.safe_dump(resolved.values, sort_keys=False))


def test_experiment_as_it_is():
    resolved = resolve([EXPERIMENT])
    assert resolved.overrides == (EXPERIMENT,)
    assert resolved.notices == ()
    assert "hydra" not in resolved.values
    assert "defaults" not in resolved.values
    assert resolved.values["sweep"]["seed"] == [0, 1, 2, 3, 4]
    assert resolved.values["budget"] == {"name": "full", "steps": 1.0, "samples": 1.0, "seeds": None}


def test_rows_of_a_table_are_split_by_shares_where_the_config_has_numbers_of_rows():
    table = ("dataset=table", f"dataset.path='{ROWS}'", "dataset.x=[a,b]", "dataset.y=[c]")
    encoder = (*table, "procedure=compare", "estimator=dv", "representation.dim=1")
    resolved = resolve([*encoder, "split.test=0.1"])
    assert resolved.values["split"] == {  # what was typed is kept
        "train": 0.5,
        "val": 0.1,
        "labelled": 0.2,
        "test": 0.1,
        "fresh": 0,
        "labels": 1.0,
    }
    assert any(notice.startswith("split={train: 0.5, val: 0.1,") for notice in resolved.notices)
    study = resolve(["experiment=label_count", *table, "representation.dim=1"])
    assert "split" not in study.values["sweep"]
    assert "sweep.split.labelled=[20, 50, 100, 133, 200, 500] of the experiment is left out" in study.notices
    assert resolve([*table, "experiment=estimate"]).values["split"]["train"] == 0.7
    assert not resolve(["experiment=estimate", *table]).notices


def test_numbers_of_rows_that_are_typed_for_a_table_are_refused():
    table = ("dataset=table", f"dataset.path='{ROWS}'", "dataset.x=[a]", "dataset.y=[c]")
    (line,) = faults(*table, "split.test=50")
    assert line == (
        "split.test=50: is a number of further rows, and dataset.name=table has none; accepted: a share, up to 1; "
        "use split.test=0.2"
    )


def test_hydra_is_left_as_it_was(tmp_path):
    assert not GlobalHydra.instance().is_initialized()
    before = resolve([EXPERIMENT])
    assert not GlobalHydra.instance().is_initialized()
    (tmp_path / "config.yaml").write_text("theirs: 1\n")
    with hydra.initialize_config_dir(str(tmp_path), version_base="1.2", job_name="theirs"):
        loader = GlobalHydra.instance().config_loader()
        assert resolve([EXPERIMENT]) == before
        assert GlobalHydra.instance().config_loader() is loader
        assert (JobRuntime.instance().get("name"), str(version.getbase())) == ("theirs", "1.2")
        assert hydra.compose("config") == {"theirs": 1}


def test_config_is_composed_once(monkeypatch):
    composed, load = [], ConfigLoaderImpl.load_configuration
    monkeypatch.setattr(
        ConfigLoaderImpl, "load_configuration", lambda *given, **more: composed.append(1) or load(*given, **more)
    )
    resolve([EXPERIMENT])
    assert len(composed) == 1
    resolve([EXPERIMENT, "++sweep.estimator=[dv,mine]"])
    assert len(composed) == 1 + 3  # with each option, whose section may depend on the choice


def test_config_is_expanded_once(monkeypatch):
    checked, fitting = [], sweep.fitting
    monkeypatch.setattr(sweep, "fitting", lambda config: checked.append(1) or fitting(config))
    resolved = resolve([EXPERIMENT])
    assert len(checked) == len(resolved.expansion.trials) == 30
    assert resolved.changed(threads=2).expansion.trials[0].config.threads == 2
    assert resolved.expansion.trials[0].config.threads == "auto"
    assert pickle.loads(pickle.dumps(resolved)) == resolved


def test_steps_change_nothing_that_they_are_given():
    source = Composer.of_folder()
    overrides = [EXPERIMENT, "budget=smoke", "++sweep.estimator=[dv,mine]", "seed=1"]
    draft = Draft(source.compose(overrides), typed_values(source.parse(overrides)))
    before = copy.deepcopy(draft)
    named = replace_option_names(drop_replaced_axes(draft), source, overrides)
    assert draft == before
    before = copy.deepcopy(named)
    scaled_down = apply_budget(named)
    assert named == before
    assert scaled_down.values["sweep"]["estimator"][0]["option"] == "dv"
    assert scaled_down.values["training"]["steps"] < named.values["training"]["steps"]


def test_names_of_options_become_sections_below_the_experiment():
    axis = values("++sweep.estimator=[dv,mine]", "estimator.n_product=2")["sweep"]["estimator"]
    assert [option["option"] for option in axis] == ["dv", "mine"]
    assert [option["hidden"] for option in axis] == [[32, 32], [32, 32]]  # what the experiment says
    assert [option["n_product"] for option in axis] == [2, 2]  # and the command line
    assert "ema_rate" not in axis[0]
    assert axis[1]["ema_rate"] == 0.01


def test_two_axes_of_groups():
    resolved = values("++sweep.estimator=[dv,mine]", "++sweep.noise=[none,gaussian]", "++sweep.seed=[1]")
    trials = sweep.expand(resolved)
    assert len(trials) == 6 * 2 * 2
    assert {(trial.axes["estimator"], trial.axes["noise"]) for trial in trials} == {
        *(("dv", "none"), ("dv", "gaussian"), ("mine", "none"), ("mine", "gaussian"))
    }
    assert {trial.config.noise.scale for trial in trials} == {0, 0.05}


def test_value_given_replaces_its_axis():
    resolved = resolve([EXPERIMENT, "seed=7", "dataset.rho=0.5"])
    assert resolved.values["sweep"] == {}
    assert resolved.notices == (
        "dataset.rho=0.5 replaces the axis sweep.dataset.rho=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]",
        "seed=7 replaces the axis sweep.seed=[0, 1, 2, 3, 4]",
    )
    (trial,) = sweep.expand(resolved.values)
    assert (trial.config.seed, trial.config.dataset.rho) == (7, 0.5)  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["dataset={rho: 0.5}", "++dataset.rho=0.5"])
def test_value_given_in_other_ways_replaces_its_axis(how):
    assert values(how)["sweep"] == {"seed": [0, 1, 2, 3, 4]}


def test_axis_given_as_well_stays():
    resolved = resolve(
        [EXPERIMENT, "seed=7", "++sweep.seed=[1,2]", "dataset={rho: 0}", "++sweep={dataset: {rho: [0.1]}}"]
    )
    assert resolved.values["sweep"] == {"dataset": {"rho": [0.1]}, "seed": [1, 2]}
    assert resolved.notices == ()


def test_option_given_replaces_the_axis_of_its_group(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ntraining: {batch: 100}\nsweep: {estimator: [dv, mine], seed: [1, 2]}\n"
    )
    own = f"hydra.searchpath=[file://{tmp_path}]"
    assert len(resolve([own, "experiment=mine"]).values["sweep"]["estimator"]) == 2
    resolved = resolve([own, "experiment=mine", "estimator=dv"])
    assert resolved.values["sweep"] == {"seed": [1, 2]}
    assert resolved.values["estimator"]["name"] == "dv"
    assert resolved.notices == ("estimator=dv replaces the axis sweep.estimator=[dv, mine]",)
    assert resolved.overrides == ("experiment=mine", "estimator=dv")


def test_model_is_not_carried_along_an_axis_that_is_replaced():
    carry = "training.carry=dataset.rho"
    assert faults(EXPERIMENT, carry, "dataset.rho=0.5")[0].startswith("training.carry=dataset.rho: is not an axis")
    resolved = resolve([EXPERIMENT, "variant=published", "dataset.rho=0.5"])
    assert resolved.values["training"]["carry"] is None
    assert resolved.notices[1] == "training.carry=null: there is no axis dataset.rho to carry a model along"


@pytest.mark.parametrize("how", ["estimator=dv", "++sweep.estimator=[dv,mine]"])
def test_option_is_not_given_the_settings_of_another(how):
    resolved = resolve([EXPERIMENT, "variant=published", how])
    assert resolved.notices[-1] == "estimator.ema_rate=1.0 of the experiment is left out: dv has no ema_rate"
    for trial in sweep.expand(resolved.values):
        assert (
            trial.config.estimator.model_dump().get("ema_rate")
            == {"dv": None, "mine": 1.0}[trial.config.estimator.name]
        )


def test_setting_that_no_option_has_is_an_error(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nestimator: {ema: 1}\ntraining: {batch: 100}\n"
    )
    own = f"hydra.searchpath=[file://{tmp_path}]"
    assert faults(own, "experiment=mine", "estimator=dv")[0].startswith("estimator.ema=1: unknown key; accepted: ")


def test_setting_that_was_typed_is_not_left_out():
    assert faults(EXPERIMENT, "estimator=dv", "+estimator.ema_rate=0.5")[0].startswith(
        "estimator.ema_rate=0.5: unknown"
    )


def test_axis_that_is_deleted_leaves_nothing_behind():
    assert values("~sweep.dataset.rho")["sweep"] == {"seed": [0, 1, 2, 3, 4]}
    assert "sweep" not in values("~sweep")


def test_axis_that_is_null_is_none():
    resolved = resolve([EXPERIMENT, "++sweep.dataset=null", "dataset.rho=0.5"])
    assert resolved.values["sweep"] == {"seed": [0, 1, 2, 3, 4]}
    assert resolved.notices == ()


def test_budget():
    full, smoke = values(), values("budget=smoke")
    assert smoke["training"]["steps"] == 30 == full["training"]["steps"] * 0.02
    assert smoke["training"]["batch"] == 200
    assert (smoke["split"]["train"], smoke["split"]["val"], smoke["split"]["test"]) == (1.0, 800, 50_000)
    assert smoke["dataset"]["n_samples"] is None
    assert smoke["sweep"]["seed"] == [0, 1]
    assert smoke["sweep"]["dataset"] == full["sweep"]["dataset"]
    assert smoke["budget"] == {"name": "smoke", "steps": 1.0, "samples": 1.0, "seeds": None}


def test_budget_leaves_what_was_typed():
    typed = values("budget=smoke", "training.steps=50", "split={test: 3000}", "++sweep.seed=[1,2,3]")
    assert (typed["training"]["steps"], typed["split"]["test"], typed["split"]["val"]) == (50, 3000, 800)
    assert typed["sweep"]["seed"] == [1, 2, 3]


def test_budget_has_floors_and_never_adds():
    sizes = {"dataset.n_samples": 100, "training.steps": 10, "split.val": 30}
    found: dict[str, Any] = {"budget": {"name": "smoke", "steps": 0.02, "samples": 0.2, "seeds": 1}}
    for key, value in sizes.items():
        sweep.put(found, key, value)
    found["sweep"] = {"split": {"labelled": [4, 10, 20, 49, 60], "test": [0.5, 60.0]}, "seed": [3, 4]}
    found = dict(apply_budget(Draft(found, {})).values)
    assert (found["dataset"]["n_samples"], found["training"]["steps"], found["split"]["val"]) == (50, 10, 30)
    assert found["sweep"] == {"split": {"labelled": [4, 10, 12], "test": [0.5, 50]}, "seed": [3]}


def test_budget_reaches_into_the_options_of_groups():
    axis = "++sweep.dataset=[polynomial_differences,root_functions]"
    options = resolve([*TABLE, axis, "budget=smoke", "split.val=0.1", "split.train=0.9"]).values["sweep"]["dataset"]
    assert [option["n_samples"] for option in options] == [600, 200]
    typed = resolve([*TABLE, axis, "budget=smoke", "dataset.n_samples=90", "split.val=0.1", "split.train=0.9"])
    assert [option["n_samples"] for option in typed.values["sweep"]["dataset"]] == [90, 90]


def test_budget_scales_axes_of_what_it_scales():
    scaled = values("budget=smoke", "++training={batch: 100}", "~sweep.dataset", "~sweep.seed")
    assert scaled["sweep"] == {}
    axis = {"training": {"steps": 1000}, "sweep": {"training": {"steps": [10, 500, 2000, 5000]}}}
    found: dict[str, Any] = {"budget": {"name": "x", "steps": 0.02, "samples": 1, "seeds": None}, **axis}
    found = dict(apply_budget(Draft(found, {})).values)
    assert found["sweep"]["training"]["steps"] == [10, 20, 40, 100]


@given(st.floats(0, 1e7) | st.integers(2, 10**7), st.floats(0.001, 1), st.integers(1, 100))
def test_scaling(value, factor, least):
    less = scaled(value, factor, least)
    assert less <= value
    if value <= 1 or factor == 1:
        assert less == value
    else:
        assert less >= min(math.floor(value), least)
        assert isinstance(less, int)


def test_bad_budget_is_reported_by_the_trials():
    assert faults(EXPERIMENT, "budget.steps=2") == ["budget.steps=2: must be a number above 0 and at most 1"]


@pytest.mark.parametrize("budget", ["full", "smoke"])
def test_saved_config_resolves_to_itself(tmp_path, budget):
    first = resolve([EXPERIMENT, f"budget={budget}", "++sweep.estimator=[dv,mine]", "seed=3"])
    save(first, tmp_path)
    again = resolve([], Composer.of_folder(tmp_path))
    assert again.values == first.values
    assert [trial.fingerprint for trial in sweep.expand(again.values)] == [
        trial.fingerprint for trial in sweep.expand(first.values)
    ]


def test_saved_config_can_be_changed_by_values_only(tmp_path):
    save(resolve([EXPERIMENT, "budget=smoke"]), tmp_path)
    changed = resolve(["dataset.rho=0.5", "training.steps=40"], Composer.of_folder(tmp_path)).values
    assert (changed["training"]["steps"], changed["sweep"]) == (40, {"seed": [0, 1]})
    for override in ("estimator=dv", "variant=published", "budget=full", EXPERIMENT):
        with pytest.raises(ConfigError, match=f"{override}: a saved config has no groups to choose from; acc"):
            resolve([override], Composer.of_folder(tmp_path))
    with pytest.raises(ConfigError, match=r"sweep.estimator=\[dv, mine\]: a saved config has no groups"):
        resolve(["++sweep.estimator=[dv,mine]"], Composer.of_folder(tmp_path))


def test_settings_of_hydra_are_not_among_the_overrides():
    resolved = resolve([EXPERIMENT, "hydra.run.dir=/tmp/x", "hydra.verbose=true"])
    assert resolved.overrides == (EXPERIMENT,)


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_device_that_is_always_there(device):
    check_device(device)


@pytest.mark.parametrize(("device", "other"), [("cuda", "mps"), ("mps", "cuda")])
def test_device_that_is_not_there(monkeypatch, device, other):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: other == "cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: other == "mps")
    check_device(other)
    with pytest.raises(ConfigError, match=f"device={device}: is not on this machine; accepted: auto, cpu or {other}"):
        check_device(device)


def test_estimators_that_cannot_take_a_data_set_of_the_sweep_are_left_out_and_that_is_said():
    task = "{name:off_benchmark,task:%s}"
    tasks = ",".join(task % name for name in ("ring", "classes_1"))
    resolved = resolve(["experiment=coverage", f"sweep.dataset=[{tasks}]", "sweep.seed=[0,1]"])
    chosen = [(trial.config.dataset.task, trial.config.estimator.name) for trial in resolved.expansion.trials]
    of_ring = [("ring", name) for name in ("auto", "nearest", "copula")]
    assert list(dict.fromkeys(chosen)) == [*of_ring, ("classes_1", "auto"), ("classes_1", "nearest")]
    (notice,) = resolved.notices
    assert notice.startswith("copula is left out: it takes continuous x and y")
    assert notice.endswith("(2 trials)")


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (["dataset=bits"], {"bits": ["auto", "nearest"]}),
        (["dataset=xor"], {"xor": ["auto", "nearest"]}),  # which has a z as well
        (
            ["dataset=bits", "+sweep.dataset=[bits,{name: gaussian, n_samples: 200}]"],
            {"bits": ["auto", "nearest"], "gaussian": ["auto", "nearest", "copula"]},
        ),
    ],
    ids=["classes", "classes and z", "an axis of datasets"],
)
def test_estimators_of_the_experiment_that_cannot_take_the_dataset_are_left_out(given, left):
    resolved = resolve(["experiment=estimate", *given])
    found: dict[str, list[str]] = {}
    for trial in resolved.expansion.trials:
        found.setdefault(trial.config.dataset.name, []).append(trial.config.estimator.name)
    assert found == left
    assert all(" is left out: it " in notice for notice in resolved.notices)
    assert len(resolved.notices) == 3 - min(map(len, left.values()))


@pytest.mark.parametrize("more", ["sweep.estimator=[auto,copula]", "estimator=copula", "leave_out_unfit=false"])
def test_estimators_that_were_asked_for_are_refused(more):
    with pytest.raises(ConfigError) as error:
        resolve(["experiment=estimate", "dataset=bits", more])
    (fault,) = error.value.faults
    assert (fault.key, fault.value) == ("estimator.name", "copula")
