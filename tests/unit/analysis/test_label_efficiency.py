"""Verdicts on representations from result rows whose scores are written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mi_cli.analysis.intervals import mean_interval
from mi_cli.analysis.label_efficiency import best_encoder, compared, label_efficiency, verdicts

SEEDS = range(8)
LEVEL = 0.95
Means = Mapping[str, Sequence[float]]
METHODS = {"no_columns": 0.0, "raw_columns": 0.5, "gradient_boosting": 0.5, "infomax": 0.5, "two_view": 0.5}


def rows(means: Means, labels=(10, 100, 1000), column="test_r2", noise=0.01, seeds=SEEDS, chance=0, **more):
    """Result rows with the mean of each method at each number of labels, and the same spread over seeds for all."""
    rng = np.random.default_rng(chance)
    made = []
    for seed in seeds:
        shared = 0.1 * rng.normal()
        for n, place in zip(labels, range(len(labels)), strict=True):
            for method, values in means.items():
                score = values[place] + (0 if method == "no_columns" else shared) + noise * rng.normal()
                made.append({"status": "ok", "seed": seed, "method": method, "labels": n, column: score} | more)
    return made


def changed(**means: Sequence[float]) -> Means:
    return {method: [score] * 3 for method, score in METHODS.items()} | means


def verdict(means: Means, **fields):
    (one,) = verdicts(rows(means, **fields), [], LEVEL)
    return one


def test_representation_helps_with_few_labels_and_trees_with_many():
    one = verdict(changed(two_view=[0.6, 0.55, 0.4], infomax=[0.56, 0.4, 0.4], gradient_boosting=[0.3, 0.5, 0.7]))
    assert (one["verdict"], one["method"], one["encoder"], one["measure"]) == (
        *("representation", "two_view", "two_view", "R²"),
    )
    few, many = one["steps"]
    assert (few["use"], few["method"], few["labels"], few["at"]) == ("representation", "two_view", [10, 100], 10)
    assert few["gain"] == pytest.approx(0.1, abs=0.02)
    assert 0 < few["ci_low"] < few["gain"] < few["ci_high"]
    assert (many["use"], many["labels"], many["at"]) == ("trees", [1000], 1000)


def test_raw_columns_where_representations_lose():
    one = verdict(changed(two_view=[0.4, 0.3, 0.2], infomax=[0.4, 0.3, 0.2]))
    assert (one["verdict"], one["method"]) == ("raw columns", None)
    assert [step["use"] for step in one["steps"]] == ["raw columns"]


def test_trees_where_only_they_are_better():
    one = verdict(changed(gradient_boosting=[0.4, 0.6, 0.7]))
    assert (one["verdict"], one["method"]) == ("trees", None)
    assert [(step["use"], step["labels"]) for step in one["steps"]] == [("raw columns", [10]), ("trees", [100, 1000])]


def test_what_predicts_no_better_than_no_columns_does_not_help():
    """A label that is independent of x: raw columns overfit it, and a code that is shrunk to nothing does not."""
    nothing = {name: [0.0] * 3 for name in METHODS} | {"raw_columns": [-0.3, -0.2, -0.1]}
    nothing |= {"infomax": [-0.01, -0.01, -0.01], "gradient_boosting": [-0.01, -0.01, -0.01]}
    assert verdict(nothing)["verdict"] == "raw columns"


def test_no_difference_seldom_makes_a_verdict():
    """In at most 5 % of runs, of which 200 have more than 19 by chance once in 200 times."""
    wrong = sum(verdict(changed(), noise=0.05, chance=chance)["verdict"] != "raw columns" for chance in range(200))
    assert wrong <= 19


def test_intervals_are_corrected_for_the_number_of_comparisons():
    means = changed(two_view=[0.6, 0.6, 0.6])
    column, comparisons = compared(rows(means), LEVEL)
    assert column == "test_r2"
    by_seed: dict[str, list[float]] = {}
    for row in rows(means):
        if row["labels"] == 10:
            by_seed.setdefault(row["method"], []).append(row["test_r2"])
    differences = np.subtract(by_seed["two_view"], by_seed["raw_columns"]).tolist()
    (one,) = (one for one in comparisons if (one.method, one.labels) == ("two_view", 10))
    assert one.difference == mean_interval(differences, 1 - 0.05 / 9)  # trees, infomax and two_view, three times each
    assert one.score == mean_interval(by_seed["two_view"], LEVEL)
    assert verdict(means)["compared"] == 9


def test_one_seed_cannot_tell():
    one = verdict(changed(two_view=[0.9, 0.9, 0.9]), seeds=[0])
    assert (one["verdict"], one["method"]) == ("cannot tell", None)


@pytest.mark.parametrize(("seeds", "ends"), [(range(2), 0), (range(5), 0), (range(5), 1e-16)])
def test_differences_that_seeds_cannot_spread_make_no_verdict(seeds, ends):
    """Balanced accuracy of few test rows takes few values, so that seeds often differ by the same number."""
    made = rows(changed(two_view=[0.625] * 3), noise=0, seeds=seeds, column="test_balanced_accuracy")
    for row in made:
        row["test_balanced_accuracy"] += 0.125 * (row["seed"] % 2) + ends * row["seed"]
    (one,) = verdicts(made, [], LEVEL)
    assert one["verdict"] == ("cannot tell" if len(seeds) < 3 else "raw columns")
    table = [row for row in label_efficiency(made, [], LEVEL, {}) if row["method"] == "two_view"]
    assert [row["difference"] for row in table] == pytest.approx([0.125] * 3)
    assert [row["difference_low"] for row in table] == [None] * 3


def test_two_seeds_cannot_tell_and_three_can():
    better = changed(two_view=[0.9] * 3)
    assert verdict(better, noise=1e-4, seeds=range(2))["verdict"] == "cannot tell"
    assert verdict(better, noise=1e-4, seeds=range(3))["verdict"] == "representation"


def test_labels_with_which_raw_columns_do_not_predict():
    means = {name: [0.0, 0.0, 0.3] for name in METHODS} | {"no_columns": [0.0] * 3}
    (step,) = verdict(means)["steps"]
    assert (step["use"], step["labels"], step["no_better"]) == ("raw columns", [10, 100, 1000], [10, 100])
    without = [row for row in rows(means) if row["method"] != "no_columns"]
    assert verdicts(without, [], LEVEL)[0]["steps"][0]["no_better"] == []


def test_classes_are_compared_by_balanced_accuracy():
    one = verdict(changed(two_view=[0.6, 0.6, 0.6]), column="test_balanced_accuracy")
    assert (one["verdict"], one["measure"]) == ("representation", "balanced accuracy")


def test_settings_have_verdicts_of_their_own():
    better = rows(changed(two_view=[0.6, 0.6, 0.6]), **{"representation.dim": 4})
    both = [*rows(changed(), **{"representation.dim": 2}), *better]
    axes = ["split.labels", "representation.dim"]
    found = verdicts(both, axes, LEVEL)
    assert [(one["representation.dim"], one["verdict"]) for one in found] == [(2, "raw columns"), (4, "representation")]
    table = label_efficiency(both, axes, LEVEL, {})
    assert len(table) == 2 * 3 * len(METHODS)
    assert {row["representation.dim"] for row in table} == {2, 4}


def test_equal_numbers_of_labels_count_once():
    """More labels than there are: several trials of a seed show all of them."""
    once = rows(changed(), labels=(10, 100, 150))
    twice = [*once, *(row for row in once if row["labels"] == 150)]
    assert compared(twice, LEVEL) == compared(once, LEVEL)


def test_table_has_differences_of_all_but_the_raw_columns():
    table = label_efficiency(rows(changed(two_view=[0.6, 0.6, 0.6])), [], LEVEL, {})
    for row in table:
        assert (row["difference"] is None) == (row["method"] == "raw_columns")
        assert row["score_low"] < row["score"] < row["score_high"]
        assert row["seeds"] == len(SEEDS)


def test_table_has_differences_from_the_supervised_network():
    means = changed(supervised_network=[0.45, 0.45, 0.45])
    for row in label_efficiency(rows(means), [], LEVEL, {}):
        assert (row["over_network"] is None) == (row["method"] == "supervised_network")
        if row["method"] == "two_view":
            assert row["over_network_low"] < row["over_network"] < row["over_network_high"]
            assert row["over_network"] == pytest.approx(0.05, abs=0.02)
    assert all(row["over_network"] is None for row in label_efficiency(rows(changed()), [], LEVEL, {}))


def test_diverged_rows_and_other_procedures_are_left_out():
    good = rows(changed())
    lost = [row | {"status": "diverged", "method": "vicreg"} for row in good]
    assert compared([*good, *lost], LEVEL) == compared(good, LEVEL)
    assert verdicts([{"status": "ok", "seed": 0, "method": "mine", "estimate": 0.2}], [], LEVEL) == []


def test_encoder_that_is_kept_is_that_of_the_verdict_or_has_the_best_rank():
    assert best_encoder(rows(changed(two_view=[0.6, 0.6, 0.6])), [], LEVEL) == "two_view"
    worse = changed(two_view=[0.4, 0.4, 0.4], infomax=[0.3, 0.3, 0.45], pca=[0.7, 0.7, 0.7])
    assert best_encoder(rows(worse), [], LEVEL) == "two_view"  # PCA helps, and is no encoder that can be kept
    tuned = changed(vicreg_finetuned=[0.6, 0.6, 0.6], vicreg=[0.4, 0.4, 0.4])
    assert verdict(tuned)["method"] == "vicreg_finetuned"
    assert best_encoder(rows(tuned), [], LEVEL) == "vicreg"
    assert best_encoder(rows({"raw_columns": [0.5] * 3, "no_columns": [0.0] * 3}), [], LEVEL) is None
