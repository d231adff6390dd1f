"""Verdicts on claims."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from mi_cli.analysis.claims import Claim, judge
from mi_cli.analysis.intervals import mean_interval

SEEDS = range(5)
SPREAD = [-0.02, -0.01, 0.0, 0.01, 0.02]  # a 95 % interval of ± 0.0196


def claim(kind, **fields):
    return TypeAdapter(Claim).validate_python({"kind": kind, "text": "so it is", **fields})


def rows(mean, setting=None, method="mine", column="estimate", spread=SPREAD, **more):
    """A row a seed, spread about a mean."""
    return [
        {"trial": seed, "status": "ok", "seed": seed, "method": method, column: mean + spread[seed]}
        | (setting or {})
        | more
        for seed in SEEDS
    ]


def verdict(found_claim, found_rows, axes=(), traces=None):
    return judge(found_claim, found_rows, list(axes), traces or {})["verdict"]


@pytest.mark.parametrize(
    ("mean", "expected"), [(0.5, "holds"), (0.46, "undecided"), (0.4, "fails"), (0.54, "undecided"), (0.6, "fails")]
)
def test_equals_truth_within_a_tolerance(mean, expected):
    found = claim("equals_truth", absolute=0.025, relative=0.05)  # 0.05 about a truth of 0.5
    assert verdict(found, rows(mean, true_mi=0.5)) == expected


@pytest.mark.parametrize("truth", [math.inf, None])
def test_truth_that_is_infinite_or_unknown_is_not_compared(truth):
    for kind in ("equals_truth", "below_truth"):
        result = judge(claim(kind), rows(0.5, true_mi=truth), [], {})
        assert (result["verdict"], result["cells"]) == ("undecided", [])


@pytest.mark.parametrize(("mean", "expected"), [(0.4, "holds"), (0.49, "undecided"), (0.6, "fails")])
def test_below_truth(mean, expected):
    assert verdict(claim("below_truth"), rows(mean, true_mi=0.5)) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (None, 0.6, "holds"), (0.4, None, "holds"), (0.4, 0.6, "holds"),
        (0.51, None, "undecided"), (0.6, None, "fails"), (None, 0.4, "fails"),
    ],
)  # fmt: skip
def test_within_bounds(low, high, expected):
    assert verdict(claim("within", low=low, high=high), rows(0.5)) == expected


@pytest.mark.parametrize(("other", "expected"), [(0.6, "holds"), (0.5, "undecided"), (0.4, "fails")])
def test_lower_is_paired_over_seeds(other, expected):
    # The methods share a spread of ± 1 that their differences, ± 0.02, do not have.
    far = [-1.0, 0.5, 1.0, -0.5, 0.0]
    mine = rows(0.5, method="ridge", column="test_mse", spread=[a + b for a, b in zip(far, SPREAD, strict=True)])
    found = claim("lower", method="ridge", than="pca")
    assert verdict(found, mine + rows(other, method="pca", column="test_mse", spread=far)) == expected


def test_lower_uses_the_seeds_that_both_methods_have():
    mine, other = (rows(mean, method=name, column="test_mse") for name, mean in (("a", 1.0), ("b", 2.0)))
    other[3]["status"] = "failed"
    result = judge(claim("lower", method="a", than="b"), mine[1:] + other, [], {})
    assert result["cells"][0]["n"] == 3
    assert result["cells"][0]["value"] == pytest.approx(-1)


def test_lower_by_ratio_is_not_ruled_by_the_worst_seed():
    mine = rows(0, method="a", column="test_mse", spread=[1.0, 1, 1, 1, 1])
    other = rows(0, method="b", column="test_mse", spread=[2.0, 2, 2, 2, 1e6])
    assert verdict(claim("lower", method="a", than="b"), mine + other) == "undecided"
    ratio = claim("lower", method="a", than="b", scale="log")
    result = judge(ratio, mine + other, [], {})
    assert result["unit"] == "ln ratio"
    assert result["cells"][0]["value"] == pytest.approx((4 * math.log(1 / 2) - math.log(1e6)) / 5)
    assert verdict(ratio, mine + rows(0, method="b", column="test_mse", spread=[2, 2.1, 2, 2.1, 6])) == "holds"


@pytest.mark.parametrize(
    ("after", "scale", "bounds", "expected"),
    [
        (1.1, "linear", {"high": 0.2}, "holds"), (1.3, "linear", {"high": 0.2}, "fails"),
        (1.21, "linear", {"high": 0.2}, "undecided"), (1.1, "linear", {"low": 0.2}, "fails"),
        (1.4, "log", {"high": math.log(1.5)}, "holds"), (1.6, "log", {"high": math.log(1.5)}, "fails"),
    ],
)  # fmt: skip
def test_change_along_an_axis_is_paired_over_seeds(after, scale, bounds, expected):
    seeds = [1.0, 2.0, 3.0, 4.0, 5.0] if scale == "log" else [1.0, 0.0, -1.0, 5.0, 2.0]
    factor = (
        [seed * after for seed in seeds]
        if scale == "log"
        else [seed + after - 1 + e for seed, e in zip(seeds, SPREAD, strict=True)]
    )
    found = [
        *rows(0, {"shift": "none"}, method="pca", column="test_mse", spread=seeds),
        *rows(0, {"shift": "moved"}, method="pca", column="test_mse", spread=factor),
        *rows(99, {"shift": "other"}, method="pca", column="test_mse"),
        *rows(99, {"shift": "moved"}, method="ridge", column="test_mse"),
    ]
    change = claim("change", method="pca", axis="shift", start="none", end="moved", scale=scale, **bounds)
    result = judge(change, found, ["shift"], {})
    assert result["verdict"] == expected
    assert result["cells"][0]["value"] == pytest.approx(math.log(after) if scale == "log" else after - 1)
    assert (result["cells"][0]["n"], result["unit"]) == (5, "ln ratio" if scale == "log" else "")


@pytest.mark.parametrize(
    ("slope", "direction", "expected"),
    [
        (1.0, "increasing", "holds"), (-1.0, "increasing", "fails"), (0.0, "increasing", "undecided"),
        (-1.0, "decreasing", "holds"), (1.0, "decreasing", "fails"),
        (0.0, "none", "holds"), (1.0, "none", "fails"), (0.1, "none", "undecided"),
    ],
)  # fmt: skip
def test_trend_along_an_axis(slope, direction, expected):
    dims = (1, 2, 4)
    found = [
        row | {"estimate": row["estimate"] + dim * (slope + SPREAD[row["seed"]])}
        for dim in dims
        for row in rows(1.0, {"dim": dim}, spread=[5.0, -3, 2, 0, 1])
    ]
    trend = claim("trend", column="estimate", axis="dim", direction=direction, margin=0.1)
    assert verdict(trend, found, ["dim"]) == expected


def test_slope_is_that_of_least_squares():
    points = {1: 3.0, 2: 5.0, 5: 4.0}
    found = [row for dim, value in points.items() for row in rows(value, {"dim": dim}, spread=[0.0] * 5)]
    result = judge(claim("trend", column="estimate", axis="dim", direction="increasing"), found, ["dim"], {})
    (cell,) = result["cells"]
    assert cell["value"] == pytest.approx(np.polyfit(list(points), list(points.values()), 1)[0])
    assert (cell["n"], cell["where"]) == (5, {})


@pytest.mark.parametrize(("sign", "expected"), [(1, "holds"), (-1, "fails")])
def test_correlation_within_each_run(sign, expected):
    rng = np.random.default_rng(0)
    traces = {}
    for seed in SEEDS:
        mi = rng.normal(size=30)
        # Runs differ by offsets that would turn the sign, were they thrown together.
        mse = -sign * mi + 0.5 * rng.normal(size=30)
        traces[seed] = {"val_mi": (mi + 10 * seed).tolist(), "val_mse": (mse + 10 * seed).tolist()}
    found = claim("correlation", x="val_mi", y="val_mse", direction="negative")
    result = judge(found, rows(0.0), [], traces)
    assert result["verdict"] == expected
    values = [np.corrcoef(trace["val_mi"], trace["val_mse"])[0, 1] for trace in traces.values()]
    assert result["cells"][0]["value"] == pytest.approx(np.mean(values))
    assert judge(found, rows(0.0), [], {0: {"val_mi": [1.0, 2.0, 3.0]}})["cells"] == []
    constant = {0: {"val_mi": [1.0, 1.0, 1.0], "val_mse": [1.0, 2.0, 3.0]}}
    assert judge(found, rows(0.0), [], constant)["cells"] == []


def test_claim_holds_where_it_holds_everywhere():
    found = claim("within", high=1.0)

    def over(*means):
        return [row for rho, mean in enumerate(means) for row in rows(mean, {"rho": rho})]

    assert verdict(found, over(0.5, 0.6), ["rho"]) == "holds"
    assert verdict(found, over(0.5, 1.0), ["rho"]) == "undecided"
    assert verdict(found, over(0.5, 1.0, 2.0), ["rho"]) == "fails"
    result = judge(found, over(0.5, 2.0), ["rho"], {})
    assert [cell["where"] for cell in result["cells"]] == [{"rho": 0}, {"rho": 1}]
    assert [cell["verdict"] for cell in result["cells"]] == ["holds", "fails"]


def test_where_chooses_rows():
    found = rows(0.5, {"rho": 0.2}) + rows(2.0, {"rho": 0.4}) + rows(3.0, {"rho": 0.8})
    for chosen, expected in ((0.2, "holds"), (0.4, "fails"), ([0.2, 0.4], "fails"), (7, "undecided")):
        assert verdict(claim("within", high=1.0, where={"rho": chosen}), found, ["rho"]) == expected


def test_only_rows_of_the_method_that_are_ok_count():
    found = rows(0.5) + rows(9.0, method="other") + [row | {"status": "diverged"} for row in rows(9.0)]
    result = judge(claim("within", high=1.0, method="mine"), found, [], {})
    assert (result["verdict"], result["cells"][0]["n"]) == ("holds", 5)


def test_single_seed_decides_nothing():
    assert verdict(claim("within", high=1.0), rows(0.5)[:1]) == "undecided"


def test_interval_is_that_of_its_level():
    (cell,) = judge(claim("within", high=1.0), rows(0.5), [], {}, level=0.5)["cells"]
    expected = mean_interval([0.5 + value for value in SPREAD], 0.5)
    assert (cell["ci_low"], cell["ci_high"]) == (expected.low, expected.high)


@pytest.mark.parametrize(
    ("kind", "fields"), [("nothing", {}), ("lower", {}), ("within", {"column": "seconds"}), ("within", {"more": 1})]
)
def test_claims_say_nothing_else(kind, fields):
    with pytest.raises(ValidationError):
        claim(kind, **fields)


@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "trend", "column": "test_mse", "axis": "shift", "direction": "increasing"},
        {"kind": "change", "method": "mi", "axis": "shift", "start": "none", "end": "scale"},
    ],
)
def test_claim_on_an_axis_that_the_run_has_not_is_undecided(claim):
    rows = [{"trial": 0, "seed": 0, "method": "mi", "status": "ok", "test_mse": 0.1}]
    found = judge(TypeAdapter(Claim).validate_python({"text": "x", **claim}), rows, [], {})
    assert (found["verdict"], found["cells"]) == ("undecided", [])


SOLVED = {"dataset.task": "t", "estimator": "mine"}


@pytest.mark.parametrize(
    ("means", "at_least", "counts", "expected"),
    [
        ((1.0, 2.0, 3.0), None, (3, 3, 3), "holds"),
        ((1.0, 2.0, 3.5), 2, (2, 2, 2), "holds"),
        ((1.0, 2.0, 3.5), None, (2, 2, 2), "fails"),
        ((1.0, 2.0, 3.29), None, (3, 2, 3), "undecided"),  # whose interval leaves the tolerance
        ((1.0, 2.0, 3.31), 3, (2, 2, 3), "undecided"),  # whose interval enters it
        ((1.0, 2.5, 3.31), 3, (1, 1, 2), "fails"),
    ],
)
def test_solves(means, at_least, counts, expected):
    found = [
        row
        for truth, mean in zip((1.0, 2.0, 3.0), means, strict=True)
        for row in rows(mean, {"dataset.task": truth, "estimator": "mine"}, true_mi=truth)
    ]
    result = judge(claim("solves", at_least=at_least), found, ["dataset.task", "estimator"], {})
    (cell,) = result["cells"]
    assert (cell["value"], cell["ci_low"], cell["ci_high"]) == counts
    assert cell["where"] == {"estimator": "mine", "method": "mine", "of": "tasks solved"}
    assert result["verdict"] == expected


@pytest.mark.parametrize(("error", "expected"), [(0.12, "holds"), (0.1, "undecided"), (0.05, "fails")])
def test_solves_with_an_error_of_at_most(error, expected):
    found = rows(1.1, SOLVED, true_mi=1.0)
    of_tasks = claim("solves", at_least=1, absolute=1.0, error=error)
    assert verdict(of_tasks, found, ["dataset.task", "estimator"]) == expected


def test_what_was_lost_is_not_solved():
    found = [*rows(1.0, SOLVED, true_mi=1.0)]
    found[-1] = found[-1] | {"status": "failed", "method": "", "estimate": None}
    assert verdict(claim("solves"), found, ["dataset.task", "estimator"]) == "fails"
    assert verdict(claim("equals_truth", absolute=0.1), found, ["dataset.task", "estimator"]) == "holds"


def test_solves_is_judged_of_each_estimator_or_of_the_one_that_is_named():
    found = [*rows(1.0, SOLVED, true_mi=1.0), *rows(5.0, SOLVED | {"estimator": "dv"}, method="dv", true_mi=1.0)]
    axes = ["dataset.task", "estimator"]
    assert verdict(claim("solves"), found, axes) == "fails"
    assert verdict(claim("solves", method="mine"), found, axes) == "holds"
    assert verdict(claim("solves", where={"estimator": "mine"}), found, axes) == "holds"
    assert verdict(claim("solves", method="nwj"), found, axes) == "undecided"
