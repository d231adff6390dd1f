"""Names of columns in figures: pairs as words, long names without their middle, letters that no font has."""

from __future__ import annotations

import itertools
import warnings

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from plotted import draw

from mi_cli.plots import mi_against_lag
from mi_cli.plots.parts import fonts, labels, scales
from mi_cli.plots.parts.settings import Setting
from mi_cli.plots.parts.vector import svg

LONG = "a_very_long_column_name_that_goes_on_and_on_mmHg"
COLUMNS = ["zeta", "体重 (kg)", "alpha", LONG]


def measured(setting, seed):
    ends = {"ci_low": 0.1, "ci_high": 0.3, "lower": 0.12, "p_value": 0.001}
    return {"dv": {"status": "ok", "kind": "lower bound", "estimate": 0.2} | ends}


@pytest.fixture
def pairs(write):
    return write(measured, {"dataset.pair": [[*pair] for pair in itertools.combinations(COLUMNS, 2)]}, [0])


def test_a_pair_is_two_names_and_not_json():
    pair = f'["{LONG}", "b"]'
    assert labels.setting_label(Setting((("dataset.pair", pair),))) == f"pair = {LONG} – b"
    assert labels.value_label("dataset.pair", pair, 9) == "a_ve…mmHg – b"
    assert labels.value_label("dataset.pair", "[1, 2, 3]") == "[1, 2, 3]"


def test_the_heat_map_keeps_the_order_of_the_columns(pairs):
    ax = draw("pair_heat_map", pairs).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == [*map(labels.short, COLUMNS)]
    assert len(labels.short(LONG)) == 28


def test_many_names_are_upright_and_some_are_left_out():
    values = [f'["column_{i}", "column_{j}"]' for i, j in itertools.combinations(range(15), 2)]
    ax = Figure((6.4, 3.0)).subplots()
    scales.sweep_ticks(ax, "dataset.pair", values)
    ticks = ax.get_xticklabels()
    assert {label.get_rotation() for label in ticks} == {90.0}
    assert ticks[0].get_text() == "column_0 – column_1"
    assert 20 < len(ticks) < 60 < len(values)
    few = Figure((6.4, 3.0)).subplots()
    scales.sweep_ticks(few, "dataset.pair", values[:2])
    assert [label.get_rotation() for label in few.get_xticklabels()] == [0.0, 0.0]


def test_letters_that_no_font_has_warn_of_nothing_and_are_text_in_an_svg():
    before = list(mpl.rcParams["font.family"])
    figure = Figure()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fonts.any_script():
            figure.suptitle("体重 \U0001fae8 \U000e0041")
            FigureCanvasAgg(figure).draw()
        assert "体重" in svg(figure)
    assert mpl.rcParams["font.family"] == before


def test_installed_fonts_of_other_scripts_are_tried(monkeypatch):
    fakes = [type("Font", (), {"name": name}) for name in ("Noto Sans CJK JP", "Comic Sans")]
    monkeypatch.setattr(fonts.font_manager.fontManager, "ttflist", fakes)
    with fonts.any_script():
        assert mpl.rcParams["font.family"][1:] == ["Noto Sans CJK JP"]


@pytest.mark.parametrize("last", [1, 5, 13, 20, 47])
def test_no_tick_lies_beyond_the_last_lag(last):
    ticks = mi_against_lag._ticks([*range(last + 1)])
    assert ticks[0] == 0
    assert ticks[-1] <= last
    assert len(ticks) > 1
