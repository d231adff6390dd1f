"""How near answers given z are to the truth, with critics among the estimators and without, on many kinds of data.

    python -m tests.benchmarks.conditional_answers [--kinds "sine 1" "ring 3" ...] [--seeds 201] [--rows 1000]
        [--steps 300]

For each kind and seed it prints the truth in nats, the three estimates, and the answer of `nearest` and `copula` and
that of all three, with their intervals; then how many answers are within .05 nats or 10 % of the truth, and how many
intervals hold it. ``--steps`` are those of the training of critics.

x = g(z) + u and y = h(z) + v with several columns of z (the number in the name of a kind); g and h are linear, smooth,
bent or products. u is standard normal, and v given u is

- normal, indep: normal of correlation ρ; scale: both times exp(z₁ / 2); student: both are Student's t;
- sine, square, ring: a sine, a square, or both on a noisy ring;
- flip, tanh: normal of a correlation whose sign is that of z₁, and of tanh(2 z₁).

xor has y = sign(x z) and product y = x z₁, each with noise. Kinds that begin with 3x3 and 5x5 have as many columns of x
and y. Those of zclass have four classes in z with a correlation each, + with a number beside them; those of yclass have
two classes of y, with logits in u.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special, stats

import mi_cli
from mi_cli.analysis.answer import Answer, answer
from mi_cli.analysis.facts import Facts
from mi_cli.api import _table, _values
from mi_cli.problems import Array
from mi_cli.procedures.base import estimate_fields

Sample = tuple[Array, Array, Array, float]  # x, y, z, and the MI of x and y given z in nats
Draw = Callable[[np.random.Generator, int], Sample]


def gaussian_mi(rho: Any) -> Any:
    return -0.5 * np.log(1 - rho**2)


def noisy_mi(function: Callable[[Array], Array], noise: float) -> float:
    """The MI of a normal u and f(u) plus normal noise, by sums over grids."""
    u = np.linspace(-6, 6, 1201)
    weights = np.exp(-u * u / 2)
    of_u = function(u)
    y = np.linspace(of_u.min() - 6 * noise, of_u.max() + 6 * noise, 1500)
    density = stats.norm.pdf(y[:, None], of_u, noise) @ (weights / weights.sum())
    return float(special.entr(density).sum() * (y[1] - y[0]) - stats.norm.entropy(0, noise))


def ring_mi(noise: float) -> float:
    """The MI of the coordinates of a circle of radius 1 plus normal noise, by sums over grids."""
    r = np.linspace(1e-6, 1 + 7 * noise, 6000)
    plane = np.exp(-((r - 1) ** 2) / 2 / noise**2) * special.i0e(r / noise**2) / (2 * np.pi * noise**2)
    both = (2 * np.pi * r * special.entr(plane)).sum() * (r[1] - r[0])
    x = np.linspace(-1 - 6 * noise, 1 + 6 * noise, 4000)
    circle = np.cos((np.arange(4000) + 0.5) / 4000 * np.pi)
    side = special.entr(stats.norm.pdf(x[:, None], circle, noise).mean(1)).sum() * (x[1] - x[0])
    return float(2 * side - both)


def student_mi(rho: float, nu: float) -> float:
    """The MI of a bivariate Student distribution, by entropies."""
    gap = special.digamma((nu + 2) / 2) - special.digamma(nu / 2)
    both = np.log(nu * np.pi) + special.gammaln(nu / 2) - special.gammaln(1 + nu / 2) + (nu + 2) / 2 * gap
    return float(2 * stats.t(nu).entropy() - both + gaussian_mi(rho))


def over_normal(function: Callable[[Array], Array]) -> float:
    """The mean of a function of a normal number."""
    at, weights = np.polynomial.hermite_e.hermegauss(80)
    return float(weights @ function(at) / weights.sum())


def confounding(z: Array, form: str) -> tuple[Array, Array]:
    """g(z) and h(z), ``(n,)`` each."""
    d = z.shape[1]
    s = z.sum(1) / d**0.5
    if form == "smooth":
        return (2 / d) ** 0.5 * np.sin(2 * z).sum(1), (z**2 - 1).sum(1) / (2 * d) ** 0.5
    if form == "product":
        return z[:, 0] * z[:, -1], np.tanh(z[:, 0]) + z[:, -1] ** 2 - 1
    g = s if form == "linear" else 1.2 * np.tanh(2 * s)
    return g, g


def noises(random: np.random.Generator, z: Array, kind: str) -> tuple[Array, Array, float]:
    """u and v, ``(n,)`` each, and their MI given z."""
    n = len(z)
    u, other = random.normal(size=(2, n))
    if kind == "sine":
        k, noise = random.choice([1.5, 2.5]), random.choice([0.3, 0.6])
        return u, 1.4 * (np.sin(k * u) + noise * other), noisy_mi(lambda at: np.sin(k * at), noise)
    if kind == "square":
        noise = random.choice([0.5, 1.0])
        return u, u**2 / 2**0.5 + noise * other, noisy_mi(lambda at: at**2 / 2**0.5, noise)
    if kind == "ring":
        noise, angle = random.choice([0.15, 0.3]), random.uniform(0, 2 * np.pi, n)
        return 1.4 * (np.cos(angle) + noise * u), 1.4 * (np.sin(angle) + noise * other), ring_mi(noise)
    if kind == "tanh":
        rho: Any = np.tanh(2 * z[:, 0])
        truth = over_normal(lambda at: np.log(np.cosh(2 * at)))
    else:
        choices = {"normal": [0.3, 0.5, 0.7, 0.85], "flip": [0.6, 0.8], "student": [0.0, 0.6], "scale": [0.0, 0.5, 0.7]}
        rho = random.choice(choices[kind]) if kind in choices else 0.0
        truth = student_mi(rho, 2) if kind == "student" else float(gaussian_mi(rho))
    if kind == "flip":
        rho = rho * np.sign(z[:, 0])
    factor: Any = 1.0
    if kind == "scale":
        factor = np.exp(z[:, 0] / 2)
    if kind == "student":
        factor = (2 / random.chisquare(2, n)) ** 0.5
    return u * factor, (rho * u + (1 - rho**2) ** 0.5 * other) * factor, truth


def confounded(form: str, dim_z: int, kind: str) -> Draw:
    def draw(random: np.random.Generator, n: int) -> Sample:
        z = random.normal(size=(n, dim_z))
        g, h = confounding(z, form)
        u, v, truth = noises(random, z, kind)
        return (g + u)[:, None], (h + v)[:, None], z, truth

    return draw


def several(dim: int, dim_z: int, kind: str) -> Draw:
    def draw(random: np.random.Generator, n: int) -> Sample:
        z = random.normal(size=(n, dim_z))
        a, b = random.normal(size=(2, dim_z, dim)) / dim_z**0.5
        u, v = random.normal(size=(2, n, dim))
        rho = 0.0 if kind == "indep" else random.choice([0.3, 0.5, 0.7])
        if kind == "sine":
            v[:, 0] = 1.4 * (np.sin(2 * u[:, 0]) + 0.4 * v[:, 0])
            truth = noisy_mi(lambda at: np.sin(2 * at), 0.4)
        elif kind == "mixed":  # two of the columns depend on each other, and all are rotated
            rho = random.choice([0.5, 0.7])
            v[:, :2] = rho * u[:, :2] + (1 - rho**2) ** 0.5 * v[:, :2]
            u = u @ np.linalg.qr(random.normal(size=(dim, dim)))[0]
            v = v @ np.linalg.qr(random.normal(size=(dim, dim)))[0]
            truth = 2 * gaussian_mi(rho)
        else:
            v = rho * u + (1 - rho**2) ** 0.5 * v
            truth = dim * gaussian_mi(rho)
        return np.sin(z @ a * 1.5) + u, z @ b + 0.5 * np.tanh(z @ a) + v, z, float(truth)

    return draw


def xor(random: np.random.Generator, n: int) -> Sample:
    noise = random.choice([0.5, 1.0])
    x, z, other = random.normal(size=(3, n))
    y = np.linspace(-1 - 7 * noise, 1 + 7 * noise, 4000)
    density = (stats.norm.pdf(y, 1, noise) + stats.norm.pdf(y, -1, noise)) / 2
    truth = special.entr(density).sum() * (y[1] - y[0]) - stats.norm.entropy(0, noise)
    return x[:, None], (np.sign(x * z) + noise * other)[:, None], z[:, None], float(truth)


def product(random: np.random.Generator, n: int) -> Sample:
    noise = random.choice([0.5, 1.0])
    x, other = random.normal(size=(2, n))
    z = random.normal(size=(n, 3))
    truth = over_normal(lambda at: 0.5 * np.log1p((at / noise) ** 2))
    return x[:, None], (x * z[:, 0] + noise * other)[:, None], z, truth


def collider(random: np.random.Generator, n: int) -> Sample:
    noise = random.choice([0.5, 1.0])
    x, y, other = random.normal(size=(3, n))
    return x[:, None], y[:, None], (x + y + noise * other)[:, None], float(gaussian_mi(1 / (1 + noise**2)))


def classes_of_z(rhos: tuple[float, ...], with_number: bool = False) -> Draw:
    def draw(random: np.random.Generator, n: int) -> Sample:
        label = random.integers(0, len(rhos), n)
        of_x, of_y = random.normal(size=(2, len(rhos)))
        u, other = random.normal(size=(2, n))
        rho = np.array(rhos)
        x, y = of_x[label] + u, of_y[label] + rho[label] * u + (1 - rho[label] ** 2) ** 0.5 * other
        z = (label[:, None] == np.arange(len(rhos))).astype(float)
        if with_number:
            number = random.normal(size=n)
            x, y, z = x + np.sin(2 * number), y + number**2, np.column_stack([number, z])
        return x[:, None], y[:, None], z, float(gaussian_mi(rho).mean())

    return draw


def classes_of_y(fixed: float | None, function: Callable[[Array], Array] = lambda u: u) -> Draw:
    def draw(random: np.random.Generator, n: int) -> Sample:
        z = random.normal(size=(n, 3))
        g, h = confounding(z, "smooth")
        u = random.normal(size=n)
        drawn = random.choice([1.0, 2.0])
        slope = drawn if fixed is None else fixed
        y = (random.random(n) < special.expit(slope * function(u) + h)).astype(float)
        at, weights = np.polynomial.hermite_e.hermegauss(40)
        weights = weights / weights.sum()
        of_u = special.expit(slope * function(at) + h[:1000, None])

        def entropy(p: Array) -> Array:
            return np.asarray(special.entr(p) + special.entr(1 - p))

        truth = (entropy(of_u @ weights) - entropy(of_u) @ weights).mean()
        return (g + u)[:, None], y[:, None], z, max(0.0, float(truth))

    return draw


MIXED = (0.8, -0.8, 0.3, 0.0)
KINDS: dict[str, Draw] = {
    **{f"linear {d}": confounded("linear", d, "normal") for d in (1, 5, 10)},
    **{f"smooth {d}": confounded("smooth", d, "normal") for d in (1, 3, 5, 10)},
    "bent 5": confounded("bent", 5, "normal"),
    "prod 2": confounded("product", 2, "normal"),
    **{
        f"{kind} {d}": confounded("smooth", d, kind)
        for kind, dims in {
            "scale": (3,),
            "sine": (1, 3, 6),
            "square": (2,),
            "ring": (1, 3),
            "flip": (1, 4),
            "tanh": (2,),
            "student": (2,),
        }.items()
        for d in dims
    },
    "indep lin 1": confounded("linear", 1, "indep"),
    **{f"indep smooth {d}": confounded("smooth", d, "indep") for d in (3, 10)},
    "indep bent 5": confounded("bent", 5, "indep"),
    "indep prod 2": confounded("product", 2, "indep"),
    "xor": xor,
    "product": product,
    "collider": collider,
    **{f"3x3 {kind} {d}": several(3, d, kind) for kind, d in (("normal", 3), ("sine", 3), ("indep", 2))},
    **{f"5x5 {kind} {d}": several(5, d, kind) for kind, d in (("normal", 3), ("mixed", 5), ("indep", 3))},
    "zclass indep": classes_of_z((0.0,) * 4),
    "zclass mixed": classes_of_z(MIXED),
    "zclass same": classes_of_z((0.6,) * 4),
    "zclass mixed+": classes_of_z(MIXED, with_number=True),
    "zclass indep+": classes_of_z((0.0,) * 4, with_number=True),
    "yclass indep": classes_of_y(0.0),
    "yclass line": classes_of_y(None),
    "yclass square": classes_of_y(2.0, lambda u: u * u - 1),
}


def answers(x: Array, y: Array, z: Array, steps: int) -> tuple[Answer, Answer]:
    """The answer without critics, and that with them."""
    settings = {"evaluation": {"permutations": 0}, "training": {"steps": steps}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        full = mi_cli.estimate(x, y, z=z, settings=settings)
        table = _table(x, y, z, None, None, _values("auto", settings))
    facts = Facts.of(table.describe(), (table.dim_x, table.dim_y), table.discrete, table.dim_z)
    kept = {name: one for name, one in full.estimates.items() if name != "auto"}
    rows = [{"method": name} | estimate_fields(one) for name, one in kept.items()]
    return replace(answer(rows, facts), estimates=kept), full


def shown(found: Answer) -> str:
    value = "?" if found.value is None else f"{found.value:.3f}"
    return f"{value} [{found.ci_low:.3f}, {found.ci_high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[201])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=300)
    given = parser.parse_args()
    near, held, widths = np.zeros(2), np.zeros(2), ([], [])  # type: ignore[var-annotated]
    for seed in given.seeds:
        for kind in given.kinds:
            x, y, z, truth = KINDS[kind](np.random.default_rng(seed), given.rows)
            both = answers(x, y, z, given.steps)
            estimates = (f"{name} {one.value:.3f}" for name, one in both[1].estimates.items() if one.value is not None)
            print(f"{kind:16s} {seed} {truth:.3f} |", *estimates, "|", *map(shown, both), flush=True)
            for place, found in enumerate(both):
                near[place] += found.value is not None and abs(found.value - truth) <= max(0.05, 0.1 * truth)
                held[place] += found.ci_low - 1e-9 <= truth <= found.ci_high + 1e-9
                widths[place].append(found.ci_high - found.ci_low)
    count = len(widths[0])
    for name, place in (("without auto", 0), ("with auto", 1)):
        width = np.median(widths[place])
        print(f"{name}: {near[place]:.0f} of {count} near, {held[place]:.0f} held, median width {width:.3f}")


if __name__ == "__main__":
    main()
