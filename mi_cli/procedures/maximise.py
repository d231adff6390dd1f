"""Train encoders by MI maximisation, and probe their codes beside those of PCA and of untrained encoders."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mi_cli import procedures
from mi_cli.problems import Estimate, Rows
from mi_cli.procedures.base import Outcome, estimate_fields
from mi_cli.procedures.encoding import ENCODER, EncoderProcedure
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

if TYPE_CHECKING:
    from mi_cli.procedures.encoders import Encoders, Networks

__all__ = ["Maximise"]


class Maximise(EncoderProcedure):
    """Train encoders by maximising a bound on I(x; z), and report how well the label is predicted from their codes.

    Linear regressions from the codes of the encoder, of an untrained encoder and of PCA, and from x itself, are fitted
    to the labels of all training rows.
    """

    name = "maximise"
    ignores: ClassVar[tuple[str, ...]] = ("time", "selection")

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials as one stack of encoders."""
        configs = [trial.config for trial in trials]
        with context.clock("data"):
            rows = [procedures.splits.encoder_rows(config) for config in configs]
        encoders = procedures.encoders.train_encoders(configs, rows, context)
        estimates = procedures.encoders.independent_estimates(configs, rows, encoders, context)
        untrained = procedures.encoders.random_encoders(configs)
        outcomes = []
        with context.clock("evaluation"):
            for index, trial in enumerate(trials):
                context.check()
                methods = _probed(trial.config, rows[index], encoders, untrained, index, estimates[index])
                outcomes.append(Outcome(trial, methods, encoders.estimates[index].history))
        return outcomes


def _probed(
    config: Config, rows: Mapping[str, Rows], encoders: Encoders, untrained: Networks, index: int, estimate: Estimate
) -> dict[str, dict[str, Any]]:
    """The test error of linear regression, fitted to the training rows, from each kind of code."""
    columns = {part: rows[part].x.numpy() for part in ("train", "test")}
    label = {part: rows[part].y.numpy() for part in ("train", "test")}
    codes = {
        ENCODER: {part: encoders.codes(index, rows[part].x) for part in columns},
        "random_encoder": {part: untrained(index, rows[part].x) for part in columns},
        "linear_regression": columns,
    }
    project = procedures.probes.pca(columns["train"], config.representation.dim)
    codes["pca"] = {part: project(x) for part, x in columns.items()}
    # What z = f(x) shares with x is infinite where x is continuous and no noise is added to z.
    truth = {} if config.representation.noise else {"true_mi": float("inf")}
    methods: dict[str, dict[str, Any]] = {ENCODER: estimate_fields(estimate) | truth}
    for method, code in codes.items():
        start = time.perf_counter()
        if method == ENCODER and estimate.status != "ok":
            continue
        predict = procedures.probes.linear_regression(code["train"], label["train"])
        error = procedures.probes.mse(predict, code["test"], label["test"])
        methods.setdefault(method, {"status": "ok"})["test_mse"] = error
        if (r2 := procedures.probes.r2(error, label["test"])) is not None:
            methods[method]["test_r2"] = r2
        if method != ENCODER:
            methods[method]["seconds"] = time.perf_counter() - start
    return methods
