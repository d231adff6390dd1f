"""Encoders: trained by MI, by labels, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import CPU, MAXIMISE, config, context, merged
from sklearn.linear_model import LinearRegression

from mi_cli.networks.perceptron import Perceptron
from mi_cli.problems import Rows
from mi_cli.procedures import encoders
from mi_cli.procedures.encoders import Networks, random_encoders, supervise, train_encoders
from mi_cli.procedures.seeds import generator
from mi_cli.procedures.splits import split_rows
from mi_cli.training.stack import Parameters

LONG = merged(MAXIMISE, {"training": {"steps": 300, "validate_every": 50}})


def learned(found, rows=None):
    """The parameters of one trial's encoder, and its estimate."""
    outcome = train_encoders([found], [rows or split_rows(found)], context())
    return outcome.codes.flat[0], outcome.estimates[0]


def test_networks_are_applied_one_trial_at_a_time():
    net = Perceptron((3, 5, 2), "tanh")
    flat = torch.stack([net.initial(torch.Generator().manual_seed(seed)) for seed in range(4)])
    networks, x = Networks(net, flat), torch.randn(7, 3).double()
    for trial in range(4):
        first, second = flat[trial, :20].view(5, 4), flat[trial, 20:].view(2, 6)
        hidden = torch.tanh(x.float() @ first[:, :-1].T + first[:, -1])
        expected = hidden @ second[:, :-1].T + second[:, -1]
        found = networks(trial, x)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_code_survives_the_next_call():
    networks = random_encoders([config(MAXIMISE)])
    first = networks(0, torch.ones(5, 4))
    kept = first.copy()
    networks(0, torch.zeros(5, 4))
    assert np.array_equal(first, kept)


def test_training_starts_at_the_random_encoder():
    found = config(MAXIMISE, training={"steps": 1, "lr": 1e-12, "checkpoint": "last"})
    flat, _ = learned(found)
    torch.testing.assert_close(flat, random_encoders([found]).flat[0], rtol=1e-6, atol=1e-9)


def test_labels_have_no_say_in_what_is_learned():
    found = config(MAXIMISE)
    rows = split_rows(found)
    noise = torch.Generator().manual_seed(1)
    scrambled = {part: Rows(r.x, torch.randn(r.y.shape, generator=noise).double()) for part, r in rows.items()}
    one, other = learned(found, rows), learned(found, scrambled)
    assert torch.equal(one[0], other[0])
    assert one[1].value == other[1].value
    assert not np.array_equal(one[1].history["val_mse"][1], other[1].history["val_mse"][1])


def test_test_rows_have_no_say_in_what_is_learned():
    found = config(MAXIMISE)
    rows = split_rows(found)
    one, other = learned(found, rows), learned(found, rows | {"test": Rows(rows["test"].x + 1, rows["test"].y)})
    assert torch.equal(one[0], other[0])
    assert one[1].value != other[1].value


def test_information_grows_and_is_traced():
    found = config(LONG)
    _, estimate = learned(found)
    steps, values = estimate.history["train_mi"]
    assert steps[-1] == 300
    assert values[-1] > values[0] + 1
    assert estimate.history.keys() == {"train_mi", "train_mse", "val_mse", "val_mi"}
    assert estimate.value > 1
    assert estimate.val_mi == pytest.approx(estimate.history["val_mi"][1].max())
    assert estimate.ceiling == pytest.approx(np.log(200 * 8))


def test_fresh_rows_give_the_held_out_estimate_where_there_are_any():
    _, estimate = learned(config(MAXIMISE, split={"fresh": 50}))
    assert estimate.ceiling == pytest.approx(np.log(50 * 8))


def test_without_validation_rows_training_is_traced_alone():
    _, estimate = learned(config(MAXIMISE, split={"val": 0}, training={"checkpoint": "last"}))
    assert estimate.history.keys() == {"train_mi", "train_mse"}
    assert estimate.val_mi is None


def test_noise_on_the_code_bounds_its_information():
    # A standardised code with noise of its own size: at most ½ ln(1 + 1/1²) a dimension for a Gaussian, for any
    # code of variance 1. The bound holds for the truth; an estimate exceeds it by sampling error only (5 of them).
    found = config(LONG, representation={"noise": 1.0, "dim": 1})
    _, estimate = learned(found)
    assert 0.1 < estimate.value < 0.5 * np.log(2) + 5 * estimate.stderr


def test_noisy_code_is_standardised():
    found = config(MAXIMISE, representation={"noise": 0.5}, dataset={"n_samples": 4000})
    task = encoders._Maximisation([found], [split_rows(found)], CPU)
    flat = task.initial(found.seed).unsqueeze(0)
    with torch.no_grad():
        z = task.code(Parameters(task.shapes, flat).tensors, task.x)
    # Variance 1 + 0.5²; false alarms: 1e-6 (5 sigma of 4,000 rows).
    torch.testing.assert_close(z.mean(2), torch.zeros(1, 2), rtol=0, atol=0.05)
    torch.testing.assert_close(z.var(2), torch.full((1, 2), 1.25), rtol=0.12, atol=0)


def test_regression_of_the_traces_is_least_squares():
    z, label = torch.randn(2, 5, 50, generator=generator(0, "train")).split([3, 2], 1)
    found = encoders._Regression(z, label).mse(z, label)
    for trial in range(2):
        x, y = z[trial].T.double().numpy(), label[trial].T.double().numpy()
        expected = ((LinearRegression().fit(x, y).predict(x) - y) ** 2).mean()
        assert found[trial].item() == pytest.approx(expected)


def test_regression_on_a_constant_code_predicts_the_mean():
    z, label = torch.full((1, 2, 30), 0.7), torch.randn(1, 1, 30, generator=generator(0, "val"))
    z[0, 1] = torch.linspace(-1, 1, 30)
    slope_only = encoders._Regression(z[:, 1:], label).mse(z[:, 1:], label)
    torch.testing.assert_close(encoders._Regression(z, label).mse(z, label), slope_only)
    constant = encoders._Regression(z[:, :1], label).mse(z[:, :1], label)
    assert constant.item() == pytest.approx(label.double().var(correction=0).item())


def curve(n, seed):
    x = torch.rand(n, 4, generator=torch.Generator().manual_seed(seed)).double() * 2 - 1
    return Rows(x, x[:, :1] ** 2)


def squared_error(networks, trial, rows):
    return ((networks(trial, rows.x) - rows.y.numpy()) ** 2).mean()


def test_supervised_network_learns_what_a_line_cannot():
    found = config(MAXIMISE, training={"steps": 500}, representation={"hidden": [16]})
    configs = [found, found.model_copy(update={"seed": 1})]
    networks, reasons = supervise(configs, [curve(100, 1), curve(100, 2)], context())
    test = curve(500, 3)
    for trial in range(2):
        assert squared_error(networks, trial, test) < 0.4 * test.y.var().item()
    assert networks.net.sizes == (4, 16, 2, 1)  # of the encoder's size, and a linear output
    assert reasons == ["", ""]


def test_supervised_network_keeps_a_fifth_of_the_labels_to_choose_its_checkpoint():
    found = config(MAXIMISE, training={"steps": 400, "lr": 0.05})
    rows = curve(20, 1)
    good = supervise([found], [rows], context())[0].flat
    rest = Rows(rows.x, torch.cat([rows.y[:4] + 100, rows.y[4:]]))  # the rows that choose, and do not train
    assert not torch.equal(good, supervise([found], [rest], context())[0].flat)
    few, _ = supervise([found], [curve(3, 1)], context())  # too few to spare any
    assert torch.isfinite(few.flat).all()


def test_supervised_network_with_the_most_labels_predicts_best():
    found = config(MAXIMISE, training={"steps": 300})
    few, many = (supervise([found], [curve(n, 1)], context())[0] for n in (6, 200))
    assert squared_error(many, 0, curve(500, 3)) < squared_error(few, 0, curve(500, 3))


def test_supervised_network_that_diverges_says_why_and_harms_no_other():
    configs = [config(MAXIMISE, training={"steps": 30, "lr": lr}) for lr in (0.01, 1e30)]
    rows = [curve(50, 1)] * 2
    networks, reasons = supervise(configs, rows, context())
    assert reasons[0] == ""
    assert "non-finite at step" in reasons[1]
    assert torch.equal(networks.flat[0], supervise(configs[:1], rows[:1], context())[0].flat[0])
