"""Summaries, and how they are shown."""

from __future__ import annotations

import io
import math

import pytest
from examples import SMALL, config
from rich.console import Console

from mi_cli.analysis.intervals import mean_interval
from mi_cli.report import tables, terminal_tables
from mi_cli.report.summary import summarise


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


def shown(found, width=120):
    text = io.StringIO()
    terminal_tables.show(found, Console(file=text, width=width))
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
