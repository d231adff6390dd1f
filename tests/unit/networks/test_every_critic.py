"""Every critic's scores, of all pairs, of partners and of shifts, are those of a slow computation."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from mi_cli.bounds.variational import nwj
from mi_cli.networks.composite_critics import BaselinedCritic, DualCritic, HybridCritic
from mi_cli.networks.critics import ConcatCritic, QuadraticCritic, Scores, SeparableCritic
from mi_cli.networks.elliptical import CanonicalVariates, LogRatio
from mi_cli.networks.perceptron import with_ones
from mi_cli.networks.product_samples import Partners

K, N, DIM_X, DIM_Y, E = 3, 6, 2, 3, 4


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_ratio(nu):
    """Log-ratios of K distributions, in float64 as the rest of these tests."""
    parts = [
        CanonicalVariates(
            normal(DIM_X, DIM_X + 1, seed=k), normal(DIM_Y, DIM_Y + 1, seed=9 + k), torch.tensor([0.8, 0.3 * k])
        )
        for k in range(K)
    ]
    found = LogRatio(parts, nu)
    for name in ("of_x", "of_y", "cross", "own", "constant"):
        setattr(found, name, getattr(found, name).double())
    return found


def separable(from_zero=False):
    return SeparableCritic(DIM_X, DIM_Y, (5,), "tanh", E, from_zero)


MADE = {
    "concat": lambda: ConcatCritic(DIM_X, DIM_Y, (5,), "tanh"),
    "separable": separable,
    "bilinear": lambda: QuadraticCritic(DIM_X, DIM_Y, squares=False),
    "quadratic": lambda: QuadraticCritic(DIM_X, DIM_Y, squares=True),
    "hybrid, normal": lambda: HybridCritic(log_ratio(math.inf), separable(from_zero=True)),
    "hybrid, student": lambda: HybridCritic(log_ratio(3), separable(from_zero=True)),
    "baselined": lambda: BaselinedCritic(separable(), DIM_Y, (4,), "tanh"),
    "baselined concat": lambda: BaselinedCritic(MADE["concat"](), DIM_Y, (4,), "tanh"),
    "baselined hybrid": lambda: BaselinedCritic(MADE["hybrid, student"](), DIM_Y, (4,), "tanh"),
    "dual": lambda: DualCritic(separable(), DIM_X, DIM_Y, (4,), "tanh"),
    "dual concat": lambda: DualCritic(MADE["concat"](), DIM_X, DIM_Y, (4,), "tanh"),
}
names = pytest.mark.parametrize("name", MADE)


def posed(name, n=N):
    """A critic, parameters of its shapes, x of n rows with ones, and y."""
    critic = MADE[name]()
    layers = [normal(K, *shape, seed=50 + index) for index, shape in enumerate(critic.shapes)]
    return critic, layers, with_ones(normal(K, DIM_X, n, seed=1)), normal(K, DIM_Y, n, seed=2)


def partners(n=N):
    orders = [torch.Generator().manual_seed(k) for k in range(K)]
    return Partners("derangement", 2, n, orders, torch.device("cpu"))()


def network(layers, row):
    """One perceptron with tanh, of one row."""
    for index, layer in enumerate(layers):
        row = layer[:, :-1] @ row + layer[:, -1]
        row = torch.tanh(row) if index < len(layers) - 1 else row
    return row


def score(critic, layers, k, x, y):
    """T(x, y) of one trial and one pair of rows, as its formula says."""
    own = [layer[k] for layer in layers]
    match critic:
        case ConcatCritic():
            return network(own, torch.cat([y, x]))[0]
        case SeparableCritic():
            f, g = network(own[:2], x), network(own[2:], y)
            return f[:E] @ g[:E] / math.sqrt(E) + f[E] + g[E]
        case QuadraticCritic():
            bordered, *squares = own
            value = torch.cat([x, x.new_ones(1)]) @ bordered @ torch.cat([y, y.new_ones(1)])
            return value + (x @ squares[0] @ x + y @ squares[1] @ y if squares else 0)
        case HybridCritic():
            ratio = critic.ratio.every_pair(with_ones(x.expand(K, -1).unsqueeze(2)), y.expand(K, -1).unsqueeze(2))
            return ratio[k, 0, 0] + score(critic.residual, layers, k, x, y)
        case BaselinedCritic():
            cut = len(critic.critic.shapes)
            return score(critic.critic, layers[:cut], k, x, y) - network(own[cut:], y)[0]
        case DualCritic():
            return score(critic.critic, layers[: len(critic.critic.shapes)], k, x, y)
    raise AssertionError(critic)


def slow(critic, layers, x, y):
    """Scores ``(K, n, n)``, x by y, one by one."""
    pairs = itertools.product(range(K), range(N), range(N))
    return torch.stack([score(critic, layers, k, x[k, :-1, i], y[k, :, j]) for k, i, j in pairs]).view(K, N, N)


@names
def test_scores_of_every_pair_are_those_of_a_slow_computation(name):
    critic, layers, x, y = posed(name)
    expected, found = slow(critic, layers, x, y), critic.scores(layers, x, y, None)
    torch.testing.assert_close(found.joint, expected.diagonal(dim1=1, dim2=2))
    off = expected[:, ~torch.eye(N, dtype=torch.bool)]
    assert (found.count, found.product.shape) == (N - 1, (K, N * (N - 1)))
    torch.testing.assert_close(found.product.sort(1).values, off.sort(1).values)
    torch.testing.assert_close(found.by_row.exp().sum(2), expected.exp().sum(2) - found.joint.exp())


@names
def test_scores_of_partners_are_those_of_a_slow_computation(name):
    critic, layers, x, y = posed(name)
    expected, index = slow(critic, layers, x, y), partners()
    found = critic.scores(layers, x, y, index)
    torch.testing.assert_close(found.joint, expected.diagonal(dim1=1, dim2=2))
    torch.testing.assert_close(found.by_row, expected.gather(2, index.transpose(1, 2)))
    assert not found.every_pair
    assert found.count == 2
    torch.testing.assert_close(found.product.sort(1).values, found.by_row.flatten(1).sort(1).values)


@names
@pytest.mark.parametrize("shifts", [1, 3, N - 1])
def test_scores_of_shifts_are_those_of_a_slow_computation(name, shifts):
    critic, layers, x, y = posed(name)
    expected, rows = slow(critic, layers, x, y), torch.arange(N)
    found = critic.shifted(layers, x, y, shifts)
    for shift in range(shifts + 1):
        torch.testing.assert_close(found[:, shift], expected[:, rows, (rows + shift) % N])
    held = critic.held_out(layers, x, y, shifts)
    torch.testing.assert_close(held.joint, found[:, 0])
    torch.testing.assert_close(held.by_row, found[:, 1:].transpose(1, 2))


@names
@pytest.mark.parametrize("every_pair", [True, False])
def test_gradients_of_scores_are_those_of_finite_differences(name, every_pair):
    # Of y too, which may be an encoder's code. All trials move by the same step at once: they do not mix.
    _, layers, x, y = posed(name, 4)
    index = None if every_pair else partners(4)
    steps = [torch.zeros(part.shape[1:], dtype=part.dtype, requires_grad=True) for part in (y, *layers)]

    def outputs(step, *of_layers):
        moved = [layer + step for layer, step in zip(layers, of_layers, strict=True)]
        found = MADE[name]().scores(moved, x, y + step, index)  # a fresh critic, because calls share buffers
        # Scores that stand for none must give no NaN to the others.
        sums = torch.logsumexp(found.by_row, 2)
        return found.joint, found.product, sums, *([] if found.dual is None else [found.dual])

    assert torch.autograd.gradcheck(outputs, tuple(steps))


@names
def test_initial_parameters_are_of_the_critics_shapes_and_drawn_from_its_generator(name):
    critic = MADE[name]()
    one, again, other = (critic.initial(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.shape == (sum(math.prod(shape) for shape in critic.shapes),)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@names
def test_cost_is_that_of_all_pairs_and_grows_with_partners(name):
    critic = MADE[name]()
    assert critic.cost(10, None) == critic.cost(10, 9)
    few, many = critic.cost(10, 1), critic.cost(10, 3)
    assert few[0] < many[0]
    assert few[1] < many[1]


def as_layers(critic, seed=0):
    flat = torch.stack([critic.initial(torch.Generator().manual_seed(seed + k)) for k in range(K)]).double()
    sizes = [math.prod(shape) for shape in critic.shapes]
    return [part.view(K, *shape) for part, shape in zip(flat.split(sizes, 1), critic.shapes, strict=True)]


@pytest.mark.parametrize("name", ["hybrid, normal", "hybrid, student"])
def test_hybrid_critic_is_the_analytic_ratio_before_training_and_can_leave_it(name):
    critic, _, x, y = posed(name)
    layers = [layer.requires_grad_() for layer in as_layers(critic)]
    assert torch.equal(critic.shifted(layers, x, y, 3), critic.ratio.shifted(x, y, 3))
    critic, _, x, y = posed(name)
    gradients = torch.autograd.grad(critic.scores(layers, x, y, None).joint.square().sum(), layers)
    assert all(gradient.abs().sum() > 0 for gradient in (gradients[1], gradients[3]))


def test_baseline_makes_nwj_of_scores_less_its_logarithm():
    critic, layers, x, y = posed("baselined")
    cut = len(critic.critic.shapes)
    plain = Scores.of_every_pair(slow(critic.critic, layers[:cut], x, y))
    log_a = torch.stack([torch.stack([network([w[k] for w in layers[cut:]], y[k, :, j])[0] for j in range(N)])
                         for k in range(K)])  # fmt: skip
    of_product = (plain.by_row - log_a.unsqueeze(1)).flatten(1).exp().sum(1) / (N * (N - 1))
    expected = (plain.joint - log_a).mean(1) + 1 - of_product
    found = critic.scores(layers, x, y, None)
    torch.testing.assert_close(nwj(found.joint, found.product), expected)


def test_second_network_sees_joint_samples_alone():
    critic, layers, x, y = posed("dual")
    cut = len(critic.critic.shapes)
    expected = torch.stack([
        torch.stack([network([w[k] for w in layers[cut:]], torch.cat([y[k, :, i], x[k, :-1, i]]))[0] for i in range(N)])
        for k in range(K)
    ])  # fmt: skip
    torch.testing.assert_close(critic.scores(layers, x, y, None).dual, expected)
    torch.testing.assert_close(critic.held_out(layers, x, y, 2).dual, expected)


def test_trials_of_a_critic_do_not_mix():
    for name in MADE:
        critic, layers, x, y = posed(name)
        before = critic.scores(layers, x, y, None).product[1].clone()
        for layer in layers:
            layer[0], layer[2] = torch.inf, torch.nan
        assert torch.equal(critic.scores(layers, x, y, None).product[1], before), name
