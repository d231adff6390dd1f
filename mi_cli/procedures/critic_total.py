"""The total correlation of columns by critics: a chain of MIs, each cross-fitted on the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from mi_cli.estimators.interaction_measures import Measured
from mi_cli.estimators.training_free import Index, mean_error
from mi_cli.lazy import np, torch
from mi_cli.problems import Array, Problem, Rows
from mi_cli.procedures.crossfit import block_boundary
from mi_cli.procedures.estimation import estimate_problems
from mi_cli.procedures.seeds import generator
from mi_cli.schema.config import Config
from mi_cli.training.context import Context

__all__ = ["critic_total"]

_TRAIN, _VAL = 0.7, 0.1  # of the rows; with folds, only the share of validation rows counts


def critic_total(
    config: Config, columns: Array, classes: Sequence[bool], block: Index | None, context: Context
) -> Measured:
    r"""The total correlation as a sum of MIs, each by the estimator of the config.

    .. math:: TC = \sum_{k = 2}^d I(X_1, …, X_{k - 1}; X_k)

    Each MI is cross-fitted on the same rows. The pointwise MIs of a row are added up before their spread is taken, so
    that the error allows for the dependence of the terms. What the critics have learned of their training rows alone
    is added to it (:func:`~.crossfit.pool`).

    Args:
        config: of the trial; its split is not used.
        columns: ``(n, d)``, of classes their numbers.
        classes: whether each column is classes, ``(d,)``.
        block: the number of each row's block, ``(n,)``; None where rows are independent.
        context: device, progress and the request to stop.

    Raises:
        ValueError: an MI cannot be estimated.

    Reference:
        Watanabe 1960 (IBM Journal of Research and Development 4, 66–82), the sum; Bai et al. 2023 (AISTATS;
        arXiv 2011.04794), total correlation by critics along a line of variables.
    """
    n, d = columns.shape
    sides = [_side(column, of_classes) for column, of_classes in zip(columns.T, classes, strict=True)]
    fitted = config.model_copy(
        update={"fit": "crossfit", "evaluation": config.evaluation.model_copy(update={"pointwise": True})}
    )
    blocks = None if block is None else torch.from_numpy(np.asarray(block))
    value, gap, of_rows = 0.0, 0.0, np.zeros(n)
    for k in range(1, d):
        context.check()
        rows = Rows(torch.cat(sides[:k], 1), sides[k], block=blocks, number=torch.arange(n))
        (estimate,), _ = estimate_problems(fitted, [_problem(config, rows)], context)
        if estimate.status != "ok" or estimate.value is None or estimate.pointwise is None:
            raise ValueError(f"column {k + 1} given those before it: {estimate.reason or estimate.status}")
        value += estimate.value
        of_rows += estimate.pointwise.nats
        gap += max(0.0, (estimate.train_mi or 0.0) - (estimate.test_mi or estimate.train_mi or 0.0))
    error, freedom = mean_error(of_rows, block)
    return Measured(value, math.hypot(error, math.sqrt(gap / n)), freedom)


def _side(column: Array, of_classes: bool) -> torch.Tensor:
    """A column as a side, ``(n, 1)``; of more than two classes, one column of 0 and 1 for each."""
    values = torch.from_numpy(column.astype(np.float64))[:, None]
    levels = values.unique()
    return (values == levels).double() if of_classes and len(levels) > 2 else values


def _problem(config: Config, rows: Rows) -> Problem:
    cuts = [0, *(block_boundary(rows, round(share * len(rows))) for share in (_TRAIN, _TRAIN + _VAL)), len(rows)]
    train, val, test = (rows.select(slice(low, high)) for low, high in pairwise(cuts))
    return Problem(
        dim_x=rows.x.shape[1],
        dim_y=rows.y.shape[1],
        train=train,
        draw=None,
        val=val,
        test=test,
        init=generator(config.seed, "init"),
        order=generator(config.seed, "order"),
        lr=config.training.lr,
    )
