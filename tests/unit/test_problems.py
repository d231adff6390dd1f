"""Rows: what stays together when they are selected and joined."""

from __future__ import annotations

import torch

from mi_cli.problems import Rows


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
