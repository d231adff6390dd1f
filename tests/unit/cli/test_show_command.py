"""The answer and the report of a run again."""

from __future__ import annotations

import json
import os
import webbrowser

import pytest

from mi_cli.cli.main import main

SUMMARY = {
    "name": "mine",
    "summary": "",
    "procedure": "estimate",
    "variant": "corrected",
    "budget": "full",
    "axes": [],
    "level": 0.95,
    "shown_in": "nats",
    "data": {},
    "tables": {},
    "answer": None,
    "verdicts": [],
    "claims": [{"text": "the estimate is near", "kind": "near", "verdict": "holds", "cells": []}],
    "cells": [],
}


@pytest.fixture
def runs(here):
    folders = [here / "outputs" / "mine" / name for name in ("2026-01-01_00-00-00_a", "2026-01-02_00-00-00_b")]
    for place, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("name: mine\n")
        (folder / "report.html").write_text("<p>\n")
        (folder / "summary.json").write_text(json.dumps(SUMMARY | {"name": f"mine_{place}"}))
        for file in folder.iterdir():
            os.utime(file, (1_000_000 + place, 1_000_000 + place))
    return folders


def test_show_prints_the_answer_again(runs, capsys):
    assert main(["show", str(runs[0])]) == 0
    printed = capsys.readouterr().out
    assert "mine_0" in printed
    assert "the estimate is near" in printed


def test_summary_of_another_version_is_one_line(runs, capsys):
    (runs[0] / "summary.json").write_text(json.dumps({key: SUMMARY[key] for key in SUMMARY if key != "cells"}))
    assert main(["show", str(runs[0])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "lacks cells; another version wrote it" in line


def test_show_without_a_folder_takes_the_newest(runs, capsys):
    assert main(["show"]) == 0
    printed = capsys.readouterr().out
    assert "mine_1" in printed
    assert printed.splitlines()[-1] == f"results: {runs[1].relative_to(runs[1].parents[2])}"


def test_show_without_a_folder_takes_a_job_of_a_multirun_that_is_newer(runs, capsys):
    jobs = runs[0].parents[1] / "multirun" / "2026-01-03_00-00-00_c"
    jobs.mkdir(parents=True)
    runs[1].rename(jobs / "0")
    assert main(["show"]) == 0
    assert "mine_1" in capsys.readouterr().out


@pytest.mark.parametrize("opens", [True, False])
def test_open_says_where_the_report_is(runs, capsys, monkeypatch, opens):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda page: opened.append(page) or opens)
    assert main(["open", str(runs[0])]) == (0 if opens else 1)
    assert opened == [(runs[0] / "report.html").as_uri()]
    printed = capsys.readouterr()
    assert printed.out.strip().endswith("report.html")
    assert ("no browser" in printed.err) is not opens


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["show", "nowhere"], "no such folder"),
        (["show", __file__], "is no folder"),
        (["show", "."], "is not the folder of a run"),
        (["open", "a", "b"], "takes one folder, not 2"),
        (["open"], "finds no finished run in"),
    ],
)
def test_refuses_what_is_no_run(here, capsys, argv, problem):
    assert main(argv) == 2
    assert problem in capsys.readouterr().err


def test_run_that_is_not_finished_is_refused(runs, capsys):
    (runs[0] / "summary.json").unlink()
    assert main(["show", str(runs[0])]) == 2
    assert "has no summary.json; accepted: the folder of a finished run" in capsys.readouterr().err
    (runs[1] / "summary.json").write_text("{")
    assert main(["show", str(runs[1])]) == 2
    assert "is not JSON (line 1), or is cut off" in capsys.readouterr().err


def test_infinities_which_are_text_in_the_file_are_shown(tmp_path, capsys):
    cell = {"dataset.rho": 1.0, "method": "mine", "n": 1, "true_mi": "inf", "estimate": {"mean": 4.0, "ci_low": None}}
    (tmp_path / "config.yaml").touch()
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY | {"axes": ["dataset.rho"], "cells": [cell]}))
    assert main(["show", str(tmp_path)]) == 0
    assert "∞" in capsys.readouterr().out
