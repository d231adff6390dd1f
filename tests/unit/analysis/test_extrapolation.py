"""Extrapolation in 1/n."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.analysis.extrapolation import extrapolated

SIZES = (250, 500, 1000, 2000)


def rows(value, sizes=SIZES, noise=0.0, seeds=4):
    random = np.random.default_rng(0)
    return [
        {"status": "ok", "method": "ksg", "seed": seed, "dataset.share": n / max(sizes), "rows": n, "stderr": 0.01,
         "estimate": value(n) + noise * random.normal()}
        for n in sizes for seed in range(seeds)
    ]  # fmt: skip


def line(found):
    (only,) = extrapolated(found, ["dataset.share"], 0.95, {})
    return only


def test_a_bias_of_one_over_n_is_taken_off():
    found = line(rows(lambda n: 0.5 - 20 / n))
    assert found["limit"] == pytest.approx(0.5)
    assert found["slope"] == pytest.approx(-20)
    assert found["largest"] == pytest.approx(0.49)
    assert found["limit_low"] < 0.5 < found["limit_high"]
    assert (found["warning"], found["sizes"]) == ("", 4)


def test_intervals_of_the_limit_hold_it():
    # 300 replicates at a level of 95 %: false alarms of these limits 1e-5.
    random = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        found = line(
            [{**row, "estimate": 0.5 - 20 / row["rows"] + 0.01 * random.normal()} for row in rows(lambda n: 0)]
        )
        held += found["limit_low"] <= 0.5 <= found["limit_high"]
    assert held / 300 > 0.88


def test_another_bias_is_warned_of():
    assert "does not fit" in line(rows(lambda n: 0.5 - 20 / n**0.5))["warning"]


def test_too_few_sizes_are_said_so():
    found = line(rows(lambda n: 0.5, sizes=(500, 1000)))
    assert found["limit"] is None
    assert found["warning"] == "2 numbers of rows; a line needs 3"
