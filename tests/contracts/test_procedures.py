"""Every procedure that is registered keeps the contracts of ``mi_cli.testing``."""

from __future__ import annotations

from typing import Any

import pytest
from examples import ROWS

from mi_cli.registry.builtin import PROCEDURES
from mi_cli.registry.lookup import load
from mi_cli.testing import procedure_checks

INDEPENDENT = {"representation": {"dim": 2, "hidden": [6], "critic": "independent"}}
FEW = {"representation": {"dim": 2, "hidden": [6], "noise": 0.5, "objectives": ["infomax", "vicreg"]}}
LABELLED = {  # classes, from columns of numbers and of classes
    "dataset": {"name": "labelled_table", "path": ROWS, "label": "kind", "exclude": "patient"},
    "split": {"train": 0.6, "val": 0.15, "test": 0.25, "labels": 24},
}
SERIES: dict[str, Any] = {  # few rows and shifts, so that checks take seconds
    "dataset": {"name": "var", "n_samples": 200, "recordings": 2},
    "estimator": {"name": "copula"},
    "evaluation": {"permutations": 19},
    "time": {"lags": [-1, 1], "max_history": 2},
}
BITS = SERIES | {"dataset": {"name": "copied_bits", "n_samples": 100}, "estimator": {"name": "nearest"}}
# Settings that say more of a procedure: one line here for one that has any.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "estimate": [{}, {"fit": "crossfit", "folds": 3}, {"estimator": {"name": "copula"}}],
    "maximise": [{}, INDEPENDENT],
    "compare": [{}, INDEPENDENT, {"noise": {"scale": 0.05}}],
    "select": [
        {"selection": {"permutations": 19, "subsamples": 2}},
        {
            "dataset": {"name": "table", "path": ROWS, "y": "kind", "exclude": "patient"},
            "estimator": {"name": "nearest"},
            "split": {"train": 1.0, "val": 0.0, "test": 0.0},
            "selection": {"method": "cmim", "columns": 3, "subsamples": 2},
        },
    ],
    "represent": [{"split": {"train": 0.7, "val": 0.1, "test": 0.1, "labels": 20}} | FEW, LABELLED | FEW],
    "lags": [SERIES, BITS],
    "transfer_entropy": [SERIES, BITS],
}
TOGETHER = {"estimator": {"name": "copula"}, "split": {"train": 1.0, "val": 0.0, "test": 0.0}}
SETTINGS["interaction"] = [
    {"dataset": {"name": "equicorrelated", "columns": 4, "n_samples": 100}} | TOGETHER,
    {"dataset": {"name": "bits", "n_samples": 100}} | TOGETHER | {"estimator": {"name": "nearest"}},
]
CHECKS = [
    pytest.param(check, id=f"{name}-{number}-{check.contract}")
    for name in PROCEDURES
    for number, settings in enumerate(SETTINGS.get(name, [{}]))
    for check in procedure_checks(load(PROCEDURES[name]), settings)
]


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("check", CHECKS)
def test_procedure_keeps_its_contract(check):
    check()


@pytest.mark.parametrize("name", PROCEDURES)
def test_name_is_that_of_the_registry(name):
    assert load(PROCEDURES[name]).name == name
