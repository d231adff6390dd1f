"""Axes and the trials they span."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
from examples import merged
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_cli.errors import ConfigError, Fault
from mi_cli.schema import sweep
from mi_cli.schema.config import validate
from mi_cli.schema.groups import GROUPS

BASE: dict[str, Any] = {
    "seed": 0,
    "estimator": {"name": "mine", "hidden": [8]},
    "dataset": {"name": "gaussian", "rho": 0.5, "dim": 1},
    "training": {"batch": 100, "lr": 0.01, "carry": None},
}
DV, MINE = {"option": "dv", "name": "dv", "hidden": [8]}, {"name": "mine", "hidden": [4]}


def with_sweep(axes: Any, **values: Any) -> dict[str, Any]:
    return copy.deepcopy(BASE | values) | {"sweep": axes}


def faults(axes: Any, **values: Any) -> list[Fault]:
    with pytest.raises(ConfigError) as caught:
        sweep.expand(with_sweep(axes, **values))
    return list(caught.value.faults)


def test_no_axes_is_one_trial():
    (trial,) = sweep.expand(BASE)
    assert (trial.index, trial.axes, trial.config.dataset.rho) == (0, {}, 0.5)  # type: ignore[attr-defined]


def test_axes_come_in_the_order_in_which_they_are_written():
    axes = {"dataset": {"rho": [0, 0.5], "dim": [1]}, "seed": [3, 4]}
    assert list(sweep.axes(with_sweep(axes))) == ["dataset.rho", "dataset.dim", "seed"]
    trials = sweep.expand(with_sweep(axes))
    assert [list(trial.axes.values()) for trial in trials] == [[0, 1, 3], [0, 1, 4], [0.5, 1, 3], [0.5, 1, 4]]
    assert [trial.index for trial in trials] == [0, 1, 2, 3]
    assert trials[-1].config.seed == 4


def test_null_takes_an_axis_away():
    assert sweep.axes(with_sweep({"dataset": {"rho": None, "dim": [1]}, "seed": None})) == {"dataset.dim": [1]}


def test_options_of_a_group_are_whole_sections():
    trials = sweep.expand(with_sweep({"estimator": [DV, MINE]}))
    assert [trial.axes["estimator"] for trial in trials] == ["dv", "mine"]
    assert [type(trial.config.estimator).__name__ for trial in trials] == ["DonskerVaradhan", "Mine"]


def test_configs_are_those_of_their_values_and_sections_are_parsed_once(monkeypatch):
    axes = {"estimator": [DV, MINE], "training": {"lr": [0.1, 0.2]}, "dataset": {"rho": [0, 0.5], "dim": [1, 2]}}
    parsed, parse = [], sweep.parse
    monkeypatch.setattr(sweep, "parse", lambda values: parsed.append(1) or parse(values))
    trials = sweep.expand(with_sweep(axes | {"seed": [0, 1, 2]}))
    points = itertools.product([DV, MINE], [0.1, 0.2], [0, 0.5], [1, 2], [0, 1, 2])
    for trial, (estimator, lr, rho, dim, seed) in zip(trials, points, strict=True):
        sections = {"dataset": {"rho": rho, "dim": dim}, "training": {"lr": lr}}
        values = merged(BASE, sections) | {"seed": seed}
        values["estimator"] = {key: value for key, value in estimator.items() if key != "option"}
        assert trial.config == validate(values)
    assert len(parsed) == 3 + 3 + 1 + 1  # seeds, the other datasets, the other rate, the other estimator
    assert len(trials) == 48


def test_faults_are_those_of_every_point():
    found = faults({"dataset": {"rho": [0.5, 2, 3]}, "training": {"lr": [0.1, -1]}})
    assert [(fault.key, fault.value) for fault in found] == [
        ("training.lr", -1),
        ("dataset.rho", 2),
        ("dataset.rho", 3),
    ]


def test_trials_of_unfit_estimators_are_left_out_where_the_config_says_so():
    counts, normal = {"name": "off_benchmark", "task": "counts"}, {"name": "off_benchmark", "task": "normal_200_rows"}
    axes = {"dataset": [counts, normal], "estimator": [{"name": "copula"}, {"name": "nearest"}], "seed": [0, 1]}
    reason = "takes continuous columns, and x and y take few values"
    (fault,) = faults(axes)
    assert (fault.key, fault.value, fault.problem) == ("estimator.name", "copula", reason)
    trials, left_out = sweep.expand_fitting(with_sweep(axes, leave_out_unfit=True))
    assert [trial.index for trial in trials] == list(range(6))
    assert [trial.axes["estimator"] for trial in trials] == ["nearest"] * 2 + ["copula"] * 2 + ["nearest"] * 2
    assert left_out == {f"copula is left out: it {reason}": 2}
    assert faults(axes | {"dataset": [counts], "estimator": [{"name": "copula"}]}, leave_out_unfit=True) == [fault]


NOT_SHARED = "cannot be an axis, as all trials of a run share it"
A_RHO = Fault("dataset.rho", 2, accepted="a number between -1 and 1", origin="sweep.dataset.rho=[0, 2]")
A_LIST = "a list of values"


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"seed": []}, Fault("sweep.seed", [], "is empty", "at least one value", "~sweep.seed to drop the axis")),
        ({"seed": 3}, Fault("sweep.seed", 3, accepted=A_LIST, command="sweep.seed=[3]")),
        ({"seed": [1, 2, 1]}, Fault("sweep.seed", [1, 2, 1], "repeats 1", "different values")),
        ({"dataset": {}}, Fault("sweep.dataset", {}, accepted=A_LIST, command="sweep.dataset=[gaussian]")),
        (
            {"dataset": {"roh": [1]}},
            Fault(
                "sweep.dataset.roh",
                [1],
                "no such value in the config",
                "dataset.name, dataset.rho, dataset.dim",
                "sweep.dataset.rho=[1]",
            ),
        ),
        (
            {"foo": {"bar": [1]}},
            Fault(
                "sweep.foo.bar",
                [1],
                "no such value in the config",
                "seed, estimator, dataset, training",
                "~sweep.foo.bar to drop the axis",
            ),
        ),
        ({"seed": {"deep": [1]}}, Fault("sweep.seed", {"deep": [1]}, accepted=A_LIST, command="sweep.seed=[0]")),
        ({"name": ["a", "b"]}, Fault("sweep.name", ["a", "b"], NOT_SHARED, command="mi-run -m name=a,b")),
        ({"variant": "published"}, Fault("sweep.variant", "published", NOT_SHARED, command="mi-run -m variant=...")),
        ({"claims": {"x": [1]}}, Fault("sweep.claims.x", [1], NOT_SHARED, command="mi-run -m claims.x=1")),
        ({"estimator": [3]}, Fault("sweep.estimator", [3], accepted="names of options of estimator")),
        (
            {"estimator": {"name": ["dv"]}},
            Fault("sweep.estimator.name", ["dv"], "cannot be an axis", command="sweep.estimator=[dv]"),
        ),
        ({"dataset": {"rho": [0, 2]}}, A_RHO),
        (
            {"estimator": {"hidden": [8]}},
            Fault(
                "estimator.hidden",
                8,
                accepted="a list (at most 16 entries, each a whole number of at least 1)",
                command="sweep.estimator.hidden=[[8]]",
                origin="sweep.estimator.hidden=[8]",
            ),
        ),
        (
            {"estimator": {"hidden": [[8], [0]]}},
            Fault(
                "estimator.hidden.0",
                0,
                accepted="a whole number of at least 1",
                origin="sweep.estimator.hidden=[[8], [0]]",
            ),
        ),
        (3, sweep.not_axes(3)),
        ([1], sweep.not_axes([1])),
    ],
    ids=str,
)
def test_fault_names_the_axis(axes, expected):
    assert faults(axes) == [expected]


def test_a_section_that_is_none_is_a_fault_of_the_trials():
    (fault,) = faults({"seed": [1, 2]}, training=3)
    assert (fault.key, fault.value) == ("training", 3)


def test_section_is_no_axis():
    fault = Fault("sweep.split", [1], "is a section", "one of its values, train or val")
    assert faults({"split": [1]}, split={"train": 1.0, "val": 100}) == [fault]


def test_axis_of_a_fault_that_has_no_fields():
    """A validator of another package may raise a ValueError, whose line begins with the key."""
    assert sweep._of_axis(Fault("", problem="dataset.rho=2: is odd"), {"dataset.rho": [0, 2]}).origin == A_RHO.origin
    assert sweep._of_axis(Fault("dataset.rhoo", 2, "is odd"), {"dataset.rho": [0, 2]}).origin == ""


def test_fault_of_many_trials_is_said_once():
    assert len(faults({"dataset": {"rho": [0, 7]}, "seed": [1, 2, 3]})) == 1


def test_carry_names_an_axis():
    training = {"batch": 100, "carry": "dataset.rho"}
    assert len(sweep.expand(with_sweep({"dataset": {"rho": [0, 0.5]}}, training=training))) == 2
    fault = Fault("training.carry", "dataset.rho", "is not an axis of the sweep", "seed or null")
    assert faults({"seed": [1]}, training=training) == [fault]


def test_fingerprint_is_what_is_computed_and_nothing_else():
    (one,), (same,), (other,) = (
        sweep.expand(copy.deepcopy(BASE) | more)
        for more in (
            {},
            {"summary": "x", "threads": 3, "plots": ["gaussian_samples"], "tables": ["solved"], "sweep": {"seed": [0]}},
            {"seed": 1},
        )
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 16


axis_values = {
    "seed": st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3, unique=True),
    "dataset.rho": st.lists(st.floats(-1, 1), min_size=1, max_size=3, unique=True),
    "dataset.dim": st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True),
    "training.lr": st.lists(st.floats(1e-6, 1), min_size=1, max_size=2, unique=True),
    "estimator.hidden": st.lists(st.lists(st.integers(1, 99), max_size=3), min_size=1, max_size=2, unique_by=str),
}


@given(st.lists(st.sampled_from(sorted(axis_values)), unique=True).flatmap(
    lambda paths: st.fixed_dictionaries({path: axis_values[path] for path in paths})
))  # fmt: skip
@settings(deadline=None, max_examples=50)
def test_trials_are_the_product_of_the_axes(axes):
    nested: dict[str, Any] = {}
    for path, values in axes.items():
        sweep.put(nested, path, values)
    before = with_sweep(nested)
    trials = sweep.expand(before)
    assert before == with_sweep(nested)
    paths = list(sweep.axes(before))
    assert sorted(paths) == sorted(axes)
    assert [list(trial.axes.values()) for trial in trials] == [
        list(point) for point in itertools.product(*(axes[path] for path in paths))
    ]
    for trial in trials:
        dumped = trial.config.model_dump(mode="json")
        assert all(sweep.get(dumped, path) == value for path, value in trial.axes.items())
        assert dumped["sweep"] == {}
    assert len({trial.fingerprint for trial in trials}) == len(trials)


def test_get_and_put():
    values: dict[str, Any] = {}
    sweep.put(values, "a.b.c", 1)
    assert values == {"a": {"b": {"c": 1}}}
    assert sweep.get(values, "a.b.c") == 1
    with pytest.raises(KeyError):
        sweep.get(values, "a.b.c.d")


def test_help_lists_the_groups_that_can_be_axes():
    assert set(sweep.GROUPS) < set(GROUPS)
