"""y of joint and of product samples, side by side. Arrays are feature-major, ``(K, dim, n)``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["pair"]


def pair(y: Tensor, indices: Tensor) -> Tensor:
    """y of joint and of product samples.

    Args:
        y: ``(K, d, n)``.
        indices: the partners of each row, ``(K, copies, n)``.

    Returns:
        ``(K, d, 1 + copies, n)``, the joint samples first.
    """
    paired: Tensor = _Pair.apply(y, indices)  # type: ignore[no-untyped-call]
    return paired


class _Pair(torch.autograd.Function):
    """:func:`pair`, without the copies that concatenation makes, forward and backward."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, indices: Tensor) -> Tensor:
        ctx.indices = _wide(indices, y.shape[1])
        out = y.new_empty(len(y), y.shape[1], 1 + indices.shape[1], y.shape[2])
        out[:, :, 0] = y
        torch.gather(y, 2, ctx.indices, out=out.flatten(2)[:, :, y.shape[2] :])
        return out

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None]:
        (gradient,) = outer
        n = gradient.shape[3]
        return gradient[:, :, 0].clone().scatter_add_(2, ctx.indices, gradient.flatten(2)[:, :, n:]), None


def _wide(indices: Tensor, d: int) -> Tensor:
    """Indices ``(K, copies, n)``, repeated for d columns: ``(K, d, copies · n)``."""
    return indices.flatten(1).unsqueeze(1).expand(-1, d, -1)
