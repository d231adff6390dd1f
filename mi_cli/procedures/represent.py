"""Learn representations of a table from all of its rows, and compare what they are worth where few rows have labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError

from mi_cli import procedures, representations
from mi_cli.datasets.labelled_table import LabelledTable
from mi_cli.errors import ConfigError, Fault, counted, plain
from mi_cli.estimators.variational import Variational
from mi_cli.fields import Affects
from mi_cli.lazy import np
from mi_cli.procedures.base import Cost, KeepsEncoder, Outcome, group, stack_key
from mi_cli.registry.lookup import names, section_class
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.sweep import Trial
from mi_cli.schema.validation_errors import validation_faults
from mi_cli.tabular.columns import class_names
from mi_cli.training.context import Context

if TYPE_CHECKING:
    from mi_cli.representations.objectives.base import Objective

__all__ = ["FEWEST_LABELS", "Represent", "objectives"]

FEWEST_LABELS = 4
FEWEST_OF_CLASS = 3  # rows: one to fit, one to choose among candidates, and one to test
_LABEL_SHARE = 0.8  # steps that stand for what is fitted to labels, for each step of encoders and critics
_KEY = "representation.objectives"


class Represent(KeepsEncoder):
    """Compare representations that are learned from all rows of a table, where some of the rows show their label.

    Every method predicts the labels of the same test rows, and learns from the labels of the same ``split.labels``
    rows. Encoders see training rows without labels. Candidates of each method, as many of each, are chosen among by
    validation labels, which are taken out of the labels that are shown.
    """

    name = "represent"
    ignores: ClassVar[tuple[str, ...]] = ("time", "selection")
    least_rows: ClassVar[Mapping[str, int]] = {"train": 8, "val": 2, "test": 5}
    shares: ClassVar[Mapping[str, float]] = {"train": 0.6, "val": 0.15, "labelled": 0.0, "test": 0.25}
    hides_labels: ClassVar[bool] = True

    def faults(self, config: Config) -> list[Fault]:
        """Objectives that do not exist or do not fit, no critic for the MI, and too few labels or rows of a class."""
        faults = []
        if not isinstance(config.estimator, Variational):
            problem = "trains no critic, and the MI of codes is that of one"
            faults.append(Fault("estimator.name", config.estimator.name, problem, command="estimator=infonce"))
        try:
            chosen = objectives(config)
        except ConfigError as error:
            return [*faults, *error.faults]
        columns = _column_names(config)
        faults += [fault for objective in chosen.values() for fault in objective.faults(columns)]
        n = config.rows["train"] + config.rows["val"]
        labels = config.split.labels
        if (shown := round(labels * n) if labels <= 1 else labels) < FEWEST_LABELS:
            problem = f"makes {shown:g} of {n} rows show their label"
            faults.append(
                Fault("split.labels", plain(labels), problem, f"a share or number of at least {FEWEST_LABELS}")
            )
        return [*faults, *_rare_classes(config)]

    def signature(self, config: Config) -> str:
        """Equal for trials that can be trained as one stack, whatever their number of labels."""
        return stack_key(config)

    def training_key(self, config: Config) -> str:
        """Equal for trials that differ in their number of labels only: they share encoders."""
        values = config.model_dump(mode="json", exclude=excluding(Affects.NOTHING))
        del values["split"]["labels"]
        return str(values)

    def trained_method(self, config: Config) -> str:
        """The first encoder."""
        return next(iter(objectives(config)))

    def cost(self, config: Config) -> Cost:
        """The cost of an encoder for each objective, and of a critic for each code."""
        net = representations.encoder_net(config.dataset.dim_x, procedures.represented.encoder_shape(config))
        floats = sum(shape[0] for shape in net.shapes if shape)
        multiplications = sum(map(math.prod, net.shapes))
        rows = config.training.batch_of(config.rows["train"])
        steps = _training_steps(config)
        return Cost(steps + round(_LABEL_SHARE * steps), 2 * 3 * rows * multiplications, 2 * 4 * rows * floats)

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials as one stack of encoders for each objective, and one of critics."""
        shared = group(trials, self.training_key)
        config, chosen = trials[0].config, objectives(trials[0].config)
        with context.clock("data"):
            tables = [procedures.represented.encoded_table(members[0].config) for members in shared]
        procedures.represented.represent(tables, chosen, context)
        estimates = procedures.represented.information(tables, context)
        of_trial = [
            (trial, procedures.label_comparison.Case(table, of_codes, trial.config.split.labels))
            for members, table, of_codes in zip(shared, tables, estimates, strict=True)
            for trial in members
        ]
        steps = round(_LABEL_SHARE * _training_steps(config)) * len(tables)
        compared = procedures.label_comparison.compare([case for _, case in of_trial], context, steps)
        outcomes = [
            Outcome(trial, methods, case.table.history)
            for (trial, case), methods in zip(of_trial, compared, strict=True)
        ]
        return sorted(outcomes, key=lambda outcome: outcome.trial.index)

    def keep(self, trial: Trial, method: str, folder: Path, context: Context) -> str:
        """Keep the encoder of an objective, trained once more on all rows; those of ``val`` choose its checkpoint."""
        objective = objectives(trial.config)[method]
        return procedures.represented.keep_encoder(trial.config, objective, folder, trial.fingerprint, context)


def objectives(config: Config) -> dict[str, Objective]:
    """What encoders are trained for, by the names that their methods have in results.

    A second objective of the same name is called ``two_view_2``, and so on.

    Raises:
        ConfigError: there is no such objective, or it does not have such settings.
    """
    chosen: dict[str, Objective] = {}
    for entry in config.representation.objectives:
        fields = {"name": entry} if isinstance(entry, str) else dict(entry)
        name = str(fields.get("name"))
        same = sum(other.name == name for other in chosen.values())
        chosen[f"{name}_{same + 1}" if same else name] = _objective(name, fields)
    if not chosen:
        raise ConfigError(Fault(_KEY, [], "is empty", "one objective or more"))
    return chosen


def _objective(name: str, fields: Mapping[str, Any]) -> Objective:
    cls: Any = section_class("objective", name)
    if cls is None or not _is_chosen(cls):
        problem = "no such objective" if cls is None else "is compared in any case"
        accepted = [other for other in names("objective") if _is_chosen(section_class("objective", other))]
        raise ConfigError(Fault(_KEY, name, problem, ", ".join(accepted)))
    try:
        objective: Objective = cls.model_validate(fields)
    except ValidationError as error:
        faults = validation_faults(error, cls, fields, lambda key, value: None)
        raise ConfigError(*(replace(fault, key=f"{_KEY}.{name}.{fault.key}") for fault in faults)) from None
    return objective


def _is_chosen(cls: Any) -> bool:
    """Whether a config chooses an objective: untrained and supervised networks are compared in any case."""
    return bool(cls.trains and not cls.learns_from_labels)


def _training_steps(config: Config) -> int:
    """Steps of the encoders and critics of one trial."""
    n = len(objectives(config))
    critics = n + len(procedures.represented.OTHER_CODES) if config.representation.noise else 0
    return config.training.steps * (n + critics)


def _rare_classes(config: Config) -> list[Fault]:
    """A fault for each label that has a class of too few rows."""
    if not isinstance(config.dataset, LabelledTable) or not config.dataset.table.of_classes:
        return []
    table = config.dataset.table
    faults = []
    for label in table.labels:
        column = table.columns[label.name]
        values, counts = np.unique(column.values[table.labelled], return_counts=True)
        least = int(counts.argmin())
        if counts[least] < FEWEST_OF_CLASS:
            (name,) = class_names(values[[least]], column.labels)
            problem = f"has the class {name} in {counted(int(counts[least]), 'row')}"
            accepted = f"classes of at least {FEWEST_OF_CLASS} rows each (leave out or join rarer ones)"
            faults.append(Fault("dataset.label", label.name, problem, accepted))
    return faults


def _column_names(config: Config) -> tuple[str, ...]:
    if isinstance(config.dataset, LabelledTable):
        return config.dataset.table.x_names
    return tuple(f"x_{number}" for number in range(config.dataset.dim_x))
