"""Runs of ``procedure: interaction``: measures, verdicts and triples of distributions and tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from runs import run_config

from mi_cli.errors import ConfigError
from mi_cli.schema.config import validate

LN2 = np.log(2)
TOGETHER = {"procedure": "interaction", "split": {"train": 1.0, "val": 0.0, "test": 0.0}, "threads": 1}
TABLES = {"tables": ["measures", "triples"], "plots": ["o_information"]}


def run(folder: Path, dataset: dict[str, Any], name: str = "copula", **more: Any) -> dict[str, Any]:
    values = TOGETHER | TABLES | {"dataset": dataset, "estimator": {"name": name}} | more
    values = validate(values).model_dump(mode="json") | {"sweep": {}}
    folder.mkdir(parents=True, exist_ok=True)
    code = run_config(values, folder)
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary | {"code": code}


def o_information(summary: dict[str, Any]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = summary["tables"]["measures"]
    return next(row for row in rows if row["measure"] == "O-information")


def table(tmp_path: Path, **columns: Any) -> dict[str, Any]:
    pl.DataFrame(columns).write_csv(tmp_path / "own.csv")
    return {"name": "columns", "path": str(tmp_path / "own.csv")}


# Systems at 2,000 rows within .02 nats + 5 % of the truth; false alarms: 1 % of the collider, below 1e-3 of the others
@pytest.mark.parametrize(
    ("dataset", "estimator", "truth", "verdict"),
    [
        ({"name": "equicorrelated"}, "copula", 0.084950, "redundant"),
        ({"name": "collider"}, "copula", -0.510826, "synergistic"),
        ({"name": "xor"}, "nearest", -LN2, "synergistic"),
        ({"name": "bits", "form": "copies"}, "nearest", LN2, "redundant"),
        ({"name": "chain"}, "gaussian", 0.188147, "redundant"),
    ],
    ids=["equicorrelated", "collider", "xor", "copies", "chain"],
)
def test_verdicts_on_systems_that_are_known(dataset, estimator, truth, verdict, tmp_path):
    summary = run(tmp_path, dataset | {"n_samples": 2000}, estimator)
    row = o_information(summary)
    assert summary["code"] == 0
    assert row["true_mi"] == pytest.approx(truth, abs=1e-5)
    assert abs(row["estimate"] - truth) < 0.02 + 0.05 * abs(truth)
    assert row["interaction"] == verdict
    assert row["ci_low"] < row["estimate"] < row["ci_high"]


def test_independent_columns_are_undecided(tmp_path, capsys):
    """At 95 %; false alarms: 5 %."""
    summary = run(tmp_path, {"name": "equicorrelated", "rho": 0.0, "columns": 5, "n_samples": 300})
    assert o_information(summary)["interaction"] == "undecided"
    assert {row["interaction"] for row in summary["tables"]["triples"]} == {"undecided"}
    assert "10 undecided" in capsys.readouterr().out


def test_gate_among_other_columns_is_found(tmp_path, capsys):
    random = np.random.default_rng(0)
    a, b, c = random.integers(2, size=(3, 400))
    dataset = table(tmp_path, a=a, b=b, gate=a ^ b, other=np.where(c, "yes", "no"))
    summary = run(tmp_path / "run", dataset, "nearest")
    first = summary["tables"]["triples"][0]
    assert {first[key] for key in ("first", "second", "third")} == {"a", "b", "gate"}
    assert first["interaction"] == "synergistic"
    assert len(summary["tables"]["triples"]) == 4
    out = capsys.readouterr().out
    assert "Interaction of a, b, gate, other: synergistic" in out
    assert "by counting" in out
    assert (tmp_path / "run" / "report.html").exists()


def test_numbers_and_classes_are_measured_by_neighbours(tmp_path):
    random = np.random.default_rng(0)
    kind = random.integers(3, size=300)
    dataset = table(
        tmp_path,
        kind=np.array(["u", "v", "w"])[kind],
        a=kind + random.normal(size=300),
        b=kind * 1.0 + random.normal(size=300),
    )
    summary = run(tmp_path / "run", dataset, "nearest")
    assert o_information(summary)["interaction"] == "redundant"


def test_many_rows_are_sampled_for_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr("mi_cli.estimators.interaction_measures.MOST_NEIGHBOUR_ROWS", 200)
    summary = run(tmp_path, {"name": "equicorrelated", "n_samples": 300}, "nearest")
    assert o_information(summary)["reason"] == "from 200 of 300 rows"


def test_wide_tables_have_triples_only(tmp_path):
    summary = run(tmp_path, {"name": "equicorrelated", "columns": 21, "n_samples": 200})
    assert summary["tables"]["measures"] == []
    assert len(summary["tables"]["triples"]) == 1330
    assert summary["tables"]["triples"][0]["interaction"] == "redundant"


def test_groups_widen_intervals(tmp_path):
    rows = np.repeat(np.random.default_rng(0).normal(size=(50, 3)) @ (np.eye(3) + 0.5), 6, 0)
    rows += 1e-3 * np.random.default_rng(1).normal(size=rows.shape)
    dataset = table(tmp_path, a=rows[:, 0], b=rows[:, 1], c=rows[:, 2], patient=np.repeat(np.arange(50), 6))
    alone = run(tmp_path / "alone", dataset | {"exclude": ["patient"]})
    together = run(tmp_path / "together", dataset | {"groups": "patient"})
    assert o_information(together)["stderr"] > 1.8 * o_information(alone)["stderr"]


@pytest.mark.parametrize("estimator", ["gaussian", "copula", "nearest"])
def test_columns_that_determine_each_other_fail_alone(estimator, tmp_path):
    a, b, noise = np.random.default_rng(0).normal(size=(3, 100))
    summary = run(tmp_path / "run", table(tmp_path, a=a, b=b, c=a + b, d=a + noise), estimator)
    assert summary["code"] == 1
    assert (
        o_information(summary)["reason"]
        == "a, b and c determine each other, so that their total correlation is infinite"
    )
    triples = [{row["first"], row["second"], row["third"]} for row in summary["tables"]["triples"]]
    assert sorted(map(sorted, triples)) == [["a", "b", "d"], ["a", "c", "d"], ["b", "c", "d"]]


@pytest.mark.parametrize("estimator", ["copula", "nearest"])
def test_a_monotone_copy_determines_its_column(estimator, tmp_path):
    a, b = np.random.default_rng(0).normal(size=(2, 100))
    summary = run(tmp_path / "run", table(tmp_path, a=a, b=b, c=np.exp(a)), estimator)
    assert (
        o_information(summary)["reason"] == "a and c determine each other, so that their total correlation is infinite"
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"dataset": {"name": "equicorrelated", "columns": 2}},
            r"dataset\.columns=2: has 2 columns in all; accepted: 3",
        ),
        ({"dataset": {"name": "gaussian", "n_samples": 100}}, r"dataset\.name=gaussian: has 2 columns in all"),
        ({"dataset": {"name": "equicorrelated", "columns": 40}}, "has 40 columns in all; accepted: 3 to 30 columns"),
        ({"dataset": {"name": "equicorrelated"}, "estimator": {"name": "ksg"}}, "accepted: copula, gaussian, nearest"),
    ],
    ids=["two columns", "a pair", "too many", "ksg"],
)
def test_what_cannot_be_measured_is_refused(more, message):
    with pytest.raises(ConfigError, match=message):
        validate(TOGETHER | {"estimator": {"name": "copula"}} | more)


SMALL_CRITICS = {
    "estimator": {"name": "auto", "separable": [8], "concat": [8]},
    "split": {"train": 0.7, "val": 0.1, "test": 0.2},
    "training": {"steps": 20},
    "folds": 2,
}


def test_critics_have_the_total_correlation_alone(tmp_path):
    """Within four of its errors of the truth."""
    summary = run(tmp_path, {"name": "equicorrelated", "rho": 0.7, "n_samples": 300}, **SMALL_CRITICS)
    assert summary["code"] == 0
    (row,) = summary["tables"]["measures"]
    assert (row["measure"], row["interaction"]) == ("total correlation", "")
    assert 0 < row["stderr"] < 0.15
    assert abs(row["estimate"] - row["true_mi"]) < 4 * row["stderr"]


def test_critics_take_classes_and_groups(tmp_path):
    random = np.random.default_rng(0)
    kind, number = random.integers(3, size=200), random.normal(size=200)
    columns = {
        "kind": np.array(["a", "b", "c"])[kind],
        "number": number,
        "sum": kind + number,
        "group": np.arange(200) // 4,
    }
    summary = run(tmp_path, table(tmp_path, **columns) | {"groups": "group"}, **SMALL_CRITICS)
    (row,) = summary["tables"]["measures"]
    assert row["status"] == "ok"
    assert row["ci_low"] > 0.2


def test_critics_of_too_few_groups_fail_in_words(tmp_path):
    a, b, c = np.random.default_rng(0).normal(size=(3, 90))
    dataset = table(tmp_path, a=a, b=b, c=c, group=np.arange(90) // 30) | {"groups": "group"}
    summary = run(tmp_path, dataset, **SMALL_CRITICS | {"folds": 5})
    (row,) = summary["tables"]["measures"]
    assert row["status"] == "failed"
    assert "90 rows in 3 blocks are too few for folds=5" in row["reason"]
