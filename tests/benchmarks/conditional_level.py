"""How often tests of independence given z reject it where it holds, and where it does not.

    python -m tests.benchmarks.conditional_level [--rows 500 2000] [--columns 1 5 10] [--forms linear smooth ...]
        [--cmi 0.0] [--replicates 400] [--first 0] [--permutations 99] [--processes 1]

For each form of confounding, number of rows and number of columns of z it prints the shares of samples with p at most
.05: of `nearest`, of `copula`, and of both together, as the answer has it. With ``--cmi 0`` they are the level, with
more the power. ``--first`` is the seed of the first sample, so that several machines can share the samples.

x = g(z) + e and y = h(z) + e', each with standard normal e and e' of the correlation for ``--cmi``:

- linear: g = h = s, the sum of the columns of z over the root of their number;
- smooth: g is a sum of sines of single columns, h of squares, as in ``dataset=confounded``;
- same: g = h = that sum of sines; index: g = h = √2 sin 2s; bent: 1.2 tanh 2s; square: (s² − 1) / √2;
- product: g = h = the product of two columns, or the square of one;
- scale: linear, and the scale of e and e' is exp(z₁ / 2);
- classes: as linear, and z has a column of three classes beside the numbers, in which g and h have another constant.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from unittest import mock

import numpy as np
import torch

from mi_cli.analysis.evidence import combined_p
from mi_cli.estimators import conditional_neighbours
from mi_cli.estimators.gaussian import Copula
from mi_cli.estimators.nearest_neighbours import Nearest
from mi_cli.estimators.subsampling import Subsampled
from mi_cli.problems import Array, Problem, Rows
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

FORMS = ("linear", "smooth", "same", "index", "bent", "square", "product", "scale", "classes")
LEVEL = 0.05


def confounding(z: Array, form: str) -> tuple[Array, Array]:
    """g(z) and h(z), ``(n,)`` each."""
    d = z.shape[1]
    s = z.sum(1) / np.sqrt(d)
    sines = np.sqrt(2 / d) * np.sin(2 * z).sum(1)
    if form == "smooth":
        return sines, (z**2 - 1).sum(1) / np.sqrt(2 * d)
    g = {
        "same": sines,
        "index": np.sqrt(2) * np.sin(2 * s),
        "bent": 1.2 * np.tanh(2 * s),
        "square": (s**2 - 1) / np.sqrt(2),
        "product": z[:, 0] * z[:, 1] if d > 1 else z[:, 0] ** 2 - 1,
    }.get(form, s)
    return g, g


def sample(n: int, columns: int, form: str, cmi: float, seed: int) -> Rows:
    """Rows of one column of x, one of y and ``columns`` of z."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((n, columns))
    e, other = random.standard_normal((2, n))
    rho = np.sqrt(-np.expm1(-2 * cmi))
    g, h = confounding(z, form)
    sides = e, rho * e + np.sqrt(1 - rho**2) * other
    if form == "scale":
        sides = tuple(side * np.exp(z[:, 0] / 2) for side in sides)
    x, y = g + sides[0], h + sides[1]
    if form == "classes":
        label = random.integers(0, 3, n)
        x, y, z = x + label, y - label, np.column_stack([z, label])
    return Rows(*(torch.from_numpy(side) for side in (x[:, None], y[:, None])), z=torch.from_numpy(z))


def p_values(rows: Rows, seed: int, permutations: int) -> tuple[float, float]:
    """The p-values of `nearest` and of `copula`, without standard errors, which take most of the time."""
    generators = {name: torch.Generator().manual_seed(seed) for name in ("init", "order")}
    none = rows.select(slice(0))
    problem = Problem(rows.x.shape[1], rows.y.shape[1], rows, None, none, none, **generators, lr=1e-3)
    evaluation, found = Evaluation(permutations=permutations), []
    quick = mock.patch.object(conditional_neighbours, "subsampled", return_value=Subsampled(0.0, 0.0, 1.0, 0.0))
    for estimator in (Nearest(), Copula()):
        with quick:
            (estimate,), _ = estimator.estimate([problem], Training(), evaluation, Context(torch.device("cpu")))
        if estimate.p_value is None:
            raise RuntimeError(f"{estimator.name} has no p-value: {estimate.reason}")
        found.append(estimate.p_value)
    return found[0], found[1]


def rejected(seed: int, n: int, columns: int, form: str, cmi: float, permutations: int) -> tuple[bool, bool, bool]:
    """Whether `nearest`, `copula` and both together reject independence in one sample."""
    torch.set_num_threads(1)
    pair = p_values(sample(n, columns, form, cmi, seed), seed, permutations)
    both = combined_p([{"status": "ok", "p_value": p} for p in pair])
    assert both is not None
    return pair[0] <= LEVEL, pair[1] <= LEVEL, both <= LEVEL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--columns", type=int, nargs="+", default=[1, 5, 10])
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--cmi", type=float, default=0.0)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--permutations", type=int, default=99)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.replicates)
    print("form,columns,rows,samples,nearest,copula,both", flush=True)
    with ProcessPoolExecutor(options.processes) as pool:
        for n in options.rows:
            for columns in options.columns:
                for form in options.forms:
                    one = partial(
                        rejected, n=n, columns=columns, form=form, cmi=options.cmi, permutations=options.permutations
                    )
                    shares = np.mean(list(pool.map(one, seeds)), axis=0)
                    print(form, columns, n, len(seeds), *(f"{share:.4f}" for share in shares), sep=",", flush=True)


if __name__ == "__main__":
    main()
