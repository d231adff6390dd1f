"""The layers of pyproject.toml, and what is derived from them."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import tomllib

from examples import TESTS

import mi_cli
from mi_cli.schema.fingerprints import TRIAL_CODE

CONTRACTS = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
LAYERS = next(contract for contract in CONTRACTS["contracts"] if contract["type"] == "layers")["layers"]
FLAT = [[name.strip().removeprefix("mi_cli.") for name in layer.replace("|", ":").split(":")] for layer in LAYERS]
AFTER_TRIALS = {"analysis", "schema"}  # works on the rows of finished trials; says which trials there are


def test_what_computes_trials_is_the_science_and_the_procedures():
    first, last = (next(i for i, layer in enumerate(FLAT) if name in layer) for name in ("procedures", "problems"))
    science = {name for layer in FLAT[first : last + 1] for name in layer} - AFTER_TRIALS
    assert {part.removesuffix(".py") for part in TRIAL_CODE} == science


def test_every_package_has_a_layer():
    there = {path.stem for path in (TESTS.parent / "mi_cli").iterdir() if path.suffix in ("", ".py")}
    listed = [name for layer in FLAT for name in layer]
    assert len(listed) == len(set(listed))
    assert there - {"__init__", "__pycache__", "py"} == set(listed)


def test_science_needs_no_library_of_configs_or_reports():
    packages = ("mi_cli.estimators", "mi_cli.bounds", "mi_cli.networks", "mi_cli.training")
    found = pkgutil.walk_packages(mi_cli.__path__, "mi_cli.")
    modules = ", ".join(info.name for info in found if info.name.startswith(packages))
    libraries = {"hydra", "omegaconf", "matplotlib", "polars", "rich"}
    code = f"import os, sys, {modules}; print({libraries} & set(sys.modules), flush=True); os._exit(0)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
