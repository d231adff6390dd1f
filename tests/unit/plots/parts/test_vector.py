"""Figures as SVG: small, the same bytes, text as text, values in titles."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure

from mi_cli.plots.parts.values import Value, tell
from mi_cli.plots.parts.vector import svg

SVG = "{http://www.w3.org/2000/svg}"


def figure(dots: int = 10, corners: int = 10) -> Figure:
    fig = Figure((4, 3), facecolor="white")
    ax = fig.add_axes((0.1, 0.1, 0.8, 0.8))
    random = np.random.default_rng(0)
    ax.scatter(*random.normal(size=(2, dots)), alpha=0.5)
    ax.plot(random.normal(size=corners), label="a line")
    ax.set_xlabel("x < y & z")
    tell(ax, 0.0, 0.0, Value("MI (nats)", "M<I>NE", "cost\n in \\$", "0.14", "[0.1, 0.2]"))
    fig.suptitle("What it shows\nand more")
    return fig


def test_bytes_are_the_same_and_name_nothing_of_the_machine() -> None:
    text = svg(figure())
    assert text == svg(figure())
    assert not any(word in text for word in ("date", "matplotlib", "DOCTYPE", "metadata"))


def test_text_is_text() -> None:
    root = ET.fromstring(svg(figure()))
    assert root.get("aria-label") == "What it shows"
    texts = [found.text for found in root.iter(f"{SVG}text")]
    assert "x < y & z" in texts
    assert "and more" in texts


def test_what_is_referred_to_is_there() -> None:
    root = ET.fromstring(svg(figure()))
    ids = [found.get("id") for found in root.iter() if found.get("id")]
    used = {found.get("href", "#")[1:] for found in root.iter(f"{SVG}use")}
    used |= {found.get("clip-path", "")[5:-1] for found in root.iter() if found.get("clip-path")}
    assert used == set(ids)
    assert len(ids) == len(set(ids))


def test_values_are_titles_with_fields_between_tabs() -> None:
    (circle,) = ET.fromstring(svg(figure())).iterfind(f"{SVG}g[@class='values']/{SVG}circle")
    assert circle.findtext(f"{SVG}title") == "M<I>NE\tcost in $\tMI (nats)\t0.14\t[0.1, 0.2]"
    assert 0 < float(circle.get("cx", "")) < 4 * 72


@pytest.mark.parametrize(("dots", "corners"), [(20_000, 10), (10, 50_000)])
def test_many_points_are_an_image_within_it(dots: int, corners: int) -> None:
    few, many = svg(figure()), svg(figure(dots, corners))
    assert "<image" not in few
    assert "data:image/png;base64" in many
    assert "x &lt; y" in many
    assert len(many) < 60_000
