"""Compare an unsupervised representation, learned from unlabelled rows, with supervised learning from few labels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from mi_cli import procedures
from mi_cli.fields import Affects
from mi_cli.lazy import torch
from mi_cli.problems import Estimate, Rows
from mi_cli.procedures.base import Outcome, estimate_fields, group, stack_key
from mi_cli.procedures.encoding import ENCODER, EncoderProcedure
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.search_space import Objective
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

if TYPE_CHECKING:
    from mi_cli.procedures.encoders import Networks
    from mi_cli.procedures.probes import Array, Predictor

__all__ = ["Compare"]

Code: TypeAlias = "Callable[[Any], Array]"


class Compare(EncoderProcedure):
    """Compare encoders that are trained on unlabelled rows with supervised learning from few labelled rows.

    Every method predicts the label of the same test rows. The encoder sees unlabelled rows only, and a linear
    regression from its code to the label sees the labelled ones; supervised methods see the labelled rows only.
    """

    name = "compare"
    ignores: ClassVar[tuple[str, ...]] = ("time", "selection")
    least_rows: ClassVar[Mapping[str, int]] = {"train": 2, "test": 2, "labelled": 2}
    shares: ClassVar[Mapping[str, float]] = {"train": 0.5, "val": 0.1, "labelled": 0.2, "test": 0.2}
    shifts: ClassVar[bool] = True
    objectives: ClassVar[tuple[Objective, ...]] = ("split_mse", "val_mi", "val_mse")

    def signature(self, config: Config) -> str:
        """Equal for trials that can be trained as one stack, whatever their number of labelled rows."""
        return stack_key(config, "labelled")

    def training_key(self, config: Config) -> str:
        """Equal for trials that differ in labelled rows only: they share an encoder."""
        values = config.model_dump(mode="json", exclude=excluding(Affects.NOTHING))
        # A share is cut from the data set, so that it moves the parts after it; a number of rows is drawn besides.
        values["split"]["labelled"] = config.split.labelled if config.split.labelled <= 1 else None
        return str(values)

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials as one stack of encoders, and one stack of supervised networks for each number of labels."""
        with context.clock("data"):
            rows = {trial.index: procedures.splits.encoder_rows(trial.config) for trial in trials}
        shared = group(trials, self.training_key)
        leaders = [members[0] for members in shared]
        configs, leading = [trial.config for trial in leaders], [rows[trial.index] for trial in leaders]
        encoders = procedures.encoders.train_encoders(configs, leading, context)
        estimates = procedures.encoders.independent_estimates(configs, leading, encoders, context)
        untrained = procedures.encoders.random_encoders(configs)
        networks = _supervised(trials, rows, context)
        outcomes = []
        with context.clock("evaluation"):
            for index, members in enumerate(shared):
                codes = {ENCODER: _code(encoders.codes, index), "random_encoder": _code(untrained, index)}
                for trial in members:
                    methods = _scores(
                        trial.config, rows[trial.index], codes, networks[trial.index], estimates[index], context
                    )
                    outcomes.append(Outcome(trial, methods, encoders.estimates[index].history))
        return sorted(outcomes, key=lambda outcome: outcome.trial.index)


def _code(networks: Networks, index: int) -> Code:
    return lambda x: networks(index, x)


def _supervised(
    trials: Sequence[Trial], rows: Mapping[int, Mapping[str, Rows]], context: Context
) -> dict[int, tuple[Code, str]]:
    """For each trial its network, and the reason why it diverged; empty if it did not."""
    by_trial: dict[int, tuple[Code, str]] = {}
    for members in group(trials, lambda config: str(config.rows["labelled"])):
        labelled = [rows[trial.index]["labelled"] for trial in members]
        configs = [trial.config for trial in members]
        networks, reasons = procedures.encoders.supervise(configs, labelled, _silent(context))
        by_trial |= {trial.index: (_code(networks, index), reasons[index]) for index, trial in enumerate(members)}
    return by_trial


def _silent(context: Context) -> Context:
    """The same context, but for progress: steps of the small networks are not counted."""
    return replace(context, advance=lambda steps: None)


def _scores(
    config: Config,
    rows: Mapping[str, Rows],
    codes: Mapping[str, Code],
    supervised: tuple[Code, str],
    estimate: Estimate,
    context: Context,
) -> dict[str, dict[str, Any]]:
    """Result fields of every method: its errors on fresh rows and on the split's own test rows."""
    network, reason = supervised
    methods: dict[str, dict[str, Any]] = {}
    for method, fit in _fits(config, rows, codes, network).items():
        context.check()
        start = time.perf_counter()
        fields: dict[str, Any] = {"status": "ok", "reason": ""}
        if method == ENCODER:
            fields |= estimate_fields(estimate) | ({} if config.representation.noise else {"true_mi": float("inf")})
        if method == "supervised_network" and reason:
            fields |= {"status": "diverged", "reason": reason}
        if fields["status"] == "ok":
            fields |= _errors(fit(), rows)
        if method != ENCODER:
            fields["seconds"] = time.perf_counter() - start
        methods[method] = fields
    return methods


def _fits(
    config: Config, rows: Mapping[str, Rows], codes: Mapping[str, Code], network: Code
) -> dict[str, Callable[[], Predictor]]:
    """What fits each method to the labelled rows ``(n, p)`` and ``(n, q)``."""
    probes = procedures.probes
    x, y = rows["labelled"].x.numpy(), rows["labelled"].y.numpy()
    unlabelled = rows["train"].x.numpy()
    return {
        "linear_regression": lambda: probes.linear_regression(x, y),
        ENCODER: lambda: _on_code(lambda new: codes[ENCODER](torch.from_numpy(new)), x, y),
        "pca": lambda: _on_code(probes.pca(unlabelled, config.representation.dim), x, y),
        "random_encoder": lambda: _on_code(lambda new: codes["random_encoder"](torch.from_numpy(new)), x, y),
        "ridge": lambda: probes.ridge(x, y),
        "kernel_ridge": lambda: probes.kernel_ridge(x, y),
        "supervised_network": lambda: lambda new: network(torch.from_numpy(new)),
    }


def _errors(predict: Predictor, rows: Mapping[str, Rows]) -> dict[str, Any]:
    """Mean squared errors on the split's own test rows, and on fresh rows where there are any."""
    split = procedures.probes.mse(predict, rows["test"].x.numpy(), rows["test"].y.numpy())
    fresh = rows["fresh"] if len(rows["fresh"]) else rows["test"]
    error = procedures.probes.mse(predict, fresh.x.numpy(), fresh.y.numpy())
    if math.isfinite(error + split):
        r2 = procedures.probes.r2(error, fresh.y.numpy())
        return {"test_mse": error, "split_mse": split} | ({} if r2 is None else {"test_r2": r2})
    return {"status": "diverged", "reason": "predictions of the test rows are not finite"}


def _on_code(code: Callable[[Array], Array], x: Array, y: Array) -> Predictor:
    """Linear regression from a code of x to y."""
    predict = procedures.probes.linear_regression(code(x), y)
    return lambda new: predict(code(new))
