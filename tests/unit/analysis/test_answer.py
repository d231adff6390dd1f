"""One answer from several estimates."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_cli.analysis.answer import answer, answers
from mi_cli.analysis.facts import Facts

TWO = Facts(rows=5000)
MANY = Facts(rows=5000, columns_x=10, columns_y=10)
LN2 = math.log(2)


def row(method="auto", estimate=0.5, stderr=0.01, **fields):
    """A result row; of ``auto`` it is the estimate on test rows that is given."""
    test, lower = (estimate, estimate - 1.645 * stderr) if method == "auto" else (None, None)
    return {
        "method": method,
        "kind": "point estimate",
        "test_mi": test,
        "status": "ok",
        "estimate": estimate,
        "stderr": stderr,
        "lower": lower,
        "p_value": 0.001,
        "seed": 0,
    } | fields


# Which estimate is taken


def test_estimates_that_agree_are_the_answer():
    one = answer([row(), row("nearest", 0.52), row("copula", 0.2)], TWO)
    assert (one.verdict, one.value, one.source) == ("answer", 0.5, "auto")
    assert one.reason == "auto and nearest agree, though they fail in different ways"
    assert one.ci_low == pytest.approx(0.5 - 1.96 * 0.01, abs=1e-6)
    assert one.ci_high == pytest.approx(0.52 + 1.96 * 0.01, abs=1e-6)  # the other estimate
    assert one.lower == pytest.approx(0.5 - 1.645 * 0.01)
    assert one.p_value == pytest.approx(0.003)  # three tests
    assert one.advice == ""


def test_neighbours_above_a_bound_that_misses_a_part_are_taken_in_few_columns():
    one = answer([row(estimate=0.295), row("nearest", 1.118), row("copula", 0.1)], TWO)
    assert (one.verdict, one.value, one.source) == ("answer", 1.118, "nearest")
    assert "few columns" in one.reason


def test_difference_is_judged_with_its_error():
    near, far = row("nearest", 0.419, 0.05), row("nearest", 0.419, 0.014)
    assert answer([row(estimate=0.309, stderr=0.05), near], TWO).source == "auto"
    assert answer([row(estimate=0.309, stderr=0.013), far], TWO).source == "nearest"


def test_bound_is_taken_where_neighbours_are_too_low():
    low = row("nearest", 0.3)
    assert "strong dependence" in answer([row(), low], TWO).reason
    in_many = answer([row(), low], MANY)
    assert (in_many.value, in_many.source) == (0.5, "auto")
    assert "many columns" in in_many.reason
    assert in_many.ci_high > answer([row(), low], TWO).ci_high


def test_copula_is_taken_above_the_bound_for_one_column_each_alone():
    rows = [row(), row("copula", 0.8)]
    assert answer(rows, TWO).source == "copula"
    assert answer(rows, Facts(rows=5000, columns_x=2)).source == "auto"


def test_linear_relation_is_infinite():
    reason = "y is a linear function of x: the MI is infinite"
    one = answer([row(estimate=3.04), row("copula", math.inf, 0.0, reason=reason)], TWO)
    assert (one.verdict, one.value, one.ci_high, one.reason) == ("answer", math.inf, math.inf, reason)
    assert one.ci_low == pytest.approx(3.02, abs=1e-3)  # where the interval of the bound begins
    assert one.source == "exact relation"
    assert one.lower < 3.04


def test_classes_are_counted_and_hold_no_more_than_their_entropy():
    both = Facts(5000, classes_x=True, classes_y=True, entropy_x=LN2, entropy_y=1.0)
    one = answer([row(estimate=0.3), row("nearest", 0.31)], both)
    assert (one.source, one.value) == ("counting", 0.31)
    of_y = Facts(5000, classes_y=True, entropy_y=LN2)
    full = answer([row(estimate=0.672), row("nearest", 0.70, ceiling=0.75)], of_y)
    assert (full.verdict, full.ci_high) == ("answer", pytest.approx(LN2, abs=1e-3))
    assert full.ci_high > LN2  # the entropy of the rows is below that of the distribution
    assert full.value <= LN2
    assert full.reason.endswith("this is about all that the classes can hold")


def test_table_with_few_rows_in_a_cell_reaches_down():
    sparse, full = (
        Facts(n, classes_x=True, classes_y=True, entropy_x=math.log(20), entropy_y=math.log(20)) for n in (1000, 10**6)
    )
    rows = [row("nearest", 1.36)]
    assert answer(rows, sparse).ci_low < 1.21 < answer(rows, full).ci_low


def test_counting_below_what_the_bound_shows_is_not_taken():
    both = Facts(5000, classes_x=True, classes_y=True, entropy_x=LN2, entropy_y=1.0)
    assert answer([row(), row("nearest", 0.2)], both).source == "auto"


def test_no_dependence_is_an_answer():
    rows = [row(estimate=-0.13, stderr=0.045, p_value=0.9), row("nearest", 0.004, p_value=0.4)]
    one = answer(rows, TWO)
    assert (one.verdict, one.reason) == ("answer", "no dependence is seen")
    assert (one.value, one.ci_low, one.lower) == (0.004, 0, 0)
    alone = answer(rows[:1], TWO)
    assert (alone.value, alone.ci_low, alone.lower) == (0, 0, 0)
    assert alone.ci_high > 0  # the interval has a value that MI can have beside 0


# When it cannot be told


@pytest.mark.parametrize(
    ("rows", "facts", "reason", "advice"),
    [
        ([row()], Facts(rows=5000, copies=60), "many rows repeat others", "remove the copies"),
        ([row(estimate=0.4), row("nearest", 0.9)], MANY, "far above auto, and in so many columns", "columns"),
        ([row(estimate=0.4), row("nearest", 0.9)], Facts(5000, blocks=True), "rows depend on each other", "steps"),
        ([row(stderr=0.2)], TWO, "the standard error is large", "more rows"),
        ([row(train_mi=1.4)], TWO, "larger on training rows", "fewer columns"),
        ([row(estimate=6.8, ceiling=8.3)], MANY, "near the most that so many rows can show", "noise"),
        ([row(estimate=6.77, ceiling=10.0)], Facts(900, 20, 20), "near the most that so many rows can show", "noise"),
        ([row()], Facts(rows=40), "40 rows are too few", "at least 50 rows"),
        ([row(status="failed")], TWO, "no estimator has a value", "failed"),
        (
            [
                row("auto", status="failed", reason="fold 1 of 4: a is constant"),
                row(status="failed", reason="a is constant"),
            ],
            TWO,
            "): a is constant",
            "other columns or rows",
        ),
        ([], TWO, "no estimator has a value", "failed"),
    ],
)
def test_what_cannot_be_told_has_a_reason_and_advice(rows, facts, reason, advice):
    one = answer(rows, facts)
    assert (one.verdict, one.value, one.source) == ("cannot tell", None, "")
    assert reason in one.reason
    assert advice in one.advice


def test_copies_make_all_tests_and_bounds_worthless():
    one = answer([row()], Facts(rows=5000, copies=60))
    assert (one.ci_low, one.ci_high, one.lower, one.p_value) == (0, math.inf, None, None)


def test_few_rows_of_classes_are_counted():
    facts = Facts(rows=40, classes_x=True, classes_y=True, entropy_x=0.56, entropy_y=0.56)
    assert answer([row("nearest", 0.5623, 0.05)], facts).verdict == "answer"


# Never contradictory

NUMBERS = st.one_of(
    st.none(), st.floats(-1, 12), st.sampled_from([0.0, math.nan, math.inf, -math.inf, -1e300, 1e300, 1e-12])
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["auto", "nearest", "copula", "gmm"]),
            "kind": st.sampled_from(["lower bound", "point estimate", "upper bound"]),
            "status": st.sampled_from(["ok", "ok", "ok", "failed", "diverged"]),
            "estimate": NUMBERS,
            "stderr": NUMBERS,
            "p_value": st.one_of(st.none(), st.floats(0, 1), st.just(math.nan)),
        },
        optional=dict.fromkeys(("lower", "ceiling", "train_mi", "ci_low", "ci_high"), NUMBERS),
    ),
    max_size=4,
)
ENTROPY = st.one_of(st.none(), st.floats(0.01, 7))
FACTS = st.builds(
    Facts,
    rows=st.sampled_from([0, 1, 40, 60, 1000, 10**6]),
    columns_x=st.integers(1, 30),
    columns_y=st.integers(1, 3),
    classes_x=st.booleans(),
    classes_y=st.booleans(),
    entropy_x=ENTROPY,
    entropy_y=ENTROPY,
    copies=st.sampled_from([0, 0, 0, 1, 50]),
    blocks=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(ROWS, FACTS)
def test_answer_is_never_contradictory(rows, facts):
    one = answer(rows, facts)
    assert one == answer(rows, facts)
    assert one.verdict in ("answer", "cannot tell")
    assert one.reason
    assert "\n" not in one.reason + one.advice
    told = one.verdict == "answer"
    assert (one.value is not None, bool(one.source), not one.advice) == (told, told, told)
    assert (one.ci_low is None) == (one.ci_high is None)
    if one.ci_low is not None:
        most = math.inf if one.source == "exact relation" else facts.most_in_truth
        assert 0 <= one.ci_low <= one.ci_high <= most
        assert one.lower is None or 0 <= one.lower <= one.ci_high
    if told:
        assert one.ci_low <= one.value <= one.ci_high
        assert one.value <= facts.most or one.source == "exact relation"
        assert one.lower is None or one.lower <= one.value
    assert one.p_value is None or 0 <= one.p_value <= 1


# Settings


def test_each_setting_and_seed_has_an_answer():
    rows = [
        row(method, value, rows=n, seed=seed, **{"dataset.rho": rho})
        for rho in (0.5, 0.7)
        for seed in (0, 1)
        for method, value in (("auto", rho), ("nearest", rho + 0.01))
        for n in (2000,)
    ]
    found = answers(rows, ["dataset.rho", "estimator"], lambda row: Facts(rows=10))
    assert [(one["dataset.rho"], one["seed"], one["value"]) for one in found] == [
        (rho, seed, rho) for rho in (0.5, 0.7) for seed in (0, 1)
    ]
    assert {one["verdict"] for one in found} == {"answer"}  # 2,000 rows, and not 10


def test_facts_of_a_table_and_of_a_distribution():
    described = {
        "rows_used": 300,
        "x": [{"column": "a"}],
        "y": [{"column": "b"}, {"column": "c"}],
        "duplicates": 3,
        "time": "day",
        "entropy": {"x": 0.5, "y": None},
    }
    facts = Facts.of(described, (5, 2), {"x"})
    assert facts == Facts(300, 1, 2, classes_x=True, entropy_x=0.5, copies=3, blocks=True)
    assert (facts.columns, facts.most) == (3, 0.5)
    assert Facts.of({}, (5, 2), ()) == Facts(0, 5, 2)
    assert Facts.of({"kind": "classes"}, (5, 3), {"y"}) == Facts(0, 5, 1, classes_y=True, kind="classes")


def test_an_answer_in_many_columns_that_no_other_estimator_agrees_with_reaches_far():
    bound, copula = row(estimate=1.0, stderr=0.02), row("copula", 0.2, stderr=0.02)
    alone = answer([bound, copula], Facts(5000, 10, 10))
    beside = answer([bound, row("copula", 0.99, stderr=0.02)], Facts(5000, 10, 10))
    assert alone.ci_high > 1.6
    assert beside.ci_high < 1.1


def test_a_gaussian_copula_is_no_evidence_in_many_columns_that_are_not_jointly_normal():
    bound = row(estimate=1.0, stderr=0.02)
    normal, bent = (
        answer([bound, row("copula", 0.99, stderr=0.02, misfit=misfit)], Facts(5000, 10, 10))
        for misfit in (-1.0, -15.0)
    )
    assert normal.ci_high < 1.1
    assert normal.reason == "auto and copula agree, though they fail in different ways"
    assert bent.ci_high > 1.6
    assert "agree" not in bent.reason


def test_neighbours_that_grow_with_the_rows_reach_farther():
    grown, steady = (
        answer([row(estimate=4.1), row("nearest", 4.3, drift=drift)], TWO).ci_high for drift in (0.1, -0.1)
    )
    assert steady == pytest.approx(4.3 + 1.96 * 0.01, abs=1e-6)
    assert grown == pytest.approx(steady + 2.4 * (0.1 - 0.5 * 0.01))
    many = answer([row(estimate=4.1), row("nearest", 4.0, drift=0.5)], MANY)
    assert many.ci_high == answer([row(estimate=4.1), row("nearest", 4.0)], MANY).ci_high


def test_the_value_of_a_bound_is_the_middle_between_test_and_training_rows():
    one = answer([row(estimate=1.0, stderr=0.02, train_mi=1.1)], Facts(5000))
    assert one.value == pytest.approx(1.05)
    assert one.ci_low < 1.0 < 1.1 < one.ci_high


def test_a_bound_that_still_rises_reaches_farther():
    still, done = (answer([row(estimate=1.0, stderr=0.01, rise=rise)], Facts(5000)) for rise in (0.2, 0.0))
    assert still.ci_high == pytest.approx(done.ci_high + 0.2)


# Given z


GIVEN = Facts(rows=1000, columns_z=1)
MANY_GIVEN = Facts(rows=1000, columns_z=5)


def test_given_z_neighbours_are_taken_in_few_columns():
    one = answer([row("nearest", 0.21, 0.01), row("copula", 0.22, 0.02)], GIVEN)
    assert (one.verdict, one.value, one.source) == ("answer", 0.21, "nearest")
    agree = "nearest and copula agree, though they fail in different ways"
    assert one.reason == f"{agree}, and nearest has the smaller error"
    copula = answer([row("nearest", 0.21, 0.02), row("copula", 0.22, 0.01)], GIVEN)
    assert (copula.value, copula.reason) == (0.22, f"{agree}, and copula has the smaller error")
    assert copula.ci_low == pytest.approx(0.22 - 1.96 * 0.01, abs=1e-4)
    assert one.ci_high == pytest.approx(0.22 + 1.96 * 0.02, abs=1e-4)  # that of the copula, which may be right
    misfit = answer([row("nearest", 0.5, 0.03), row("copula", 0.1, 0.02, misfit=9.0)], GIVEN)
    assert (misfit.source, misfit.reason) == ("nearest", "nearest neighbours are accurate in few columns")


def test_given_many_columns_of_z_a_copula_that_fits_is_taken():
    assert answer([row("nearest", 0.3, 0.03), row("copula", 0.45, 0.02)], MANY_GIVEN).source == "copula"
    assert answer([row("nearest", 0.3, 0.03), row("copula", 0.45, 0.02, misfit=9.0)], MANY_GIVEN).source == "nearest"


def difference(estimate, stderr=0.01, **fields):
    """The row of ``auto`` given z, which is no bound."""
    return row(estimate=estimate, stderr=stderr, lower=None, p_value=None, **fields)


def test_given_z_critics_are_taken_where_the_others_miss_a_part():
    others = [row("nearest", 0.28, 0.02), row("copula", 0.05, 0.01, misfit=9.0)]
    one = answer([difference(0.6), *others], GIVEN)
    assert (one.source, one.value, one.lower) == ("auto", 0.6, None)
    assert one.reason == "auto is above nearest, which misses a part: critics learn any form of dependence"
    assert one.p_value == pytest.approx(0.002)  # of the two that have one
    low = answer([difference(0.1), *others], GIVEN)
    assert (low.source, low.value) == ("nearest", 0.28)


def test_given_z_critics_that_agree_with_neighbours_are_taken_if_they_are_higher():
    others = [row("nearest", 0.3, 0.02), row("copula", 0.31, 0.02, misfit=9.0)]
    one = answer([difference(0.33), *others], GIVEN)
    assert (one.source, one.reason) == ("auto", "nearest and auto agree, though they fail in different ways")
    assert answer([difference(0.27), *others], GIVEN).source == "nearest"
    copula = answer([difference(0.35), row("nearest", 0.3, 0.02), row("copula", 0.34, 0.02)], MANY_GIVEN)
    assert (copula.source, copula.reason) == ("copula", "copula and auto agree, though they fail in different ways")
    assert copula.ci_high > 0.35 + 1.96 * 0.01  # that of critics
    assert answer([difference(0.27), *others], GIVEN).ci_low == pytest.approx(0.3 - 1.96 * 0.02, abs=1e-4)
    assert answer([difference(0.25), *others], GIVEN).ci_low == pytest.approx(0.25)


def test_given_z_a_difference_of_bounds_is_no_lower_limit():
    """It raises the lower end of no other estimate, and its gap and its rise widen its own interval."""
    one = answer([difference(0.5), row("nearest", 0.52, 0.05)], GIVEN)
    assert (one.source, one.ci_low) == ("nearest", pytest.approx(0.52 - 1.96 * 0.05, abs=1e-4))
    wide = answer([difference(0.5, test_mi=0.45, train_mi=0.55)], GIVEN)
    assert wide.ci_high == pytest.approx(0.5 + 1.96 * 0.01 + 1.25 * 0.1, abs=1e-4)
    other = answer(
        [difference(0.5, test_mi=0.45, train_mi=0.55), row("nearest", 0.47, 0.02), row("copula", 0.48)], GIVEN
    )
    assert (other.source, other.ci_high) == ("copula", wide.ci_high)
    rising = answer([difference(0.5, rise=0.2)], GIVEN)
    assert rising.ci_high == pytest.approx(0.5 + 1.96 * 0.01 + 0.2, abs=1e-4)


def test_given_z_critics_near_ln_n_are_no_answer():
    one = answer([difference(6.5), row("nearest", 3.0, 0.1)], GIVEN)
    assert (one.verdict, one.ci_high) == ("cannot tell", math.inf)


def test_given_z_the_interval_reaches_for_what_was_not_learned():
    rows = [row("nearest", 0.4, 0.01), row("copula", 0.1, 0.02, misfit=9.0)]
    top = 0.4 + 1.96 * 0.01
    assert answer(rows, GIVEN).ci_high == pytest.approx(top + 0.1 * 0.4, abs=1e-4)
    assert answer(rows, MANY_GIVEN).ci_high == pytest.approx(top + 0.5 * 0.4, abs=1e-4)
    classes = Facts(rows=1000, columns_z=5, entropy_z=LN2)  # which need no regression
    assert answer(rows, classes).ci_high == pytest.approx(top, abs=1e-4)


def test_classes_are_counted_only_where_z_is_classes():
    classes = {"rows": 1000, "classes_x": True, "classes_y": True, "entropy_x": LN2, "entropy_y": LN2, "columns_z": 1}
    counted = answer([row("nearest", 0.3, 0.02)], Facts(**classes, entropy_z=LN2))
    assert (counted.source, counted.reason) == ("counting", "x, y and z are classes, and their triples are counted")
    assert counted.ci_low == pytest.approx(0.3 - 1.96 * 0.02 - 2 / 2000, abs=1e-4)  # two tables
    assert answer([row("nearest", 0.3, 0.02)], Facts(**classes)).source == "nearest"


def test_no_dependence_given_z():
    one = answer([row("nearest", -0.01, 0.03, p_value=0.4), row("copula", 0.0, 0.002, p_value=0.6)], GIVEN)
    assert (one.verdict, one.value, one.reason) == ("answer", 0.0, "no dependence is seen")
