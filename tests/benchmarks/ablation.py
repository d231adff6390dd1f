"""What each member of ``auto`` is worth: its estimates over the suites with one member left out, or another setting.

    python -m tests.benchmarks.ablation [--suites bend_and_mix off_benchmark benchmark] [--seed 0] [--output FILE]

All members are fitted once a task. The mixture is then fitted again without each of them, and with other clips and
priors, on the same scores. The mean absolute error of a variant beside that of all members says what the member is
worth. Each suite is the experiment of that name; tasks whose MI is infinite are left out.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from mi_cli.compose.resolve import resolve
from mi_cli.estimators import auto, mixture
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.problems import Estimate, Problem
from mi_cli.procedures.estimation import estimate_trial
from mi_cli.training.context import Context

SUITES = ("bend_and_mix", "off_benchmark", "benchmark")
GROUPS = {
    "students": ("student_1", "student_2", "student_3", "student_5", "student_10"),
    "discriminants": ("linear_discriminant", "quadratic_discriminant"),
    "networks": ("separable", "concat"),
}
CLIPS = (0.5, 0.75, 1.5)  # times ln n
PRIORS = (0.25, 1.0, 4.0)  # standard deviation of a weight
SETTINGS = ["training.steps=300", "estimator.separable=[64,64,64]"]

Scores = Mapping[str, Sequence[Any]]


def variants(scores: Scores, problem: Problem) -> dict[str, float]:
    """The bound on test rows of the mixture of all members, and of every variant of it, in nats."""
    most = math.log(len(problem.sample))

    def value(members: Sequence[str], clip: float = most) -> float:
        if not members:
            return 0.0
        fitted = mixture.fit_mixture([scores[name][0] for name in members], clip)
        return float(DonskerVaradhan().bound(fitted([scores[name][1] for name in members])))

    values = {"all": value(list(scores))}
    for name in scores:
        values[f"without {name}"] = value([other for other in scores if other != name])
    for group, members in GROUPS.items():
        if set(members) & set(scores):
            values[f"without {group}"] = value([name for name in scores if name not in members])
    for clip in CLIPS:
        values[f"clip at {clip:g} ln n"] = value(list(scores), clip * most)
    for prior in PRIORS:
        with mock.patch.object(mixture, "_PRIOR", prior):
            values[f"prior of sd {prior:g}"] = value(list(scores))
    return values


def of_trial(config: Any) -> dict[str, float]:
    """The variants' estimates of one trial: means over its folds, in nats."""
    folds: list[dict[str, float]] = []
    mixed = auto._mixed

    def recorded(scores: Scores, traces: Any, evaluation: Any, problem: Problem, rise: Any) -> Estimate:
        folds.append(variants(scores, problem))
        return mixed(scores, traces, evaluation, problem, rise)

    with mock.patch.object(auto, "_mixed", recorded):
        estimate_trial(config, Context(torch.device("cpu")))
    return {name: sum(fold[name] for fold in folds) / len(folds) for name in folds[0]}


def trials(suite: str, seed: int) -> dict[str, Any]:
    """The configs of a suite by task."""
    resolved = resolve([f"experiment={suite}", "sweep.estimator=[auto]", f"sweep.seed=[{seed}]", *SETTINGS])
    return {trial.config.dataset.task: trial.config for trial in resolved.expansion.trials}


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each suite and variant the mean absolute error and the tasks solved, beside those of all members."""
    lines = []
    for suite in dict.fromkeys(row["suite"] for row in rows):
        own = [row for row in rows if row["suite"] == suite]
        everyone = {row["task"]: row for row in own if row["variant"] == "all"}
        by_variant = defaultdict(list)
        for row in own:
            by_variant[row["variant"]].append(row)
        lines.append(f"{suite}: variant, tasks, mean absolute error, that of all members there, solved, worst change")
        for variant, of_variant in by_variant.items():
            whole = [everyone[row["task"]] for row in of_variant]
            changes = [error(a) - error(b) for a, b in zip(of_variant, whole, strict=True)]
            solved = sum(error(row) <= max(0.05, 0.1 * row["true_mi"]) for row in of_variant)
            means = (sum(map(error, group)) / len(group) for group in (of_variant, whole))
            both = " ".join(f"{mean:.4f}" for mean in means)
            lines.append(f"  {variant:32s} {len(of_variant):3d} {both} {solved:3d} {max(changes):+.3f}")
    return lines


def error(row: Mapping[str, Any]) -> float:
    """The absolute error of a row, in nats."""
    return abs(row["estimate"] - row["true_mi"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", nargs="+", choices=SUITES, default=SUITES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("ablation.csv"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for suite in options.suites:
        for task, config in trials(suite, options.seed).items():
            true_mi = config.dataset.true_mi(0)
            if math.isinf(true_mi):
                continue
            values = of_trial(config)
            rows += [
                {"suite": suite, "task": task, "variant": name, "true_mi": true_mi, "estimate": value}
                for name, value in values.items()
            ]
            with options.output.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            print(f"{suite} {task}: {values['all']:.3f} of {true_mi:.3f}", flush=True)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
