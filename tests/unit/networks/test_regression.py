"""Linear regression, and networks that begin with it."""

from __future__ import annotations

import pytest
import torch

from mi_cli.networks.perceptron import with_ones
from mi_cli.networks.regression import Regression, least_squares
from mi_cli.training.stack import Parameters


def rows(n, p, seed=0, noise=0.5, weights=None):
    """Inputs with their ones, and a column of y: their sum with these weights, and noise."""
    draw = torch.Generator().manual_seed(seed)
    inputs = with_ones(torch.randn(1, p, n, generator=draw))[0]
    weights = torch.ones(p) if weights is None else weights
    return inputs, (weights @ inputs[:-1] + 2 + noise * torch.randn(n, generator=draw)).view(1, n)


def masks(p):
    everything = torch.ones(1, p + 1, dtype=torch.bool)
    nothing = torch.zeros_like(everything)
    nothing[:, -1] = True
    return [nothing, everything]


def test_coefficients_are_those_of_least_squares():
    inputs, y = rows(50, 3)
    found, _ = least_squares(inputs, y, masks(3)[1:])
    expected = torch.linalg.lstsq(inputs.double().T, y.double().T).solution.T
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("n", "p"), [(40, 1), (40, 20), (400, 20)])
def test_expected_error_is_that_of_new_rows(n, p):
    # Of 200 fits, the mean squared error on new rows has a relative error of a few per cent; 15 % is 4 of it at the
    # fewest rows.
    expected, found = [], []
    for seed in range(200):
        coefficients, error = least_squares(*rows(n, p, seed), masks(p)[1:])
        inputs, y = rows(1000, p, 1000 + seed)
        expected.append(error.item() ** 2)
        found.append((y - coefficients @ inputs).square().mean().item())
    assert sum(expected) == pytest.approx(sum(found), rel=0.15)


def test_inputs_that_predict_nothing_are_left_out():
    chosen = [least_squares(*rows(100, 20, seed, weights=torch.zeros(20)), masks(20))[0] for seed in range(50)]
    used = sum(bool(coefficients[0, :-1].any()) for coefficients in chosen)
    # An F statistic of 20 and 79 degrees of freedom exceeds the threshold, 2.3, in 0.5 % of draws: 4 of 50 in 1e-4.
    assert used < 4
    assert least_squares(*rows(100, 20), masks(20))[0].all()


@pytest.mark.parametrize("n", [2, 3, 10, 22])
def test_few_rows_give_the_mean(n):
    inputs, y = rows(n, 20)
    coefficients, error = least_squares(inputs, y, masks(20))
    assert not coefficients[0, :-1].any()
    assert coefficients[0, -1] == pytest.approx(y.mean().item(), rel=1e-5)
    assert torch.isfinite(error).all()


def test_constant_inputs_are_no_inputs():
    inputs, y = rows(50, 2)
    inputs[0] = 0
    coefficients, error = least_squares(inputs, y, masks(2))
    alone, same = least_squares(inputs[1:], y, masks(1))
    torch.testing.assert_close(coefficients[:, 1:], alone)
    assert coefficients[0, 0] == 0
    torch.testing.assert_close(error, same)


def test_network_begins_as_its_affine_map():
    net, draw = Regression(3, (8, 5), 2, "relu"), torch.Generator().manual_seed(0)
    affine = torch.randn(2, 2, 4, generator=draw)
    affine[1, :, :-1] = 0
    flat = torch.stack([net.initial(draw, map_) for map_ in affine])
    tensors = Parameters(net.shapes, flat).tensors
    inputs = with_ones(torch.randn(2, 3, 10, generator=draw))
    torch.testing.assert_close(net(tensors, inputs).detach(), affine @ inputs)
    assert net.constant(tensors) == [False, True]
    disturbed = Parameters(net.shapes, flat + 0.1).tensors
    assert net.constant(disturbed) == [False, False]
