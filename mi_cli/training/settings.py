"""Settings of training and of evaluation."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from mi_cli.errors import ConfigError, Fault, plain
from mi_cli.fields import (
    Activation,
    Affects,
    Count,
    Fraction,
    Natural,
    NonNegative,
    Number,
    Positive,
    Section,
    Switch,
    Widths,
)
from mi_cli.registry.lookup import check_name

__all__ = ["Evaluation", "Part", "Representation", "Split", "Time", "Training"]


class Training(Section):
    """How networks are trained.

    Attributes:
        steps: optimiser steps.
        lr: the learning rate; trials of one stack may have different ones.
        schedule: how the learning rate changes over the steps.
        batch: rows of a step; ``full`` takes all training rows.
        ema: decay of an average of the weights that is evaluated in their place; 0 keeps no average.
        checkpoint: whether the step with the best validation value is evaluated, or the last one.
        patience: stop after so many validations without a better value; 0 never stops.
        validate_every: steps between two validations.
        log_every: steps between two values of a trace.
        carry: an axis of the sweep along which a trained model is trained further, value by value.
    """

    name: Literal["adam"] = "adam"
    steps: Count = 1000
    lr: Annotated[Positive, Affects.NUMBERS] = 0.01
    schedule: Literal["constant", "cosine"] = "constant"
    batch: Count | Literal["full"] = 1000
    ema: Fraction = 0.0
    checkpoint: Literal["best", "last"] = "best"
    patience: Natural = 0
    validate_every: Count = 50
    log_every: Count = 10
    carry: str | None = None

    def batch_of(self, rows: int) -> int:
        """Rows of one step, where there are ``rows`` training rows."""
        return rows if self.batch == "full" else min(self.batch, rows)


class Evaluation(Section):
    """How the reported numbers are computed from held-out rows.

    Attributes:
        shifts: product samples that each test row is part of: its x with so many other y.
        permutations: re-pairings of the rows for the p-values of estimators without a network.
        level: confidence level of the intervals.
        last_steps: also report the training value, as the mean over so many last steps; 0 does not.
        pointwise: whether a run keeps the pointwise MI of its test rows, by critics, in ``pointwise.parquet``.
    """

    shifts: Count = 8
    permutations: Natural = 0
    level: Annotated[Number, Field(gt=0, lt=1)] = 0.95
    last_steps: Natural = 0
    pointwise: Annotated[Switch, Affects.NOTHING] = False


def _known_encoder(name: str) -> str:
    check_name("encoder", name)
    return name


class Representation(Section):
    """The encoder x → z, and how its code z is used.

    Attributes:
        name: ``mlp``, or for ``procedure: represent`` an encoder of another package.
        dim: columns of z.
        hidden: widths of the hidden layers.
        noise: standard deviation of the noise that is added to z, in standard deviations of each of its columns.
        critic: whether the reported MI is that of the critic that the encoder was trained with (``joint``), or of one
            that is trained after it (``independent``).
        finetune: whether ``procedure: represent`` also trains each encoder on, on the labels that are shown.
        objectives: what ``procedure: represent`` trains an encoder for, each by its name, or as a section with its name
            and its settings.
    """

    name: Annotated[str, AfterValidator(_known_encoder)] = "mlp"
    dim: Count = 5
    hidden: Widths = (10, 10)
    activation: Activation = "relu"
    noise: NonNegative = 0.0
    critic: Literal["joint", "independent"] = "joint"
    finetune: Switch = False
    objectives: tuple[str | dict[str, Any], ...] = ("autoencoder", "infomax", "two_view", "vicreg")


_Lag = Annotated[int, Field(ge=-100_000, le=100_000)]
_History = Annotated[Count, Field(le=100)] | Literal["auto"]


class Time(Section):
    """Lags and histories, in steps of time, for procedures on rows that follow each other.

    Attributes:
        lags: the first and the last lag of x behind y, for ``procedure: lags``; where x follows y, lags are negative.
        lag: steps from the newest value of a source's history to the value of the target.
        source_history: past values of the source; ``auto`` chooses them by how well they predict held-out rows.
        target_history: past values of the target, likewise.
        max_history: the most values that ``auto`` chooses among.
        condition: whether the transfer entropy is given the past of the columns of ``dataset.z`` only, or also that of
            all other columns.
    """

    lags: tuple[_Lag, _Lag] = (0, 20)
    lag: Annotated[Count, Field(le=100_000)] = 1
    source_history: _History = "auto"
    target_history: _History = "auto"
    max_history: Annotated[Count, Field(le=100)] = 5
    condition: Literal["z", "others"] = "z"

    @model_validator(mode="after")
    def _has_lags_in_order(self) -> Time:
        first, last = self.lags
        if first > last:
            raise ConfigError(Fault("time.lags", list(self.lags), "ends before it begins", "[first, last]"))
        return self


Part = Annotated[Number, Field(ge=0)]
_PARTS = ("train", "val", "labelled", "test")  # in the order in which shares are cut from the data set


@lru_cache(maxsize=64)  # thousands of trials have the same split, and each asks for it several times
def _rows(parts: tuple[float, ...], fresh: int, n_samples: int) -> dict[str, int]:
    """Rows of each part, where a part of up to 1 is a share of ``n_samples``."""
    shares = [0.0] + [part if part <= 1 else 0.0 for part in parts]
    borders = [round(math.fsum(shares[: i + 1]) * n_samples) for i in range(len(shares))]
    counts = [
        high - low if part <= 1 else int(part) for part, (low, high) in zip(parts, pairwise(borders), strict=True)
    ]
    return dict(zip(_PARTS, counts, strict=True)) | {"fresh": fresh}


class Split(Section):
    """The disjoint parts of the data.

    A part of up to 1 is a share of ``dataset.n_samples``; above 1, it is a number of rows that are drawn in addition.

    Attributes:
        train: rows that are trained on.
        val: rows that choose the checkpoint and stop the training.
        labelled: rows with labels, for procedures that learn from labels too.
        test: rows that the reported numbers are computed from.
        fresh: more test rows of the same distribution, for the same procedures; always a number of rows.
        labels: how many rows show their label, for ``procedure: represent``: a share of those of train and val that
            have one, or above 1 a number of them, or all where there are fewer. These rows are among the others, and
            not drawn besides.
    """

    train: Part = 1.0
    val: Part = 1000
    labelled: Part = 0
    test: Part = 4000
    fresh: Natural = 0
    labels: Annotated[Number, Field(gt=0)] = 1.0

    def counts(self, n_samples: int | None) -> dict[str, int]:
        """Rows of each part; shares are rounded at their borders, so that they never lose or repeat a row."""
        return _rows((self.train, self.val, self.labelled, self.test), self.fresh, n_samples or 0).copy()

    @model_validator(mode="after")
    def _fits(self) -> Split:
        parts = {name: getattr(self, name) for name in _PARTS}
        for name, part in (*parts.items(), ("labels", self.labels)):
            if part > 1 and part != int(part):
                raise ConfigError(Fault(f"split.{name}", part, "above 1, it is a number of rows", "a whole number"))
        shares = [name for name, part in parts.items() if 0 < part <= 1]
        total = math.fsum(parts[name] for name in shares)
        if total > 1 + 1e-9:
            problem = f"the shares add up to {total:g}"
            accepted = "at most 1 in all (a part above 1 is a number of rows)"
            raise ConfigError(Fault("split", {name: plain(parts[name]) for name in shares}, problem, accepted))
        return self
