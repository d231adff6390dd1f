"""Rows of a trial: counts, parts, and common random numbers."""

from __future__ import annotations

import itertools

import pytest
import torch
from examples import COMPARE, SMALL, config
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.procedures.splits import fresh_rows, split_rows
from mi_cli.training.settings import Split

CUT = ("train", "val", "labelled", "test")


@given(st.integers(2, 10_000), st.lists(st.integers(1, 100), min_size=4, max_size=4))
def test_shares_that_add_up_to_one_lose_and_repeat_no_row(n, weights):
    shares = [weight / sum(weights) for weight in weights]
    counts = Split(**dict(zip(CUT, shares, strict=True))).counts(n)
    assert sum(counts[part] for part in CUT) == n
    for part, share in zip(CUT, shares, strict=True):
        assert abs(counts[part] - share * n) <= 1


def test_counts_are_exact_where_floats_are_not():
    assert Split(train=0.9, val=0, labelled=0.05, test=0.05).counts(1000) == {
        "train": 900, "val": 0, "labelled": 50, "test": 50, "fresh": 0,
    }  # fmt: skip
    assert Split(train=0.7, val=0.1, labelled=0.1, test=0.1).counts(30)["test"] == 3
    assert Split(train=0.8, val=0.1, labelled=500, test=0.05, fresh=7).counts(1000) == {
        "train": 800, "val": 100, "labelled": 500, "test": 50, "fresh": 7,
    }  # fmt: skip


def keys(rows):
    return {tuple(row) for row in torch.cat([rows.x, rows.y], 1).tolist()}


@pytest.mark.parametrize("labelled", [0.1, 40])
def test_parts_have_their_counts_and_are_disjoint(labelled):
    found = config(COMPARE, split={"labelled": labelled})
    rows = split_rows(found)
    assert {part: len(part_rows) for part, part_rows in rows.items()} == found.rows
    assert all(r.x.dtype == r.y.dtype == torch.float64 for r in rows.values())
    for one, other in itertools.combinations(rows, 2):
        assert not keys(rows[one]) & keys(rows[other])
    assert sum(len(keys(part)) for part in rows.values()) == sum(found.rows.values())


def test_number_of_labels_leaves_the_other_parts_as_they_are():
    few, many = (split_rows(config(COMPARE, split={"labelled": n})) for n in (20, 80))
    for part in ("train", "val", "test", "fresh"):
        assert torch.equal(few[part].x, many[part].x)
    assert torch.equal(few["labelled"].y, many["labelled"].y[:20])


def test_same_seed_draws_the_same_rows():
    one, other, third = (split_rows(config(COMPARE, seed=seed)) for seed in (3, 3, 4))
    for part in one:
        assert torch.equal(one[part].x, other[part].x)
        assert torch.equal(one[part].y, other[part].y)
        assert not torch.equal(one[part].x, third[part].x)


@pytest.mark.parametrize(
    "other",
    [
        {"noise": {"scale": 0.4}}, {"dataset": {"terms": 6}}, {"representation": {"dim": 1}},
        {"shift": {"shift_mean": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_trials_that_differ_in_an_axis_share_their_labels(other):
    base, changed = split_rows(config(COMPARE)), split_rows(config(COMPARE, **other))
    for part in base:
        assert torch.equal(base[part].y, changed[part].y)


def test_noise_along_an_axis_is_the_same_noise():
    clean, little, much = (split_rows(config(COMPARE, noise={"scale": scale})) for scale in (0.0, 0.1, 0.4))
    for part in clean:
        added = [(rows[part].x - clean[part].x) for rows in (little, much)]
        torch.testing.assert_close(4 * added[0], added[1], rtol=1e-9, atol=1e-9)
        assert added[0].std().item() == pytest.approx(0.1, rel=0.2)


def test_correlations_along_an_axis_share_x():
    weak, strong = (split_rows(config(SMALL, dataset={"rho": rho})) for rho in (0.2, 0.8))
    for part in ("val", "test"):
        assert torch.equal(weak[part].x, strong[part].x)
        assert not torch.equal(weak[part].y, strong[part].y)


def test_shift_moves_unlabelled_rows_only():
    shift = {"scale_high": 1.5, "shift_mean": 0.5, "shift_sd": 0.05}
    still, moved = split_rows(config(COMPARE)), split_rows(config(COMPARE, shift=shift))
    for part in ("labelled", "test", "fresh"):
        assert torch.equal(still[part].x, moved[part].x)
    for part in ("train", "val"):
        assert not torch.equal(still[part].x, moved[part].x)
        assert torch.equal(still[part].y, moved[part].y)


def test_train_and_val_are_shifted_by_one_draw():
    still, moved = (split_rows(config(COMPARE, shift={"shift_sd": sd})) for sd in (0.0, 1.0))
    by = torch.cat([moved[part].x - still[part].x for part in ("train", "val")])
    torch.testing.assert_close(by, by[0, 0].expand_as(by))


def test_fresh_rows_go_on_and_on():
    draw, again = fresh_rows(config()), fresh_rows(config())
    first, second = draw(100), draw(100)
    assert first.x.shape == (100, 1)
    assert first.x.dtype == torch.float32
    assert not keys(first) & keys(second)
    assert torch.equal(again(100).x, first.x)
    held_out = split_rows(config())
    assert not keys(first) & (keys(held_out["val"]) | keys(held_out["test"]))


def test_fresh_rows_have_the_noise_of_the_config():
    clean, noisy = (fresh_rows(config(noise={"scale": scale}))(5000) for scale in (0.0, 2.0))
    assert noisy.x.var().item() == pytest.approx(clean.x.var().item() + 4, rel=0.1)
