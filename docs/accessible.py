"""What the pages of the theme lack for people who use a keyboard or a screen reader."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["mend"]

_CHANGES = (
    (r'role="heading"(?! aria-level)', 'role="heading" aria-level="2"'),
    (r'<aside class="sidebar-drawer"', '<aside class="sidebar-drawer" aria-label="All pages"'),
    (r'<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
    (r"</head>", '<link rel="icon" href="data:,"></head>'),  # or browsers ask for an icon, in vain
    (r"<pre>", '<pre tabindex="0">'),  # wide ones are scrolled
    (r"<div class=\"(table|math)-wrapper", r"<div tabindex=\"0\" class=\"\1-wrapper"),
)


def mend(folder: Path) -> None:
    """Mend every page of a site in place."""
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for pattern, better in _CHANGES:
            text = re.sub(pattern, better, text)
        if "<h1" not in text:
            text = re.sub(r'<article role="main"[^>]*>', r'\g<0><h1 class="visually-hidden">mi-run</h1>', text)
        path.write_text(text, encoding="utf-8")
