"""The JSON Schema of an experiment file: it takes what mi-run takes, and refuses misspelt settings."""

from __future__ import annotations

import json
from functools import cache

import jsonschema
import pytest
import yaml

from mi_cli.cli.main import main
from mi_cli.schema.json_schema import experiment_schema
from mi_cli.schema.locations import config_folder


@cache
def validator():
    schema = experiment_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", sorted((config_folder() / "experiment").glob("*.yaml")), ids=lambda path: path.stem)
def test_experiments_are_valid(path):
    assert [error.message for error in validator().iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"trainig": {"steps": 3}},
        {"training": {"stepps": 3}},
        {"training": {"steps": "many"}},
        {"estimator": {"hiden": [3]}},
        {"estimator": {"name": "minne"}},
        {"dataset": {"name": "gaussian", "rho": 0.5, "period": 3}},
        {"fit": "cross"},
        {"claims": [{"kind": "nothing"}]},
    ],
)
def test_what_is_misspelt_is_refused(wrong):
    assert list(validator().iter_errors(wrong))


def test_command_prints_it(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(experiment_schema()))
