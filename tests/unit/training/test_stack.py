"""The optimisation loop, on losses whose minimum is known; and trials alone and in company."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from examples import CPU, PLAIN, SMALL, context, trials
from stacked_trials import BASES, TO_ROUNDING, agree

from mi_cli.procedures.base import procedure
from mi_cli.training.context import Context, Stopped
from mi_cli.training.settings import Training
from mi_cli.training.stack import Parameters, State, train

SHAPES = [(2, 3), (4,)]
SIZE = 10


def start(k, seed=0):
    generators = (torch.Generator().manual_seed(seed + trial) for trial in range(k))
    return State.fresh(torch.stack([torch.randn(SIZE, generator=generator) for generator in generators]))


def bowl(k=1, seed=100):
    """A step whose loss is a bowl about a point of each trial's own."""
    centre = start(k, seed).flat

    def step(layers):
        flat = torch.cat([layer.flatten(1) for layer in layers], 1)
        loss = ((flat - centre[: len(flat)]) ** 2 * torch.arange(1, SIZE + 1)).sum(1)
        return loss, -loss

    return step


def fit(k=1, step=None, validate=None, state=None, lr=0.05, within=None, **training):
    rates = torch.full((k,), lr) if isinstance(lr, float) else torch.tensor(lr)
    settings = Training(**{"steps": 20, "checkpoint": "last", "batch": "full"} | training)
    return train(SHAPES, state or start(k), rates, step or bowl(k), validate, settings, within or context())


def scripted(*scores):
    """A validation that gives each trial given scores, and stores the weights that it saw."""
    seen, told = [], iter(zip(*scores, strict=True))

    def validate(layers):
        seen.append(torch.cat([layer.flatten(1) for layer in layers], 1).clone())
        return {"val_mi": torch.tensor(next(told))}

    return validate, seen


class Failing:
    """A bowl whose loss (or only its gradient) is not finite for one trial, from some step on."""

    def __init__(self, k, trial, step, what="loss", value=math.inf):
        self.inner, self.trial, self.at, self.what, self.value, self.count = bowl(k), trial, step, what, value, 0

    def __call__(self, layers):
        self.count += 1
        loss, value = self.inner(layers)
        if self.count >= self.at:
            chosen = torch.arange(len(loss)) == self.trial
            point = layers[0].flatten(1)[:, 0]
            root_of_zero = (point - torch.where(chosen, point.detach(), 0)).abs().sqrt()  # has no derivative
            wrong = root_of_zero if self.what == "gradient" else torch.full_like(loss, self.value)
            loss = loss + torch.where(chosen, wrong, 0)
        return loss, value


def reference(schedule, steps, lr=0.05):
    """Weights after every step, by torch's own optimiser."""
    weights = torch.nn.Parameter(start(1).flat[0].clone())
    optimiser = torch.optim.Adam([weights], lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps) if schedule == "cosine" else None
    step, path = bowl(), []
    for _ in range(steps):
        optimiser.zero_grad()
        step([weights[:6].view(1, 2, 3), weights[6:].view(1, 4)])[0].sum().backward()
        optimiser.step()
        if scheduler:
            scheduler.step()
        path.append(weights.detach().clone())
    return torch.stack(path)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_descends_as_adam_of_torch(schedule):
    found = fit(schedule=schedule, steps=100).best[0]
    torch.testing.assert_close(found, reference(schedule, 100)[-1], rtol=1e-5, atol=1e-6)


def test_cosine_schedule_falls_to_almost_nothing():
    validate, seen = scripted([0.0] * 100)
    fit(schedule="cosine", steps=100, validate_every=1, validate=validate)
    moves = [(b - a).abs().max() for a, b in itertools.pairwise(seen)]
    assert moves[-1] < 1e-3 * moves[0]


def test_each_trial_has_its_own_learning_rate():
    rates = [0.001, 0.05, 0.2]
    together = fit(3, lr=rates).best
    for trial, lr in enumerate(rates):
        alone = fit(1, state=State.fresh(start(3).flat[[trial]]), step=shared(bowl(3), trial), lr=lr).best
        assert torch.equal(together[[trial]], alone)


def shared(step, trial):
    """The step of one trial of several."""

    def alone(layers):
        stacked = [torch.cat([layer] * (trial + 1)) for layer in layers]
        loss, value = step(stacked)
        return loss[[trial]], value[[trial]]

    return alone


def test_average_of_weights_is_what_is_evaluated():
    steps, decay = 40, 0.9
    validate, seen = scripted([0.0] * steps)
    found = fit(ema=decay, steps=steps, validate_every=1, validate=validate)
    path, average = reference("constant", steps), start(1).flat[0]
    for index, weights in enumerate(path, start=1):
        keep = min(decay, index / (index + 9))
        average = keep * average + (1 - keep) * weights
        torch.testing.assert_close(seen[index - 1][0], average, rtol=1e-4, atol=1e-5)
    assert torch.equal(found.best, seen[-1])
    torch.testing.assert_close(found.state.flat[0], path[-1], rtol=1e-5, atol=1e-6)


def test_checkpoint_with_the_best_validation_is_kept():
    validate, seen = scripted([0.1, 0.4, 0.3, 0.4], [9.0, math.nan, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0])
    found = fit(3, checkpoint="best", validate_every=5, validate=validate)
    assert found.chosen_steps == [10, 5, 20]  # the first of equals
    for trial, index in enumerate((1, 0, 3)):
        assert torch.equal(found.best[trial], seen[index][trial])
    assert [found.chosen("val_mi", trial) for trial in range(3)] == pytest.approx([0.4, 9.0, 4.0])
    assert found.chosen("nothing", 0) is None
    last = fit(3, checkpoint="last", validate_every=5, validate=scripted([0.4, 0.1, 0.3, 0.2], *[[1.0] * 4] * 2)[0])
    assert last.chosen_steps == [20] * 3
    assert torch.equal(last.best, last.state.flat)


def test_trial_whose_validation_is_never_finite_is_taken_as_it_ended():
    found = fit(checkpoint="best", validate_every=5, validate=scripted([math.nan] * 4)[0])
    assert found.chosen_steps == [20]
    assert torch.equal(found.best, found.state.flat)
    assert found.chosen("val_mi", 0) is None


def test_last_step_is_always_validated_and_recorded():
    found = fit(steps=7, validate_every=5, log_every=3, validate=scripted([1.0, 2.0])[0])
    assert found.history["val_mi"][0].tolist() == [5, 7]
    assert found.history["train_mi"][0].tolist() == [3, 6, 7]


def test_the_current_mi_of_the_trials_is_reported_as_it_is_validated():
    seen = []
    scores = [0.5, 1.0], [math.nan, 2.0], [0.25, math.inf]
    within = Context(CPU, watch=lambda *ends: seen.append(ends))
    fit(3, steps=10, validate_every=5, validate=scripted(*scores)[0], within=within)
    assert seen == [(0.25, 0.5), (1.0, 2.0)]


def test_patience_stops_each_trial_by_itself():
    done = []
    validate, seen = scripted([3.0, 2, 1, 0, 0, 0], [1.0, 2, 1, 3, 0, 0], [1.0, 0, 2, 1, 0.5, 0])
    found = fit(
        3, checkpoint="best", patience=2, steps=100, validate_every=10, log_every=10, validate=validate,
        within=Context(CPU, advance=done.append),
    )  # fmt: skip
    assert found.steps == [30, 60, 50]
    assert len(seen) == 6
    assert found.chosen_steps == [10, 40, 30]
    assert sum(done) == 300  # what is not needed any more counts as done
    assert np.isnan(found.history["val_mi"][1][3:, 0]).all()
    assert np.isfinite(found.history["val_mi"][1][:, 1]).all()
    assert np.isfinite(found.history["train_mi"][1][:3]).all()
    assert found.diverged == [0, 0, 0]


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_trial_that_stopped_is_left_as_it_is(ema, checkpoint):
    settings = {"checkpoint": checkpoint, "patience": 1, "steps": 60, "validate_every": 10, "ema": ema}
    falling, rising = [3.0, 2, 1, 0, 0, 0], [1.0, 2, 3, 4, 5, 6]
    both = fit(2, validate=scripted(falling, rising)[0], **settings)
    alone = fit(1, validate=scripted(falling)[0], **settings)
    assert (both.steps[0], alone.steps[0]) == (20, 20)
    assert torch.equal(both.best[0], alone.best[0])
    for part in ("flat", "mean", "square"):
        assert torch.equal(getattr(both.state, part)[0], getattr(alone.state, part)[0])


@pytest.mark.parametrize(("what", "value"), [("loss", math.inf), ("loss", math.nan), ("gradient", None)])
def test_trial_that_diverges_ends_with_step_and_reason_and_harms_nobody(what, value):
    found = fit(3, step=Failing(3, trial=1, step=8, what=what, value=value), log_every=1)
    calm = fit(3, log_every=1)
    assert found.diverged == [0, 8, 0]
    assert found.steps == [20, 8, 20]
    assert found.reasons == ["", "loss or gradient became non-finite at step 8", ""]
    trace = found.history["train_mi"][1]
    assert np.isnan(trace[7:, 1]).all()
    assert np.array_equal(trace[:7], calm.history["train_mi"][1][:7])
    for trial in (0, 2):
        assert torch.equal(found.best[trial], calm.best[trial])
        assert np.array_equal(trace[:, trial], calm.history["train_mi"][1][:, trial])


def test_training_ends_when_all_trials_have():
    step = Failing(1, trial=0, step=4)
    done = []
    found = fit(step=step, steps=1000, within=Context(CPU, advance=done.append))
    assert step.count == 4
    assert sum(done) == 1000
    assert found.diverged == [4]


def test_training_goes_on_from_a_state():
    whole = fit(2, steps=30)
    first = fit(2, steps=10)
    kept = first.state.flat.clone()
    second = fit(2, steps=20, state=first.state)
    assert first.state.steps == 10
    assert second.state.steps == 30
    assert torch.equal(second.best, whole.best)
    assert torch.equal(first.state.flat, kept)


def test_start_is_not_changed():
    state = start(2)
    before = [part.clone() for part in (state.flat, state.mean, state.square)]
    fit(2, state=state)
    assert all(map(torch.equal, before, (state.flat, state.mean, state.square)))


def test_stops_when_asked_to():
    asked = context()
    inner, count = bowl(), itertools.count(1)

    def step(layers):
        if next(count) == 5:
            asked.stop.set()
        return inner(layers)

    with pytest.raises(Stopped):
        fit(step=step, within=asked)
    assert next(count) == 6


def test_parameters_are_views():
    flat = torch.arange(20.0).view(2, 10)
    found = Parameters(SHAPES, flat)
    assert [tuple(part.shape) for part in found.tensors] == [(2, 2, 3), (2, 4)]
    flat[1, 9] = -1
    assert found.tensors[1][1, 3] == -1
    assert all(part.requires_grad for part in found.tensors)


def run(found):
    return procedure(found[0].config).run(found, context())


@pytest.mark.parametrize("name", BASES)
def test_trial_gives_the_same_alone_and_in_a_stack_of_twenty(name):
    found = trials(BASES[name], {"seed": list(range(20))})
    together = run(found)
    for index in (0, 19):
        (alone,) = run([found[index]])
        for method, fields in alone.methods.items():
            for key in {"estimate", "test_mse"} & fields.keys():
                assert fields[key] == pytest.approx(together[index].methods[method][key], abs=1e-4)
        assert agree(alone, together[index]) or name in TO_ROUNDING  # what is more, bit for bit
    for one, other in zip(run(found[5:8]), together[5:8], strict=True):
        assert agree(one, other)


@pytest.mark.slow
def test_trial_gives_the_same_alone_and_in_a_stack_of_twenty_after_many_steps():
    base = SMALL | {
        "estimator": {"name": "mine", "hidden": [32, 32], **PLAIN},
        "training": {"steps": 1500, "batch": 1000, "schedule": "cosine"},
        "split": {"val": 4000, "test": 20_000},
    }
    found = trials(base, {"seed": list(range(20))})
    together = run(found)
    for index in (3, 16):
        assert agree(run([found[index]])[0], together[index])


@pytest.mark.parametrize("name", ["estimate", "maximise"])
def test_neighbour_that_is_forced_to_diverge_changes_nothing(name):
    sweep = {"seed": list(range(6))}
    calm = run(trials(BASES[name], sweep))
    wild = trials(BASES[name], sweep)
    config = wild[2].config
    training = config.training.model_copy(update={"lr": 1e30})
    wild[2] = replace(wild[2], config=config.model_copy(update={"training": training}))
    found = run(wild)
    (method,) = (name for name, fields in found[2].methods.items() if fields.get("kind"))
    assert found[2].methods[method]["status"] == "diverged"
    assert found[2].methods[method]["estimate"] is None
    assert "non-finite at step" in found[2].methods[method]["reason"]
    for index in (0, 1, 3, 4, 5):
        assert agree(found[index], calm[index])


def test_one_step_of_a_large_stack_costs_less_than_its_trials_alone():
    # In CPU time, and far from the truth's factor of some five, so that a busy machine raises no alarm.
    found = trials(BASES["estimate"], {"seed": list(range(20))})
    begun = time.process_time()
    run(found)
    together = time.process_time() - begun
    begun = time.process_time()
    for trial in found[:3]:
        run([trial])
    assert together / 20 < (time.process_time() - begun) / 3
