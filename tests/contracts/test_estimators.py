"""Every estimator that is registered keeps the contracts of ``mi_cli.testing``."""

from __future__ import annotations

from typing import Any

import pytest

from mi_cli.estimators.training_free import TrainingFree
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.registry.lookup import load
from mi_cli.testing import Check, estimator_checks

# What an estimator needs for its best, where that is not its defaults: one line here for one that does.
VARIATIONAL = ("dv", "mine", "nwj", "tuba", "infonce", "js", "smile", "fdime", "flo")
FIELDS: dict[str, dict[str, Any]] = {
    "linear": {"critic": "quadratic"},
    **{name: {"hidden": (16,), "embedding": 8} for name in VARIATIONAL},
    "tuba": {"hidden": (16,), "embedding": 8, "baseline": (8,)},
    "flo": {"hidden": (16,), "embedding": 8, "dual": (8,)},
    **{name: {"hidden": (16,)} for name in ("club", "doe", "l1out")},
    "flow": {"hidden": (16,), "transforms": 1},
    "auto": {"separable": (16,), "concat": (16,)},
}
SETTINGS: dict[str, dict[str, Any]] = {
    **{name: {"training": {"batch": 128, "schedule": "cosine", "ema": 0.95}} for name in VARIATIONAL},
    "linear": {"training": {"batch": "full", "lr": 0.1}},
    "auto": {"training": {"steps": 100, "batch": 128}},  # its other members know Gaussians
    # Its limit is not the MI.
    "club": {"training": {"lr": 0.03, "schedule": "cosine"}, "truth": lambda rho: rho**2 / (1 - rho**2)},
    **{name: {"training": {"steps": 120, "schedule": "cosine", "lr": 0.02}} for name in ("doe", "flow", "l1out")},
    "nearest": {"remarks": True},  # it says which of the others it took
    "ross": {"discrete_y": True},
    "discrete": {"discrete_x": True},
}
SETTINGS["infonce"] |= {"shifts": 64}  # candidates; with fewer it is well below the truth


def checks(name: str) -> list[Check]:
    return estimator_checks(load(ESTIMATORS[name]), FIELDS.get(name), **SETTINGS.get(name, {}))


CHECKS = [pytest.param(check, id=f"{name}-{check.contract}") for name in ESTIMATORS for check in checks(name)]


@pytest.mark.parametrize("check", CHECKS)
def test_estimator_keeps_its_contract(check):
    check()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_name_is_that_of_the_registry(name):
    assert load(ESTIMATORS[name])().name == name


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if issubclass(load(ESTIMATORS[name]), TrainingFree)])
def test_estimator_without_a_network_holds_no_rows_out(name):
    assert not load(ESTIMATORS[name]).holds_out
