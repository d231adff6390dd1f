"""One self-contained HTML page of any set of runs, made from their records alone."""

from __future__ import annotations

import base64
import hashlib
import logging
import sys
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mi_cli.records.results import write_text
from mi_cli.report.collect import Collection, read
from mi_cli.report.page_view import view

__all__ = ["html", "leave", "write"]

log = logging.getLogger("mi_cli")

_HERE = Path(__file__).parent
_NAME = "report.html"


def html(found: Collection, refresh: float | None = None) -> str:
    """The page.

    Args:
        found: at least one run.
        refresh: after how many seconds the page is to load itself again; never, unless given.
    """
    style, script = (Markup((_HERE / f"page.{end}").read_text(encoding="utf-8")) for end in ("css", "js"))  # noqa: S704
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = _environment().get_template("page.html")
    text = template.render(view(found), style=style, script=script, digest=digest, refresh=refresh)
    return text.encode("utf-8", "replace").decode()  # JSON may hold halves of characters


def write(path: Path, found: Collection, refresh: float | None = None) -> None:
    """The page as a file."""
    write_text(path, html(found, refresh))


def leave(folder: Path) -> bool:
    """Leave a finished run's page in its folder, and say whether that worked; a fault is logged and costs no more."""
    try:
        write(folder / _NAME, Collection([read(folder)]))
    except Exception:
        log.exception("%s failed", _NAME)
        print(f"mi-run: {_NAME} failed; see {folder / 'run.log'}", file=sys.stderr)
        return False
    return True


@cache
def _environment() -> Environment:
    # What comes from files is text: everything is escaped, and in scripts as JSON that cannot end them.
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}
    return environment
