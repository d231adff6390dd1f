"""The rows that a run draws of a suite's tasks, written for programs that live in other environments.

    python -m tests.benchmarks.export_samples DIR [--suite bend_and_mix] [--rows 5000] [--seed 0] [--tasks A B]

DIR gets a file TASK.npz for each task, with x ``(rows, dim_x)``, y ``(rows, dim_y)`` and the true MI in nats as mi, as
``original_estimators.py`` reads them. They are the rows of ``mi-run experiment=SUITE dataset.n_samples=ROWS`` for the
seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import yaml

from mi_cli.procedures.seeds import generator
from mi_cli.registry.lookup import section_class

CONFIGS = Path(__file__).parents[2] / "configs" / "experiment"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suite", default="bend_and_mix", help="an experiment that sweeps dataset.task")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="+", help="by default all of the suite")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    experiment = yaml.safe_load((CONFIGS / f"{arguments.suite}.yaml").read_text(encoding="utf-8"))
    name = next(default["override /dataset"] for default in experiment["defaults"] if "override /dataset" in default)
    build = cast("type[Any]", section_class("dataset", name))
    for task in arguments.tasks or experiment["sweep"]["dataset"]["task"]:
        dataset = build(task=task)
        rows = dataset.rows(arguments.rows, generator(arguments.seed, "train"), torch.float64)
        np.savez(arguments.folder / f"{task}.npz", x=rows.x.numpy(), y=rows.y.numpy(), mi=dataset.true_mi())


if __name__ == "__main__":
    main()
