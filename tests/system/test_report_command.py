"""``mi-report``: what it writes, what it prints, and its exit codes."""

from __future__ import annotations

import polars as pl
import pytest
from runs import leave_run

from mi_cli.cli import report_command
from mi_cli.cli.report_command import main


def test_page_and_table(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leave_run(tmp_path / "runs" / "a")
    leave_run(tmp_path / "runs" / "b", training={"lr": 0.25})
    assert main(["runs", "--table", "all.csv", "--output", "page.html"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  training.lr=0.01  a",
        "  training.lr=0.25  b",
        "mi-report: 2 runs, 12 rows: page.html, all.csv",
    ]
    table = pl.read_csv("all.csv")
    assert table["run"].to_list() == ["training.lr=0.01"] * 6 + ["training.lr=0.25"] * 6
    assert table["folder"].to_list() == ["a"] * 6 + ["b"] * 6
    assert "2 runs" in (tmp_path / "page.html").read_text()


def test_page_is_in_the_path_or_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a, b = leave_run(tmp_path / "a"), leave_run(tmp_path / "b")
    assert main([str(a)]) == 0
    assert (a / "report.html").exists()
    assert main([str(a), str(b)]) == 0
    assert (tmp_path / "report.html").exists()


def test_some_broken_is_1_and_nothing_readable_is_2(tmp_path, capsys):
    leave_run(tmp_path / "good")
    (leave_run(tmp_path / "broken") / "summary.json").write_text("{")
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"mi-report: {tmp_path / 'broken' / 'summary.json'}: ")
    assert len(printed.err.splitlines()) == 1
    assert "1 folder could not be read" in (tmp_path / "report.html").read_text()
    assert main([str(tmp_path / "broken")]) == 2
    assert not (tmp_path / "broken" / "report.html").exists()
    assert main([str(tmp_path / "nothing")]) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--table", "a.xlsx"], "a.xlsx: must end in .csv or .parquet"),
        (["--output", "a.pdf"], "a.pdf: must end in .html"),
        (["--output", "no/a.html"], "no/a.html: no such folder"),
        (["--every", "0"], "0: must be a number between 0.1 and 86400"),
        (["--every", "x"], "x: must be a number"),
    ],
)
def test_bad_input_is_2(tmp_path, capsys, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main([".", *more])
    assert message in capsys.readouterr().err


def test_page_that_cannot_be_written_is_a_line(tmp_path, capsys, monkeypatch):
    leave_run(tmp_path / "a")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mi_cli.report.page.write", full)
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"mi-report: {tmp_path / 'report.html'}: cannot be written (No space left on device)\n"
    )


def test_watching_follows_a_run_until_interrupted(tmp_path, capsys, monkeypatch):
    folder = leave_run(tmp_path / "a", done=2, status=None)
    pages = []

    def sleep(seconds):
        pages.append((folder / "report.html").read_text())
        if len(pages) == 3:
            raise KeyboardInterrupt
        if len(pages) == 2:
            results = folder / "results.csv"
            results.write_text(results.read_text().replace("\n1,", "\n3,"))
            results.write_text(results.read_text() + results.read_text().splitlines()[1].replace("0,ok", "4,ok") + "\n")

    monkeypatch.setattr(report_command.time, "sleep", sleep)
    assert main([str(folder), "--watch", "--every", "1"]) == 0
    assert ["2 of 6" in text for text in pages] == [True, True, False]
    assert all('data-refresh="1.0"' in text for text in pages)
    last = (folder / "report.html").read_text()
    assert "3 of 6" in last
    assert "data-refresh" not in last.partition("<script")[0]
    assert len(capsys.readouterr().out.splitlines()) == 2  # a line is printed again only if there are more rows
