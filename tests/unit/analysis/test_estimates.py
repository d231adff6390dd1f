"""The table of estimates side by side."""

from __future__ import annotations

import pytest

from mi_cli.analysis.estimates import estimates

AUTO = {"method": "auto", "estimator": "auto", "kind": "lower bound", "estimate": 0.5, "stderr": 0.01, "lower": 0.484}


def row(**fields):
    return AUTO | {"status": "ok", "reason": "", "seed": 0, "p_value": 0.005, "train_mi": None} | fields


def test_gap_is_how_much_larger_the_estimate_is_on_training_rows():
    first, second = estimates([row(train_mi=0.6), row(train_mi=None)], ["estimator"], 0.95, {})
    assert first["gap"] == pytest.approx(0.1)
    assert second["gap"] is None
    assert "estimator" not in first


def test_gap_of_a_value_that_is_no_bound_is_that_of_its_bound():
    (found,) = estimates([row(estimate=0.55, test_mi=0.5, train_mi=0.6)], [], 0.95, {})
    assert found["gap"] == pytest.approx(0.1)
