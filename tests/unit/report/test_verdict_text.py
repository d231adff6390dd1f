"""The verdict on representations in words."""

from __future__ import annotations

from mi_cli.report.verdict_text import efficiency_tables, verdict_lines

RAW = {"use": "raw columns", "method": None, "labels": [10], "gain": None, "ci_low": None, "ci_high": None}
CODE = {"use": "representation", "method": "two_view", "labels": [30, 100], "gain": 0.061, "ci_low": 0.032}
CODE |= {"ci_high": 0.09, "at": 30}
TREES = {
    "use": "trees",
    "method": None,
    "labels": [300, 1000],
    "gain": 0.02,
    "ci_low": 0.01,
    "ci_high": 0.03,
    "at": 300,
}


def lines(*steps, verdict="representation", setting=None, measure="R²", **more):
    one = {
        "verdict": verdict,
        "method": None,
        "measure": measure,
        "level": 0.99945,
        "compared": 90,
        "encoder": "vicreg",
    }
    summary = {
        "tables": {"label_efficiency": []},
        "budget": "full",
        "verdicts": [(setting or {}) | one | {"steps": steps}],
    }
    return verdict_lines(summary | more)


def test_what_to_use_is_said_for_each_range_of_labels():
    assert lines(RAW, CODE, TREES) == [
        "Use the raw columns with 10 labels: nothing is better by more than its interval.",
        "Use the representation two_view with 30 to 100 labels: R² higher by 0.0610 [0.0320, 0.0900] than with the raw "
        "columns, at 30 labels.",
        "Use gradient-boosted trees from 300 labels on: R² higher by 0.0200 [0.0100, 0.0300] than with the raw "
        "columns, at 300 labels.",
        "Intervals are of paired differences over seeds, at 99.94 % each for 90 comparisons.",
    ]


def test_raw_columns_throughout_are_one_line():
    first, _ = lines(RAW | {"labels": [10, 30]}, verdict="raw columns")
    assert first == "Use the raw columns: no representation and no trees are better by more than their interval."


def test_raw_columns_that_do_not_predict_are_said_to():
    first, _ = lines(RAW | {"labels": [10, 30], "no_better": [10, 30]}, verdict="raw columns")
    assert first.endswith(" by more than their interval. They are not better than the mean of the labels.")
    first, *_ = lines(RAW | {"labels": [10, 1000], "no_better": [1000]}, CODE)
    assert first.endswith("its interval. They are not better than the mean of the labels with 1,000 labels.")
    (of_classes,) = lines(RAW | {"no_better": [10]}, verdict="raw columns", measure="balanced accuracy")[:1]
    assert of_classes.endswith("They are not better than the shares of the classes.")
    assert not any("shares" in line or "mean of" in line for line in lines(CODE | {"no_better": [30, 100]}))


def test_one_range_of_labels_begins_with_the_fewest():
    (first, _) = lines(CODE)
    assert first.startswith("Use the representation two_view from 30 labels on: ")
    (first, _) = lines(CODE | {"labels": [30]})
    assert first == (
        "Use the representation two_view with 30 labels: R² higher by 0.0610 [0.0320, 0.0900] "
        "than with the raw columns."
    )


def test_settings_are_named():
    first, _ = lines(CODE, setting={"representation.dim": 4})
    assert first.startswith("representation.dim=4: Use the representation")


def test_nothing_is_said_of_one_seed_or_a_smoke_run_or_without_the_table():
    (line,) = lines(RAW, verdict="cannot tell")
    assert line == (
        "Cannot tell: fewer than three seeds, or equal differences in all of them, have no interval. "
        "What would help: sweep.seed=[0,1,2,3,4]."
    )
    (line,) = lines(RAW, budget="smoke")
    assert line.startswith("No verdict: budget=smoke")
    assert lines(RAW, tables={}) == []


def row(method, labels, score, low=None, high=None, **more):
    ends = {"difference": low, "difference_low": low, "difference_high": high}
    return {"labels": labels, "method": method, "seeds": 5, "measure": "R²", "score": score} | ends | more


def test_scores_are_a_table_of_methods_by_numbers_of_labels():
    rows = [row("raw_columns", 10, 0.5), row("pca", 10, 0.6, 0.05, 0.15), row("raw_columns", 1000, 0.7)]
    rows += [row("pca", 1000, -0.6, -1.5, -1.1)]
    ((title, columns, body),) = efficiency_tables(rows)
    assert title.startswith("R² by number of labels, means over 5 seeds; ")
    assert columns == {"method": False, "10": True, "1,000": True}
    assert body == [["raw_columns", "0.500  ", "0.700  "], ["pca", "0.600 +", "−0.600 −"]]
    assert efficiency_tables([]) == []


def test_settings_have_tables_of_their_own():
    rows = [row("pca", 10, 0.5, **{"representation.dim": dim}) for dim in (2, 4)]
    assert [title[:23] for title, _, _ in efficiency_tables(rows)] == [
        f"representation.dim={d}, R²"[:23] for d in (2, 4)
    ]
