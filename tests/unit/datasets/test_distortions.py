"""Noise, shift and scale."""

from __future__ import annotations

import pytest
import torch
from examples import fault_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mi_cli.datasets.distortions import Noise, Shift
from mi_cli.errors import Fault

N, D = 40, 5


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def columns(n=N):
    return torch.randn(n, D, generator=source(9), dtype=torch.float64)


def test_noise_has_its_scale_on_every_column():
    x = columns(20_000)
    added = Noise(scale=0.3).apply(x, source()) - x
    # Columns of 20,000 rows: the spread is known to 0.5 %. False alarms: 1e-6 (5 sigma), for ten numbers.
    assert (added.std(0) - 0.3).abs().max() < 0.3 * 0.026
    assert added.mean(0).abs().max() < 0.3 * 0.037
    assert (torch.corrcoef(added.T) - torch.eye(D)).abs().max() < 0.037


def test_no_noise_changes_nothing_and_draws_nothing():
    generator = source()
    before = generator.get_state()
    x = columns()
    assert Noise(scale=0).apply(x, generator) is x
    assert torch.equal(generator.get_state(), before)


@given(st.floats(1e-3, 10), st.integers(0, 100))
def test_noise_of_the_same_stream_differs_in_scale_only(scale, seed):
    x = columns()
    added = Noise(scale=scale).apply(x, source(seed)) - x
    torch.testing.assert_close(added / scale, Noise(scale=1).apply(x, source(seed)) - x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("per", ["draw", "row", "column"])
def test_shift_has_a_draw_for_each(per):
    x = columns()
    moved = Shift(shift_mean=0.5, shift_sd=0.2, shift_per=per, scale_per="draw").apply(x, source()) - x
    check_draws(moved, per)


@pytest.mark.parametrize("per", ["draw", "row", "column"])
def test_scale_has_a_draw_for_each_within_its_limits(per):
    x = columns()
    factor = Shift(scale_low=1, scale_high=1.5, scale_per=per).apply(x, source()) / x
    check_draws(factor, per)
    assert factor.min() >= 1 - 1e-12
    assert factor.max() <= 1.5 + 1e-12


def check_draws(found, per):
    """One number for all, or one along each row or column, the others different."""
    if per == "draw":
        first = found[0, 0]
        torch.testing.assert_close(found, first.expand(N, D))
    elif per == "row":
        first = found[:, :1]
        torch.testing.assert_close(found, first.expand(N, D))
        assert len(first.unique()) == N
    else:
        first = found[:1]
        torch.testing.assert_close(found, first.expand(N, D))
        assert len(first.unique()) == D


def test_rows_are_scaled_before_they_are_shifted():
    x = torch.zeros(3, 2, dtype=torch.float64)
    moved = Shift(scale_low=2, scale_high=2, shift_mean=0.5, shift_sd=0).apply(x, source())
    assert (moved == 0.5).all()


def test_published_shift_has_the_stated_distribution():
    x = torch.ones(20_000, 1, dtype=torch.float64)
    shift = Shift(scale_low=1, scale_high=1.5, shift_mean=0.5, shift_sd=0.05, shift_per="row")
    moved = shift.apply(x, source())
    # Mean 1.25 + 0.5, variance 1/48 + 1/400. False alarms: 1e-6 (5 standard errors) each.
    assert abs(moved.mean() - 1.75) < 5 * (1 / 48 + 1 / 400) ** 0.5 / 20_000**0.5
    assert moved.var().item() == pytest.approx(1 / 48 + 1 / 400, rel=0.05)


def test_nothing_moves_unless_asked():
    x = columns()
    assert not Shift().moves
    assert Shift().apply(x, source()) is x
    for field in ({"scale_low": 0.5}, {"scale_high": 2}, {"shift_mean": 1}, {"shift_sd": 1}):
        assert Shift(**field).moves


def test_scales_must_be_in_order():
    with pytest.raises(ValidationError) as error:
        Shift(scale_low=2, scale_high=1)
    assert fault_of(error.value) == Fault("shift.scale_low", 2, accepted="≤ shift.scale_high=1")
