"""Pairs of columns: order, and correction for their number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.analysis.pairwise import adjusted, pairs


def row(pair, estimate, p, **fields):
    return {"dataset.pair": pair, "method": "dv", "estimator": "dv", "seed": 0, "status": "ok", "reason": "",
            "estimate": estimate, "p_value": p} | fields  # fmt: skip


def test_pairs_are_ranked_and_lost_ones_come_last():
    rows = [row('["a", "b"]', 0.1, 0.02), row(["a", "c"], None, None, status="failed"), row('["b", "c"]', 0.5, 0.01)]
    found = pairs(rows, ["dataset.pair", "estimator"], 0.95, {})
    assert [(line["x"], line["y"]) for line in found] == [("b", "c"), ("a", "b"), ("a", "c")]
    assert [line["p_holm"] for line in found] == [0.02, 0.02, None]
    assert found[2]["status"] == "failed"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrected_values_are_no_smaller_and_keep_the_order(p):
    holm, q = adjusted(p)
    for corrected in (holm, q):
        assert all(a >= b or a == pytest.approx(b) for a, b in zip(corrected, p, strict=True))
        order = np.argsort(p, kind="stable")
        assert (np.diff(np.asarray(corrected)[order]) >= -1e-12).all()
        assert max(corrected) <= 1
    assert all(a <= b + 1e-12 for a, b in zip(q, holm, strict=True))


def test_false_discoveries_are_as_rare_as_promised():
    # 2,000 families of 20 true null hypotheses; Holm's chance of any at 5 %: false alarms beyond 7 % below 1e-4.
    random = np.random.default_rng(0)
    any_found = np.mean([min(adjusted(random.uniform(size=20))[0]) <= 0.05 for _ in range(2000)])
    assert any_found < 0.07
