import pytest
import torch

from mi_cli.representations import Draws, corrupted, noisy, subset_pair

GROUPS = torch.tensor([0, 1, 1, 1, 2, 3])


def draws(k=2, seed=0):
    return Draws([torch.Generator().manual_seed(seed + i) for i in range(k)], torch.device("cpu"))


def rows(k=2, n=4000):
    """Normal columns but for the second, which is one of three classes with probabilities 0.6, 0.3 and 0.1."""
    g = torch.Generator().manual_seed(7)
    x = torch.randn(k, 6, n, generator=g)
    classes = torch.multinomial(torch.tensor([0.6, 0.3, 0.1]), k * n, replacement=True, generator=g).view(k, n)
    x[:, 1:4] = torch.nn.functional.one_hot(classes, 3).transpose(1, 2).float()
    return x


@pytest.mark.parametrize(("rate", "count"), [(0.5, 2), (0.6, 2), (0.75, 3), (0.1, 1), (1.0, 4)])
def test_corruption_replaces_as_many_columns_in_each_row(rate, count):
    _, replaced = corrupted(rows(), rows(), GROUPS, rate, draws())
    assert replaced.shape == (2, 4, 4000)
    assert (replaced.sum(1) == count).all()


def test_corrupted_values_have_the_marginals_of_the_columns_and_depend_on_nothing():
    x = rows(1, 20_000)
    y, replaced = corrupted(x, x, GROUPS, 0.5, draws(1))
    assert (y[:, 1:4].sum(1) == 1).all()  # classes stay classes
    kept = ~replaced[:, GROUPS]
    assert (y[kept] == x[kept]).all()
    chosen = replaced[0, 0]
    assert y[0, 0, chosen].std() == pytest.approx(1, abs=0.03)
    assert torch.corrcoef(torch.stack([x[0, 0, chosen], y[0, 0, chosen]]))[0, 1].abs() < 0.04
    assert y[0, 1:4, replaced[0, 1]].mean(1).tolist() == pytest.approx([0.6, 0.3, 0.1], abs=0.02)
    assert replaced.float().mean((0, 2)).tolist() == pytest.approx([0.5] * 4, abs=0.02)


def test_corruption_draws_from_the_pool():
    x = torch.zeros(1, 6, 50)
    y, replaced = corrupted(x, torch.full((1, 6, 3), 9.0), GROUPS, 1.0, draws(1))
    assert replaced.all()
    assert (y == 9).all()


@pytest.mark.parametrize(("overlap", "each", "both"), [(0.0, 2, 0), (0.5, 3, 2), (1.0, 4, 4)])
def test_subsets_cover_all_columns_and_share_some(overlap, each, both):
    first, second = subset_pair(torch.ones(2, 6, 100), GROUPS, overlap, draws())
    ones = [version[:, [0, 1, 4, 5]] for version in (first, second)]
    assert all((version.sum(1) == each).all() for version in ones)
    assert ((ones[0] * ones[1]).sum(1) == both).all()
    assert ((first + second) > 0).all()
    assert (first[:, 1] == first[:, 2]).all()  # the columns of one class are kept or removed together


def test_noise_has_its_standard_deviation():
    x = rows()
    assert (noisy(x, 0.3, draws()) - x).std() == pytest.approx(0.3, rel=0.02)


def test_each_trial_has_its_own_numbers():
    pair, alone = draws(), draws(1, seed=1)
    for name, arguments in (("uniform", (3,)), ("normal", (3,)), ("integers", (9, 3))):
        both, single = getattr(pair, name)(*arguments), getattr(alone, name)(*arguments)
        assert (both[1] == single[0]).all()
    saved = pair.state_dict()
    expected = pair.uniform(4)
    pair.load_state_dict(saved)
    assert (pair.uniform(4) == expected).all()
