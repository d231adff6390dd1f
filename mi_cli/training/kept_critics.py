"""Critics that are kept after training, and the pointwise MI of rows that they give."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mi_cli.bounds.variational import log_mean_exp
from mi_cli.fields import Preprocess
from mi_cli.networks.critics import Critic, Scores
from mi_cli.networks.perceptron import with_ones
from mi_cli.problems import Estimate, Pointwise, Problem, Rows
from mi_cli.training.critic_rows import CriticMap, critic_maps
from mi_cli.training.stack import Parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KeptCritic", "pointwise_mi", "row_marks", "with_critic", "with_pointwise"]

Array: TypeAlias = np.ndarray[Any, Any]

_REFERENCE_ROWS = 256  # of y, over which a critic is normalised for each row of x
_ROWS = 4096  # that are scored together


@dataclass(frozen=True, eq=False)
class KeptCritic:
    """A trained critic, and what scores of new rows need beside it.

    Attributes:
        of_x: the map of the columns of x; ``of_y`` is that of y.
        parameters: of the critic, ``(P,)``.
        partition: ln E[exp T] over product samples of held-out rows, in nats.
        reference: y of some training rows, ``(R, dim_y)`` in float64, before they are mapped.
        seen: marks of the rows that it was trained on or chosen by, as :func:`row_marks` makes them.
    """

    of_x: CriticMap
    of_y: CriticMap
    parameters: Tensor
    partition: float
    reference: Tensor
    seen: Array


def row_marks(rows: Rows) -> Array:
    """A number of 64 bits for each row, ``(n,)``, that is equal for equal rows of x and y in float64."""
    values = torch.cat([rows.x.double(), rows.y.double()], 1).cpu().numpy() + 0.0  # so that −0 is 0
    marks = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in values)
    return np.frombuffer(b"".join(marks), "<i8").astype(np.int64)


def with_critic(
    estimate: Estimate, problem: Problem, preprocess: Preprocess, norms: bool, parameters: Tensor, scores: Scores
) -> Estimate:
    """An estimate together with its critic; unchanged where it is not ok.

    Args:
        estimate: by the critic.
        problem: as it was before its columns were mapped.
        preprocess: how they are mapped.
        norms: whether squared lengths are added.
        parameters: of the critic, ``(P,)``.
        scores: of the test rows, ``(1, …)``.
    """
    if estimate.status != "ok":
        return estimate
    of_x, of_y = critic_maps(problem, preprocess, norms)
    y = problem.sample.y.double()
    kept = KeptCritic(
        of_x,
        of_y,
        parameters=parameters.cpu(),
        partition=log_mean_exp(scores.product[0]).item(),
        reference=y[torch.linspace(0, len(y) - 1, min(len(y), _REFERENCE_ROWS)).long()],
        seen=row_marks(problem.sample.concat(problem.val)),
    )
    return replace(estimate, kept=(kept,))


def with_pointwise(estimate: Estimate, nats: Tensor, rows: Rows) -> Estimate:
    """An estimate together with the pointwise MI of its test rows, whose mean is its value; unchanged if it is not ok.

    Args:
        estimate: of one trial.
        nats: the pointwise MI of its test rows up to a constant, ``(n,)``.
        rows: the test rows, before their columns were mapped.
    """
    if estimate.status != "ok" or estimate.value is None:
        return estimate
    return replace(estimate, pointwise=Pointwise.of(nats.numpy(), rows).with_mean(estimate.value))


@torch.no_grad()
def pointwise_mi(critic: Critic, kept: KeptCritic, x: Tensor, y: Tensor, by_row: bool) -> Array:
    r"""The pointwise MI of rows by one critic, ``(n,)`` in nats.

    .. math:: i(x, y) = T(x, y) - \ln E_{y'}[e^{T(x, y')}], \quad\text{or}\quad T(x, y) - \ln E[e^T]

    The first is for critics that are defined up to a function of x, with the expectation over reference rows; the
    second, over product samples of held-out rows, for those that are defined up to a constant.

    Args:
        critic: the network.
        kept: its parameters and maps.
        x: rows ``(n, dim_x)`` in float64, as they are encoded.
        y: rows ``(n, dim_y)``.
        by_row: whether the critic is normalised for each row.
    """
    layers = Parameters(critic.shapes, kept.parameters.double().unsqueeze(0).clone()).tensors
    reference = _columns(kept.of_y(kept.reference)) if by_row else None
    scores = []
    for low in range(0, len(x), _ROWS):
        of_x, of_y = (_columns(of(rows[low : low + _ROWS])) for of, rows in ((kept.of_x, x), (kept.of_y, y)))
        joint = _scores(critic, layers, of_x, of_y)
        if reference is None:
            scores.append(joint - kept.partition)
        else:
            scores.append(joint - _normaliser(critic, layers, of_x, reference))
    return torch.cat(scores).numpy() if scores else np.empty(0)


def _columns(rows: Tensor) -> Tensor:
    """Rows ``(n, d)`` as one trial, ``(1, d, n)``."""
    return rows.double().T.contiguous().unsqueeze(0)


def _scores(critic: Critic, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """T of joint rows, ``(n,)``."""
    return critic.shifted(layers, with_ones(x), y, 0)[0, 0].clone()


def _normaliser(critic: Critic, layers: Sequence[Tensor], x: Tensor, reference: Tensor) -> Tensor:
    """ln of the mean of exp T over the reference rows of y, for each row of x, ``(n,)``."""
    n = x.shape[2]
    partners = [
        _scores(critic, layers, x, reference[:, :, number : number + 1].expand(-1, -1, n).contiguous())
        for number in range(reference.shape[2])
    ]
    return log_mean_exp(torch.stack(partners, 1))
