"""Runs made by hand whose records plots draw, and functions that read off a figure what it shows."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mi_cli.records import results

Fields = dict[str, dict[str, Any]]
Write = Callable[..., results.Records]

RHO = "dataset.rho"
METHODS = ("linear_regression", "ridge", "kernel_ridge", "supervised_network", "pca", "random_encoder", "mi_encoder")


def truth(rho: float) -> float:
    return math.inf if rho == 1 else -0.5 * math.log1p(-(rho**2))


def estimated(method: str = "mine", bias: float = 0.0) -> Callable[[dict[str, Any], int], Fields]:
    """Rows of an estimate run: the truth, off by ``bias`` and a hundredth of the seed."""

    def rows(setting: dict[str, Any], seed: int) -> Fields:
        true_mi = truth(setting.get(RHO, 0.6))
        value = (5.0 if math.isinf(true_mi) else true_mi) + bias + 0.01 * seed
        fields = {
            "status": "ok",
            "true_mi": true_mi,
            "estimate": value,
            "ci_low": value - 0.02,
            "ci_high": value + 0.02,
        }
        return {setting.get("estimator", method): fields | {"ceiling": 12.0}}

    return rows


def trained(setting: dict[str, Any], seed: int) -> dict[str, Any]:
    steps = np.arange(10, 210, 10)
    value = 0.2 * (1 - np.exp(-steps / 40)) + 0.01 * seed
    return {"train_mi": (steps, value), "val_mi": (steps[4::5], value[4::5])}


def encoded(setting: dict[str, Any], seed: int) -> dict[str, Any]:
    steps = np.arange(10, 210, 10)
    error = 0.2 / (1 + seed) / np.sqrt(steps)
    return trained(setting, seed) | {"train_mse": (steps, error), "val_mse": (steps, 1.5 * error)}


def compared(
    errors: Mapping[str, float] | None = None, *, growth: str | None = None
) -> Callable[[dict[str, Any], int], Fields]:
    """Rows of a comparison: the n-th method errs by n / 1000, and 1 % more for each seed."""
    means = errors or {method: (index + 1) / 1000 for index, method in enumerate(METHODS)}

    def rows(setting: dict[str, Any], seed: int) -> Fields:
        factor = (1 + 0.01 * seed) * (1 + setting[growth] if growth else 1)
        found = {method: {"status": "ok", "test_mse": mean * factor} for method, mean in means.items()}
        if "mi_encoder" in found:
            found["mi_encoder"] |= {"estimate": 3.0, "true_mi": math.inf}
        return found

    return rows


SWEEP = {RHO: [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]}
DIMS = {"representation.dim": [1, 2, 3], "noise.scale": [0.0, 0.05]}
NOISE = {"noise.scale": [0.05, 0.1, 0.2, 0.4]}
DATA: dict[str, Any] = {"dataset": {"name": "root_functions", "n_samples": 1000}, "estimator": {"name": "dv"}}
MAXIMISE = DATA | {"procedure": "maximise", "split": {"val": 100, "test": 100}}
SPLIT = {"train": 0.8, "val": 0.1, "labelled": 0.05, "test": 0.05, "fresh": 4000}
COMPARE = DATA | {"procedure": "compare", "split": SPLIT}
ROWS = "dataset.n_samples"
TASK = "dataset.task"
CONTENDERS = ("mine", "dv", "ksg", "infonce")


def benchmarked(setting: dict[str, Any], seed: int) -> Fields:
    """Rows of a benchmark: the n-th estimator errs by n / 10 of the truth at 1,000 rows, and takes n seconds."""
    method = setting.get("estimator", "mine")
    turn = CONTENDERS.index(method) if method in CONTENDERS else 1
    true_mi = {"independent": 0.0, "large": 4.0}.get(setting.get(TASK, ""), 1.0)
    value = true_mi * (1 - turn / 10 * math.sqrt(1000 / setting.get(ROWS, 1000))) + 0.01 * (seed - 1)
    fields = {"true_mi": true_mi, "estimate": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
    return {method: {"status": "ok", "kind": "lower bound", "seconds": turn + 1.0} | fields}


def timed(seconds: Mapping[str, float]) -> Callable[[dict[str, Any], int], Fields]:
    """The same, with the seconds of each estimator."""

    def rows(setting: dict[str, Any], seed: int) -> Fields:
        ((method, fields),) = benchmarked(setting, seed).items()
        return {method: fields | {"seconds": seconds[method] * setting.get("training.steps", 1)}}

    return rows


BENCHMARK = {TASK: ["independent", "normal", "large"], "estimator": [*CONTENDERS]}
SIZES = {TASK: ["normal", "large"], ROWS: [500, 1000, 4000], "estimator": [*CONTENDERS]}


def draw(name: str, run: results.Records) -> Figure:
    figure: Figure = importlib.import_module(f"mi_cli.plots.{name}").plot(run)
    return figure


def lines(ax: Axes, label: str) -> list[Any]:
    return [line for line in ax.get_lines() if line.get_label() == label]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for found in figure.legends for text in found.get_texts()]


def notes(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def heading(figure: Figure) -> str:
    assert figure._suptitle is not None
    text: str = figure._suptitle.get_text()
    return text.replace("\n", " ")


def means(ax: Axes, label: str) -> list[float]:
    """Heights of the marks of a series."""
    (found,) = [bars for bars in ax.containers if bars.get_label() == label]
    return [float(value) for value in found.lines[0].get_ydata()]


def overlap(one: Any, two: Any) -> float:
    """Height or width that two boxes have in common, whichever is less; at most 0 if they are apart."""
    shared = (
        min(getattr(one, f"{d}1"), getattr(two, f"{d}1")) - max(getattr(one, f"{d}0"), getattr(two, f"{d}0"))
        for d in "xy"
    )
    return float(min(shared))
