"""What ``import mi_cli`` offers, and that it loads nothing for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import mi_cli
from mi_cli.registry.lookup import load

# Changing this list changes what people may use: say so in CHANGELOG.md.
PUBLIC = {
    "Answer": "mi_cli.analysis.answer:Answer",
    "ConfigError": "mi_cli.errors:ConfigError",
    "Dataset": "mi_cli.datasets.base:Dataset",
    "Estimate": "mi_cli.problems:Estimate",
    "Estimator": "mi_cli.estimators.base:Estimator",
    "InfoMaxEncoder": "mi_cli.representations.transformer:InfoMaxEncoder",
    "MISelector": "mi_cli.selection.transformer:MISelector",
    "Procedure": "mi_cli.procedures.base:Procedure",
    "Run": "mi_cli.report.runs:Run",
    "Runs": "mi_cli.report.runs:Runs",
    "__version__": "mi_cli._version:__version__",
    "bounds": None,
    "datasets": None,
    "estimate": "mi_cli.api:estimate",
    "estimators": None,
    "fields": None,
    "load_encoder": "mi_cli.representations.kept:load_encoder",
    "networks": None,
    "problems": None,
    "representations": None,
    "run": "mi_cli.experiments:run",
    "runs": "mi_cli.report.runs:runs",
    "testing": None,
    "training": None,
}
HEAVY = {"numpy", "torch", "scipy", "sklearn", "polars", "pydantic", "yaml", "hydra", "omegaconf", "matplotlib", "rich"}


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("before", ["", "import mi_cli.cli.main, mi_cli.compose.resolve, mi_cli.execution.runner"])
def test_public_names_are_these(before):
    names = json.loads(fresh(f"{before}\nimport json, mi_cli; print(json.dumps([dir(mi_cli), mi_cli.__all__]))"))
    assert names == [sorted(PUBLIC), sorted(PUBLIC)]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_what_it_says(name):
    public, path = getattr(mi_cli, name), PUBLIC[name]
    if path is None:
        assert public.__name__ == f"mi_cli.{name}"
    else:
        assert public is load(path)


@pytest.mark.parametrize("name", PUBLIC)
def test_package_describes_its_public_names(name):
    assert f"\n``{name}``" in mi_cli.__doc__


def test_completion_lists_the_public_names():
    code = "import mi_cli, rlcompleter; print(rlcompleter.Completer({'mi_cli': mi_cli}).attr_matches('mi_cli.est'))"
    assert "mi_cli.estimate(" in fresh(code)
    assert "mi_cli.estimators" in fresh(code)


def test_import_loads_nothing_heavy():
    loaded = fresh("import sys, mi_cli; dir(mi_cli); print(*{name.partition('.')[0] for name in sys.modules})").split()
    assert not HEAVY & set(loaded)


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="nothing"):
        _ = mi_cli.nothing
