"""The plot ``estimate_heat_map``: estimates of all estimators on all tasks."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from plotted import (
    BENCHMARK,
    RHO,
    TASK,
    Fields,
    Write,
    benchmarked,
    draw,
    estimated,
    legend,
)


def cell_texts(figure: Figure) -> dict[tuple[int, int], str]:
    """What the squares of a heat map say, by row and column (0: the truth)."""
    places = [(text.get_position(), text.get_text()) for text in figure.axes[0].texts]
    return {(int(y), int(x)): text for (x, y), text in places}


def colours(figure: Figure) -> dict[tuple[int, int], str]:
    """Colours of the squares of a heat map, by row and column."""
    squares = [patch for patch in figure.axes[0].patches if patch.get_width() == 1]
    return {(int(p.get_y()), int(p.get_x())): mpl.colors.to_hex(p.get_facecolor()) for p in squares}


def test_numbers_marks_and_names(write: Write) -> None:
    figure = draw("estimate_heat_map", write(benchmarked, BENCHMARK))
    texts, ax = cell_texts(figure), figure.axes[0]
    assert [texts[row, 0] for row in range(3)] == ["0.00", "1.00", "4.00"]
    assert [texts[0, column] for column in range(1, 5)] == ["0.00 ✓"] * 4
    assert [texts[2, column] for column in range(1, 5)] == ["4.00 ✓", "3.60 ✓", "3.20", "2.80"]
    assert [texts[3, column] for column in range(1, 5)] == ["3 of 3", "3 of 3", "1 of 3", "1 of 3"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["independent", "normal", "large", "solved"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["true MI", "MINE", "DV", "ksg", "infonce"]


def test_colours_are_of_the_signed_error(write: Write) -> None:
    def rows(setting: dict[str, Any], seed: int) -> Fields:
        return {"mine": {"status": "ok", "true_mi": 1.0, "estimate": 1.0 + setting["training.lr"]}}

    offs = [-0.6, -0.3, -0.2, 0.0, 0.2, 0.3, 0.6]
    figure = draw("estimate_heat_map", write(rows, {"training.lr": offs}))
    found = [colours(figure)[0, column] for column in range(1, 8)]
    assert found == ["#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"]
    assert legend(figure)[0] == "below −50 %"
    assert legend(figure)[3] == "within 10 %"


def test_small_truths_do_not_blow_up_errors(write: Write) -> None:
    def rows(setting: dict[str, Any], seed: int) -> Fields:
        return {"mine": {"status": "ok", "true_mi": 0.0, "estimate": 0.1}}

    assert colours(draw("estimate_heat_map", write(rows, {})))[0, 1] == "#fddbc7"


def test_lost_trials_are_hatched_and_said(write: Write) -> None:
    lost = dict.fromkeys(range(3), "diverged") | dict.fromkeys((3, 4, 5), "failed") | {12: "diverged"}
    figure = draw("estimate_heat_map", write(benchmarked, BENCHMARK, lost=lost))
    texts = cell_texts(figure)
    assert [texts[0, 1], texts[0, 2], texts[1, 1]] == ["diverged", "failed", "1.00\n1 diverged"]
    hatched = [(int(p.get_y()), int(p.get_x())) for p in figure.axes[0].patches if p.get_hatch() and p.get_width()]
    assert hatched == [(0, 1), (0, 2), (1, 1)]
    assert legend(figure)[-1] == "trials lost"
    assert texts[3, 1] == "1 of 3"


def test_truths_that_are_infinite_or_unknown_have_no_colour(write: Write) -> None:
    figure = draw("estimate_heat_map", write(estimated(), {RHO: [0.6, 1.0]}))
    assert cell_texts(figure)[1, 0] == "∞"
    assert colours(figure)[1, 1] == "#e8e8e8"
    assert cell_texts(figure)[2, 1] == "1 of 1"


def test_methods_that_were_not_tried_on_a_task_are_empty(write: Write) -> None:
    def rows(setting: dict[str, Any], seed: int) -> Fields:
        found = benchmarked(setting, seed)
        return found if setting[TASK] == "normal" else found | {"mine_training": found["mine"]}

    figure = draw("estimate_heat_map", write(rows, {TASK: ["normal", "large"]}))
    assert cell_texts(figure)[0, 2] == "–"
