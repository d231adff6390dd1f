"""Perceptrons of a stack, and critics made of them."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
import torch
from torch import nn

from mi_cli.fields import Activation
from mi_cli.networks.critics import ConcatCritic
from mi_cli.networks.perceptron import Perceptron, with_ones

ACTIVATIONS = get_args(Activation)
MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU, "gelu": nn.GELU}
SIZES = (3, 5, 4, 2)
K, N, VERSIONS = 3, 7, 2


def layers(net, dtype=torch.float64, seed=0):
    """Parameters ``(K, out, in + 1)`` of a stack."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(K, *shape, generator=generator, dtype=dtype).div_(shape[1] ** 0.5).requires_grad_()
        for shape in net.shapes
    ]


def plain(parameters, trial, activation):
    """The network of one trial, built by torch."""
    modules = []
    for layer in parameters:
        linear = nn.Linear(layer.shape[2] - 1, layer.shape[1], dtype=layer.dtype)
        linear.weight.data, linear.bias.data = layer[trial, :, :-1].detach(), layer[trial, :, -1].detach()
        modules += [linear, MODULES[activation]()]
    return nn.Sequential(*modules[:-1])


def inputs(dim, *shape, dtype=torch.float64, seed=1):
    return torch.randn(K, dim, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def side_by_side(x, y):
    """Rows ``(K, dim_y + dim_x, C · N)`` of y ``(K, dim_y, C, N)`` with x ``(K, dim_x, N)`` below."""
    return torch.cat([y, x.unsqueeze(2).expand(-1, -1, y.shape[2], -1)], 1).flatten(2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("versions", [None, VERSIONS])
def test_gradients_are_those_of_the_function(activation, versions):
    net = Perceptron(SIZES, activation)
    x = with_ones(inputs(3 if versions is None else 2, N)).requires_grad_()
    y = None if versions is None else inputs(1, versions, N, seed=2).requires_grad_()

    def outputs(x, y, *parameters):
        return Perceptron(SIZES, activation)(parameters, x, y)  # a fresh one, because calls share buffers

    assert torch.autograd.gradcheck(outputs, (x, y, *layers(net)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_agrees_with_torch_networks(activation, dtype):
    net = Perceptron(SIZES, activation)
    parameters, x = layers(net, dtype), inputs(3, N, dtype=dtype)
    out = net(parameters, with_ones(x))
    weights = torch.randn(out.shape, dtype=dtype)
    found = torch.autograd.grad((out * weights).sum(), parameters)
    assert out.shape == (K, 2, N)
    for trial in range(K):
        model = plain(parameters, trial, activation)
        expected = model(x[trial].T)
        torch.testing.assert_close(out[trial].T, expected)
        (expected * weights[trial].T).sum().backward()
        for gradient, linear in zip(found, (m for m in model if isinstance(m, nn.Linear)), strict=True):
            torch.testing.assert_close(gradient[trial, :, :-1], linear.weight.grad)
            torch.testing.assert_close(gradient[trial, :, -1], linear.bias.grad)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_versions_are_the_same_as_rows_of_their_own(activation):
    net = Perceptron(SIZES, activation)
    parameters, x, y = layers(net), inputs(2, N), inputs(1, VERSIONS, N, seed=2)
    found = net(parameters, with_ones(x), y).clone()
    expected = net(parameters, with_ones(side_by_side(x, y)))
    torch.testing.assert_close(found.flatten(2), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_trials_do_not_mix(activation):
    net = Perceptron(SIZES, activation)
    parameters, x, y = layers(net), with_ones(inputs(2, N)), inputs(1, VERSIONS, N, seed=2)
    before = net(parameters, x, y)[1].clone()
    with torch.no_grad():
        for layer in parameters:
            layer[0], layer[2] = torch.inf, torch.nan
    assert torch.equal(net(parameters, x, y)[1], before)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_only_the_latest_call_can_be_differentiated(activation):
    net = Perceptron(SIZES, activation)
    parameters, x = layers(net), with_ones(inputs(3, N))
    first = net(parameters, x).sum()
    second = net(parameters, x).sum()
    with pytest.raises(RuntimeError, match="only the latest call"):
        torch.autograd.grad(first, parameters)
    torch.autograd.grad(second, parameters)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_buffers_are_kept_and_never_spoil_a_later_call(activation):
    net = Perceptron(SIZES, activation)
    parameters, x = layers(net), with_ones(inputs(3, N))
    results = []
    for _ in range(3):
        out = net(parameters, x)
        results.append((out.data_ptr(), out.detach().clone(), torch.autograd.grad(out.sum(), parameters)))
        net(parameters, with_ones(inputs(3, N + 1, seed=3)))  # other shapes have buffers of their own
    assert len({address for address, _, _ in results}) == 1
    for _, out, gradients in results[1:]:
        assert torch.equal(out, results[0][1])
        assert all(map(torch.equal, gradients, results[0][2]))


def test_initial_weights_are_those_of_torch_in_distribution():
    net = Perceptron((4, 3, 1))
    flat = net.initial(torch.Generator().manual_seed(0))
    assert flat.shape == (3 * 5 + 1 * 4,)
    many = torch.stack([net.initial(torch.Generator().manual_seed(seed)) for seed in range(500)])
    for part, limit in ((many[:, :15], 0.5), (many[:, 15:], 3**-0.5)):
        assert part.abs().max() <= limit
        # The spread of a uniform variable; false alarms: 1e-6 (a relative error of 0.6 % each, 5 sigma).
        assert part.std().item() == pytest.approx(limit / 3**0.5, rel=0.03)
    assert torch.equal(flat, net.initial(torch.Generator().manual_seed(0)))


def test_size_is_counted():
    net = Perceptron((2, 10, 10, 1))
    assert net.shapes == [(10, 3), (10, 11), (1, 11)]
    assert net.multiplications == 30 + 110 + 11
    assert net.floats == 21 + 21 + 3


def test_scores_of_partners_are_scores_of_pairs():
    critic = ConcatCritic(2, 3, (6,), "tanh")
    assert critic.shapes == [(6, 6), (1, 7)]
    assert critic.initial(torch.Generator().manual_seed(0)).shape == (36 + 7,)
    parameters, x, y = layers(critic), inputs(2, N), inputs(3, VERSIONS, N, seed=2)
    scores = critic(parameters, with_ones(x), y).clone()
    assert scores.shape == (K, VERSIONS, N)
    for version, row in itertools.product(range(VERSIONS), range(N)):
        one = critic(parameters, with_ones(x[:, :, [row]]), y[:, :, [version]][:, :, :, [row]])
        torch.testing.assert_close(one[:, 0, 0], scores[:, version, row])
