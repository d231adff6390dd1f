"""The figures of a run as the page shows them: an image, what it shows, and the values of its marks as a table."""

from __future__ import annotations

import ast
import base64
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from mi_cli.registry.builtin import PLOTS

__all__ = ["figure", "vector"]

_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = "{http://www.w3.org/2000/svg}"
_FIELDS = ("series", "at", "quantity", "value", "interval")  # of a title in an SVG, as plots write them
_COLOURED = ("estimate_heat_map", "pair_heat_map", "pointwise_rows")  # their colours are values, on a dark page too
_NUMERIC = ("value", "interval")
_PIXELS = 96 / 72  # of a browser, for each point
_KEPT = " !$()*+,-./:;=?@[]_~'"  # of an SVG in an attribute of the page, beside letters and digits


def figure(path: Path) -> dict[str, Any]:
    """Return an image with its size in pixels, a description, and a table of its values.

    Args:
        path: of the PNG file. The SVG beside it is shown, where there is one.

    Returns:
        ``source`` is the image as a URL, empty where neither file is an image of its kind. ``numbers`` is a table, None
        where the figure does not say what its marks stand for.
    """
    drawn = _vector(path.with_suffix(".svg")) or _pixels(path)
    return {"name": path.stem, "about": _about(path.stem), "left_out": False} | drawn


def _pixels(path: Path) -> dict[str, Any]:
    """A PNG file. One that is no PNG image is not included."""
    data = path.read_bytes()
    if not data.startswith(_PNG):
        return {"file": path.name, "source": "", "size": None, "inverts": False, "numbers": None}
    size = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return {"file": path.name, "source": source, "size": size, "inverts": False, "numbers": None}


def _vector(path: Path) -> dict[str, Any] | None:
    """An SVG file; None where there is none, or it is no SVG. A browser runs nothing of an SVG that is an image."""
    try:
        return vector(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError, ET.ParseError):
        return None


def vector(text: str, file: str = "") -> dict[str, Any] | None:
    """Return what :func:`figure` does of an SVG document, without name and description; None for another document.

    Args:
        text: the document, as plots write it.
        file: that it is in.

    Raises:
        xml.etree.ElementTree.ParseError: it is no XML.
    """
    root = None if "<!" in text else ET.fromstring(text)  # noqa: S314 (without declarations, text cannot grow)
    size = _size(root) if root is not None and root.tag == f"{_SVG}svg" else None
    if root is None or size is None:
        return None
    values = _values(root, size)
    for group in root.findall(f"{_SVG}g[@class='values']"):
        root.remove(group)
    pixels = [round(_PIXELS * side) for side in size]
    return {
        "file": file,
        "source": _url(root),
        "size": pixels,
        "inverts": Path(file).stem not in _COLOURED,
        "numbers": values,
    }


def _size(root: ET.Element) -> tuple[float, float] | None:
    """The width and height of the view box."""
    try:
        _, _, width, height = map(float, root.get("viewBox", "").split())
    except ValueError:
        return None
    return (width, height) if width > 0 and height > 0 else None


def _values(root: ET.Element, size: tuple[float, float]) -> dict[str, Any] | None:
    """The titles of marks as a table without columns that are empty, with the places of the marks in percent."""
    rows, places = [], []
    for circle in root.iterfind(f"{_SVG}g[@class='values']/{_SVG}circle"):
        fields = (circle.findtext(f"{_SVG}title") or "").split("\t")
        try:
            at = [100 * float(circle.get(name, "")) / side for name, side in zip(("cx", "cy"), size, strict=True)]
        except ValueError:
            continue
        if len(fields) == len(_FIELDS):
            rows.append(fields)
            places.append(f"{at[0]:.2f} {at[1]:.2f}")
    if not rows:
        return None
    headings = {name: name for name in _FIELDS}
    column = _FIELDS.index("quantity")
    quantities = {row[column] for row in rows}
    if len(quantities) == 1:  # it heads the values, and needs no column
        headings["value"] = quantities.pop() or "value"
        for row in rows:
            row[column] = ""
    shown = [at for at in range(len(_FIELDS)) if any(row[at] for row in rows)]
    return {
        "columns": [headings[_FIELDS[at]] for at in shown],
        "numeric": [_FIELDS[at] in _NUMERIC for at in shown],
        "rows": [[row[at] for at in shown] for row in rows],
        "places": places,
    }


def _url(root: ET.Element) -> str:
    """An SVG as a URL that an attribute in double quotes can hold as it is."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
    root.set("xmlns", _SVG[1:-1])
    text = re.sub(r'="([^"\']*)"', r"='\1'", ET.tostring(root, encoding="unicode"))
    return f"data:image/svg+xml,{quote(text, safe=_KEPT)}"


@cache
def _about(plot: str) -> str:
    """The first sentence of a plot's module. It is parsed and not imported, since that would import matplotlib."""
    spec = importlib.util.find_spec(f"mi_cli.plots.{plot}") if plot in PLOTS else None
    if spec is None or spec.origin is None:
        return plot.replace("_", " ")
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or plot
    return " ".join(text.partition("\n\n")[0].split())
