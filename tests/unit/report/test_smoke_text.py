"""A run at budget=smoke tries itself out: no text, page, figure or comparison has a verdict of it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from runs import leave_run

from mi_cli import Run
from mi_cli.plots.parts.bands import bands
from mi_cli.report import page, terminal_tables
from mi_cli.report.collect import collect
from mi_cli.report.run_comparison import compare_runs
from mi_cli.report.smoke_text import NO_VERDICT
from mi_cli.report.verdict_text import efficiency_tables

SMOKE = {"budget": {"name": "smoke"}}
VERDICTS = ("holds", "fails", "undecided", "redundant", "synergistic", "Keep", "significant", "settings hold")


@pytest.fixture
def smoke(tmp_path):
    return leave_run(tmp_path / "a", **SMOKE)


def printed(**more):
    head = {"name": "a", "procedure": "estimate", "variant": "corrected", "budget": "smoke", "axes": [], "level": 0.95}
    summary = head | {"shown_in": "nats", "data": {}, "cells": [], "claims": [], "tables": {}} | more
    console = Console(file=io.StringIO(), width=200)
    terminal_tables.show(summary, console)
    return console.file.getvalue()


def test_claims_are_told_and_not_judged(smoke):
    run = Run.read(smoke)
    assert run.summary["claims"][0]["verdict"] in ("holds", "fails", "undecided")  # the file has what is computed
    for text in (str(run), run._repr_html_()):
        assert NO_VERDICT in text
        assert "not judged: it is near the truth" in text
        assert not any(word in text for word in VERDICTS)


def test_the_page_has_no_verdict_badge(smoke):
    text = page.html(collect([smoke]))
    assert NO_VERDICT in text
    assert '<span class="badge not-judged">' in text
    assert not any(f'class="badge {verdict}"' in text for verdict in ("fails", "undecided"))
    assert "settings hold" not in text
    assert "<dt>Claims</dt>" not in text


@pytest.mark.parametrize(
    "tables",
    [
        {"selected": [{"method": "all", "status": "ok", "reason": "2 chosen; no more", "rank": None, "seed": 0}]},
        {"measures": [{"measure": "O-information", "method": "copula", "estimate": 0.1, "interaction": "redundant"}]},
        {"triples": [{"first": "a", "method": "copula", "estimate": 0.1, "interaction": "synergistic"}]},
        {"lags": [{"lag": 0, "method": "copula", "seed": 0, "estimate": 0.1, "p_corrected": 0.01}]},
    ],
)
def test_tables_have_numbers_and_no_verdict(tables):
    text = printed(tables=tables)
    assert text.startswith(NO_VERDICT)
    assert text.count(NO_VERDICT) == 1
    assert not any(word in text for word in VERDICTS)


def test_scores_are_not_marked_as_better_or_worse():
    row = {"labels": 10, "method": "pca", "seeds": 1, "measure": "R²", "score": 0.6}
    row |= {"difference": 0.1, "difference_low": 0.05, "difference_high": 0.15}
    ((title, _, body),) = efficiency_tables([row], judged=False)
    assert title == "R² by number of labels, means over 1 seed"
    assert body == [["pca", "0.600  "]]


def test_figures_say_that_the_claim_is_not_judged(smoke):
    run = Run.read(smoke)
    (band,) = bands(run._recorded.records)
    assert band.text.startswith("the claim is not judged: ")
    assert "budget smoke: no verdict" in run.plot("estimate_against_axis").get_suptitle()


def test_verdicts_of_smoke_runs_are_not_compared(smoke, tmp_path):
    leave_run(tmp_path / "b", claims=[{"text": "it is near the truth", "kind": "equals_truth", "absolute": 1e-9}])
    found = compare_runs(*collect([tmp_path]).runs)
    assert (found.verdicts, found.kept) == ([], 0)
    assert any(line.startswith("verdicts are not compared: ") for line in found.lines())
