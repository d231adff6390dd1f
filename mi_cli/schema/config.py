"""What a config may say: its sections, the types and ranges of their values, and what must fit together.

A dataset or an estimator is a section of its own, whose class is found by its ``name``: in a registry or in another
package. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SerializeAsAny, ValidationError

from mi_cli.analysis.claims import Claim
from mi_cli.analysis.tables import TABLES
from mi_cli.datasets.base import Dataset
from mi_cli.datasets.distortions import Noise, Shift
from mi_cli.errors import ConfigError, Fault, closest, counted, listed, plain, shown
from mi_cli.estimators.base import Estimator
from mi_cli.fields import Affects, Count, Natural, Number, Positive, Rule, Section, Switch
from mi_cli.registry import plugins
from mi_cli.registry.builtin import POINTWISE_PLOTS
from mi_cli.registry.extras import TRACKERS
from mi_cli.registry.lookup import check_name, names, procedure_class, section_class
from mi_cli.registry.plugins import REGISTRIES
from mi_cli.schema.search_space import Search
from mi_cli.schema.validation_errors import validation_faults
from mi_cli.selection.settings import Selection
from mi_cli.training.settings import Evaluation, Representation, Split, Time, Training

__all__ = ["Budget", "Config", "ConfigError", "UnfitError", "fitting", "parse", "validate"]


class UnfitError(ConfigError):
    """Only the estimator does not fit the dataset, and the config says that such a trial is left out."""


class Budget(Section):
    """How much of an experiment is run. A resolved config has been scaled, and its factors are 1.

    Attributes:
        name: of the option that was chosen.
        steps: factor on training steps and on the points of a search.
        samples: factor on numbers of rows.
        seeds: how many of the seeds of the sweep are kept; null keeps all.
    """

    name: str = "full"
    steps: Annotated[Number, Field(gt=0, le=1)] = 1.0
    samples: Annotated[Number, Field(gt=0, le=1)] = 1.0
    seeds: Count | None = None


def _names(section: str) -> list[str]:
    return sorted([*REGISTRIES[section], *plugins.names(section)])


@dataclass(frozen=True)
class _Registered:
    """Describes in a fault which sections are accepted.

    The names are looked up when a fault is worded and not before, since that asks other packages for theirs.
    """

    section: str

    @property
    def description(self) -> str:
        """What is accepted, as prose."""
        return f"a section whose name is {listed(_names(self.section))}"


def _from_registry(section: str) -> tuple[BeforeValidator, _Registered]:
    def build(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        name = value.get("name")
        chosen = None if name is None else section_class(section, name)
        if chosen is None:
            raise ConfigError(_not_an_option(section, name))
        return chosen.model_validate(dict(value))

    return BeforeValidator(build), _Registered(section)


def _not_an_option(section: str, name: Any) -> Fault:
    """The fault of a section without a name, or with one that it does not have."""
    key, accepted = f"{section}.name", ", ".join(_names(section))
    if name is None:
        return Fault(key, problem="is missing", accepted=accepted)
    other = next((other for other in REGISTRIES if name in _names(other)), None)
    if other is not None:
        return Fault(key, name, f"no such {section}, but a {other}", accepted, f"{other}={name}")
    meant = closest(str(name), _names(section))
    return Fault(key, name, f"no such {section}", accepted, "" if meant is None else f"{section}={meant}")


@dataclass(frozen=True)
class _Name:
    """Describes in a fault which names of a kind are accepted; like ``_Registered``, it looks them up only then."""

    kind: str

    @property
    def description(self) -> str:
        """What is accepted, as prose."""
        return listed(names(self.kind))


def _name_of(kind: str) -> tuple[AfterValidator, _Name]:
    """What the field of a procedure's or a plot's name is annotated with: it must be a name of the registry."""

    def check(name: str) -> str:
        if not plugins.is_known(kind, name):
            raise ConfigError(Fault("", accepted=listed(names(kind))))
        check_name(kind, name)
        return name

    return AfterValidator(check), _Name(kind)


def _chosen(section: str, value: Any) -> type[BaseModel] | None:
    """The class of a section by its ``name``; None where it has none, or where its class is always the same."""
    name = value.get("name") if isinstance(value, Mapping) and section in REGISTRIES else None
    return None if name is None else section_class(section, name)


_Threads = Annotated[Count, Field(le=1024)] | Literal["auto"]


class Config(Section):
    """A whole config: of a run where ``sweep`` has axes, of a trial where it has none.

    Each field says what its setting affects (``Affects``), and what else holds for it (``Rule``).
    """

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
            description="up to 100 letters, digits, dots, dashes and underscores (it names a folder)",
        ),
        Affects.NOTHING,
    ] = "custom"
    summary: Annotated[str, Affects.NOTHING, Rule.NOT_COMPARED] = ""
    questions: Annotated[dict[str, str], Affects.NOTHING, Rule.NOT_COMPARED] = Field(default_factory=dict)
    procedure: Annotated[str, *_name_of("procedure"), Rule.NO_AXIS] = "estimate"
    seed: Annotated[Natural, Field(le=2**32 - 1), Affects.NUMBERS] = 0
    estimator: Annotated[SerializeAsAny[Estimator], *_from_registry("estimator")]
    dataset: Annotated[SerializeAsAny[Dataset], *_from_registry("dataset"), Affects.NUMBERS]
    noise: Annotated[Noise, Affects.NUMBERS] = Noise()
    shift: Annotated[Shift, Affects.NUMBERS] = Shift()
    representation: Representation = Representation()
    training: Training = Training()
    split: Annotated[Split, Affects.NUMBERS] = Split()
    fit: Literal["split", "crossfit"] = "split"
    folds: Annotated[Count, Field(ge=2, le=100)] = 5
    evaluation: Evaluation = Evaluation()
    time: Time = Time()
    selection: Selection = Selection()
    budget: Annotated[Budget, Affects.NOTHING] = Budget()
    variant: Annotated[Literal["corrected", "published"], Affects.NUMBERS, Rule.NO_AXIS] = "corrected"
    claims: Annotated[tuple[Claim, ...], Affects.NOTHING] = ()
    plots: Annotated[tuple[Annotated[str, *_name_of("plot")], ...], Affects.NOTHING] = ()
    tables: Annotated[tuple[Literal[*TABLES], ...], Affects.NOTHING] = ()  # type: ignore[valid-type]
    sweep: Annotated[dict[str, Any], Affects.NOTHING] = Field(default_factory=dict)
    leave_out_unfit: Annotated[Switch, Affects.NOTHING] = False
    search: Annotated[Search, Affects.NOTHING] = Field(default_factory=Search)  # a default is copied for each config
    units: Annotated[Literal["nats", "bits"], Affects.NOTHING, Rule.NOT_COMPARED] = "nats"
    verbose: Annotated[Switch, Affects.NOTHING, Rule.RESUME | Rule.AGAIN | Rule.NOT_COMPARED] = False
    progress: Annotated[
        Literal["auto", "bar", "lines", "none"], Affects.NOTHING, Rule.RESUME | Rule.AGAIN | Rule.NOT_COMPARED
    ] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Affects.NOTHING, Rule.RESUME | Rule.AGAIN] = "auto"
    threads: Annotated[_Threads, Affects.NOTHING, Rule.RESUME | Rule.AGAIN] = "auto"
    output_root: Annotated[
        str,
        Field(pattern=r"\S", description="a folder"),
        Affects.NOTHING,
        Rule.RESUME | Rule.AGAIN | Rule.NOT_COMPARED,
    ] = "outputs"
    tracker: Annotated[Literal[*TRACKERS] | None, Affects.NOTHING, Rule.NOT_COMPARED] = None  # type: ignore[valid-type]
    plan: Annotated[Switch, Affects.NOTHING, Rule.RESUME | Rule.NOT_COMPARED] = False
    trust: Annotated[Switch, Affects.NOTHING, Rule.AGAIN | Rule.NOT_COMPARED] = False
    reuse: Annotated[Switch, Affects.NOTHING, Rule.NOT_COMPARED] = True
    force: Annotated[Switch, Affects.NOTHING, Rule.NOT_COMPARED] = False
    trial_timeout: Annotated[Positive | None, Affects.NOTHING, Rule.RESUME | Rule.NOT_COMPARED] = None
    checkpoint_every: Annotated[Positive, Affects.NOTHING, Rule.RESUME | Rule.NOT_COMPARED] = 30
    shards: Annotated[Count, Field(le=1000), Affects.NOTHING, Rule.RESUME | Rule.NOT_COMPARED] = 1
    shard: Annotated[Natural | None, Affects.NOTHING, Rule.NOT_COMPARED] = None

    @property
    def computed_by(self) -> list[tuple[str, str]]:
        """What a trial's numbers come from, each as ``(kind, name)``."""
        sections = [(section, getattr(self, section).name) for section in REGISTRIES]
        entries = self.representation.objectives
        objectives = [str(entry if isinstance(entry, str) else entry.get("name")) for entry in entries]
        of_encoders = [("encoder", self.representation.name), *(("objective", name) for name in objectives)]
        return [*sections, ("procedure", self.procedure), *of_encoders]

    @property
    def _procedure(self) -> Any:
        """The class of the procedure, which extends ``mi_cli.procedures.base.Procedure``."""
        return procedure_class(self.procedure)

    @property
    def figures(self) -> tuple[str, ...]:
        """The plots that a run draws: ``plots``, and with ``evaluation.pointwise`` those of pointwise MI."""
        more = POINTWISE_PLOTS if self.evaluation.pointwise else ()
        return tuple(dict.fromkeys((*self.plots, *more)))

    @property
    def notes(self) -> list[str]:
        """What the user should know of the data, which is opened, and of the estimator on it."""
        return [*self.dataset.describe().get("notes", ()), *self.estimator.notes(self.dataset)]

    @property
    def rows(self) -> dict[str, int]:
        """The number of rows of each part of the data."""
        return self.split.counts(self.dataset.n_samples)

    def opened(self) -> Config:
        """This config with the file of its dataset opened, if the dataset has one.

        Raises:
            ConfigError: the file cannot be read, or lacks what the dataset asks for.
        """
        dataset = self.dataset.opened()
        return self if dataset is self.dataset else self.model_copy(update={"dataset": dataset})

    def faults(self) -> list[Fault]:
        """What does not fit together: splits, folds, groups and estimator against the data, which is opened."""
        if (needs := self._needs_rows()) is not None:  # what is said of parts and folds would follow from it
            return [Fault("dataset.n_samples", None, f"{needs} needs a number of rows", "a whole number, such as 5000")]
        return [
            *self._data_faults(),
            *self._fold_faults(),
            *self._training_faults(),
            *self._procedure_faults(),
            *self._shard_faults(),
        ]

    def _shard_faults(self) -> list[Fault]:
        if self.shard is None or self.shard < self.shards:
            return []
        problem = f"there are {counted(self.shards, 'shard')}, numbered from 0"
        return [Fault("shard", self.shard, problem, "null (mi-run numbers the jobs of shards itself)")]

    def _data_faults(self) -> list[Fault]:
        n, rows = self.dataset.n_samples, self.rows
        if self.dataset.finite and (added := self._added_rows()):
            return added
        if n is None:
            rows = rows | {"train": 2}  # drawn while training
        needed = dict(self._procedure.least_rows)
        if self.estimator.validates and (self.training.checkpoint == "best" or self.training.patience):
            needed["val"] = 2
        source = "" if n is None else f" of dataset.n_samples={n}"
        accepted = "a number of rows, at least" if n is None else "a share or number that makes at least"
        return [
            Fault(
                f"split.{part}",
                plain(getattr(self.split, part)),
                f"makes {counted(rows[part], 'row')}{source}",
                f"{accepted} {least}",
            )
            for part, least in needed.items()
            if rows[part] < least
        ]

    def _added_rows(self) -> list[Fault]:
        """Parts that would be drawn in addition to a data set that has no other rows."""
        return [
            Fault(
                f"split.{part}",
                plain(getattr(self.split, part)),
                f"is a number of further rows, and dataset.name={self.dataset.name} has none",
                "a share, up to 1" if most else "0",
                f"split.{part}={self._procedure.shares[part]:g}" if most else "",
            )
            for part, most in {"train": 1, "val": 1, "labelled": 1, "test": 1, "fresh": 0}.items()
            if getattr(self.split, part) > most
        ]

    def _needs_rows(self) -> str | None:
        """What cannot work on rows that are drawn at every training step, if such rows are asked for."""
        if self.dataset.n_samples is not None:
            return None
        if self.fit == "crossfit" and self._procedure.crossfits:
            return "fit=crossfit"
        if not self._procedure.draws_fresh_rows:
            return f"procedure={self.procedure}"
        if self.dataset.dim_z:
            return f"dataset.name={self.dataset.name}, which has a z,"
        return None if self.estimator.trains_on_fresh_rows else f"estimator={self.estimator.name}"

    def _fold_faults(self) -> list[Fault]:
        if self.fit == "split" or not self.estimator.holds_out:
            return []
        if not self._procedure.crossfits:
            return [Fault("fit", self.fit, f"procedure={self.procedure} does not cross-fit", "split")]
        groups = self.dataset.describe().get("groups") if self.dataset.finite else None
        if groups and groups["number"] < self.folds + 2:  # besides a fold, one to validate and one to train
            has = f"dataset.groups={shown(groups['column'])} has {counted(groups['number'], 'group')}"
            problem = f"{has}, and no group is cut"
            fewer = ", or fewer folds (at least 2)" if self.folds > 2 else ""
            accepted = f"{self.folds + 2} groups or more{fewer}"
            return [Fault("folds", self.folds, problem, accepted)]
        n = sum(self.rows[part] for part in ("train", "val", "test"))
        if self.training.carry and n % self.folds:
            problem = f"does not divide {counted(n, 'row')}, and training.carry={self.training.carry} needs equal folds"
            return [Fault("folds", self.folds, problem, "another number of folds or rows")]
        if n // self.folds < 2 or n - (n + self.folds - 1) // self.folds - self.rows["val"] < 2:
            problem = (
                f"{counted(n, 'row')}, {self.rows['val']} of them for validation, leave a fold with fewer than 2 to "
                "train or to test"
            )
            return [Fault("folds", self.folds, problem, "fewer folds or more rows")]
        return []

    def _training_faults(self) -> list[Fault]:
        faults: list[Fault] = []
        batch = self.training.batch
        if self.dataset.n_samples is None and batch == "full":
            problem = "rows are drawn at every training step (dataset.n_samples=null)"
            faults.append(Fault("training.batch", batch, problem, "a number of rows"))
        if batch != "full" and batch < 2:
            problem = "a single row cannot be paired with another one"
            faults.append(Fault("training.batch", batch, problem, "a number of rows, at least 2, or full"))
        if self.training.carry and self.dataset.dim_z and self.estimator.holds_out:
            problem = "critics given z train anew at every value"
            faults.append(Fault("training.carry", self.training.carry, problem, "null"))
        return [*faults, *self.estimator.faults(self.training), *self.estimator.refusals(self.dataset)]

    def _procedure_faults(self) -> list[Fault]:
        faults = []
        if self.shift.moves and not self._procedure.shifts:
            problem = f"moves unlabelled rows, which procedure={self.procedure} does not have"
            faults.append(Fault("shift.name", self.shift.name, problem, command="shift=none"))
        if self.training.carry and not self._procedure.carries:
            problem = f"procedure={self.procedure} carries no model along an axis"
            faults.append(Fault("training.carry", self.training.carry, problem, "null"))
        if getattr(self.estimator, "keep", False) and not self._procedure.keeps_critics:
            problem = f"procedure={self.procedure} keeps no critics"
            faults.append(Fault("estimator.keep", True, problem, "false"))
        if self.evaluation.pointwise and not self._procedure.keeps_pointwise:
            problem = f"procedure={self.procedure} keeps no pointwise MI"
            faults.append(Fault("evaluation.pointwise", True, problem, "false"))
        if self.dataset.dim_z and not self._procedure.takes_z:
            problem = f"takes no z, and dataset.name={self.dataset.name} has one"
            faults.append(Fault("procedure", self.procedure, problem, "estimate"))
        if self.split.labels != 1 and not self._procedure.hides_labels:
            problem = f"procedure={self.procedure} hides no labels"
            faults.append(Fault("split.labels", plain(self.split.labels), problem, "1.0"))
        if self.evaluation.last_steps and not self._procedure.reports_last_steps:
            problem = f"procedure={self.procedure} does not report training values"
            faults.append(Fault("evaluation.last_steps", self.evaluation.last_steps, problem, "0"))
        return [*faults, *self._procedure().faults(self)]


def parse(values: Mapping[str, Any]) -> Config:
    """The config that plain ``values`` describe, with the types and ranges of all values checked. It touches no file.

    Raises:
        ConfigError: all faults of the values.
    """
    try:
        return Config.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(*validation_faults(error, Config, values, _chosen)) from None


def fitting(config: Config) -> Config:
    """A parsed config with the file of its dataset opened, and its settings checked against the data.

    Raises:
        UnfitError: ``leave_out_unfit`` is true, and all faults say that the estimator cannot take the data.
        ConfigError: the file cannot be read, or some settings do not fit together.
    """
    config = config.opened()
    if faults := config.faults():
        is_unfit = config.leave_out_unfit and faults == config.estimator.refusals(config.dataset)
        raise (UnfitError if is_unfit else ConfigError)(*faults)
    return config


def validate(values: Mapping[str, Any]) -> Config:
    """The config that plain ``values`` describe: parsed, then checked against its data.

    Raises:
        UnfitError: ``leave_out_unfit`` is true, and all faults say that the estimator cannot take the data.
        ConfigError: all faults of the values or, where these have none, all faults of :func:`fitting`.
    """
    return fitting(parse(values))
