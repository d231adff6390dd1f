"""Every module says what it offers, and its examples are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import mi_cli

MODULES = sorted(
    info.name for info in pkgutil.walk_packages(mi_cli.__path__, "mi_cli.") if not info.name.endswith("__main__")
)
# Configs are validated by these classes, before anything is computed.
VALIDATING = ("mi_cli.estimators", "mi_cli.datasets", "mi_cli.problems", "mi_cli.representations.objectives")
LIGHT = [name for name in MODULES if name.startswith(VALIDATING)]
LIGHT += ["mi_cli.representations.column_encoder", "mi_cli.representations.shape"]
# These import their modules when they are used.
LIGHT += ["mi_cli.bounds", "mi_cli.networks", "mi_cli.representations", "mi_cli.training"]


@pytest.mark.parametrize("name", MODULES)
def test_module_documents_itself(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for offered in getattr(module, "__all__", ()):
        assert hasattr(module, offered)


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_estimators_and_datasets_are_imported_without_what_they_compute_with():
    code = f"import sys, {', '.join(LIGHT)}; print({{'torch', 'scipy', 'sklearn'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("package", ["bounds", "networks", "representations", "training"])
def test_package_offers_what_its_modules_do(package):
    lazy = importlib.import_module(f"mi_cli.{package}")
    modules = [importlib.import_module(name) for name in MODULES if name.rpartition(".")[0] == f"mi_cli.{package}"]
    modules = [module for module in modules if not hasattr(module, "__path__")]
    assert sorted(lazy.__all__) == sorted(name for module in modules for name in module.__all__)
