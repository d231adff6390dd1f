"""Estimation, maximisation and comparison, each on a few small trials."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from examples import COMPARE, MAXIMISE, SMALL, config, context, merged, same_trace, trials

from mi_cli.procedures import probes
from mi_cli.procedures.base import WHOLE, Cost, Outcome, Part, Procedure, group, procedure, stack_key
from mi_cli.procedures.compare import Compare
from mi_cli.procedures.encoders import random_encoders, train_encoders
from mi_cli.procedures.estimate import Estimate
from mi_cli.procedures.maximise import Maximise
from mi_cli.procedures.splits import split_rows

METHODS = {
    "linear_regression", "mi_encoder", "pca", "random_encoder", "ridge", "kernel_ridge", "supervised_network"
}  # fmt: skip
CONFIGS = {"estimate": SMALL, "maximise": MAXIMISE, "compare": COMPARE}
estimate, maximise, compare = Estimate(), Maximise(), Compare()
WILD = {"training": {"lr": 1e30}}


def run(procedure, found):
    return procedure.run(found, context())


def one(procedure, base, **more):
    (outcome,) = run(procedure, trials(base, **more))
    return outcome.methods


def value(outcome, method="mine", column="estimate"):
    return outcome.methods[method][column]


def test_every_name_is_that_of_its_class():
    for name, base in CONFIGS.items():
        assert procedure(config(base)).name == name == base.get("procedure", "estimate")


@pytest.mark.parametrize("base", CONFIGS.values(), ids=CONFIGS)
def test_trials_of_other_seeds_share_a_stack_and_no_training(base):
    found, other = config(base), config(base, seed=5)
    runs = procedure(found)
    assert runs.signature(found) == runs.signature(other)
    assert runs.training_key(found) != runs.training_key(other)
    cost = runs.cost(found)
    assert cost.steps == found.training.steps
    assert min(cost.multiply_adds, cost.bytes) > 0


@pytest.mark.parametrize("base", CONFIGS.values(), ids=CONFIGS)
def test_what_is_trained_is_a_method(base):
    found = config(base)
    assert procedure(found).trained_method(found) in one(procedure(found), base)


class Counting(Procedure):
    """A procedure with the defaults of the base class."""

    name = "counting"

    def cost(self, config):
        return Cost(1, 1, 1)

    def run(self, trials, context):
        return [Outcome(trial, {"count": {"status": "ok", "estimate": 0.0}}) for trial in trials]


def test_a_trial_is_one_part_by_default():
    found, counting = trials(SMALL, {"seed": [0, 1]}), Counting()
    assert counting.max_parts(found[0].config) == 1
    part = counting.run_part(found, context(), WHOLE)
    assert counting.join(found, [part]) == counting.run(found, context())


def test_a_procedure_supports_no_more_than_it_says():
    assert (Procedure.crossfits, Procedure.carries, Procedure.shifts, Procedure.draws_fresh_rows) == (False,) * 4
    assert Counting().faults(config()) == []


def test_parts_of_a_trial_come_to_the_same_in_any_order():
    found = trials(SMALL, {"seed": [0, 1]}, dataset={"n_samples": 400}, fit="crossfit", folds=5,
                   split={"train": 0.6, "val": 0.2, "test": 0.2}, training={"batch": 50})  # fmt: skip
    assert estimate.max_parts(found[0].config) == 5
    parts = [estimate.run_part(found, context(), Part(index, 3)) for index in (2, 0, 1)]
    for joined, whole in zip(estimate.join(found, parts), run(estimate, found), strict=True):
        assert joined.methods == whole.methods
        assert same_trace(joined.history, whole.history)


@pytest.mark.parametrize(
    "more", [{"seed": 3}, {"dataset": {"rho": 0.1}}, {"noise": {"scale": 1}}, {"training": {"lr": 0.5}}], ids=str
)
def test_trials_that_differ_in_data_or_rate_share_a_stack(more):
    assert stack_key(config()) == stack_key(config(SMALL, **more))


@pytest.mark.parametrize(
    "more",
    [
        {"estimator": {"hidden": [9, 8]}}, {"training": {"batch": 100}}, {"training": {"steps": 70}},
        {"split": {"val": 201}}, {"split": {"test": 501}}, {"dataset": {"dim": 2}}, {"dataset": {"n_samples": 200}},
        {"evaluation": {"shifts": 3}}, {"estimator": {"name": "dv"}},
    ],
    ids=str,
)  # fmt: skip
def test_trials_of_other_shapes_or_settings_do_not(more):
    assert stack_key(config()) != stack_key(config(SMALL, **more))


def test_trials_are_grouped_in_order_of_appearance():
    found = trials(SMALL, {"dataset": {"rho": [0.1, 0.2]}, "seed": [0, 1]})
    groups = group(found, lambda c: str(c.seed))
    assert [[trial.index for trial in members] for members in groups] == [[0, 2], [1, 3]]


# estimate


def test_estimates_come_with_the_truth():
    found = run(estimate, trials(SMALL, {"dataset": {"rho": [0.0, 0.6]}}, training={"steps": 300}))
    assert [value(outcome, column="true_mi") for outcome in found] == [0, pytest.approx(0.2231436)]
    assert value(found[0]) < 0.05 < value(found[1]) < 0.35
    for outcome in found:
        fields = outcome.methods["mine"]
        assert fields["ci_low"] < fields["estimate"] < fields["ci_high"]
        assert (fields["status"], fields["kind"], fields["reason"]) == ("ok", "lower bound", "")
        assert fields["ceiling"] == pytest.approx(math.log(500 * 8))


def test_noise_lowers_the_truth():
    fields = one(estimate, SMALL, noise={"scale": 1.0})["mine"]
    assert fields["true_mi"] == pytest.approx(-0.5 * math.log(1 - 0.18))


@pytest.mark.parametrize("rho", [1.0, -1.0])
def test_full_correlation_has_an_infinite_truth_and_a_reason(rho):
    fields = one(estimate, SMALL, dataset={"rho": rho})["mine"]
    assert fields["true_mi"] == math.inf
    assert fields["status"] == "ok"
    assert "infinite" in fields["reason"]
    assert fields["estimate"] < fields["ceiling"]


def test_diverged_trial_has_its_own_reason():
    fields = one(estimate, SMALL, dataset={"rho": 1.0}, **WILD)["mine"]
    assert (fields["status"], fields["estimate"]) == ("diverged", None)
    assert "non-finite at step" in fields["reason"]


def test_training_value_of_the_last_steps_is_a_method_of_its_own():
    (outcome,) = run(estimate, trials(SMALL, evaluation={"last_steps": 30}, training={"log_every": 1}))
    assert set(outcome.methods) == {"mine", "mine_training"}
    fields = outcome.methods["mine_training"]
    assert fields["estimate"] == pytest.approx(outcome.history["train_mi"][1][-30:].mean())
    assert (fields["kind"], fields["true_mi"]) == ("point estimate", outcome.methods["mine"]["true_mi"])
    assert "not held out" in fields["reason"]


def test_a_few_rows_are_there_for_plots():
    (outcome,) = run(estimate, trials(SMALL, split={"test": 800}))
    assert [part.shape for part in outcome.samples] == [(500,), (500,)]


def test_carried_model_goes_on_from_value_to_value():
    sweep = {"dataset": {"rho": [0.2, 0.8]}, "seed": [0, 1]}
    chained = trials(SMALL, sweep, training={"carry": "dataset.rho"})
    carried = run(estimate, chained)
    fresh = run(estimate, trials(SMALL, sweep))
    assert [outcome.trial.index for outcome in carried] == [0, 1, 2, 3]
    assert [value(outcome) for outcome in carried[:2]] == [value(outcome) for outcome in fresh[:2]]
    for old, new in zip(carried[2:], fresh[2:], strict=True):
        assert value(old) != value(new)
        assert old.history["train_mi"][1][0] != new.history["train_mi"][1][0]
    # Each seed's chain is its own.
    alone = run(estimate, [trial for trial in chained if trial.config.seed == 1])
    assert [value(outcome) for outcome in alone] == [value(outcome) for outcome in (carried[1], carried[3])]


def test_carried_chain_is_one_training():
    found = trials(SMALL, {"dataset": {"rho": [0.2, 0.8]}, "seed": [0, 1]}, training={"carry": "dataset.rho"})
    keys = [estimate.training_key(trial.config) for trial in found]
    assert keys[0] == keys[2] != keys[1] == keys[3]
    plain = [estimate.training_key(trial.config) for trial in trials(SMALL, {"seed": [0, 1]})]
    assert plain[0] != plain[1]


def test_cost_grows_with_the_work():
    small, wide, more = (
        estimate.cost(config(SMALL, **more))
        for more in ({}, {"estimator": {"hidden": [80, 80]}}, {"training": {"batch": 400}})
    )
    assert small.multiply_adds == 3 * (8 * 3 + 8 * 9 + 9) * 400
    assert wide.multiply_adds > 50 * small.multiply_adds
    assert more.multiply_adds == 2 * small.multiply_adds
    assert more.bytes == 2 * small.bytes
    dataset = {"name": "gaussian", "n_samples": 300}
    linear = {"estimator": {"name": "linear"}, "dataset": dataset, "training": {"batch": "full", "steps": 7}}
    assert estimate.cost(config(linear)).steps == 7


# maximise


def test_maximisation_probes_every_code():
    base = merged(MAXIMISE, {"dataset": {"last": True}})
    found = config(base)
    methods = one(maximise, base)
    assert set(methods) == {"mi_encoder", "random_encoder", "linear_regression", "pca"}
    assert methods["linear_regression"]["test_mse"] < 1e-25  # the label is the sum of the columns
    assert all(0 < fields["test_mse"] < 1 for name, fields in methods.items() if name != "linear_regression")
    rows = split_rows(found)
    train, test = ((rows[part].x, rows[part].y.numpy()) for part in ("train", "test"))
    codes = train_encoders([found], [rows], context()).codes
    networks = {"mi_encoder": codes, "random_encoder": random_encoders([found])}
    for name, network in networks.items():
        predict = probes.linear_regression(network(0, train[0]), train[1])
        assert methods[name]["test_mse"] == probes.mse(predict, network(0, test[0]), test[1])
    project = probes.pca(train[0].numpy(), 2)
    predict = probes.linear_regression(project(train[0].numpy()), train[1])
    assert methods["pca"]["test_mse"] == pytest.approx(probes.mse(predict, project(test[0].numpy()), test[1]))


def test_information_of_a_code_is_infinite_unless_noise_is_added():
    assert one(maximise, MAXIMISE)["mi_encoder"]["true_mi"] == math.inf
    assert "true_mi" not in one(maximise, MAXIMISE, representation={"noise": 0.1})["mi_encoder"]


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_independent_critic_estimates_the_code_anew(noise):
    more = {"representation": {"noise": noise}, "training": {"steps": 300}}
    joint = run(maximise, trials(MAXIMISE, **more))[0]
    own = run(maximise, trials(merged(MAXIMISE, more), representation={"critic": "independent"}))[0]
    assert same_trace(joint.history, own.history)
    one_, other = joint.methods["mi_encoder"], own.methods["mi_encoder"]
    assert other["train_mi"] == one_["train_mi"]
    assert other["test_mse"] == one_["test_mse"]
    assert other["estimate"] != one_["estimate"]
    assert other["estimate"] > 0.3
    if noise:
        assert other["estimate"] < np.log(1 + 1 / noise**2) + 5 * other["stderr"]  # ½ a dimension, of two
    assert maximise.cost(config(merged(MAXIMISE, more), representation={"critic": "independent"})).steps == 600


@pytest.mark.parametrize("critic", ["joint", "independent"])
def test_encoder_that_diverges_leaves_the_other_codes(critic):
    methods = one(maximise, MAXIMISE, representation={"critic": critic}, **WILD)
    assert methods["mi_encoder"]["status"] == "diverged"
    assert "test_mse" not in methods["mi_encoder"]
    assert all(math.isfinite(methods[name]["test_mse"]) for name in ("pca", "random_encoder", "linear_regression"))


# compare


def test_comparison_has_every_method():
    methods = one(compare, COMPARE)
    assert set(methods) == METHODS
    for fields in methods.values():
        assert fields["status"] == "ok"
        assert 0 < fields["test_mse"] < 1
        assert fields["test_mse"] != fields["split_mse"]  # on other rows
    assert methods["mi_encoder"]["true_mi"] == math.inf
    assert methods["mi_encoder"]["estimate"] is not None


def test_r2_is_one_less_the_error_in_variances_of_the_label():
    for base in (MAXIMISE, COMPARE):
        (trial,) = trials(base)
        rows = split_rows(trial.config)
        part = "fresh" if base is COMPARE else "test"
        variance = float(rows[part].y.numpy().var())
        for fields in one(procedure(trial.config), base).values():
            assert fields["test_r2"] == pytest.approx(1 - fields["test_mse"] / variance)


@pytest.mark.parametrize("base", [MAXIMISE, COMPARE], ids=["maximise", "compare"])
def test_units_of_a_table_do_not_matter(base, tmp_path):
    """Its columns are standardised, which those of the study are not."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = x[:, 0] + 0.1 * rng.normal(size=200)
    scores = []
    for factor in (1, 1000):
        pl.DataFrame({"a": x[:, 0], "b": factor * x[:, 1] + factor, "c": x[:, 2], "y": y}).write_csv(tmp_path / "t.csv")
        table = {"name": "table", "path": str(tmp_path / "t.csv"), "y": "y"}
        split = {"train": 0.4, "val": 0.1, "labelled": 0.2, "test": 0.3, "fresh": 0}
        changed = {key: value for key, value in base.items() if key not in ("dataset", "noise", "split")}
        scores.append({name: fields["test_mse"] for name, fields in one(
            procedure(config(base)), changed, dataset=table, split=split).items()})  # fmt: skip
    for name, score in scores[0].items():
        assert scores[1][name] == pytest.approx(score, rel=1e-4)


def test_comparison_without_fresh_rows_scores_on_its_own_test_rows():
    for fields in one(compare, COMPARE, split={"fresh": 0}).values():
        assert fields["test_mse"] == fields["split_mse"]


def test_numbers_of_labels_share_an_encoder_and_give_the_same_as_alone():
    sweep = {"split": {"labelled": [10, 60]}, "seed": [0, 1]}
    found = trials(COMPARE, sweep, split={"labelled": 30})
    keys = [compare.training_key(trial.config) for trial in found]
    assert keys[0::2] == [keys[0]] * 2
    assert keys[0] != keys[1]
    assert len({compare.signature(trial.config) for trial in found}) == 1
    together = run(compare, found)
    assert [outcome.trial.index for outcome in together] == list(range(4))
    for index in (1, 2):
        (alone,) = run(compare, [found[index]])
        assert same_trace(alone.history, together[index].history)
        for name in METHODS:
            for column in ("test_mse", "split_mse"):
                assert value(alone, name, column) == pytest.approx(value(together[index], name, column), rel=1e-9)
    fewer, more = together[0::2]
    assert value(fewer, "mi_encoder") == value(more, "mi_encoder")
    assert value(fewer, "ridge", "test_mse") != value(more, "ridge", "test_mse")


def test_share_of_labels_moves_the_other_parts_and_so_is_a_training_of_its_own():
    found = trials(COMPARE, {"split": {"labelled": [0.05, 0.1]}})
    assert len({compare.training_key(trial.config) for trial in found}) == 2


def test_methods_that_diverge_leave_the_others():
    methods = one(compare, COMPARE, **WILD)
    assert {name for name, fields in methods.items() if fields["status"] == "diverged"} == {
        "mi_encoder", "supervised_network"
    }  # fmt: skip
    for name, fields in methods.items():
        if fields["status"] == "diverged":
            assert "test_mse" not in fields
            assert "finite" in fields["reason"]
        else:
            assert math.isfinite(fields["test_mse"]), name
    json.dumps({name: dict(fields, true_mi=None) for name, fields in methods.items()}, allow_nan=False)


def test_predictions_that_are_not_finite_are_a_status():
    # One step of this size ends with weights that are finite, and outputs that are not.
    methods = one(compare, COMPARE, training={"lr": 1e30, "steps": 1, "checkpoint": "last"})
    assert methods["supervised_network"]["status"] == "diverged"
    assert methods["supervised_network"]["reason"] == "predictions of the test rows are not finite"
    assert methods["mi_encoder"]["reason"] == "scores of the test rows are not finite"


def test_shift_reaches_the_encoder_and_principal_components_only():
    still, moved = (one(compare, COMPARE, shift={"shift_mean": mean, "shift_sd": 0.1}) for mean in (0.0, 3.0))
    for name in METHODS - {"mi_encoder", "pca"}:
        assert still[name]["test_mse"] == moved[name]["test_mse"]
    assert still["mi_encoder"]["test_mse"] != moved["mi_encoder"]["test_mse"]
    # Components of rows that are all shifted alike are the same, and so is what is predicted from them.
    assert still["pca"]["test_mse"] == pytest.approx(moved["pca"]["test_mse"])
