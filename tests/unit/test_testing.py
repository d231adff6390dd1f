"""``mi_cli.testing`` refuses classes that break a contract, and names it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.estimators.gaussian import Gaussian as GaussianEstimator
from mi_cli.lazy import torch
from mi_cli.procedures.estimate import Estimate as EstimateProcedure
from mi_cli.testing import check_dataset, check_estimator, dataset_checks, procedure_checks


class Doubled(GaussianEstimator):
    """Twice the MI."""

    def estimate(self, problems, *more: Any, **named: Any):
        estimates, state = super().estimate(problems, *more, **named)
        return [replace(estimate, value=2 * estimate.value, ci_high=math.inf) for estimate in estimates], state


class Unsure(GaussianEstimator):
    """No standard error."""

    def estimate(self, *more: Any, **named: Any):
        estimates, state = super().estimate(*more, **named)
        return [replace(estimate, stderr=None) for estimate in estimates], state


class Restless(GaussianEstimator):
    """Draws from torch's own generator."""

    def estimate(self, *more: Any, **named: Any):
        estimates, state = super().estimate(*more, **named)
        return [replace(estimate, value=estimate.value + 1e-6 * float(torch.rand(()))) for estimate in estimates], state


class Sociable(GaussianEstimator):
    """Looks at its neighbours."""

    def estimate(self, problems, *more: Any, **named: Any):
        estimates, state = super().estimate(problems, *more, **named)
        return [replace(estimate, value=estimate.value + 1e-9 * len(problems)) for estimate in estimates], state


class Lonely(GaussianEstimator):
    """Estimates the first problem only."""

    def estimate(self, problems, *more: Any, **named: Any):
        return super().estimate(problems[:1], *more, **named)


class Kindless(GaussianEstimator):
    """Does not say what its estimates are."""

    kind: ClassVar[Any] = "guess"


class Broken(GaussianEstimator):
    """Raises."""

    def estimate(self, *more: Any, **named: Any):
        raise KeyError("rows")


class Wordy(GaussianEstimator):
    """Says in words what it cannot do."""

    def unfit(self, dataset):
        return ["not this one"]


class Loose(GaussianEstimator, extra="ignore"):
    """Takes any key."""


class Fluid(GaussianEstimator, frozen=False):
    """Can be changed."""


@pytest.mark.parametrize(
    ("cls", "contract"),
    [
        (Doubled, "estimates of gaussians are near the truth: gives 0.1"),
        (Unsure, "independent rows have no information: its standard error is None"),
        (Restless, "same seed gives the same number"),
        (Sociable, "results are the same alone and in a stack"),
        (Lonely, "independent rows have no information: gives 1 estimates of 4 problems; expected: one of each"),
        (Kindless, "kind is said: its kind is 'guess'; expected: one of lower bound, upper bound, point estimate"),
        (Broken, "independent rows have no information: raises KeyError: 'rows'"),
        (Wordy, "faults are faults: unfit() gives ['not this one'"),
        (Loose, "unknown fields are refused"),
        (Fluid, "objects are immutable"),
    ],
)
def test_estimator_that_breaks_a_contract_is_refused(cls, contract):
    with pytest.raises(AssertionError) as raised:
        check_estimator(cls)
    assert str(raised.value).startswith(f"{cls.__name__}: {contract}")


class Shifted(Gaussian):
    """Claims a nat too much."""

    def true_mi(self, noise=0.0):
        return super().true_mi(noise) + 1


class Wide(Gaussian):
    """Has a column more than it says."""

    def sample(self, n, generator, dtype=None):
        x, y = super().sample(n, generator, dtype)
        return torch.cat([x, x], 1), y


class Ordered(Gaussian):
    """Sorts its rows."""

    def sample(self, n, generator, dtype=None):
        x, y = super().sample(n, generator, dtype)
        order = x[:, 0].argsort()
        return x[order], y[order]


class Global(Gaussian):
    """Draws from torch's own generator."""

    def sample(self, n, generator, dtype=None):
        return super().sample(n, torch.Generator().manual_seed(torch.initial_seed()), dtype)


class Repeating(Gaussian):
    """Draws the same rows again."""

    def sample(self, n, generator, dtype=None):
        return super().sample(n, torch.Generator().manual_seed(generator.initial_seed()), dtype)


@pytest.mark.parametrize(
    ("cls", "contract"),
    [
        (Shifted, "claimed information agrees with nearest neighbours: true_mi(0.0) is 1"),
        (Wide, "rows have their shapes and type: x of 0 rows has shape (0, 2); expected: (0, 1)"),
        (Ordered, "rows are independent and in no order: rows 1 apart have a correlation of 0.99"),
        (Global, "generator is the only source of chance"),
        (Repeating, "drawing goes on where it ended"),
    ],
)
def test_dataset_that_breaks_a_contract_is_refused(cls, contract):
    with pytest.raises(AssertionError) as raised:
        check_dataset(cls)
    assert str(raised.value).startswith(f"{cls.__name__}: {contract}")


class Unregistered(EstimateProcedure):
    """Another class of that name."""


class Backwards(EstimateProcedure):
    """Returns the last trial's outcome first."""

    def run(self, trials, context):
        return super().run(trials, context)[::-1]


class NotANumber(EstimateProcedure):
    """Has NaN for a result."""

    def run(self, trials, context):
        return [with_estimate(outcome, lambda value: math.nan) for outcome in super().run(trials, context)]


class Crowded(EstimateProcedure):
    """Looks at the other trials."""

    def run(self, trials, context):
        n = len(trials)
        return [with_estimate(outcome, lambda value: value + 1e-9 * n) for outcome in super().run(trials, context)]


class Unseeded(EstimateProcedure):
    """Draws from torch's own generator."""

    def run(self, trials, context):
        drawn = float(torch.rand(()))
        return [with_estimate(outcome, lambda value: value + drawn) for outcome in super().run(trials, context)]


class Free(EstimateProcedure):
    """Says that it costs nothing."""

    def cost(self, config):
        return replace(super().cost(config), steps=0)


class Twin(EstimateProcedure):
    """Takes trials of all seeds for one training."""

    def training_key(self, config):
        return "one"


def with_estimate(outcome, change):
    methods = {name: fields | {"estimate": change(fields["estimate"])} for name, fields in outcome.methods.items()}
    return replace(outcome, methods=methods)


@pytest.mark.parametrize(
    ("cls", "contract"),
    [
        (
            Unregistered,
            "name is registered: the name estimate stands for <class 'mi_cli.procedures.estimate.Estimate'>",
        ),
        (Backwards, "outcomes are those of the trials: run() returns outcomes of the trials [2, 1, 0]"),
        (NotANumber, "outcomes hold results: estimate of dv is NaN"),
        (Crowded, "results are the same alone and in a stack: results of dv differ alone and in a stack, with seed 0"),
        (Unseeded, "same seed gives the same results: results of dv differ the second time, with seed 0"),
        (Free, "cost is a number of operations: cost() is Cost(steps=0"),
        (Twin, "seeds share a signature and not a training: training_key() is the same for two seeds"),
    ],
)
def test_procedure_that_breaks_a_contract_is_refused(cls, contract):
    (check,) = [check for check in procedure_checks(cls) if check.contract == contract.partition(":")[0]]
    with pytest.raises(AssertionError) as raised:
        check()
    assert str(raised.value).startswith(f"{cls.__name__}: {contract}")


def test_checks_are_named_by_class_fields_and_contract():
    names = [str(check) for check in dataset_checks(Gaussian, {"rho": 0.5})]
    assert "Gaussian(rho=0.5): drawing goes on where it ended" in names
    assert len(set(names)) == len(names)


def test_module_that_imports_torch_is_refused(tmp_path, monkeypatch):
    source = (
        "import torch\nfrom typing import Literal\nfrom mi_cli.estimators.gaussian import Gaussian\n"
        'class Heavy(Gaussian):\n    name: Literal["heavy"] = "heavy"\n'
    )
    (tmp_path / "heavy_module.py").write_text(source)
    (tmp_path / "torch.py").touch()  # what a fresh interpreter imports here: the library itself takes seconds
    monkeypatch.syspath_prepend(tmp_path)
    import heavy_module

    with pytest.raises(AssertionError, match="import is light: module heavy_module imports torch; expected: `from mi_"):
        check_estimator(heavy_module.Heavy)
