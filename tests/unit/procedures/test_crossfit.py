"""Cross-fitting: every row is tested once, by an estimator trained on others."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from examples import SMALL, context, gaussian_rows, merged, problem, trials

from mi_cli.estimators.gaussian import Gaussian
from mi_cli.problems import Estimate, Rows
from mi_cli.procedures import estimation
from mi_cli.procedures.crossfit import pool, split_into_folds
from mi_cli.procedures.estimate import Estimate as EstimateMi
from mi_cli.schema.config import ConfigError, validate
from mi_cli.training.settings import Evaluation, Training

FIXED = merged(SMALL, {"dataset": {"n_samples": 1000}, "split": {"train": 0.7, "val": 0.1, "test": 0.2}})


def numbered(train, val, test):
    """A problem whose rows are numbers, so that one tells where each went."""
    sizes, low = [], 0
    for n in (train, val, test):
        column = torch.arange(low, low + n, dtype=torch.float64).unsqueeze(1)
        sizes.append(Rows(column, -column))
        low += n
    return problem(train=sizes[0], val=sizes[1], test=sizes[2])


@pytest.mark.parametrize(("sizes", "folds"), [((7, 1, 2), 2), ((70, 10, 20), 5), ((60, 0, 41), 7)])
def test_every_row_is_tested_once_and_in_one_part_of_each_fold(sizes, folds):
    found = split_into_folds(numbered(*sizes), folds)
    tested = torch.cat([fold.test.x for fold in found]).flatten()
    assert sorted(tested.tolist()) == list(range(sum(sizes)))
    for fold in found:
        parts = torch.cat([fold.train.x, fold.val.x, fold.test.x]).flatten()
        assert len(set(parts.tolist())) == len(parts) >= sum(sizes) - 1  # as many train in all folds
        assert (len(fold.train), len(fold.val)) == (len(found[0].train), len(found[0].val))
        assert len(fold.val) == sizes[1]
        assert torch.equal(fold.train.y, -fold.train.x)
        assert torch.equal(fold.test.y, -fold.test.x)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_no_block_is_cut_and_test_rows_are_in_random_order(folds):
    posed = numbered(70, 10, 20)
    block = torch.arange(100) // 7
    parts = [
        Rows(rows.x, rows.y, block[low : low + len(rows)])
        for rows, low in ((posed.train, 0), (posed.val, 70), (posed.test, 80))
    ]
    found = split_into_folds(problem(train=parts[0], val=parts[1], test=parts[2]), folds)
    tested = torch.cat([fold.test.x for fold in found]).flatten()
    assert sorted(tested.tolist()) == list(range(100))
    for fold in found:
        sides = [set(rows.block.tolist()) for rows in (fold.train, fold.val, fold.test)]
        assert not sides[2] & (sides[0] | sides[1])
        assert not sides[0] & sides[1]
        assert torch.equal(fold.test.block, block[fold.test.x.flatten().long()])
        assert (fold.test.x.flatten().diff() < 0).any()


def test_too_few_blocks_are_refused():
    posed = numbered(70, 10, 20)
    block = torch.arange(100) // 50
    rows = [
        Rows(part.x, part.y, block[:0].new_full((len(part),), i))
        for i, part in enumerate((posed.train, posed.val, posed.test))
    ]
    with pytest.raises(ValueError, match="100 rows in 3 blocks are too few for folds=5 with 10 validation rows"):
        split_into_folds(problem(train=rows[0], val=rows[1], test=rows[2]), 5)


def test_folds_have_chances_of_their_own_which_are_the_same_every_time():
    one, other = (split_into_folds(numbered(70, 10, 20), 3) for _ in range(2))
    draws = [[torch.rand(3, generator=fold.init).tolist() for fold in found] for found in (one, other)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws[0]}) == 3


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="4 rows are too few for folds=3 with 1 validation rows"):
        split_into_folds(numbered(2, 1, 1), 3)


def ok(value, stderr, **more):
    steps = np.array([1, 2])
    fields = {"value": value, "stderr": stderr, "ceiling": 9.0, "train_mi": value, "val_mi": value, "steps": 2}
    return Estimate("lower bound", history={"val_mi": (steps, np.full(2, value))}, **(fields | more))


def test_folds_count_by_their_rows():
    found = pool([ok(1.0, 0.3), ok(4.0, 0.6, reason="so")], [20, 10], level=0.95)
    assert found.value == pytest.approx(2.0)
    assert found.stderr == pytest.approx(math.hypot(0.2, 0.2))
    assert (found.ci_low, found.ci_high) == pytest.approx((2 - 1.959964 * found.stderr, 2 + 1.959964 * found.stderr))
    assert (found.kind, found.status, found.reason, found.steps) == ("lower bound", "ok", "so", 2)
    assert found.history["val_mi"][1].tolist() == [2.5, 2.5]


def test_value_between_test_and_training_rows_is_made_of_all_folds_and_its_limit_is_of_test_rows():
    folds = [ok(1.2, 0.1, test_mi=1.0, train_mi=1.4, lower=0.8), ok(0.9, 0.1, test_mi=0.9, train_mi=0.7, lower=0.7)]
    found = pool(folds, [10, 10], level=0.95)
    assert (found.test_mi, found.train_mi) == pytest.approx((0.95, 1.05))
    assert found.value == pytest.approx(1.0)
    assert found.lower == pytest.approx(0.95 - 1.644854 * found.stderr)
    assert found.ci_low == pytest.approx(1.0 - 1.959964 * found.stderr)


def test_fold_that_failed_fails_all_and_says_which():
    bad = Estimate("lower bound", status="diverged", reason="at step 3")
    found = pool([ok(1.0, 0.1), bad], [10, 10], level=0.95)
    assert (found.status, found.reason, found.value) == ("diverged", "fold 2 of 2: at step 3", None)


def test_crossfit_estimate_has_the_error_of_all_rows():
    # Five times the test rows: the standard error falls by sqrt(5), within the spread of standard errors.
    split, crossed = (
        EstimateMi().run(trials(FIXED, fit=fit, folds=5), context())[0].methods["mine"] for fit in ("split", "crossfit")
    )
    assert crossed["stderr"] == pytest.approx(split["stderr"] / math.sqrt(5), rel=0.3)
    assert crossed["estimate"] == pytest.approx(0.223, abs=0.12)


def test_cost_counts_all_folds():
    (one,), (many,) = (trials(FIXED, fit=fit, folds=4) for fit in ("split", "crossfit"))
    assert EstimateMi().cost(many.config).steps == 4 * EstimateMi().cost(one.config).steps
    assert EstimateMi().cost(many.config).bytes == 4 * EstimateMi().cost(one.config).bytes


def test_estimator_that_holds_nothing_out_takes_all_rows_at_once():
    base = merged(FIXED, {"fit": "crossfit"}) | {"estimator": {"name": "gaussian"}}
    (trial,) = trials(base)
    rows = estimation.trial_problem(trial.config)
    (alone,), _ = Gaussian().estimate([rows], Training(), Evaluation(), context())
    assert EstimateMi().run([trial], context())[0].methods["gaussian"]["estimate"] == alone.value
    assert len(rows.rows) == 1000


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"dataset": {"n_samples": None}}, "dataset.n_samples=null: fit=crossfit needs a number of rows"),
        ({"dataset": {"n_samples": 20}, "folds": 19}, "folds=19: 20 rows, 2 of them for validation, leave a fold"),
        ({"folds": 1}, "folds=1: must be a whole number"),
        ({"fit": "loo"}, "fit=loo: must be split or crossfit"),
    ],
)
def test_faults_of_folds_are_one_line(change, line):
    values = merged(merged(FIXED, {"fit": "crossfit"}), change)
    if change.get("dataset", {}).get("n_samples", 1) is None:
        values = merged(values, {"split": {"train": 1.0, "val": 100, "test": 100}})
    with pytest.raises(ConfigError) as caught:
        validate(values)
    assert any(found.startswith(line) for found in caught.value.lines), caught.value.lines


def test_rows_are_those_of_the_split_however_they_are_folded():
    rows = gaussian_rows(100, 0.5, 0)
    whole = problem(
        train=Rows(rows.x[:70], rows.y[:70]),
        val=Rows(rows.x[70:80], rows.y[70:80]),
        test=Rows(rows.x[80:], rows.y[80:]),
    )
    first = split_into_folds(whole, 5)[0]
    assert torch.equal(first.test.x, rows.x[:20])
    assert torch.equal(first.val.x, rows.x[20:30])


def test_what_folds_learn_from_each_other_widens_the_error():
    estimates = [ok(0.5, 0.1, train_mi=0.7), ok(0.3, 0.1, train_mi=0.5)]
    found = pool(estimates, [50, 50], 0.95)
    assert found.stderr == pytest.approx(math.sqrt(0.1**2 / 2 + 0.2 / 100))
    under = pool([ok(0.5, 0.1, train_mi=0.4), ok(0.3, 0.1, train_mi=0.2)], [50, 50], 0.95)
    assert under.stderr == pytest.approx(math.sqrt(0.1**2 / 2))


def test_p_values_of_folds_are_of_their_statistics_together():
    null = np.array([1.0, *np.linspace(-1, 1, 41)])
    one, other = (ok(0.5, 0.1, null=null, p_value=0.1) for _ in range(2))
    found = pool([one, other], [50, 50], 0.95)
    assert found.p_value == pytest.approx((found.null >= 1.0).mean())
    assert found.null[1:].std() == pytest.approx(1.3 * null[1:].std())
    assert pool([one, ok(0.5, 0.1)], [50, 50], 0.95).p_value is None


@pytest.mark.slow
def test_cross_fitted_p_values_and_intervals_keep_their_promises_without_dependence():
    # 200 trials. False alarms: 1e-4 for p (from 0 to .12 at .05), 1e-3 for the interval (at least .88 at .95).
    settings = merged(FIXED, {"fit": "crossfit", "folds": 2, "dataset": {"rho": 0.0, "n_samples": 500},
                              "split": {"fresh": 5000}, "evaluation": {"shifts": 99}})  # fmt: skip
    found = EstimateMi().run(trials(settings, {"seed": list(range(200))}), context())
    rows = [outcome.methods["mine"] for outcome in found]
    assert np.mean([row["p_value"] <= 0.05 for row in rows]) < 0.12
    wide = [math.hypot(row["stderr"], row["critic_stderr"]) for row in rows]
    off = [abs(row["estimate"] - row["critic_mi"]) for row in rows]
    assert np.mean([a <= 1.96 * b for a, b in zip(off, wide, strict=True)]) > 0.88
