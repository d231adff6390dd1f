"""Tables of lags, transfer entropies and net flows."""

from __future__ import annotations

import pytest

from mi_cli.analysis.time_tables import lags, net_flows, transfers


def row(method, **fields):
    return {"method": method, "estimator": "copula", "seed": 0, "status": "ok", "reason": ""} | fields


def direction(source, target, estimate, p, **fields):
    ends = {"source": source, "target": target, "lag": 1.0, "source_history": 2.0, "target_history": 1.0}
    return row(f"{source} -> {target}", estimate=estimate, p_value=p, **ends | fields)


NET = row("net a -> b", source="a", target="b", lag=1.0, estimate=-0.2, ci_low=-0.3, ci_high=-0.1, true_mi=-0.25)


def test_lags_are_in_order_and_other_rows_are_not_among_them():
    rows = [row(f"lag_{lag}", lag=float(lag), estimate=0.1 * lag, p_corrected=0.5) for lag in (-1, 0, 1)]
    found = lags([*rows, NET], ["estimator"], 0.95, {})
    assert [line["lag"] for line in found] == [-1, 0, 1]
    assert found[2]["p_corrected"] == 0.5
    assert found[0]["method"] == "copula"


def test_directions_are_ranked_and_corrected_in_families():
    rows = [direction("a", "b", 0.1, 0.02), direction("b", "a", 0.3, 0.01), direction("a", "b", 0.2, 0.03, seed=1)]
    rows += [direction("b", "a", None, None, seed=1, status="failed"), NET]
    found = transfers(rows, ["estimator"], 0.95, {})
    assert [(line["source"], line["seed"]) for line in found] == [("b", 0), ("a", 1), ("a", 0), ("b", 1)]
    assert [line["p_holm"] for line in found] == [0.02, 0.03, 0.02, None]
    assert found[0]["source_history"] == 2


def test_net_flows_are_turned_to_where_they_go():
    (found,) = net_flows([NET, direction("a", "b", 0.1, 0.02)], [], 0.95, {})
    assert (found["source"], found["target"]) == ("b", "a")
    assert [found[key] for key in ("estimate", "ci_low", "ci_high", "true_mi")] == pytest.approx([0.2, 0.1, 0.3, 0.25])
    (lost,) = net_flows([row("net a -> b", source="a", target="b", estimate=None)], [], 0.95, {})
    assert lost["estimate"] is None
