import numpy as np
import pytest
import torch

from mi_cli import ConfigError
from mi_cli.registry.builtin import OBJECTIVES
from mi_cli.registry.lookup import load
from mi_cli.representations import EncoderShape, EncodingTask, fit_encoders
from mi_cli.training.checkpoints import Checkpoints
from mi_cli.training.context import Context, Stopped
from mi_cli.training.settings import Training

SHAPE = EncoderShape(dim=3, hidden=(8,))
TRAINING = Training(steps=12, batch=32, validate_every=4, log_every=4)
GROUPS = (0, 1, 2, 2, 3)
FIELDS = {"two_table": {"first": ["a", "b"]}}
VIEWS = [(name, {"views": views}) for name in ("two_view", "vicreg", "barlow_twins") for views in ("subsets", "noise")]
BOUNDS = [(name, {"bound": bound}) for name in ("two_view", "infomax") for bound in ("dv", "nwj", "js", "smile")]
EVERY = [(name, FIELDS.get(name, {})) for name in OBJECTIVES] + VIEWS + BOUNDS


def objective(name, **fields):
    return load(OBJECTIVES[name])(**fields)


def task(seed=0, n=80, m=40, **fields):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n + m, 5)).astype(np.float32)
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    y = x[:, 0] + x[:, 1] ** 2
    given = {"y": y[:n], "y_val": y[n:], "seed": seed, "lr": 0.01, "names": ("a", "b", "c", "d")} | fields
    return EncodingTask(x[:n], GROUPS, x[n:], **given)


def fit(chosen, *tasks, training=TRAINING, **context):
    return fit_encoders(chosen, SHAPE, tasks, training, Context(torch.device("cpu"), **context))


def test_tasks_have_learning_rates_and_draws_of_their_own():
    tasks = [task(0), task(0, lr=0.001), task(1)]
    stack = fit(objective("two_view"), *tasks)
    (alone,) = fit(objective("two_view"), tasks[1])
    rows = tasks[0].x_val
    assert stack[1].codes(rows) == pytest.approx(alone.codes(rows), abs=1e-5)
    assert stack[1].chosen_step == alone.chosen_step
    for other in (0, 2):
        assert np.abs(stack[other].codes(rows) - stack[1].codes(rows)).max() > 1e-3


def test_untrained_encoders_have_their_initial_weights():
    (before,) = fit(objective("untrained"), task())
    assert (before.steps, before.score, before.history) == (0, None, {})
    (one,) = fit(objective("two_view"), task(), training=TRAINING.model_copy(update={"steps": 1}))
    for layer, weights in one.weights.items():
        assert (weights - before.weights[layer]).abs().max() < 0.011  # one step of Adam at lr = 0.01


@pytest.mark.parametrize("name", ["two_view", "autoencoder", "vicreg", "barlow_twins", "infomax", "supervised"])
def test_training_improves_the_validation_score(name):
    training = Training(steps=150, batch=64, validate_every=10)
    (encoder,) = fit(objective(name), task(n=300, m=200), training=training)
    steps, values = encoder.history["val_score"]
    assert values.max() > values[0]
    assert encoder.score == pytest.approx(values.max())
    assert encoder.chosen_step == steps[values.argmax()]
    assert set(encoder.history) == {"train_score", "val_score"}


def test_validation_rows_choose_the_checkpoint_and_are_not_trained_on():
    one, other = task(), task()
    changed = EncodingTask(one.x, GROUPS, np.zeros_like(one.x_val), seed=0, lr=0.01)
    last = TRAINING.model_copy(update={"checkpoint": "last"})
    codes = [fit(objective("two_view"), t, training=last)[0].codes(one.x) for t in (one, changed)]
    assert (codes[0] == codes[1]).all()
    without = EncodingTask(other.x, GROUPS, other.x_val[:0], seed=0, lr=0.01)
    (encoder,) = fit(objective("two_view"), without)
    assert encoder.chosen_step == 12
    assert encoder.score is None


def test_tasks_of_different_shapes_are_trained_apart():
    tasks = [task(0), task(1, n=60), task(2)]
    together = fit(objective("two_view"), *tasks)
    for own, encoder in zip(tasks, together, strict=True):
        (alone,) = fit(objective("two_view"), own)
        assert encoder.codes(own.x) == pytest.approx(alone.codes(own.x), abs=1e-5)


def test_supervised_outputs_are_in_the_unit_of_the_label():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype(np.float32)
    y = 1000 + 50 * x[:, 0]
    given = EncodingTask(x[:300], GROUPS, x[300:], y=y[:300], y_val=y[300:], lr=0.01)
    (encoder,) = fit(objective("supervised"), given, training=Training(steps=300, batch=64))
    predicted = encoder.outputs(x[300:])
    assert predicted.shape == (100, 1)
    assert np.corrcoef(predicted[:, 0], y[300:])[0, 1] > 0.99
    assert predicted.mean() == pytest.approx(y[300:].mean(), abs=3)
    # the score is minus the squared error of standardised labels
    assert encoder.score == pytest.approx(-((predicted[:, 0] - y[300:]) ** 2).mean() / y[:300].var(), rel=1e-3)


def test_supervised_classes_have_logits():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + (x[:, 0] > 1)
    given = EncodingTask(x[:300], GROUPS, x[300:], y=y[:300], y_val=y[300:], classes=3, lr=0.01)
    (encoder,) = fit(objective("supervised"), given, training=Training(steps=300, batch=64))
    logits = encoder.outputs(x[300:])
    assert (logits.argmax(1) == y[300:]).mean() > 0.9
    log_likelihood = (logits - np.log(np.exp(logits).sum(1, keepdims=True)))[np.arange(100), y[300:]]
    assert encoder.score == pytest.approx(log_likelihood.mean(), rel=1e-4)


def test_fine_tuning_starts_from_an_encoder():
    (start,) = fit(objective("two_view"), task())
    tuned = fit(objective("supervised"), task(start=start), training=TRAINING.model_copy(update={"steps": 1}))[0]
    for layer, weights in tuned.weights.items():
        assert (weights - start.weights[layer]).abs().max() < 0.011  # one step of Adam at lr = 0.01


def test_two_tables_are_encoded_apart_and_averaged():
    (encoder,) = fit(objective("two_table", first=["a", "c"]), task())
    assert encoder.parts == ((True, False, True, True, False), (False, True, False, False, True))
    x = task().x_val
    parts = [encoder.codes(x * np.array(flags, np.float32)) for flags in encoder.parts]
    nothing = encoder.codes(np.zeros_like(x[:1]))
    assert encoder.codes(x) == pytest.approx(parts[0] + parts[1] - nothing)


@pytest.mark.parametrize("first", [[], ["a", "nothing"], ["*"]])
def test_tables_without_columns_are_refused(first):
    with pytest.raises(ConfigError) as error:
        fit(objective("two_table", first=first), task())
    assert error.value.faults[0].key == "representation.objective.first"


@pytest.mark.parametrize(("name", "fields"), EVERY)
def test_single_validation_row_chooses_nothing(name, fields):
    (encoder,) = fit(objective(name, **fields), task(m=1))
    assert encoder.score is None
    assert np.isfinite(encoder.codes(task().x)).all()


def test_single_training_row_is_refused():
    with pytest.raises(ValueError, match="1 training rows; accepted: 2 or more"):
        fit(objective("two_view"), task(n=1))


def test_labels_are_needed_by_what_learns_from_them():
    with pytest.raises(ValueError, match="supervised without labels"):
        fit(objective("supervised"), task(y=None))
    (encoder,) = fit(objective("autoencoder"), task(y=None))
    with pytest.raises(ValueError, match="without labels"):
        encoder.outputs(task().x)


def test_diverging_task_harms_no_other():
    broken = task(1, lr=1e30)
    ours, diverged = fit(objective("autoencoder"), task(0), broken)
    (alone,) = fit(objective("autoencoder"), task(0))
    assert diverged.status == "diverged"
    assert "non-finite" in diverged.reason
    assert ours.codes(task().x) == pytest.approx(alone.codes(task().x), abs=1e-5)


def test_codes_do_not_depend_on_the_rows_beside_them():
    (encoder,) = fit(objective("two_view"), task())
    x = np.concatenate([task(seed).x for seed in range(30)])
    whole = encoder.codes(x)
    assert whole.dtype == np.float64
    assert encoder.codes(x[1500:1507]) == pytest.approx(whole[1500:1507], abs=1e-12)
    assert encoder.codes(x[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match=r"accepted: \(n, 5\)"):
        encoder.codes(x[:, :3])


class _Ending:
    """A request to stop that is made at the n-th look at it."""

    def __init__(self, at):
        self.at, self.looks = at, 0

    def set(self):
        self.at = 0

    def is_set(self):
        self.looks += 1
        return self.looks >= self.at


@pytest.mark.parametrize("at", [2, 5, 11])
@pytest.mark.parametrize("name", ["two_view", "infomax", "supervised"])
def test_interrupted_training_goes_on_from_its_checkpoint(tmp_path, name, at):
    tasks = [task(seed) for seed in range(2)]
    whole = fit(objective(name), *tasks)
    with pytest.raises(Stopped):
        fit(objective(name), *tasks, stop=_Ending(at), checkpoints=Checkpoints(tmp_path / "stack", 1e-9))
    resumed = fit(objective(name), *tasks, checkpoints=Checkpoints(tmp_path / "stack", 1e9))
    for one, other in zip(whole, resumed, strict=True):
        assert (one.codes(task().x) == other.codes(task().x)).all()
        assert one.score == other.score


def test_denoising_adds_noise_where_asked():
    plain, noisy = (fit(objective("denoising", noise=noise), task())[0] for noise in (0.0, 0.5))
    assert np.abs(plain.codes(task().x) - noisy.codes(task().x)).max() > 1e-3


def test_untrained_encoders_have_no_loss():
    with pytest.raises(RuntimeError, match="no loss"):
        objective("untrained").loss(None)
