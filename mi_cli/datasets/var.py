"""A vector autoregression: normal columns, each a linear function of the past of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mi_cli.datasets.conditional import Triple
from mi_cli.datasets.series import GeneratedSeries, History
from mi_cli.errors import ConfigError, Fault
from mi_cli.fields import Number, Positive
from mi_cli.lazy import linalg, np, torch
from mi_cli.problems import Array

__all__ = ["Var"]

_Row = Annotated[tuple[Number, ...], Field(min_length=2, max_length=20)]
_Matrix = Annotated[tuple[_Row, ...], Field(min_length=2, max_length=20)]
_ROUNDING = 1e-12  # nats of a transfer entropy that is 0
_Place = tuple[int, int]  # a column, and by how many steps its value is older than the newest


class Var(GeneratedSeries):
    r"""A stationary process :math:`v_t = \sum_{i = 1}^p A_i v_{t - i} + e_t` with independent normal :math:`e_t`.

    ``coefficients`` are the matrices :math:`A_1, \dots, A_p`: row r has the coefficients of the r-th column on the past
    of all columns. ``sd`` are the standard deviations of e, 1 unless given. The first column is x, the last one is y.

    .. math:: T_{X \to Y} = \tfrac12 \ln \frac{\det Σ(Y_t, Y^-) \det Σ(X^-, Y^-)}{\det Σ(Y^-) \det Σ(Y_t, X^-, Y^-)}

    from the covariances of the process, which solve a discrete Lyapunov equation; with one column each, it is half the
    Granger causality where histories are long.

    Reference:
        Barnett, Barrett & Seth 2009 (Physical Review Letters 103, 238701; arXiv 0910.4514).
    """

    name: Literal["var"] = "var"
    coefficients: Annotated[tuple[_Matrix, ...], Field(min_length=1, max_length=20)] = (((0.8, 0.0), (0.5, 0.8)),)
    sd: tuple[Positive, ...] | None = None

    @model_validator(mode="after")
    def _is_stationary(self) -> Var:
        key, value, d = "dataset.coefficients", [[list(row) for row in one] for one in self.coefficients], self._d
        if any(len(one) != d or any(len(row) != d for row in one) for one in self.coefficients):
            raise ConfigError(Fault(key, value, "has matrices of several shapes", "square matrices of one size"))
        if self.sd is not None and len(self.sd) != d:
            raise ConfigError(Fault("dataset.sd", list(self.sd), accepted=f"null, or {d} numbers, one a column"))
        radius = float(np.abs(np.linalg.eigvals(self._companion())).max())
        if radius >= 1:
            problem = f"is not stationary: its companion matrix has an eigenvalue of {radius:.4g}"
            raise ConfigError(Fault(key, value, problem, "eigenvalues below 1"))
        return self

    @property
    def _d(self) -> int:
        return len(self.coefficients[0])

    @property
    def columns(self) -> tuple[str, ...]:
        """x and y, or x1, x2 and so on where there are more."""
        return ("x", "y") if self._d == 2 else tuple(f"x{number + 1}" for number in range(self._d))

    def _companion(self) -> Array:
        """The matrix of the process of p values beside each other."""
        p, d = len(self.coefficients), self._d
        companion = np.eye(p * d, k=-d)
        companion[:d] = np.concatenate([np.array(one, float) for one in self.coefficients], 1)
        return companion

    def _sd(self) -> Array:
        return np.array(self.sd or (1.0,) * self._d)

    def _stationary(self) -> Array:
        """The covariance of p values beside each other, the newest first."""
        companion = self._companion()
        innovations = np.zeros_like(companion)
        innovations[: self._d, : self._d] = np.diag(self._sd() ** 2)
        return np.asarray(linalg.solve_discrete_lyapunov(companion, innovations))

    def _covariance(self, places: Sequence[_Place]) -> Array:
        """The covariance of values of the process."""
        ages = [age for _, age in places]
        companion, power = self._companion(), self._stationary()
        by_lag = []
        for _ in range(max(ages) - min(ages) + 1):
            by_lag.append(power[: self._d, : self._d])  # of a value with one that is so many steps older
            power = companion @ power
        covariance = np.empty((len(places), len(places)))
        for row, (one, age) in enumerate(places):
            for column, (other, other_age) in enumerate(places):
                lag = other_age - age
                covariance[row, column] = by_lag[lag][one, other] if lag >= 0 else by_lag[-lag][other, one]
        return covariance

    def _places(self, source: int, target: int, history: History) -> tuple[list[_Place], list[_Place], list[_Place]]:
        """The values of the source's past, of the target, and of its past."""
        return (
            [(source, history.lag + age) for age in range(history.source)],
            [(target, 0)],
            [(target, 1 + age) for age in range(history.target)],
        )

    def windows(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` independent rows of x, y and z."""
        sides = self._places(0, self._d - 1, History(self.history, self.history))
        places = [place for side in sides for place in side]
        values = torch.empty((n, len(places)), dtype=torch.float64).normal_(generator=generator)
        rows = (values @ torch.from_numpy(_root(self._covariance(places))).T).to(dtype)
        x, y, z = rows.split([len(side) for side in sides], 1)
        return x.contiguous(), y.contiguous(), z.contiguous()

    def path(self, n: int, generator: torch.Generator) -> Array:
        """One recording, which begins in the stationary distribution."""
        p, d = len(self.coefficients), self._d
        noise = torch.empty((n + p, d), dtype=torch.float64).normal_(generator=generator).numpy()
        past = (_root(self._stationary()) @ noise[:p].ravel()).reshape(p, d)[::-1]
        innovations, matrices = noise[p:] * self._sd(), [np.array(one, float) for one in self.coefficients]
        values = np.concatenate([past, innovations])
        for row in range(p, n + p):
            for age, matrix in enumerate(matrices, 1):
                values[row] += matrix @ values[row - age]
        return np.asarray(values[p:])

    def true_lagged_mi(self, lag: int) -> float:
        """From the correlation of x and of y ``lag`` steps later."""
        covariance = self._covariance([(0, lag), (self._d - 1, 0)])
        shared = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
        return math.inf if shared >= 1 else -0.5 * math.log1p(-shared) + 0.0

    def true_transfer(self, source: str, target: str, history: History) -> float:
        """By covariances."""
        return self._transfer(self.columns.index(source), self.columns.index(target), history, 0.0)

    def _transfer(self, source: int, target: int, history: History, noise: float) -> float:
        past, now, own = self._places(source, target, history)
        covariance = self._covariance([*past, *now, *own])
        covariance[: len(past), : len(past)] += noise**2 * np.eye(len(past))
        x, y, z = np.split(np.arange(len(covariance)), [len(past), len(past) + 1])

        def log_det(*sides: Any) -> float:
            index = np.concatenate(sides)
            return float(np.linalg.slogdet(covariance[np.ix_(index, index)])[1])

        nats = 0.5 * (log_det(y, z) + log_det(x, z) - log_det(z) - log_det(x, y, z))
        return nats if nats > _ROUNDING else 0.0

    def true_mi(self, noise: float = 0.0) -> float:
        """The transfer entropy by covariances; noise adds to the variance of each value of x."""
        return self._transfer(0, self._d - 1, History(self.history, self.history), noise)


def _root(covariance: Array) -> Array:
    """A matrix whose product with its transpose is a covariance, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
