"""The base class of procedures that train an encoder of x."""

from __future__ import annotations

from typing import ClassVar

from mi_cli import procedures
from mi_cli.errors import Fault
from mi_cli.estimators.variational import Variational
from mi_cli.procedures.base import Cost, Procedure
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.registry.lookup import load
from mi_cli.schema.config import Config
from mi_cli.schema.search_space import Objective

__all__ = ["ENCODER", "EncoderProcedure"]

ENCODER = "mi_encoder"  # the method that is trained, beside those that it is compared with


class EncoderProcedure(Procedure):
    """A procedure that trains encoders x → z, jointly with a critic, and predicts the label y from z."""

    objectives: ClassVar[tuple[Objective, ...]] = ("val_mi", "val_mse")

    def faults(self, config: Config) -> list[Fault]:
        """An estimator that cannot train an encoder, and a code with more columns than PCA can have."""
        faults = []
        if not config.estimator.maximises:
            able = sorted(name for name, path in ESTIMATORS.items() if load(path).maximises)
            name = config.estimator.name
            faults.append(Fault("estimator.name", name, "cannot train an encoder", ", ".join(able)))
        if config.representation.name != "mlp":
            problem = "is another package's, which procedure=represent takes"
            faults.append(Fault("representation.name", config.representation.name, problem, "mlp"))
        dim, columns, rows = config.representation.dim, config.dataset.dim_x, config.rows["train"]
        limit = min(columns, rows)
        if dim > limit > 0:  # too few rows are a fault of their own
            problem = f"PCA of {columns} columns and {rows} rows has fewer components"
            faults.append(Fault("representation.dim", dim, problem, f"1 to {limit}"))
        return faults

    def trained_method(self, config: Config) -> str:
        """The encoder."""
        del config
        return ENCODER

    def cost(self, config: Config) -> Cost:
        """The cost of an encoder with its critic, and of a second critic where that is trained independently."""
        assert isinstance(config.estimator, Variational)  # noqa: S101 (faults refuses others)
        rows = config.training.batch_of(config.rows["train"])
        encoder = procedures.encoders.encoder_net(config)
        dims = config.dataset.dim_x, config.representation.dim
        multiply_adds, memory = config.estimator.cost(dims, config.training, rows)
        steps = config.training.steps * (2 if config.representation.critic == "independent" else 1)
        return Cost(steps, 3 * rows * encoder.multiplications + multiply_adds, 4 * rows * encoder.floats + memory)
