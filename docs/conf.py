"""How Sphinx builds the site: ``python -m sphinx -W docs site``, after ``pip install '.[docs]'``.

The pages are those of this folder. Pages of reference are made from the configs and the code when the site is built.
Tutorials are text notebooks. jupytext, nbclient and MyST-NB execute and show them, since these need no network and no
page of their own format; ``notebooks.py`` starts them itself, so that two run side by side and each prints one text.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import accessible
import commands
import notebooks
import reference
from docutils.nodes import SkipNode
from latex2mathml.converter import convert

from mi_cli import __version__

project = "mi-run"
author = "the authors of mi-run"
release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["README.md", "tutorials/*.md"]
nb_execution_mode = "off"  # notebooks.py has executed them
html_theme = "furo"
html_title = "mi-run"
html_math_renderer = "mathml"
html_static_path: list[str] = []
html_show_sourcelink = False
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath", "colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True
napoleon_use_rtype = False
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def setup(app: Any) -> None:
    """Make the pages of reference and tutorials before Sphinx looks for pages, and lead links out of this folder."""
    app.add_html_math_renderer("mathml", (_inline_math, None), (_display_math, None))
    reference.write(Path(__file__).parent / "generated")
    with ThreadPoolExecutor() as pool:
        executed = pool.submit(commands.execute)  # waits for another process
        notebooks.execute(Path(__file__).parent / "tutorials")
        executed.result()
    app.connect("source-read", _lead_links)
    app.connect("build-finished", _mend)


def _mend(app: Any, error: Exception | None) -> None:
    """Mend the pages of a site that was built."""
    if error is None and app.builder.format == "html":
        accessible.mend(Path(app.outdir))


def _inline_math(translator: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers show without a script from elsewhere."""
    translator.body.append(convert(node.astext()))
    raise SkipNode


def _display_math(translator: Any, node: Any) -> None:
    """Write a formula that has lines of its own."""
    translator.body.append(f"<div>{convert(node.astext(), display='block')}</div>")
    raise SkipNode


def _lead_links(app: Any, name: str, source: list[str]) -> None:
    """Replace links to files beside this folder, which are right for who reads the pages where they lie."""
    del app
    if not name.startswith("generated/"):
        source[0] = reference.led(source[0])
