"""Intervals as pictures."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from mi_cli.display.interval_svg import Drawn, intervals_svg


def drawn(*rows, **more):
    return ElementTree.fromstring(intervals_svg(rows, "nats", **more))


def circles(picture):
    return [float(circle.get("cx")) for circle in picture.iter("{http://www.w3.org/2000/svg}circle")]


def test_values_stand_where_the_axis_says():
    picture = drawn(Drawn("a", 0.0, 0.0, 2.0), Drawn("b", 1.0, 0.5, 1.5), Drawn("c", 2.0, 1.0, 2.0))
    left, middle, right = circles(picture)
    assert middle - left == right - middle > 50


def test_values_below_zero_are_on_the_axis():
    picture = drawn(Drawn("a", -1.0, -2.0, 0.0), Drawn("b", 0.0, -1.0, 2.0))
    low, zero = circles(picture)
    assert 0 < low < zero < float(picture.get("width"))


def test_infinite_ends_are_arrows_at_the_end_of_the_axis():
    text = intervals_svg([Drawn("", math.inf, 0.5, math.inf)], "nats")
    assert "nan" not in text
    assert "inf" not in re.sub("infinity", "", text)
    assert text.count("l6 5l-6 5") == 1


def test_the_text_alternative_has_the_numbers():
    picture = drawn(Drawn("auto", 0.25, 0.19, 0.31), Drawn("ksg", None, 0.1, 0.2), level=0.9)
    said = "auto: 0.25 nats (90 %: 0.19 to 0.31); ksg: 0.10 to 0.20 nats (90 %)"
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == said
    assert picture[0].text == said


def test_labels_are_escaped_and_cut():
    text = intervals_svg([Drawn("<b>&", 0.0), Drawn("x" * 40, 0.0)], "nats")
    assert "&lt;b&gt;&amp;" in text
    assert "<b>" not in text
    assert "x" * 16 + "…" in text


def test_colours_are_those_of_the_page():
    assert 'fill="currentColor"' in intervals_svg([Drawn("", 0.1)], "nats")
    assert 'stroke="currentColor"' in intervals_svg([Drawn("", 0.1)], "nats")
