"""Conditional densities, K at a time."""

from __future__ import annotations

import pytest
import torch

from mi_cli.networks.densities import ConditionalGaussian, Mixture, SplineFlow
from mi_cli.networks.perceptron import with_ones
from mi_cli.training.stack import Parameters

DENSITIES = {
    "gaussian": lambda dim_x, dim_y: ConditionalGaussian(dim_x, dim_y, (6,), "gelu"),
    "mixture": lambda dim_x, dim_y: Mixture(dim_x, dim_y, (6, 5), components=3),
    "logistic": lambda dim_x, dim_y: Mixture(dim_x, dim_y, (), components=2, family="logistic"),
    "flow": lambda dim_x, dim_y: SplineFlow(dim_x, dim_y, (6,), transforms=2, bins=4),
}
every = pytest.mark.parametrize("name", DENSITIES)
dims = pytest.mark.parametrize("dims", [(1, 1), (2, 1), (1, 3), (3, 2)])


def made(name, k=2, dims=(2, 1), disturbed=0.5):
    density = DENSITIES[name](*dims)
    flat = torch.stack([density.initial(torch.Generator().manual_seed(seed)) for seed in range(k)])
    return density, flat + disturbed * torch.randn(flat.shape, generator=torch.Generator().manual_seed(9))


def rows(k, n, dims, seed=5):
    draw = torch.Generator().manual_seed(seed)
    return with_ones(torch.randn(k, dims[0], n, generator=draw)), torch.randn(k, dims[1], n, generator=draw)


def log_density(density, flat, x, y):
    with torch.no_grad():
        return density(Parameters(density.shapes, flat).tensors, x, y)


@every
@pytest.mark.parametrize("dim_y", [1, 2])
def test_density_integrates_to_one(name, dim_y):
    density, flat = made(name, k=2, dims=(2, dim_y), disturbed=0.1)
    points = torch.linspace(-14, 14, 4001 if dim_y == 1 else 401)
    y = torch.cartesian_prod(*[points] * dim_y).view(-1, dim_y).T
    x = with_ones(torch.tensor([0.7, -1.1]).view(1, 2, 1)).expand(2, -1, y.shape[1])
    mass = (
        torch.exp(log_density(density, flat, x, y.expand(2, -1, -1))).double().sum(1) * (points[1] - points[0]) ** dim_y
    )
    assert mass.tolist() == pytest.approx([1, 1], abs=0.005)


@every
def test_density_depends_on_x_and_at_first_does_not(name):
    for disturbed in (0.0, 0.5):
        density, flat = made(name, disturbed=disturbed)
        x, y = rows(2, 50, (2, 1))
        same = torch.equal(log_density(density, flat, x, y), log_density(density, flat, with_ones(-x[:, :2]), y))
        assert same == (disturbed == 0)


@pytest.mark.parametrize("name", ["gaussian", "flow"])
def test_density_is_a_standard_normal_at_first(name):
    density, flat = made(name, disturbed=0, dims=(1, 3))
    x, y = rows(2, 50, (1, 3))
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(y).sum(1)
    torch.testing.assert_close(log_density(density, flat, x, y), expected)


@every
@dims
def test_member_gives_the_same_in_company(name, dims):
    density, flat = made(name, k=5, dims=dims, disturbed=0.1)
    x, y = rows(5, 333, dims)

    def of(members):
        parameters = Parameters(density.shapes, flat[members].clone())
        found = density(parameters.tensors, x[members], y[members])
        gradients = torch.autograd.grad(found.mean(1).sum(), parameters.tensors)
        return found.detach(), torch.cat([gradient.flatten(1) for gradient in gradients], 1)

    value, gradient = of([0, 1, 2, 3, 4])
    for members in ([0, 3], [4, 1]) if name == "flow" else ([2], [0, 3]):  # flows always come in pairs
        own = of(members)
        assert torch.equal(own[0], value[members])
        assert torch.equal(own[1], gradient[members])


@every
def test_wild_parameters_give_finite_densities(name):
    density, flat = made(name, disturbed=1e3)
    x, y = rows(2, 100, (2, 1))
    assert torch.isfinite(log_density(density, flat, x, 100 * y)).all()


@every
def test_initial_parameters_fill_the_shapes_and_follow_the_generator(name):
    density, flat = made(name, k=2, disturbed=0, dims=(3, 2))
    assert flat.shape[1] == sum(torch.Size(shape).numel() for shape in density.shapes)
    assert torch.equal(flat[0], flat[1]) == (name == "logistic")  # which has no hidden layer: all of it starts at 0
    assert torch.equal(flat[0], density.initial(torch.Generator().manual_seed(0)))
    work, floats = density.cost
    assert work >= flat.shape[1] * 0.5
    assert floats > 0
