"""Results in HTML."""

from __future__ import annotations

from mi_cli.display.interval_svg import Drawn
from mi_cli.display.results import html_of


def test_lines_are_escaped_and_empty_ones_left_out():
    text = html_of("<MI>", [Drawn("", 0.1)], "nats", 0.95, ["a < b", "", "c"])
    assert "&lt;MI&gt;" in text
    assert "a &lt; b" in text
    assert text.count("max-width") == 2
    assert text.count("<svg") == 1


def test_without_a_value_there_is_no_picture():
    assert "<svg" not in html_of("failed", [], "nats", 0.95, [])
