"""``mi_cli.estimate``."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from examples import agree
from runs import run_config

import mi_cli
from mi_cli import ConfigError
from mi_cli.compose.resolve import resolve
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.estimators.gaussian import Copula
from mi_cli.procedures.base import ESTIMATE_FIELDS

N = 400
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=N)
Y = np.stack([X + 0.5 * RANDOM.normal(size=N), RANDOM.normal(size=N)], 1)
TRUTH = 0.5 * np.log(5)
AXIS = ("auto", "nearest", "copula")  # the estimators of experiment=estimate
FEW = {"training": {"steps": 4}, "evaluation": {"permutations": 19, "shifts": 8}}
FAST = {"training": {"steps": 40}, "estimator": {"hidden": [8]}}

FRAME = pl.DataFrame(
    {
        "a": X[:200],
        "b": Y[:200, 0],
        "arm": np.where(RANDOM.random(200) < 0.5, "u", np.where(X[:200] > 0, "v", "w")),
        "count": RANDOM.poisson(2 + (X[:200] > 0)),
        "patient": np.arange(200) // 4,
        "day": RANDOM.permutation(200),
    }
)


@pytest.mark.parametrize(
    "kind",
    [np.asarray, torch.from_numpy, pl.Series, lambda rows: pl.DataFrame({"a": rows}), list],
    ids=["numpy", "torch", "polars series", "polars frame", "list"],
)
def test_rows_of_any_kind_give_the_same_estimate(kind):
    result = mi_cli.estimate(kind(X), Y, "copula")
    assert (result.status, result.kind) == ("ok", "point estimate")
    assert result.value == mi_cli.estimate(X, Y, "copula").value
    assert abs(result.value - TRUTH) < 5 * result.stderr  # false alarms: 1e-6


# The same as the command


@pytest.mark.parametrize(
    ("x", "y", "more", "estimators"),
    [
        (["a"], ["b"], {}, ["auto", "nearest", "copula", "ksg"]),
        (["a", "arm"], ["b", "count"], {}, ["auto", "nearest"]),
        (["a"], ["arm"], {}, ["auto", "nearest", "ross"]),
        (["a"], ["b"], {"groups": "patient"}, ["auto", "nearest", "copula", "ksg"]),
        (["a"], ["b"], {"time": "day"}, ["copula"]),
        (["a"], ["b"], {"time": "day"}, ["dv"]),
    ],
    ids=["numbers", "numbers and classes", "classes", "groups", "time", "critic over time"],
)
def test_numbers_are_those_of_the_command(x, y, more, estimators, tmp_path):
    FRAME.write_csv(tmp_path / "rows.csv")
    overrides = [f"dataset.path='{tmp_path / 'rows.csv'}'", f"dataset.x={x}", f"dataset.y={y}", "plots=[]", "threads=1"]
    overrides += [f"dataset.{key}={column}" for key, column in more.items()]
    settings = {} if estimators == ["copula"] else FEW  # once with no setting at all
    overrides += [f"{section}.{key}={value}" for section, of in settings.items() for key, value in of.items()]
    rows = {}
    chosen = [name for name in estimators if name not in AXIS]
    axis = [name for name in estimators if name in AXIS]
    whole = [[]] if "auto" in axis else [[f"sweep.estimator={axis}"]] if axis else []
    for number, options in enumerate([*whole, *([f"estimator={name}"] for name in chosen)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert run_config(resolve(["experiment=estimate", *overrides, *options]).values, folder) == 0
        with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
            rows |= {row["method"]: row for row in csv.DictReader(file)}
    beside = {key: FRAME[column] for key, column in more.items()}
    one = mi_cli.estimate(FRAME[x], FRAME[y], settings=settings, **beside) if "auto" in estimators else None
    made = {} if one is None else dict(one.estimates)
    for name in chosen if made else estimators:
        made[name] = mi_cli.estimate(FRAME[x], FRAME[y], name, settings=settings, **beside)
    for name in estimators:
        result, row = made[name], rows[name]
        fields = {field: getattr(result, field) for field in ESTIMATE_FIELDS} | {"estimate": result.value}
        assert result.status == row["status"] == "ok"
        for field, value in fields.items():
            written = "" if value is None else str(value)
            assert row[field] == written or float(row[field]) == value, (name, field)
    if one is not None:
        written = json.loads((tmp_path / "0" / "summary.json").read_text())["answer"]
        assert one.as_mapping() == {key: value for key, value in written.items() if key != "seed"}
        assert {name: result.value for name, result in one.estimates.items()} == {
            name: float(rows[name]["estimate"]) for name in AXIS if name in rows
        }


def test_estimates_of_an_answer_are_the_same_alone():
    one = mi_cli.estimate(FRAME["a"], FRAME["b"], settings=FEW)
    assert list(one.estimates) == list(AXIS)
    for name, result in one.estimates.items():
        assert agree(result, mi_cli.estimate(FRAME["a"], FRAME["b"], name, settings=FEW)), name


def test_without_an_estimator_there_is_one_answer():
    one = mi_cli.estimate(X, Y, settings={"training": {"steps": 40}})
    assert isinstance(one, mi_cli.Answer)
    assert (one.verdict, list(one.estimates)) == ("answer", list(AXIS))
    assert one.ci_low < TRUTH < one.ci_high
    auto = one.estimates["auto"]
    assert one.source == "auto"
    assert one.value == pytest.approx(auto.value)
    assert auto.value == pytest.approx((auto.test_mi + max(auto.test_mi, auto.train_mi)) / 2)
    assert one.p_value < 1e-6


def test_bits_are_the_same_answer_in_other_units(capfd):
    frame = pl.DataFrame({"dose <mg>": X, "arm": X > 0})
    nats = mi_cli.estimate(frame["dose <mg>"], frame["arm"], settings=FEW, progress="lines")
    bits = mi_cli.estimate(frame["dose <mg>"], frame["arm"], settings=FEW, units="bits", progress="bar")
    assert (nats.units, bits.units) == ("nats", "bits")
    for field in ("value", "ci_low", "ci_high", "lower", "entropy_y"):
        one, other = getattr(nats, field), getattr(bits, field)
        assert (one is None and other is None) or other == pytest.approx(one / np.log(2))
    assert bits.normalised == pytest.approx(nats.normalised)
    assert bits.as_mapping() == pytest.approx(nats.as_mapping())
    for name, one in bits.estimates.items():
        assert one.units == "bits"
        assert one.value == pytest.approx(nats.estimates[name].value / np.log(2))
    assert str(bits).startswith("MI of dose <mg> and arm: ")
    assert f"{bits.value:.2f} bits" in str(bits)
    assert "dose &lt;mg&gt;" in bits._repr_html_()
    assert "dose <mg>" not in bits._repr_html_()
    assert bits._repr_html_().count("<circle") == 1 + len(bits.estimates)
    out, err = capfd.readouterr()
    assert out == ""
    assert "2 of 2 estimators" in err  # of the bar
    with pytest.raises(ConfigError, match=r"^units=bans: must be nats or bits"):
        mi_cli.estimate(X, Y, "copula", units="bans")
    with pytest.raises(ConfigError, match=r"^progress=loud: must be auto, bar, lines or none"):
        mi_cli.estimate(X, Y, "copula", progress="loud")


def test_the_interval_says_its_level():
    result = mi_cli.estimate(X, Y, "copula", settings={"evaluation": {"level": 0.5}})
    assert "(50 %: " in str(result)


def test_estimators_that_cannot_take_the_columns_are_not_in_the_answer():
    one = mi_cli.estimate(X, X > 0, settings=FEW)
    assert list(one.estimates) == ["auto", "nearest"]
    assert one.value <= one.entropy_y
    assert one.normalised == one.value / one.entropy_y


def test_an_answer_says_what_was_done_with_the_columns():
    levels = pl.DataFrame({"level": np.clip(np.round(X), -2, 2).astype(int)})
    one = mi_cli.estimate(levels, Y, settings=FEW)
    assert any("level" in note and "classes" in note for note in one.notes)


def test_linear_relation_has_an_infinite_answer():
    one = mi_cli.estimate(X, 2.54 * X + 3, settings=FEW)
    assert (one.verdict, one.value, one.ci_high, one.source) == ("answer", np.inf, np.inf, "exact relation")
    assert one.reason == "y is a linear function of x: the MI is infinite"
    assert one.ci_low > 1


def test_settings_of_an_estimator_need_that_estimator():
    with pytest.raises(ConfigError) as raised:
        mi_cli.estimate(X, Y, settings={"estimator": {"hidden": [8]}})
    (fault,) = raised.value.faults
    assert (fault.key, fault.accepted) == ("settings.estimator", "beside estimator=")


def test_settings_are_those_of_the_command():
    result = mi_cli.estimate(X, Y, "dv", seed=3, settings=FAST | {"folds": 3, "evaluation": {"level": 0.9}})
    wide = mi_cli.estimate(X, Y, "dv", seed=3, settings=FAST | {"folds": 3})
    assert result.value == wide.value
    assert result.ci_high < wide.ci_high
    assert result.steps == 40


@pytest.mark.parametrize("name", ["ksg", "copula", "histogram"])
def test_number_of_threads_changes_no_number(name):
    one, several = (mi_cli.estimate(X, Y[:, 0], name, settings={"threads": n}) for n in (1, 3))
    assert one.p_value is not None
    assert agree(one, several)


def test_estimator_is_a_name_or_an_object():
    assert mi_cli.estimate(X, Y, Copula(correct=False)) == mi_cli.estimate(
        X, Y, "copula", settings={"estimator": {"correct": False}}
    )
    settings = {"training": FAST["training"]}
    assert mi_cli.estimate(X, Y, DonskerVaradhan(hidden=(8,)), settings=settings) == mi_cli.estimate(
        X, Y, "dv", settings=FAST
    )


def test_critics_are_cross_fitted_and_the_seed_decides():
    one, same, other = (mi_cli.estimate(X, Y, "dv", seed=seed, settings=FAST) for seed in (0, 0, 1))
    assert one == same
    assert one.value != other.value
    assert one.lower < one.value < one.ci_high
    assert one.p_value <= 1 / 200  # beyond all of 199 permutations of 80 rows a fold


def test_rows_of_groups_stay_together_and_make_the_error_larger():
    # Each row five times over tells no more than once.
    x, y, group = (np.repeat(side, 5, axis=0) for side in (X[:100], Y[:100, :1], np.arange(100)))
    settings = {"training": {"steps": 60}, "estimator": {"hidden": [8]}}
    result = mi_cli.estimate(x, y, "dv", groups=group, settings=settings)
    assert result.status == "ok"
    assert result.p_value is None
    naive = mi_cli.estimate(x, y, "dv", settings=settings)
    assert result.stderr > 1.5 * naive.stderr


# What is missing, and what is left out


def test_missing_values_are_dealt_with_as_missing_says():
    masked = np.ma.masked_array(np.where(X > 1, -9999, X), X > 1)
    kept = X <= 1
    for rows in (masked, [None if value > 1 else value for value in X.tolist()]):
        dropped = mi_cli.estimate(rows, Y, "copula", missing="drop")
        assert dropped.value == mi_cli.estimate(X[kept], Y[kept], "copula").value
        same = mi_cli.estimate(rows, Y, "copula", settings={"dataset": {"missing": "drop"}})
        assert dropped.value == same.value
        with pytest.raises(ConfigError, match="1 column with missing values"):
            mi_cli.estimate(rows, Y, "copula")
    with pytest.raises(ConfigError, match=r"dataset\.missing=guess"):
        mi_cli.estimate(X, Y, missing="guess")


def test_columns_that_are_left_out_are_a_warning_and_excluded_ones_are_not():
    frame = FRAME.select("a", number=pl.int_range(200), same=pl.lit(1.0))
    with pytest.warns(UserWarning, match="left out") as warned:
        result = mi_cli.estimate(frame, FRAME["b"], "copula")
    assert [str(each.message).partition(" ")[0] for each in warned] == ["number", "left"]
    assert Path(warned[0].filename) == Path(__file__)
    alone = mi_cli.estimate(FRAME["a"], FRAME["b"], "copula")
    assert result.value == alone.value
    assert mi_cli.estimate(frame, FRAME["b"], "copula", exclude=["n*", "same"]).value == alone.value


# What is refused


@pytest.mark.parametrize(
    ("x", "y", "more", "keys", "problem"),
    [
        (X, Y[:-1], {}, ["rows"], "x 400, y 399"),
        (np.zeros((2, 2, 2)), Y, {}, ["x"], "3 dimensions"),
        (np.where(X > 2, np.nan, X), Y, {}, ["dataset.missing"], "missing values"),
        (np.zeros(N), Y, {}, ["dataset.x"], "constant"),
        (X, X, {}, ["dataset.y"], "equal"),
        (X, Y, {"estimator": "crystal_ball"}, ["estimator.name"], "no such estimator"),
        (X, Y, {"estimator": "../experiment/estimate"}, ["estimator.name"], "no such estimator"),
        (X, Y, {"estimator": Copula}, ["estimator"], ""),
        (
            X,
            Y,
            {"estimator": Copula(), "settings": {"estimator": {"correct": False}}},
            ["settings.estimator"],
            "beside",
        ),
        (X, Y, {"settings": 3}, ["settings"], ""),
        (X, Y, {"settings": {"steps": 3, "lr": 1}}, ["steps", "lr"], "no setting of an estimate"),
        (X, Y, {"settings": {"dataset": 3}}, ["dataset"], ""),
        (X, Y, {"settings": {"dataset": {"path": "t.csv"}}}, ["dataset.path"], "no setting of rows in memory"),
        (X, Y, {"settings": {"dataset": {"missing": "guess"}}}, ["dataset.missing"], ""),
        (X, Y, {"settings": {"training": {"step": 3}}}, ["training.step"], "unknown key"),
        (X, Y, {"settings": {"training": {"steps": 0}}}, ["training.steps"], ""),
        (X, Y, {"settings": {"training": 5}}, ["training"], ""),
        (X, Y, {"seed": -1}, ["seed"], ""),
        (X, Y, {"groups": np.arange(N) % 3}, ["folds"], "3 groups"),
        (X, Y > 0, {"estimator": "ksg"}, ["estimator.name"], "continuous"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(x, y, more, keys, problem):
    with pytest.raises(ConfigError) as raised:
        mi_cli.estimate(x, y, **{"estimator": "dv"} | more)
    assert [fault.key or str(fault).partition("=")[0] for fault in raised.value.faults] == keys
    assert all(problem in line and "\n" not in line for line in raised.value.lines)
    assert isinstance(raised.value, ValueError)


# Where it is called from

FOREIGN = """
import os
import sys
import hydra
import numpy as np
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

import mi_cli

@hydra.main(config_path=None, config_name=None, version_base="1.3")
def main(config):
    before = GlobalHydra.instance().hydra, HydraConfig.get(), HydraConfig.instance().cfg.hydra.job.override_dirname
    x = np.random.default_rng(0).normal(size=200)
    print(repr(mi_cli.estimate(x, x + np.random.default_rng(1).normal(size=200), "copula").value))
    try:
        mi_cli.estimate(x, x)
    except mi_cli.ConfigError as error:
        print(error)
    after = GlobalHydra.instance().hydra, HydraConfig.get(), HydraConfig.instance().cfg.hydra.job.override_dirname
    assert all(one is other or one == other for one, other in zip(before, after)), (before, after)
    assert before[0] is after[0] is not None

main()
assert not any(name.startswith(("mi_cli.compose", "mi_cli.cli")) for name in sys.modules)
sys.stdout.flush()
os._exit(0)  # to take torch down takes half a second
"""


def test_hydra_of_somebody_else_is_left_as_it_is(tmp_path):
    (tmp_path / "application.py").write_text(FOREIGN)
    done = subprocess.run(
        [sys.executable, "application.py", "+estimator=nothing", "hydra.run.dir=."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value, fault = done.stdout.splitlines()
    x = np.random.default_rng(0).normal(size=200)
    assert float(value) == mi_cli.estimate(x, x + np.random.default_rng(1).normal(size=200), "copula").value
    assert "equal" in fault


ALONE = """
import os, sys, time
import numpy as np
x, noise = np.random.default_rng(0).normal(size=(2, 1000))
start = time.perf_counter()
import mi_cli
mi_cli.estimate(x, x + noise, "ksg")
print(time.perf_counter() - start)
print(*sorted({name.partition(".")[0] for name in sys.modules}), flush=True)
os._exit(0)  # to take torch down takes half a second
"""


def test_estimate_of_arrays_writes_nothing_and_loads_no_more_than_it_needs(tmp_path):
    environment = os.environ | {"MI_CONFIG_PATH": str(tmp_path / "nowhere"), "TMPDIR": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    _, modules = done.stdout.splitlines()
    assert not {"hydra", "omegaconf", "polars", "matplotlib", "rich"} & set(modules.split())
    assert list(Path(tmp_path).iterdir()) == []


def test_estimate_changes_no_number_of_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    mi_cli.estimate(X, Y, "copula")
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_what_is_not_the_estimate_takes_little_time():
    settings = {"evaluation": {"permutations": 0}}
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        mi_cli.estimate(X, Y[:, 0], "copula", settings=settings)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.1  # 1.4 ms on an idle core


def test_given_z():
    random = np.random.default_rng(5)
    z, a, b = random.normal(size=(3, 400))
    x, y = np.sin(2 * z) + a, z**2 + 0.6 * a + 0.8 * b
    one = mi_cli.estimate(x, y, z=z, settings={"training": {"steps": 10}})
    assert set(one.estimates) == {"auto", "nearest", "copula"}
    assert one.lower is None  # a difference of bounds is no bound
    assert one.verdict == "answer"
    assert one.value == pytest.approx(0.2231, abs=0.12)
    assert one.p_value < 0.05
    frame = pl.DataFrame({"z": z, "arm": np.where(random.random(400) < 0.5, "u", "v")})
    assert mi_cli.estimate(x, y, "copula", z=frame).value == pytest.approx(0.2231, abs=0.12)


def test_what_z_cannot_be():
    with pytest.raises(ConfigError, match=r"estimator\.name=club: does not estimate the MI given z"):
        mi_cli.estimate(X[:100], Y[:100, 0], "club", z=Y[:100, 1])
    with pytest.raises(ConfigError, match="rows: x 100, y 100, z 99; accepted: as many of each"):
        mi_cli.estimate(X[:100], Y[:100, 0], z=Y[:99, 1])
    with pytest.raises(ConfigError, match=r"estimator\.form=2: is not defined for the MI given z; accepted: 1"):
        mi_cli.estimate(X[:100], Y[:100, 0], "ksg", z=Y[:100, 1], settings={"estimator": {"form": 2}})


# Pointwise MI


def test_pointwise_mi_is_in_the_order_of_the_rows():
    y = Y[:, 0]
    result = mi_cli.estimate(X, y, "dv", pointwise=True, settings=FAST)
    assert result.pointwise.number.tolist() == list(range(N))
    assert result.pointwise.nats.mean() == pytest.approx(result.value, abs=1e-9)
    assert np.allclose(result.pointwise.x, X)
    assert np.allclose(result.pointwise.y, y)
    assert result.pointwise.rank[result.pointwise.nats.argmax()] == 1


def test_pointwise_mi_is_of_critics_that_are_asked_for_it():
    assert mi_cli.estimate(X, Y, "copula", pointwise=True).pointwise is None
    assert mi_cli.estimate(X, Y, "dv", settings=FAST).pointwise is None
