"""Rows: what stays together when they are selected and joined. Estimates: how they are shown, and in which units."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mi_cli.problems import Estimate, Rows


def rows(n, **sides):
    return Rows(torch.zeros(n, 1), torch.zeros(n, 1), **sides)


def test_z_and_blocks_go_with_their_rows():
    numbers = torch.arange(5.0)[:, None]
    chosen = rows(5, block=torch.arange(5), z=numbers).select(torch.tensor([3, 1]))
    assert chosen.z.tolist() == [[3.0], [1.0]]
    assert chosen.block.tolist() == [3, 1]
    both = chosen.concat(rows(1, block=torch.tensor([9]), z=torch.tensor([[7.0]])))
    assert both.z.tolist() == [[3.0], [1.0], [7.0]]
    assert both.block.tolist() == [3, 1, 9]


def test_rows_without_z_have_none():
    assert rows(5).select(slice(2)).concat(rows(3)).z is None


def test_an_estimate_is_shown_in_a_line_and_with_its_interval_drawn():
    estimate = Estimate("lower bound", value=0.25, stderr=0.03, ci_low=0.19, ci_high=0.31, p_value=1e-9, reason="a < b")
    assert str(estimate) == "0.25 nats (95 %: 0.19 to 0.31), lower bound, p < 1e-4"
    assert repr(estimate) == f"<Estimate: {estimate}>"
    shown = estimate._repr_html_()
    assert 'aria-label="0.25 nats (95 %: 0.19 to 0.31)"' in shown
    assert "a &lt; b" in shown


def test_an_estimate_that_failed_says_why():
    failed = Estimate("lower bound", status="failed", reason="column <a> is constant")
    assert str(failed) == "failed: column <a> is constant"
    assert "<svg" not in failed._repr_html_()
    assert "&lt;a&gt;" in failed._repr_html_()


def test_an_estimate_in_bits_has_every_number_in_bits():
    nats = math.log(2)
    history = {"val_mi": (np.arange(2), np.array([nats, 2 * nats])), "val_mse": (np.arange(2), np.ones(2))}
    names = ("value", "stderr", "ci_low", "ci_high", "ceiling", "lower", "critic_mi", "critic_stderr", "test_mi")
    more = ("train_mi", "val_mi", "rise", "drift")
    estimate = Estimate(
        "lower bound", reason="not 2 nats", effective=9.0, p_value=0.5, misfit=3.0, history=history,
        influence=np.full(3, nats), **dict.fromkeys((*names, *more), nats),
    )  # fmt: skip
    bits = estimate.in_units("bits")
    assert bits.units == "bits"
    assert [getattr(bits, name) for name in (*names, *more)] == pytest.approx([1.0] * 13)
    assert (bits.effective, bits.p_value, bits.misfit) == (9.0, 0.5, 3.0)
    assert bits.influence == pytest.approx(np.ones(3))
    assert bits.history["val_mi"][1] == pytest.approx([1, 2])
    assert bits.history["val_mse"][1].tolist() == [1, 1]
    assert bits.reason == "not 2.885 bits"
    assert "1.00 bits" in str(bits)
    back = bits.in_units("nats")
    assert back.value == pytest.approx(nats)
    assert estimate.in_units("nats").value == nats
