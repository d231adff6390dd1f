"""Tables that scikit-learn ships: what our estimators and its nearest neighbours make of them.

    python -m tests.benchmarks.gallery [--tables diabetes wine]

Prints, in nats, the MI of all columns with the target by ``auto`` and ``nearest``, and for each single column that of
``nearest`` beside scikit-learn's ``mutual_info_regression`` or ``mutual_info_classif``. The README quotes it.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from sklearn import datasets
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from mi_cli import estimate

TABLES = {
    "diabetes": (datasets.load_diabetes, False),
    "breast_cancer": (datasets.load_breast_cancer, True),
    "wine": (datasets.load_wine, True),
    "digits": (datasets.load_digits, True),
}
_SPREAD = 1e-12  # of a column that says nothing


def show(name: str) -> None:
    """Print one table's lines."""
    load, is_label = TABLES[name]
    data = load()
    x, y = data.data, data.target
    x = x[:, x.std(0) > _SPREAD]
    labels = np.array([f"class {label}" for label in y]) if is_label else y
    print(
        f"{name}: {len(x)} rows, {x.shape[1]} columns" + (f", ln {len(set(y))} = {np.log(len(set(y))):.3f}" * is_label)
    )
    for method in ("auto", "nearest"):
        start = time.perf_counter()
        found = estimate(x, labels, method)
        at_least = "" if found.lower is None else f", at least {found.lower:.3f}"
        p = "" if found.p_value is None else f", p = {found.p_value:.2g}"
        seconds = time.perf_counter() - start
        print(
            f"  {method}: {found.value:.3f} [{found.ci_low:.3f}, {found.ci_high:.3f}]{at_least}{p}, {seconds:.1f} s "
            f"{found.reason}"
        )
    theirs = (mutual_info_classif if is_label else mutual_info_regression)(x, y, random_state=0)
    alone = {"evaluation": {"permutations": 0}}
    ours = [estimate(column, labels, "nearest", settings=alone) for column in x.T]
    values, errors = np.array([found.value for found in ours]), np.array([found.stderr for found in ours])
    apart = np.maximum(values, 0) - theirs  # scikit-learn raises what is below zero
    print(
        f"  single columns, nearest less scikit-learn's: mean {apart.mean():+.4f}, largest {np.abs(apart).max():.4f}; "
        f"mean standard error {errors.mean():.4f}; correlation {np.corrcoef(values, theirs)[0, 1]:.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    warnings.simplefilter("ignore")
    for name in parser.parse_args().tables:
        show(name)


if __name__ == "__main__":
    main()
