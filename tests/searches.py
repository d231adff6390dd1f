"""Configs that ask for a search, for the tests of searches."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from examples import SMALL, values

from mi_cli.cli.arguments import arguments
from mi_cli.compose.resolve import resolve
from mi_cli.errors import ConfigError, Fault
from mi_cli.search.preparation import prepare

needs_optuna = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs pip install '.[search]'")

LR = {"low": 1e-3, "high": 0.1, "log": True}
SWEEP = {"estimator": {"hidden": [[8], [4, 4]]}, "seed": [0, 1]}


def prepared(base: Any = SMALL, sweep: Any = SWEEP, space: Any = None, **section: Any) -> dict[str, Any]:
    """A config that asks for a search, as ``resolve`` returns it."""
    section = {"name": "optuna", "trials": 4, "batch": 2, "space": space or {}} | section
    return prepare(values(base, sweep) | {"search": section}, {}).values


def resolved(*typed: str) -> dict[str, Any]:
    """The resolved config of a search whose overrides are ``typed``."""
    return resolve(arguments(["experiment=gaussian_sweep", "search=optuna", *typed]).overrides).values


def faults(*typed: str) -> tuple[Fault, ...]:
    """The faults of a search whose overrides are ``typed``."""
    with pytest.raises(ConfigError) as caught:
        resolved("dataset.rho=0.6", *typed)
    return caught.value.faults
