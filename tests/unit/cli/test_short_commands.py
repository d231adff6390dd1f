"""Short commands: what they stand for, what they refuse, and that Hydra takes what they make."""

from __future__ import annotations

import shlex

import numpy as np
import pytest
import yaml

from mi_cli.cli.main import main
from mi_cli.cli.short_commands import SHORT, expanded, help_of, typed_option
from mi_cli.errors import ConfigError
from mi_cli.schema.locations import config_folder


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("estimate t.csv --y age", ["experiment=estimate", "dataset.path=t.csv", "dataset.y=[age]"]),
        ("estimate a.csv b.csv --y age", ["experiment=estimate", "dataset.path=[a.csv,b.csv]", "dataset.y=[age]"]),
        ("pairs 'd/*.csv' 20.csv", ["experiment=pairwise", "dataset.path=[d/*.csv,20.csv]"]),
        ("pairs t.csv --groups :file", ["experiment=pairwise", "dataset.path=t.csv", "dataset.groups=:file"]),
        ("estimate t.csv --y=age", ["experiment=estimate", "dataset.path=t.csv", "dataset.y=[age]"]),
        ("estimate --x a,b --x c t.csv", ["experiment=estimate", "dataset.path=t.csv", "dataset.x=[a,b,c]"]),
        ("estimate t.csv --x '[a, b]'", ["experiment=estimate", "dataset.path=t.csv", "dataset.x=[a,b]"]),
        ("estimate t.csv --given site", ["experiment=estimate", "dataset.path=t.csv", "dataset.z=[site]"]),
        ("pairs t.csv --y age", ["experiment=pairwise", "dataset.path=t.csv", "dataset.y=[age]"]),
        ("represent t.csv --label age", ["experiment=represent", "dataset.path=t.csv", "dataset.label=[age]"]),
        ("select t.csv --y age seed=3", ["experiment=select", "dataset.path=t.csv", "dataset.y=[age]", "seed=3"]),
        ("lags t.csv --time day", ["experiment=lags", "dataset.path=t.csv", "dataset.time=day"]),
        ("transfer t.csv -m seed=1,2", ["experiment=transfer_entropy", "dataset.path=t.csv", "-m", "seed=1,2"]),
        ("estimate t.csv --config-dir own", ["experiment=estimate", "dataset.path=t.csv", "--config-dir", "own"]),
        ("-m estimate t.csv seed=1,2", ["experiment=estimate", "dataset.path=t.csv", "seed=1,2", "-m"]),
        ("estimate größe.csv --y größe", ["experiment=estimate", 'dataset.path="größe.csv"', 'dataset.y=["größe"]']),
        ("estimate t.csv --info config", ["experiment=estimate", "dataset.path=t.csv", "--info", "config"]),
        ("interaction t.csv ++x=1 ~y=2", ["experiment=interaction", "dataset.path=t.csv", "++x=1", "~y=2"]),
    ],
)
def test_stands_for_overrides_that_are_printed(typed, whole, capsys):
    assert expanded(shlex.split(typed)) == whole
    printed = capsys.readouterr().err.strip().partition("the same as ")[2]
    assert shlex.split(printed) == ["mi-run", *whole]


@pytest.mark.parametrize("argv", [[], ["experiment=estimate"], ["--help"], ["encode", "run=r"]])
def test_other_command_lines_are_left_as_they_are(argv, capsys):
    assert expanded(argv) == argv
    assert capsys.readouterr().err == ""


_NAME = "the name of a column, and --y=NAME where it begins with --"


@pytest.mark.parametrize(
    ("typed", "key", "accepted"),
    [
        ("estimate", "mi-run estimate", ""),
        ("estimate --y age", "mi-run estimate", ""),
        ("estimate t.csv --y age experiment=select", "experiment", ""),
        ("estimate t.csv --y", "--y", _NAME),
        ("estimate t.csv --y=", "--y", _NAME),
        ("estimate t.csv --y age --y", "--y", _NAME),
        ("estimate t.csv --y age dataset.path=b.csv", "dataset.path", "FILE"),
        ("estimate t.csv --y ,", "--y", _NAME),
        ("estimate t.csv --y --given b", "--y", _NAME),
        ("estimate t.csv -y a", "-y", "--y"),
        ("estimate t.csv --gven z", "--gven", "--given"),
        ("represent t.csv --lable z", "--lable", "--label"),
        ("select t.csv --given z", "--given", "--x, --y, --exclude, and settings key=value"),
    ],
)
def test_refuses_in_one_line_with_an_example(typed, key, accepted):
    with pytest.raises(ConfigError) as caught:
        expanded(shlex.split(typed))
    (fault,) = caught.value.faults
    assert (fault.key, fault.accepted) == (key, accepted)
    assert fault.command.startswith(f"mi-run {typed.split()[0]} ")


def test_experiments_of_short_commands_exist_and_take_their_keys():
    for command in SHORT.values():
        assert (config_folder() / "experiment" / f"{command.experiment}.yaml").is_file()


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("estimate t.csv --x a, b --y age", "estimate t.csv --x a,b --y age"),
        ("estimate t.csv --x a b --y age", "estimate t.csv --x a,b --y age"),
        ("estimate t.csv --x [a, b] --y age", "estimate t.csv --x a,b --y age"),
        ("estimate t.csv --y age sweep.seed=[1, 2]", "estimate t.csv --y age 'sweep.seed=[1, 2]'"),
        ("estimate t.csv --y age units = bits", "estimate t.csv --y age units=bits"),
        ("estimate t.csv --y age units bits", "estimate t.csv --y age units=bits"),
        ("estimate t.csv --y age --seed 3", "estimate t.csv --y age seed=3"),
        ("estimate t.csv --y age --budget=smoke", "estimate t.csv --y age budget=smoke"),
        ("estimate t.csv y=age", "estimate t.csv --y age"),
        ("estimate t.csv x=[a,b] --y age", "estimate t.csv --x a,b --y age"),
        ("estimate data= t.csv --y age", "estimate t.csv --y age"),
        ("estimate dataset.path=t.csv --y age", "estimate t.csv --y age"),
        ("estimate t.csv --target age", "estimate t.csv --y age"),
        ("estimate t.csv -y age", "estimate t.csv --y age"),
        ("estimate t.csv --gven z", "estimate t.csv --given z"),
        ("pairs t.csv u.csv --label age", "pairs t.csv u.csv --y age"),
        ("represent t.csv --y age", "represent t.csv --label age"),
        (
            "estimate duckdb://d.db?query=SELECT a, b FROM t --y b",
            "estimate 'duckdb://d.db?query=SELECT a, b FROM t' --y b",
        ),
    ],
)
def test_mistypes_are_met_with_the_line_that_was_meant(typed, command):
    with pytest.raises(ConfigError) as caught:
        expanded(typed.split())
    (fault,) = caught.value.faults
    assert fault.command == f"mi-run {command}"
    expanded(shlex.split(command))


def test_columns_without_an_option_beside_several_files_are_met_with_the_command_that_was_meant():
    with pytest.raises(ConfigError, match=r"and age is no file; use mi-run estimate a.csv b.csv --y age"):
        expanded(["estimate", "a.csv", "b.csv", "age"])


def test_column_without_an_option_is_met_with_the_command_that_was_meant():
    with pytest.raises(ConfigError, match="use mi-run represent t --label 'a b'"):
        expanded(["represent", "t", "a b"])


def test_option_of_one_column_refuses_two():
    with pytest.raises(ConfigError, match="--time=a, b: has 2 columns; accepted: one column"):
        expanded(["lags", "t.csv", "--time", "a,b"])


@pytest.mark.parametrize("name", SHORT)
def test_help_lists_every_option(name, capsys):
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.rstrip() == help_of(name)
    assert all(option in help_of(name) and key in help_of(name) for option, key in SHORT[name].keys.items())


def test_names_with_any_characters_reach_the_config(here, runner, capsys):
    odd = ["dose (mg)", "a,b", "it's", "true", "x=1", "gene[2]", "größe", "1e3", 'q"', "--x", "[c]", "back\\", "${a}"]
    values = np.random.default_rng(0).standard_normal((30, len(odd) + 1))
    header = ",".join('"' + name.replace('"', '""') + '"' for name in [*odd, "y"])
    np.savetxt(here / "my $ file=1.csv", values, delimiter=",", header=header, comments="")
    columns = shlex.split(" ".join(typed_option("--x", name) for name in odd))
    assert main(["estimate", "my $ file=1.csv", *columns, "--y", "y"]) == 0, capsys.readouterr().err
    (run,) = runner.runs
    assert list(run[0]["dataset"]["x"]) == odd
    assert run[0]["dataset"]["path"] == "my $ file=1.csv"
    assert yaml.safe_load((run[1] / "config.yaml").read_text())["dataset"]["y"] == ["y"]
