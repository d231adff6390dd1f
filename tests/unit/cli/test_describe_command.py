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


def test_few_rows_have_no_commands(here, capsys):
    (here / "t.csv").write_text("a,b\n" + "".join(f"{i / 7},{i * i % 11}\n" for i in range(19)))
    assert main(["t.csv"]) == 0
    printed = capsys.readouterr().out
    assert "These are too few rows: an estimate needs at least 20." in printed
    assert commands(printed) == []


def test_rows_are_filled_where_too_few_are_complete(here, capsys):
    rows = [("" if i < 25 else f"{i * 7 % 41}.5", "" if i > 15 else f"{i * 5 % 37}.5", f"{i % 2}") for i in range(40)]
    (here / "t.csv").write_text("a,b,c\n" + "".join(",".join(row) + "\n" for row in rows))
    assert main(["t.csv"]) == 0
    estimate, *_ = commands(capsys.readouterr().out)
    assert estimate[-1] == "dataset.missing=impute"


@pytest.mark.parametrize("file", ["t.csv", "a rather long name of a file that nobody types.csv"])
def test_fits_a_terminal_of_80_columns(here, file, capsys, monkeypatch):
    names = [f"a_very_long_name_of_a_column_{i}" * 4 for i in range(45)]
    rows = np.random.default_rng(0).standard_normal((30, 45))
    np.savetxt(here / file, rows, delimiter=",", header=",".join(names), comments="")
    monkeypatch.setattr("mi_cli.terminal._PIPED_WIDTH", 80)
    assert main([file]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if not line.startswith(("  mi-run ", file))) <= 80
    assert len(commands("\n".join(lines))) == 4


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("t.csv budget=smoke", "estimate t.csv --y c dataset.missing=drop budget=smoke"),
        ("budget=smoke t.csv", "estimate t.csv --y c dataset.missing=drop budget=smoke"),
        ("t.csv experiment=select", "select t.csv --y c dataset.missing=drop"),
        ("t.csv experiment=represent seed=1", "represent t.csv --label c seed=1"),
        ("t.csv --label c", "represent t.csv --label c"),
        ("t.csv experiment=pairwise seed=1", "pairs t.csv seed=1"),
        ("t.csv experiment=coverage seed=1", "experiment=coverage dataset.path=t.csv seed=1"),
        ("t.csv dataset.y=[a] seed=1", "estimate t.csv 'dataset.y=[a]' seed=1"),
    ],
)
def test_settings_after_a_file_are_met_with_a_command_that_works(here, words, meant, capsys):
    rows = [(f"{i * 7 % 41}.5", "" if i > 30 else f"{i * 5 % 37}.5", f"{i % 2}") for i in range(60)]
    (here / "t.csv").write_text("a,b,c\n" + "".join(",".join(row) + "\n" for row in rows))
    assert main(words.split()) == 2
    assert capsys.readouterr().err.rstrip().endswith(f"; use mi-run {meant}")
