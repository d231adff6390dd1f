"""Pages of the site that are made from configs and code: experiments, options, and the files beside this folder."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from mi_cli.registry.lookup import section_class
from mi_cli.schema.groups import GROUPS

__all__ = ["led", "write"]

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PUBLIC = {
    "Estimate": ("mi_cli.estimate", "mi_cli.Answer", "mi_cli.Estimate", "mi_cli.ConfigError"),
    "Represent and select": ("mi_cli.InfoMaxEncoder", "mi_cli.load_encoder", "mi_cli.MISelector"),
    "Extend": ("mi_cli.Estimator", "mi_cli.Dataset", "mi_cli.Procedure"),
}


def write(folder: Path) -> None:
    """Write all pages to a folder, which is made if need be. A page that is as it was is left alone."""
    folder.mkdir(exist_ok=True)
    pages = {
        "experiments.md": "\n".join(_experiments()),
        "options.md": "\n".join(_options()),
        "api.md": "\n".join(_api()),
    }
    pages |= {name.lower(): _beside((ROOT / name).read_text(encoding="utf-8")) for name in BESIDE}
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def led(text: str) -> str:
    """The text of a page of this folder, with its links to files beside the folder led to the pages of these."""
    for name in BESIDE:
        text = text.replace(f"](../{name})", f"](generated/{name.lower()})")
    return re.sub(r"\[([^\]]*)\]\(\.\./(tests/[^)]*)\)", r"`\1`", text)


def _beside(text: str) -> str:
    """The text of a file beside this folder, with its links led to pages."""
    text = re.sub(r"\]\(docs/", "](../", text)
    for name in BESIDE:
        text = text.replace(f"]({name})", f"]({name.lower()})")
    return text


def _experiments() -> Iterator[str]:
    """Every experiment: what it asks, how it is run, and its config."""
    yield "# All experiments\n"
    yield "Each is a file in `configs/experiment/`, shown here whole.\n"
    yield "`mi-run experiment=NAME --cfg job` prints it with all its settings.\n"
    for path in sorted((CONFIGS / "experiment").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        yield f"## {path.stem}\n"
        yield f"{' '.join(str(yaml.safe_load(text).get('summary', '')).split())}\n"
        yield f"```yaml\n{text.rstrip()}\n```\n"


def _options() -> Iterator[str]:
    """Every option of every group: what it is, and its fields with their defaults."""
    yield "# All options\n"
    yield "An option is chosen by `GROUP=OPTION`, and a field of it is set by `GROUP.FIELD=VALUE`.\n"
    for group in GROUPS:
        yield f"## {group}\n"
        for path in sorted((CONFIGS / group).glob("*.yaml")):
            yield f"### {group}={path.stem}\n"
            if about := _about(group, path.stem):
                yield f"{about}\n"
            yield f"```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```\n"


def _about(group: str, name: str) -> str:
    """The first paragraph of the docstring of an option's class, where its name chooses one."""
    try:
        found = section_class(group, name)
    except KeyError:  # of a group whose options are settings of one class
        return ""
    first = (inspect.getdoc(found) or "").partition("\n\n")[0] if found else ""
    return " ".join(first.replace("``", "`").split())


def _api() -> Iterator[str]:
    """What people import."""
    yield "# Python reference\n"
    yield "[Python](../python.md) has examples.\n"
    for title, names in PUBLIC.items():
        yield f"## {title}\n"
        for name in names:
            kind = "autofunction" if name.rpartition(".")[2].islower() else "autoclass"
            members = ":members:\n" if kind == "autoclass" else ""
            yield f"```{{eval-rst}}\n.. {kind}:: {name}\n" + ("   :members:\n" if members else "") + "```\n"
