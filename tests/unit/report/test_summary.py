"""Summaries, and how they are shown."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from examples import SMALL, config
from rich.console import Console

from mi_cli.analysis.answer import answer
from mi_cli.analysis.facts import Facts
from mi_cli.analysis.intervals import mean_interval
from mi_cli.bounds import uncertainty
from mi_cli.datasets.bend_and_mix import BendAndMix
from mi_cli.datasets.off_benchmark.dataset import OffBenchmark
from mi_cli.records.results import write_json
from mi_cli.report import tables, terminal_tables
from mi_cli.report.summary import summarise
from mi_cli.report.tables import remarks


def row(trial, method="mine", rho=0.6, status="ok", **fields):
    return {"trial": trial, "seed": trial % 3, "status": status, "method": method, "dataset.rho": rho, **fields}


ROWS = [
    *(row(seed, rho=0.6, estimate=0.2 + 0.01 * seed, true_mi=0.2231, seconds=1.0) for seed in range(3)),
    *(row(3 + seed, rho=1.0, estimate=4.0 + seed, true_mi=math.inf, seconds=2.0) for seed in range(2)),
    row(5, rho=1.0, status="diverged", true_mi=math.inf),
]
METHODS = [
    row(seed, method, test_mse=value + 0.1 * seed, split_mse=1.0)
    for seed in range(3)
    for method, value in (("linear_regression", 1.0), ("ridge", 0.5))
]


def summary(rows=ROWS, axes=("dataset.rho",), **fields):
    return summarise(config(SMALL, name="small", **fields), rows, list(axes), {})


def shown(found, width=120, **options):
    text = io.StringIO()
    terminal_tables.show(found, Console(file=text, width=width), **options)
    return text.getvalue()


def test_cells_are_means_over_seeds_with_intervals():
    first, second = summary()["cells"]
    of = mean_interval([0.2, 0.21, 0.22])
    assert first["estimate"] == {"mean": of.mean, "sd": of.sd, "ci_low": of.low, "ci_high": of.high}
    assert (first["dataset.rho"], first["method"], first["n"], first["true_mi"]) == (0.6, "mine", 3, 0.2231)
    assert (second["n"], second["true_mi"], second["estimate"]["mean"]) == (2, math.inf, 4.5)
    assert "test_mse" not in first


def test_statuses_are_counted_by_trial():
    assert summary()["trials"] == {"diverged": 1, "ok": 5}
    mixed = [row(0, "ridge"), row(0, "mi_encoder", status="diverged"), row(1, "ridge")]
    assert summary(mixed)["trials"] == {"diverged": 1, "ok": 1}


def test_level_of_the_config_is_used():
    (cell, _) = summary(evaluation={"level": 0.5})["cells"]
    expected = mean_interval([0.2, 0.21, 0.22], 0.5)
    assert (cell["estimate"]["ci_low"], cell["estimate"]["ci_high"]) == (expected.low, expected.high)


def test_difference_from_the_baseline_is_paired():
    baseline, ridge = summary(METHODS)["cells"]
    assert "difference" not in baseline
    assert ridge["difference"]["from"] == "linear_regression"
    assert ridge["difference"]["mean"] == pytest.approx(-0.5)
    assert ridge["difference"]["sd"] == pytest.approx(0, abs=1e-12)  # the seeds' own spread is gone


def test_values_that_are_not_finite_are_left_out():
    errors = (math.nan, 2.1, 2.2)
    rows = [*METHODS, *(row(seed, "network", test_mse=error) for seed, error in enumerate(errors))]
    network = summary(rows)["cells"][-1]
    assert network["test_mse"]["mean"] == pytest.approx(2.15)
    assert network["difference"]["mean"] == pytest.approx(1.0)


def test_claims_are_judged():
    claims = [{"kind": "within", "text": "small", "high": 1.0, "where": {"dataset.rho": 0.6}}]
    (found,) = summary(claims=claims)["claims"]
    assert (found["verdict"], found["text"]) == ("holds", "small")


def test_summary_says_what_was_run():
    found = summary()
    assert {key: found[key] for key in ("name", "procedure", "variant", "budget", "axes", "level")} == {
        "name": "small", "procedure": "estimate", "variant": "corrected", "budget": "full",
        "axes": ["dataset.rho"], "level": 0.95,
    }  # fmt: skip


def test_table_shows_means_half_widths_and_truth():
    text = shown(summary())
    assert "dataset.rho" in text
    assert "0.2100 ± 0.0248" in text
    assert "0.2231" in text
    assert "∞" in text
    assert "nats" in text


def test_table_of_methods_shows_differences():
    text = shown(summary(METHODS))
    assert "test MSE" in text
    assert "-0.5000" in text
    assert "true MI" not in text


def test_verdicts_are_shown_with_the_cell_that_decides():
    claims = [
        {"kind": "within", "text": "all [small]", "high": 1.0},
        {"kind": "within", "text": "none", "low": 100.0, "where": {"dataset.rho": 7}},
    ]
    text = shown(summary(claims=claims))
    assert "undecided: all [small]" in text
    assert "at dataset.rho=1.0; 1 of 2 settings hold" in text
    assert "undecided: none (no numbers)" in text


def test_tables_that_were_asked_for():
    rows = [one | {"kind": "lower bound"} for one in ROWS]
    found = summary(rows, tables=["solved"])
    assert [line["method"] for line in found["tables"]["solved"]] == ["mine"]
    text = shown(found)
    assert "solved: 1 task of small with a finite true MI" in text
    assert "1 of 1" in text
    assert "lower bound" in text
    assert "lost" not in text  # nothing was
    assert summary(rows)["tables"] == {}
    assert "no task has a true MI" in shown(summary(METHODS, axes=(), tables=["solved"]))


def test_very_many_settings_are_left_to_the_tables():
    rows = [row(n, rho=n / 100, estimate=0.1, true_mi=0.1, seconds=1.0) for n in range(60)]
    assert "dataset.rho" in shown(summary(rows))
    text = shown(summary(rows, tables=["solved"]))
    assert "dataset.rho" not in text
    assert "means of 60 settings are in summary.json" in text


def test_single_seed_is_shown_without_interval():
    text = shown(summary([ROWS[0]]))
    assert "0.2000" in text
    assert "±" not in text.split("estimate")[1].split("\n", 1)[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (math.inf, "∞"), (0, "0.0000"), (0.12345, "0.1235"), (1e-7, "1.0e-07"), (-2e5, "-2.0e+05")],
)
def test_numbers_have_four_digits(value, text):
    assert tables.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (-math.inf, "∞"),
        (-3.1e-4, "-0.0003"),
        (-1e-7, "0.0000"),
        (1e-7, "0.0000"),
        (0.25, "0.2500"),
        (2e5, "2.0e+05"),
    ],
)
def test_amounts_of_information_have_one_format(value, text):
    assert tables.information(value) == text


def test_a_small_error_that_is_no_information_keeps_its_digits():
    cell = {"method": "ridge", "n": 1, "test_mse": {"mean": 3e-6, "ci_low": None, "ci_high": None}}
    assert tables.mean_table(summary([], ()) | {"cells": [cell], "axes": []})[1] == [["ridge", "1", "3.0e-06"]]


# The answer

ESTIMATES = [
    row(0, "auto", kind="lower bound", estimate=0.5, stderr=0.01, lower=0.48, p_value=1e-12, rows=5000, reason=""),
    row(0, "nearest", kind="point estimate", estimate=0.51, stderr=0.01, p_value=1e-12, rows=5000, reason=""),
]


def answered(rows=ESTIMATES, axes=(), **fields):
    return summary(rows, axes, tables=["estimates"], **{"budget": {"name": "quick"}} | fields)


def test_one_setting_has_one_answer_and_it_is_shown_first():
    found = answered()
    assert (found["answer"]["verdict"], found["answer"]["value"], found["answer"]["source"]) == ("answer", 0.5, "auto")
    first, second, *_ = shown(found).splitlines()
    assert first == ("MI = 0.5000 nats, 95 % interval for the true MI [0.4804, 0.5296], at least 0.4800, p < 2e-12")
    assert second == "From auto: auto and nearest agree, though they fail in different ways."
    assert "MI = 0.7213 bits" in shown(answered(units="bits"))
    assert "< 1e-12" in shown(found)


def test_several_settings_have_a_list_of_answers():
    rows = [one | {"dataset.rho": rho, "seed": seed} for one in ESTIMATES for rho in (0.6, 1.0) for seed in (0, 1)]
    found = answered(rows, ["dataset.rho"])
    assert [(one["dataset.rho"], one["seed"]) for one in found["answer"]] == [(0.6, 0), (0.6, 1), (1.0, 0), (1.0, 1)]
    assert "dataset.rho=1.0, seed=1: MI = 0.5000 nats" in shown(found)


def test_what_cannot_be_told_says_what_would_help():
    found = answered([one | {"stderr": 0.2} for one in ESTIMATES])
    assert found["answer"]["value"] is None
    lines = shown(found).splitlines()
    assert lines[0] == "Cannot tell: the interval is too wide: the standard error is large. What would help: more rows."
    assert lines[1].startswith("The true MI is in [0.1080, 0.9020] nats")


def test_infinite_mi_survives_the_file(tmp_path):
    found = answered([ESTIMATES[0], ESTIMATES[1] | {"estimate": math.inf, "stderr": 0.0}])
    assert "MI = ∞ nats" in shown(found)
    assert "From an exact relation: x and y determine each other: the MI is infinite." in shown(found)
    write_json(tmp_path / "summary.json", found)
    assert json.loads((tmp_path / "summary.json").read_text())["answer"]["value"] == "inf"


def test_classes_show_their_entropy_and_the_share_of_it():
    facts = Facts(5000, classes_y=True, entropy_y=math.log(2))
    one = answer(ESTIMATES, facts).as_mapping()
    found = answered() | {"answer": one}
    assert "H(y) = 0.6931 nats, normalised MI, I / H(y), = 0.721" in shown(found)
    both = found["answer"] | {"entropy_x": 1.0}
    assert "H(x) = 1.0000 nats, H(y) = 0.6931 nats, normalised MI, I / min(H(x), H(y))" in shown(
        found | {"answer": both}
    )


def test_smoke_gives_no_answer():
    found = answered(budget={"name": "smoke"})
    assert found["answer"] is None
    assert shown(found).startswith("No verdict: budget=smoke")


def test_runs_without_the_table_of_estimates_have_no_answer():
    assert summary()["answer"] is None


def test_floor_of_p_values_is_that_of_estimators():
    assert uncertainty.p_value(np.array([1e9, *np.random.default_rng(0).normal(size=199)])) == tables.SMALLEST_P


def test_answers_are_held_to_the_truth_of_the_data_of_their_trial():
    rows = [
        row(trial, estimate=0.22, true_mi=0.2231, estimator="mine", rows=2000, stderr=0.01, ci_low=0.2, ci_high=0.24)
        for trial in range(2)
    ]
    datasets = {0: BendAndMix(task="1v1-AI"), 1: OffBenchmark(task="ring")}
    claim = {"kind": "answers", "text": "it covers", "share": "covers_truth", "low": 0.1}
    whole = config(SMALL, name="small", tables=["answers"], claims=[claim])
    made = summarise(whole, rows, ["dataset.rho"], {}, datasets)
    kinds = {one["kind"]: one["trials"] for one in made["tables"]["answers"]}
    assert kinds == {"mixtures": 1, "rings": 1, "all": 2}
    assert made["claims"][0]["cells"][0]["n"] == 2
    assert "covers_truth" in shown(made, 160)
    assert "covers_truth_low" not in shown(made, 160)


def test_what_several_rows_of_a_method_say_is_said_once():
    rows = [
        {"method": "nearest", "reason": "by ksg"},
        {"method": "copula", "reason": ""},
        {"method": "nearest", "reason": "by ksg"},
        {"method": "nearest", "reason": "by mixed"},
    ]
    assert remarks(rows) == ["nearest: by ksg", "nearest: by mixed"]


def test_diagnostics_are_shown_where_they_are_asked_for():
    found = answered([one | {"ceiling": 3.5, "effective": 900.0, "train_mi": 0.6, "test_mi": 0.5} for one in ESTIMATES])
    brief, verbose = shown(found, 200), shown(found, 200, verbose=True)
    titles = ("kind", "ceiling", "effective", "training − test")
    assert not [title for title in titles if title in brief]
    assert not [title for title in titles if title not in verbose]
