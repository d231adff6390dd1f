"""The plot ``estimate_against_axis``: estimates against an axis of the sweep."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.colors import to_hex
from plotted import (
    RHO,
    Fields,
    Write,
    draw,
    estimated,
    heading,
    legend,
    lines,
    means,
    notes,
    truth,
)

from mi_cli.plots.parts import looks
from mi_cli.plots.parts.values import told


def test_estimates_truth_and_what_is_between(write: Write) -> None:
    rhos = [0.2, 0.6, 1.0]
    top, below = draw("estimate_against_axis", write(estimated(bias=0.1), {RHO: rhos})).axes
    (line,) = lines(top, "true MI")
    assert list(line.get_ydata()) == [pytest.approx(truth(rho)) for rho in line.get_xdata()]
    assert (min(line.get_xdata()), max(line.get_xdata())) == (pytest.approx(0.2), pytest.approx(0.992))
    assert len(line.get_xdata()) == 100
    assert means(top, "MINE") == [pytest.approx(truth(rho) + 0.11) for rho in (0.2, 0.6)]
    assert means(below, "MINE") == [pytest.approx(0.11)] * 2
    assert (top.get_ylabel(), below.get_ylabel()) == ("mutual information (nats)", "estimate − true MI (nats)")
    assert below.get_xlabel() == "correlation ρ of x and y"


def test_what_is_infinite_is_at_the_edge_and_flattens_nothing(write: Write) -> None:
    figure = draw("estimate_against_axis", write(estimated(bias=0.1), {RHO: [0.2, 0.6, 1.0]}))
    top = figure.axes[0]
    assert [text.get_text() for text in top.texts] == ["true MI = ∞ ↑", "5.11 ↑"]
    assert top.get_ylim()[1] < 1
    at_one = {value.series: (value.value, y) for _, y, value in told(figure) if value.at == "ρ = 1"}
    assert {series: value for series, (value, _) in at_one.items()} == {"true MI": "∞", "MINE": "5.11"}
    assert all(0 < y < 0.5 for _, y in at_one.values())


def test_estimates_of_an_infinite_mi_are_drawn_where_they_flatten_nothing(write: Write) -> None:
    rows = {RHO: [0.6, 0.9999, 1.0]}
    top = draw("estimate_against_axis", write(estimated(), rows)).axes[0]
    assert means(top, "MINE")[-1] == pytest.approx(5.01)


@pytest.mark.parametrize(
    ("claim", "panel", "ends"),
    [
        ({"kind": "equals_truth", "absolute": 0.1, "relative": 0.5}, 1, [-0.1 - truth(0.6) / 2, 0.1 + truth(0.6) / 2]),
        ({"kind": "below_truth"}, 1, [None, 0.0]),
        ({"kind": "within", "low": 0.1, "high": 0.3}, 0, [0.1, 0.3]),
    ],
)
def test_the_band_of_a_claim(write: Write, claim: Any, panel: int, ends: list[float | None]) -> None:
    claims = [claim | {"text": "it is near"}, {"text": "other", "kind": "within", "column": "test_mse", "high": 1}]
    run = write(estimated(bias=0.02), {RHO: [0.2, 0.6, 1.0]}, claims=claims)
    figure = draw("estimate_against_axis", run)
    bands = [[band for band in ax.collections if band.get_label() == "accepted by the claim"] for ax in figure.axes]
    (band,) = bands[panel]
    assert not bands[1 - panel]
    limits = figure.axes[panel].get_ylim()
    (path,) = band.get_paths()
    heights = sorted(y for x, y in path.vertices if x == 0.6)
    wanted = [limit if end is None else end for end, limit in zip(ends, limits, strict=True)]
    assert (heights[0], heights[-1]) == (pytest.approx(wanted[0]), pytest.approx(wanted[1]))
    verdict = run.summary["claims"][0]["verdict"]
    assert f"the claim {verdict.replace('undecided', 'is undecided')}: it is near" in heading(figure)


def test_bands_of_series_have_their_colours(write: Write) -> None:
    claims = [
        {"text": critic, "kind": "within", "where": {"estimator.critic": critic}, "high": 0.3}
        for critic in ("linear", "quadratic")
    ]
    run = write(estimated(), {RHO: [0.2, 0.6], "estimator.critic": ["linear", "quadratic"]}, claims=claims)
    figure = draw("estimate_against_axis", run)
    bands = [band for band in figure.axes[0].collections if "claim" in str(band.get_label())]
    colours = {band.get_label(): to_hex(band.get_facecolor()[0]).upper() for band in bands}
    assert colours == {f"accepted by claim {number + 1}": looks.PALETTE[number] for number in (0, 1)}


def test_the_legend_names_methods_in_their_colours(write: Write) -> None:
    figure = draw("estimate_against_axis", write(estimated(), {RHO: [0.2, 0.6], "estimator": ["dv", "mine"]}))
    assert legend(figure) == ["true MI", "DV", "MINE"]
    colours = [bars.lines[0].get_color() for bars in figure.axes[0].containers]
    assert colours == [looks.look("dv").colour, looks.look("mine").colour]


def test_methods_without_a_colour_of_their_own_differ(write: Write) -> None:
    axes = {RHO: [0.2, 0.6], "estimator": ["auto", "dv", "infonce", "ksg"]}
    figure = draw("estimate_against_axis", write(estimated(), axes))
    colours = [bars.lines[0].get_color() for bars in figure.axes[0].containers]
    assert len(set(colours)) == 4


def test_the_band_of_an_estimator_has_its_colour(write: Write) -> None:
    claims = [{"text": "it is near", "kind": "equals_truth", "where": {"estimator": "dv"}, "absolute": 0.1}]
    run = write(estimated(), {RHO: [0.2, 0.6], "estimator": ["dv", "mine"]}, claims=claims)
    below = draw("estimate_against_axis", run).axes[1]
    (band,) = [band for band in below.collections if band.get_label() == "accepted by the claim"]
    assert to_hex(band.get_facecolor()[0]).upper() == looks.look("dv").colour


def test_settings_of_one_method_have_different_looks(write: Write) -> None:
    axes = {RHO: [0.2, 0.6], "estimator.critic": ["linear", "quadratic"]}
    figure = draw("estimate_against_axis", write(estimated(), axes))
    assert legend(figure) == ["true MI", "critic = linear", "critic = quadratic"]


def test_settings_of_several_methods_keep_the_colour_of_the_method(write: Write) -> None:
    axes = {RHO: [0.2, 0.6], "estimator": ["dv", "mine"], "training.lr": [0.1, 0.01]}
    figure = draw("estimate_against_axis", write(estimated(), axes))
    assert "MINE, learning rate = 0.01" in legend(figure)
    bars = figure.axes[0].containers
    assert len({found.lines[0].get_color() for found in bars}) == 2
    assert len({found.lines[0].get_marker() for found in bars}) == 2


def test_the_truth_of_each_value_of_another_axis(write: Write) -> None:
    figure = draw("estimate_against_axis", write(estimated(), {"training.lr": [0.1, 0.01], RHO: [0.2, 0.6]}))
    for rho in (0.2, 0.6):
        (line,) = lines(figure.axes[0], f"true MI, ρ = {rho}")
        assert list(line.get_ydata()) == pytest.approx([truth(rho)] * 2)


def test_an_axis_of_words(write: Write) -> None:
    top, below = draw("estimate_against_axis", write(estimated(), {"estimator.product": ["shuffle", "none"]})).axes
    assert [label.get_text() for label in below.get_xticklabels()] == ["shuffle", "none"]
    assert below.get_xlim() == (-0.5, 1.5)
    assert means(top, "MINE") == [pytest.approx(truth(0.6) + 0.01)] * 2


def test_no_axis(write: Write) -> None:
    top, below = draw("estimate_against_axis", write(estimated(), {})).axes
    assert [label.get_text() for label in below.get_xticklabels()] == ["MINE"]
    assert len(means(top, "MINE")) == 1


def test_bars_are_over_seeds_or_over_rows_of_the_only_one(write: Write) -> None:
    several = draw("estimate_against_axis", write(estimated(), {RHO: [0.2, 0.6]}))
    alone = draw("estimate_against_axis", write(estimated(), {RHO: [0.2, 0.6]}, [0]))
    assert "over seeds" in heading(several)
    assert "over held-out rows" in heading(alone)
    (bars,) = alone.axes[0].containers
    (segment, _) = bars.lines[2][0].get_segments()
    assert segment[:, 1] == pytest.approx([truth(0.2) - 0.02, truth(0.2) + 0.02])


def test_lost_trials_leave_a_gap(write: Write) -> None:
    run = write(estimated(), {RHO: [0.2, 0.4, 0.6]}, [0, 1], lost={2: "diverged", 3: "failed"})
    top = draw("estimate_against_axis", run).axes[0]
    assert len(means(top, "MINE")) == 2


def test_an_estimate_gone_astray_does_not_set_the_scale(write: Write) -> None:
    def rows(setting: dict[str, Any], seed: int) -> Fields:
        return estimated(bias=-2e8 if setting["training.lr"] == 300 else 0)(setting, seed)

    top = draw("estimate_against_axis", write(rows, {"training.lr": [0.01, 300]})).axes[0]
    assert top.get_ylim()[0] > -1
    assert "−2e8" in notes(top)
