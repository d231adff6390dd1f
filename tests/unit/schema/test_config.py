"""What a config may say: ranges, types, and the line for each fault."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from examples import resembles
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError, field_validator

from mi_cli.errors import Fault, listed
from mi_cli.fields import Section
from mi_cli.registry.builtin import DATASETS, ESTIMATORS, PLOTS, PROCEDURES
from mi_cli.schema.config import Config, ConfigError, validate
from mi_cli.schema.sweep import put
from mi_cli.schema.validation_errors import validation_faults
from mi_cli.training.settings import Split

NAMES = ", ".join(sorted(ESTIMATORS))
NO_SUCH = "no such estimator"
BASE: dict[str, Any] = {
    "estimator": {"name": "mine"},
    "dataset": {"name": "gaussian"},
    "training": {"batch": 100},
}
TABLE: dict[str, Any] = {
    "estimator": {"name": "dv"},
    "dataset": {"name": "polynomial_differences", "n_samples": 100},
    "split": {"train": 0.5, "val": 0.25, "labelled": 0.1, "test": 0.15},
    "procedure": "compare",
}


def changed(base: dict[str, Any], **values: Any) -> dict[str, Any]:
    result = copy.deepcopy(base)
    for path, value in values.items():
        put(result, path.replace("__", "."), value)
    return result


def faults(values: dict[str, Any]) -> list[Fault]:
    with pytest.raises(ConfigError) as caught:
        validate(values)
    return list(caught.value.faults)


def lines(values: dict[str, Any]) -> list[str]:
    return list(map(str, faults(values)))


def test_defaults_are_valid():
    assert validate(BASE) == validate(validate(BASE).model_dump())
    assert validate(TABLE).rows == {"train": 50, "val": 25, "labelled": 10, "test": 15, "fresh": 0}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"dataset__rho": 1.5}, Fault("dataset.rho", 1.5, accepted="a number between -1 and 1")),
        ({"dataset__rho": -1.01}, Fault("dataset.rho", -1.01, accepted="a number between -1 and 1")),
        ({"dataset__rho": True}, Fault("dataset.rho", True, accepted="a number between -1 and 1")),
        ({"dataset__rho": "abc"}, Fault("dataset.rho", "abc", accepted="a number between -1 and 1")),
        ({"dataset__rho": math.nan}, Fault("dataset.rho", math.nan, accepted="a finite number between -1 and 1")),
        ({"dataset__rho": None}, Fault("dataset.rho", None, accepted="a number between -1 and 1")),
        (
            {"dataset__rhoo": 1},
            Fault("dataset.rhoo", 1, "unknown key", "dataset.dim, dataset.map, dataset.mi, ", "dataset.rho=1"),
        ),
        ({"dataset__foo": 1}, Fault("dataset.foo", 1, "unknown key", "dataset.dim, dataset.map, dataset.mi, ")),
        ({"trainin": {"lr": 1}}, Fault("trainin", {"lr": 1}, "unknown key", "budget, ", "training={lr: 1}")),
        ({"dataset__mi": -1}, Fault("dataset.mi", -1, accepted="a number of at least 0 or null")),
        (
            {"dataset__map": "cube"},
            Fault("dataset.map", "cube", accepted="none, cubic, half_cube, asinh, wiggly, uniform or swiss_roll"),
        ),
        ({"dataset__dim": 0}, Fault("dataset.dim", 0, accepted="a whole number of at least 1")),
        ({"dataset__n_samples": -5}, Fault("dataset.n_samples", -5, accepted="a whole number of at least 1 or null")),
        (
            {"dataset__n_samples": 10.5},
            Fault("dataset.n_samples", 10.5, accepted="a whole number of at least 1 or null"),
        ),
        ({"dataset": 3}, Fault("dataset", 3, accepted=f"a section whose name is {listed(sorted(DATASETS))}")),
        ({"dataset__name": "foo"}, Fault("dataset.name", "foo", "no such dataset", ", ".join(sorted(DATASETS)))),
        ({"estimator__name": "infonc"}, Fault("estimator.name", "infonc", NO_SUCH, NAMES, "estimator=infonce")),
        (
            {"estimator__name": "student"},
            Fault("estimator.name", "student", f"{NO_SUCH}, but a dataset", NAMES, "dataset=student"),
        ),
        ({"estimator": {}}, Fault("estimator.name", problem="is missing", accepted=NAMES)),
        ({"estimator__name": ["dv"]}, Fault("estimator.name", ["dv"], NO_SUCH, NAMES)),
        ({"plots": "forest"}, Fault("plots", "forest", accepted="a list (each ", command="plots=[forest]")),
        ({"time": {"lags": [5]}}, Fault("time.lags", [5], accepted="a list of 2, each a whole number")),
        ({"time": {"lags": [0, 1, 2]}}, Fault("time.lags", [0, 1, 2], accepted="a list of 2, each a whole number")),
        ({"again": "a"}, Fault("again", "a", "is no part of a config", command="mi-run again=a")),
        ({"experiment": "a"}, Fault("experiment", "a", "unknown key", "budget, ")),
        (
            {"estimator__hidden": 5},
            Fault("estimator.hidden", 5, accepted="a list (at most 16 entries, ", command="estimator.hidden=[5]"),
        ),
        ({"estimator__hidden": [8, 0]}, Fault("estimator.hidden.1", 0, accepted="a whole number of at least 1")),
        ({"training__batch": "abc"}, Fault("training.batch", "abc", accepted="a whole number of at least 1 or full")),
        ({"training__batch": 0}, Fault("training.batch", 0, accepted="a whole number of at least 1 or full")),
        ({"training__batch": True}, Fault("training.batch", True, accepted="a whole number of at least 1 or full")),
        (
            {"training__batch": 1},
            Fault(
                "training.batch",
                1,
                "a single row cannot be paired with another one",
                "a number of rows, at least 2, or full",
            ),
        ),
        (
            {"training__batch": "full"},
            Fault(
                "training.batch",
                "full",
                "rows are drawn at every training step (dataset.n_samples=null)",
                "a number of rows",
            ),
        ),
        ({"training__lr": 0}, Fault("training.lr", 0, accepted="a number above 0")),
        ({"training__lr": math.inf}, Fault("training.lr", math.inf, accepted="a finite number above 0")),
        (
            {"training__lr": [1, 2]},
            Fault(
                "training.lr",
                [1, 2],
                "is several values",
                "a number above 0, or an axis",
                command="sweep.training.lr=[1, 2]",
            ),
        ),
        ({"training__ema": 1}, Fault("training.ema", 1, accepted="a number of at least 0 and below 1")),
        ({"training__patience": True}, Fault("training.patience", True, accepted="a whole number of at least 0")),
        ({"training__schedule": "step"}, Fault("training.schedule", "step", accepted="constant or cosine")),
        ({"training": 3}, Fault("training", 3, accepted="a section (name, steps, lr, ")),
        ({"seed": -1}, Fault("seed", -1, accepted="a whole number between 0 and 4294967295")),
        ({"seed": True}, Fault("seed", True, accepted="a whole number between 0 and 4294967295")),
        (
            {"name": "a/b"},
            Fault(
                "name", "a/b", accepted="up to 100 letters, digits, dots, dashes and underscores (it names a folder)"
            ),
        ),
        ({"noise__scale": -0.1}, Fault("noise.scale", -0.1, accepted="a number of at least 0")),
        (
            {"shift__shift_mean": 1},
            Fault(
                "shift.name",
                "scale_shift",
                "moves unlabelled rows, which procedure=estimate does not have",
                command="shift=none",
            ),
        ),
        ({"split__train": 1.5}, Fault("split.train", 1.5, "above 1, it is a number of rows", "a whole number")),
        (
            {"split__test": 0.5},
            Fault(
                "split",
                {"train": 1, "test": 0.5},
                "the shares add up to 1.5",
                "at most 1 in all (a part above 1 is a number of rows)",
            ),
        ),
        ({"split__val": 0}, Fault("split.val", 0, "makes 0 rows", "a number of rows, at least 2")),
        ({"split__fresh": 0.5}, Fault("split.fresh", 0.5, accepted="a whole number of at least 0")),
        ({"evaluation__level": 1}, Fault("evaluation.level", 1, accepted="a number above 0 and below 1")),
        ({"budget__seeds": 0}, Fault("budget.seeds", 0, accepted="a whole number of at least 1 or null")),
        ({"plots": ["foo"]}, Fault("plots.0", "foo", accepted=listed(PLOTS))),
        ({"plots": [3]}, Fault("plots.0", 3, accepted=listed(PLOTS))),
        ({"procedure": "foo"}, Fault("procedure", "foo", accepted=listed(PROCEDURES))),
        ({"procedure": 3}, Fault("procedure", 3, accepted=listed(PROCEDURES))),
        (
            {"claims": [{"text": "a"}]},
            Fault("claims.0", {"text": "a"}, accepted="a section whose kind is equals_truth, "),
        ),
        ({"claims": [{"text": "a", "kind": "x"}]}, Fault("claims.0.kind", "x", accepted="equals_truth, ")),
        (
            {"claims": [{"text": "a", "kind": "lower", "method": "m"}]},
            Fault("claims.0.than", problem="is missing", accepted="text"),
        ),
        (
            {"claims": [{"text": "a", "kind": "lower", "method": "m", "than": "n", "margin": 1}]},
            Fault("claims.0.margin", 1, "unknown key", "claims.0.column, claims.0.kind, "),
        ),
        (
            {"claims": [{"text": "a", "kind": "equals_truth", "absolute": -1}]},
            Fault("claims.0.absolute", -1, accepted="a number of at least 0"),
        ),
        ({"device": "gpu"}, Fault("device", "gpu", accepted="auto, cpu, cuda or mps")),
        ({"threads": 0}, Fault("threads", 0, accepted="a whole number between 1 and 1024 or auto")),
        ({"threads": 10**6}, Fault("threads", 10**6, accepted="a whole number between 1 and 1024 or auto")),
        ({"plan": "maybe"}, Fault("plan", "maybe", accepted="true or false")),
        ({"output_root": 3}, Fault("output_root", 3, accepted="a folder")),
        ({"output_root": " "}, Fault("output_root", " ", accepted="a folder")),
        ({"sweep": 3}, Fault("sweep", 3, accepted="a section")),
        ({"foo": 1}, Fault("foo", 1, "unknown key", "budget, checkpoint_every, ")),
        (
            {"procedure": "maximise"},
            Fault("dataset.n_samples", None, "procedure=maximise needs a number of rows", "a whole number"),
        ),
    ],
    ids=str,
)
def test_fault_has_the_key_its_value_and_what_is_accepted(values, expected):
    (fault,) = faults(changed(BASE, **values))
    assert resembles(fault, expected), fault


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"dataset__mi": 13}, "dataset.mi=13: must be between 0 and 12 with these settings"),
        (
            {"dataset__mi": 2, "dataset__rho": 0.5},
            "dataset.mi=2: makes dataset.rho=0.9908, not dataset.rho=0.5; accepted: dataset.rho=0.6 "
            "(which is then not used), or dataset.mi=null",
        ),
        ({"shift__scale_low": 3}, "shift.scale_low=3: must be ≤ shift.scale_high=1"),
    ],
)
def test_fault_of_values_of_one_section_that_do_not_fit_together(values, line):
    assert lines(changed(BASE, **values)) == [line]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"representation__dim": 11},
            Fault("representation.dim", 11, "PCA of 10 columns and 50 rows has fewer components", "1 to 10"),
        ),
        (
            {"split__train": 0.01, "representation__dim": 1},
            Fault(
                "split.train", 0.01, "makes 1 row of dataset.n_samples=100", "a share or number that makes at least 2"
            ),
        ),
        (
            {"split__labelled": 0},
            Fault(
                "split.labelled", 0, "makes 0 rows of dataset.n_samples=100", "a share or number that makes at least 2"
            ),
        ),
        (
            {"estimator": {"name": "linear"}, "training__batch": "full"},
            Fault(
                "estimator.name",
                "linear",
                "cannot train an encoder",
                "dv, fdime, flo, infonce, js, mine, nwj, smile, tuba",
            ),
        ),
        (
            {"training__carry": "seed"},
            Fault("training.carry", "seed", "procedure=compare carries no model along an axis", "null"),
        ),
        (
            {"estimator__keep": True},
            Fault("estimator.keep", True, "procedure=compare keeps no critics", "false"),
        ),
        (
            {"evaluation__last_steps": 5},
            Fault("evaluation.last_steps", 5, "procedure=compare does not report training values", "0"),
        ),
    ],
    ids=str,
)
def test_fault_of_sections_that_do_not_fit_together(values, expected):
    (fault,) = faults(changed(TABLE, **values))
    assert resembles(fault, expected), fault


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"dataset": {"name": "confounded", "n_samples": None}},
            Fault(
                "dataset.n_samples", None, "dataset.name=confounded, which has a z, needs a number of rows", "a whole"
            ),
        ),
        (
            {"dataset": {"name": "confounded"}, "training__carry": "seed"},
            Fault("training.carry", "seed", "critics given z train anew at every value", "null"),
        ),
        (
            {"dataset": {"name": "confounded"}, "estimator": {"name": "club"}},
            Fault(
                "estimator.name",
                "club",
                "does not estimate the MI given z, and dataset.name=confounded has a z",
                "copula, gaussian, ksg, mixed, nearest, or a critic such as auto, dv and infonce",
            ),
        ),
    ],
    ids=str,
)
def test_fault_of_what_critics_given_z_cannot_have(values, expected):
    (fault,) = faults(changed(BASE, **values))
    assert resembles(fault, expected), fault


def test_every_fault_is_given():
    accepted = ", ".join(f"estimator.{key}" for key in sorted(type(validate(BASE).estimator).model_fields))
    assert faults(changed(BASE, dataset__rho=2, training__lr=0, estimator__hiden=[8])) == [
        Fault("estimator.hiden", [8], "unknown key", accepted, "estimator.hidden=[8]"),
        Fault("dataset.rho", 2, accepted="a number between -1 and 1"),
        Fault("training.lr", 0, accepted="a number above 0"),
    ]


def test_several_values_of_what_all_trials_share_are_a_run_each():
    (fault,) = faults(changed(BASE, device=["cpu", "cuda"]))
    accepted = "auto, cpu, cuda or mps, or a run for each"
    assert fault == Fault("device", ["cpu", "cuda"], "is several values", accepted, "mi-run -m device=cpu,cuda")


@pytest.mark.parametrize("values", [{"training__lr": []}, {"split": [1]}, {"sweep": [1]}], ids=str)
def test_no_axis_is_proposed_where_there_can_be_none(values):
    (fault,) = faults(changed(BASE, **values))
    assert fault.command == ""


def test_a_validators_own_faults_stay_what_they_are():
    """Those of a ConfigError as they are; those of a ValueError as lines, or as what is wrong with the value."""

    class Inner(Section):
        a: int = 0
        b: int = 0
        c: int = 0

        @field_validator("a")
        @classmethod
        def _a(cls, value: int) -> int:
            raise ValueError("is odd")

        @field_validator("b")
        @classmethod
        def _b(cls, value: int) -> int:
            raise ValueError("inner.b=1: is odd\ninner.b=1: is small")

        @field_validator("c")
        @classmethod
        def _c(cls, value: int) -> int:
            raise ConfigError(Fault("inner.c", value, "is odd", "2", "inner.c=2"), Fault("x.y", accepted="there"))

    class Outer(Section):
        inner: Inner

    values = {"inner": {"a": 1, "b": 1, "c": 1}}
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values)
    assert validation_faults(caught.value, Outer, values, lambda key, value: None) == [
        Fault("inner.a", 1, "is odd"),
        Fault("", problem="inner.b=1: is odd"),
        Fault("", problem="inner.b=1: is small"),
        Fault("inner.c", 1, "is odd", "2", "inner.c=2"),
        Fault("x.y", accepted="there"),
    ]


def test_missing_section():
    accepted = f"a section whose name is {listed(sorted(ESTIMATORS))}"
    assert faults({"dataset": {"name": "gaussian"}}) == [Fault("estimator", problem="is missing", accepted=accepted)]


def test_config_is_immutable():
    with pytest.raises(ValueError, match="frozen"):
        validate(BASE).seed = 1  # type: ignore[misc]


shares = st.lists(st.floats(0, 1), min_size=4, max_size=4)


@given(shares, st.integers(0, 20_000))
def test_shares_lose_and_repeat_no_row(parts, n):
    assume(math.fsum(parts) <= 1)
    counts = Split(train=parts[0], val=parts[1], labelled=parts[2], test=parts[3]).counts(n)
    rows = [counts[part] for part in ("train", "val", "labelled", "test")]
    assert min(rows) >= 0
    assert sum(rows) == round(math.fsum(parts) * n) <= n
    assert all(abs(count - part * n) <= 1 for count, part in zip(rows, parts, strict=True))


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4), st.integers(1, 20_000))
def test_shares_that_add_up_to_one_use_every_row(weights, n):
    assume(sum(weights) > 0)
    train, val, labelled, test = (weight / sum(weights) for weight in weights)
    counts = Split(train=train, val=val, labelled=labelled, test=test).counts(n)
    assert sum(counts.values()) == n


@given(
    st.integers(2, 10**6),
    st.integers(2, 10**6),
    st.integers(0, 10**6),
    st.one_of(st.none(), st.integers(1, 9)),
)
def test_rows_above_one_are_drawn_besides(train, test, fresh, n):
    counts = Split(train=train, val=0, labelled=0, test=test, fresh=fresh).counts(n)
    assert counts == {"train": train, "val": 0, "labelled": 0, "test": test, "fresh": fresh}


def test_sections_are_those_of_the_chosen_class():
    config = Config.model_validate(changed(BASE, dataset={"name": "root_functions", "powers": 2, "n_samples": 200}))
    assert config.dataset.dim_x == 14
    assert config.model_dump()["dataset"]["powers"] == 2


def test_three_steps_in_order_schema_file_data(tmp_path):
    file = tmp_path / "t.csv"
    table = {"name": "table", "path": str(file), "x": "a", "y": "b"}
    wrong = BASE | {"dataset": table, "training": {"lr": 0, "batch": 100}}
    (fault,) = faults(wrong)  # types and ranges: no file is touched
    assert fault.key == "training.lr"
    (line,) = lines(BASE | {"dataset": table})
    assert line.startswith(f"dataset.path={file}: no such file")
    file.write_text("a,b\n" + "".join(f"{i},{i * i % 71}\n" for i in range(71)))
    fault, *_ = faults(BASE | {"dataset": table, "split": {"train": 0.8, "val": 0.01, "test": 500}})
    problem = "is a number of further rows, and dataset.name=table has none"
    assert resembles(fault, Fault("split.test", 500, problem, "a share, up to 1", "split.test=0.2"))
    (fault,) = faults(BASE | {"dataset": table, "split": {"train": 0.8, "val": 0.01, "test": 0.1}})
    accepted = "a share or number that makes at least 2"
    assert fault == Fault("split.val", 0.01, "makes 1 row of dataset.n_samples=71", accepted)  # which the file has
