"""The contracts of procedures: outcomes that depend on the trial alone, and costs that runs are planned by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mi_cli.procedures.base import Outcome, Part, Procedure
from mi_cli.registry.lookup import procedure_class
from mi_cli.schema.config import Config, validate
from mi_cli.schema.sweep import Trial, expand
from mi_cli.testing.checks import Check, checks, described, expect, module_is_light, pickled_and_back, run_all
from mi_cli.training.context import Context
from mi_cli.training.threads import one_thread

__all__ = ["check_procedure", "procedure_checks"]

SEEDS = (0, 1, 2)
SETTINGS: dict[str, Any] = {  # small, with rows of every kind
    "dataset": {"name": "polynomial_differences", "terms": 4, "n_samples": 400},
    "estimator": {"name": "dv", "critic": "concat", "hidden": [8], "product": "derangement"},
    "representation": {"dim": 2, "hidden": [6]},
    "training": {"steps": 20, "batch": "full", "validate_every": 10},
    "split": {"train": 0.7, "val": 0.1, "labelled": 0.1, "test": 0.1},
}
STATUSES = ("ok", "diverged", "failed")


def check_procedure(cls: type[Procedure], settings: Mapping[str, Any] | None = None) -> None:
    """Check that a procedure keeps the contracts of :class:`~mi_cli.procedures.base.Procedure`.

    Three trials that differ in their seeds are run on 400 rows: together, alone, twice, and in parts if the procedure
    has any. Their outcomes must be the same, bit for bit, in the order of the trials, and of values that results can
    hold. Costs must be above 0. The module must not import torch. Checking takes a few seconds.

    Args:
        cls: the class. Its package must be installed, so that a config can choose it by its name.
        settings: sections of a config in place of those that the trials have here.

    Raises:
        AssertionError: a contract is broken. The message names it.
    """
    run_all(procedure_checks(cls, settings))


def procedure_checks(cls: type[Procedure], settings: Mapping[str, Any] | None = None) -> list[Check]:
    """The checks of :func:`check_procedure` one by one, for ``pytest.mark.parametrize``."""
    return checks(_Case(cls, dict(settings or {})), CONTRACTS)


@dataclass(frozen=True)
class _Case:
    """A procedure's class, its settings, and the outcomes of its trials, made when a contract asks for them."""

    cls: type[Procedure]
    settings: dict[str, Any]
    _outcomes: list[Outcome] = field(default_factory=list, repr=False)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.cls.__name__ + described(self.settings)

    @cached_property
    def made(self) -> Procedure:
        """The procedure."""
        return self.cls()

    @cached_property
    def trials(self) -> list[Trial]:
        """Trials that differ in their seeds."""
        values = SETTINGS | {"procedure": self.cls.name, "seed": 0} | self.settings
        return expand(values | {"sweep": {"seed": list(SEEDS)}})

    @property
    def configs(self) -> list[Config]:
        """Those of the trials."""
        return [trial.config for trial in self.trials]

    @property
    def outcomes(self) -> list[Outcome]:
        """Those of all trials, run as one stack."""
        if not self._outcomes:
            self._outcomes.extend(self.run(self.trials, 0))
        return self._outcomes

    @cached_property
    def alone(self) -> list[Outcome]:
        """Those of all trials, each run by itself."""
        return [outcome for trial in self.trials for outcome in self.run([trial], 1)]

    def run(self, trials: Sequence[Trial], seed: int) -> list[Outcome]:
        """Run trials as one stack, with ``seed`` for the global generators."""
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (which a procedure must not use)
        with one_thread():
            return self.made.run(trials, _context())


def name_is_registered(case: _Case) -> None:
    """A config chooses the class by its name."""
    name = getattr(case.cls, "name", None)
    expect(isinstance(name, str) and name, f"its name is {name!r}; expected: text")
    registered = procedure_class(str(name))
    expect(
        registered is case.cls, f"the name {name} stands for {registered!r}; expected: {case.cls!r}, by an entry point"
    )


def import_is_light(case: _Case) -> None:
    """Configs are validated before torch is imported."""
    module_is_light(case.cls.__module__)


def seeds_share_a_signature_and_not_a_training(case: _Case) -> None:
    """Trials of equal signature are one stack; those of equal training key share one training."""
    one, other, *_ = case.configs
    signatures, again = {case.made.signature(config) for config in case.configs}, case.made.signature(one)
    expect(signatures == {again}, f"signature() is {sorted(signatures)} for three seeds; expected: one text")
    keys = [case.made.training_key(config) for config in (one, validate(one.model_dump(mode="json")), other)]
    expect(keys[0] == keys[1], "training_key() differs for two equal configs")
    expect(keys[0] != keys[2], "training_key() is the same for two seeds")


def cost_is_a_number_of_operations(case: _Case) -> None:
    """Runs are planned, and stacks cut to the memory at hand, by what a trial takes."""
    cost = case.made.cost(case.configs[0])
    expect(min(cost.steps, cost.multiply_adds, cost.bytes) > 0, f"cost() is {cost}; expected: numbers above 0")


def outcomes_are_those_of_the_trials(case: _Case) -> None:
    """One for each trial, in the order of the trials."""
    indices = [outcome.trial.index for outcome in case.outcomes]
    expected = [trial.index for trial in case.trials]
    expect(indices == expected, f"run() returns outcomes of the trials {indices}; expected: {expected}")


def outcomes_hold_results(case: _Case) -> None:
    """Text, numbers, booleans and None; NaN is a status and never a number."""
    for outcome in case.outcomes:
        expect(outcome.methods, "an outcome has no methods; expected: result fields of at least one")
        for method, fields in outcome.methods.items():
            status = fields.get("status")
            expect(status in STATUSES, f"{method} has status {status!r}; expected: one of {', '.join(STATUSES)}")
            for key, value in fields.items():
                plain = value is None or isinstance(value, str | int | float)
                expect(plain, f"{key} of {method} is a {type(value).__name__}; expected: text, a number or None")
                expect(value == value, f"{key} of {method} is NaN; expected: a number or None")
        for name, (steps, values) in outcome.history.items():
            expect(len(steps) == len(values), f"trace {name} has {len(steps)} steps and {len(values)} values")


def trained_method_is_among_the_methods(case: _Case) -> None:
    """A search judges a trial by it."""
    method = case.made.trained_method(case.configs[0])
    methods = list(case.outcomes[0].methods)
    expect(method in methods, f"trained_method() is {method}; expected: one of {', '.join(methods)}")


def outcomes_can_be_pickled(case: _Case) -> None:
    """Workers send them to the run."""
    _expect_same("come back from pickle", pickled_and_back(case.outcomes), case.outcomes)


def results_are_the_same_alone_and_in_a_stack(case: _Case) -> None:
    """A trial's numbers do not depend on its neighbours."""
    _expect_same("differ alone and in a stack", case.alone, case.outcomes)


def same_seed_gives_the_same_results(case: _Case) -> None:
    """All chance comes from the trial's seed.

    It holds if the outcomes alone and in a stack are equal, because the global generators have other seeds for each.
    If they differ, a second run of the stack tells chance from neighbours.
    """
    try:
        results_are_the_same_alone_and_in_a_stack(case)
    except AssertionError:
        _expect_same("differ the second time", case.run(case.trials, 2), case.outcomes)


def parts_make_the_whole(case: _Case) -> None:
    """A trial that is split among workers has the same results."""
    number = min(case.made.max_parts(config) for config in case.configs)
    expect(number >= 1, f"max_parts() is {number}; expected: at least 1")
    if number == 1:  # such a trial is run whole
        return
    with one_thread():
        parts = [case.made.run_part(case.trials, _context(), Part(index, number)) for index in range(number)]
        joined = case.made.join(case.trials, parts)
    _expect_same(f"differ in {number} parts", joined, case.outcomes)


CONTRACTS: tuple[Callable[[_Case], None], ...] = (
    name_is_registered,
    import_is_light,
    seeds_share_a_signature_and_not_a_training,
    cost_is_a_number_of_operations,
    outcomes_are_those_of_the_trials,
    outcomes_hold_results,
    trained_method_is_among_the_methods,
    outcomes_can_be_pickled,
    results_are_the_same_alone_and_in_a_stack,
    same_seed_gives_the_same_results,
    parts_make_the_whole,
)


def _context() -> Context:
    return Context(torch.device("cpu"))


def _expect_same(what: str, outcomes: Sequence[Outcome], expected: Sequence[Outcome]) -> None:
    """Raise AssertionError unless all results are equal, but for the time they took."""
    expect(len(outcomes) == len(expected), f"outcomes {what}: {len(outcomes)} in place of {len(expected)}")
    for one, other in zip(outcomes, expected, strict=True):
        for method, fields in other.methods.items():
            results = one.methods.get(method, {})
            unlike = [key for key in fields if key != "seconds" and results.get(key) != fields[key]]
            seed, shown = other.trial.config.seed, {key: (results.get(key), fields[key]) for key in unlike}
            expect(not unlike, f"results of {method} {what}, with seed {seed}: {shown}")
        expect(one.history.keys() == other.history.keys(), f"traces {what}")
        for name, trace in other.history.items():
            # A fit by LAPACK is equal to its precision.
            near = all(
                np.allclose(*values, rtol=1e-9, atol=1e-15, equal_nan=True)
                for values in zip(one.history[name], trace, strict=True)
            )
            expect(near, f"trace {name} of {other.trial.config.estimator.name} {what}")
