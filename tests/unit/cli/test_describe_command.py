"""A file alone on the command line: its columns, and commands that work as they are printed."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

from mi_cli.cli.main import main


def commands(printed):
    return [
        shlex.split(line.strip().partition("  ")[0]) for line in printed.splitlines() if line.startswith("  mi-run ")
    ]


@pytest.fixture
def table(here):
    random = np.random.default_rng(0)
    lines = ["date,a,my dose,target"]
    for i, (a, dose, noise) in enumerate(random.standard_normal((120, 3))):
        day, of_a = np.datetime64("2024-01-01") + i, "" if i == 100 else f"{a:.3f}"
        lines.append(f"{day},{of_a},{dose:.3f},{a + noise:.3f}")
    (here / "my data.csv").write_text("\n".join(lines) + "\n")
    return "my data.csv"


def test_every_printed_command_composes(table, runner, capsys):
    assert main([table]) == 0
    printed = capsys.readouterr().out
    typed = commands(printed)
    assert [command[1] for command in typed] == ["estimate", "select", "represent", "pairs", "lags"]
    for _, *argv in typed:
        assert main(argv) == 0, (argv, capsys.readouterr().err)
    assert len(runner.runs) == len(typed)
    assert all(word in printed for word in ("120 rows of 4 columns", "my dose", "time?", "target?", "1 (1%)"))


@pytest.mark.parametrize("target", ["x{y}", "w, kg", "größe", "[a]", "--x", "a\\[b", 'q"', "[/]", ":cat:"])
def test_commands_compose_whatever_the_name_of_the_target(here, runner, capsys, target):
    values = np.random.default_rng(0).standard_normal((40, 3))
    header = 'a,b,"' + target.replace('"', '""') + '"'
    np.savetxt(here / "t.csv", values, delimiter=",", header=header, comments="")
    assert main(["t.csv"]) == 0
    printed = capsys.readouterr().out
    assert f"Where {target} is not" in printed
    assert f"│ {target} " in printed
    _, *argv = commands(printed)[0]
    assert main(argv) == 0, capsys.readouterr().err
    assert list(runner.runs[0][0]["dataset"]["y"]) == [target]


@pytest.mark.parametrize("name", ["no.csv", "no.parquet"])
def test_no_such_file_is_one_line(here, name, capsys):
    assert main([name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mi-run: data={name}: no such file")


def test_table_without_two_usable_columns_says_so(here, capsys):
    (here / "t.csv").write_text("id,a\n" + "".join(f"{i},{i / 7}\n" for i in range(30)))
    assert main(["t.csv"]) == 0
    assert "No two columns can be used" in capsys.readouterr().out


def test_many_columns_are_cut(here, capsys):
    names = [f"c{i}" for i in range(50)]
    rows = np.random.default_rng(0).standard_normal((30, 50))
    np.savetxt(here / "t.csv", rows, delimiter=",", header=",".join(names), comments="")
    assert main(["t.csv"]) == 0
    assert "and 10 more columns" in capsys.readouterr().out
