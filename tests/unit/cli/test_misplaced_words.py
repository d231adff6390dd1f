"""Command lines that were meant as a short command, and are none."""

from __future__ import annotations

import shlex

import pytest

from mi_cli.cli.misplaced_words import refuse_misplaced
from mi_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("t.csv --y a", "use mi-run estimate t.csv --y a"),
        ("t.csv -y a", "t.csv: takes further words only after a command (estimate, pairs, select, represent"),
        ("t.csv -y a", "use mi-run estimate t.csv --y a"),
        ("t.csv 'my dose'", "use mi-run estimate t.csv --y 'my dose'"),
        ("t.csv seed=3", "use mi-run estimate t.csv seed=3"),
        ("t.csv select --y a", "use mi-run select t.csv --y a"),
        ("t.csv u.csv --y a", "use mi-run estimate t.csv u.csv --y a"),
        ("t.csv u.csv pairs", "use mi-run pairs t.csv u.csv"),
        ("- --y a", "use mi-run estimate - --y a"),
        ("estmate t.csv --y a", "estmate: no such command; use mi-run estimate t.csv --y a"),
        ("pairwise t.csv", "pairwise: no such command; use mi-run pairs t.csv"),
        ("analyse t.csv", "analyse: no such command; accepted: estimate, pairs"),
        ("shwo", "use mi-run show"),
        (".", ".: is a folder; accepted: a file, .csv"),
        (
            "--given a t.csv",
            "--given=a: is an option of a short command; accepted: mi-run estimate FILE --given",
        ),
        (
            "experiment=estimate --label=a",
            "--label=a: is an option of a short command; accepted: mi-run represent",
        ),
        (
            "experiment=pairwise dataset.path=t.csv --y a",
            "--y: is an option of mi-run pairs; use mi-run pairs t.csv --y a",
        ),
        ("experiment=select t.csv --y a", "use mi-run select t.csv --y a"),
        (
            "experiment=estimate t.csv u.csv seed=1",
            "use mi-run experiment=estimate seed=1 'dataset.path=[t.csv,u.csv]'",
        ),
        ("dataset.path=t.csv u.csv seed=1", "u.csv: stands without a key; accepted: key=value; use mi-run seed=1"),
        ("schema dataset", "mi-run schema: takes no further words, such as dataset"),
    ],
)
def test_is_refused_in_one_line_that_says_what_to_type(typed, line):
    with pytest.raises(ConfigError) as caught:
        refuse_misplaced(shlex.split(typed))
    (said,) = caught.value.lines
    assert line in said


def test_folder_is_met_with_the_tables_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv", "c.parquet", "notes.txt"):
        (tmp_path / "data" / name).touch()
    with pytest.raises(ConfigError, match=r"data: is a folder; .*; use mi-run 'data/\*.csv'"):
        refuse_misplaced(["data"])


def test_path_that_the_shell_has_cut_is_one_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my data.csv").touch()
    with pytest.raises(ConfigError, match=r"""use mi-run seed=1 'dataset.path="my data.csv"'"""):
        refuse_misplaced(["dataset.path=my", "data.csv", "seed=1"])


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "t.csv",
        "t.csv u.csv",
        "t.csv --help",
        "show a",
        "encode run=r",
        "estimator dv",
        "nonsense",
        "~estimator",
        "experiment=estimate -m seed=1,2",
    ],
)
def test_other_command_lines_pass(typed):
    refuse_misplaced(shlex.split(typed))
