"""Train encoders by MI maximisation, and probe their codes beside those of PCA and of untrained encoders."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from mi_cli.estimators.variational import Variational
from mi_cli.fields import Affects
from mi_cli.problems import Estimate, Problem, Rows
from mi_cli.procedures import probes
from mi_cli.procedures.base import Cost, Outcome, estimate_fields, stack_key
from mi_cli.procedures.encoders import Encoders, Networks, encoder_net, maximise, random_encoders
from mi_cli.procedures.seeds import generator
from mi_cli.procedures.splits import parts
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

__all__ = ["cost", "encoder_cost", "independent_estimates", "run", "signature", "training_key"]


def signature(config: Config) -> str:
    """Equal for trials that can be trained as one stack."""
    return stack_key(config)


def training_key(config: Config) -> str:
    """A trial's own."""
    return config.model_dump_json(exclude=excluding(Affects.NOTHING))


def cost(config: Config) -> Cost:
    """Of one training."""
    return encoder_cost(config)


def encoder_cost(config: Config) -> Cost:
    """Of one encoder with its critic; and of the critic again where an independent one is trained."""
    assert isinstance(config.estimator, Variational)  # noqa: S101 (the schema refuses others)
    rows = config.training.batch_of(config.rows["train"])
    encoder = encoder_net(config)
    dims = config.dataset.dim_x, config.representation.dim
    multiply_adds, memory = config.estimator.cost(dims, config.training, rows)
    steps = config.training.steps * (2 if config.representation.critic == "independent" else 1)
    return Cost(steps, 3 * rows * encoder.multiplications + multiply_adds, 4 * rows * encoder.floats + memory)


def run(trials: Sequence[Trial], context: Context) -> list[Outcome]:
    """Run trials of one signature as one stack."""
    configs = [trial.config for trial in trials]
    with context.clock("data"):
        rows = [parts(config) for config in configs]
    encoders = maximise(configs, rows, context)
    estimates = independent_estimates(configs, rows, encoders, context)
    untrained = random_encoders(configs)
    found = []
    with context.clock("evaluation"):
        for index, trial in enumerate(trials):
            context.check()
            methods = _probed(trial.config, rows[index], encoders, untrained, index, estimates[index])
            found.append(Outcome(trial, methods, encoders.estimates[index].history))
    return found


def independent_estimates(
    configs: Sequence[Config], rows: Sequence[Mapping[str, Rows]], encoders: Encoders, context: Context
) -> list[Estimate]:
    """The held-out MI of the codes by critics trained after the encoders, if the config asks for that."""
    config = configs[0]
    if config.representation.critic == "joint":
        return encoders.estimates
    problems = [
        _coded(c, parts_, encoders.codes, index) for index, (c, parts_) in enumerate(zip(configs, rows, strict=True))
    ]
    found, _ = config.estimator.estimate(problems, config.training, config.evaluation, context)
    # The encoder's own training decides the status; its traces stay those of the record.
    return [
        joint if joint.status != "ok" else replace(own, history=joint.history, train_mi=joint.train_mi)
        for own, joint in zip(found, encoders.estimates, strict=True)
    ]


def _coded(config: Config, rows: Mapping[str, Rows], codes: Networks, index: int) -> Problem:
    """Estimation of I(x; z) for codes z, noise included."""
    noise, scale = generator(config.seed, "code"), config.representation.noise
    train = torch.from_numpy(codes(index, rows["train"].x))
    centre, spread = (train.mean(0), train.std(0) + 1e-6) if scale else (0.0, 1.0)

    def coded(part: str) -> Rows:
        z = (torch.from_numpy(codes(index, rows[part].x)) - centre) / spread
        return Rows(rows[part].x, z + scale * torch.empty_like(z).normal_(generator=noise))

    return Problem(
        dim_x=config.dataset.dim_x,
        dim_y=config.representation.dim,
        train=coded("train"),
        draw=None,
        val=coded("val"),
        test=coded("fresh" if len(rows["fresh"]) else "test"),
        init=generator(config.seed, "probe"),
        order=generator(config.seed, "order"),
        lr=config.training.lr,
    )


def _probed(
    config: Config, rows: Mapping[str, Rows], encoders: Encoders, untrained: Networks, index: int, estimate: Estimate
) -> dict[str, dict[str, Any]]:
    """Test error of linear regression, fitted on the training rows, from each kind of code."""
    columns = {part: rows[part].x.numpy() for part in ("train", "test")}
    label = {part: rows[part].y.numpy() for part in ("train", "test")}
    codes = {
        "mi_encoder": {part: encoders.codes(index, rows[part].x) for part in columns},
        "random_encoder": {part: untrained(index, rows[part].x) for part in columns},
        "linear_regression": columns,
    }
    project = probes.pca(columns["train"], config.representation.dim)
    codes["pca"] = {part: project(x) for part, x in columns.items()}
    # What z = f(x) shares with x is infinite where x is continuous and no noise is added to z.
    truth = {} if config.representation.noise else {"true_mi": float("inf")}
    found: dict[str, dict[str, Any]] = {"mi_encoder": estimate_fields(estimate) | truth}
    for method, code in codes.items():
        start = time.perf_counter()
        if method == "mi_encoder" and estimate.status != "ok":
            continue
        error = probes.mse(probes.linear_regression(code["train"], label["train"]), code["test"], label["test"])
        found.setdefault(method, {"status": "ok"})["test_mse"] = error
        if method != "mi_encoder":
            found[method]["seconds"] = time.perf_counter() - start
    return found
