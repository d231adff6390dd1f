"""Settings of training and of evaluation."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mi_cli.fields import Activation, Affects, Count, Fraction, Natural, NonNegative, Number, Positive, Section, Widths

__all__ = ["Evaluation", "Part", "Representation", "Split", "Training"]


class Training(Section):
    """The optimisation of whatever is trained."""

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
        """Rows a step, of so many training rows."""
        return rows if self.batch == "full" else min(self.batch, rows)


class Evaluation(Section):
    """How the reported numbers are made from held-out rows."""

    shifts: Count = 8
    permutations: Natural = 0
    level: Annotated[Number, Field(gt=0, lt=1)] = 0.95
    last_steps: Natural = 0


class Representation(Section):
    """The encoder x → z and how its code is used."""

    name: Literal["mlp"] = "mlp"
    dim: Count = 5
    hidden: Widths = (10, 10)
    activation: Activation = "relu"
    noise: NonNegative = 0.0
    critic: Literal["joint", "independent"] = "joint"


Part = Annotated[Number, Field(ge=0)]


class Split(Section):
    """Disjoint parts of the data: up to 1 a share of ``dataset.n_samples``, above 1 rows drawn besides."""

    train: Part = 1.0
    val: Part = 1000
    labelled: Part = 0
    test: Part = 4000
    fresh: Natural = 0

    def counts(self, n_samples: int | None) -> dict[str, int]:
        """Rows of each part; shares are rounded at their borders, so that they never lose or repeat a row."""
        parts = {name: getattr(self, name) for name in ("train", "val", "labelled", "test")}
        shares = [0.0] + [part if part <= 1 else 0.0 for part in parts.values()]
        borders = [round(math.fsum(shares[: i + 1]) * (n_samples or 0)) for i in range(len(shares))]
        rows = {name: high - low for name, (low, high) in zip(parts, pairwise(borders), strict=True)}
        return {name: rows[name] if part <= 1 else int(part) for name, part in parts.items()} | {"fresh": self.fresh}

    @model_validator(mode="after")
    def _fits(self) -> Split:
        parts, values = ("train", "val", "labelled", "test"), (self.train, self.val, self.labelled, self.test)
        for name, part in zip(parts, values, strict=True):
            if part > 1 and part != int(part):
                raise ValueError(f"split.{name}={part:g}: above 1 it is a number of rows and must be whole")
        shares = {name: part for name, part in zip(parts, values, strict=True) if 0 < part <= 1}
        total = math.fsum(shares.values())
        if total > 1 + 1e-9:
            named = ", ".join(f"split.{name}={part:g}" for name, part in shares.items())
            raise ValueError(f"{named}: shares that add up to {total:g}; accepted: at most 1 (above 1: rows)")
        return self
