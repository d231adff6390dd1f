"""Every module says what it offers, and its examples are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mi_cli

MODULES = sorted(
    info.name for info in pkgutil.walk_packages(mi_cli.__path__, "mi_cli.") if not info.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_module_documents_itself(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for offered in getattr(module, "__all__", ()):
        assert hasattr(module, offered)


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
