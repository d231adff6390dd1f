"""Fitting critics to rows, and their worth on rows they have not seen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from examples import CPU, PLAIN, agree, context, gaussian_rows, problem
from scipy import stats

from mi_cli.bounds.variational import donsker_varadhan
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.estimators.mine import Mine
from mi_cli.networks.critics import ConcatCritic, Scores
from mi_cli.networks.product_samples import shifted
from mi_cli.problems import Draw, Rows
from mi_cli.training import critic_fit
from mi_cli.training.batches import make_batches, stacked
from mi_cli.training.settings import Evaluation, Training
from mi_cli.training.stack import Parameters

TRAINING = Training(steps=60, batch=200, validate_every=20)


def fitted(problems, training=TRAINING, estimator=None, evaluation=None, start=None):
    estimator = estimator or Mine(hidden=(8,), **PLAIN)
    return estimator.estimate(problems, training, evaluation or Evaluation(), context(), start)


def critics(k=2, dim=1):
    critic = ConcatCritic(dim, dim, (6,))
    flat = torch.stack([critic.initial(torch.Generator().manual_seed(i)) for i in range(k)])
    return critic, flat


def test_rows_are_stacked_feature_major_with_ones_below_x():
    rows = [Rows(torch.randn(4, 2).double(), torch.randn(4, 1).double()) for _ in range(3)]
    x, y = stacked(rows, CPU)
    assert (x.shape, y.shape, x.dtype) == ((3, 3, 4), (3, 1, 4), torch.float32)
    assert (x[:, 2] == 1).all()
    torch.testing.assert_close(x[1, :2].T.double(), rows[1].x, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(y[2].T.double(), rows[2].y, rtol=1e-6, atol=1e-6)


def test_scores_are_split_into_joint_and_product():
    scores = torch.arange(24.0).view(2, 3, 4)
    found = Scores.of_partners(scores)
    assert torch.equal(found.joint, scores[:, 0])
    assert torch.equal(found.product, torch.cat([scores[:, 1], scores[:, 2]], 1))
    assert torch.equal(found.by_row[1, 2], scores[1, 1:, 2])
    assert found.count == 2


@pytest.mark.parametrize("n", [10, 1024, 2500])  # within a block, a whole one, several
@pytest.mark.parametrize("shifts", [1, 8])
def test_held_out_estimate_is_the_bound_on_all_rows(n, shifts):
    critic, flat = critics(dim=2)
    x, y = stacked([gaussian_rows(n, 0.6, seed, dim=2) for seed in range(2)], CPU)
    found = critic_fit.held_out(
        DonskerVaradhan(), critic, flat, (x, y), Evaluation(shifts=shifts, level=0.9), context()
    )
    with torch.no_grad():
        scores = critic(Parameters(critic.shapes, flat).tensors, x, shifted(y, shifts)).double()
    for trial, estimate in enumerate(found):
        expected = donsker_varadhan(scores[trial, 0], scores[trial, 1:].flatten())
        assert estimate.value == pytest.approx(expected.item(), abs=1e-6)
        assert estimate.ceiling == pytest.approx(math.log(n * shifts))
        half = stats.norm.ppf(0.95) * estimate.stderr
        assert (estimate.ci_low, estimate.ci_high) == pytest.approx(
            (estimate.value - half, max(0.0, estimate.value + half))
        )
        assert (estimate.kind, estimate.status) == ("lower bound", "ok")


def test_shifts_are_at_most_all_other_rows():
    critic, flat = critics(k=1)
    rows = stacked([gaussian_rows(5, 0.6, 0)], CPU)
    (estimate,) = critic_fit.held_out(DonskerVaradhan(), critic, flat, rows, Evaluation(shifts=100), context())
    assert estimate.ceiling == pytest.approx(math.log(5 * 4))


def test_held_out_scores_that_are_not_finite_are_a_status():
    critic, flat = critics()
    flat[1, 0] = torch.nan
    rows = stacked([gaussian_rows(50, 0.6, 0)] * 2, CPU)
    fine, bad = critic_fit.held_out(DonskerVaradhan(), critic, flat, rows, Evaluation(), context())
    assert fine.status == "ok"
    assert (bad.status, bad.value, bad.stderr) == ("diverged", None, None)
    assert "not finite" in bad.reason


def test_estimate_tells_all_about_its_training():
    (found,), state = fitted([problem()])
    assert (found.status, found.steps, found.kind) == ("ok", 60, "lower bound")
    steps, trace = found.history["train_mi"]
    assert steps.tolist() == [10, 20, 30, 40, 50, 60]
    assert found.train_mi == pytest.approx(trace[1:].mean(), rel=1e-5)  # of the last 50 steps
    assert found.val_mi == pytest.approx(found.history["val_mi"][1].max())
    assert state.steps == 60


def test_fresh_rows_train_as_well_and_are_drawn_in_turn():
    drawn = []

    def draw(n):
        drawn.append(n)
        return gaussian_rows(n, 0.8, 100 + len(drawn))

    (found,), _ = fitted([problem(0.8, train=None, draw=draw)], TRAINING.model_copy(update={"steps": 200}))
    assert sum(drawn) >= 200 * 200
    assert found.value > 0.25


def test_batches_of_fixed_rows_use_every_row_once_before_any_again():
    rows = Rows(torch.arange(10.0).unsqueeze(1), torch.arange(10.0).unsqueeze(1) + 100)
    draw, n = make_batches([problem(train=rows)] * 2, Training(batch=3), CPU)
    assert n == 3
    for _ in range(4):
        epoch = [draw() for _ in range(3)]
        for trial in range(2):
            x = torch.cat([batch[0][trial, 0] for batch in epoch])
            y = torch.cat([batch[1][trial, 0] for batch in epoch])
            assert torch.equal(y, x + 100)
            assert len(set(x.tolist())) == 9
    assert all((batch[0][:, 1] == 1).all() for batch in epoch)


def test_large_batch_is_all_rows():
    for batch in ("full", 500, 800):
        draw, n = make_batches([problem(n=500)], Training(batch=batch), CPU)
        assert n == 500
        assert draw()[0] is draw()[0]


def test_without_validation_rows_there_is_no_validation_value():
    nothing = gaussian_rows(0, 0.6, 0)
    (found,), _ = fitted([problem(val=nothing)], TRAINING.model_copy(update={"checkpoint": "last"}))
    assert found.val_mi is None
    assert "val_mi" not in found.history
    assert found.value is not None


@pytest.mark.parametrize("what", ["learning rate", "infinite row", "missing row"])
def test_problem_that_diverges_is_reported_and_changes_no_other(what):
    def posed():
        return [problem(seed=seed) for seed in range(4)]

    calm, _ = fitted(posed())
    wild = posed()
    if what == "learning rate":
        wild[1] = replace(wild[1], lr=1e30)
    else:
        rows = gaussian_rows(500, 0.6, 11)
        rows.x[7] = math.inf if what == "infinite row" else math.nan
        wild[1] = replace(wild[1], train=rows)
    found, _ = fitted(wild)
    assert (found[1].status, found[1].value, found[1].val_mi) == ("diverged", None, None)
    assert f"non-finite at step {found[1].steps}" in found[1].reason
    if what != "learning rate":  # 500 rows in batches of 200: met within the first epoch or left out by it
        assert found[1].steps <= 10
    for index in (0, 2, 3):
        assert agree(found[index], calm[index])


def endless(rows):
    return Draw(rows, torch.Generator())


def posed_with(fault, fresh=False):
    """Four problems whose second one has columns that cannot be prepared."""
    found = [problem(seed=seed) for seed in range(4)]
    if fresh:
        draws = [iter(range(100 * seed, 100 * seed + 100)) for seed in range(4)]
        parts = [{"draw": endless(lambda n, draw=draw: gaussian_rows(n, 0.6, next(draw)))} for draw in draws]
        found = [replace(one, train=None, **part) for one, part in zip(found, parts, strict=True)]
    if fault is None:
        return found
    rows = gaussian_rows(500, 0.6, 11)
    rows.x[7 if fault != "constant" else slice(None)] = {"infinite": math.inf, "missing": math.nan}.get(fault, 3.0)
    found[1] = replace(found[1], **({"draw": endless(lambda n: rows)} if fresh else {"train": rows}))
    return found


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("infinite", "column 0 of x has values that are not finite"), ("missing", "column 0 of x has values that are not"),
     ("constant", "column 0 of x is constant (3)")],
)  # fmt: skip
def test_problem_that_cannot_be_prepared_fails_alone(fault, reason, fresh):
    estimator = Mine(hidden=(8,), embedding=4, product="derangement")
    calm, whole = fitted(posed_with(None, fresh), estimator=estimator)
    found, state = fitted(posed_with(fault, fresh), estimator=estimator)
    assert (found[1].status, found[1].value, found[1].steps, found[1].history) == ("failed", None, None, {})
    assert found[1].reason.startswith(reason)
    for index in (0, 2, 3):
        assert agree(found[index], calm[index])
        assert torch.equal(state.flat[index], whole.flat[index])
    assert (state.flat.shape, state.steps) == (whole.flat.shape, 60)


def test_training_goes_on_where_a_problem_failed_in_between():
    estimator = Mine(hidden=(8,), embedding=4, product="derangement")
    _, first = fitted(posed_with(None), estimator=estimator)
    _, second = fitted(posed_with("missing"), estimator=estimator, start=first)
    assert torch.equal(second.flat[1], first.flat[1])
    assert not torch.equal(second.flat[0], first.flat[0])
    assert second.steps == 120
    found, _ = fitted(posed_with(None), estimator=estimator, start=second)
    assert [estimate.status for estimate in found] == ["ok"] * 4


def test_problems_that_all_fail_train_nothing():
    bad = replace(problem(), train=Rows(torch.zeros(500, 1), torch.zeros(500, 1)))
    found, state = fitted([bad, bad], estimator=Mine())
    assert [estimate.status for estimate in found] == ["failed"] * 2
    assert state is None


@pytest.mark.parametrize(("value", "reason"), [(0.0, "no column of x varies"), (math.nan, "not finite"), (None, "")])
def test_hybrid_whose_analytic_part_cannot_be_fitted_fails_alone(value, reason):
    def posed(seed):
        train, val, test = (gaussian_rows(500, 0.6, 10 * seed + part, dim=2) for part in range(3))
        return problem(seed=seed, dim_x=2, dim_y=2, train=train, val=val, test=test)

    estimator = DonskerVaradhan(critic="hybrid", hidden=(8,), embedding=4, preprocess="none", norms=False)
    calm, _ = fitted([posed(0), posed(1)], estimator=estimator)
    bad = posed(1)
    if value is None:  # a column in other units, which adds nothing
        bad.train.x[:, 1] = 2 * bad.train.x[:, 0]
    else:
        bad.train.x[:] = value
    found, _ = fitted([posed(0), bad], estimator=estimator)
    assert agree(found[0], calm[0])
    assert found[1].status == ("failed" if reason else "ok")
    assert reason in found[1].reason


@pytest.mark.parametrize("preprocess", ["rank_gaussianise", "standardise"])
def test_missing_test_value_is_a_status_however_columns_are_prepared(preprocess):
    rows = gaussian_rows(500, 0.6, 3)
    rows.y[7] = math.nan
    estimator = Mine(hidden=(8,), embedding=4, preprocess=preprocess)
    found, _ = fitted([problem(seed=0), problem(seed=1, test=rows)], estimator=estimator)
    assert [estimate.status for estimate in found] == ["ok", "diverged"]
    assert found[1].reason == "scores of the test rows are not finite"


def test_infinite_test_row_is_a_status_of_its_own():
    rows = gaussian_rows(500, 0.6, 3)
    rows.x[7] = math.inf
    found, _ = fitted([problem(seed=0), problem(seed=1, test=rows)])
    assert [estimate.status for estimate in found] == ["ok", "diverged"]
    assert found[1].reason == "scores of the test rows are not finite"


def test_training_goes_on_from_a_state_on_other_rows():
    first, state = fitted([problem(0.2, seed=1)])
    second, after = fitted([problem(0.8, seed=2)], start=state)
    fresh, _ = fitted([problem(0.8, seed=2)])
    assert after.steps == 120
    assert second[0].value != fresh[0].value
    assert first[0].value < second[0].value


def test_test_rows_have_no_say_in_training():
    one, other = (fitted([problem(test=gaussian_rows(300, rho, 50))])[0][0] for rho in (0.0, 0.9))
    assert one.value < other.value
    of_test_rows = dict.fromkeys(("value", "stderr", "ci_low", "ci_high", "lower", "p_value", "effective", "null"))
    assert agree(*(replace(estimate, **of_test_rows) for estimate in (one, other)))


def test_validation_chooses_the_checkpoint():
    long = Training(steps=400, batch="full", validate_every=20, lr=0.03)
    few = [problem(0.3, n=60, val=gaussian_rows(2000, 0.3, 77), test=gaussian_rows(5000, 0.3, 78), lr=0.03)]
    estimator = DonskerVaradhan(hidden=(32,), **PLAIN)
    (best,), _ = fitted(few, long, estimator)
    again = [problem(0.3, n=60, val=gaussian_rows(2000, 0.3, 77), test=gaussian_rows(5000, 0.3, 78), lr=0.03)]
    (last,), _ = fitted(again, long.model_copy(update={"checkpoint": "last"}), estimator)
    assert best.val_mi == np.max(best.history["val_mi"][1])
    assert last.val_mi == last.history["val_mi"][1][-1]
    assert best.value > last.value  # which overfits 60 rows


def test_mean_of_the_last_steps_leaves_out_what_was_not_measured():
    steps = np.array([10, 60, 70, 80])
    assert critic_fit._tail((steps, np.array([1.0, 2.0, 3.0, np.nan])), 80) == 2.5
    assert math.isnan(critic_fit._tail((steps, np.full(4, np.nan)), 80))


@pytest.mark.parametrize(("n", "shifts"), [(300, 99), (40, 99)])  # shifts, and permutations where rows are few
def test_p_values_are_uniform_without_dependence(n, shifts):
    # 400 trials: each share is known to 2.5 %. False alarms: 1e-5 (4.3 standard errors).
    critic, flat = critics(k=1)
    x, y = stacked([gaussian_rows(n, 0.0, seed) for seed in range(400)], CPU)
    found = critic_fit.held_out(
        DonskerVaradhan(), critic, flat.expand(400, -1), (x, y), Evaluation(shifts=shifts), context()
    )
    for level in (0.05, 0.2, 0.5):
        share = np.mean([estimate.p_value <= level for estimate in found])
        assert abs(share - level) < 4.3 * math.sqrt(level * (1 - level) / 400), level


def test_p_value_of_dependent_rows_is_small_and_of_blocks_not_told():
    (found,), _ = fitted([problem(rho=0.9)], evaluation=Evaluation(shifts=99))
    assert found.p_value < 1e-3
    assert found.lower < found.value
    posed = problem(rho=0.9)
    blocks = replace(posed, test=replace(posed.test, block=torch.arange(len(posed.test)) // 10))
    (of_blocks,), _ = fitted([blocks], evaluation=Evaluation(shifts=99))
    assert of_blocks.p_value is None
    assert of_blocks.value == found.value
    assert of_blocks.stderr != found.stderr


def test_fresh_rows_tell_what_the_critic_is_worth():
    posed = problem(rho=0.6)
    (plain,), _ = fitted([posed])
    assert plain.critic_mi is None
    (found,), _ = fitted([replace(problem(rho=0.6), fresh=gaussian_rows(50_000, 0.6, 99))])
    assert found.value == plain.value
    assert abs(found.critic_mi - found.value) < 4.9 * found.stderr  # false alarms: 1e-6
