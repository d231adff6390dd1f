"""The contracts of estimators: near zero without dependence, near the truth on Gaussians, and the same every time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.special import entr, ndtr

from mi_cli.datasets.discrete_continuous import DiscreteContinuous
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.errors import Fault
from mi_cli.estimators.base import Estimator
from mi_cli.problems import Estimate, Problem, Rows
from mi_cli.testing.checks import Check, checks, described, expect, run_all, section_contracts
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training
from mi_cli.training.threads import one_thread

__all__ = ["check_estimator", "estimator_checks", "gaussian_mi", "gaussian_rows", "sign_mi", "signs_mi"]

ROWS = {"train": 10_000, "val": 4_000, "test": 20_000}
ROWS_GIVEN_Z = {"train": 1000, "val": 400, "test": 1000}
RHOS = (0.0, 0.4, 0.8, -0.8)
STEPS = 250
STEPS_GIVEN_Z = 120  # of each of two trainings
FALSE_ALARM = 4.9  # standard errors: one in a million


def check_estimator(
    cls: type[Estimator],
    fields: Mapping[str, Any] | None = None,
    *,
    training: Mapping[str, Any] | None = None,
    shifts: int = 8,
    truth: Callable[[float], float] | None = None,
    discrete_y: bool = False,
    discrete_x: bool = False,
    remarks: bool = False,
) -> None:
    """Check that an estimator keeps the contracts of :class:`~mi_cli.estimators.base.Estimator`.

    It is called on 34,000 rows of two Gaussian columns with correlations 0, 0.4, 0.8 and −0.8. It must be near zero
    without dependence and near the truth otherwise, give the same number for the same seed, alone or in a stack, and
    fill in what every estimate says of itself. One that takes a z must be near the MI given z of 2,400 rows with a
    common cause. Its fields must survive JSON and pickle, and its module must not import torch. Checking takes seconds
    for a formula, a minute or so for networks.

    Args:
        cls: the class.
        fields: fields in place of its defaults, such as small networks.
        training: settings of :class:`~mi_cli.training.settings.Training` in place of 250 steps of 500 rows.
        shifts: how many partners each test row has in the product samples.
        truth: what the estimator gives for a correlation with rows without end; the MI in nats unless given.
        discrete_y: replace y by its sign, for an estimator that takes classes.
        discrete_x: replace x by its sign as well, for an estimator that takes nothing else.
        remarks: whether estimates say how they were made even if all is well.

    Raises:
        AssertionError: a contract is broken. The message names it.

    >>> from mi_cli.estimators.gaussian import Gaussian
    >>> check_estimator(Gaussian)
    """
    run_all(
        estimator_checks(
            cls,
            fields,
            training=training,
            shifts=shifts,
            truth=truth,
            discrete_y=discrete_y,
            discrete_x=discrete_x,
            remarks=remarks,
        )
    )


def estimator_checks(
    cls: type[Estimator],
    fields: Mapping[str, Any] | None = None,
    *,
    training: Mapping[str, Any] | None = None,
    shifts: int = 8,
    truth: Callable[[float], float] | None = None,
    discrete_y: bool = False,
    discrete_x: bool = False,
    remarks: bool = False,
) -> list[Check]:
    """The checks of :func:`check_estimator` one by one, for ``pytest.mark.parametrize``."""
    settings = Training(**{"steps": STEPS, "batch": 500, "schedule": "constant"} | dict(training or {}))
    known = truth or (signs_mi if discrete_x else sign_mi if discrete_y else gaussian_mi)
    signs = (discrete_x, discrete_y or discrete_x)
    case = _Case(cls, dict(fields or {}), settings, Evaluation(shifts=shifts), known, signs, remarks)
    return checks(case, (*section_contracts, *CONTRACTS))


def gaussian_rows(n: int, rho: float, seed: int) -> Rows:
    """``n`` rows of two normal columns with correlation ``rho``, x and y each of shape ``(n, 1)`` in float64."""
    x, noise = torch.randn(2, n, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Rows(x, rho * x + math.sqrt(1 - rho**2) * noise)


def gaussian_mi(rho: float) -> float:
    """The MI of two normal columns in nats, −½ ln(1 − ρ²).

    >>> round(gaussian_mi(0.8), 4)
    0.5108
    """
    return -0.5 * math.log(1 - rho**2)


def sign_mi(rho: float) -> float:
    """The MI of a normal column and the sign of another in nats, by Gauss–Hermite quadrature.

    >>> round(sign_mi(0.8), 4)
    0.2666
    """
    x, weights = np.polynomial.hermite_e.hermegauss(200)
    p = ndtr(rho / math.sqrt(1 - rho**2) * x)  # that the sign is positive, given x
    return math.log(2) - float(weights @ (entr(p) + entr(1 - p)) / weights.sum())


def signs_mi(rho: float) -> float:
    """The MI of the signs of two normal columns in nats, from the probability ½ + arcsin(ρ) / π that they agree.

    >>> round(signs_mi(0.8), 4)
    0.1861
    """
    agree = 0.5 + math.asin(rho) / math.pi
    return math.log(2) - float(entr(agree) + entr(1 - agree))


@dataclass(frozen=True)
class _Case:
    """An estimator's class, its settings, and its estimates by correlation, made when a contract asks for them."""

    cls: type[Estimator]
    fields: dict[str, Any]
    training: Training
    evaluation: Evaluation
    truth: Callable[[float], float]
    signs: tuple[bool, bool]
    remarks: bool
    _made: dict[float, Estimate] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.cls.__name__ + described(self.fields)

    @cached_property
    def made(self) -> Estimator:
        """The estimator."""
        return self.cls(**self.fields)

    @property
    def stacked(self) -> dict[float, Estimate]:
        """Estimates of all correlations, made as one stack."""
        if not self._made:
            self._made.update(self.estimates(RHOS, 0))
        return self._made

    @cached_property
    def alone(self) -> Estimate:
        """The estimate of correlation 0.8, made by itself."""
        return self.estimates((0.8,), 1)[0.8]

    def estimates(self, rhos: Sequence[float], seed: int) -> dict[float, Estimate]:
        """Estimates of some correlations, made as one stack, with ``seed`` for the global generators."""
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (which an estimator must not use)
        seeds = {"train": 31, "val": 33, "test": 32}
        problems = [self._problem({part: self._rows(n, rho, seeds[part]) for part, n in ROWS.items()}) for rho in rhos]
        with one_thread():
            estimates, _ = self.made.estimate(problems, self.training, self.evaluation, Context(torch.device("cpu")))
        expect(
            len(estimates) == len(rhos),
            f"gives {len(estimates)} estimates of {len(rhos)} problems; expected: one of each",
        )
        return dict(zip(rhos, estimates, strict=True))

    def estimates_given_z(self, rhos: Sequence[float]) -> list[Estimate]:
        """Estimates for some partial correlations of x and y, which have a common cause z, made as one stack."""
        problems = []
        for rho in rhos:
            rows = gaussian_rows(sum(ROWS_GIVEN_Z.values()), rho, 34)
            z = torch.randn(len(rows), 1, generator=torch.Generator().manual_seed(35), dtype=torch.float64)
            rows = Rows(rows.x + z, rows.y - z, z=z)
            starts = np.cumsum([0, *ROWS_GIVEN_Z.values()])
            slices = {name: slice(*starts[place : place + 2]) for place, name in enumerate(ROWS_GIVEN_Z)}
            problems.append(self._problem({name: rows.select(part) for name, part in slices.items()}))
        training = self.training.model_copy(update={"steps": min(self.training.steps, STEPS_GIVEN_Z)})
        with one_thread():
            estimates, _ = self.made.estimate(problems, training, self.evaluation, Context(torch.device("cpu")))
        return estimates

    def _problem(self, parts: Mapping[str, Rows]) -> Problem:
        return Problem(
            dim_x=1,
            dim_y=1,
            draw=None,
            init=torch.Generator().manual_seed(4),
            order=torch.Generator().manual_seed(5),
            lr=self.training.lr,
            train=parts["train"],
            val=parts["val"],
            test=parts["test"],
        )

    def _rows(self, n: int, rho: float, seed: int) -> Rows:
        rows = gaussian_rows(n, rho, seed)
        x, y = (side.sign() if sign else side for side, sign in zip((rows.x, rows.y), self.signs, strict=True))
        return Rows(x, y)


def kind_is_said(case: _Case) -> None:
    """A reader must know on which side of the truth an estimate lies."""
    kinds = ("lower bound", "upper bound", "point estimate")
    kind = getattr(case.cls, "kind", None)
    expect(kind in kinds, f"its kind is {kind!r}; expected: one of {', '.join(kinds)}")


def cost_is_a_number_of_operations(case: _Case) -> None:
    """Runs are planned, and stacks cut to the memory at hand, by what an estimator says that it takes."""
    expect(case.made.trainings() >= 1, f"trainings() is {case.made.trainings()}; expected: at least 1")
    cost = case.made.cost((1, 1), case.training, 500)
    expect(len(cost) == 2 and min(cost) > 0, f"cost() is {cost}; expected: multiply-adds and bytes, both above 0")


def faults_are_faults(case: _Case) -> None:
    """What an estimator cannot do is reported with key and value: a carried model, a dataset with a discrete side."""
    by_method = {
        "faults()": [*case.made.faults(case.training), *case.made.faults(Training(carry="dataset.rho"))],
        "unfit()": [*case.made.unfit(Gaussian()), *case.made.unfit(DiscreteContinuous())],
    }
    for method, faults in by_method.items():
        sound = all(isinstance(fault, Fault) for fault in faults)
        expect(sound, f"{method} gives {faults!r}; expected: a list of mi_cli.errors.Fault")


def independent_rows_have_no_information(case: _Case) -> None:
    """Beside 4.9 standard errors, 0.003 nats for what so few steps leave."""
    estimate = _sound(case, 0.0)
    room = FALSE_ALARM * _stderr(estimate) + 0.003
    expect(abs(_value(estimate)) < room, f"gives {_value(estimate):.4g} nats; expected: at most {room:.2g} from 0")


def estimates_of_gaussians_are_near_the_truth(case: _Case) -> None:
    """Beside 4.9 standard errors, 5 % of the truth for what so few steps leave; a bound errs so on its side only."""
    for rho in (0.4, 0.8):
        estimate, truth = _sound(case, rho), case.truth(rho)
        below, above = {"lower bound": (0.05, 0.0), "upper bound": (0.0, 0.05)}.get(estimate.kind, (0.05, 0.05))
        room = FALSE_ALARM * _stderr(estimate)
        low, high = truth - below * truth - room, truth + above * truth + room
        expect(
            low < _value(estimate) < high,
            f"gives {_value(estimate):.4g} nats at correlation {rho}, whose truth is {truth:.4g}; expected: between "
            f"{low:.4g} and {high:.4g}",
        )
        most = 0.02 * max(1, truth)
        expect(_stderr(estimate) < most, f"its standard error is {_stderr(estimate):.2g}; expected: below {most:.2g}")


def estimates_say_everything_about_themselves(case: _Case) -> None:
    """Kind, interval, standard error, steps and a trace of the training."""
    for rho in RHOS:
        estimate = _sound(case, rho)
        expect(estimate.kind == case.cls.kind, f"is a {estimate.kind} by a class of {case.cls.kind}s")
        # Of independent rows an upper bound may be raised to 0, and a density may have learned nothing of x.
        quiet = not estimate.reason or rho == 0 or case.remarks
        expect(quiet, f"gives the reason {estimate.reason!r} at correlation {rho}, with status ok; expected: none")
        if "ignores x" not in estimate.reason:
            low, value, high = estimate.ci_low, _value(estimate), estimate.ci_high
            inside = low is not None and high is not None and low < value < high
            expect(inside, f"its interval is {low} to {high}; expected: one around {value:.4g}")
            expect(_stderr(estimate) > 0, f"its standard error is {estimate.stderr}; expected: above 0")
        expect(
            estimate.ceiling is None or estimate.ceiling > _value(estimate),
            f"its ceiling {estimate.ceiling} is not above its value {_value(estimate):.4g}",
        )
        if estimate.steps:
            asked, most = case.training.steps, case.made.most_steps(case.training)
            taken = estimate.steps == asked if most == asked else 1 <= estimate.steps <= most
            expect(taken, f"says {estimate.steps} steps of {most}")
            traced = any(name.endswith("train_mi") for name in estimate.history)  # of one network or of several
            expect(traced, f"its history has {list(estimate.history)}; expected: a trace that ends with train_mi")
        else:
            expect(not estimate.history, f"takes no steps, and its history has {list(estimate.history)}")


def _equal(first: float | None, second: float | None) -> bool:
    """Up to the last digits, since libraries do not promise the order in which they add numbers."""
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=1e-12, abs_tol=1e-15)


def same_seed_gives_the_same_number(case: _Case) -> None:
    """All chance comes from the problem's two generators.

    It holds if the estimates alone and in a stack are equal, because the global generators have other seeds for each.
    If they differ, a second estimate alone tells chance from neighbours.
    """
    first = case.alone.value
    if not _equal(first, _sound(case, 0.8).value):
        again = case.estimates((0.8,), 2)[0.8].value
        expect(
            _equal(first, again),
            f"gives {first!r} and then {again!r}; expected: the same, from the problem's generators alone",
        )


def results_are_the_same_alone_and_in_a_stack(case: _Case) -> None:
    """A trial's numbers do not depend on its neighbours."""
    alone, stacked = case.alone.value, _sound(case, 0.8).value
    expect(
        _equal(alone, stacked),
        f"gives {alone!r} alone and {stacked!r} beside correlations 0, 0.4 and -0.8; expected: the same",
    )


def sign_of_the_correlation_does_not_matter(case: _Case) -> None:
    """Beside 4.9 standard errors, 0.05 nats for what so few steps leave."""
    negative, positive = _sound(case, -0.8), _sound(case, 0.8)
    room = 0.05 + FALSE_ALARM * _stderr(positive)
    expect(
        abs(_value(negative) - _value(positive)) <= room,
        f"gives {_value(negative):.4g} nats at correlation -0.8 and {_value(positive):.4g} at 0.8; expected: at most "
        f"{room:.2g} apart",
    )


def estimates_given_z_are_near_the_truth(case: _Case) -> None:
    """Beside 4.9 standard errors, 0.03 nats and 15 % for few steps and rows; a common cause z is no dependence.

    A difference of two bounds is no bound.
    """
    if not case.cls.takes_z or any(case.signs):
        return
    rhos = (0.0, 0.8)
    for rho, estimate in zip(rhos, case.estimates_given_z(rhos), strict=True):
        expect(estimate.status == "ok", f"has status {estimate.status} given z ({estimate.reason})")
        truth, value = case.truth(rho), _value(estimate)
        room = FALSE_ALARM * _stderr(estimate) + 0.03 + 0.15 * truth
        expect(
            abs(value - truth) < room,
            f"gives {value:.4g} nats given z at partial correlation {rho}, whose truth is {truth:.4g}; expected: at "
            f"most {room:.2g} from it",
        )
        said = estimate.kind, estimate.lower
        expect(said == ("point estimate", None), f"is {said} given z; expected: a point estimate without a lower limit")


CONTRACTS: tuple[Callable[[_Case], None], ...] = (
    kind_is_said,
    cost_is_a_number_of_operations,
    faults_are_faults,
    independent_rows_have_no_information,
    estimates_of_gaussians_are_near_the_truth,
    estimates_say_everything_about_themselves,
    same_seed_gives_the_same_number,
    results_are_the_same_alone_and_in_a_stack,
    sign_of_the_correlation_does_not_matter,
    estimates_given_z_are_near_the_truth,
)


def _sound(case: _Case, rho: float) -> Estimate:
    """The estimate at a correlation, which must have succeeded."""
    estimate = case.stacked[rho]
    expect(estimate.status == "ok", f"has status {estimate.status} at correlation {rho} ({estimate.reason})")
    return estimate


def _value(estimate: Estimate) -> float:
    if estimate.value is None or not math.isfinite(estimate.value):
        raise AssertionError(f"has status {estimate.status}, and its value is {estimate.value}; expected: a number")
    return estimate.value


def _stderr(estimate: Estimate) -> float:
    if estimate.stderr is None or not math.isfinite(estimate.stderr):
        raise AssertionError(f"its standard error is {estimate.stderr}; expected: a number")
    return estimate.stderr
