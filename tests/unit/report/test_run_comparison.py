"""Two runs beside each other: what differs, what moved, and when they have nothing in common."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import polars as pl
import pytest
from runs import leave_run

from mi_cli.report import run_comparison, tables
from mi_cli.report.collect import collect
from mi_cli.report.page import html
from mi_cli.report.run_comparison import compare_runs, why_not

SWEEP = {"dataset": {"rho": [0.0, 0.6]}, "seed": [0, 1, 2, 3]}


def leave(folder, shift=0.0, sweep=SWEEP, **config):
    """Leave a run whose estimates at rho = 0.6 are larger by ``shift``, with noise of its own."""
    left = leave_run(folder, sweep, **config)
    path = left / "results.csv"
    frame = pl.read_csv(path)
    noise = pl.Series([0.003 * ((7 * trial + len(folder.name) * trial**2) % 5) for trial in frame["trial"]])
    rho = frame["dataset.rho"] if "dataset.rho" in frame.columns else pl.Series([0.6] * len(frame))
    moved = frame["estimate"] + shift * (rho == 0.6).cast(float) + noise
    path.write_text(frame.with_columns(moved.alias("estimate")).write_csv())
    return left


def compared(folder):
    return compare_runs(*collect([folder]).runs)


def test_settings_and_numbers_that_moved_are_told(tmp_path):
    leave(tmp_path / "a")
    leave(tmp_path / "bbb", shift=1.0, training={"lr": 0.5})
    found = compared(tmp_path)
    assert [str(change) for change in found.settings] == ["training.lr: 0.01 → 0.5"]
    assert {one.where["dataset.rho"]: one.outcome for one in found.compared} == {0.0: "within the noise", 0.6: "moved"}
    assert found.sentence == (
        "2 numbers compared: 1 moved beyond the noise; 1 within it "
        "(5 % chance of any false alarm: Holm's correction for 2)"
    )
    titles, rows = found.table
    assert list(titles)[:3] == ["dataset.rho", "estimate before (nats)", "after"]
    assert (rows[0][0], rows[0][-1]) == ("0.6", "moved")
    assert found.noise == "noise: paired differences over 4 seeds that both have (Student's t)"


def test_options_of_a_group_whose_choice_differs_are_not_settings_that_differ(tmp_path):
    leave(tmp_path / "a")
    leave(tmp_path / "b", estimator={"name": "dv"}, threads=3, output_root="other")
    told = [str(change) for change in compared(tmp_path).settings]
    assert "estimator: mine → dv" in told
    assert "threads: 1 → 3" in told
    assert not [text for text in told if text.startswith(("estimator.", "output_root"))]


def test_settings_that_change_no_number_are_not_listed(tmp_path):
    leave(tmp_path / "a")
    more = {"reuse": False, "force": True, "checkpoint_every": 7, "trial_timeout": 9, "shards": 2, "units": "bits"}
    leave(tmp_path / "b", training={"lr": 0.5}, trust=True, **more)
    assert [change.what for change in compared(tmp_path).settings] == ["training.lr"]


def test_a_value_that_one_run_sweeps_and_the_other_has_is_the_same_setting(tmp_path):
    leave(tmp_path / "a")
    leave(tmp_path / "b", sweep={"seed": [0, 1, 2, 3]}, dataset={"rho": 0.6})
    (one,) = compared(tmp_path).compared
    assert (one.where, one.n) == ({"dataset.rho": 0.6}, 4)


def test_settings_and_methods_of_one_run_only_are_told(tmp_path):
    leave(tmp_path / "a")
    leave(tmp_path / "b", sweep=SWEEP | {"dataset": {"rho": [0.1, 0.2, 0.3, 0.4, 0.6]}})
    found = compared(tmp_path)
    assert found.alone == [
        "only in before, and not compared: 1 setting (dataset.rho=0)",
        "only in after, and not compared: 4 settings (dataset.rho=0.1; dataset.rho=0.2; dataset.rho=0.3; and 1 more)",
    ]
    assert set(found.alone) <= set(found.lines())


def test_verdicts_that_changed_are_told_and_versions_too(tmp_path):
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b")
    for folder, verdict, version in ((a, "holds", "1"), (b, "fails", "2")):
        summary, provenance = (json.loads((folder / f"{name}.json").read_text()) for name in ("summary", "provenance"))
        summary["claims"][0]["verdict"] = verdict
        provenance["versions"]["torch"] = version
        (folder / "summary.json").write_text(json.dumps(summary))
        (folder / "provenance.json").write_text(json.dumps(provenance))
    found = compared(tmp_path)
    assert found.lines() == [
        "settings that differ: none",
        "versions that differ: torch: 1 → 2",
        "verdict changed: it is near the truth: holds → fails",
    ]
    assert found.frame.filter(pl.col("what") == "verdict")["verdict_after"].to_list() == ["fails"]


def test_answers_are_compared(tmp_path):
    answer = {"seed": 0, "verdict": "answer", "value": 0.2, "ci_low": 0.1, "ci_high": 0.3, "source": "auto"}
    for name, more in (("a", {}), ("b", {"value": 0.9, "ci_low": 0.8, "ci_high": 1.0, "seed": 5})):
        path = leave(tmp_path / name) / "summary.json"
        summary = json.loads(path.read_text())
        path.write_text(json.dumps(summary | {"answer": answer | more}))
    found = compared(tmp_path)
    assert (found.compared[0].what, found.compared[0].outcome) == ("answer", "moved")
    assert found.kept == 2  # the verdicts of the answer and of the claim


def test_few_seeds_are_said_to_be_few(tmp_path):
    for name in ("a", "bbb"):
        leave(tmp_path / name, sweep={"dataset": {"rho": [0.0]}, "seed": [0, 1]})
    assert compared(tmp_path).noise.endswith("2 seeds cannot show less than a very large change; sweep.seed takes more")


def test_the_frame_has_a_row_for_each_number_in_nats(tmp_path):
    leave(tmp_path / "a", units="bits")
    leave(tmp_path / "b", units="bits", shift=1.0)
    found = compared(tmp_path)
    frame = found.frame
    assert frame.columns[:4] == ["run_before", "run_after", "what", "dataset.rho"]
    assert frame["after"].to_list() == pytest.approx([one.after.value for one in found.compared])
    assert "estimate before (bits)" in found.table[0]
    assert float(found.table[1][0][2]) == pytest.approx(frame["after"][1] / 0.693147, abs=1e-4)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"sweep": {"dataset": {"rho": [0.3]}, "seed": [0]}}, "they have no setting with a number"),
        ({"done": 0, "status": None}, "b has no results yet"),
    ],
)
def test_runs_with_nothing_in_common(tmp_path, other, reason):
    leave_run(tmp_path / "a")
    leave_run(tmp_path / "b", **other)
    assert why_not(*collect([tmp_path]).runs).startswith(reason)
    assert 'id="comparison"' not in html(collect([tmp_path]))


def test_runs_on_other_data_have_nothing_in_common(tmp_path):
    leave_run(tmp_path / "a")
    config = leave_run(tmp_path / "b") / "config.yaml"
    config.write_text(
        re.sub(r"(?m)^dataset:\n((?:  .*\n)*?)  name: gaussian", r"dataset:\n\1  name: bits", config.read_text())
    )
    reason = why_not(*collect([tmp_path]).runs)
    assert reason == "they measure different data (dataset=gaussian; dataset=bits)"


def test_the_page_of_two_runs_has_their_comparison(tmp_path):
    leave(tmp_path / "a")
    leave(tmp_path / "bbb", shift=1.0)
    text = html(collect([tmp_path]))
    assert "2 numbers compared: 1 moved beyond the noise" in text
    assert 'href="#comparison"' in text
    leave(tmp_path / "c")
    assert 'id="comparison"' not in html(collect([tmp_path]))


@pytest.mark.parametrize(
    ("shown", "text"), [(tables.information, "-0.0006 ± 0.0204"), (tables.number, "-6.4e-04 ± 0.0204")]
)
def test_differences_of_nats_have_one_format(shown, text):
    one = SimpleNamespace(difference=-6.4e-4, low=-0.021, high=0.0198, how="paired over seeds")
    assert run_comparison._difference(one, shown) == text
