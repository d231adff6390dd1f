"""Figures, drawn from small records made by hand."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
import yaml
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from mi_cli.analysis.intervals import Interval
from mi_cli.plots import scales, series, style
from mi_cli.plots.settings import Setting, placed
from mi_cli.records import results
from mi_cli.registry.builtin import PLOTS
from mi_cli.report.summary import summarise
from mi_cli.schema.config import validate

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


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the folder of a run whose trials are the product of ``axes`` and seeds, and reads it back."""
    number = itertools.count()

    def write(
        rows: Callable[[dict[str, Any], int], Fields],
        axes: Mapping[str, Sequence[Any]] | None = None,
        seeds: Sequence[int] = (0, 1, 2),
        history: Callable[[dict[str, Any], int], dict[str, Any]] | None = None,
        sampled: bool = False,
        lost: Mapping[int, str] | None = None,
        **config: Any,
    ) -> results.Records:
        folder = tmp_path / str(next(number))
        folder.mkdir()
        axes, lost = axes or {}, lost or {}
        config = {"name": "a_run", "estimator": {"name": "mine"}, "dataset": {"name": "gaussian"}} | config
        points = [*itertools.product(*axes.values(), seeds)]
        table: list[dict[str, Any]] = []
        traces, samples = {}, []
        for trial, (*values, seed) in enumerate(points):
            setting = dict(zip(axes, values, strict=True))
            head = {"trial": trial, "seed": seed, "dataset": "gaussian", "estimator": "mine"}
            head |= {axis: json.dumps(value) if isinstance(value, list) else value for axis, value in setting.items()}
            status = lost.get(trial, "ok")
            if status == "failed":
                table.append(head | {"method": "", "status": "failed", "reason": "an error"})
                continue
            for method, fields in rows(setting, seed).items():
                gone = status != "ok" and method in ("mine", "dv", "mi_encoder")
                kept = {"status": status, "reason": "not finite", "true_mi": fields.get("true_mi")} if gone else fields
                table.append(head | {"method": method} | kept)
            traces[trial] = history(setting, seed) if history else {}
            if sampled and seed == seeds[0]:
                x = np.linspace(-2, 2, 20)
                samples.append(pl.DataFrame({"trial": [trial] * 20, "x": x, "y": x**2}))
        resolved = validate(config)
        results.write_results(folder / "results.csv", table, list(axes))
        results.write_frame(folder / "history.parquet", results.history_frame(traces))
        if samples:
            results.write_frame(folder / "samples.parquet", pl.concat(samples))
        results.write_json(folder / "summary.json", summarise(resolved, table, list(axes), {}))
        (folder / "config.yaml").write_text(yaml.safe_dump(resolved.model_dump(mode="json")))
        return results.Records(folder)

    return write


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


SWEEP = {RHO: [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]}
DIMS = {"representation.dim": [1, 2, 3], "noise.scale": [0.0, 0.05]}
NOISE = {"noise.scale": [0.05, 0.1, 0.2, 0.4]}
DATA: dict[str, Any] = {"dataset": {"name": "root_functions", "n_samples": 1000}, "estimator": {"name": "dv"}}
MAXIMISE = DATA | {"procedure": "maximise", "split": {"val": 100, "test": 100}}
SPLIT = {"train": 0.8, "val": 0.1, "labelled": 0.05, "test": 0.05, "fresh": 4000}
COMPARE = DATA | {"procedure": "compare", "split": SPLIT}
MANY = {"training.lr": [0.01, 0.001], "estimator": ["dv", "mine"], RHO: [0.4, 0.6, 0.8]}
DIVERGED = dict.fromkeys(range(7), "diverged")
LONG = {"budget": {"name": "smoke"}, "name": "n" * 60}

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
VERY_MANY = {
    TASK: [f"half_cube-multinormal-sparse-25-25-2-{n}" for n in range(60)],
    "estimator": [f"estimator_{n}" for n in range(20)],
}

SHARE = "dataset.share"
PAIRS = [[f"column_{i}", f"column_{j}"] for i in range(5) for j in range(i)]


def of_table(setting: dict[str, Any], seed: int) -> Fields:
    """Rows of a table: a bound that grows with the rows, with all that is said of it."""
    n = int(1000 * setting.get(SHARE, 1))
    value = 0.5 - 20 / n + 0.001 * seed
    fields = {"estimate": value, "stderr": 0.02, "ci_low": value - 0.04, "ci_high": value + 0.04, "rows": n}
    fields |= {"lower": value - 0.033, "p_value": 0.001 if setting.get("dataset.pair") != PAIRS[0] else 0.5}
    truth = {"true_mi": 0.5} if RHO in setting else {}
    return {"auto": {"status": "ok", "kind": "lower bound"} | fields | truth}


# Runs of each kind that a plot may meet.
KINDS: dict[str, Callable[[Write], results.Records]] = {
    "sweep": lambda write: write(estimated(), SWEEP, [0, 1], trained, True, **LONG),
    "one cell": lambda write: write(estimated(), {}, [0], trained, True),
    "many": lambda write: write(estimated(), MANY, [0], trained, True),
    "lost": lambda write: write(estimated(), SWEEP, [0, 1], trained, True, {0: "diverged", 1: "diverged", 4: "failed"}),
    "failed": lambda write: write(estimated(), SWEEP, [0], lost=dict.fromkeys(range(6), "failed")),
    "maximise": lambda write: write(compared(), DIMS, history=encoded, **MAXIMISE),
    "maximise, lost": lambda write: write(compared(), DIMS, history=encoded, lost=DIVERGED, **MAXIMISE),
    "compare": lambda write: write(compared(growth="noise.scale"), NOISE, history=encoded, **COMPARE),
    "compare, one cell": lambda write: write(compared(), {}, [0], history=encoded, **COMPARE),
    "compare, groups": lambda write: write(compared(), {"shift": ["none", "scale_shift"]}, history=encoded, **COMPARE),
    "benchmark": lambda write: write(benchmarked, BENCHMARK, lost={0: "diverged", 3: "failed", 4: "failed"}),
    "benchmark, very many": lambda write: write(benchmarked, VERY_MANY, [0]),
    "sizes": lambda write: write(benchmarked, SIZES, lost={0: "diverged"}),
    "coverage": lambda write: write(of_table, {RHO: [0.0, 0.5], ROWS: [500, 2000]}, range(20)),
    "shares": lambda write: write(of_table, {SHARE: [0.25, 0.5, 1.0]}),
    "pairs": lambda write: write(of_table, {"dataset.pair": PAIRS}, [0], lost={1: "failed"}),
    "many pairs": lambda write: write(of_table, {"dataset.pair": [["target", f"c{i}"] for i in range(70)]}, [0]),
}
KINDS_OF = {
    "coverage": ("one cell", "failed", "coverage"),
    "extrapolation": ("one cell", "failed", "shares"),
    "forest": ("one cell", "sweep", "failed", "coverage", "pairs"),
    "pair_heat_map": ("one cell", "pairs", "many pairs"),
    "estimate_heat_map": ("one cell", "sweep", "failed", "benchmark", "benchmark, very many", "sizes"),
    "error_against_samples": ("one cell", "sizes", "benchmark"),
    "error_against_seconds": ("one cell", "benchmark", "benchmark, very many", "sizes"),
    "gaussian_samples": ("one cell", "lost", "failed"),
    "estimate_against_step": ("lost", "one cell", "many"),
    "estimate_against_axis": ("sweep", "one cell", "many", "maximise"),
    "mi_and_mse_against_step": ("maximise, lost", "compare", "compare, one cell"),
    "method_comparison": ("maximise", "compare", "compare, one cell", "compare, groups"),
}


class TestEveryPlot:
    @pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in PLOTS for kind in KINDS_OF[name]])
    def test_nothing_is_clipped_and_nothing_overlaps(self, name: str, kind: str, write: Write) -> None:
        figure = draw(name, KINDS[kind](write))
        figure.set_dpi(50)
        FigureCanvasAgg(figure).draw()
        panels = {ax: ax.get_window_extent() for ax in figure.axes}
        titles = [figure._suptitle, *(ax.title for ax in panels)]
        labels = [text for ax in panels for text in (ax.xaxis.label, ax.yaxis.label, *ax.texts)]
        texts = [text for text in (*titles, *labels, *figure.legends) if isinstance(text, Legend) or text.get_text()]
        for text in texts:
            box = text.get_window_extent()
            assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) > -1, text
        for one, two in itertools.combinations([*panels.values(), *(t.get_window_extent() for t in titles)], 2):
            assert _overlap(one, two) < 1
        for found, box in itertools.product(figure.legends, panels.values()):
            assert not found.get_window_extent().overlaps(box)
        assert all(min(b.width, b.height) > 30 for ax, b in panels.items() if ax.get_label() != "<colorbar>")

    @pytest.mark.parametrize("name", PLOTS)
    def test_the_title_says_what_was_run(self, name: str, write: Write) -> None:
        full = heading(draw(name, write(estimated(), {RHO: [0.2]}, history=trained)))
        assert "a_run, corrected variant, 3 seeds" in full
        assert "budget" not in full
        lost = {0: "diverged", 2: "failed"}
        part = heading(draw(name, write(estimated(), {RHO: [0.2, 0.4, 1.0]}, [0], lost=lost, budget={"name": "smoke"})))
        assert "1 seed, budget smoke, 1 of 3 trials diverged, 1 of 3 trials failed" in part

    @pytest.mark.parametrize("name", PLOTS)
    def test_settings_of_matplotlib_are_left_alone(self, name: str, write: Write) -> None:
        before = _settings()
        figure = draw(name, KINDS["maximise"](write))
        assert _settings() == before
        assert figure.get_facecolor() == (1, 1, 1, 1)

    def test_figures_can_be_drawn_in_threads(self, write: Write) -> None:
        run = write(estimated(), {RHO: [0.2, 0.4]}, history=trained, sampled=True)
        with ThreadPoolExecutor(3) as pool:
            figures = list(pool.map(lambda name: draw(name, run), PLOTS))
        assert len(figures) == len(PLOTS)

    def test_neither_torch_nor_a_display_is_needed(self) -> None:
        modules = ", ".join(f"mi_cli.plots.{name}" for name in PLOTS)
        code = f"import sys, {modules}; print({{'torch', 'sklearn', 'matplotlib.pyplot'}} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"


def _settings() -> dict[str, Any]:
    return {key: mpl.rcParams[key] for key in mpl.rcParams if key != "backend"}  # to read that one is to choose it


def _overlap(one: Any, two: Any) -> float:
    """Height or width that two boxes have in common, whichever is less; at most 0 if they are apart."""
    shared = (
        min(getattr(one, f"{d}1"), getattr(two, f"{d}1")) - max(getattr(one, f"{d}0"), getattr(two, f"{d}0"))
        for d in "xy"
    )
    return float(min(shared))


class TestGaussianSamples:
    def test_a_panel_for_each_data_set_and_not_for_other_axes(self, write: Write) -> None:
        axes = {RHO: [0.0, 0.6, 1.0], "estimator.hidden": [[8], [16]]}
        figure = draw("gaussian_samples", write(estimated(), axes, history=trained, sampled=True))
        assert [ax.get_title() for ax in figure.axes] == [
            "ρ = 0\ntrue MI = 0.0000 nats",
            "ρ = 0.6\ntrue MI = 0.2231 nats",
            "ρ = 1\ntrue MI = ∞",
        ]
        assert [len(ax.collections[0].get_offsets()) for ax in figure.axes] == [20, 20, 20]
        assert figure.axes[0].get_ylabel() == "y"

    def test_an_unknown_truth_is_left_out(self, write: Write) -> None:
        def rows(setting: dict[str, Any], seed: int) -> Fields:
            return {"mine": {"status": "ok", "estimate": 0.1}}

        figure = draw("gaussian_samples", write(rows, {}, [0], sampled=True))
        assert [ax.get_title() for ax in figure.axes] == ["ρ = 0.6"]

    def test_no_samples(self, write: Write) -> None:
        assert "no samples" in notes(draw("gaussian_samples", write(estimated())).axes[0])


class TestEstimateAgainstStep:
    def test_lines_and_truth(self, write: Write) -> None:
        rhos = [0.0, 0.2, 0.6]
        figure = draw("estimate_against_step", write(estimated(), {RHO: rhos}, history=trained))
        for rho, ax in zip(rhos, figure.axes, strict=True):
            (line,) = lines(ax, "true MI")
            assert list(line.get_ydata()) == pytest.approx([truth(rho)] * 2)
            low, high = ax.get_ylim()
            assert low < truth(rho) < high
            assert len(lines(ax, "training rows")) == len(lines(ax, "validation rows")) == 3
        assert legend(figure) == ["training rows", "validation rows", "true MI"]
        assert figure.axes[0].get_ylabel() == "mutual information (nats)"

    def test_an_infinite_truth_has_no_line(self, write: Write) -> None:
        figure = draw("estimate_against_step", write(estimated(), {RHO: [1.0]}, history=trained))
        assert not lines(figure.axes[0], "true MI")
        assert "∞" in notes(figure.axes[0])
        assert "ceiling of the held-out estimate" not in legend(figure)

    def test_a_ceiling_in_reach_is_drawn(self, write: Write) -> None:
        def high(setting: dict[str, Any], seed: int) -> dict[str, Any]:
            return {"train_mi": (np.arange(5), np.linspace(0, 10, 5))}

        figure = draw("estimate_against_step", write(estimated(), {RHO: [1.0]}, history=high))
        (line,) = lines(figure.axes[0], "ceiling of the held-out estimate")
        assert set(line.get_ydata()) == {12.0}
        assert figure.axes[0].get_ylim()[1] > 12

    def test_lost_trials_are_counted_in_their_panel(self, write: Write) -> None:
        run = write(estimated(), {RHO: [0.2, 0.4]}, [0, 1], trained, lost={1: "diverged", 2: "failed", 3: "failed"})
        first, second = draw("estimate_against_step", run).axes
        assert notes(first) == "1 of 2 diverged"
        assert notes(second) == "2 of 2 failed"
        assert len(lines(first, "last value before divergence")) == 2

    def test_spikes_do_not_set_the_scale(self, write: Write) -> None:
        def spiked(setting: dict[str, Any], seed: int) -> dict[str, Any]:
            values = np.full(200, 0.2)
            values[3], values[4] = -1e6, np.inf
            return {"train_mi": (np.arange(200), values)}

        low, high = draw("estimate_against_step", write(estimated(), {}, history=spiked)).axes[0].get_ylim()
        assert 0 < low < high < 1


class TestEstimateAgainstAxis:
    def test_estimates_truth_and_what_is_between(self, write: Write) -> None:
        rhos = [0.2, 0.6, 1.0]
        top, below = draw("estimate_against_axis", write(estimated(bias=0.1), {RHO: rhos})).axes
        (line,) = lines(top, "true MI")
        assert list(line.get_xdata()) == [0.2, 0.6]
        assert list(line.get_ydata()) == [pytest.approx(truth(rho)) for rho in (0.2, 0.6)]
        assert means(top, "MINE") == [pytest.approx(truth(rho) + 0.11) for rho in (0.2, 0.6)] + [pytest.approx(5.11)]
        assert means(below, "MINE") == [pytest.approx(0.11)] * 2
        assert "true MI = ∞" in notes(top)
        assert top.get_ylim()[1] < 10
        assert (top.get_ylabel(), below.get_ylabel()) == ("mutual information (nats)", "estimate − true MI (nats)")
        assert below.get_xlabel() == "correlation ρ of x and y"

    def test_the_legend_names_methods_in_their_colours(self, write: Write) -> None:
        figure = draw("estimate_against_axis", write(estimated(), {RHO: [0.2, 0.6], "estimator": ["dv", "mine"]}))
        assert legend(figure) == ["true MI", "DV", "MINE"]
        colours = [bars.lines[0].get_color() for bars in figure.axes[0].containers]
        assert colours == [style.look("dv").colour, style.look("mine").colour]

    def test_settings_of_one_method_are_told_apart(self, write: Write) -> None:
        axes = {RHO: [0.2, 0.6], "estimator.critic": ["linear", "quadratic"]}
        figure = draw("estimate_against_axis", write(estimated(), axes))
        assert legend(figure) == ["true MI", "critic = linear", "critic = quadratic"]

    def test_settings_of_several_methods_keep_the_colour_of_the_method(self, write: Write) -> None:
        axes = {RHO: [0.2, 0.6], "estimator": ["dv", "mine"], "training.lr": [0.1, 0.01]}
        figure = draw("estimate_against_axis", write(estimated(), axes))
        assert "MINE, learning rate = 0.01" in legend(figure)
        bars = figure.axes[0].containers
        assert len({found.lines[0].get_color() for found in bars}) == 2
        assert len({found.lines[0].get_marker() for found in bars}) == 2

    def test_the_truth_of_each_value_of_another_axis(self, write: Write) -> None:
        figure = draw("estimate_against_axis", write(estimated(), {"training.lr": [0.1, 0.01], RHO: [0.2, 0.6]}))
        for rho in (0.2, 0.6):
            (line,) = lines(figure.axes[0], f"true MI, ρ = {rho}")
            assert list(line.get_ydata()) == pytest.approx([truth(rho)] * 2)

    def test_an_axis_of_words(self, write: Write) -> None:
        top, below = draw("estimate_against_axis", write(estimated(), {"estimator.product": ["shuffle", "none"]})).axes
        assert [label.get_text() for label in below.get_xticklabels()] == ["shuffle", "none"]
        assert below.get_xlim() == (-0.5, 1.5)
        assert means(top, "MINE") == [pytest.approx(truth(0.6) + 0.01)] * 2

    def test_no_axis(self, write: Write) -> None:
        top, below = draw("estimate_against_axis", write(estimated(), {})).axes
        assert [label.get_text() for label in below.get_xticklabels()] == ["MINE"]
        assert len(means(top, "MINE")) == 1

    def test_bars_are_over_seeds_or_over_rows_of_the_only_one(self, write: Write) -> None:
        several = draw("estimate_against_axis", write(estimated(), {RHO: [0.2, 0.6]}))
        alone = draw("estimate_against_axis", write(estimated(), {RHO: [0.2, 0.6]}, [0]))
        assert "over seeds" in heading(several)
        assert "over held-out rows" in heading(alone)
        (bars,) = alone.axes[0].containers
        (segment, _) = bars.lines[2][0].get_segments()
        assert segment[:, 1] == pytest.approx([truth(0.2) - 0.02, truth(0.2) + 0.02])

    def test_lost_trials_leave_a_gap(self, write: Write) -> None:
        run = write(estimated(), {RHO: [0.2, 0.4, 0.6]}, [0, 1], lost={2: "diverged", 3: "failed"})
        top = draw("estimate_against_axis", run).axes[0]
        assert len(means(top, "MINE")) == 2

    def test_an_estimate_gone_astray_does_not_set_the_scale(self, write: Write) -> None:
        def rows(setting: dict[str, Any], seed: int) -> Fields:
            return estimated(bias=-2e8 if setting["training.lr"] == 300 else 0)(setting, seed)

        top = draw("estimate_against_axis", write(rows, {"training.lr": [0.01, 300]})).axes[0]
        assert top.get_ylim()[0] > -1
        assert "−2e8" in notes(top)


class TestMiAndMseAgainstStep:
    def test_columns_rows_and_colours(self, write: Write) -> None:
        axes = {"representation.dim": [1, 2, 3], "noise.scale": [0.0, 0.05]}
        figure = draw(
            "mi_and_mse_against_step", write(compared(growth="noise.scale"), axes, history=_by_dim, **MAXIMISE)
        )
        assert len(figure.axes) == 6
        above, below = figure.axes[:3], figure.axes[3:]
        assert [ax.get_title() for ax in above] == [f"code dimension = {dim}" for dim in (1, 2, 3)]
        assert above[0].get_ylabel() == "mutual information (nats)"
        assert below[0].get_ylabel() == "MSE (label units²)"
        assert {ax.get_yscale() for ax in below} == {"log"}
        assert {ax.get_yscale() for ax in above} == {"linear"}
        assert legend(figure) == [
            "validation rows", "training rows", "noise = 0", "noise = 0.05",
            "linear regression (test rows)", "PCA code (test rows)",
        ]  # fmt: skip

    def test_the_line_is_the_mean_over_seeds_and_the_band_their_range(self, write: Write) -> None:
        figure = draw("mi_and_mse_against_step", write(compared(), {}, history=encoded, **MAXIMISE))
        below = figure.axes[1]
        last = [1.5 * 0.2 / (1 + seed) / math.sqrt(200) for seed in range(3)]
        heights = [line.get_ydata()[-1] for line in below.get_lines() if len(line.get_ydata()) == 20]
        assert heights[0] == pytest.approx(np.mean(last))
        band = below.collections[0].get_paths()[0].vertices
        assert [band[band[:, 0] == 200, 1].min(), band[band[:, 0] == 200, 1].max()] == pytest.approx(
            [min(last), max(last)]
        )

    def test_baselines_at_their_height_or_in_words(self, write: Write) -> None:
        errors = {"linear_regression": 1e-30, "pca": 0.02, "mi_encoder": 0.03}
        below = draw("mi_and_mse_against_step", write(compared(errors), {}, history=encoded, **MAXIMISE)).axes[1]
        heights = [line.get_ydata()[0] for line in below.get_lines() if len(line.get_ydata()) == 2]
        assert heights == [pytest.approx(0.02 * 1.01)]
        assert notes(below) == "linear regression: 1e−30 ↓"
        assert below.get_ylim()[0] > 1e-4

    def test_comparisons_have_no_baselines_and_equal_columns_are_one(self, write: Write) -> None:
        run = write(compared(), {"split.labelled": [20, 50]}, history=encoded, **COMPARE)
        figure = draw("mi_and_mse_against_step", run)
        assert len(figure.axes) == 2
        assert "the same for every value of: labelled rows" in heading(figure)
        assert not any("test rows" in label for label in legend(figure))

    def test_without_validation_rows(self, write: Write) -> None:
        def history(setting: dict[str, Any], seed: int) -> dict[str, Any]:
            return {name: trace for name, trace in encoded(setting, seed).items() if name.startswith("train")}

        figure = draw("mi_and_mse_against_step", write(compared(), {}, history=history, **MAXIMISE))
        assert legend(figure)[0] == "training rows"
        assert "validation rows" not in legend(figure)

    def test_a_seed_that_stopped_early_keeps_its_last_value(self, write: Write) -> None:
        def history(setting: dict[str, Any], seed: int) -> dict[str, Any]:
            steps = np.arange(1, 6 if seed == 0 else 11)
            return {"train_mi": (steps, steps.astype(float)), "train_mse": (steps, 1 / steps)}

        above, _ = draw("mi_and_mse_against_step", write(compared(), {}, [0, 1], history, **MAXIMISE)).axes
        (curve,) = [line for line in above.get_lines() if len(line.get_ydata()) == 10]
        assert curve.get_ydata()[-1] == pytest.approx((5 + 10) / 2)

    def test_lost_trials(self, write: Write) -> None:
        run = write(compared(), {"representation.dim": [1, 2]}, [0, 1], _by_dim, lost={0: "diverged"}, **MAXIMISE)
        assert notes(draw("mi_and_mse_against_step", run).axes[0]) == "1 of 2 lost"


def _by_dim(setting: dict[str, Any], seed: int) -> dict[str, Any]:
    factor = 1 + setting["representation.dim"] + setting.get("noise.scale", 0)
    return {name: (at, values / factor) for name, (at, values) in encoded(setting, seed).items()}


class TestMethodComparison:
    def test_lines_against_numbers(self, write: Write) -> None:
        run = write(compared(growth="noise.scale"), NOISE)
        figure = draw("method_comparison", run)
        left, right = figure.axes
        assert legend(figure) == [style.look(method).label for method in METHODS]
        assert left.get_yscale() == "log"
        assert left.get_xscale() == "linear"
        assert left.get_xlabel() == "noise on the columns of x (standard deviation)"
        assert left.get_ylabel() == "test MSE (label units²)"
        assert means(left, "ridge regression") == [pytest.approx(0.002 * 1.01 * (1 + n)) for n in NOISE["noise.scale"]]
        differences = [
            cell["difference"]["mean"] for cell in run.summary["cells"] if cell["method"] == "ridge"
        ]  # as the summary has them
        assert means(right, "ridge regression") == [pytest.approx(value) for value in differences]
        assert any(set(line.get_ydata()) == {0} for line in right.get_lines())
        assert "better" in right.get_ylabel()
        assert len(left.collections[0].get_offsets()) == 4 * 3

    def test_an_axis_of_decades_is_logarithmic(self, write: Write) -> None:
        figure = draw("method_comparison", write(compared(), {"split.labelled": [20, 100, 500]}))
        assert figure.axes[0].get_xscale() == "log"
        assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["20", "100", "500"]

    def test_columns_are_counted_as_columns(self, write: Write) -> None:
        left = draw("method_comparison", write(compared(), {"dataset.powers": [4, 7, 19]})).axes[0]
        assert list(left.get_xticks()) == [28, 49, 133]
        assert left.get_xlabel().startswith("columns of x")

    def test_groups_where_the_axis_has_few_values_or_words(self, write: Write) -> None:
        figure = draw("method_comparison", write(compared(), {"shift": ["none", "scale_shift"]}))
        assert len(figure.axes) == 4
        assert [ax.get_title() for ax in figure.axes[::2]] == ["shift = none", "shift = scale_shift"]
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert labels == [style.look(method).label for method in METHODS]
        assert figure.axes[0].get_xscale() == "log"
        assert not figure.legends

    def test_a_row_for_each_value_of_the_other_axes(self, write: Write) -> None:
        figure = draw("method_comparison", write(compared(), {"shift": ["none", "scale_shift"]} | NOISE))
        assert len(figure.axes) == 4
        assert figure.axes[0].get_lines()

    def test_one_method_exploding_leaves_the_others_readable(self, write: Write) -> None:
        errors = dict.fromkeys(METHODS, 0.004) | {"ridge": 0.003, "pca": 0.005, "mi_encoder": 1500.0}
        right = draw("method_comparison", write(compared(errors), NOISE)).axes[1]
        assert right.get_yscale() == "symlog"
        low, high = right.get_ylim()
        ends = right.transData.transform([(0.1, low), (0.1, -0.001), (0.1, 0), (0.1, 0.001), (0.1, high)])[:, 1]
        assert (np.diff(ends)[1:3] > 0.1 * (ends[-1] - ends[0])).all()
        assert low < 0 < 1400 < high

    def test_an_error_of_zero_is_told_in_words(self, write: Write) -> None:
        errors = {"linear_regression": 3e-31, "pca": 0.02, "mi_encoder": 0.03}
        left = draw("method_comparison", write(compared(errors), {})).axes[0]
        assert notes(left) == "← 3e−31"
        assert left.get_xlim()[0] > 1e-3
        lines_ = draw("method_comparison", write(compared(errors), NOISE)).axes[0]
        assert notes(lines_) == "linear regression: 3e−31 ↓"

    def test_a_method_without_result_is_named(self, write: Write) -> None:
        lost = {0: "diverged", 1: "diverged"}
        assert notes(draw("method_comparison", write(compared(), {}, [0, 1], lost=lost)).axes[0]) == "no result"
        axes = {"shift": ["a", "b"]} | NOISE
        run = write(compared(), axes, [0], lost=dict.fromkeys(range(4), "diverged"))
        first, _, second, _ = draw("method_comparison", run).axes
        assert notes(first) == "no result: MI encoder"
        assert notes(second) == ""

    def test_without_linear_regression(self, write: Write) -> None:
        right = draw("method_comparison", write(compared({"ridge": 0.1, "pca": 0.2}), {})).axes[1]
        assert notes(right) == "no linear regression to compare with"


def cell_texts(figure: Figure) -> dict[tuple[int, int], str]:
    """What the squares of a heat map say, by row and column (0: the truth)."""
    places = [(text.get_position(), text.get_text()) for text in figure.axes[0].texts]
    return {(int(y), int(x)): text for (x, y), text in places}


def colours(figure: Figure) -> dict[tuple[int, int], str]:
    """Colours of the squares of a heat map, by row and column."""
    squares = [patch for patch in figure.axes[0].patches if patch.get_width() == 1]
    return {(int(p.get_y()), int(p.get_x())): mpl.colors.to_hex(p.get_facecolor()) for p in squares}


class TestEstimateHeatMap:
    def test_numbers_marks_and_names(self, write: Write) -> None:
        figure = draw("estimate_heat_map", write(benchmarked, BENCHMARK))
        texts, ax = cell_texts(figure), figure.axes[0]
        assert [texts[row, 0] for row in range(3)] == ["0.00", "1.00", "4.00"]
        assert [texts[0, column] for column in range(1, 5)] == ["0.00 ✓"] * 4
        assert [texts[2, column] for column in range(1, 5)] == ["4.00 ✓", "3.60 ✓", "3.20", "2.80"]
        assert [texts[3, column] for column in range(1, 5)] == ["3 of 3", "3 of 3", "1 of 3", "1 of 3"]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["independent", "normal", "large", "solved"]
        assert [label.get_text() for label in ax.get_xticklabels()] == ["true MI", "MINE", "DV", "ksg", "infonce"]

    def test_colours_are_of_the_signed_error(self, write: Write) -> None:
        def rows(setting: dict[str, Any], seed: int) -> Fields:
            return {"mine": {"status": "ok", "true_mi": 1.0, "estimate": 1.0 + setting["training.lr"]}}

        offs = [-0.6, -0.3, -0.2, 0.0, 0.2, 0.3, 0.6]
        figure = draw("estimate_heat_map", write(rows, {"training.lr": offs}))
        found = [colours(figure)[0, column] for column in range(1, 8)]
        assert found == ["#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"]
        assert legend(figure)[0] == "below −50 %"
        assert legend(figure)[3] == "within 10 %"

    def test_small_truths_do_not_blow_up_errors(self, write: Write) -> None:
        def rows(setting: dict[str, Any], seed: int) -> Fields:
            return {"mine": {"status": "ok", "true_mi": 0.0, "estimate": 0.1}}

        assert colours(draw("estimate_heat_map", write(rows, {})))[0, 1] == "#fddbc7"

    def test_lost_trials_are_hatched_and_said(self, write: Write) -> None:
        lost = dict.fromkeys(range(3), "diverged") | dict.fromkeys((3, 4, 5), "failed") | {12: "diverged"}
        figure = draw("estimate_heat_map", write(benchmarked, BENCHMARK, lost=lost))
        texts = cell_texts(figure)
        assert [texts[0, 1], texts[0, 2], texts[1, 1]] == ["diverged", "failed", "1.00\n1 diverged"]
        hatched = [(int(p.get_y()), int(p.get_x())) for p in figure.axes[0].patches if p.get_hatch() and p.get_width()]
        assert hatched == [(0, 1), (0, 2), (1, 1)]
        assert legend(figure)[-1] == "trials lost"
        assert texts[3, 1] == "1 of 3"

    def test_truths_that_are_infinite_or_unknown_have_no_colour(self, write: Write) -> None:
        figure = draw("estimate_heat_map", write(estimated(), {RHO: [0.6, 1.0]}))
        assert cell_texts(figure)[1, 0] == "∞"
        assert colours(figure)[1, 1] == "#e8e8e8"
        assert cell_texts(figure)[2, 1] == "1 of 1"

    def test_methods_that_were_not_tried_on_a_task_are_empty(self, write: Write) -> None:
        def rows(setting: dict[str, Any], seed: int) -> Fields:
            found = benchmarked(setting, seed)
            return found if setting[TASK] == "normal" else found | {"mine_training": found["mine"]}

        figure = draw("estimate_heat_map", write(rows, {TASK: ["normal", "large"]}))
        assert cell_texts(figure)[0, 2] == "–"


class TestErrorAgainstSamples:
    def test_errors_of_the_mean_task_and_of_each(self, write: Write) -> None:
        figure = draw("error_against_samples", write(benchmarked, SIZES))
        assert [ax.get_title() for ax in figure.axes] == ["mean over 2 tasks", "normal", "large"]
        assert legend(figure) == ["MINE", "DV", "ksg", "infonce"]
        mean, normal, large = (means(ax, "ksg") for ax in figure.axes)
        assert normal == pytest.approx([0.2 * math.sqrt(1000 / n) for n in SIZES[ROWS]])
        assert mean == pytest.approx([(a + b) / 2 for a, b in zip(normal, large, strict=True)])
        ax = figure.axes[1]
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert [label.get_text() for label in ax.get_xticklabels()] == ["500", "1000", "4000"]
        assert ax.get_xlabel() == "rows of the data set"

    def test_one_task_has_one_panel(self, write: Write) -> None:
        assert len(draw("error_against_samples", write(benchmarked, {ROWS: [500, 1000]})).axes) == 1

    def test_many_tasks_have_one_panel(self, write: Write) -> None:
        axes = {TASK: [f"task {n}" for n in range(12)], ROWS: [500, 1000]}
        figure = draw("error_against_samples", write(benchmarked, axes))
        assert [ax.get_title() for ax in figure.axes] == ["mean over 12 tasks"]

    def test_a_task_without_estimate_leaves_a_gap_that_is_named(self, write: Write) -> None:
        run = write(benchmarked, SIZES, [0, 1], lost={0: "failed", 1: "failed"})
        figure = draw("error_against_samples", run)
        assert [len(means(ax, "MINE")) for ax in figure.axes] == [2, 2, 3]
        assert "left out where a task has no estimate: MINE" in heading(figure)

    def test_without_numbers_of_rows(self, write: Write) -> None:
        assert "no axis (dataset.n_samples)" in notes(draw("error_against_samples", write(benchmarked)).axes[0])


class TestErrorAgainstSeconds:
    def test_points_are_labelled_and_the_front_is_drawn(self, write: Write) -> None:
        seconds = {"ksg": 1.0, "infonce": 2.0, "mine": 3.0, "dv": 4.0}  # infonce and dv are beaten at both
        run = write(timed(seconds), {"estimator": [*CONTENDERS], TASK: ["normal"]})
        ax = draw("error_against_seconds", run).axes[0]
        assert sorted(text.get_text() for text in ax.texts) == ["DV", "MINE", "infonce", "ksg"]
        (front,) = [line for line in ax.get_lines() if line.get_color() == style.GREY]
        inner = [(x, y) for x, y in zip(*front.get_data(), strict=True) if max(x, y) < 100]
        assert np.ravel(inner) == pytest.approx([1, 0.2, 3, 0.2, 3, 0.02 / 3])
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")

    def test_labels_do_not_cover_each_other(self, write: Write) -> None:
        methods = [f"estimator_{n}" for n in range(20)]
        run = write(timed({name: 1.2**n for n, name in enumerate(methods)}), {"estimator": methods})
        figure = draw("error_against_seconds", run)
        FigureCanvasAgg(figure).draw()
        boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]  # without the lines that lead to them
        assert len(boxes) == 20
        assert all(_overlap(one, two) < 1 for one, two in itertools.combinations(boxes, 2))

    def test_settings_of_one_method_are_a_line(self, write: Write) -> None:
        run = write(timed({"dv": 1, "ksg": 2}), {"training.steps": [10, 100], "estimator": ["dv", "ksg"]})
        ax = draw("error_against_seconds", run).axes[0]
        assert "DV, steps = 100" in [text.get_text() for text in ax.texts]
        (curve,) = [line for line in ax.get_lines() if list(line.get_xdata()) == [10, 100]]
        assert curve.get_color() == style.look("dv").colour

    def test_estimators_with_a_task_unanswered_are_left_out(self, write: Write) -> None:
        figure = draw("error_against_seconds", write(benchmarked, BENCHMARK, [0], lost={1: "diverged"}))
        assert "left out, with a task unanswered: DV" in heading(figure)
        assert "DV" not in [text.get_text() for text in figure.axes[0].texts]


class TestSeries:
    def test_looks_differ_whatever_the_names(self) -> None:
        looks = series.looks((Setting(), f"method_{n}") for n in range(49))
        assert len({(look.colour, look.marker) for look in looks.values()}) == 49
        few = series.looks((Setting(), f"method_{n}") for n in range(7))
        assert len({look.colour for look in few.values()}) == 7

    def test_listed_methods_keep_theirs(self) -> None:
        looks = series.looks((Setting(), name) for name in ("other", "another", "mine", "dv"))
        assert looks[Setting(), "mine"] == style.look("mine")
        assert looks[Setting(), "dv"] == style.look("dv")

    def test_tasks_in_words(self) -> None:
        tasks = [Setting(((TASK, name), (ROWS, 500.0), (RHO, rho))) for name, rho in (("a", 0.2), ("b", 0.4))]
        assert series.task_labels(tasks) == ["a, ρ = 0.2", "b, ρ = 0.4"]
        assert series.task_labels(tasks[:1]) == ["a"]
        assert series.task_labels([Setting()]) == ["the only task"]


class TestStyle:
    def test_methods_differ_in_colour_and_marker(self) -> None:
        looks = [style.look(method) for method in METHODS]
        assert len({look.colour for look in looks}) == len({look.marker for look in looks}) == len(METHODS)

    def test_a_method_that_is_not_listed_has_one_look(self) -> None:
        assert style.look("boosted_trees") == style.look("boosted_trees")
        assert style.look("boosted_trees").label == "boosted trees"

    def test_training_values_are_hollow(self) -> None:
        held_out, training = style.look("mine"), style.look("mine_training")
        assert (training.colour, training.marker) == (held_out.colour, held_out.marker)
        assert held_out.filled
        assert not training.filled

    def test_settings_in_words(self) -> None:
        setting = Setting((("dataset.rho", 0.6), ("estimator.critic", "linear"), ("training.ema", None)))
        assert style.setting_label(setting) == "ρ = 0.6, critic = linear, training.ema = none"

    def test_shares_and_numbers_of_labelled_rows(self) -> None:
        assert style.axis_label("split.labelled", [0.05, 0.1]) == "share of rows that are labelled"
        assert style.axis_label("split.labelled", [20.0, 500.0]) == "labelled rows"

    @pytest.mark.parametrize(
        ("n", "grid"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (6, (2, 3)), (12, (3, 4)), (24, (4, 6))]
    )
    def test_panels_are_wrapped(self, n: int, grid: tuple[int, int]) -> None:
        places = placed([Setting(((RHO, index / n),)) for index in range(n)])
        assert len(set(places)) == n
        assert (max(row for row, _ in places) + 1, max(column for _, column in places) + 1) == grid

    def test_the_first_axis_runs_along_the_columns(self) -> None:
        settings = [Setting((("a", x), ("b", y))) for x, y in itertools.product((2.0, 1.0), "uv")]
        assert placed(settings) == [(0, 1), (1, 1), (0, 0), (1, 0)]


class TestScales:
    def test_wide_intervals_are_cut_and_means_are_not(self) -> None:
        points = [Interval(0.0, -100.0, 100.0, 1.0, 2), Interval(1.0, 0.9, 1.1, 0.1, 2)]
        (low, high), cut = scales.value_limits(points, [2.0], 0.1)
        assert cut
        assert -10 < low < 0 < 2 < high < 10

    def test_zeros_by_rounding_do_not_stretch_a_log_axis(self) -> None:
        low, high = scales.log_limits([1e-31, 0.0, 0.01, 0.1])
        assert 1e-3 < low < 0.01
        assert 0.1 < high < 1
