"""Compare an unsupervised representation, learned from unlabelled rows, with supervised learning from few labels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mi_cli.fields import Affects
from mi_cli.problems import Estimate, Rows
from mi_cli.procedures import probes
from mi_cli.procedures.base import Cost, Outcome, estimate_fields, group, stack_key
from mi_cli.procedures.encoders import Networks, maximise, random_encoders, supervise
from mi_cli.procedures.maximise import encoder_cost, independent_estimates
from mi_cli.procedures.splits import parts
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

__all__ = ["cost", "run", "signature", "training_key"]

_LABEL_PARTS = ("labelled",)


def signature(config: Config) -> str:
    """Equal for trials that can be trained as one stack."""
    return stack_key(config, *_LABEL_PARTS)


def training_key(config: Config) -> str:
    """Equal for trials that differ in labelled rows only: they share an encoder."""
    values = config.model_dump(mode="json", exclude=excluding(Affects.NOTHING))
    # A share is cut from the data set, so that it moves the parts after it; a number of rows is drawn besides.
    values["split"]["labelled"] = config.split.labelled if config.split.labelled <= 1 else None
    return str(values)


def cost(config: Config) -> Cost:
    """Of one training; the supervised network, on few rows, is not counted."""
    return encoder_cost(config)


def run(trials: Sequence[Trial], context: Context) -> list[Outcome]:
    """Run trials of one signature as one stack of encoders, and one stack of networks for each number of labels."""
    with context.clock("data"):
        rows = {trial.index: parts(trial.config) for trial in trials}
    shared = group(trials, training_key)
    leaders = [members[0] for members in shared]
    configs, leading = [trial.config for trial in leaders], [rows[trial.index] for trial in leaders]
    encoders = maximise(configs, leading, context)
    estimates = independent_estimates(configs, leading, encoders, context)
    untrained = random_encoders(configs)
    networks = _supervised(trials, rows, context)
    found = []
    with context.clock("evaluation"):
        for index, members in enumerate(shared):
            for trial in members:
                codes = {"mi_encoder": _of(encoders.codes, index), "random_encoder": _of(untrained, index)}
                methods = _scores(
                    trial.config, rows[trial.index], codes, networks[trial.index], estimates[index], context
                )
                found.append(Outcome(trial, methods, encoders.estimates[index].history))
    return sorted(found, key=lambda outcome: outcome.trial.index)


Code = Callable[[Any], probes.Array]


def _of(networks: Networks, index: int) -> Code:
    return lambda x: networks(index, x)


def _supervised(
    trials: Sequence[Trial], rows: Mapping[int, Mapping[str, Rows]], context: Context
) -> dict[int, tuple[Code, str]]:
    """For each trial its network, and why that diverged if it did."""
    found: dict[int, tuple[Code, str]] = {}
    for members in group(trials, lambda config: str(config.rows["labelled"])):
        labelled = [rows[trial.index]["labelled"] for trial in members]
        networks, reasons = supervise([trial.config for trial in members], labelled, _silent(context))
        found |= {trial.index: (_of(networks, index), reasons[index]) for index, trial in enumerate(members)}
    return found


def _silent(context: Context) -> Context:
    """The same context; steps of the small networks do not count as progress."""
    return replace(context, advance=lambda steps: None)


def _scores(
    config: Config,
    rows: Mapping[str, Rows],
    codes: Mapping[str, Code],
    supervised: tuple[Code, str],
    estimate: Estimate,
    context: Context,
) -> dict[str, dict[str, Any]]:
    """Test errors of every method, on fresh rows and on the split's own test rows."""
    x, y = rows["labelled"].x.numpy(), rows["labelled"].y.numpy()
    unlabelled = rows["train"].x.numpy()
    fits: dict[str, Callable[[], probes.Predictor]] = {
        "linear_regression": lambda: probes.linear_regression(x, y),
        "mi_encoder": lambda: _on_code(lambda new: codes["mi_encoder"](_tensor(new)), x, y),
        "pca": lambda: _on_code(probes.pca(unlabelled, config.representation.dim), x, y),
        "random_encoder": lambda: _on_code(lambda new: codes["random_encoder"](_tensor(new)), x, y),
        "ridge": lambda: probes.ridge(x, y),
        "kernel_ridge": lambda: probes.kernel_ridge(x, y),
        "supervised_network": lambda: lambda new: supervised[0](_tensor(new)),
    }
    found: dict[str, dict[str, Any]] = {}
    for method, fit in fits.items():
        context.check()
        start = time.perf_counter()
        fields: dict[str, Any] = {"status": "ok", "reason": ""}
        if method == "mi_encoder":
            fields |= estimate_fields(estimate) | ({} if config.representation.noise else {"true_mi": float("inf")})
        if method == "supervised_network" and supervised[1]:
            fields |= {"status": "diverged", "reason": supervised[1]}
        if fields["status"] == "ok":
            predict = fit()
            split = probes.mse(predict, rows["test"].x.numpy(), rows["test"].y.numpy())
            fresh = rows["fresh"] if len(rows["fresh"]) else rows["test"]
            error = probes.mse(predict, fresh.x.numpy(), fresh.y.numpy())
            if math.isfinite(error + split):
                fields |= {"test_mse": error, "split_mse": split}
            else:
                fields |= {"status": "diverged", "reason": "predictions of the test rows are not finite"}
        if method != "mi_encoder":
            fields["seconds"] = time.perf_counter() - start
        found[method] = fields
    return found


def _on_code(code: Callable[[probes.Array], probes.Array], x: probes.Array, y: probes.Array) -> probes.Predictor:
    """Linear regression from a code of x to y."""
    predict = probes.linear_regression(code(x), y)
    return lambda new: predict(code(new))


def _tensor(x: probes.Array) -> Any:
    import torch

    return torch.from_numpy(x)
