"""Runs as Python has them."""

from __future__ import annotations

import json
import webbrowser

import pytest
from examples import ROWS
from runs import leave_run

import mi_cli
from mi_cli import Answer, ConfigError, Run, Runs
from mi_cli.errors import OutputError

TRIALS = 6


def test_a_run_has_its_records(tmp_path):
    run = Run.read(leave_run(tmp_path / "a", units="bits"))
    assert (run.name, run.state, run.units, run.folder) == ("small", "finished", "bits", tmp_path / "a")
    assert len(run.results) == TRIALS
    assert run.results["estimate"][2] == pytest.approx(0.2431, abs=1e-3)  # in nats
    assert run.summary["claims"][0]["text"] == "it is near the truth"
    assert run.summary["cells"][-1]["true_mi"] == float("inf")
    assert (run.answer, run.failed) == (None, [])
    assert str(run).endswith(f"results: {run.folder}")
    assert "MI in bits" in str(run)
    assert repr(run) == f"<Run small: 6 of 6 trials, finished; {run.folder}>"


def test_html_of_a_run_escapes_what_it_shows(tmp_path):
    claim = {"text": "a < b & c", "kind": "equals_truth", "absolute": 0.1}
    shown = Run.read(leave_run(tmp_path / "<a>", claims=[claim]))._repr_html_()
    assert "&lt;a&gt;" in shown
    assert "a &lt; b &amp; c" in shown
    assert shown.count("<tr>") == 4


def test_html_of_a_run_without_an_answer_has_units_and_notes(tmp_path):
    left = leave_run(tmp_path / "a", units="bits")
    provenance = json.loads((left / "provenance.json").read_text())
    (left / "provenance.json").write_text(json.dumps(provenance | {"notes": ["a < b"]}))
    shown = Run.read(left)._repr_html_()
    assert "<p>MI in bits, means over seeds</p>" in shown
    assert "<p>a &lt; b</p>" in shown


@pytest.mark.parametrize("typed", [(None,), (5,), (["outputs"],), ("",)])
def test_what_is_no_path_is_refused(typed):
    with pytest.raises(ConfigError, match="must be paths of folders"):
        mi_cli.runs(*typed)
    with pytest.raises(ConfigError, match="must be the path of a run's folder"):
        Run.read(*typed)


def test_the_name_of_an_experiment_is_text(tmp_path):
    with pytest.raises(ConfigError, match="experiment=5: must be the name of an experiment"):
        mi_cli.runs(tmp_path, experiment=5)


def test_a_run_that_goes_on_is_read_as_far_as_it_has_come(tmp_path):
    run = Run.read(leave_run(tmp_path / "a", done=2, status=None, lost={1: "too long"}))
    assert (run.state, run.summary, run.answer, len(run.results)) == ("running or killed", {}, None, 2)
    assert [(row["trial"], row["reason"]) for row in run.failed] == [(1, "too long")]
    assert str(run) == repr(run)
    assert "1 without a result" in repr(run)
    assert "2 of 6 trials" in run._repr_html_()
    with pytest.raises(ConfigError, match="accepted: a finished run"):
        run.plot()
    with pytest.raises(ConfigError, match=r"has no report\.html"):
        run.open()


def test_figures_are_drawn_from_the_records(tmp_path):
    run = Run.read(leave_run(tmp_path / "a"))
    assert run.figures == ("forest",)
    figure = run.plot()
    assert figure.axes
    assert figure._repr_png_().startswith(b"\x89PNG")  # by which a notebook shows it
    assert run.plot("estimate_against_axis").axes
    with pytest.raises(ConfigError, match="asks for none"):
        Run.read(leave_run(tmp_path / "b", plots=())).plot()
    with pytest.raises(ConfigError, match="plots=nothing: must be"):
        run.plot("nothing")


@pytest.mark.parametrize("starts", [True, False])
def test_the_report_is_opened_in_a_browser(tmp_path, monkeypatch, starts):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or starts)
    run = Run.read(leave_run(tmp_path / "a"))
    (run.folder / "report.html").write_text("")
    if starts:
        assert run.open() == run.folder / "report.html"
    else:
        with pytest.raises(OutputError, match=r"no browser can be started; open .*report\.html in one"):
            run.open()
    assert opened == [(run.folder / "report.html").as_uri()]


def test_the_answer_of_a_run_is_that_of_its_summary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"dataset": {"path": ROWS, "x": ["a"], "y": ["b"]}, "sweep": {"estimator": ["copula"]}, "plots": []}
    run = mi_cli.run("estimate", settings, progress="none", threads=1, units="bits")
    assert isinstance(run.answer, Answer)
    assert str(run.answer).startswith(("MI of a and b: ", "MI of a and b: cannot tell"))
    assert run.answer.units == "bits"
    assert run.answer.as_mapping() == pytest.approx({k: v for k, v in run.summary["answer"].items() if k != "seed"})
    assert run.notes == run.answer.notes


def test_many_runs_are_a_sequence_with_one_table(tmp_path):
    for name, config in (("a", {}), ("b", {"name": "other"}), ("c", {})):
        leave_run(tmp_path / name, **config)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.yaml").write_text("[")
    (tmp_path / "broken" / "results.csv").write_text("")
    runs = mi_cli.runs(tmp_path)
    assert [run.folder.name for run in runs] == ["a", "b", "c"]
    assert runs.results["folder"].unique(maintain_order=True).to_list() == ["a", "b", "c"]
    assert len(runs.results) == 3 * TRIALS
    (fault,) = runs.faults
    assert "broken/config.yaml" in fault
    assert isinstance(runs[1:], Runs)
    assert runs[-1].folder == tmp_path / "c"
    assert [run.folder.name for run in mi_cli.runs(tmp_path, experiment="small")] == ["a", "c"]
    assert len(runs.of("small").results) == 2 * TRIALS
    assert len(runs.of("nothing").results) == 0
    assert repr(runs) == "<3 runs of small and other>"
    assert "<td" in runs._repr_html_()


def test_what_holds_no_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^outputs: no such folder"):
        mi_cli.runs()
    with pytest.raises(ConfigError, match="holds no run"):
        mi_cli.runs(tmp_path)
    leave_run(tmp_path / "a")
    leave_run(tmp_path / "b")
    with pytest.raises(ConfigError, match="holds 2 runs"):
        Run.read(tmp_path)


def test_the_package_of_the_runner_is_no_longer_in_the_way():
    assert callable(mi_cli.runs)
    assert mi_cli.execution.runner.run
