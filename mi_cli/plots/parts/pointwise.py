"""The pointwise MI that a run has kept, as plots show it: of one trial in each setting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from mi_cli.plots.parts.settings import Setting, Trial, trials
from mi_cli.problems import Array
from mi_cli.records.results import POINTWISE, SCALES, Records

__all__ = ["NOTHING", "Profile", "profiles"]

NOTHING = "no critic left the pointwise MI of its rows"
_MOST = 9  # panels


@dataclass(frozen=True)
class Profile:
    """The rows of one trial.

    Args:
        setting: of the trial.
        estimate: of the trial.
        rows: its part of ``pointwise.parquet``.
        scale: from nats to the unit that is shown.
    """

    setting: Setting
    estimate: float
    rows: pl.DataFrame
    scale: float

    @property
    def values(self) -> Array:
        """The pointwise MI of the rows, ``(n,)`` in the unit that is shown."""
        return self.rows["pmi"].to_numpy() * self.scale

    @property
    def truth(self) -> Array | None:
        """The true pointwise MI, likewise; None where it is not known."""
        true = self.rows["true_pmi"]
        return None if true.null_count() else true.to_numpy() * self.scale

    @property
    def correlation(self) -> float | None:
        """Of the pointwise MI with the truth; None where that is not known or does not vary."""
        if self.truth is None or self.truth.std() == 0 or self.values.std() == 0:
            return None
        return float(np.corrcoef(self.values, self.truth)[0, 1])


def profiles(records: Records) -> list[Profile]:
    """The rows of the first trial of each setting, of up to nine settings."""
    if not (records.folder / POINTWISE).exists():
        return []
    parts = {int(key[0]): rows for key, rows in records.pointwise.partition_by("trial", as_dict=True).items()}
    first: dict[Setting, Trial] = {}
    for trial in trials(records):
        if trial.index in parts:
            first.setdefault(trial.setting, trial)
    scale = SCALES[records.config.get("units", "nats")]
    return [
        Profile(trial.setting, scale * (trial.first("estimate") or 0.0), parts[trial.index], scale)
        for trial in list(first.values())[:_MOST]
    ]
