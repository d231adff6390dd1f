"""The plot ``pair_intervals``: pairs of columns, the largest MI first."""

from __future__ import annotations

import math
from typing import Any

from plotted import Fields, Write, draw, heading, legend

PAIRS = [["target", name] for name in ("b", "a", "d", "c")]
VALUES = {"a": 0.5, "b": 0.25, "c": 0.013, "d": 0.4}


def rows(setting: dict[str, Any], seed: int) -> Fields:
    value = VALUES[setting["dataset.pair"][1]]
    fields = {"status": "ok", "estimate": value, "ci_low": value - 0.05, "ci_high": value + 0.05}
    return {"dv": fields | {"p_value": 1e-6 if value > 0.1 else 0.4}}


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_largest_is_first_with_its_numbers(write: Write) -> None:
    figure = draw("pair_intervals", write(rows, {"dataset.pair": PAIRS}, [0]))
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "d", "b", "c"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first is at the top
    assert texts(figure)[:2] == ["0.500", "[0.450, 0.550]"]
    assert texts(figure)[-1] == "[−0.037, 0.063]"
    assert "Mutual information of target and each other column" in heading(figure)
    assert ax.get_xlabel() == "mutual information (nats)"


def test_significant_pairs_are_filled(write: Write) -> None:
    figure = draw("pair_intervals", write(rows, {"dataset.pair": PAIRS}, [0]))
    assert legend(figure) == ["p ≤ 0.05 after Holm's correction", "p > 0.05 after Holm's correction"]
    sure, unsure = figure.axes[0].containers
    assert sure.lines[0].get_ydata().tolist() == [0, 1, 2]
    assert unsure.lines[0].get_markerfacecolor() == "white"


def test_pairs_without_p_values_are_not_called_insignificant(write: Write) -> None:
    def without(setting: dict[str, Any], seed: int) -> Fields:
        return {"dv": rows(setting, seed)["dv"] | {"p_value": None}}

    assert legend(draw("pair_intervals", write(without, {"dataset.pair": PAIRS}, [0]))) == ["no p-value"]


def test_names_of_both_columns_where_none_is_shared_and_bits(write: Write) -> None:
    pairs = [["a", "b"], ["c", "d"]]
    figure = draw("pair_intervals", write(rows, {"dataset.pair": pairs}, [0], units="bits"))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["c – d", "a – b"]
    assert texts(figure)[0] == f"{0.4 / math.log(2):.3f}"
    assert figure.axes[0].get_xlabel() == "mutual information (bits)"


def test_an_infinite_value_is_at_the_edge_and_flattens_nothing(write: Write) -> None:
    def infinite(setting: dict[str, Any], seed: int) -> Fields:
        found = rows(setting, seed)
        if setting["dataset.pair"][1] == "a":
            found["dv"] |= dict.fromkeys(("estimate", "ci_low", "ci_high"), math.inf)
        return found

    figure = draw("pair_intervals", write(infinite, {"dataset.pair": PAIRS}, [0]))
    assert texts(figure)[:3] == ["∞ →", "∞", "[∞, ∞]"]
    assert 0.4 < figure.axes[0].get_xlim()[1] < 0.6


def test_of_very_many_pairs_the_first_are_drawn(write: Write) -> None:
    def many(setting: dict[str, Any], seed: int) -> Fields:
        return {"dv": {"status": "ok", "estimate": 0.1, "ci_low": 0.05, "ci_high": 0.2, "p_value": 0.01}}

    figure = draw("pair_intervals", write(many, {"dataset.pair": [["y", f"c{i}"] for i in range(100)]}, [0]))
    assert len(figure.axes[0].get_yticklabels()) == 80
    assert "the first 80 of 100 pairs" in heading(figure)
