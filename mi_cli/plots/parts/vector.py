"""A figure as a small SVG: sharp at any size, the same bytes for the same figure, many points as an image within it."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from mi_cli.plots.parts.fonts import any_script
from mi_cli.plots.parts.values import told

__all__ = ["svg"]

_MANY_DOTS = 300  # of a scatter plot: more are drawn as an image, since each takes some 100 bytes
_MANY_CORNERS = (
    20_000  # of all lines of a figure: then long lines are drawn as an image, since each takes some 12 bytes
)
_LONG = 200  # corners of a line
_IMAGE_DPI = 200  # two pixels of an image for each pixel of most screens
_IMAGE_COLOURS = 256  # which take a third of the bytes
_PNG = "data:image/png;base64,"
_REACH = 6  # points of 1/72 inch around a mark
_FONTS = "'DejaVu Sans',Verdana,sans-serif"  # the last ones are nowhere wider than the first, which sets the layout
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}"
_DROPPED = ("metadata", "style")


def svg(figure: Figure) -> str:
    """Return a figure as an SVG document.

    Its text is text, so that it can be read, searched and edited, in a fraction of the bytes that outlines take. A mark
    whose value was told (:mod:`mi_cli.plots.parts.values`) has an invisible circle around it, whose title is that value
    with tabs between its fields. The document has no date, and its identifiers are numbered.
    """
    _rasterise(figure)
    file = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mi-run"}), any_script():
        figure.set_dpi(_IMAGE_DPI)
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})
    root = ET.fromstring(file.getvalue())  # noqa: S314 (it comes from the line above)
    _shrink(root)
    _add_values(root, figure)
    root.set("role", "img")
    title = figure.get_suptitle()
    if title:
        root.set("aria-label", title.partition("\n")[0])
    return ET.tostring(root, encoding="unicode")


def _rasterise(figure: Figure) -> None:
    """Have marks and lines drawn as images where they are too many for a small file."""
    many: list[Artist] = [
        dots for dots in figure.findobj(PathCollection) if len(np.asarray(dots.get_offsets())) > _MANY_DOTS
    ]
    lines = [(line, np.size(np.asarray(line.get_xdata(orig=False)))) for line in figure.findobj(Line2D)]
    if sum(corners for _, corners in lines) > _MANY_CORNERS:
        many += [line for line, corners in lines if corners > _LONG]
    for artist in many:
        artist.set_rasterized(True)


def _shrink(root: ET.Element) -> None:
    """Drop what a browser does not need: names of groups, digits, repeated styles, white space."""
    ids: dict[str, str] = {}
    styles: dict[str, str] = {}
    _shrink_inside(root, ids, styles)
    rules = "".join(f".{name}{{{style}}}" for style, name in styles.items())
    style = ET.Element("style")
    style.text = f"*{{stroke-linejoin:round;stroke-linecap:butt}}{rules}"
    root.insert(0, style)
    root.set("xmlns", _NAMESPACE[1:-1])
    root.tag = "svg"
    for element in root.iter():
        name = ids.get(element.attrib.pop("id", ""))
        if name:
            element.set("id", name)


def _shrink_inside(parent: ET.Element, ids: dict[str, str], styles: dict[str, str]) -> None:
    children: list[ET.Element] = []
    for child in parent:
        child.tag = child.tag.removeprefix(_NAMESPACE)
        child.tail = None
        if child.tag in _DROPPED:
            continue
        _shrink_inside(child, ids, styles)
        _shrink_attributes(child, ids, styles)
        bare = child.tag == "g" and not set(child.attrib) - {"id"}
        if child.tag != "text" and not (child.text or "").strip():
            child.text = None
        if child.tag == "defs" and not len(child):
            continue
        children += [*child] if bare else [child]
    parent[:] = children
    if parent.tag != "text" and not (parent.text or "").strip():
        parent.text = None


def _shrink_attributes(element: ET.Element, ids: dict[str, str], styles: dict[str, str]) -> None:
    for name, text in [*element.attrib.items()]:
        if name == f"{_XLINK}href":
            del element.attrib[name]
            element.set("href", _small_image(text) if text.startswith(_PNG) else _reference(text, ids))
        elif name == "clip-path":
            element.set(name, f"url({_reference(text[4:-1], ids)})")
        elif name == "style":
            del element.attrib[name]
            style = re.sub(r"'DejaVu Sans', [^;]*sans-serif", _FONTS, text)
            style = re.sub(r"([:;]) ", r"\1", style)
            element.set("class", styles.setdefault(style, f"s{len(styles)}"))
        elif name == "transform" and element.tag == "text":
            text = re.sub(r"rotate\(-?0 [^)]*\)", "", text)
            element.set(name, _rounded(text))
            if not text:
                del element.attrib[name]
        elif name in ("d", "x", "y", "width", "height") and element.tag != "image":
            element.set(name, _rounded(text))
    if element.tag == "path":
        path = re.sub(r"\s*([A-Za-z])\s*", r"\1", " ".join(element.get("d", "").split()))
        element.set("d", path)


def _reference(text: str, ids: dict[str, str]) -> str:
    """The new name of an element that another one refers to."""
    return "#" + ids.setdefault(text[1:], f"i{len(ids)}")


def _rounded(text: str) -> str:
    """A text whose numbers have two digits behind the point, which are 1/7200 of an inch."""
    return _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)


def _small_image(data: str) -> str:
    """A PNG image with a palette, where that is smaller."""
    before, after = base64.b64decode(data.removeprefix(_PNG)), io.BytesIO()
    with Image.open(io.BytesIO(before)) as image:
        image.convert("RGBA").quantize(_IMAGE_COLOURS, Image.Quantize.FASTOCTREE).save(after, "PNG", optimize=True)
    return _PNG + base64.b64encode(min(before, after.getvalue(), key=len)).decode()


def _add_values(root: ET.Element, figure: Figure) -> None:
    """Add a circle around each mark whose value was told."""
    values = told(figure)
    if not values:
        return
    width, height = (72 * float(size) for size in figure.get_size_inches())
    group = ET.SubElement(root, "g", {"class": "values", "fill": "none", "pointer-events": "all"})
    for x, y, value in values:
        at = {"cx": f"{x * width:.1f}", "cy": f"{y * height:.1f}", "r": str(_REACH)}
        ET.SubElement(ET.SubElement(group, "circle", at), "title").text = "\t".join(map(_one_line, value.texts))


def _one_line(text: str) -> str:
    """A text without tabs, line breaks, and the escapes that matplotlib needs."""
    return " ".join(text.replace(r"\$", "$").split())
