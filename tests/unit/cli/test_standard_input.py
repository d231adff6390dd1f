"""A table from standard input."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mi_cli.cli.main import main

TABLE = "a,target\n" + "".join(f"{i * 7 % 31 / 3},{i * 11 % 37 / 3}\n" for i in range(40))


@pytest.fixture
def typed(monkeypatch):
    def give(content, terminal=False):
        given = SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: terminal)
        monkeypatch.setattr(sys, "stdin", given)

    return give


@pytest.mark.parametrize(
    ("pack", "suffix"),
    [(bytes, ".csv"), (gzip.compress, ".csv.gz"), (bz2.compress, ".csv.bz2"), (lzma.compress, ".csv.xz")],
)
def test_is_kept_once_and_described_or_run(here, runner, typed, pack, suffix, capsys):
    content = pack(TABLE.encode())
    typed(content)
    assert main(["-"]) == 0
    assert "40 rows of 2 columns" in capsys.readouterr().out
    typed(content)
    assert main(["estimate", "-", "--y", "target"]) == 0, capsys.readouterr().err
    (kept,) = (here / "outputs" / "standard_input").iterdir()
    assert kept.name.endswith(suffix)
    assert kept.read_bytes() == content
    assert runner.runs[0][0]["dataset"]["path"] == f"outputs/standard_input/{kept.name}"


@pytest.mark.parametrize("words", ["- -", "estimate - - --y target", "estimate t.csv - - --y target"])
def test_it_can_stand_once_and_nothing_is_kept_before(here, typed, words, capsys):
    typed(TABLE.encode())
    assert main(words.split()) == 2
    assert capsys.readouterr().err == "mi-run: -: standard input is given twice; accepted: it once, and files\n"
    assert not (here / "outputs").exists()


@pytest.mark.parametrize(
    ("content", "terminal", "problem"),
    [
        (b"\n", False, "is empty"),
        (b"", True, "is a terminal"),
        (b"\xff\xfe\x00" * 9, False, "is of no known format"),
    ],
)
def test_nothing_to_read_is_one_line(here, typed, content, terminal, problem, capsys):
    typed(content, terminal)
    assert main(["estimate", "-", "--y", "target"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mi-run: -: standard input")
    assert problem in line
    assert not (here / "outputs").exists()


@pytest.mark.parametrize(
    "words", ["estimate - --y nope", "estimate - --y target seeed=1", "- --y target", "- other.csv"]
)
@pytest.mark.parametrize("was_there", [False, True])
def test_refused_command_leaves_nothing_that_was_not_there(here, typed, words, was_there, capsys):
    typed(TABLE.encode())
    if was_there:
        assert main(["-"]) == 0
        typed(TABLE.encode())
    before = sorted(here.rglob("*"))
    assert main(words.split()) == 2
    assert sorted(here.rglob("*")) == before


def test_it_is_one_table_with_files_and_given_once(here, typed, capsys):
    (here / "more.csv").write_text(TABLE)
    typed(TABLE.encode())
    assert main(["-", "more.csv"]) == 0
    assert "2 files: 80 rows" in capsys.readouterr().out
    typed(TABLE.encode())
    assert main(["-", "-"]) == 2
    assert "given twice" in capsys.readouterr().err


def test_folder_that_cannot_be_made_is_one_line(here, typed, capsys):
    (here / "outputs").write_text("a file")
    typed(TABLE.encode())
    assert main(["-"]) == 2
    assert "cannot be kept in outputs/standard_input" in capsys.readouterr().err


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_arrays_are_known_by_their_first_bytes(here, typed, save, capsys):
    saved = io.BytesIO()
    save(saved, np.random.default_rng(0).standard_normal((30, 2)))
    typed(saved.getvalue())
    assert main(["-"]) == 0, capsys.readouterr().err
    assert "30 rows of 2 columns" in capsys.readouterr().out


def test_closed_input_is_one_line(here, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["-"]) == 2
    assert capsys.readouterr().err == "mi-run: -: standard input is closed; accepted: a table by a pipe\n"
