"""One self-contained HTML page of any set of runs, made from their records alone."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from mi_cli.records.finished import attempt
from mi_cli.records.results import write_text
from mi_cli.report.collect import Collection
from mi_cli.report.page_size import MOST_BYTES, choose_figures, is_large, packed
from mi_cli.report.page_view import view
from mi_cli.report.recorded_run import read

__all__ = ["html", "write", "write_in_run"]

_HERE = Path(__file__).parent
_NAME = "report.html"
_JSON: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}


def html(collection: Collection, refresh: float | None = None) -> str:
    """Return the page as HTML.

    Args:
        collection: at least one run.
        refresh: seconds after which the page loads itself again; never, unless given.
    """
    style, script = (Markup((_HERE / f"page.{end}").read_text(encoding="utf-8")) for end in ("css", "js"))  # noqa: S704
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = _environment().get_template("page.html")
    values = view(collection) | {"style": style, "script": script, "digest": digest, "refresh": refresh}
    rows = htmlsafe_json_dumps(values["results"], dumps=json.dumps, **_JSON)
    shared = sum(len(figure["source"]) for figure in (values["together"] or {}).get("figures", ()))
    values |= {"rows": rows, "packs": is_large(values["runs"], len(rows) + shared)}

    def render() -> str:
        return template.render(values).encode("utf-8", "replace").decode()  # text from JSON may hold lone surrogates

    if values["packs"]:
        choose_figures(values["runs"], 0)
        choose_figures(values["runs"], MOST_BYTES - len(render().encode()))
    return render()


def write(path: Path, collection: Collection, refresh: float | None = None) -> None:
    """Write the page to a file; for the arguments see :func:`html`."""
    write_text(path, html(collection, refresh))


def write_in_run(folder: Path) -> bool:
    """Write the page of a finished run to ``report.html`` in its folder; whether that worked."""
    return attempt(_NAME, folder, lambda: write(folder / _NAME, Collection([read(folder)])))


@cache
def _environment() -> Environment:
    # Text from files is escaped everywhere; in scripts it is JSON that cannot end them.
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
    )
    environment.filters["packed"] = packed
    return environment
