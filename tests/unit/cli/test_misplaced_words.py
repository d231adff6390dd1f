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
        ("t.csv u.csv", "takes one file, not 2 (t.csv, u.csv)"),
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
        ("schema dataset", "mi-run schema: takes no further words, such as dataset"),
    ],
)
def test_is_refused_in_one_line_that_says_what_to_type(typed, line):
    with pytest.raises(ConfigError) as caught:
        refuse_misplaced(shlex.split(typed))
    (said,) = caught.value.lines
    assert line in said


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "t.csv",
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
