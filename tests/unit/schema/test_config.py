"""What a config may say: ranges, types, and the line for each fault."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mi_cli.errors import listed, shown
from mi_cli.registry.builtin import DATASETS, ESTIMATORS, PLOTS
from mi_cli.schema.config import Config, ConfigError, validate
from mi_cli.schema.sweep import put
from mi_cli.training.settings import Split

NAMES = ", ".join(sorted(ESTIMATORS))
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


def faults(values: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        validate(values)
    assert str(caught.value) == "\n".join(caught.value.lines)
    return list(caught.value.lines)


def test_defaults_are_valid():
    assert validate(BASE) == validate(validate(BASE).model_dump())
    assert validate(TABLE).rows == {"train": 50, "val": 25, "labelled": 10, "test": 15, "fresh": 0}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"dataset__rho": 1.5}, "dataset.rho=1.5: must be a number between -1 and 1"),
        ({"dataset__rho": -1.01}, "dataset.rho=-1.01: must be a number between -1 and 1"),
        ({"dataset__rho": True}, "dataset.rho=true: must be a number between -1 and 1"),
        ({"dataset__rho": "abc"}, "dataset.rho=abc: must be a number between -1 and 1"),
        ({"dataset__rho": math.nan}, "dataset.rho=nan: must be a finite number between -1 and 1"),
        ({"dataset__rho": None}, "dataset.rho=null: must be a number between -1 and 1"),
        ({"dataset__rhoo": 1}, "dataset.rhoo=1: unknown key; accepted: dataset.dim, dataset.map, dataset.mi,"),
        ({"dataset__mi": -1}, "dataset.mi=-1: must be a number of at least 0 or null"),
        ({"dataset__mi": 13}, "dataset.mi=13: must be between 0 and 12 with these settings"),
        (
            {"dataset__mi": 2, "dataset__rho": 0.5},
            "dataset.mi=2: makes dataset.rho=0.9908, not dataset.rho=0.5; accepted: dataset.rho=0.6",
        ),
        ({"dataset__map": "cube"}, "dataset.map=cube: must be none, cubic, half_cube, asinh, wiggly, uniform or swiss"),
        ({"dataset__dim": 0}, "dataset.dim=0: must be a whole number of at least 1"),
        ({"dataset__n_samples": -5}, "dataset.n_samples=-5: must be a whole number of at least 1 or null"),
        (
            {"dataset__n_samples": 10.5},
            "dataset.n_samples=10.5: must be a whole number of at least 1 or null",
        ),
        ({"dataset": 3}, "dataset=3: must be a section whose name is "),
        (
            {"dataset__name": "foo"},
            f"dataset.name=foo: no such dataset; accepted: {', '.join(sorted(DATASETS))}",
        ),
        ({"estimator": {}}, f"estimator.name=null: no such estimator; accepted: {NAMES}"),
        (
            {"estimator__hidden": 5},
            "estimator.hidden=5: must be a list (at most 16 entries, each a whole number of ",
        ),
        ({"estimator__hidden": [8, 0]}, "estimator.hidden.1=0: must be a whole number of at least 1"),
        ({"training__batch": "abc"}, "training.batch=abc: must be a whole number of at least 1 or full"),
        ({"training__batch": 0}, "training.batch=0: must be a whole number of at least 1 or full"),
        ({"training__batch": True}, "training.batch=true: must be a whole number of at least 1 or full"),
        ({"training__batch": 1}, "training.batch=1: must be at least 2, so that rows can be paired anew"),
        ({"training__batch": "full"}, "training.batch=full: fresh rows at every step need a number"),
        ({"training__lr": 0}, "training.lr=0: must be a number above 0"),
        ({"training__lr": math.inf}, "training.lr=inf: must be a finite number above 0"),
        (
            {"training__lr": [1, 2]},
            "training.lr=[1, 2]: must be a number above 0 (as an axis: sweep.training.lr=[1, 2])",
        ),
        ({"training__ema": 1}, "training.ema=1: must be a number of at least 0 and below 1"),
        ({"training__patience": True}, "training.patience=true: must be a whole number of at least 0"),
        ({"training__schedule": "step"}, "training.schedule=step: must be constant or cosine"),
        ({"training": 3}, "training=3: must be a section (name, steps, lr,"),
        ({"seed": -1}, "seed=-1: must be a whole number between 0 and 4294967295"),
        ({"seed": True}, "seed=true: must be a whole number between 0 and 4294967295"),
        ({"name": "a/b"}, "name=a/b: must be up to 100 letters, digits, dots, dashes and underscores"),
        ({"noise__scale": -0.1}, "noise.scale=-0.1: must be a number of at least 0"),
        ({"shift__scale_low": 3}, "shift.scale_low=3: must be ≤ shift.scale_high=1"),
        (
            {"shift__shift_mean": 1},
            "shift.name=scale_shift: moves unlabelled rows, which procedure=estimate has not",
        ),
        ({"split__train": 1.5}, "split.train=1.5: above 1 it is a number of rows and must be whole"),
        (
            {"split__test": 0.5},
            "split.train=1, split.test=0.5: shares that add up to 1.5; accepted: at most 1",
        ),
        ({"split__val": 0}, "split.val=0: makes 0 rows; accepted: a number of rows, at least 2"),
        ({"split__fresh": 0.5}, "split.fresh=0.5: must be a whole number of at least 0"),
        ({"evaluation__level": 1}, "evaluation.level=1: must be a number above 0 and below 1"),
        ({"budget__seeds": 0}, "budget.seeds=0: must be a whole number of at least 1 or null"),
        ({"plots": ["foo"]}, f"plots.0=foo: must be {listed(PLOTS)}"),
        ({"claims": [{"text": "a"}]}, "claims.0={text: a}: must be a section whose kind is equals_truth, "),
        ({"claims": [{"text": "a", "kind": "x"}]}, "claims.0.kind=x: must be equals_truth, "),
        ({"claims": [{"text": "a", "kind": "lower", "method": "m"}]}, "claims.0.than: is missing; accepted: text"),
        (
            {"claims": [{"text": "a", "kind": "lower", "method": "m", "than": "n", "margin": 1}]},
            "claims.0.margin=1: unknown key; accepted: claims.0.column, claims.0.kind, claims.0.method,",
        ),
        (
            {"claims": [{"text": "a", "kind": "equals_truth", "absolute": -1}]},
            "claims.0.absolute=-1: must be a number of at least 0",
        ),
        ({"device": "gpu"}, "device=gpu: must be auto, cpu, cuda or mps"),
        ({"threads": 0}, "threads=0: must be a whole number between 1 and 1024 or auto"),
        ({"threads": 10**6}, "threads=1000000: must be a whole number between 1 and 1024 or auto"),
        ({"plan": "maybe"}, "plan=maybe: must be true or false"),
        ({"output_root": 3}, "output_root=3: must be a folder"),
        ({"output_root": " "}, "output_root=: must be a folder"),
        ({"sweep": 3}, "sweep=3: must be a section"),
        ({"foo": 1}, "foo=1: unknown key; accepted: budget, checkpoint_every, claims, dataset,"),
        ({"procedure": "maximise"}, "dataset.n_samples=null: procedure=maximise needs a number of rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_fault_is_one_line_with_key_value_and_what_is_accepted(values, line):
    found = faults(changed(BASE, **values))
    assert len(found) == 1
    assert found[0].startswith(line)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"representation__dim": 11},
            "representation.dim=11: PCA of 10 columns and 50 rows has fewer components",
        ),
        (
            {"split__train": 0.01, "representation__dim": 1},
            "split.train=0.01: makes 1 rows of dataset.n_samples=100; accepted: a share or",
        ),
        ({"split__labelled": 0}, "split.labelled=0: makes 0 rows of dataset.n_samples=100"),
        (
            {"estimator": {"name": "linear"}, "training__batch": "full"},
            "estimator.name=linear: cannot train an encoder; accepted: dv, fdime, ",
        ),
        ({"training__carry": "seed"}, "training.carry=seed: is for procedure=estimate; accepted: null"),
        ({"evaluation__last_steps": 5}, "evaluation.last_steps=5: is for procedure=estimate; accepted: 0"),
    ],
)
def test_fault_of_sections_that_do_not_fit_together(values, line):
    assert [found.startswith(line) for found in faults(changed(TABLE, **values))] == [True]


def test_every_fault_has_a_line():
    accepted = ", ".join(f"estimator.{key}" for key in sorted(type(validate(BASE).estimator).model_fields))
    assert faults(changed(BASE, dataset__rho=2, training__lr=0, estimator__hiden=[8])) == [
        f"estimator.hiden=[8]: unknown key; accepted: {accepted}",
        "dataset.rho=2: must be a number between -1 and 1",
        "training.lr=0: must be a number above 0",
    ]


def test_missing_section():
    assert faults({"dataset": {"name": "gaussian"}}) == [
        f"estimator: is missing; accepted: a section whose name is {listed(sorted(ESTIMATORS))}"
    ]


def test_config_is_immutable():
    with pytest.raises(ValueError, match="frozen"):
        validate(BASE).seed = 1  # type: ignore[misc]


def test_shown():
    values = [None, True, 0.1, "a b", ["x", None], {"a": [1]}, "x" * 70, math.inf]
    assert [shown(value) for value in values] == [
        *("null", "true", "0.1", "a b", "[x, null]", "{a: [1]}", "x" * 57 + "...", "inf")
    ]
    assert listed(["a"]) == "a"
    assert listed(["a", "b", None]) == "a, b or null"


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
    (line,) = faults(wrong)  # types and ranges: no file is touched
    assert line.startswith("training.lr=0: ")
    (line,) = faults(BASE | {"dataset": table})
    assert line.startswith(f"dataset.path={file}: no such file")
    file.write_text("a,b\n" + "".join(f"{i},{i * i % 71}\n" for i in range(71)))
    lines = faults(BASE | {"dataset": table, "split": {"train": 0.8, "val": 0.01, "test": 500}})
    assert lines[0].startswith("split.test=500: rows drawn besides")
    (line,) = faults(BASE | {"dataset": table, "split": {"train": 0.8, "val": 0.01, "test": 0.1}})
    assert line.startswith("split.val=0.01: makes 1 rows of dataset.n_samples=71")  # which the file has
