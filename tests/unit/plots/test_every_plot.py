"""What holds for every plot: nothing overlaps, the title says what was run, matplotlib keeps its settings."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from plotted import (
    BENCHMARK,
    COMPARE,
    DIMS,
    MAXIMISE,
    NOISE,
    RHO,
    ROWS,
    SIZES,
    SWEEP,
    TASK,
    Fields,
    Write,
    benchmarked,
    compared,
    draw,
    encoded,
    estimated,
    heading,
    overlap,
    trained,
)

from mi_cli.analysis.answer_scores import SHARES
from mi_cli.analysis.interaction import LABELS as LABELS_OF_MEASURES
from mi_cli.plots.parts.values import told
from mi_cli.records import results
from mi_cli.registry.builtin import PLOTS

MANY = {"training.lr": [0.01, 0.001], "estimator": ["dv", "mine"], RHO: [0.4, 0.6, 0.8]}
DIVERGED = dict.fromkeys(range(7), "diverged")
LONG = {"budget": {"name": "smoke"}, "name": "n" * 60}
VERY_MANY = {
    TASK: [f"half_cube-multinormal-sparse-25-25-2-{n}" for n in range(30)],
    "estimator": [f"estimator_{n}" for n in range(20)],
}
SHARE = "dataset.share"
PAIRS = [[f"column_{i}", f"column_{j}"] for i in range(5) for j in range(i)]


def of_table(setting: dict[str, Any], seed: int) -> Fields:
    """Rows of a table: a bound that grows with the rows, with its interval, lower confidence bound and p-value."""
    n = int(1000 * setting.get(SHARE, 1))
    value = 0.5 - 20 / n + 0.001 * seed
    fields = {"estimate": value, "stderr": 0.02, "ci_low": value - 0.04, "ci_high": value + 0.04, "rows": n}
    fields |= {"lower": value - 0.033, "p_value": 0.001 if setting.get("dataset.pair") != PAIRS[0] else 0.5}
    truth = {"true_mi": 0.5} if RHO in setting else {}
    return {"auto": {"status": "ok", "kind": "lower bound"} | fields | truth}


def answered(write: Write) -> results.Records:
    """A run with the table ``answers`` of some kinds; no answer was given for one of them."""
    run = write(of_table, {RHO: [0.0, 0.5]}, tables=["answers"])
    shares = {f"{name}{end}": value for name in SHARES for end, value in (("", 0.8), ("_low", 0.6), ("_high", 0.95))}
    kinds = ["piecewise constant", "rings", "multiplicative noise", "all"]
    rows = [{"kind": kind, "trials": 30} | shares for kind in kinds]
    rows[1] |= {"solved": None, "covers_truth": 1.0, "covers_truth_high": 1.0}
    run.summary["tables"]["answers"] = rows
    return run


def represented(scores: dict[str, float], column: str = "test_r2") -> Callable[[dict[str, Any], int], Fields]:
    """Rows of methods whose scores grow with the number of labels."""

    def rows(setting: dict[str, Any], seed: int) -> Fields:
        labels = int(setting["split.labels"])
        return {
            method: {"status": "ok", "labels": labels, column: score * labels / (30 + labels) + 0.02 * seed}
            for method, score in scores.items()
        }

    return rows


def of_rows(x: Callable[[Any], Any] | None, *, truth: bool = True) -> Callable[[Write], results.Records]:
    """A run with the pointwise MI of its rows; x are numbers that are mapped, or several columns."""

    def write_rows(write: Write) -> results.Records:
        run = write(estimated(), {RHO: [0.2, 0.8]}, [0, 1])
        random, parts = np.random.default_rng(0), []
        for trial in range(4):
            numbers, y = random.normal(size=(2, 5000))
            columns = {"trial": [trial] * 5000, "method": ["mine"] * 5000, "row": range(5000), "pmi": numbers * y}
            columns |= {"true_pmi": numbers * y + y if truth else [None] * 5000}
            columns |= {"x": [None] * 5000 if x is None else x(numbers), "y": y}
            ranks = pl.col("pmi").rank("ordinal", descending=True).cast(pl.Int64).alias("rank")
            parts.append(pl.DataFrame(columns).with_columns(ranks))
        results.write_frame(run.folder / results.POINTWISE, pl.concat(parts))
        return run

    return write_rows


def interacting(columns: int) -> Callable[[Write], results.Records]:
    """A run with the measures of all columns together by two estimators, and of their triples."""

    def rows(setting: dict[str, Any], seed: int) -> Fields:
        triples = itertools.combinations([f"a_column_{i}" for i in range(columns)], 3)
        methods = [*LABELS_OF_MEASURES, *(json.dumps(triple) for triple in triples if columns > 3)]
        fields = {}
        for at, method in enumerate(methods):
            value = 0.3 - 0.1 * at + 0.01 * seed
            fields[method] = {"status": "ok", "estimate": value, "stderr": 0.05, "ci_low": value - 0.1}
            fields[method] |= {
                "ci_high": value + 0.1,
                "p_value": min(1.0, 0.01 * at),
                "true_mi": 0.25 if at < 3 else None,
            }
        return fields

    return lambda write: write(rows, {"estimator": ["copula", "nearest"]}, [0, 1])


def of_lags(setting: dict[str, Any], seed: int) -> Fields:
    """Rows of lags, of which one is significant and another one is infinite."""
    method = str(setting.get("estimator", "copula"))
    fields = {"status": "ok", "estimate": 0.1, "ci_low": -0.1, "ci_high": 0.3, "true_mi": 0.2, "p_corrected": 0.3}
    rows = {f"lag_{lag}": fields | {"lag": lag} for lag in range(-2, 9)}
    rows["lag_3"] |= {"estimate": 0.9 + 0.1 * seed, "p_corrected": 0.01, "ci_high": 1.2, "reason": method}
    rows["lag_4"] |= {"estimate": float("inf"), "ci_low": None, "ci_high": None, "p_corrected": None}
    return rows


def of_directions(names: list[str]) -> Callable[[dict[str, Any], int], Fields]:
    """Rows of transfer entropies, those of neighbours significant, and a net flow."""

    def rows(setting: dict[str, Any], seed: int) -> Fields:
        found = {}
        for place, source in enumerate(names):
            for target in names:
                near = names[(place + 1) % len(names)] == target
                fields = {"status": "ok", "source": source, "target": target, "estimate": 0.3 * near, "lag": 1}
                found[f"{source} -> {target}"] = fields | {"p_value": 1e-9 if near else 0.5}
        del found[f"{names[0]} -> {names[0]}"]
        net = {"status": "ok", "source": names[0], "target": names[1], "estimate": 0.3, "lag": 1}
        return found | {f"net {names[0]} -> {names[1]}": net}

    return rows


def infinite(rows: Callable[[dict[str, Any], int], Fields]) -> Callable[[dict[str, Any], int], Fields]:
    """The same rows, the first of them with an infinite estimate and true MI."""

    def changed(setting: dict[str, Any], seed: int) -> Fields:
        found = rows(setting, seed)
        if setting.get(SHARE, 1.0) == 1.0 and setting.get("dataset.pair", PAIRS[3]) == PAIRS[3]:
            first = next(iter(found))
            found[first] |= dict.fromkeys(("estimate", "ci_low", "ci_high", "true_mi"), math.inf)
        return found

    return changed


def three_measures(setting: dict[str, Any], seed: int) -> Fields:
    """Rows of the measures of three columns."""
    return {
        method: {"status": "ok", "estimate": 0.2, "ci_low": 0.1, "ci_high": 0.3, "p_value": 0.01, "true_mi": 0.25}
        for method in LABELS_OF_MEASURES
    }


BOTH = {"estimator": ["copula", "nearest"]}
LABELS = {"split.labels": [10, 100, 1000]}
SCORES = {"no_columns": 0.0, "raw_columns": 0.5, "pca": 0.4, "infomax": 0.6, "two_view": 0.55, "vicreg": 0.5}
SCORES |= {"autoencoder": 0.45, "pls": 0.5, "untrained": 0.3, "supervised_network": 0.52, "gradient_boosting": 0.7}
REPRESENT = {"tables": ["label_efficiency"]}

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
    "answers": answered,
    "one answer": lambda write: write(of_table, {RHO: [0.5]}, [0], tables=["answers"]),
    "coverage": lambda write: write(of_table, {RHO: [0.0, 0.5], ROWS: [500, 2000]}, range(20)),
    "shares": lambda write: write(of_table, {SHARE: [0.25, 0.5, 1.0]}),
    "pairs": lambda write: write(of_table, {"dataset.pair": PAIRS}, [0], lost={1: "failed"}),
    "labels": lambda write: write(represented(SCORES), LABELS, **REPRESENT),
    "labels, one seed": lambda write: write(represented(SCORES, "test_balanced_accuracy"), LABELS, [0], **REPRESENT),
    "labels, settings": lambda write: write(
        represented({"raw_columns": 0.5, "infomax": 0.6}), LABELS | {"representation.dim": [2, 4]}, **REPRESENT
    ),
    "rows": of_rows(lambda x: x),
    "rows of classes": of_rows(lambda x: np.where(x > 0, "sick", "well")),
    "rows of many columns": of_rows(None, truth=False),
    "three columns": interacting(3),
    "eight columns": interacting(8),
    "lags": lambda write: write(of_lags, BOTH, [0]),
    "lags, seeds": lambda write: write(of_lags, {}, range(8)),
    "two columns": lambda write: write(of_directions(["prey", "predator"]), BOTH, [0]),
    "columns": lambda write: write(of_directions(["a", "a column with a long name", "b", "c", "d"]), {}, [0]),
    "many columns": lambda write: write(of_directions([f"c{i}" for i in range(20)]), BOTH, range(3)),
    "infinite": lambda write: write(infinite(of_table), {SHARE: [0.5, 1.0]}, [0]),
    "infinite pairs": lambda write: write(infinite(of_table), {"dataset.pair": PAIRS}, [0]),
    "three columns, infinite": lambda write: write(infinite(three_measures), BOTH, [0, 1]),
    "many pairs": lambda write: write(of_table, {"dataset.pair": [["target", f"c{i}"] for i in range(70)]}, [0]),
}


# The runs that say more of a plot: one line here for one that has any.
KINDS_OF = {
    "answer_coverage": ("one cell", "answers", "one answer"),
    "coverage": ("one cell", "failed", "coverage"),
    "extrapolation": ("one cell", "failed", "shares"),
    "label_efficiency": ("one cell", "failed", "labels", "labels, one seed", "labels, settings"),
    "forest": ("one cell", "sweep", "failed", "coverage", "pairs", "infinite"),
    "information_graph": ("one cell", "two columns", "columns", "many columns"),
    "mi_against_lag": ("one cell", "lags", "lags, seeds"),
    "pair_heat_map": ("one cell", "pairs", "many pairs", "infinite pairs"),
    "pair_intervals": ("one cell", "pairs", "many pairs", "infinite pairs"),
    "pointwise_profile": ("one cell", "rows", "rows of many columns"),
    "pointwise_rows": ("one cell", "rows", "rows of classes", "rows of many columns"),
    "o_information": ("one cell", "failed", "three columns", "eight columns", "three columns, infinite"),
    "estimate_heat_map": ("one cell", "sweep", "failed", "benchmark", "benchmark, very many", "sizes"),
    "error_against_samples": ("one cell", "sizes", "benchmark"),
    "error_against_seconds": ("one cell", "benchmark", "benchmark, very many", "sizes"),
    "gaussian_samples": ("one cell", "lost", "failed"),
    "estimate_against_step": ("lost", "one cell", "many"),
    "estimate_against_axis": ("sweep", "one cell", "many", "maximise"),
    "mi_and_mse_against_step": ("maximise, lost", "compare", "compare, one cell"),
    "method_comparison": ("maximise", "compare", "compare, one cell", "compare, groups"),
}


# A run of which each plot says something, where that is not the sweep.
SAYING = {
    "answer_coverage": "answers",
    "coverage": "coverage",
    "error_against_samples": "sizes",
    "error_against_seconds": "benchmark",
    "extrapolation": "shares",
    "information_graph": "columns",
    "label_efficiency": "labels",
    "mi_against_lag": "lags",
    "mi_and_mse_against_step": "compare",
    "method_comparison": "compare",
    "o_information": "eight columns",
    "pair_heat_map": "pairs",
    "pair_intervals": "pairs",
    "pointwise_profile": "rows",
    "pointwise_rows": "rows",
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in PLOTS for kind in KINDS_OF.get(name, ("one cell", "sweep", "failed"))]
)
def test_nothing_is_clipped_and_nothing_overlaps(name: str, kind: str, write: Write) -> None:
    figure = draw(name, KINDS[kind](write))
    figure.set_dpi(50)
    FigureCanvasAgg(figure)  # whose text has the sizes that it has in the file
    figure.draw_without_rendering()
    panels = {ax: ax.get_window_extent() for ax in figure.axes}
    titles = [figure._suptitle, *(ax.title for ax in panels)]
    labels = [text for ax in panels for text in (ax.xaxis.label, ax.yaxis.label, *ax.texts)]
    texts = [text for text in (*titles, *labels, *figure.legends) if isinstance(text, Legend) or text.get_text()]
    for text in texts:
        box = text.get_window_extent()
        assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) > -1, text
    for one, two in itertools.combinations([*panels.values(), *(t.get_window_extent() for t in titles)], 2):
        assert overlap(one, two) < 1
    for found, box in itertools.product(figure.legends, panels.values()):
        assert not found.get_window_extent().overlaps(box)
    assert all(min(b.width, b.height) > 30 for ax, b in panels.items() if ax.get_label() != "<colorbar>")


@pytest.mark.parametrize("name", PLOTS)
def test_the_title_says_what_was_run(name: str, write: Write) -> None:
    full = heading(draw(name, write(estimated(), {RHO: [0.2]}, history=trained)))
    assert "a_run, 3 seeds" in full
    assert "budget" not in full
    assert "variant" not in full
    lost = {0: "diverged", 2: "failed"}
    part = heading(draw(name, write(estimated(), {RHO: [0.2, 0.4, 1.0]}, [0], lost=lost, budget={"name": "smoke"})))
    assert "1 seed, budget smoke: no verdict, 1 of 3 trials diverged, 1 of 3 trials failed" in part


@pytest.mark.parametrize("name", PLOTS)
def test_the_title_of_somebodys_own_table_has_its_file(name: str, write: Write) -> None:
    run = write(of_table, {}, [0])
    columns = {"x": [{"column": f"c{i}"} for i in range(6)], "y": [{"column": "$pay$"}]}
    run.summary["data"] = columns | {"file": "/home/ada/$wages$.csv", "rows_used": 1421}
    full = heading(draw(name, run))
    assert r"\$wages\$.csv, 1,421 rows" in full
    assert r"x = c0, c1, c2, c3, ... (6); y = \$pay\$" in full.replace("\n", " ")
    assert not any(word in full for word in ("a_run", "variant", "seed"))
    of_pairs = write(of_table, {"dataset.pair": PAIRS})
    of_pairs.summary["data"] = run.summary["data"]
    full = heading(draw(name, of_pairs))
    assert r"\$wages\$.csv, 3 seeds" in full  # as pairs have different columns and may have different rows
    assert "c0" not in full


def test_the_title_says_the_variant_that_is_not_the_default(write: Write) -> None:
    assert "a_run, published variant, 3 seeds" in heading(draw("forest", write(of_table, variant="published")))


def test_names_of_numbers_of_labels_do_not_overprint(write: Write) -> None:
    labels = {"split.labels": [10, 30, 100, 300, 332]}
    figure = draw("label_efficiency", write(represented(SCORES), labels, **REPRESENT))
    for ax in figure.axes:
        assert [text.get_text() for text in ax.get_xticklabels()] == ["10", "30", "100", "", "332"]
        assert len(ax.get_xticks()) == 5


@pytest.mark.parametrize("name", PLOTS)
def test_settings_of_matplotlib_are_left_alone(name: str, write: Write) -> None:
    before = _settings()
    figure = draw(name, KINDS["maximise"](write))
    assert _settings() == before
    assert figure.get_facecolor() == (1, 1, 1, 1)


@pytest.mark.parametrize("name", [name for name in PLOTS if name != "selection_path"])
def test_marks_say_what_they_stand_for(name: str, write: Write) -> None:
    found = told(draw(name, KINDS[SAYING.get(name, "sweep")](write)))
    assert len(found) > 2
    assert all(value.quantity and value.value and (value.series or value.at) for _, _, value in found)
    assert len({value.texts for _, _, value in found}) == len(found)


def test_figures_can_be_drawn_in_threads(write: Write) -> None:
    run = write(estimated(), {RHO: [0.2, 0.4]}, history=trained, sampled=True)
    with ThreadPoolExecutor(3) as pool:
        figures = list(pool.map(lambda name: draw(name, run), PLOTS))
    assert len(figures) == len(PLOTS)


def test_neither_torch_nor_a_display_is_needed() -> None:
    modules = ", ".join(f"mi_cli.plots.{name}" for name in PLOTS)
    code = f"import sys, {modules}; print({{'torch', 'sklearn', 'matplotlib.pyplot'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _settings() -> dict[str, Any]:
    return {key: mpl.rcParams[key] for key in mpl.rcParams if key != "backend"}  # to read that one is to choose it
