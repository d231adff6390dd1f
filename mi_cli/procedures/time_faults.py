"""What procedures on rows in the order of time refuse."""

from __future__ import annotations

from typing import Any

from mi_cli.datasets.series import SeriesDataset
from mi_cli.errors import Fault, counted, listed
from mi_cli.estimators.training_free import TrainingFree
from mi_cli.registry.lookup import names, section_class
from mi_cli.schema.config import Config

__all__ = ["FEWEST_WINDOWS", "series_faults"]

FEWEST_WINDOWS = 40  # so that there are twenty shifts, with which a p-value can be .05
_FEWEST_SHIFTS = 19


def series_faults(config: Config, key: str = "", value: Any = None, reach: int = 0) -> list[Fault]:
    """Rows in no order, noise, an estimator that is trained, too few shifts, and windows longer than recordings.

    Args:
        config: whose dataset is opened.
        key: what makes windows long.
        value: of the key.
        reach: by how many steps windows are longer than one row.
    """
    dataset, faults = config.dataset, []
    if not isinstance(dataset, SeriesDataset):
        accepted = [
            name for name in names("dataset") if issubclass(section_class("dataset", name) or object, SeriesDataset)
        ]
        problem = f"has rows in no order of time, which procedure={config.procedure} needs"
        return [Fault("dataset.name", dataset.name, problem, listed(accepted))]
    if not isinstance(config.estimator, TrainingFree):
        problem = f"trains a critic, which procedure={config.procedure} does not"
        faults.append(Fault("estimator.name", config.estimator.name, problem, "copula, gaussian, ksg, mixed, nearest"))
    if config.noise.scale:
        problem = f"is not added by procedure={config.procedure}"
        faults.append(Fault("noise.scale", config.noise.scale, problem, "0"))
    if config.evaluation.permutations < _FEWEST_SHIFTS:
        problem = "is the number of shifts that p-values are from"
        faults.append(
            Fault("evaluation.permutations", config.evaluation.permutations, problem, f"at least {_FEWEST_SHIFTS}")
        )
    windows = sum(max(0, length - reach) for length in dataset.lengths)
    if key and windows < FEWEST_WINDOWS:
        longest = max(dataset.lengths, default=0)
        rows = counted(longest, "row")
        where = (
            f"there are {rows}"
            if len(dataset.lengths) == 1
            else f"the longest of {len(dataset.lengths)} recordings has {rows}"
        )
        problem = f"reaches over {counted(reach, 'step')}, and {where}: that leaves {counted(windows, 'window')}"
        faults.append(Fault(key, value, problem, f"what leaves at least {FEWEST_WINDOWS}"))
    return faults
