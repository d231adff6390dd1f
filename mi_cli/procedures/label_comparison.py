"""What every method predicts from few labels, and how well: raw columns, codes, supervised networks and trees."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mi_cli.lazy import threadpoolctl
from mi_cli.problems import Estimate
from mi_cli.procedures import label_probes
from mi_cli.procedures.base import estimate_fields
from mi_cli.procedures.label_arms import Arm, Chosen, choose, constant_arm, feature_arm, pls_arm, trees_arm
from mi_cli.procedures.label_networks import Labelled, network_arms
from mi_cli.procedures.represented import EncodedTable
from mi_cli.representations import TrainedEncoder
from mi_cli.training.context import Context

__all__ = ["FINETUNED", "NO_COLUMNS", "PLS", "RAW", "SUPERVISED", "TREES", "Case", "compare"]

Array = np.ndarray[Any, Any]
Fields = dict[str, dict[str, Any]]

NO_COLUMNS, RAW, PLS = "no_columns", "raw_columns", "pls"
SUPERVISED, TREES = "supervised_network", "gradient_boosting"
FINETUNED = "_finetuned"  # after the name of an encoder
_NETWORK_SHARE = 0.5  # of the progress of all that is fitted to labels, that stands for networks


@dataclass(frozen=True, eq=False)
class Case:
    """A table with its codes, the MI of each code, and how many labels are shown (``split.labels``)."""

    table: EncodedTable
    estimates: Mapping[str, Estimate]
    labels: float

    @property
    def shown(self) -> Array:
        """The rows whose labels are shown."""
        return self.table.split.shown(self.labels)

    @property
    def starts(self) -> dict[str, TrainedEncoder | None]:
        """What networks that are trained on labels start from, by the names of their methods."""
        encoders = self.table.encoders if self.table.config.representation.finetune else {}
        return {SUPERVISED: None, **{f"{name}{FINETUNED}": encoder for name, encoder in encoders.items()}}


def compare(cases: Sequence[Case], context: Context, steps: int) -> list[Fields]:
    """Result fields of every method, for each case.

    Args:
        cases: cases with one table and equally many labels have the same results, which are computed once.
        context: device, progress and the request to stop.
        steps: what all of this counts as in the progress of the run.
    """
    keys = [(id(case.table), len(case.shown)) for case in cases]
    distinct = dict(zip(keys, cases, strict=True))
    progress = _Progress(context, steps)
    networks = _networks(list(distinct.values()), context, progress)
    results: dict[tuple[int, int], Fields] = {}
    with context.clock("evaluation"), threadpoolctl.threadpool_limits(1):
        for number, (key, case) in enumerate(distinct.items()):
            results[key] = _results(case, networks[number], context)
            progress.reach(_NETWORK_SHARE + (1 - _NETWORK_SHARE) * (number + 1) / len(distinct))
    return [results[key] for key in keys]


class _Progress:
    """Progress that is reported as a number of steps."""

    def __init__(self, context: Context, steps: int) -> None:
        self.context, self.steps, self.done = context, steps, 0

    def reach(self, share: float) -> None:
        """Report that a share of all is done."""
        done = math.floor(share * self.steps + 1e-9)
        self.context.advance(done - self.done)
        self.done = done


def _networks(cases: Sequence[Case], context: Context, progress: _Progress) -> list[dict[str, list[Arm]]]:
    """The networks of each case by their names, one for each label: supervised ones and fine-tuned encoders."""
    places = [
        (index, name, Labelled(case.table, target, case.shown, start))
        for index, case in enumerate(cases)
        for name, start in case.starts.items()
        for target in case.table.split.targets
    ]
    labelled = [one for _, _, one in places]
    total = sum(one.steps for one in labelled)
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        progress.reach(_NETWORK_SHARE * min(1.0, done / total))

    arms = network_arms(labelled, replace(context, advance=advance))
    networks: list[dict[str, list[Arm]]] = [{} for _ in cases]
    for (index, name, _), arm in zip(places, arms, strict=True):
        networks[index].setdefault(name, []).append(arm)
    return networks


def _results(case: Case, networks: Mapping[str, Sequence[Arm]], context: Context) -> Fields:
    """Result fields of every method; those of several labels are averaged."""
    table, shown = case.table, case.shown
    train = table.split.train
    arms: dict[str, Callable[[], Arm]] = {  # each is made when it is used, and has a copy of the rows
        NO_COLUMNS: constant_arm,
        RAW: partial(feature_arm, table.x, train),
        PLS: partial(pls_arm, table.x, train),
        **{name: partial(feature_arm, codes, train) for name, codes in table.codes.items()},
        TREES: partial(trees_arm, table.split.columns),
    }
    results: Fields = {}
    for name in (*arms, *networks):
        context.check()
        start = time.perf_counter()
        each = networks[name] if name in networks else [arms[name]()] * len(table.split.targets)
        fields = _scored(table, each, shown)
        if name in case.estimates:
            fields = estimate_fields(case.estimates[name]) | fields
        elif name in table.codes and any(column.kind == "number" for column in table.encoder.columns):
            fields["true_mi"] = math.inf  # of numbers and a code without noise
        results[name] = fields | {"labels": len(shown), "seconds": time.perf_counter() - start}
    for name, reason in table.lost.items():
        results[name] = {"status": "diverged", "reason": reason, "labels": len(shown)}
    return results


def _scored(table: EncodedTable, arms: Sequence[Arm], shown: Array) -> dict[str, Any]:
    """The scores of a method on the test rows, averaged over the labels; ``reason`` is the candidate of the first."""
    targets, test = table.split.targets, table.split.test
    chosen: list[Chosen] = []
    fields: list[dict[str, float]] = []
    for target, arm in zip(targets, arms, strict=True):
        one = choose(arm, target, shown, test)
        if not np.isfinite(one.predicted).all():
            return {"status": "diverged", "reason": "predictions of the test rows are not finite"}
        chosen.append(one)
        scores = label_probes.scores(target.select(test), one.predicted, target.select(shown))
        fields.append(scores | {"val_loss": one.val_loss})
    names = [name for name in fields[0] if all(name in one for one in fields)]
    means = {name: float(np.mean([one[name] for one in fields])) for name in names}
    return {"status": "ok", "reason": chosen[0].name} | means
