"""Fonts for names in any script: those that are installed are tried in turn for letters that the first one lacks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib import font_manager

__all__ = ["any_script"]

_WIDE = (  # fonts with scripts that DejaVu Sans lacks, those of most scripts first
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK KR", "Noto Sans JP", "Noto Sans SC"),
    *(
        "Noto Sans TC",
        "Noto Sans KR",
        "Source Han Sans",
        "WenQuanYi Micro Hei",
        "WenQuanYi Zen Hei",
        "Droid Sans Fallback",
    ),
    *(
        "Arial Unicode MS",
        "PingFang SC",
        "Hiragino Sans",
        "Apple SD Gothic Neo",
        "Microsoft YaHei",
        "SimHei",
        "Yu Gothic",
    ),
    *("Meiryo", "MS Gothic", "Malgun Gothic", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil"),
    *("Nirmala UI", "Noto Sans Thai", "Leelawadee UI", "Noto Sans Hebrew", "Noto Sans Arabic", "Noto Sans Ethiopic"),
    *("Noto Sans Symbols", "Noto Sans Symbols 2", "Segoe UI Symbol", "Unifont", "GNU Unifont"),
)
_NO_GLYPH = r"(?s)(Glyph \d+ .* missing from|Matplotlib currently does not support .* natively)"


@contextmanager
def any_script() -> Iterator[None]:
    """Within it, text of figures is drawn by the first font that has its letters, and warns of none that no font has.

    Letters that no installed font has are boxes in a PNG. An SVG has its text as text, for which a browser finds fonts.
    """
    installed = {font.name for font in font_manager.fontManager.ttflist}
    family = [*mpl.rcParams["font.family"], *(name for name in _WIDE if name in installed)]
    with mpl.rc_context({"font.family": list(dict.fromkeys(family))}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", _NO_GLYPH, UserWarning)
        yield
