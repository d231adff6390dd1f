"""Figures of the page: drawings that are images, with their values as tables."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from runs import DOT, leave_run

from mi_cli.report import page
from mi_cli.report.collect import collect
from mi_cli.report.page_figures import figure

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 150"><style>.a{fill:#0072b2}</style>'
    '<text class="a">it\'s 5 % &amp; more &lt; all</text><g class="values">'
    '<circle cx="75" cy="75" r="6"><title>MINE\tρ = 0\tMI (nats)\t0.14\t[0.1, 0.2]</title></circle>'
    '<circle cx="150" cy="0" r="6"><title>DV &lt;b&gt;\tρ = 0\tMI (nats)\t∞\t</title></circle></g></svg>'
)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "mine.png").write_bytes(DOT)
    (tmp_path / "mine.svg").write_text(DRAWING, encoding="utf-8")
    return tmp_path / "mine.png"


def test_the_drawing_is_shown_and_not_the_pixels(path):
    found = figure(path)
    assert (found["file"], found["inverts"], found["size"]) == ("mine.svg", True, [400, 200])
    kind, _, drawn = found["source"].partition(",")
    assert kind == "data:image/svg+xml"
    assert not re.search('[<>"&#%](?![0-9A-F]{2})', drawn)
    assert "it's 5 % &amp; more &lt; all" in unquote(drawn)
    assert "circle" not in unquote(drawn)


def test_colours_that_are_values_stay_on_a_dark_page(path):
    assert figure(path)["inverts"]
    for end in ("png", "svg"):
        path.with_suffix(f".{end}").rename(path.with_name(f"pair_heat_map.{end}"))
    assert not figure(path.with_name("pair_heat_map.png"))["inverts"]


def test_values_are_a_table_with_places_in_percent(path):
    numbers = figure(path)["numbers"]
    assert numbers["columns"] == ["series", "at", "MI (nats)", "interval"]
    assert numbers["rows"] == [["MINE", "ρ = 0", "0.14", "[0.1, 0.2]"], ["DV <b>", "ρ = 0", "∞", ""]]
    assert numbers["places"] == ["25.00 50.00", "50.00 0.00"]


def test_quantities_are_a_column_where_they_differ(path):
    path.with_suffix(".svg").write_text(DRAWING.replace("MI (nats)\t0", "share\t0"), encoding="utf-8")
    assert figure(path)["numbers"]["columns"] == ["series", "at", "quantity", "value", "interval"]


@pytest.mark.parametrize(
    "text",
    [
        "of somebody",
        '<!DOCTYPE svg [<!ENTITY a "aa">]>' + DRAWING,
        DRAWING.replace("300 150", "a b"),
        "<svg/>",
        DRAWING[:-9],
    ],
)
def test_a_file_that_is_no_drawing_is_not_shown(path, text):
    path.with_suffix(".svg").write_text(text, encoding="utf-8")
    assert (figure(path)["file"], figure(path)["numbers"]) == ("mine.png", None)


def test_a_hostile_drawing_stays_an_image(tmp_path):
    bad = DRAWING.replace("<text", '<script>alert(1)</script><image href="https://a.b/c" onload="alert(2)"/><text')
    (leave_run(tmp_path / "a") / "plots" / "forest.svg").write_text(bad, encoding="utf-8")
    text = page.html(collect([tmp_path]))
    assert text.count("<script") == 2
    (source,) = re.findall('<img src="([^"]*alert[^"]*)"', text)
    assert text.replace(source, "").count("alert(") == text.replace(source, "").count("https:") == 0
    assert re.search(r"<th scope=\"row\">DV &lt;b&gt;</th>\s*<td>ρ = 0</td>\s*<td class=\"number\">∞</td>", text)
    assert 'data-at="50.00 0.00"' in text
    assert "Its values are in the table below it." in text
